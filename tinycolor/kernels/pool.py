"""Launches ``pool.cu``. The functions are those of ``ops/pool.py``, for float32 CuPy arrays."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader
from tinycolor.kernels.windows import windows
from tinycolor.ops.pool import pooled_size
from tinycolor.ops.shapes import Pair

UNSIGNED = {"uint8": "unsigned char", "uint16": "unsigned short", "uint32": "unsigned"}


def max_pool2d(x: Array, kernel_size: Pair, stride: Pair, ceil_mode: bool) -> tuple[Array, Array]:
    """Return the maximum of every window, y (N, Ho, Wo, C), and which tap it was, a small unsigned int."""
    (x,) = loader.floats(x)
    n, h, w, c = x.shape
    size = pooled_size(h, kernel_size[0], stride[0], ceil_mode), pooled_size(w, kernel_size[1], stride[1], ceil_mode)
    winner_type = np.min_scalar_type(kernel_size[0] * kernel_size[1] - 1).name
    y, winner = loader.empty(x, (n, *size, c)), loader.empty(x, (n, *size, c), winner_type)
    sizes = windows(x.shape, size, c, kernel_size, stride)
    loader.launch_rows("pool", "max_pool2d", y.shape, (x, y, winner, sizes), WINNER=UNSIGNED[winner_type])
    return y, winner


def max_pool2d_dx(dy: Array, winner: Array, x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair) -> Array:
    """Return dx (N, H, W, C): all of dy (N, Ho, Wo, C) goes to the tap that won."""
    (dy,) = loader.floats(dy)
    dx = loader.empty(dy, x_shape)
    n, h, w, c = x_shape
    sizes = windows(x_shape, dy.shape[1:3], c, kernel_size, stride)
    strides = n, -(-h // stride[0]), -(-w // stride[1]), c
    loader.launch_rows("pool", "max_pool2d_dx", strides, (dy, winner, dx, sizes), WINNER=UNSIGNED[winner.dtype.name])
    return dx
