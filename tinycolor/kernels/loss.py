"""Launches ``loss.cu``. The functions are those of ``losses.py``, for float32 CuPy arrays of one shape."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader
from tinycolor.kernels.awaited import USUAL_BETA, take

THREADS = 256  # in a block, as the chapter has it
BLOCKS_WANTED = 512  # four for each multiprocessor of a large GPU; the same on all, and so are the sums
LEAST_SUM = 4  # numbers that a thread adds up at least, where there are so many


def mse(y: Array, target: Array) -> tuple[Array, Array]:
    """Return ``mean((y - target)**2)``, 0-d, and its gradient for y."""
    return _loss("mse", y, target)


def l1(y: Array, target: Array) -> tuple[Array, Array]:
    """Return ``mean(|y - target|)``, 0-d, and its gradient for y."""
    return _loss("l1", y, target)


def smooth_l1(y: Array, target: Array, beta: float = USUAL_BETA) -> tuple[Array, Array]:
    """Return the mean of what is squared up to beta and absolute beyond, 0-d, and its gradient for y."""
    return _loss("smooth_l1", y, target, beta)


def bce(y: Array, target: Array) -> tuple[Array, Array]:
    """Return the binary cross-entropy of probabilities y, 0-d, and its gradient for y."""
    return _loss("bce", y, target)


def bce_with_logits(logits: Array, target: Array) -> tuple[Array, Array]:
    """Return the binary cross-entropy of ``sigmoid(logits)``, 0-d, and its gradient for the logits."""
    return _loss("bce_with_logits", logits, target)


def _loss(name: str, y: Array, target: Array, beta: float = USUAL_BETA) -> tuple[Array, Array]:
    made = take(name, y, target, beta)
    if made is not None:
        return made
    y, target = loader.floats(y, target)
    each = THREADS * max(LEAST_SUM, -(-y.size // (THREADS * BLOCKS_WANTED)))
    blocks = -(-y.size // each)
    dy, partial = loader.empty(y, y.shape), loader.empty(y, (blocks,), "float64")
    sizes = np.int64(y.size), np.int64(each), np.float32(1 / y.size), np.float32(beta)
    loader.launch("loss", "sum_terms", (blocks,), THREADS, (y, target, dy, partial, *sizes), LOSS=name)
    return mean(name, partial, y), dy


def mean(name: str, partial: Array, y: Array) -> Array:
    """Return the mean, 0-d, of what each number of y costs, of which ``partial`` has the sums of all blocks."""
    loss = loader.empty(y, ())
    sums = (partial, loss, np.int32(partial.size), np.int64(y.size))
    loader.launch("loss", "mean", (1,), THREADS, sums, LOSS=name)
    return loss
