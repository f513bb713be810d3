"""pix2pix: from one picture to another. A U-Net that draws, and a discriminator that looks at patches.

    x ---------------------------- skip ---------------------------> y
      64, 1/2 --------------------- skip -------------------- 64, 1/2
        128, 1/4 ------------------ skip ---------------- 128, 1/4
          256, 1/8 ---------------- skip ------------ 256, 1/8
            512, 1/16 ------------- skip -------- 512, 1/16
              512, 1/32 ----------- skip ------ 512, 1/32
                512, 1/64 --------- skip ---- 512, 1/64
                  512, 1/128 ------ skip -- 512, 1/128
                           512, 1/256

Down by 4x4 convolutions of stride 2, up by their transposes. Without the skips it is an encoder-decoder: all that is
known of where things are must pass through the deepest map, which is one pixel for a picture of 256 x 256.

The discriminator, PatchGAN, gives a logit for every patch of 70 x 70 pixels, real or made: the L1 loss already sees to
the picture as a whole, so it need only look at detail.
"""

from __future__ import annotations

from collections.abc import Callable

from tinycolor import init
from tinycolor.backend import Array
from tinycolor.layers.activation import LeakyReLU, ReLU, Tanh
from tinycolor.layers.base import Closure, Layer
from tinycolor.layers.block import ConvNormAct
from tinycolor.layers.combine import Concat, Sequential
from tinycolor.layers.conv import Conv2d, ConvTranspose2d
from tinycolor.layers.dropout import Dropout
from tinycolor.layers.norm import BatchNorm2d, InstanceNorm2d
from tinycolor.networks.colorizer import Colorizer
from tinycolor.networks.network import Network
from tinycolor.networks.unet import CopyAndCrop
from tinycolor.ops.shapes import positive
from tinycolor.random import Generator

DEEPEST = 12  # halvings: of 4096 pixels one is left
MOST = 8  # times the base width: so many channels the deep maps have
SLOPE = 0.2
NORMS: dict[str, Callable[[int], Layer]] = {"batch": BatchNorm2d, "instance": InstanceNorm2d}


class Pix2PixGenerator(Colorizer):
    """Make one picture of another, x (N, H, W, in_channels) to y (N, H, W, out_channels), both -1..1.

    Per level a 4x4 convolution of stride 2 on the way down, LeakyReLU 0.2 before it and a norm behind it, and on the
    way up its transpose, ReLU before it and a norm behind it. The outermost have no norm, nor has the innermost
    convolution: of a map of one pixel, batch norm would leave nothing but zeros. Tanh at the end. Its only noise is
    dropout. Train with ``training.adversarial``.

    Parameters
    ----------
    in_channels, out_channels : int
        1 and 2 for L* to a*b*, 3 and 3 for RGB to RGB.
    levels : int
        How often the picture is halved, 2 to 12: 8 for 256 x 256, 7 for 128 x 128. H and W must divide by
        ``2**levels``.
    base_width : int
        Channels of the first map; they double until there are 8 times as many.
    skips : bool
        Without, the encoder-decoder of the paper's comparison.
    norm : {"batch", "instance"}
        What normalises. Instance norm has no scales and shifts here, as in the authors' PyTorch.
    dropout_style : {"pytorch", "lua"}
        Where half of the units are dropped on the way up: behind all levels but the first and the last four (the
        authors' PyTorch: of 5 levels or fewer, behind none), or behind the first three, the last excepted (their Lua).
    size : int
        Height and width of the pictures that it is made for; ``2**levels`` if None.
    seed : int
        Which first weights: N(0, 0.02**2), and N(1, 0.02**2) for the scales of the norms.

    Raises
    ------
    ValueError
        An unknown norm or style, too few or too many levels, or a picture (or ``size``) that cannot be halved so often.

    Source: P. Isola, J.-Y. Zhu, T. Zhou, A. Efros, "Image-to-image translation with conditional adversarial networks",
    CVPR 2017, section 6.1.1 and its errata. At 8 levels it has 54,413,955 weights for 3 to 3 channels, as the authors'
    PyTorch, and 39,075,459 without skips. Only the last convolution has a bias; their Lua has one in each.
    """

    @init.draws_weights()
    def __init__(
        self,
        in_channels: int = 1,
        out_channels: int = 2,
        levels: int = 8,
        base_width: int = 64,
        skips: bool = True,
        norm: str = "batch",
        dropout_style: str = "pytorch",
        *,
        size: int | None = None,
        seed: int = 0,
    ) -> None:
        if norm not in NORMS:
            raise ValueError(f"Pix2PixGenerator got norm={norm!r}, expected 'batch' or 'instance'.")
        if dropout_style not in ("pytorch", "lua"):
            raise ValueError(f"Pix2PixGenerator got dropout_style={dropout_style!r}, expected 'pytorch' or 'lua'.")
        if not 2 <= positive(levels, "Pix2PixGenerator levels") <= DEEPEST:
            raise ValueError(f"Pix2PixGenerator got levels={levels}, expected 2 to {DEEPEST}.")
        self.multiple = 2**levels
        self.options = {
            "in_channels": positive(in_channels, "Pix2PixGenerator in_channels"),
            "out_channels": positive(out_channels, "Pix2PixGenerator out_channels"),
            "levels": levels,
            "base_width": positive(base_width, "Pix2PixGenerator base_width"),
            "skips": bool(skips),
            "norm": norm,
            "dropout_style": dropout_style,
            "size": positive(self.multiple if size is None else size, "Pix2PixGenerator size"),
        }
        self.in_channels, self.size = in_channels, self.options["size"]
        if self.size % self.multiple:
            raise ValueError(f"Pix2PixGenerator got size={size}, expected a multiple of {self.multiple}.")
        self.skips, self.norm = skips, norm
        widths = [base_width * min(2**level, MOST) for level in range(levels)]
        dropped = range(levels - 3, levels) if dropout_style == "lua" else range(4, levels - 1)
        doubled = 2 if skips else 1
        self.layers = Sequential(
            Conv2d(in_channels, widths[0], 4, stride=2, padding=1, bias=False),
            self._level(widths, 1, dropped),
            ReLU(),
            ConvTranspose2d(doubled * widths[0], out_channels, 4, stride=2, padding=1),
            Tanh(),
        )
        draw_weights(self, Generator(seed))

    @property
    def local(self) -> Layer | None:
        return self if self.norm == "batch" else None

    def question(self, lightness: Array) -> Array:
        if (self.in_channels, self.options["out_channels"]) != (1, 2):
            raise ValueError(
                f"{self.name} has {self.in_channels} inputs and {self.options['out_channels']} answers, expected L* "
                "alone and a*, b* to colour: take one that was trained to colour, or tinycolor translate."
            )
        return super().question(lightness)

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_picture(x)
        return self.layers(x, mode=mode, rng=rng)

    def _level(self, widths: list[int], depth: int, dropped: range) -> Layer:
        """Return what halves the maps of a depth and all that lies deeper, with its way back up."""
        innermost = depth == len(widths) - 1
        doubled = 1 if innermost or not self.skips else 2
        down = [LeakyReLU(SLOPE), Conv2d(widths[depth - 1], widths[depth], 4, stride=2, padding=1, bias=False)]
        deeper = [] if innermost else [NORMS[self.norm](widths[depth]), self._level(widths, depth + 1, dropped)]
        up = [
            ReLU(),
            ConvTranspose2d(doubled * widths[depth], widths[depth - 1], 4, stride=2, padding=1, bias=False),
            NORMS[self.norm](widths[depth - 1]),
        ]
        around = Sequential(*down, *deeper, *up, *([Dropout(0.5)] if depth in dropped else []))
        return CopyAndCrop(around, offset=0) if self.skips else around


