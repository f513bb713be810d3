"""Convolution, the plain path: im2col and one matrix product, each direction on a few lines.

This is where a breakpoint goes, and what the fast paths in ``ops/fast`` are tested against. It runs on NumPy
and CuPy, in float32 and float64. Shapes: x (N, H, W, C), weight (kh, kw, C, F), y (N, Ho, Wo, F).
"""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.ops.im2col import col2im, im2col
from tinycolor.ops.shapes import Pair

ONE: Pair = (1, 1)
NONE: Pair = (0, 0)


def conv2d(
    x: Array,
    weight: Array,
    bias: Array | None = None,
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> Array:
    """Slide every filter over every picture: ``y[n,i,j,f] = sum(window[n,i,j] * weight[..., f]) + bias[f]``.

    ``window[n,i,j]`` is ``x[n, i*sh + dh*(0..kh-1) - ph, j*sw + dw*(0..kw-1) - pw]``, with zeros outside x.
    """
    kh, kw, c, f = weight.shape
    columns = im2col(x, (kh, kw), stride, padding, dilation)
    n, ho, wo = columns.shape[:3]
    y = columns.reshape(n * ho * wo, kh * kw * c) @ weight.reshape(kh * kw * c, f)
    if bias is not None:
        y += bias
    return y.reshape(n, ho, wo, f)


def conv2d_dx(
    dy: Array,
    weight: Array,
    x_shape: tuple[int, ...],
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> Array:
    """Return the gradient for x: each dy, times its filter, goes back to the window it came from."""
    kh, kw, c, f = weight.shape
    n, ho, wo, _ = dy.shape
    dcolumns = dy.reshape(n * ho * wo, f) @ weight.reshape(kh * kw * c, f).T
    return col2im(dcolumns.reshape(n, ho, wo, kh, kw, c), x_shape, stride, padding, dilation)


def conv2d_dw(
    x: Array, dy: Array, kernel_size: Pair, *, stride: Pair = ONE, padding: Pair = NONE, dilation: Pair = ONE
) -> Array:
    """Return the gradient for the weight: each window of x, weighted by the dy that it led to, summed."""
    kh, kw = kernel_size
    n, ho, wo, f = dy.shape
    c = x.shape[-1]
    columns = im2col(x, kernel_size, stride, padding, dilation)
    dw = columns.reshape(n * ho * wo, kh * kw * c).T @ dy.reshape(n * ho * wo, f)
    return dw.reshape(kh, kw, c, f)
