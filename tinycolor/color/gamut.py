"""What sRGB can show, and what to do with a predicted colour that it cannot.

Clipping red, green and blue one by one would change the lightness, and with it the photo. Here lightness and hue
stay, and only the colour's strength is taken back until it fits.
"""

from __future__ import annotations

from tinycolor.backend import Array, array_module
from tinycolor.color.spaces import lab_to_rgb

# A quarter of an 8-bit step: the six-digit white point is itself off by less.
TOLERANCE = 0.25 / 255
HALVINGS = 12


def in_gamut(lab: Array) -> Array:
    """Return which colours (..., 3) sRGB can show, bool (...), to a quarter of an 8-bit step."""
    rgb = lab_to_rgb(lab)
    return ((rgb >= -TOLERANCE) & (rgb <= 1 + TOLERANCE)).all(-1)


def fit_into_gamut(lab: Array) -> tuple[Array, float]:
    """Scale a* and b* of colours that sRGB cannot show, at constant L* and hue, until it can.

    Parameters
    ----------
    lab : array
        (..., 3): L* 0..100 (beyond, it is brought to the nearer end), any a* and b*.

    Returns
    -------
    lab : array
        The same shape and dtype; colours that fitted are unchanged.
    share : float
        Share of the colours that were scaled, 0..1.
    """
    xp = array_module(lab)
    fitted = lab.copy()
    fitted[..., 0] = xp.clip(lab[..., 0], 0, 100)
    outside = ~in_gamut(fitted)
    if outside.any():
        # Grey always fits, the whole colour does not: halve the interval between.
        lightness, chroma = fitted[outside][:, :1], fitted[outside][:, 1:]
        fits, too_much = xp.zeros_like(lightness), xp.ones_like(lightness)
        for _ in range(HALVINGS):
            middle = (fits + too_much) / 2
            good = in_gamut(xp.concatenate([lightness, chroma * middle], -1))[:, None]
            fits, too_much = xp.where(good, middle, fits), xp.where(good, too_much, middle)
        fitted[outside] = xp.concatenate([lightness, chroma * fits], -1)
    return fitted, float(outside.sum()) / max(1, outside.size)


def lab_to_bytes(lab: Array) -> tuple[Array, float]:
    """Return CIE Lab (..., 3) as sRGB bytes, uint8 (..., 3), and the share of colours that had to be weakened, 0..1.

    What sRGB cannot show is fitted as ``fit_into_gamut`` does.
    """
    fitted, share = fit_into_gamut(lab)
    return array_module(lab).rint(255 * lab_to_rgb(fitted).clip(0, 1)).astype("uint8"), share
