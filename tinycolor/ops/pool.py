"""Pooling: keep the strongest (or the mean) answer of every window, and forget where exactly it was."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array, array_module
from tinycolor.ops.shapes import Pair, taps, window_count


def pooled_size(size: int, kernel: int, stride: int, ceil_mode: bool) -> int:
    """Return the number of windows along one side; with ``ceil_mode`` a last, partial window counts too.

    A partial window must still begin inside the picture (PyTorch's rule).
    """
    count = window_count(size, kernel, stride)
    rest = size - ((count - 1) * stride + kernel)
    if ceil_mode and rest > 0 and count * stride < size:
        count += 1
    return count


def max_pool2d(x: Array, kernel_size: Pair, stride: Pair, ceil_mode: bool) -> tuple[Array, Array]:
    """Return the maximum of every window, y (N, Ho, Wo, C), and which tap it was, a small unsigned int.

    Among equal maxima the first in reading order wins.
    """
    xp = array_module(x)
    view = _padded(x, kernel_size, stride, ceil_mode, fill=-xp.inf)
    size = _output_size(x.shape, kernel_size, stride, ceil_mode)
    y = view[_tap(0, 0, size, stride)].copy()
    winner = xp.zeros(y.shape, np.min_scalar_type(kernel_size[0] * kernel_size[1] - 1))
    for number, (i, j) in enumerate(taps(kernel_size)[1:], start=1):
        candidate = view[_tap(i, j, size, stride)]
        # Later taps have larger numbers, so the maximum of the numbers is the latest strict winner.
        xp.maximum(winner, (candidate > y) * winner.dtype.type(number), out=winner)
        xp.maximum(y, candidate, out=y)
    return y, winner


def max_pool2d_dx(
    dy: Array,
    winner: Array,
    x_shape: tuple[int, ...],
    kernel_size: Pair,
    stride: Pair,
    beside: Array | None = None,
) -> Array:
    """Return the gradient for x: all of dy goes to the tap that won, nothing to the others.

    ``beside`` (N, H, W, B + C) is the gradient of a map whose last C channels are x itself: they are added.
    """
    dx, inside = _gradient_frame(dy, x_shape, kernel_size, stride)
    overlap = stride[0] < kernel_size[0] or stride[1] < kernel_size[1]
    for number, (i, j) in enumerate(taps(kernel_size)):
        pixels = dx[_tap(i, j, dy.shape[1:3], stride)]
        if overlap:
            pixels += dy * (winner == number)
        else:
            array_module(dy).multiply(dy, winner == number, out=pixels)
    dx = dx[inside]
    if beside is not None:
        dx += beside[..., -x_shape[-1] :]
    return dx


def avg_pool2d(x: Array, kernel_size: Pair, stride: Pair) -> Array:
    """Return the mean of every window, y (N, Ho, Wo, C)."""
    size = _output_size(x.shape, kernel_size, stride, False)
    y = sum(x[_tap(i, j, size, stride)] for i, j in taps(kernel_size))
    y /= kernel_size[0] * kernel_size[1]
    return y


def avg_pool2d_dx(dy: Array, x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair) -> Array:
    """Return the gradient for x: dy shared out in equal parts over its window."""
    dx, inside = _gradient_frame(dy, x_shape, kernel_size, stride)
    share = dy / (kernel_size[0] * kernel_size[1])
    for i, j in taps(kernel_size):
        dx[_tap(i, j, dy.shape[1:3], stride)] += share
    return dx[inside]


def _output_size(x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair, ceil_mode: bool) -> Pair:
    height, width = (pooled_size(x_shape[1 + a], kernel_size[a], stride[a], ceil_mode) for a in (0, 1))
    return height, width


def _tap(i: int, j: int, size: Pair, stride: Pair) -> tuple[slice, slice, slice]:
    """The pixels that position (i, j) of all windows falls on."""
    (ho, wo), (sh, sw) = size, stride
    return slice(None), slice(i, i + sh * ho, sh), slice(j, j + sw * wo, sw)


def _reach(size: int, kernel: int, stride: int) -> int:
    return (size - 1) * stride + kernel


def _padded(x: Array, kernel_size: Pair, stride: Pair, ceil_mode: bool, fill: float) -> Array:
    """Return x itself, or a copy made larger below and to the right, for partial windows."""
    n, h, w, c = x.shape
    ho, wo = _output_size(x.shape, kernel_size, stride, ceil_mode)
    high, wide = _reach(ho, kernel_size[0], stride[0]), _reach(wo, kernel_size[1], stride[1])
    if high <= h and wide <= w:
        return x
    padded = array_module(x).full((n, max(h, high), max(w, wide), c), fill, x.dtype)
    padded[:, :h, :w] = x
    return padded


def _gradient_frame(
    dy: Array, x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair
) -> tuple[Array, tuple[slice, slice, slice]]:
    """Zeros as large as x and all its windows, and where x lies in them."""
    n, h, w, c = x_shape
    high = max(h, _reach(dy.shape[1], kernel_size[0], stride[0]))
    wide = max(w, _reach(dy.shape[2], kernel_size[1], stride[1]))
    dx = array_module(dy).zeros((n, high, wide, c), dy.dtype)
    return dx, (slice(None), slice(0, h), slice(0, w))
