"""Launches ``bias.cu``. The function is that of ``ops/bias.py``, for float32 CuPy arrays."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader
from tinycolor.kernels.columns import THREADS, cut


def bias_db(dy: Array) -> Array:
    """Return the gradient for a bias (C,), from dy (..., C): the sum over everything but the channel."""
    (dy,) = loader.floats(dy)
    channels = dy.shape[-1:]
    blocks, db = cut(dy.shape, channels), loader.empty(dy, channels)
    partial = blocks.room_for_sums(dy)
    loader.launch("bias", "sum_dy", blocks.grid, THREADS, (dy, partial, *blocks.sizes))
    loader.launch("bias", "bias_db", channels, min(blocks.slices, THREADS), (partial, db, np.int32(blocks.slices)))
    return db
