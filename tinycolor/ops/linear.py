"""The fully connected layer: every output hears every input."""

from __future__ import annotations

from tinycolor.backend import Array


def linear(x: Array, weight: Array, bias: Array | None = None) -> Array:
    """Return ``y = x @ weight + bias``: x (N, C), weight (C, F), bias (F,), y (N, F)."""
    y = x @ weight
    if bias is not None:
        y += bias
    return y


def linear_dx(dy: Array, weight: Array) -> Array:
    """Return the gradient for x, ``dy @ weight.T``, (N, C)."""
    return dy @ weight.T


def linear_dw(x: Array, dy: Array) -> Array:
    """Return the gradient for the weight, ``x.T @ dy``, (C, F)."""
    return x.T @ dy
