"""Structural similarity of the colour: whether it changes where the truth's colour changes."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinycolor.backend import Array
from tinycolor.metrics.checks import checked

WINDOW = 11
SIGMA = 1.5
DATA_RANGE = 220.0  # a* and b* in -110..110
C1, C2 = (0.01 * DATA_RANGE) ** 2, (0.03 * DATA_RANGE) ** 2


def ssim_ab(predicted_ab: np.ndarray, true_ab: np.ndarray) -> Array:
    """SSIM of a* and of b*, averaged; L* is the photo's own, so there it would always be 1.

    With means m, variances v and covariance c in a Gaussian window (11x11, sigma 1.5) around every pixel that has
    a whole window, ``(2*m_x*m_y + C1) * (2*c + C2) / ((m_x**2 + m_y**2 + C1) * (v_x + v_y + C2))``, averaged;
    ``C1 = (0.01 * 220)**2``, ``C2 = (0.03 * 220)**2`` for a* and b* in -110..110. Along a side shorter than 11 the
    window is as long as the side.

    Parameters
    ----------
    predicted_ab, true_ab : array
        (H, W, 2) or (N, H, W, 2), float, in a*b* units.

    Returns
    -------
    float, or array (N,)
        Of every photo, -1..1; 1 is best.

    Raises
    ------
    ValueError
        Shapes differ or do not fit, or a number is not finite.

    Notes
    -----
    Source: Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", IEEE TIP 13(4), 2004, equation 13.
    """
    x, y = checked("ssim_ab", 2, predicted_ab, true_ab)
    mean_x, mean_y = _window_mean(x), _window_mean(y)
    covariance = _window_mean(x * y) - mean_x * mean_y
    squared_means = mean_x**2 + mean_y**2
    variances = _window_mean(x**2 + y**2) - squared_means
    similarity = (2 * mean_x * mean_y + C1) * (2 * covariance + C2) / ((squared_means + C1) * (variances + C2))
    return similarity.mean((-3, -2, -1))


def _window_mean(x: np.ndarray) -> np.ndarray:
    """Return the Gaussian mean of every whole window: a 2-D Gaussian is one along each side in turn."""
    for axis in (-3, -2):
        taps = min(WINDOW, x.shape[axis])
        weights = np.exp(-((np.arange(taps) - (taps - 1) / 2) ** 2) / (2 * SIGMA**2))
        x = sliding_window_view(x, taps, axis) @ (weights / weights.sum())
    return x
