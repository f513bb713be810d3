"""AuC: the share of pixels that are near enough, for every meaning of near enough at once.

auc(predicted_ab, true_ab)                      photos that fit into memory

counts = sum(error_counts(predicted_ab, true_ab) for predicted_ab, true_ab in any_number_of_photos)
area_under_curve(counts), area_under_curve(counts, balanced=True)
"""

from __future__ import annotations

import numpy as np

from tinycolor.color.ab_bins import AB_BINS, nearest_bin, rebalancing_weights, smoothed_distribution
from tinycolor.metrics.checks import checked

LARGEST = 150  # thresholds are 0, 1, ..., 150; a last column takes all errors beyond
COUNTS_SHAPE = (len(AB_BINS), LARGEST + 2)


def auc(predicted_ab: np.ndarray, true_ab: np.ndarray, *, balanced: bool = False) -> float:
    """Area under the curve: share of pixels within ab distance t of the truth, t from 0 to 150; 1 is best.

    Parameters
    ----------
    predicted_ab, true_ab : array
        (H, W, 2) or (N, H, W, 2), float, in a*b* units. A batch is one pool of pixels.
    balanced : bool
        Weigh every pixel by the inverse probability of its true colour (see ``area_under_curve``).

    Raises
    ------
    ValueError
        Shapes differ or do not fit, or a number is not finite.

    Notes
    -----
    Source: R. Zhang, P. Isola, A. Efros, "Colorful Image Colorization", ECCV 2016, section 3.1.
    """
    return area_under_curve(error_counts(predicted_ab, true_ab), balanced=balanced)


def error_counts(predicted_ab: np.ndarray, true_ab: np.ndarray) -> np.ndarray:
    """Count pixels by the bin of their true colour and by the smallest threshold that their error is within.

    All that both AuCs need, in one pass: the counts of many photos add up.

    Parameters
    ----------
    predicted_ab, true_ab : array
        (H, W, 2) or (N, H, W, 2), float, in a*b* units.

    Returns
    -------
    array
        (313, 152) int64: column t holds errors in (t - 1, t], the last column those beyond 150.

    Raises
    ------
    ValueError
        Shapes differ or do not fit, or a number is not finite.
    """
    predicted, true = checked("auc", 2, predicted_ab, true_ab)
    error = np.hypot(*np.moveaxis(predicted - true, -1, 0))
    column = np.minimum(np.ceil(error), LARGEST + 1).astype("int64")
    cell = nearest_bin(true) * COUNTS_SHAPE[1] + column
    return np.bincount(cell.ravel(), minlength=AB_BINS.shape[0] * COUNTS_SHAPE[1]).reshape(COUNTS_SHAPE)


def area_under_curve(counts: np.ndarray, *, balanced: bool = False) -> float:
    """Return the AuC, 0..1, of summed ``error_counts``: trapezoids under the curve, divided by 150.

    Parameters
    ----------
    counts : array
        (313, 152): the sum of the counts of all photos.
    balanced : bool
        Weigh the bins by ``rebalancing_weights`` with lambda 0 of these very photos' smoothed distribution of true
        colours. Else greys decide, and so much of a photo is nearly grey that no colour at all scores well.

    Raises
    ------
    ValueError
        The shape does not fit, or there is no pixel at all.

    Notes
    -----
    Source: Zhang et al. 2016, section 3.1 and equation 4 (there, the distribution is ImageNet's).
    """
    if counts.shape != COUNTS_SHAPE or not counts.any():
        raise ValueError(
            f"area_under_curve got counts of shape {counts.shape}, sum {counts.sum()}, expected {COUNTS_SHAPE} with "
            "at least one pixel: add up error_counts of the photos."
        )
    per_threshold = counts.sum(0)
    if balanced:
        per_threshold = rebalancing_weights(smoothed_distribution(counts.sum(1)), uniform_share=0) @ counts
    curve = np.cumsum(per_threshold)[: LARGEST + 1] / per_threshold.sum()
    return float(np.trapezoid(curve) / LARGEST)
