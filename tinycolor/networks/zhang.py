"""Zhang, Isola and Efros: colour as a choice among 313 bins, so that an apple may be red or green, and not brown.

                                                     H   x W   L*
    conv1    64   64, /2                             H/2 x W/2
    conv2   128  128, /2                             H/4 x W/4
    conv3   256  256  256, /2                        H/8 x W/8
    conv4   512  512  512                            H/8 x W/8
    conv5   512  512  512, every second pixel        H/8 x W/8
    conv6   512  512  512, every second pixel        H/8 x W/8
    conv7   512  512  512                            H/8 x W/8
    conv8   256, x2   256  256                       H/4 x W/4
    1x1     313 scores, or a* and b*                 H/4 x W/4 --> colours, x4 --> H x W

All filters are 3x3 but for the last and the one that doubles. There is no pooling: the last convolution of a block
skips every second place (/2), or the filters look at every second pixel only (dilation), which widens what they see.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinycolor import init
from tinycolor.backend import Array, constant
from tinycolor.color.ab_bins import AB_BINS, nearest_bin, rebalancing_weights, smoothed_distribution
from tinycolor.color.soft_code import annealed_mean, soft_encode
from tinycolor.color.spaces import lab_of
from tinycolor.data.lightness import HALF_LIGHTNESS, LARGEST_AB
from tinycolor.layers.activation import ReLU
from tinycolor.layers.base import Closure, Layer
from tinycolor.layers.combine import Sequential
from tinycolor.layers.conv import Conv2d, ConvTranspose2d
from tinycolor.layers.norm import BatchNorm2d
from tinycolor.losses import cross_entropy
from tinycolor.networks.colorizer import Colorizer
from tinycolor.networks.network import scale, scaled
from tinycolor.ops.shapes import positive
from tinycolor.ops.upsample import upsample_bilinear
from tinycolor.random import Generator

CHANNELS = (64, 128, 256, 512)
SHRINK = 4  # pixels of the picture along the side of one answer


class EightBlocks(Colorizer):
    """What both have in common, x (N, H, W, 1) to y (N, H/4, W/4, answers); H and W divide by 8.

    x is ``(L* - 50) / 100``, -0.5..0.5.

    Parameters
    ----------
    width : float
        Factor on the number of hidden channels, rounded down, at least 1.
    size : int
        Shorter side of the pictures that it is trained on, divisible by 8. It takes any size; ``tc.colorize``
        shrinks photos to this one, and widens what does not divide.
    seed : int
        Which first weights: He's, and N(0, 0.01**2) where answers are made.

    Source: R. Zhang, P. Isola, A. Efros, "Colorful Image Colorization", ECCV 2016, figure 2; strides, dilations and
    input as in the authors' release, github.com/richzhang/colorization. Batch norm comes after the last ReLU of a
    block; it has a scale and a shift as in their PyTorch port, while their Caffe original has none. Ours differs:
    first weights are He's, not fitted to data by k-means; and as the answer for four by four pixels it learns the
    colour of one in their middle, not of their first, because that is where ``colours`` puts it.
    """

    in_channels = 1
    multiple = 8
    answers: int

    @init.draws_weights()
    def __init__(self, width: float = 1.0, *, size: int = 176, seed: int = 0) -> None:
        kind = type(self).__name__
        self.options = {"width": scale(width, f"{kind} width"), "size": positive(size, f"{kind} size")}
        if size % self.multiple:
            raise ValueError(f"{kind} got size={size}, expected a multiple of {self.multiple}.")
        self.size = size
        first, second, third, widest = (scaled(channels, width) for channels in CHANNELS)
        self.blocks = Sequential(
            block(self.in_channels, first, first, stride=2),
            block(first, second, second, stride=2),
            block(second, third, third, third, stride=2),
            block(third, widest, widest, widest),
            block(widest, widest, widest, widest, dilation=2),
            block(widest, widest, widest, widest, dilation=2),
            block(widest, widest, widest, widest),
            doubling_block(widest, third),
        )
        self.head = Conv2d(third, self.answers, 1)
        rng = Generator(seed)
        init.he_normal(self, rng)
        # Its first answers are close to grey, or to all colours alike, which is a better start than loud ones.
        init.normal(self.head, rng, std=0.01)

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_picture(x)
        features, blocks_backward = self.blocks(x, mode=mode, rng=rng)
        y, head_backward = self.head(features, mode=mode, rng=rng)

        def backward(dy: Array) -> Array:
            return blocks_backward(head_backward(dy))

        return y, backward

    def question(self, lightness: Array) -> Array:
        return (lightness - HALF_LIGHTNESS) / 100


class Zhang(EightBlocks):
    """Scores of the 313 ab bins for every fourth pixel, 32,230,393 weights in convolutions.

    Train with ``losses.cross_entropy``, or with ``rebalanced_cross_entropy`` so that rare colours count more.

    Parameters
    ----------
    width, size, seed
        See ``EightBlocks``.
    neighbours : int
        Among how many bins a true colour is shared: 5 in the paper, 10 in the release.
    temperature : float
        T of ``annealed_mean``, which makes one colour of the scores. It needs no training: set
        ``network.temperature`` to another at any time. 1 gives dull means, near 0 vivid patches.

    Source: see ``EightBlocks``. As in the release, the colours are enlarged, not the scores.
    """

    answers = len(AB_BINS)

    def __init__(
        self,
        width: float = 1.0,
        *,
        size: int = 176,
        neighbours: int = 10,
        temperature: float = 0.38,
        seed: int = 0,
    ) -> None:
        super().__init__(width, size=size, seed=seed)
        self.options["neighbours"] = positive(neighbours, "Zhang neighbours")
        self.temperature = temperature

    @property
    def temperature(self) -> float:
        """T of the annealed mean, above 0; a checkpoint keeps it."""
        return self.options["temperature"]

    @temperature.setter
    def temperature(self, temperature: float) -> None:
        self.options["temperature"] = scale(temperature, "Zhang temperature")

    def target(self, ab: Array) -> Array:
        return soft_encode(every_fourth(ab), self.options["neighbours"])

    def colours(self, y: Array) -> Array:
        return enlarged(annealed_mean(y, self.temperature))


class ZhangL2(EightBlocks):
    """The baseline that answers with a* and b*, over 110, for every fourth pixel; 32,150,466 weights in convolutions.

    Train with ``losses.mse``: over two channels that is the paper's half of the squared distance, as a mean over
    pixels instead of a sum, and of colours over 110.

    Parameters
    ----------
    width, size, seed
        See ``EightBlocks``.

    Source: Zhang et al. 2016, section 2.1, equation 1.
    """

    answers = 2

    def target(self, ab: Array) -> Array:
        return every_fourth(ab) / LARGEST_AB

    def colours(self, y: Array) -> Array:
        return enlarged(LARGEST_AB * y)


def block(in_channels: int, *channels: int, stride: int = 1, dilation: int = 1) -> Sequential:
    """Return 3x3 convolutions with ReLU, the last of them with a stride, and a batch norm after them."""
    layers: list[Layer] = []
    for number, out_channels in enumerate(channels, start=1):
        step = stride if number == len(channels) else 1
        layers.append(Conv2d(in_channels, out_channels, 3, stride=step, padding=dilation, dilation=dilation))
        layers.append(ReLU())
        in_channels = out_channels
    return Sequential(*layers, BatchNorm2d(in_channels))


def doubling_block(in_channels: int, channels: int) -> Sequential:
    """Return conv8: a 4x4 deconvolution to twice the size and two 3x3 convolutions, with ReLU."""
    return Sequential(
        ConvTranspose2d(in_channels, channels, 4, stride=2, padding=1),
        ReLU(),
        Conv2d(channels, channels, 3, padding=1),
        ReLU(),
        Conv2d(channels, channels, 3, padding=1),
        ReLU(),
    )


def every_fourth(ab: Array) -> Array:
    """Return one pixel out of every four by four, (N, H/4, W/4, C): one of the middle ones, not a mean."""
    return ab[:, 1::SHRINK, 1::SHRINK]


def enlarged(ab: Array) -> Array:
    """Return colours four times as high and wide, with straight lines between them."""
    return upsample_bilinear(ab, (SHRINK, SHRINK), align_corners=False)


def rebalanced_cross_entropy(weights: np.ndarray) -> Callable[[Array, Array], tuple[Array, Array]]:
    """Return the paper's loss: cross-entropy in which a pixel counts as much as its colour is rare.

    ``loss, dy = loss_function(y, target)`` is ``losses.cross_entropy`` with the weight of the bin that has the
    largest share in the target of the pixel.

    Parameters
    ----------
    weights : array
        (313,), from ``colour_weights``.

    Raises
    ------
    ValueError
        Not one weight per bin.

    Source: Zhang et al. 2016, section 2.2, equations 2 and 3. Ours differs from the authors' release: there the
    weights multiply the gradient alone, here the loss as well, so that the one belongs to the other; and there a
    picture without any |a*| or |b*| above 5 weighs 0, while ours leaves grey photos out before they are batches.
    """
    if weights.shape != (len(AB_BINS),):
        raise ValueError(f"rebalanced_cross_entropy got weights of shape {weights.shape}, expected ({len(AB_BINS)},).")

    def loss_function(y: Array, target: Array) -> tuple[Array, Array]:
        return cross_entropy(y, target, constant(weights, y)[target.argmax(-1)])

    return loss_function


def colour_weights(photos: np.ndarray) -> np.ndarray:
    """Return how much a pixel of every bin should count, (313,) float64, from photos like those that are learned from.

    Parameters
    ----------
    photos : array
        A sample of them, uint8 (N, H, W, 3), sRGB; the more, the better it is known which colours are rare.

    Notes
    -----
    Half by the inverse of how often a colour occurs, half all alike (lambda = 1/2); the mean weight of a pixel is 1.

    Source: Zhang et al. 2016, section 2.2, equation 4.
    """
    bins = nearest_bin(lab_of(photos)[..., 1:])
    return rebalancing_weights(smoothed_distribution(np.bincount(bins.ravel(), minlength=len(AB_BINS))))
