"""The 313 ab bins: colour as a choice among classes instead of two numbers.

A grid of step 10 over the ab plane, kept where colours of sRGB are, or their neighbours. The list of 313 is Zhang's;
nearest-bin rounding of all 16.7 million sRGB colours hits 261 of them, and 229 are themselves colours that sRGB can
show. The rest is what soft encoding, which spreads a colour over its neighbours, can touch.

Source: R. Zhang, P. Isola, A. Efros, "Colorful Image Colorization", ECCV 2016, section 2.
"""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array, array_module

STEP = 10
SMOOTHING = 5.0  # sigma of the Gaussian over the bins, in ab units

# For every a*, the lowest and the highest b*.
B_RANGES = {
    -90: (50, 90),
    -80: (20, 90),
    -70: (0, 90),
    -60: (-20, 90),
    -50: (-30, 100),
    -40: (-40, 100),
    -30: (-50, 100),
    -20: (-50, 100),
    -10: (-60, 100),
    0: (-70, 100),
    10: (-80, 90),
    20: (-80, 90),
    30: (-90, 90),
    40: (-100, 90),
    50: (-100, 80),
    60: (-110, 80),
    70: (-110, 80),
    80: (-110, 70),
    90: (-110, 70),
    100: (-90, 0),
}
AB_BINS = np.array([(a, b) for a, (low, high) in B_RANGES.items() for b in range(low, high + 1, STEP)], "float64")


def _squared_distances(ab: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return (len(ab), len(others)): the square of every distance."""
    return ((ab[:, None] - others) ** 2).sum(-1)


# The smallest rectangle of grid points around all bins, and for each point the number of the bin nearest to it.
_LOWEST, _HIGHEST = AB_BINS.min(0) / STEP, AB_BINS.max(0) / STEP
_GRID_SHAPE = tuple((_HIGHEST - _LOWEST + 1).astype(int))
_GRID = (np.indices(_GRID_SHAPE).reshape(2, -1).T + _LOWEST) * STEP
_BIN_OF_GRID = _squared_distances(_GRID, AB_BINS).argmin(1).reshape(_GRID_SHAPE)


def nearest_bin(ab: Array) -> Array:
    """Return the number 0..312 of the bin nearest to every colour, int64 (...), of ab (..., 2) in a*b* units.

    Exact for all colours of 8-bit sRGB. A colour whose grid point is no bin gets the bin nearest to that grid point.

    Raises
    ------
    ValueError
        The last axis is not 2, or a number is NaN.
    """
    check_colours("nearest_bin", ab)
    xp = array_module(ab)
    a, b = (
        (xp.clip(xp.rint(ab[..., axis] / STEP), _LOWEST[axis], _HIGHEST[axis]) - _LOWEST[axis]).astype("int64")
        for axis in (0, 1)
    )
    return xp.asarray(_BIN_OF_GRID)[a, b]


def check_colours(name: str, ab: Array) -> None:
    """Raise a ValueError in the name of a function unless ``ab`` is (..., 2) and free of NaN."""
    if ab.shape[-1:] != (2,):
        raise ValueError(f"{name} got shape {ab.shape}, expected (..., 2): a* and b*.")
    if array_module(ab).isnan(ab).any():
        raise ValueError(f"{name} got NaN, expected colours: look for the first layer that gives NaN.")


def smoothed_distribution(counts: np.ndarray) -> np.ndarray:
    """Return how probable every colour is, (313,) with sum 1, of the pixels counted per bin, (313,).

    Every bin spreads its share over all bins by a Gaussian of their distance (sigma 5), so that a colour that
    happened not to occur is rare and not impossible.

    Raises
    ------
    ValueError
        Not 313 counts, one is negative, or there is no pixel at all.

    Notes
    -----
    Source: Zhang et al. 2016, section 2.2.
    """
    if counts.shape != (len(AB_BINS),) or counts.min() < 0 or not counts.sum() > 0:
        raise ValueError(
            f"smoothed_distribution got counts of shape {counts.shape} with sum {counts.sum()}, expected "
            f"{len(AB_BINS)} pixel counts from 0 up, not all 0: np.bincount(nearest_bin(ab).ravel(), minlength=313)."
        )
    spread = np.exp(-_squared_distances(AB_BINS, AB_BINS) / (2 * SMOOTHING**2))
    return spread @ (counts / spread.sum(0)) / counts.sum()


def rebalancing_weights(probability: np.ndarray, uniform_share: float = 0.5) -> np.ndarray:
    """Return the weight of every bin, (Q,), so that rare colours count as much as the common greys.

    ``w ~ 1 / ((1 - lambda) * p + lambda / Q)``, scaled so that the mean weight of a pixel, ``sum(p * w)``, is 1.

    Parameters
    ----------
    probability : array
        (Q,) p: how probable every bin is, sum 1.
    uniform_share : float
        lambda, 0..1. 0.5 for training. 0 weighs by the inverse of p alone, as the class-balanced AuC does; a bin
        of probability 0 then has weight 0. 1 weighs all alike.

    Raises
    ------
    ValueError
        ``uniform_share`` is outside 0..1.

    Notes
    -----
    Source: Zhang et al. 2016, section 2.2, equation 4.
    """
    if not 0 <= uniform_share <= 1:
        raise ValueError(f"rebalancing_weights got uniform_share={uniform_share}, expected 0 to 1.")
    mixed = (1 - uniform_share) * probability + uniform_share / len(probability)
    # Smoothing leaves far bins with numbers so small that their inverse is no float any more.
    weights = np.divide(1, mixed, out=np.zeros(len(mixed)), where=mixed > np.finfo("float64").tiny)
    return weights / (probability * weights).sum()
