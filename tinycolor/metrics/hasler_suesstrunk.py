"""How much colour a photo has, whether right or wrong."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.metrics.checks import checked_rgb


def colourfulness(rgb: np.ndarray) -> Array:
    """Colourfulness: ``hypot(std(rg), std(yb)) + 0.3 * hypot(mean(rg), mean(yb))``, RGB 0..255.

    ``rg = R - G`` and ``yb = (R + G) / 2 - B``, both with their sign. (DDColor's code takes absolute values first,
    which gives other numbers.) Grey has 0; raters called 33 moderately and 59 quite colourful.

    Parameters
    ----------
    rgb : array
        (H, W, 3) or (N, H, W, 3): uint8 0..255, or float 0..1, which is multiplied by 255.

    Returns
    -------
    float, or array (N,)
        Of every photo, from 0 up.

    Raises
    ------
    ValueError
        The shape does not fit, or a number is not finite.

    Notes
    -----
    Source: D. Hasler, S. Suesstrunk, "Measuring colourfulness in natural images", SPIE 5007, 2003.
    """
    (photo,) = checked_rgb("colourfulness", rgb)
    red, green, blue = np.moveaxis(255 * photo, -1, 0)
    rg, yb = red - green, (red + green) / 2 - blue
    pixels = (-2, -1)
    return np.hypot(rg.std(pixels), yb.std(pixels)) + 0.3 * np.hypot(rg.mean(pixels), yb.mean(pixels))
