"""Launches ``pool.cu``. The functions are those of ``ops/pool.py``, for float32 CuPy arrays."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader, norm_pool, rounding
from tinycolor.kernels.windows import windows
from tinycolor.ops.pool import pooled_size
from tinycolor.ops.shapes import Pair

UNSIGNED = {"uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned"}


def max_pool2d(x: Array, kernel_size: Pair, stride: Pair, ceil_mode: bool) -> tuple[Array, Array]:
    """Return the maximum of every window, y (N, Ho, Wo, C), and which tap it was, a small unsigned int."""
    pooled = norm_pool.take(x, norm_pool.Window(kernel_size, stride, ceil_mode))
    if pooled is not None:
        return pooled
    (x,) = loader.floats(x)
    n, h, w, c = x.shape
    size = pooled_size(h, kernel_size[0], stride[0], ceil_mode), pooled_size(w, kernel_size[1], stride[1], ceil_mode)
    winner_type = np.min_scalar_type(kernel_size[0] * kernel_size[1] - 1).name
    y, winner = loader.empty(x, (n, *size, c)), loader.empty(x, (n, *size, c), winner_type)
    sizes = windows(x.shape, size, c, kernel_size, stride)
    loader.launch_rows("pool", "max_pool2d", y.shape, (x, y, winner, sizes), WINNER=UNSIGNED[winner_type])
    return (rounding.mark(y) if rounding.is_rounded(x) else y), winner  # its numbers are some of x


def max_pool2d_dx(
    dy: Array,
    winner: Array,
    x_shape: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair,
    beside: Array | None = None,
) -> Array:
    """Return dx (N, H, W, C): all of dy (N, Ho, Wo, C) goes to the tap that won; with the last C channels of beside."""
    dy, beside = loader.floats(dy, beside)
    dx = loader.empty(dy, x_shape)
    n, h, w, c = x_shape
    b = np.int32(0 if beside is None else beside.shape[-1] - c)
    sizes = windows(x_shape, dy.shape[1:3], c, kernel_size, stride)
    strides = n, -(-h // stride[0]), -(-w // stride[1]), c
    given = dy, winner, beside, dx, b, sizes
    loader.launch_rows("pool", "max_pool2d_dx", strides, given, WINNER=UNSIGNED[winner.dtype.name])
    return dx
