"""Crosses and circles, drawn in endless variety: shifted, scaled, turned, thicker or thinner, noisy.

Pixels are +1 (the drawing) and -1 (the ground), as in B. Rohrer, "How do convolutional neural networks work?",
2016; ``CROSS`` and ``FEATURES`` are the 9x9 picture and the 3x3 filters of that walk-through.
"""

from __future__ import annotations

import numpy as np

from tinycolor.random import Generator


def _picture(*rows: str) -> np.ndarray:
    """Return +1 for # and -1 for . as a picture (H, W, 1)."""
    return np.array([[1 if mark == "#" else -1 for mark in row] for row in rows], np.float32)[..., None]


CROSS = _picture(
    ".........",
    ".#.....#.",
    "..#...#..",
    "...#.#...",
    "....#....",
    "...#.#...",
    "..#...#..",
    ".#.....#.",
    ".........",
)
CIRCLE = _picture(
    ".........",
    "...###...",
    "..#...#..",
    ".#.....#.",
    ".#.....#.",
    ".#.....#.",
    "..#...#..",
    "...###...",
    ".........",
)
# What a cross is made of, as filters (3, 3, 1, 3): a falling line, a small cross, a rising line.
FEATURES = np.stack(
    [
        _picture("#..", ".#.", "..#"),
        _picture("#.#", ".#.", "#.#"),
        _picture("..#", ".#.", "#.."),
    ],
    axis=-1,
)


def draw(count: int, size: int, rng: Generator, noise: float = 0.02) -> tuple[np.ndarray, np.ndarray]:
    """Draw crosses and circles.

    Parameters
    ----------
    count : int
        How many.
    size : int
        Height and width in pixels, at least 8.
    rng : Generator
        Where every choice comes from.
    noise : float
        Share of pixels that are turned over, 0..1.

    Returns
    -------
    x : array
        (count, size, size, 1), float32, +1 or -1.
    votes : array
        (count, 2), float32: 1, 0 for a cross and 0, 1 for a circle.

    Raises
    ------
    ValueError
        ``size`` is below 8.
    """
    if size < 8:
        raise ValueError(f"draw got size={size}, expected at least 8 pixels.")
    kind = rng.integers(0, 2, (count,))
    # All lengths are shares of the picture: (count, 1, 1), to go with the pixels' (size, size).
    radius, shift_y, shift_x, thickness, turn = (
        rng.uniform((count, 1, 1), low, high)
        for low, high in ((0.22, 0.38), (-0.1, 0.1), (-0.1, 0.1), (0.06, 0.14), (-0.4, 0.4))
    )
    place = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    y, x = place[:, None] - shift_y, place[None, :] - shift_x
    is_line = np.where(
        kind[:, None, None] == 0,
        _cross(y, x, radius, thickness, np.pi / 4 + turn),
        _circle(y, x, radius, thickness),
    )
    flipped = rng.uniform((count, size, size)) < noise
    pixels = np.where(is_line ^ flipped, np.float32(1), np.float32(-1))
    return pixels[..., None], np.eye(2, dtype=np.float32)[kind]


def _circle(y: np.ndarray, x: np.ndarray, radius: np.ndarray, thickness: np.ndarray) -> np.ndarray:
    return abs(np.hypot(y, x) - radius) < thickness / 2


def _cross(y: np.ndarray, x: np.ndarray, radius: np.ndarray, thickness: np.ndarray, angle: np.ndarray) -> np.ndarray:
    along = y * np.cos(angle) + x * np.sin(angle)
    across = x * np.cos(angle) - y * np.sin(angle)
    on_arm = np.minimum(abs(along), abs(across)) < thickness / 2
    return on_arm & (np.maximum(abs(along), abs(across)) < radius)
