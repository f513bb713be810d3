"""VGG-16: what is in the picture? Nothing but 3x3 convolutions, and more of them than anyone had stacked before.

                     224 x 224 x 3
    block 1   conv conv          pool   112 x 112 x  64
    block 2   conv conv          pool    56 x  56 x 128
    block 3   conv conv conv     pool    28 x  28 x 256
    block 4   conv conv conv     pool    14 x  14 x 512
    block 5   conv conv conv     pool     7 x   7 x 512
    head      4096, 4096, one score per class

Two 3x3 convolutions see 5x5 pixels and three see 7x7, with fewer weights than one large filter and more bends.
"""

from __future__ import annotations

from tinycolor import init
from tinycolor.backend import Array
from tinycolor.layers.activation import ReLU
from tinycolor.layers.adaptive_pool import AdaptiveAvgPool2d
from tinycolor.layers.base import Closure, Layer
from tinycolor.layers.combine import Sequential
from tinycolor.layers.conv import Conv2d
from tinycolor.layers.dropout import Dropout
from tinycolor.layers.linear import Flatten, Linear
from tinycolor.layers.norm import BatchNorm2d
from tinycolor.layers.pool import MaxPool2d
from tinycolor.networks.network import Network, scale, scaled
from tinycolor.ops.shapes import positive
from tinycolor.random import Generator

CHANNELS = (64, 128, 256, 512, 512)
CONVOLUTIONS = (2, 2, 3, 3, 3)
HIDDEN = 4096
MAP = 7  # height and width of the last map at 224
SMALLEST = 32  # five times halved is one pixel


class VGG16(Network):
    """Scores of what is in a picture, x (N, H, W, 3) to y (N, classes); H and W at least 32.

    Thirteen 3x3 convolutions and three fully connected layers, configuration D of the paper; 138,357,544 weights.
    Train with ``losses.cross_entropy``. In ``train`` mode the head drops half its hidden units: hand down an ``rng``.

    Parameters
    ----------
    classes : int
        1000 for ImageNet.
    batch_norm : bool
        Normalise between each convolution and its ReLU: 138,365,992 weights.
    width : float
        Factor on the number of hidden channels, rounded down, at least 1.
    seed : int
        Which first weights (He's).

    Source: K. Simonyan, A. Zisserman, "Very deep convolutional networks for large-scale image recognition", ICLR
    2015, table 1. Ours differs, as torchvision's does: the last map is averaged to 7x7, so that it takes any size
    and not 224 alone; batch norm is of later date, and keeps the biases in front of it. He's weights replace the
    paper's training in stages, each from a shallower network.
    """

    @init.draws_weights()
    def __init__(self, classes: int = 1000, batch_norm: bool = False, width: float = 1.0, *, seed: int = 0) -> None:
        self.options = {
            "classes": positive(classes, "VGG16 classes"),
            "batch_norm": batch_norm,
            "width": scale(width, "VGG16 width"),
        }
        self.in_channels, self.size = 3, 224
        self.blocks = Sequential(*vgg_blocks(width, batch_norm))
        hidden = scaled(HIDDEN, width)
        self.head = Sequential(
            AdaptiveAvgPool2d(MAP),
            Flatten(),
            Linear(MAP * MAP * scaled(CHANNELS[-1], width), hidden),
            ReLU(),
            Dropout(0.5),
            Linear(hidden, hidden),
            ReLU(),
            Dropout(0.5),
            Linear(hidden, classes),
        )
        init.he_normal(self, Generator(seed))

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", "H", "W", 3)
        if min(x.shape[1:3]) < SMALLEST:
            raise ValueError(
                f"{self.name} got pictures of {x.shape[1]} x {x.shape[2]}, expected at least {SMALLEST} x {SMALLEST}."
            )
        features, blocks_backward = self.blocks(x, mode=mode, rng=rng)
        y, head_backward = self.head(features, mode=mode, rng=rng)

        def backward(dy: Array) -> Array:
            return blocks_backward(head_backward(dy))

        return y, backward


def vgg_blocks(width: float, batch_norm: bool = False, *, border: int = 1, ceil_mode: bool = False) -> list[Sequential]:
    """Return the five blocks, x (N, H, W, 3) to y (N, H/32, W/32, 512 * width).

    ``border`` is the padding of the first convolution; with ``ceil_mode`` an odd row or column is not lost in pooling.
    """
    blocks: list[Sequential] = []
    inputs = 3
    for channels, convolutions in zip(CHANNELS, CONVOLUTIONS, strict=True):
        layers: list[Layer] = []
        for _ in range(convolutions):
            layers.append(Conv2d(inputs, scaled(channels, width), 3, padding=1 if blocks or layers else border))
            layers += [BatchNorm2d(scaled(channels, width))] if batch_norm else []
            layers.append(ReLU())
            inputs = scaled(channels, width)
        blocks.append(Sequential(*layers, MaxPool2d(2, ceil_mode=ceil_mode)))
    return blocks
