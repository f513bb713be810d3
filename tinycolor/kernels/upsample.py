"""Launches ``upsample.cu``. The functions are those of ``ops/upsample.py``, for float32 CuPy arrays."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader
from tinycolor.ops.shapes import Pair


def upsample_nearest(x: Array, scale: Pair) -> Array:
    """Return y (N, H*sh, W*sw, C): every pixel of x (N, H, W, C), ``scale`` times."""
    (x,) = loader.floats(x)
    n, h, w, c = x.shape
    y = loader.empty(x, (n, h * scale[0], w * scale[1], c))
    loader.launch_each("upsample", "upsample_nearest", y.size, (x, y, *map(np.int32, (n, h, w, c, *scale))))
    return y


def upsample_nearest_dx(dy: Array, scale: Pair) -> Array:
    """Return dx (N, H, W, C): the sum over the copies of each pixel in dy (N, H*sh, W*sw, C)."""
    (dy,) = loader.floats(dy)
    n, c = len(dy), dy.shape[-1]
    h, w = dy.shape[1] // scale[0], dy.shape[2] // scale[1]
    dx = loader.empty(dy, (n, h, w, c))
    loader.launch_each("upsample", "upsample_nearest_dx", dx.size, (dy, dx, *map(np.int32, (n, h, w, c, *scale))))
    return dx
