"""FCN: what is at each pixel? VGG-16 whose fully connected layers slide over the picture, and a way back up.

    picture, 100 zeros around it
    blocks 1-3 -- pool3 ---------------------------- scores, crop  9 --> + --> x8, crop 31: FCN-8s
                    block 4 -- pool4 --- scores, crop 5 --> + --> x2 --> |
                                 block 5, fc6, fc7, scores, x2

FCN-16s begins with pool4 (x16, crop 27); FCN-32s has one way only (x32, crop 19). The deeper a score comes from,
the more of the picture it has seen, and the less it knows where; so scores of finer maps are added on the way up.

The zeros make room for the window of fc6, 7x7 pixels of pool5; the crops cut off what is left of them.
"""

from __future__ import annotations

from tinycolor import init
from tinycolor.backend import Array
from tinycolor.layers.activation import ReLU
from tinycolor.layers.base import Closure, Layer
from tinycolor.layers.bilinear import BilinearConvTranspose2d
from tinycolor.layers.combine import Sequential
from tinycolor.layers.conv import Conv2d
from tinycolor.layers.dropout import Dropout
from tinycolor.layers.linear import Linear
from tinycolor.networks.network import Network, scale, scaled
from tinycolor.networks.vgg import CHANNELS, HIDDEN, MAP, VGG16, vgg_blocks
from tinycolor.ops.crop import crop, crop_dx
from tinycolor.ops.shapes import positive
from tinycolor.random import Generator

BORDER = 100
FROM_VGG = 15  # thirteen convolutions, fc6 and fc7; the layers after them give scores


class FCN(Network):
    """What the three have in common: scores of classes at each pixel, x (N, H, W, 3) to y (N, H, W, classes).

    Any H and W. Train with ``losses.cross_entropy``. In ``train`` mode half the hidden units of fc6 and fc7 are
    dropped: hand down an ``rng``.

    Parameters
    ----------
    classes : int
        21 for PASCAL VOC: twenty kinds of things, and the background.
    width : float
        Factor on the number of hidden channels, rounded down, at least 1.
    seed : int
        Which first weights: He's, and 0 where scores are made. The paper begins with those of VGG-16, see
        ``transplant``.

    Source: J. Long, E. Shelhamer, T. Darrell, "Fully convolutional networks for semantic segmentation", CVPR 2015,
    figure 3; border, crops and pooling as in the authors' release, fcn.berkeleyvision.org. As there, the
    filters that enlarge are bilinear and are not learned.
    """

    offset: int

    @init.draws_weights()
    def __init__(self, classes: int = 21, width: float = 1.0, *, seed: int = 0) -> None:
        kind = type(self).__name__
        self.options = {"classes": positive(classes, f"{kind} classes"), "width": scale(width, f"{kind} width")}
        self.in_channels, self.size = 3, 224
        blocks = vgg_blocks(width, border=BORDER, ceil_mode=True)
        self.scores = self.way_up(blocks, fully_convolutional(classes, width), classes, width)
        init.he_normal(self, Generator(seed))
        for score in weighted(self)[FROM_VGG:]:
            score.weight.data = 0 * score.weight.data

    def way_up(self, blocks: list[Sequential], head: Sequential, classes: int, width: float) -> Sequential:
        """Put the five blocks, the head, and what enlarges its scores together."""
        raise NotImplementedError

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", "H", "W", 3)
        scores, scores_backward = self.scores(x, mode=mode, rng=rng)
        scores_shape = scores.shape

        def backward(dy: Array) -> Array:
            return scores_backward(crop_dx(dy, self.offset, scores_shape))

        return crop(scores, self.offset, x.shape[1:3]), backward


class FCN32s(FCN):
    """FCN with one way up, 134,346,581 weights; see ``FCN`` for the parameters."""

    offset = 19

    def way_up(self, blocks: list[Sequential], head: Sequential, classes: int, width: float) -> Sequential:
        return Sequential(*blocks, head, BilinearConvTranspose2d(64, stride=32))


