"""Dropout: silence random units, and scale the others up."""

from __future__ import annotations

from tinycolor.backend import Array, array_module
from tinycolor.random import Generator


def dropout(x: Array, p: float, rng: Generator) -> tuple[Array, Array]:
    """Silence each unit with probability p: ``y = x * keep / (1 - p)``; return y and keep (bool)."""
    keep = rng.uniform(x.shape, xp=array_module(x)) >= p
    return dropout_dx(x, keep, p), keep


def dropout_dx(dy: Array, keep: Array, p: float) -> Array:
    """Return the gradient for x, the same factor on dy: ``dy * keep / (1 - p)``."""
    return dy * keep * (1 / (1 - p))
