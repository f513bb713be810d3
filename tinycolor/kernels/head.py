"""Launches ``head.cu``: a 1x1 convolution with few filters in true float32, with the loss that is awaited of it.

Its way back is left to chapter 3 or 4, see ``conv``.
"""

from __future__ import annotations

from math import prod
from types import ModuleType

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader, loss
from tinycolor.kernels.awaited import USUAL_BETA, awaited_of, note
from tinycolor.ops.conv import NONE, ONE
from tinycolor.ops.shapes import Pair

THREADS = 256  # in a block, and pixels in a tile, as the chapter has it
MOST_FILTERS = 4  # likewise


class Head:
    """The three directions of such a convolution.

    Parameters
    ----------
    way_back : module
        Whose ``conv2d_dx`` and ``conv2d_dw`` it takes.
    """

    def __init__(self, way_back: ModuleType) -> None:
        self.__name__ = __name__
        self.conv2d = conv2d
        self.conv2d_dx, self.conv2d_dw = way_back.conv2d_dx, way_back.conv2d_dw


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> Array:
    """Return y (N, H, W, F) of x (N, H, W, C), weight (1, 1, C, F), F at most 4, and bias (F,); dilation is no matter.

    Where a loss is awaited of it (see ``awaited``), it and its gradient for y are noted.

    Raises
    ------
    ValueError
        Filters larger than 1x1, more than 4 of them, a stride or a padding.
    """
    kh, kw, channels, filters = weight.shape
    if (kh, kw) != ONE or stride != ONE or padding != NONE or filters > MOST_FILTERS:
        raise ValueError(
            f"the head got filters {weight.shape}, stride {stride}, padding {padding}, expected 1 x 1, at most "
            f"{MOST_FILTERS} of them, stride 1 and no padding: take another chapter."
        )
    x, weight, bias = loader.floats(x, weight, bias)
    y, pixels = loader.empty(x, (*x.shape[:-1], filters)), prod(x.shape[:-1])
    sizes = np.int64(pixels), np.int32(channels), np.int32(filters)
    tiles = -(-pixels // THREADS)
    awaited = awaited_of(y.shape)
    if awaited is None:
        loader.launch("head", "conv2d", (tiles,), THREADS, (x, weight, bias, y, *sizes), LOSS="no_loss")
        return y
    blocks = min(tiles, loss.BLOCKS_WANTED)
    (target,), dy, partial = (
        loader.floats(awaited.target),
        loader.empty(y, y.shape),
        loader.empty(y, (blocks,), "float64"),
    )
    sweep = (x, weight, bias, y, target, dy, partial, *sizes, np.float32(1 / y.size), np.float32(USUAL_BETA))
    loader.launch("head", "conv2d_and_loss", (blocks,), THREADS, sweep, LOSS=awaited.name)
    note(y, awaited, loss.mean(awaited.name, partial, y), dy)
    return y
