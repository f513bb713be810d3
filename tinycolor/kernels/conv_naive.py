"""Launches chapter 1, ``conv_naive.cu``. The functions are those of ``ops/conv.py``, for float32 CuPy arrays."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.kernels import loader
from tinycolor.kernels.windows import places, windows
from tinycolor.ops.conv import NONE, ONE
from tinycolor.ops.shapes import Pair


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> Array:
    """Return y (N, Ho, Wo, F) of x (N, H, W, C), weight (kh, kw, C, F) and bias (F,)."""
    x, weight, bias = loader.floats(x, weight, bias)
    *kernel_size, _, filters = weight.shape
    size = places(x.shape, kernel_size, stride, padding, dilation)
    sizes = windows(x.shape, size, filters, kernel_size, stride, padding, dilation)
    y = loader.empty(x, (len(x), *size, filters))
    loader.launch_each("conv_naive", "conv2d", y.size, (x, weight, bias, y, sizes))
    return y


def conv2d_dx(
    dy: Array,
    weight: Array,
    x_shape: tuple[int, ...],
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> Array:
    """Return dx (N, H, W, C) of dy (N, Ho, Wo, F) and weight (kh, kw, C, F)."""
    dy, weight = loader.floats(dy, weight)
    *kernel_size, _, filters = weight.shape
    sizes = windows(x_shape, dy.shape[1:3], filters, kernel_size, stride, padding, dilation)
    dx = loader.empty(dy, x_shape)
    loader.launch_each("conv_naive", "conv2d_dx", dx.size, (dy, weight, dx, sizes))
    return dx


def conv2d_dw(
    x: Array, dy: Array, kernel_size: Pair, *, stride: Pair = ONE, padding: Pair = NONE, dilation: Pair = ONE
) -> Array:
    """Return dw (kh, kw, C, F) of x (N, H, W, C) and dy (N, Ho, Wo, F)."""
    x, dy = loader.floats(x, dy)
    channels, filters = x.shape[-1], dy.shape[-1]
    sizes = windows(x.shape, dy.shape[1:3], filters, kernel_size, stride, padding, dilation)
    dw = loader.empty(x, (*kernel_size, channels, filters))
    loader.launch_each("conv_naive", "conv2d_dw", dw.size, (x, dy, dw, sizes))
    return dw
