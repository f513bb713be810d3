"""U-Net: what is at each pixel? Down to see what the picture shows, up again to see where.

    572 570 568 ------------------- crop to 392 -------------------> 392 390 388  scores
        pool                                                       up
        284 282 280 --------------- crop to 200 ---------------> 200 198 196
            pool                                               up
            140 138 136 ----------- crop to 104 -----------> 104 102 100
                pool                                       up
                68 66 64 ---------- crop to 56 ----------> 56 54 52
                    pool                               up
                    32 30 28 --------------------------

The numbers are heights and widths: every 3x3 convolution takes a border of one pixel away, so that each answer rests on
real pixels alone. Channels: 64, 128, 256, 512 and 1024 from the top down. What comes up says what, what comes across
says where, and two convolutions make one of both.
"""

from __future__ import annotations

from tinycolor import init
from tinycolor.backend import Array, array_module
from tinycolor.layers.base import Closure, Layer
from tinycolor.layers.block import ConvNormAct
from tinycolor.layers.combine import Sequential
from tinycolor.layers.conv import Conv2d, ConvTranspose2d
from tinycolor.layers.pool import MaxPool2d
from tinycolor.layers.upsample import Upsample
from tinycolor.networks.colorizer import Colorizer
from tinycolor.networks.network import scale, scaled
from tinycolor.ops.crop import crop_dx
from tinycolor.ops.mirror import mirror
from tinycolor.ops.shapes import positive
from tinycolor.random import Generator

CHANNELS = (64, 128, 256, 512, 1024)
SMALLEST = {"valid": 188, "same": 16}  # an answer of 4 x 4 pixels, and a deepest map of 1


