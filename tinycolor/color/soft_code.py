"""A colour as shares of the 313 ab bins, and shares as a colour: what a network that classifies learns, and means.

A colour lies between bins, so it is not one class: the bins around it share it, the nearer the more. On the way back,
scores become one colour as a mean of the bins, and a temperature says how much the likeliest count.

Source: R. Zhang, P. Isola, A. Efros, "Colorful Image Colorization", ECCV 2016, sections 2.1 and 2.3.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from tinycolor.backend import Array, array_module
from tinycolor.color.ab_bins import AB_BINS, check_colours
from tinycolor.ops.softmax import softmax

SIGMA = 5.0  # of the Gaussian that shares a colour out, in ab units

# The rectangle around all bins, in cells. Each knows the few bins that can be among the nearest to a colour in it.
CELL = 5
LOWEST, HIGHEST = AB_BINS.min(0).tolist(), AB_BINS.max(0).tolist()
CELLS = tuple(int(high - low) // CELL for low, high in zip(LOWEST, HIGHEST, strict=True))


def soft_encode(ab: Array, neighbours: int = 10) -> Array:
    """Return the share of every bin in every colour, (..., 313) with sum 1, of ab (..., 2) in a*b* units.

    ``share ~ exp(-distance**2 / (2 * sigma**2))`` for the nearest bins, sigma 5, and 0 for all others. Bins that are
    as far away as the last of the nearest count too.

    Parameters
    ----------
    ab : array
        (..., 2), float32 or float64. What lies beyond a* -90..100 or b* -110..100, where sRGB has no colour, is
        moved to that border.
    neighbours : int
        How many bins are the nearest, 1..313: 5 in the paper, 10 in the authors' release.

    Raises
    ------
    ValueError
        The last axis is not 2, a number is NaN, or there are not so many bins.

    Notes
    -----
    Source: Zhang et al. 2016, section 2.1.
    """
    check_colours("soft_encode", ab)
    if not 1 <= neighbours <= len(AB_BINS):
        raise ValueError(f"soft_encode got neighbours={neighbours}, expected 1 to {len(AB_BINS)}.")
    xp = array_module(ab)
    a, b = (xp.clip(ab[..., axis].ravel(), LOWEST[axis], HIGHEST[axis]) for axis in (0, 1))
    near = xp.asarray(_bins_near(neighbours))[_cell(a, 0), _cell(b, 1)]
    bins = xp.asarray(AB_BINS, ab.dtype)[near]
    squares = (a[:, None] - bins[..., 0]) ** 2 + (b[:, None] - bins[..., 1]) ** 2
    last = xp.partition(squares, neighbours - 1, 1)[:, neighbours - 1, None]
    # The nearest one's square is taken off: a factor for all, without which far from all bins all would be 0.
    gaussian = xp.exp((squares.min(1, keepdims=True) - squares) / (2 * SIGMA**2)) * (squares <= last)
    shares = xp.zeros((len(near), len(AB_BINS)), ab.dtype)
    shares[xp.arange(len(near))[:, None], near] = gaussian / gaussian.sum(1, keepdims=True)
    return shares.reshape(*ab.shape[:-1], len(AB_BINS))


def _cell(place: Array, axis: int) -> Array:
    """Return in which cell along an axis each place lies; the last one includes its upper border."""
    cell = array_module(place).minimum((place - LOWEST[axis]) // CELL, CELLS[axis] - 1)
    return cell.astype("int64")


@lru_cache
def _bins_near(neighbours: int) -> np.ndarray:
    """Return for every cell the numbers of all bins that can be among the nearest to a colour in it.

    (cells along a*, cells along b*, K). A bin can not if enough others are nearer even where they are farthest. All
    cells list as many as the cell that needs most.
    """
    corner = np.moveaxis(np.indices(CELLS), 0, -1)[..., None, :] * CELL + LOWEST
    before, beyond = corner - AB_BINS, AB_BINS - corner - CELL
    nearest = (np.maximum(np.maximum(before, beyond), 0) ** 2).sum(-1)
    farthest = (np.maximum(abs(before), abs(beyond)) ** 2).sum(-1)
    needed = nearest <= np.sort(farthest)[..., neighbours - 1, None]
    return nearest.argsort(-1, kind="stable")[..., : needed.sum(-1).max()]


def annealed_mean(logits: Array, temperature: float) -> Array:
    """Return the colours that scores of the bins mean, a* and b* (..., 2), for logits (..., 313).

    ``sum(softmax(logits / T) * bins)``. At T = 1 it is the mean of the distribution, dull where a colour is
    uncertain. The lower T, the nearer it comes to the likeliest bin, vivid, but it may jump from pixel to pixel.

    Parameters
    ----------
    logits : array
        (..., 313): scores before softmax, float32 or float64.
    temperature : float
        T, above 0. 0.38 in the paper; the authors' release multiplies the scores by 2.606, so 0.3837.

    Raises
    ------
    ValueError
        There are not 313 scores, or the temperature is not above 0.

    Notes
    -----
    Source: Zhang et al. 2016, section 2.3, equation 5.
    """
    if logits.shape[-1:] != (len(AB_BINS),):
        raise ValueError(f"annealed_mean got shape {logits.shape}, expected (..., {len(AB_BINS)}): a score per bin.")
    if not (math.isfinite(temperature) and temperature > 0):
        raise ValueError(f"annealed_mean got temperature={temperature}, expected a number above 0, such as 0.38.")
    return softmax(logits / temperature) @ array_module(logits).asarray(AB_BINS, logits.dtype)
