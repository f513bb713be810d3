"""How far the predicted colours are from the true ones."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.metrics.checks import checked, checked_rgb


def ab_mae(predicted_ab: np.ndarray, true_ab: np.ndarray) -> Array:
    """Mean absolute error of the colour: ``mean(|predicted - true|)`` over pixels and both channels.

    Parameters
    ----------
    predicted_ab, true_ab : array
        (H, W, 2) or (N, H, W, 2), float, in a*b* units.

    Returns
    -------
    float, or array (N,)
        Of every photo, in a*b* units; 0 is best.

    Raises
    ------
    ValueError
        Shapes differ or do not fit, or a number is not finite.
    """
    predicted, true = checked("ab_mae", 2, predicted_ab, true_ab)
    return abs(predicted - true).mean((-3, -2, -1))


def psnr(predicted_rgb: np.ndarray, true_rgb: np.ndarray) -> Array:
    """Peak signal-to-noise ratio: ``10 * log10(1 / MSE)`` decibel, over pixels and channels of RGB 0..1.

    Parameters
    ----------
    predicted_rgb, true_rgb : array
        (H, W, 3) or (N, H, W, 3): uint8 0..255, which is divided by 255, or float 0..1.

    Returns
    -------
    float, or array (N,)
        Of every photo (the habit is to average these, not the errors); infinity for equal photos.

    Raises
    ------
    ValueError
        Shapes differ or do not fit, or a number is not finite.
    """
    predicted, true = checked_rgb("psnr", predicted_rgb, true_rgb)
    with np.errstate(divide="ignore"):
        return 10 * np.log10(1 / ((predicted - true) ** 2).mean((-3, -2, -1)))


def accuracy(predicted_lab: np.ndarray, true_lab: np.ndarray, eps: float) -> Array:
    """Share of pixels whose rounded Lab is near: ``|dL| <= eps`` and ``|da|, |db| <= 2.2 * eps``.

    2.2 because a* and b* reach from -110 to 110 where L* has 0 to 100.

    Parameters
    ----------
    predicted_lab, true_lab : array
        (H, W, 3) or (N, H, W, 3), float, in L*a*b* units; rounded here to whole numbers (halves to even).
    eps : float
        How near, in units of L*; 2 and 5 are usual.

    Returns
    -------
    float, or array (N,)
        Of every photo, 0..1; 1 is best.

    Raises
    ------
    ValueError
        Shapes differ or do not fit, or a number is not finite.

    Notes
    -----
    Source: K. Nazeri, E. Ng, M. Ebrahimi, "Image Colorization using Generative Adversarial Networks", AMDO 2018,
    as their code has it.
    """
    predicted, true = checked("accuracy", 3, predicted_lab, true_lab)
    difference = abs(np.rint(predicted) - np.rint(true))
    return (difference <= (eps, 2.2 * eps, 2.2 * eps)).all(-1).mean((-2, -1))
