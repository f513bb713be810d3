"""Launches chapter 2, ``im2col.cu``. The functions are those of ``ops/im2col.py``, for float32 CuPy arrays."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.kernels import loader
from tinycolor.kernels.windows import places, windows
from tinycolor.ops.shapes import Pair


def im2col(x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """Return columns (N, Ho, Wo, kh, kw, C) of x (N, H, W, C)."""
    (x,) = loader.floats(x)
    size = places(x.shape, kernel_size, stride, padding, dilation)
    columns = loader.empty(x, (len(x), *size, *kernel_size, x.shape[-1]))
    sizes = windows(x.shape, size, 0, kernel_size, stride, padding, dilation)
    loader.launch_rows("im2col", "im2col", (len(x), *size, x.shape[-1]), (x, columns, sizes))
    return columns


def col2im(columns: Array, x_shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """Return x (N, H, W, C), every number the sum of its copies in columns (N, Ho, Wo, kh, kw, C)."""
    (columns,) = loader.floats(columns)
    x = loader.empty(columns, x_shape)
    sizes = windows(x_shape, columns.shape[1:3], 0, columns.shape[3:5], stride, padding, dilation)
    loader.launch_rows("im2col", "col2im", x_shape, (columns, x, sizes))
    return x
