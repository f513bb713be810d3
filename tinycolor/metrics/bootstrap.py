"""By how much one method is better than another, and how sure that is when only so many photos were judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from tinycolor.random import Generator

RESAMPLES = 2000


class Interval(NamedTuple):
    """An estimate and its confidence interval."""

    low: float
    estimate: float
    high: float

    def __str__(self) -> str:
        return f"{self.estimate:.4g} [{self.low:.4g}, {self.high:.4g}]"


def paired_bootstrap(
    first: np.ndarray,
    second: np.ndarray,
    rng: Generator,
    *,
    statistic: Callable[[np.ndarray], Any] = np.mean,
    level: float = 0.95,
) -> Interval:
    """Return ``statistic(first) - statistic(second)`` with its interval: photos are drawn again, 2000 times.

    Paired: both methods are judged on the same photos in every draw, so that a photo that is hard for both does not
    blur the difference. The bounds are percentiles of the differences.

    Parameters
    ----------
    first, second : array
        (photos, ...): what was measured of each photo, in the same order for both.
    rng : Generator
        Draws the photos.
    statistic : function
        Of such an array, in which a photo may come more than once, to one number: the mean, unless pooled counts
        are to be compared.
    level : float
        Between 0 and 1: the share of differences that lie in the interval.

    Raises
    ------
    ValueError
        Different shapes, fewer than two photos, or a level that is no share.

    Source: B. Efron, R. Tibshirani, "An introduction to the bootstrap", 1993, section 13.3.
    """
    if first.shape != second.shape or len(first) < 2:
        raise ValueError(
            f"paired_bootstrap got {first.shape} and {second.shape}, expected the same two or more photos in both."
        )
    if not 0 < level < 1:
        raise ValueError(f"paired_bootstrap got level={level}, expected a share between 0 and 1, such as 0.95.")
    draws = rng.integers(0, len(first), (RESAMPLES, len(first)))
    differences = [float(statistic(first[photos]) - statistic(second[photos])) for photos in draws]
    low, high = np.quantile(differences, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(statistic(first) - statistic(second)), float(high))
