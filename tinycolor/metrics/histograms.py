"""Which colours a photo has, and how often, wherever they are: what L1 narrows and an adversary widens."""

from __future__ import annotations

import numpy as np

from tinycolor.metrics.checks import checked

WIDTH = 4  # units of a* and of b*
# The middle bin's centre is 0: an edge there would share out greys by the sign of their rounding errors.
EDGES = np.arange(-114, 114 + WIDTH, WIDTH)
BINS = len(EDGES) - 1


def ab_histograms(ab: np.ndarray) -> np.ndarray:
    """Count the pixels by their a*, and by their b*, in 57 bins 4 units wide: two marginals of one distribution.

    Counts, so that those of several photos may be added up.

    Parameters
    ----------
    ab : array
        (H, W, 2) or (N, H, W, 2), float, in a*b* units. The middle bin reaches from -2 to 2, the
        outer ones to 114 and beyond: no screen shows that.

    Returns
    -------
    array
        (2, 57) or (N, 2, 57), int64.

    Raises
    ------
    ValueError
        The shape does not fit, or a number is not finite.
    """
    (ab,) = checked("ab_histograms", 2, ab)
    numbers = np.clip((ab - EDGES[0]) // WIDTH, 0, BINS - 1).astype(np.int64)
    photos = numbers.reshape(-1, ab.shape[-3] * ab.shape[-2], 2)
    counts = [[np.bincount(photo[:, channel], minlength=BINS) for channel in range(2)] for photo in photos]
    return np.array(counts).reshape(*ab.shape[:-3], 2, BINS)


def histogram_intersection(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return how much two histograms share: ``sum(min(p, q))``, where each is divided by its sum.

    Parameters
    ----------
    first, second : array
        (..., bins), counts or shares, each with at least one pixel.

    Returns
    -------
    float, or array (...)
        0 (no bin in common) to 1 (equal).

    Raises
    ------
    ValueError
        The shapes differ, or a histogram has no pixel.

    Source: M. Swain, D. Ballard, "Color indexing", IJCV 7(1), 1991; as pix2pix is judged by it: P. Isola et al.,
    "Image-to-image translation with conditional adversarial networks", CVPR 2017, section 4.2. Their logarithm is that
    of the axis they plot on; the sum is over the shares themselves.
    """
    if first.shape != second.shape:
        raise ValueError(f"histogram_intersection got {first.shape} and {second.shape}, expected equal shapes.")
    sums = [histogram.sum(-1, keepdims=True) for histogram in (first, second)]
    if not all((pixels > 0).all() for pixels in sums):
        raise ValueError("histogram_intersection got a histogram without a pixel, expected at least one in each.")
    return np.minimum(first / sums[0], second / sums[1]).sum(-1)
