"""Launches ``bias.cu``. The function is that of ``ops/bias.py``, for float32 CuPy arrays."""

from __future__ import annotations

from math import prod

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader
from tinycolor.kernels.columns import THREADS, WIDTH, Cut, cut

MOST_ALONE = 32  # numbers that a thread adds up at most to spare the second launch
TILES_ALONE = 64  # at most: narrow tiles read more memory than they need, for it comes in pieces


def bias_db(dy: Array, *, onto: Array | None = None) -> Array:
    """Return the gradient for a bias (C,), from dy (..., C): the sum over everything but the channel.

    Given ``onto`` (C,), it is added there, and that is returned.
    """
    (dy,) = loader.floats(dy)
    blocks = cut_for_bias(dy.shape)
    db = loader.empty(dy, dy.shape[-1:]) if onto is None else onto
    goal = db, np.bool_(onto is not None)
    partial = None if blocks.slices == 1 else blocks.room_for_sums(dy)
    loader.launch("bias", "sum_dy", blocks.grid, THREADS, (dy, partial, *goal, *blocks.sizes))
    if partial is not None:
        sums = partial, *goal, np.int32(blocks.slices)
        loader.launch("bias", "bias_db", db.shape, min(blocks.slices, THREADS), sums)
    return db


def cut_for_bias(dy_shape: tuple[int, ...]) -> Cut:
    """Cut dy (..., C) so narrow that one slice holds all pixels; where that would take too long, as ``cut`` does."""
    channels, pixels = dy_shape[-1], prod(dy_shape[:-1])
    width = min(WIDTH, channels, MOST_ALONE * THREADS // pixels)
    if width == 0 or channels > TILES_ALONE * width:
        return cut(dy_shape, (channels,))
    return Cut(1, -(-channels // width), 1, pixels, pixels, channels, width)
