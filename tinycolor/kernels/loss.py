"""Launches ``loss.cu``. The functions are those of ``losses.py``, for float32 CuPy arrays of one shape."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader

THREADS = 256  # in a block, as the chapter has it
BLOCKS_WANTED = 512  # four for each multiprocessor of a large GPU; the same on all, and so are the sums
LEAST_SUM = 4  # numbers that a thread adds up at least, where there are so many


def mse(y: Array, target: Array) -> tuple[Array, Array]:
    """Return ``mean((y - target)**2)``, 0-d, and its gradient for y."""
    return _loss("mse", y, target)


def l1(y: Array, target: Array) -> tuple[Array, Array]:
    """Return ``mean(|y - target|)``, 0-d, and its gradient for y."""
    return _loss("l1", y, target)


def smooth_l1(y: Array, target: Array, beta: float = 1.0) -> tuple[Array, Array]:
    """Return the mean of what is squared up to beta and absolute beyond, 0-d, and its gradient for y."""
    return _loss("smooth_l1", y, target, beta)


def bce(y: Array, target: Array) -> tuple[Array, Array]:
    """Return the binary cross-entropy of probabilities y, 0-d, and its gradient for y."""
    return _loss("bce", y, target)


def bce_with_logits(logits: Array, target: Array) -> tuple[Array, Array]:
    """Return the binary cross-entropy of ``sigmoid(logits)``, 0-d, and its gradient for the logits."""
    return _loss("bce_with_logits", logits, target)


def _loss(name: str, y: Array, target: Array, beta: float = 1.0) -> tuple[Array, Array]:
    y, target = loader.floats(y, target)
    each = THREADS * max(LEAST_SUM, -(-y.size // (THREADS * BLOCKS_WANTED)))
    blocks = -(-y.size // each)
    loss, dy, partial = loader.empty(y, ()), loader.empty(y, y.shape), loader.empty(y, (blocks,), "float64")
    count, share = np.int64(y.size), np.float32(1 / y.size)
    sweep = (y, target, dy, partial, count, np.int64(each), share, np.float32(beta))
    loader.launch("loss", "sum_terms", (blocks,), THREADS, sweep, LOSS=name)
    loader.launch("loss", "mean", (1,), THREADS, (partial, loss, np.int32(blocks), count), LOSS=name)
    return loss, dy
