"""Batch normalisation and its activation in one go: each pixel is read twice and written once, a block at a time.

The plain way (``ops/norm.py`` and ``ops/activation.py``) walks through main memory for every little operation.
Here a block of pixels is fetched once into a core's cache and all operations are done on it there.

The activation is given by its slope below zero: ``y = max(z, slope * z)``. 0 is ReLU, 0.2 a LeakyReLU, 1 none.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tinycolor.threads import in_lanes, scratch, sum_in_lanes

BLOCK_NUMBERS = 1 << 19
# A broadcast channel vector should be at least this long, or NumPy's inner loop is all overhead.
ROW_NUMBERS = 512
SHORT_SUM = 32
SOME_PIXELS = 256


class Statistics(NamedTuple):
    """Mean, (biased) variance and 1 / sqrt(variance + eps) of every channel, float64 (C,)."""

    mean: np.ndarray
    variance: np.ndarray
    inv_std: np.ndarray


def batch_norm_act(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float, slope: float
) -> tuple[np.ndarray, Statistics]:
    """Return ``y = act(weight * (x - mean) / std + bias)``, (N, H, W, C), and the batch's statistics."""
    statistics = _statistics(x, eps)
    y = np.empty(x.shape, x.dtype)
    rows, fold = _fold(x)
    targets, _ = _fold(y)
    channels = (statistics.mean, weight * statistics.inv_std, bias)
    mean_row, scale_row, bias_row = (np.tile(vector.astype(x.dtype), fold) for vector in channels)

    def normalise(block: slice) -> None:
        z = targets[block]
        np.subtract(rows[block], mean_row, out=z)
        z *= scale_row
        z += bias_row
        _activate(z, slope)

    in_lanes(normalise, _blocks(rows))
    return y, statistics


def batch_norm_act_dx(
    dy: np.ndarray, x: np.ndarray, y: np.ndarray, weight: np.ndarray, statistics: Statistics, slope: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (dx, dweight, dbias) of ``batch_norm_act``.

    With ``dz = dy * (1 or slope)`` and ``x_hat = (x - mean) * inv_std``: ``dbias = sum(dz)``,
    ``dweight = sum(dz * x_hat)``, ``dx = weight * inv_std * (dz - dbias/P - x_hat * dweight/P)`` over P pixels.
    """
    mean, _, inv_std = statistics
    dtype, channels = x.dtype, x.shape[-1]
    pixels = x.size // channels
    dx = np.empty(x.shape, dtype)
    rows, fold = _fold(x)
    (dy_rows, _), (y_rows, _), (dx_rows, _) = _fold(dy), _fold(y), _fold(dx)
    mean_row = np.tile(mean.astype(dtype), fold)

    def sum_up(block: slice, out: np.ndarray) -> None:
        dz, product = dx_rows[block], scratch("norm", rows[block].shape, dtype)
        _activate_dx(dy_rows[block], y_rows[block], slope, out=dz)
        np.subtract(rows[block], mean_row, out=product)
        product *= dz
        out[0] = _sum_rows(dz)
        out[1] = _sum_rows(product)

    (sums,) = sum_in_lanes(sum_up, _blocks(rows), [(2, rows.shape[1])], np.float64)
    dbias, dweight = sums.reshape(2, fold, channels).sum(1)
    dweight *= inv_std
    # dx = a * dz + b * x + c, channel by channel.
    a = weight * inv_std
    b = -a * inv_std * dweight / pixels
    c = -a * dbias / pixels - b * mean
    a_row, b_row, c_row = (np.tile(vector.astype(dtype), fold) for vector in (a, b, c))

    def combine(block: slice) -> None:
        dz, other = dx_rows[block], scratch("norm", rows[block].shape, dtype)
        np.multiply(rows[block], b_row, out=other)
        other += c_row
        dz *= a_row
        dz += other

    in_lanes(combine, _blocks(rows))
    return dx, dweight.astype(dtype), dbias.astype(dtype)


def _statistics(x: np.ndarray, eps: float) -> Statistics:
    """Sums of x and x**2 about the mean of some pixels, so that squares do not cancel when the mean is far from 0."""
    channels = x.shape[-1]
    pixels = x.size // channels
    rows, fold = _fold(x)
    pivot = rows[: 1 + SOME_PIXELS // fold].reshape(-1, channels).mean(0)
    pivot_row = np.tile(pivot, fold)

    def sum_up(block: slice, out: np.ndarray) -> None:
        centred = scratch("norm", rows[block].shape, x.dtype)
        np.subtract(rows[block], pivot_row, out=centred)
        out[0] = _sum_rows(centred)
        centred *= centred
        out[1] = _sum_rows(centred)

    (sums,) = sum_in_lanes(sum_up, _blocks(rows), [(2, rows.shape[1])], np.float64)
    first, second = sums.reshape(2, fold, channels).sum(1) / pixels
    variance = np.maximum(second - first**2, 0)
    return Statistics(first + pivot, variance, 1 / np.sqrt(variance + eps))


def _fold(x: np.ndarray) -> tuple[np.ndarray, int]:
    """Lay several pixels side by side in one long row: (pixels / fold, fold * C), and the fold."""
    channels = x.shape[-1]
    pixels = x.size // channels
    fold = 1
    while fold * channels < ROW_NUMBERS and pixels % (2 * fold) == 0:
        fold *= 2
    return x.reshape(pixels // fold, fold * channels), fold


def _sum_rows(rows: np.ndarray) -> np.ndarray:
    """Return the sum of all rows in float64. BLAS adds up a few at a time, so that float32 sums stay short."""
    whole = len(rows) // SHORT_SUM * SHORT_SUM
    groups = rows[:whole].reshape(-1, SHORT_SUM, rows.shape[1])
    sums = np.matmul(np.ones(SHORT_SUM, rows.dtype), groups)
    return sums.sum(0, dtype=np.float64) + rows[whole:].sum(0, dtype=np.float64)


def _blocks(rows: np.ndarray) -> list[slice]:
    count = -(-rows.size // BLOCK_NUMBERS)
    count += count % 2 if count > 1 else 0
    edges = [len(rows) * i // count for i in range(count + 1)]
    return [slice(a, b) for a, b in pairwise(edges) if b > a]


def _activate(z: np.ndarray, slope: float) -> None:
    if slope == 0:
        np.maximum(z, 0, out=z)
    elif slope < 1:
        below = scratch("norm", z.shape, z.dtype)
        np.multiply(z, slope, out=below)
        np.maximum(z, below, out=z)


def _activate_dx(dy: np.ndarray, y: np.ndarray, slope: float, out: np.ndarray) -> None:
    if slope == 1:
        out[...] = dy
        return
    np.multiply(dy, y > 0, out=out)
    if slope:
        below = scratch("norm", dy.shape, dy.dtype)
        np.multiply(dy, y <= 0, out=below)
        below *= slope
        out += below