class PatchDiscriminator(Network):
    """Tell real patches from made ones: pictures (N, H, W, ...) side by side to logits (N, h, w, 1), one per patch.

    4x4 convolutions with LeakyReLU 0.2: ``layers`` of stride 2, then two of stride 1, all padded by 1; batch norm in
    all but the first and the last. So a logit sees 16, 34, 70, 142 or 286 pixels along each side for 1 to 5 layers.
    With ``layers=0``, PixelGAN, three 1x1 convolutions see a pixel each.

    Parameters
    ----------
    in_channels : int
        Of all pictures together: for pix2pix those of x and of y, which go in as ``discriminator(x, y)``.
    layers : int
        How many convolutions halve the picture, 0 to 12: 3 in the paper.
    base_width : int
        Filters of the first convolution; they double until there are 8 times as many.
    seed : int
        Which first weights: as Pix2PixGenerator.

    Raises
    ------
    ValueError
        Too few or too many layers, pictures of different sizes, or so small that no whole window is left.

    Source: as Pix2PixGenerator, section 6.1.2. For 6 channels and 3 layers it has 2,768,705 weights. PixelGAN's
    last convolution has a bias here, the authors' has none.
    """

    @init.draws_weights()
    def __init__(self, in_channels: int = 3, layers: int = 3, base_width: int = 64, *, seed: int = 0) -> None:
        if layers not in range(DEEPEST + 1):
            raise ValueError(f"PatchDiscriminator got layers={layers}, expected 0 to {DEEPEST}.")
        self.options = {
            "in_channels": positive(in_channels, "PatchDiscriminator in_channels"),
            "layers": layers,
            "base_width": positive(base_width, "PatchDiscriminator base_width"),
        }
        self.in_channels, self.size = in_channels, 256
        self.side_by_side = Concat()
        widths = [base_width * min(2**number, MOST) for number in range(layers + 1 if layers else 2)]
        side, padding = (4, 1) if layers else (1, 0)
        blocks = []
        for number, width in enumerate(widths):
            stride = 2 if number < layers else 1
            norm = "batch" if number else None
            block = ConvNormAct(
                in_channels, width, side, stride=stride, padding=padding, norm=norm, activation="leaky_relu"
            )
            blocks.append(block)
            in_channels = width
        self.blocks = Sequential(*blocks, Conv2d(in_channels, 1, side, padding=padding))
        draw_weights(self, Generator(seed))

    def forward(self, *xs: Array, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        pictures, taken_apart = self.side_by_side(*xs, mode=mode, rng=rng)
        self.check_shape(pictures, "N", "H", "W", self.in_channels)
        logits, blocks_backward = self.blocks(pictures, mode=mode, rng=rng)

        def backward(dy: Array) -> Array | tuple[Array, ...]:
            return taken_apart(blocks_backward(dy))

        return logits, backward


def draw_weights(network: Network, rng: Generator) -> None:
    """Give a network its first weights: N(0, 0.02**2), the scales of its norms N(1, 0.02**2)."""
    init.normal(network, rng, std=0.02)
    for _, layer in network.walk():
        if isinstance(layer, BatchNorm2d):
            layer.weight.data = rng.normal(layer.weight.data.shape, mean=1, std=0.02)