class FCN16s(FCN):
    """FCN that adds the scores of pool4, 134,357,354 weights; see ``FCN`` for the parameters."""

    offset = 27

    def way_up(self, blocks: list[Sequential], head: Sequential, classes: int, width: float) -> Sequential:
        score_pool4 = Conv2d(scaled(CHANNELS[3], width), classes, 1)
        coarse = Sequential(blocks[4], head, BilinearConvTranspose2d(4, stride=2))
        return Sequential(*blocks[:4], AddScores(coarse, score_pool4, offset=5), BilinearConvTranspose2d(32, stride=16))


class FCN8s(FCN):
    """FCN that adds the scores of pool4 and pool3, 134,362,751 weights; see ``FCN`` for the parameters."""

    offset = 31

    def way_up(self, blocks: list[Sequential], head: Sequential, classes: int, width: float) -> Sequential:
        score_pool4 = Conv2d(scaled(CHANNELS[3], width), classes, 1)
        score_pool3 = Conv2d(scaled(CHANNELS[2], width), classes, 1)
        coarse = Sequential(blocks[4], head, BilinearConvTranspose2d(4, stride=2))
        finer = Sequential(blocks[3], AddScores(coarse, score_pool4, offset=5), BilinearConvTranspose2d(4, stride=2))
        return Sequential(*blocks[:3], AddScores(finer, score_pool3, offset=9), BilinearConvTranspose2d(16, stride=8))


class AddScores(Layer):
    """Two ways to scores: through all that lies deeper, and straight from this map; x (N, H, W, C).

    Forward: ``y = deeper(x) + crop(score(x))``, cropped to the size of the first. Backward: dy goes both ways, with
    zeros where it was cropped, and what comes back is added.

    Parameters
    ----------
    deeper, score : Layer
        What gives coarse and fine scores.
    offset : int
        How many rows and columns of the fine scores to cut off before the coarse ones begin.
    """

    def __init__(self, deeper: Layer, score: Layer, offset: int) -> None:
        self.deeper, self.score, self.offset = deeper, score, offset

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        coarse, deeper_backward = self.deeper(x, mode=mode, rng=rng)
        fine, score_backward = self.score(x, mode=mode, rng=rng)
        fine_shape = fine.shape

        def backward(dy: Array) -> Array:
            return deeper_backward(dy) + score_backward(crop_dx(dy, self.offset, fine_shape))

        return coarse + crop(fine, self.offset, coarse.shape[1:3]), backward


def fully_convolutional(classes: int, width: float) -> Sequential:
    """Return the head of VGG-16 as convolutions, x (N, H, W, 512 * width) to y (N, H - 6, W - 6, classes)."""
    hidden = scaled(HIDDEN, width)
    return Sequential(
        Conv2d(scaled(CHANNELS[-1], width), hidden, MAP),
        ReLU(),
        Dropout(0.5),
        Conv2d(hidden, hidden, 1),
        ReLU(),
        Dropout(0.5),
        Conv2d(hidden, classes, 1),
    )


def transplant(source: VGG16 | FCN, target: FCN) -> None:
    """Give an FCN the weights of a VGG-16, or of a coarser FCN, layer by layer, as far as both have the same.

    A fully connected layer is a convolution whose one window is the whole map: the same numbers, ``(7*7*C, F)``
    read as ``(7, 7, C, F)``. What makes scores is left alone if the numbers of classes differ.

    Raises
    ------
    ValueError
        The widths differ, or the VGG-16 has batch norm.

    Source: E. Shelhamer, fcn.berkeleyvision.org, surgery.py.
    """
    if source.options["width"] != target.options["width"] or source.options.get("batch_norm"):
        raise ValueError(
            f"transplant got {source.name} for {target.name}, expected the same width and no batch norm in both."
        )
    same_scores = source.options["classes"] == target.options["classes"]
    given = weighted(source) if same_scores else weighted(source)[:FROM_VGG]
    for old, new in zip(given, weighted(target), strict=False):
        for theirs, mine in zip(old.parameters(), new.parameters(), strict=True):
            mine.data = theirs.data.reshape(mine.data.shape)


def weighted(network: Network) -> list[Conv2d | Linear]:
    """Return the convolutions and fully connected layers of a network, the one at the picture first."""
    return [layer for _, layer in network.walk() if isinstance(layer, Conv2d | Linear)]
