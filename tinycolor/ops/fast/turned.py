"""Convolution with few filters, turned round: windows are cut from the few channels of y, not from the many of x.

The same three functions as ``ops/conv.py``, for NumPy and stride 1: ``conv2d`` and ``conv2d_dw`` accept ``stride`` and
do not look at it. Then a convolution is the dx of another one: each pixel of x, times the filters turned by 180
degrees, goes to all windows that it lies in. So a product with x as it stands comes first, and only its few channels
are moved about; the columns of im2col would be kh*kw times x.
"""

from __future__ import annotations

import numpy as np

from tinycolor.ops.conv import NONE, ONE
from tinycolor.ops.fast import blocked
from tinycolor.ops.fast.blocked import conv2d_dx
from tinycolor.ops.shapes import Pair, window_count

__all__ = ["conv2d", "conv2d_dw", "conv2d_dx", "other_padding"]


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> np.ndarray:
    """Return y (N, Ho, Wo, F), as ``ops.conv.conv2d``; ``stride`` is taken for 1, ``other_padding`` is 0 or more."""
    kh, kw, _, f = weight.shape
    ho, wo = (window_count(x.shape[1 + a], (kh, kw)[a], 1, padding[a], dilation[a]) for a in (0, 1))
    border = other_padding((kh, kw), padding, dilation)
    y = conv2d_dx(x, _turn(weight), (len(x), ho, wo, f), padding=border, dilation=dilation)
    return y if bias is None else y + bias


def conv2d_dw(
    x: np.ndarray,
    dy: np.ndarray,
    kernel_size: Pair,
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> np.ndarray:
    """Return dw (kh, kw, C, F), as ``ops.conv.conv2d_dw``: x and dy change places."""
    border = other_padding(kernel_size, padding, dilation)
    return _turn(blocked.conv2d_dw(dy, x, kernel_size, padding=border, dilation=dilation))


def other_padding(kernel_size: Pair, padding: Pair, dilation: Pair) -> Pair:
    """Return the padding of the other convolution: together they are as wide as a window, less a pixel."""
    return dilation[0] * (kernel_size[0] - 1) - padding[0], dilation[1] * (kernel_size[1] - 1) - padding[1]


def _turn(weight: np.ndarray) -> np.ndarray:
    """Turn filters by 180 degrees, and what they take into what they give: (kh, kw, F, C)."""
    return np.ascontiguousarray(weight[::-1, ::-1].transpose(0, 1, 3, 2))
