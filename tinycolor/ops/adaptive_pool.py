"""Adaptive average pooling: the picture may have any size, the number of windows is given."""

from __future__ import annotations

from collections.abc import Iterator

from tinycolor.backend import Array, array_module
from tinycolor.ops.shapes import Pair


def adaptive_avg_pool2d(x: Array, output_size: Pair) -> Array:
    """Return the mean of each of Ho x Wo windows, y (N, Ho, Wo, C)."""
    n, h, w, c = x.shape
    y = array_module(x).empty((n, *output_size, c), x.dtype)
    for i, rows in enumerate(_windows(h, output_size[0])):
        for j, columns in enumerate(_windows(w, output_size[1])):
            y[:, i, j] = x[:, rows, columns].mean((1, 2))
    return y


def adaptive_avg_pool2d_dx(dy: Array, x_shape: tuple[int, ...]) -> Array:
    """Return the gradient for x: each dy shared out in equal parts over its window."""
    dx = array_module(dy).zeros(x_shape, dy.dtype)
    for i, rows in enumerate(_windows(x_shape[1], dy.shape[1])):
        for j, columns in enumerate(_windows(x_shape[2], dy.shape[2])):
            window = dx[:, rows, columns]
            window += (dy[:, i, j] / (window.shape[1] * window.shape[2]))[:, None, None]
    return dx


def _windows(size: int, count: int) -> Iterator[slice]:
    """Yield ``count`` windows that cover one side.

    They overlap by a pixel where ``size`` does not divide, and repeat where it is less than ``count``.
    """
    for number in range(count):
        first, beyond = number * size // count, -(-(number + 1) * size // count)
        yield slice(first, beyond)
