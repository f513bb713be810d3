"""Transposed convolution by fixed bilinear filters: every pixel stamps a small tent, and the tents add up.

The filter is the product of a tent along the height and one along the width, the same for every channel, so the
whole is two small matrices, one for each side.
"""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array, array_module
from tinycolor.ops.shapes import Pair


def tent(size: int) -> np.ndarray:
    """Return the bilinear filter along one side: ``1 - |i - centre| / factor`` for i = 0 ... size - 1.

    ``factor = floor((size + 1) / 2)``, and ``centre = (size - 1) / 2`` is the middle. Source: E. Shelhamer,
    fcn.berkeleyvision.org, surgery.py.
    """
    return 1 - abs(np.arange(size) - (size - 1) / 2) / ((size + 1) // 2)


def bilinear_transpose(x: Array, kernel_size: Pair, stride: Pair) -> Array:
    """Stamp a tent for every pixel of x (N, H, W, C): y (N, (H-1)*sh + kh, (W-1)*sw + kw, C)."""
    return _apply(x, *_matrices(x, x.shape[1:3], kernel_size, stride))


def bilinear_transpose_dx(dy: Array, size: Pair, kernel_size: Pair, stride: Pair) -> Array:
    """Return the gradient for x, of ``size`` (H, W): the same two matrices, transposed."""
    along_h, along_w = _matrices(dy, size, kernel_size, stride)
    return _apply(dy, along_h.T, along_w.T)


def _matrices(like: Array, size: Pair, kernel_size: Pair, stride: Pair) -> tuple[Array, Array]:
    xp = array_module(like)
    along_h, along_w = (
        xp.asarray(_tents(size[axis], kernel_size[axis], stride[axis]).astype(like.dtype)) for axis in (0, 1)
    )
    return along_h, along_w


def _tents(size: int, kernel: int, stride: int) -> np.ndarray:
    """Return the matrix ((size-1)*stride + kernel, size) with a tent in each column, ``stride`` further down."""
    matrix = np.zeros(((size - 1) * stride + kernel, size))
    for column in range(size):
        matrix[column * stride : column * stride + kernel, column] = tent(kernel)
    return matrix


def _apply(x: Array, along_h: Array, along_w: Array) -> Array:
    n, h, w, c = x.shape
    rows = along_h @ x.reshape(n, h, w * c)
    return along_w @ rows.reshape(n, len(along_h), w, c)
