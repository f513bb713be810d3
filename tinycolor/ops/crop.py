"""Cropping: a part of a picture, and the way back, where the rest gets nothing."""

from __future__ import annotations

from tinycolor.backend import Array, array_module
from tinycolor.ops.shapes import Pair


def crop(x: Array, offset: int, size: Pair) -> Array:
    """Return the ``size`` pixels of x (N, H, W, C) that begin ``offset`` rows down and columns in."""
    return x[:, offset : offset + size[0], offset : offset + size[1]].copy()


def crop_dx(dy: Array, offset: int, x_shape: tuple[int, ...]) -> Array:
    """Return the gradient for x: dy where it was cropped from, zeros around."""
    dx = array_module(dy).zeros(x_shape, dy.dtype)
    dx[:, offset : offset + dy.shape[1], offset : offset + dy.shape[2]] = dy
    return dx
