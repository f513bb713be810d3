"""A photo as a colorizer sees it: lightness goes in, colour is asked for."""

from __future__ import annotations

import numpy as np

from tinycolor.color import lab_of

# As pix2pix scales them: both come out within -1..1, and no colour that sRGB can show is cut off.
HALF_LIGHTNESS = 50
LARGEST_AB = 110


def split_photo(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return what a colorizer is given and what it should answer.

    Parameters
    ----------
    rgb : array
        Photos, uint8 (N, H, W, 3), sRGB.

    Returns
    -------
    x : array
        (N, H, W, 1), float32, -1..1: ``L* / 50 - 1``.
    target : array
        (N, H, W, 2), float32, within -1..1: a* and b* over 110.
    """
    lab = lab_of(rgb)
    return network_lightness(lab[..., :1]), lab[..., 1:] / LARGEST_AB


def network_lightness(lightness: np.ndarray) -> np.ndarray:
    """Return L* 0..100 as a colorizer takes it, -1..1."""
    return lightness / HALF_LIGHTNESS - 1


def ab_of(y: np.ndarray) -> np.ndarray:
    """Return a* and b* of a colorizer's answer: 110 times as much."""
    return y * LARGEST_AB
