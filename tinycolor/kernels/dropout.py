"""Launches ``dropout.cu``: which units stay is drawn by the kernel, as ``tinycolor.random`` would draw it."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader
from tinycolor.random import LOW_WORD


def dropout(x: Array, p: float, *, seed: int, draw: int, position: Array) -> tuple[Array, Array]:
    """Silence each unit with probability p: ``y = x * keep / (1 - p)``; return y and keep.

    ``keep`` is ``Generator(seed, epoch, step).uniform(x.shape) >= p`` of draw number ``draw``, bit for bit.

    Parameters
    ----------
    x : float32 array
        Any shape.
    p : float
        Share of units to silence, 0 <= p < 1.
    seed, draw : int
        0 to 2**64 - 1; how many draws the generator had made.
    position : uint32 array of 2
        Step and epoch, in the memory of x's device.
    """
    (x,) = loader.floats(x)
    y, keep = loader.empty(x, x.shape), loader.empty(x, x.shape, "bool")
    key = np.uint32(seed & LOW_WORD), np.uint32(seed >> 32)
    chance = np.float32(p), np.float32(1 / (1 - p))
    arguments = (x, y, keep, np.int64(x.size), position, np.uint32(draw), *key, *chance)
    loader.launch_each("dropout", "dropout", -(-x.size // 4), arguments)
    return y, keep


def dropout_dx(dy: Array, keep: Array, p: float) -> Array:
    """Return the gradient for x: the same factor on dy."""
    (dy,) = loader.floats(dy)
    dx = loader.empty(dy, dy.shape)
    loader.launch_each("dropout", "dropout_dx", dx.size, (dy, keep, dx, np.int64(dx.size), np.float32(1 / (1 - p))))
    return dx
