"""Digits, drawn in endless variety: shifted, scaled, slanted, turned, bent, with a thin pen or a broad one.

A digit is a path of the pen in a box from -1 to 1, y downwards. What is random is the paper: it is bent by a slow
wave, and then moved, stretched and turned. The pen presses one soft dot beside the other; where they lie close
enough, the ink is full.
"""

from __future__ import annotations

import numpy as np

from tinycolor.random import Generator

DOTS = 64  # per digit; at 28 x 28 the longest path has one for each pixel
FULL_INK = 3.0  # where dots lie closely: 1 - exp(-3) is 0.95
Stroke = np.ndarray  # (points, 2): x and y


def _line(*points: tuple[float, float]) -> Stroke:
    return np.array(points)


def _arc(x: float, y: float, width: float, height: float, start: float, end: float) -> Stroke:
    """Return part of an ellipse, in degrees from the right, clockwise since y goes down."""
    angle = np.radians(np.linspace(start, end, 33))
    return np.stack([x + width * np.cos(angle), y + height * np.sin(angle)], -1)


def _joined(*strokes: Stroke) -> Stroke:
    return np.concatenate(strokes)


# Up to three ways to write each digit, each a list of strokes.
FORMS: tuple[tuple[int, list[Stroke]], ...] = (
    (0, [_arc(0, 0, 0.58, 1, -90, 270)]),
    (0, [_arc(0, 0, 0.5, 1, -50, 310)]),
    (1, [_line((-0.05, -1), (-0.05, 1))]),
    (1, [_line((-0.4, -0.55), (0.05, -1), (0.05, 1))]),
    (1, [_line((-0.4, -0.6), (0, -1), (0, 1)), _line((-0.4, 1), (0.4, 1))]),
    (2, [_joined(_arc(0, -0.45, 0.55, 0.55, -170, 25), _line((-0.55, 1), (0.6, 1)))]),
    (2, [_joined(_arc(-0.05, -0.5, 0.5, 0.5, -160, 50), _arc(-0.3, 0.75, 0.25, 0.25, 180, 300), _line((0.6, 0.95)))]),
    (3, [_joined(_arc(-0.1, -0.5, 0.55, 0.5, -150, 90), _arc(-0.1, 0.5, 0.65, 0.5, -90, 150))]),
    (3, [_joined(_line((-0.55, -1), (0.5, -1), (-0.1, -0.2)), _arc(-0.1, 0.4, 0.65, 0.6, -90, 150))]),
    (4, [_line((0.25, -1), (-0.65, 0.35), (0.65, 0.35)), _line((0.25, -1), (0.25, 1))]),
    (4, [_line((-0.4, -1), (-0.55, 0.1), (0.5, 0.1)), _line((0.4, -0.9), (0.3, 1))]),
    (5, [_joined(_line((0.55, -1), (-0.4, -1), (-0.48, -0.1)), _arc(-0.05, 0.35, 0.6, 0.65, -125, 140))]),
    (6, [_joined(_arc(0.6, 0.4, 1.15, 1.5, -115, -175), _arc(0, 0.45, 0.55, 0.55, -180, -540))]),
    (6, [_joined(_line((0.35, -1)), _arc(0.05, 0.42, 0.52, 0.58, -150, -510))]),
    (7, [_line((-0.55, -1), (0.55, -1), (-0.15, 1))]),
    (7, [_line((-0.55, -0.7), (-0.5, -1), (0.55, -1), (-0.1, 1)), _line((-0.3, 0), (0.45, 0))]),
    (8, [_arc(0, -0.5, 0.48, 0.5, 90, 450), _arc(0, 0.5, 0.58, 0.5, -90, 270)]),
    (9, [_joined(_arc(0, -0.45, 0.52, 0.55, 0, -360), _line((0.4, 1)))]),
    (9, [_joined(_arc(0, -0.45, 0.52, 0.55, 0, -360), _arc(-0.1, 0.2, 0.62, 0.8, 0, 130))]),
)


def _dots(strokes: list[Stroke]) -> np.ndarray:
    """Return ``DOTS`` places that lie evenly along all strokes together, (DOTS, 2)."""
    along = [np.append(0, np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))) for stroke in strokes]
    ends = np.append(0, np.cumsum([distances[-1] for distances in along]))
    wanted = (np.arange(DOTS) + 0.5) / DOTS * ends[-1]
    places = []
    for stroke, distances, first, last in zip(strokes, along, ends[:-1], ends[1:], strict=True):
        here = wanted[(first <= wanted) & (wanted < last)] - first
        places.append(np.stack([np.interp(here, distances, axis) for axis in stroke.T], -1))
    return np.concatenate(places)


def _length(strokes: list[Stroke]) -> float:
    return float(sum(np.hypot(*np.diff(stroke, axis=0).T).sum() for stroke in strokes))


DIGITS = np.array([digit for digit, _ in FORMS])
PATHS = np.stack([_dots(strokes) for _, strokes in FORMS]).astype(np.float32)
SPACINGS = np.array([_length(strokes) / DOTS for _, strokes in FORMS], np.float32)


def draw(count: int, rng: Generator, size: int = 28) -> tuple[np.ndarray, np.ndarray]:
    """Draw digits, all ten equally often on average.

    Parameters
    ----------
    count : int
        How many.
    rng : Generator
        Where every choice comes from.
    size : int
        Height and width in pixels, at least 12.

    Returns
    -------
    x : array
        (count, size, size, 1), float32: ink, 0 (none) to 1 (full).
    y : array
        (count, 10), float32: 1 for the digit that it is, 0 for the others.

    Raises
    ------
    ValueError
        ``size`` is below 12.
    """
    if size < 12:
        raise ValueError(f"draw got size={size}, expected at least 12 pixels.")
    digit = rng.integers(0, 10, (count,))
    form = _forms_of(digit, rng)
    x, y = _moved(PATHS[form], rng)
    half_height, pen = rng.uniform((count, 1, 1), 0.3, 0.37), rng.uniform((count, 1, 1), 0.018, 0.036)
    pixels = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    across, down = (np.exp(-0.5 * ((pixels - half_height * place[..., None]) / pen) ** 2) for place in (x, y))
    # Dots that lie one pen from the other add up to sqrt(2 pi) along the path.
    dot = FULL_INK * SPACINGS[form][:, None, None] * half_height / pen / np.sqrt(2 * np.pi)
    ink = 1 - np.exp(-dot * (down.transpose(0, 2, 1) @ across))
    return ink[..., None].astype(np.float32), np.eye(10, dtype=np.float32)[digit]


def _forms_of(digit: np.ndarray, rng: Generator) -> np.ndarray:
    """Return for each digit the number of one of its forms."""
    count = np.bincount(DIGITS)
    first = np.searchsorted(DIGITS, digit)
    return first + (rng.uniform(digit.shape) * count[digit]).astype(int)


def _moved(paths: np.ndarray, rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Bend the paper, stretch it, slant it, turn it, and shift it; return x and y of all dots, (count, DOTS) each."""

    def any_of(low: float, high: float) -> np.ndarray:
        return rng.uniform((len(paths), 1), low, high)

    x, y = paths[..., 0], paths[..., 1]
    x, y = (
        along + any_of(0, 0.14) * np.sin(any_of(1, 3.5) * across + any_of(0, 2 * np.pi))
        for along, across in ((x, y), (y, x))
    )
    x = any_of(0.8, 1.2) * x - any_of(-0.1, 0.35) * y
    turn = any_of(-0.15, 0.15)
    x, y = x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)
    return x + any_of(-0.15, 0.15), y + any_of(-0.12, 0.12)
