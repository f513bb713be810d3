"""What all scenes are drawn with: places, two shapes, and a rough surface.

All lengths are shares of the picture, from its upper left corner. A choice for every picture has the shape
(count, 1, 1), to go with the pixels' (size, size).
"""

from __future__ import annotations

import numpy as np

from tinycolor.random import Generator

SMALLEST = 16

Length = np.ndarray | float


def grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return where the pixels' centres are, y (size, 1) and x (1, size), float32.

    Raises
    ------
    ValueError
        ``size`` is below 16.
    """
    if size < SMALLEST:
        raise ValueError(f"A scene of size={size} shows nothing, expected at least {SMALLEST} pixels.")
    place = (np.arange(size, dtype=np.float32) + 0.5) / size
    return place[:, None], place[None, :]


def between(low: float, high: float, count: int, rng: Generator) -> np.ndarray:
    """Return one number for every picture, (count, 1, 1), spread evenly over [low, high)."""
    return rng.uniform((count, 1, 1), low, high)


def ellipse(y: np.ndarray, x: np.ndarray, half_height: Length, half_width: Length) -> np.ndarray:
    """Return which pixels lie in an ellipse about (0, 0), bool."""
    return (y / half_height) ** 2 + (x / half_width) ** 2 < 1


def trapezoid(y: np.ndarray, x: np.ndarray, height: Length, half_base: Length, half_top: Length) -> np.ndarray:
    """Return which pixels lie in a trapezoid that stands on (0, 0), bool; equal widths make a box, no top a gable."""
    up = -y / height
    return (up >= 0) & (up < 1) & (abs(x) < half_base + (half_top - half_base) * up)


def rough(count: int, cells: int, size: int, rng: Generator) -> np.ndarray:
    """Return a smooth random surface (count, size, size) in -1..1: a grid of random numbers, interpolated."""
    place = np.linspace(0, cells - 1, size, dtype=np.float32)[:, None]
    weight = np.maximum(0, 1 - abs(place - np.arange(cells, dtype=np.float32)))
    return weight @ rng.uniform((count, cells, cells), -1, 1) @ weight.T
