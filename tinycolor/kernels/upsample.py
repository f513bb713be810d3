"""Launches ``upsample.cu``. The functions are those of ``ops/upsample.py``, for float32 CuPy arrays."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader, rounding
from tinycolor.ops.shapes import Pair


def upsample_nearest(x: Array, scale: Pair, beside: Array | None = None) -> Array:
    """Return y (N, H*sh, W*sw, C + B): every pixel of x (N, H, W, C), ``scale`` times, and those of ``beside``."""
    x, beside = loader.floats(x, beside)
    n, h, w, c = x.shape
    b = 0 if beside is None else beside.shape[-1]
    y = loader.empty(x, (n, h * scale[0], w * scale[1], c + b))
    sizes = map(np.int32, (n, h, w, c, b, *scale))
    loader.launch_rows("upsample", "upsample_nearest", (n, h, w, c + b), (x, beside, y, *sizes))
    rounded = rounding.is_rounded(x) and (beside is None or rounding.is_rounded(beside))
    return rounding.mark(y) if rounded else y


def upsample_nearest_dx(dy: Array, scale: Pair, channels: int | None = None) -> Array:
    """Return dx (N, H, W, C): the sum over the copies of each pixel in the first C channels of dy."""
    (dy,) = loader.floats(dy)
    n, of_dy = len(dy), dy.shape[-1]
    h, w, c = dy.shape[1] // scale[0], dy.shape[2] // scale[1], of_dy if channels is None else channels
    dx = loader.empty(dy, (n, h, w, c))
    sizes = map(np.int32, (n, h, w, c, of_dy - c, *scale))
    loader.launch_rows("upsample", "upsample_nearest_dx", dx.shape, (dy, dx, *sizes))
    return dx
