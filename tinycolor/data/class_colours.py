"""A colour for every class number, so that label maps can be looked at, and learned from as pictures."""

from __future__ import annotations

import math

import numpy as np

from tinycolor.color import lab_to_bytes

NUMBERS = 256  # the last one, 255, means no class
LIGHTNESS = (30, 45, 60, 75, 90)  # in turn
CHROMA = 60
GOLDEN_ANGLE = math.pi * (3 - math.sqrt(5))  # from hue to hue: no two come close for long


def _class_colours() -> np.ndarray:
    """Return colours that all differ, the first ones most, uint8 (256, 3), sRGB; that of no class is black."""
    numbers = np.arange(NUMBERS)
    hues = GOLDEN_ANGLE * numbers
    lab = np.stack([np.resize(LIGHTNESS, NUMBERS), CHROMA * np.cos(hues), CHROMA * np.sin(hues)], -1)
    colours, _ = lab_to_bytes(lab)
    colours[-1] = 0
    return colours


CLASS_COLOURS = _class_colours()
