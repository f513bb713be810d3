"""Softmax: turn scores into shares that sum to 1."""

from __future__ import annotations

from tinycolor.backend import Array, array_module


def softmax(x: Array) -> Array:
    """Return ``exp(x) / sum(exp(x))`` over the last axis; the maximum is taken off first, so nothing overflows."""
    y = array_module(x).exp(x - x.max(-1, keepdims=True))
    y /= y.sum(-1, keepdims=True)
    return y


def log_softmax(x: Array) -> Array:
    """Return ``x - log(sum(exp(x)))`` over the last axis: finite even where softmax itself rounds to 0."""
    shifted = x - x.max(-1, keepdims=True)
    xp = array_module(x)
    return shifted - xp.log(xp.exp(shifted).sum(-1, keepdims=True))


def softmax_dx(dy: Array, y: Array) -> Array:
    """Return ``y * (dy - sum(dy * y))``: raising one share lowers all others."""
    return y * (dy - (dy * y).sum(-1, keepdims=True))
