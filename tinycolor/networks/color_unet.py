"""A small colorizer in the form of a U: down to see what the picture shows, up again to paint it, pixel by pixel.

L* --> block ------------- skip ------------> block --> 1x1 --> a*b*
         pool                              up
           block --------- skip -------> block
             pool                      up
               block ----- skip ---> block
                 pool              up
                   ---- block ----
"""

from __future__ import annotations

from tinycolor import init
from tinycolor.backend import Array
from tinycolor.layers.base import Closure
from tinycolor.layers.block import ConvNormAct
from tinycolor.layers.combine import Sequential, Skip
from tinycolor.layers.conv import Conv2d
from tinycolor.layers.pool import MaxPool2d
from tinycolor.layers.upsample import Upsample
from tinycolor.networks.colorizer import Colorizer
from tinycolor.ops.shapes import positive
from tinycolor.random import Generator


class ColorUNet(Colorizer):
    """Predict colour from lightness, x (N, H, W, in_channels) to y (N, H, W, out_channels).

    Per level two 3x3 ConvNormAct (batch norm, ReLU); 2x2 max-pool between levels; on the way up nearest x2, beside
    it the skip of that level, and two such blocks; a 1x1 convolution with bias at the end. Train with
    ``losses.mse`` and Adam.

    Parameters
    ----------
    in_channels, out_channels : int
        1 and 2 for L* to a*b*.
    widths : tuple of int
        Channels of each level, from full size down; H and W must divide by 2**(levels - 1).
    size : int
        Shorter side of the pictures that it is trained on, divisible likewise. It takes any size; ``tc.colorize``
        shrinks photos to this one.
    seed : int
        Which first weights: He's, and in the last layer N(0, 0.01**2).

    Source: after O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015. Ours differs: padded convolutions,
    batch norm, nearest upsampling for up-convolutions, and colour for classes.
    """

    @init.draws_weights()
    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 2,
        widths: tuple[int, ...] = (32, 64, 128, 256),
        *,
        size: int = 64,
        seed: int = 0,
    ) -> None:
        if not widths:
            raise ValueError("ColorUNet got no widths, expected the channels of at least one level.")
        self.options = {
            "in_channels": positive(in_channels, "ColorUNet in_channels"),
            "out_channels": positive(out_channels, "ColorUNet out_channels"),
            "widths": tuple(positive(width, "ColorUNet widths") for width in widths),
            "size": positive(size, "ColorUNet size"),
        }
        self.multiple = 2 ** (len(widths) - 1)
        if size % self.multiple:
            raise ValueError(f"ColorUNet got size={size}, expected a multiple of {self.multiple}.")
        self.in_channels, self.size = in_channels, size
        self.levels = level(in_channels, widths)
        self.head = Conv2d(widths[0], out_channels, 1)
        rng = Generator(seed)
        init.he_normal(self, rng)
        # Its first answers are close to grey, which is a better start than loud colours.
        init.normal(self.head, rng, std=0.01)

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_picture(x)
        features, levels_backward = self.levels(x, mode=mode, rng=rng)
        y, head_backward = self.head(features, mode=mode, rng=rng)

        def backward(dy: Array) -> Array:
            return levels_backward(head_backward(dy))

        return y, backward


def level(in_channels: int, widths: tuple[int, ...]) -> Sequential:
    """Return one level of the U with all that lies below it."""
    width, below = widths[0], widths[1:]
    if not below:
        return two_blocks(in_channels, width)
    return Sequential(
        two_blocks(in_channels, width),
        Skip(MaxPool2d(2), level(width, below), Upsample(2)),
        two_blocks(below[0] + width, width),
    )


def two_blocks(in_channels: int, width: int) -> Sequential:
    """Return two 3x3 convolutions, each with batch norm and ReLU."""
    return Sequential(
        ConvNormAct(in_channels, width, 3, padding=1),
        ConvNormAct(width, width, 3, padding=1),
    )
