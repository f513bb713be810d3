"""Launches ``norm_act.cu``. The functions are those of ``ops/fast/norm_act.py``, for float32 CuPy arrays.

Where tensor cores are to multiply y and dx, both come rounded to TF32, and marked so (``rounding``).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader, rounding
from tinycolor.kernels.columns import THREADS, cut
from tinycolor.kernels.norm_pool import Window, norm_act_pool
from tinycolor.kernels.tile_sums import take

TILES_ALONE = 2048  # that one block adds up at most, eight for each thread, to spare a launch


class Statistics(NamedTuple):
    """As on a CPU, in the memory of the GPU; and the bias, to find again which side of its kink each number was on.

    mean, variance and inv_std: float64, (C,), or (N, C) where each picture has its own; bias: (C,).
    """

    mean: Array
    variance: Array
    inv_std: Array
    bias: Array | None


Running = tuple[Array, Array, float]  # running mean and variance (C,), and how far they move towards a batch's
Grads = tuple[Array | None, Array | None]  # of a weight and a bias, (C,), each None where it does not learn


def batch_norm_act(
    x: Array,
    weight: Array | None,
    bias: Array | None,
    eps: float,
    slope: float,
    *,
    running: Running | None = None,
    window: Window | None = None,
) -> tuple[Array, Statistics]:
    """Return ``y = act(weight * (x - mean) / std + bias)``, (N, H, W, C), and the batch's statistics.

    weight and bias may be None, for 1 and 0. The running statistics move along, in place, as ``follow`` of
    ``ops/norm.py`` moves them. ``window`` is that of a max-pooling that comes next: it is done along, if it fits.
    """
    tiles = take(x)
    x, weight, bias = loader.floats(x, weight, bias)
    statistics = _statistics(x, bias, eps, x.shape[-1:], running, tiles)
    if window is None or not window.fits(x.shape):
        return _norm_act(x, weight, statistics, slope), statistics
    channel = statistics.mean, statistics.inv_std, weight, bias
    return norm_act_pool(x, channel, slope, window), statistics


def instance_norm_act(
    x: Array, weight: Array | None, bias: Array | None, eps: float, slope: float
) -> tuple[Array, Statistics]:
    """Return the same with each picture's own statistics."""
    x, weight, bias = loader.floats(x, weight, bias)
    statistics = _statistics(x, bias, eps, (len(x), x.shape[-1]))
    return _norm_act(x, weight, statistics, slope), statistics


def _norm_act(x: Array, weight: Array | None, statistics: Statistics, slope: float) -> Array:
    (mean, _, inv_std, bias), rounds = statistics, rounding.wanted()
    blocks, y = cut(x.shape, mean.shape), loader.empty(x, x.shape)
    apply = (x, mean, inv_std, weight, bias, y, *blocks.sizes, np.float32(slope), np.bool_(rounds))
    loader.launch("norm_act", "norm_act", blocks.grid, THREADS, apply)
    return rounding.mark(y) if rounds else y


def _statistics(
    x: Array,
    bias: Array | None,
    eps: float,
    means: tuple[int, ...],
    running: Running | None = None,
    tiles: Array | None = None,
) -> Statistics:
    *followers, momentum = running or (None, None, 0.0)
    for array in followers:
        if array is not None and not (array.dtype == np.float32 and array.flags.c_contiguous):
            raise ValueError(
                f"the kernels got running statistics of {array.dtype}, expected float32, without gaps: they are moved "
                "where they are. Convert them with astype('float32')."
            )
    mean, variance, inv_std = (loader.empty(x, means, "float64") for _ in range(3))
    few, partial, count = _sums(x, means, tiles)
    sizes = np.int64(x.size // mean.size), np.int32(x.shape[-1]), np.int32(count)
    finish = (x, few, partial, mean, variance, inv_std, *followers, *sizes, np.float64(eps), np.float64(momentum))
    loader.launch("norm_act", "statistics", (mean.size,), min(count, THREADS), finish)
    return Statistics(mean, variance, inv_std, bias)


def _sums(x: Array, means: tuple[int, ...], tiles: Array | None) -> tuple[Array | None, Array | None, int]:
    """Return what ``statistics`` adds up: tiles, where they are few, or else partial sums; and how many."""
    if tiles is not None and len(tiles) <= TILES_ALONE:
        return tiles, None, len(tiles)
    blocks = cut(x.shape if tiles is None else tiles.shape[:2], means)
    partial = blocks.room_for_sums(x)
    if tiles is None:
        loader.launch("norm_act", "sum_x", blocks.grid, THREADS, (x, partial, *blocks.sizes))
    else:
        loader.launch("norm_act", "sum_tiles", blocks.grid, THREADS, (tiles, x, partial, *blocks.sizes))
    return None, partial, blocks.slices


def batch_norm_act_dx(
    dy: Array,
    x: Array,
    y: Array | None,
    weight: Array | None,
    statistics: Statistics,
    slope: float,
    *,
    onto: Grads = (None, None),
) -> tuple[Array, Array, Array]:
    """Return (dx, dweight, dbias) of either function, and add dweight and dbias of all pictures to ``onto``, in place.

    dweight and dbias are (C,), or (N, C) where each picture has its own; y is not looked at, and may be None.
    """
    dy, x, weight = loader.floats(dy, x, weight)
    (mean, _, inv_std, bias), rounds = statistics, rounding.wanted()
    blocks, dx = cut(x.shape, mean.shape), loader.empty(x, x.shape)
    dweight, dbias = (loader.empty(x, mean.shape) for _ in range(2))
    partial = blocks.room_for_sums(x)
    given, sizes = (dy, x, mean, inv_std, weight, bias), (*blocks.sizes, np.float32(slope))
    loader.launch("norm_act", "sum_dz", blocks.grid, THREADS, (*given, partial, *sizes))
    finish = (partial, inv_std, dweight, dbias, np.int32(blocks.slices))
    loader.launch("norm_act", "gradients", (mean.size,), min(blocks.slices, THREADS), finish)
    apply = (*given, dweight, dbias, *onto, dx, *sizes, np.bool_(rounds))
    loader.launch("norm_act", "norm_act_dx", blocks.grid, THREADS, apply)
    return rounding.mark(dx) if rounds else dx, dweight, dbias