class UNet(Colorizer):
    """Scores of classes at each pixel, or its colour, x (N, H, W, in_channels) to y (N, H', W', classes).

    Per level two 3x3 convolutions with ReLU; 2x2 max-pool between levels; on the way up an enlargement x2, and
    before its channels those of the same level on the way down. A 1x1 convolution at the end. Train with
    ``losses.cross_entropy``, with ``data.border_weights`` for cells that touch; for colour with ``losses.mse``.

    ``padding="valid"`` is the paper's: H' = H - 184, W' = W - 184, and H and W must be 188, 204, 220, ...; to colour,
    it mirrors the picture beyond its edges. ``padding="same"`` takes any size from 16 and gives it back.
    ``overlap_tiles.predict_in_tiles`` takes any size with both, a large one piece by piece.

    Parameters
    ----------
    in_channels, classes : int
        1 and 2 for grey pictures of cells, and for L* to a*b*; 3 for colour photos.
    padding : {"valid", "same"}
        No border, or one of zeros around each map.
    batch_norm : bool
        Normalise between each convolution and its ReLU; the convolutions then have no bias.
    upsample : {"deconv", "nearest", "bilinear"}
        The paper's 2x2 up-convolution, or interpolation. That has no weights to halve the channels with, so the
        last convolution of the level below does it, and the deepest level has 512 channels for 1024.
    width : float
        Factor on the number of hidden channels, rounded down, at least 1.
    size : int
        Height and width of the pictures that it is made for; 572 in the paper.
    seed : int
        Which first weights: He's, as in the paper; smaller ones with batch norm, see ``init.uniform``.

    Raises
    ------
    ValueError
        An unknown padding or upsample, or a picture (or ``size``) that the padding does not fit.

    Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015, figure 1: 31,030,658 weights. With 3 inputs,
    ``padding="same"`` and ``batch_norm=True`` it is github.com/milesial/Pytorch-UNet, 31,037,698 weights, and
    17,263,042 when interpolating. Ours differs: the paper drops units at the end of the way down, which is left out
    here and there; bilinear interpolation keeps the outermost pixel edges in place, not the centres as there, so
    that what a pixel's answer is made of does not depend on the size of the picture.
    """

    multiple = 2 ** (len(CHANNELS) - 1)

    @init.draws_weights()
    def __init__(
        self,
        in_channels: int = 1,
        classes: int = 2,
        padding: str = "valid",
        batch_norm: bool = False,
        upsample: str = "deconv",
        width: float = 1.0,
        *,
        size: int = 572,
        seed: int = 0,
    ) -> None:
        if padding not in SMALLEST:
            raise ValueError(f"UNet got padding={padding!r}, expected 'valid' or 'same'.")
        if upsample not in ("deconv", "nearest", "bilinear"):
            raise ValueError(f"UNet got upsample={upsample!r}, expected 'deconv', 'nearest' or 'bilinear'.")
        self.options = {
            "in_channels": positive(in_channels, "UNet in_channels"),
            "classes": positive(classes, "UNet classes"),
            "padding": padding,
            "batch_norm": batch_norm,
            "upsample": upsample,
            "width": scale(width, "UNet width"),
            "size": positive(size, "UNet size"),
        }
        self.in_channels, self.size, self.padding, self.upsample = in_channels, size, padding, upsample
        self.norm = "batch" if batch_norm else None
        self._check_size(size, size)
        channels = tuple(scaled(count, width) for count in CHANNELS)
        self.levels = self._level(in_channels, channels, channels[0])
        self.head = Conv2d(channels[0], classes, 1)
        # A batch norm takes the size of weights out again, and from smaller ones Adam turns sooner.
        (init.uniform if batch_norm else init.he_normal)(self, Generator(seed))

    @property
    def border(self) -> int:
        """How many pixels of a picture get no answer, at each of its edges."""
        return self._lost(len(CHANNELS)) // 2

    def fitting(self, side: int) -> int:
        """Return the smallest height or width, from ``side`` on, that the network takes."""
        smallest = SMALLEST[self.padding]
        if self.padding == "same" or side <= smallest:
            return max(side, smallest)
        return side + (smallest - side) % self.multiple

    def question(self, lightness: Array) -> Array:
        if (self.in_channels, self.options["classes"]) != (1, 2):
            raise ValueError(
                f"{self.name} has {self.in_channels} inputs and {self.options['classes']} answers, expected L* alone "
                "and a*, b* to colour: take a network that was trained to."
            )
        return super().question(lightness)

    def paint(self, lightness: Array, *, mode: str = "eval") -> Array:
        """Return a* and b*, (N, H, W, 2), of pictures L* 0..100; without padding, they are mirrored at their edges."""
        height, width = lightness.shape[1:3]
        sides = self.fitting(height + 2 * self.border), self.fitting(width + 2 * self.border)
        return super().paint(mirror(lightness, self.border, sides), mode=mode)[:, :height, :width]

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", "H", "W", self.in_channels)
        self._check_size(*x.shape[1:3])
        features, levels_backward = self.levels(x, mode=mode, rng=rng)
        y, head_backward = self.head(features, mode=mode, rng=rng)

        def backward(dy: Array) -> Array:
            return levels_backward(head_backward(dy))

        return y, backward

    def _level(self, inputs: int, channels: tuple[int, ...], outputs: int) -> Sequential:
        """Return one level of the U with all that lies below it; ``channels`` are theirs."""
        own, below = channels[0], channels[1:]
        if not below:
            return self._two_convolutions(inputs, outputs, outputs)
        learned = self.upsample == "deconv"
        come_up = below[0] if learned else own
        deeper = Sequential(
            MaxPool2d(2),
            self._level(own, below, come_up),
            ConvTranspose2d(come_up, own, 2, stride=2) if learned else Upsample(2, self.upsample),
        )
        return Sequential(
            self._two_convolutions(inputs, own, own),
            CopyAndCrop(deeper, offset=self._lost(len(below))),
            self._two_convolutions(2 * own, own, outputs),
        )

    def _two_convolutions(self, inputs: int, between: int, outputs: int) -> Sequential:
        padding = 1 if self.padding == "same" else 0
        return Sequential(
            ConvNormAct(inputs, between, 3, padding=padding, norm=self.norm),
            ConvNormAct(between, outputs, 3, padding=padding, norm=self.norm),
        )

    def _lost(self, levels: int) -> int:
        """Return how many rows are lost in so many levels: 4 in two convolutions, and below one row is two."""
        if self.padding == "same":
            return 0
        return 4 if levels == 1 else 4 + 2 * self._lost(levels - 1) + 4

    def _check_size(self, height: int, width: int) -> None:
        larger = self.fitting(height), self.fitting(width)
        if larger == (height, width):
            return
        got = f"{self.name} got pictures of {height} x {width}, expected"
        if self.padding == "same":
            raise ValueError(f"{got} at least {SMALLEST['same']} x {SMALLEST['same']}.")
        smaller = self.fitting(height - self.multiple + 1), self.fitting(width - self.multiple + 1)
        cut = f"cut them to {smaller[0]} x {smaller[1]} or " if smaller[0] <= height and smaller[1] <= width else ""
        raise ValueError(f"{got} sides of 188, 204, 220, ...: {cut}mirror them out to {larger[0]} x {larger[1]}.")


class CopyAndCrop(Layer):
    """A way through all that lies deeper, and before it, as further channels, x itself; x (N, H, W, C).

    Forward: ``y = concat(crop(x), deeper(x))``, y (N, H - 2*offset, W - 2*offset, C + deeper's). Where H or W was odd,
    pooling lost the last row or column, and zeros take its place. Backward: dy is split at the same place; the first
    part gets zeros around where it was cropped, and what comes back through the second is added.

    Parameters
    ----------
    deeper : Layer
        From x to maps of this size, or one pixel less.
    offset : int
        How many rows and columns of x to cut off at each edge.
    """

    def __init__(self, deeper: Layer, offset: int) -> None:
        self.deeper, self.offset = deeper, offset

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        below, deeper_backward = self.deeper(x, mode=mode, rng=rng)
        (n, h, w, channels), (_, rows, columns, more_channels) = x.shape, below.shape
        inside = slice(self.offset, h - self.offset), slice(self.offset, w - self.offset)
        y = array_module(x).empty((n, h - 2 * self.offset, w - 2 * self.offset, channels + more_channels), x.dtype)
        y[..., :channels] = x[:, *inside]
        y[:, :rows, :columns, channels:] = below
        y[:, rows:, :, channels:] = 0
        y[:, :, columns:, channels:] = 0

        def backward(dy: Array) -> Array:
            dx, across = deeper_backward(dy[:, :rows, :columns, channels:]), dy[..., :channels]
            return dx + (crop_dx(across, self.offset, (n, h, w, channels)) if self.offset else across)

        return y, backward
