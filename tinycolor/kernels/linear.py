"""The fully connected layer as a 1x1 convolution of pictures of one pixel, with the signatures of ``ops/linear.py``.

CuPy leaves matrix products to cuBLAS, which it does not let into a captured graph.
"""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.kernels.conv import convolution


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """Return ``y = x @ weight + bias``: x (N, C), weight (C, F), bias (F,), y (N, F)."""
    return convolution().conv2d(x[:, None, None], weight[None, None], bias)[:, 0, 0]


def linear_dx(dy: Array, weight: Array) -> Array:
    """Return the gradient for x, ``dy @ weight.T``, (N, C)."""
    x_shape = (len(dy), 1, 1, len(weight))
    return convolution().conv2d_dx(dy[:, None, None], weight[None, None], x_shape)[:, 0, 0]


def linear_dw(x: Array, dy: Array, *, onto: Array | None = None) -> Array:
    """Return the gradient for the weight, ``x.T @ dy``, (C, F), or ``onto`` with it added."""
    onto = None if onto is None else onto[None, None]
    return convolution().conv2d_dw(x[:, None, None], dy[:, None, None], (1, 1), onto=onto)[0, 0]
