"""Launches ``norm_act.cu``. The functions are those of ``ops/fast/norm_act.py``, for float32 CuPy arrays."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader
from tinycolor.kernels.columns import THREADS, cut
from tinycolor.kernels.tile_sums import sums_of


class Statistics(NamedTuple):
    """As on a CPU, in the memory of the GPU; and the bias, to find again which side of its kink each number was on.

    mean, variance and inv_std: float64, (C,), or (N, C) where each picture has its own; bias: (C,).
    """

    mean: Array
    variance: Array
    inv_std: Array
    bias: Array | None


def batch_norm_act(
    x: Array, weight: Array | None, bias: Array | None, eps: float, slope: float
) -> tuple[Array, Statistics]:
    """Return ``y = act(weight * (x - mean) / std + bias)``, (N, H, W, C), and the batch's statistics.

    weight and bias may be None, for 1 and 0.
    """
    return _norm_act(x, weight, bias, eps, slope, (x.shape[-1],))


def instance_norm_act(
    x: Array, weight: Array | None, bias: Array | None, eps: float, slope: float
) -> tuple[Array, Statistics]:
    """Return the same with each picture's own statistics."""
    return _norm_act(x, weight, bias, eps, slope, (len(x), x.shape[-1]))


def _norm_act(
    x: Array, weight: Array | None, bias: Array | None, eps: float, slope: float, means: tuple[int, ...]
) -> tuple[Array, Statistics]:
    tiles = sums_of(x) if len(means) == 1 else None
    x, weight, bias = loader.floats(x, weight, bias)
    blocks, y = cut(x.shape, means), loader.empty(x, x.shape)
    mean, variance, inv_std = (loader.empty(x, means, "float64") for _ in range(3))
    summed = blocks if tiles is None else cut(tiles.shape[:2], means)
    partial = summed.room_for_sums(x)
    if tiles is None:
        loader.launch("norm_act", "sum_x", summed.grid, THREADS, (x, partial, *summed.sizes))
    else:
        loader.launch("norm_act", "sum_tiles", summed.grid, THREADS, (tiles, x, partial, *summed.sizes))
    sizes = np.int64(blocks.pixels), np.int32(blocks.channels), np.int32(summed.slices)
    finish = (x, partial, mean, variance, inv_std, *sizes, np.float64(eps))
    loader.launch("norm_act", "statistics", (mean.size,), min(summed.slices, THREADS), finish)
    apply = (x, mean, inv_std, weight, bias, y, *blocks.sizes, np.float32(slope))
    loader.launch("norm_act", "norm_act", blocks.grid, THREADS, apply)
    return y, Statistics(mean, variance, inv_std, bias)


def batch_norm_act_dx(
    dy: Array, x: Array, y: Array | None, weight: Array | None, statistics: Statistics, slope: float
) -> tuple[Array, Array, Array]:
    """Return (dx, dweight, dbias) of either function, dweight and dbias (C,); y is not looked at, and may be None."""
    dy, x, weight = loader.floats(dy, x, weight)
    mean, _, inv_std, bias = statistics
    blocks, dx = cut(x.shape, mean.shape), loader.empty(x, x.shape)
    dweight, dbias = (loader.empty(x, mean.shape) for _ in range(2))
    partial = blocks.room_for_sums(x)
    given, sizes = (dy, x, mean, inv_std, weight, bias), (*blocks.sizes, np.float32(slope))
    loader.launch("norm_act", "sum_dz", blocks.grid, THREADS, (*given, partial, *sizes))
    finish = (partial, inv_std, dweight, dbias, np.int32(blocks.slices))
    loader.launch("norm_act", "gradients", (mean.size,), min(blocks.slices, THREADS), finish)
    loader.launch("norm_act", "norm_act_dx", blocks.grid, THREADS, (*given, dweight, dbias, dx, *sizes))
    if mean.ndim > 1:
        dweight, dbias = (each.sum(0) if len(each) > 1 else each[0] for each in (dweight, dbias))
    return dx, dweight, dbias


def follow(running_mean: Array, running_var: Array, mean: Array, variance: Array, pixels: int, momentum: float) -> None:
    """Move running statistics (C,), in place, towards a batch's, which are float64: ``ops/norm.py``, in one launch."""
    numbers = np.int32(mean.size), np.float64(pixels / max(pixels - 1, 1)), np.float64(momentum)
    loader.launch_each("norm_act", "follow", mean.size, (running_mean, running_var, mean, variance, *numbers))
