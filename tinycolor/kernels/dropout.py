"""Launches ``dropout.cu``: which units stay is drawn by the kernel, as ``tinycolor.random`` would draw it."""

from __future__ import annotations

from types import ModuleType

import numpy as np

from tinycolor.backend import Array, array_module
from tinycolor.kernels import loader
from tinycolor.random import LOW_WORD, Generator


class ReplayedGenerator(Generator):
    """A generator for captured steps: where in the run it is lies in the memory of the GPU, to be changed there.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1: the run.
    position : uint32 array of 2
        Step and epoch, on the GPU.
    """

    def __init__(self, seed: int, position: Array) -> None:
        super().__init__(seed)
        self.position = position

    def _words(self, first: int, last: int, xp: ModuleType = np) -> Array:
        raise NotImplementedError("in a captured step only the kernel of Dropout can draw random numbers")


def dropout(x: Array, p: float, rng: Generator) -> tuple[Array, Array]:
    """Silence each unit with probability p: ``y = x * keep / (1 - p)``; return y and keep (bool).

    ``keep`` is ``rng.uniform(x.shape) >= p``, bit for bit, and takes one draw as that does.
    """
    (x,) = loader.floats(x)
    y, keep = loader.empty(x, x.shape), loader.empty(x, x.shape, "bool")
    if isinstance(rng, ReplayedGenerator):
        position = rng.position
    else:
        position = array_module(x).asarray(np.array([rng.step, rng.epoch], np.uint32))
    key = np.uint32(rng.seed & LOW_WORD), np.uint32(rng.seed >> 32)
    chance = np.float32(p), np.float32(1 / (1 - p))
    arguments = (x, y, keep, np.int64(x.size), position, np.uint32(rng.draws), *key, *chance)
    loader.launch_each("dropout", "dropout", -(-x.size // 4), arguments)
    rng.draws += 1
    return y, keep


def dropout_dx(dy: Array, keep: Array, p: float) -> Array:
    """Return the gradient for x, the same factor on dy: ``dy * keep / (1 - p)``."""
    (dy,) = loader.floats(dy)
    dx = loader.empty(dy, dy.shape)
    loader.launch_each("dropout", "dropout_dx", dx.size, (dy, keep, dx, np.int64(dx.size), np.float32(1 / (1 - p))))
    return dx
