"""Upsampling: go back to a larger picture, by repeating pixels or by drawing straight lines between them."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array, array_module
from tinycolor.ops.shapes import Pair


def upsample_nearest(x: Array, scale: Pair, beside: Array | None = None) -> Array:
    """Repeat every pixel ``scale`` times: x (N, H, W, C), y (N, H*sh, W*sw, C).

    ``beside`` (N, H*sh, W*sw, B) goes into y as further channels: (N, H*sh, W*sw, C + B), written once.
    """
    n, h, w, c = x.shape
    sh, sw = scale
    channels = c if beside is None else c + beside.shape[-1]
    y = array_module(x).empty((n, h, sh, w, sw, channels), x.dtype)
    y[..., :c] = x[:, :, None, :, None, :]
    y = y.reshape(n, h * sh, w * sw, channels)
    if beside is not None:
        y[..., c:] = beside
    return y


def upsample_nearest_dx(dy: Array, scale: Pair, channels: int | None = None) -> Array:
    """Return the gradient for x: the sum over the copies of each pixel.

    ``channels`` says how many of dy's are those of x; the others belong to what went beside it. None: all.
    """
    sh, sw = scale
    rows = _add_up([dy[:, i::sh, :, :channels] for i in range(sh)])
    return _add_up([rows[:, :, j::sw] for j in range(sw)])


def _add_up(parts: list[Array]) -> Array:
    """Return the sum as a fresh array; unlike ``sum(parts)``, does not begin by adding 0."""
    first, *others = parts
    return sum(others[1:], start=first + others[0]) if others else first.copy()


def interpolation_matrix(size: int, scale: int, align_corners: bool, dtype: np.dtype) -> np.ndarray:
    """Return the (size*scale, size) matrix that draws straight lines between the pixels of one row.

    With ``align_corners`` the outermost pixel centres stay where they are; without, the outermost pixel edges
    do, and beyond the outermost centres the border pixel is repeated.
    """
    target = np.arange(size * scale)
    if align_corners:
        place = target * ((size - 1) / max(size * scale - 1, 1))
    else:
        place = np.clip((target + 0.5) / scale - 0.5, 0, size - 1)
    left = np.minimum(place.astype(int), max(size - 2, 0))
    right = np.minimum(left + 1, size - 1)
    share = place - left
    matrix = np.zeros((size * scale, size))
    matrix[target, left] += 1 - share
    matrix[target, right] += share
    return matrix.astype(dtype)


def upsample_bilinear(x: Array, scale: Pair, align_corners: bool) -> Array:
    """Interpolate along the height and then along the width: ``y = A_h x A_w^T`` for every channel."""
    along_h, along_w = _matrices(x, x.shape[1:3], scale, align_corners)
    return _apply(x, along_h, along_w)


def upsample_bilinear_dx(dy: Array, scale: Pair, align_corners: bool) -> Array:
    """Return the gradient for x: the same two matrices, transposed."""
    size = dy.shape[1] // scale[0], dy.shape[2] // scale[1]
    along_h, along_w = _matrices(dy, size, scale, align_corners)
    return _apply(dy, along_h.T, along_w.T)


def _matrices(like: Array, size: Pair, scale: Pair, align_corners: bool) -> tuple[Array, Array]:
    xp = array_module(like)
    along_h, along_w = (
        xp.asarray(interpolation_matrix(size[axis], scale[axis], align_corners, like.dtype)) for axis in (0, 1)
    )
    return along_h, along_w


def _apply(x: Array, along_h: Array, along_w: Array) -> Array:
    n, h, w, c = x.shape
    rows = along_h @ x.reshape(n, h, w * c)
    return along_w @ rows.reshape(n, len(along_h), w, c)
