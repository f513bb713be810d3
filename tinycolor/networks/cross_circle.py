"""Cross or circle? The survey's first network: find features, pool, find features of features, pool, vote.

picture -> [3x3 convolution, ReLU, 2x2 max-pool] -> [the same] -> fully connected -> two votes in (0, 1)
"""

from __future__ import annotations

from tinycolor import init
from tinycolor.backend import Array
from tinycolor.layers.activation import ReLU, Sigmoid
from tinycolor.layers.base import Closure
from tinycolor.layers.combine import Sequential
from tinycolor.layers.conv import Conv2d
from tinycolor.layers.linear import Flatten, Linear
from tinycolor.layers.pool import MaxPool2d
from tinycolor.networks.network import Network
from tinycolor.ops.shapes import positive
from tinycolor.random import Generator


class CrossCircleCNN(Network):
    """Two sigmoid votes, one for cross and one for circle, x (N, size, size, 1) to y (N, 2) in 0..1.

    The votes are independent, not shares that sum to 1: a picture may look like neither. Train with
    ``losses.bce`` and Adam.

    Parameters
    ----------
    size : int
        Height and width of the pictures, divisible by 4.
    channels : (int, int)
        Number of filters in the two convolutions.
    seed : int
        Which first weights (He).

    Source: B. Rohrer, "How do convolutional neural networks work?", 2016; survey, section 2.3. Ours differs: the
    sums are not divided by the number of pixels, and each filter has a bias.
    """

    @init.draws_weights()
    def __init__(self, size: int = 28, channels: tuple[int, int] = (8, 16), *, seed: int = 0) -> None:
        if size % 4 or size < 4:
            raise ValueError(f"CrossCircleCNN got size={size}, expected a multiple of 4.")
        first, second = (positive(count, "CrossCircleCNN channels") for count in channels)
        self.options = {"size": positive(size, "CrossCircleCNN size"), "channels": (first, second)}
        self.size = size
        self.stages = Sequential(
            Conv2d(1, first, 3, padding=1),
            ReLU(),
            MaxPool2d(2),
            Conv2d(first, second, 3, padding=1),
            ReLU(),
            MaxPool2d(2),
            Flatten(),
            Linear((size // 4) ** 2 * second, 2),
            Sigmoid(),
        )
        init.he_normal(self, Generator(seed))

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", self.size, self.size, 1)
        return self.stages(x, mode=mode, rng=rng)
