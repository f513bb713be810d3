"""Rectangles of a picture: whether they lie in it, their tiles, places spread over them, and the lightness there."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import NamedTuple

import numpy as np

from tinycolor.color.pixels import as_rgb
from tinycolor.color.spaces import lab_of
from tinycolor.random import Generator
from tinycolor.threads import in_lanes

TILE = 64  # pixels along the side of a tile

Places = tuple[np.ndarray, np.ndarray]  # rows, columns


class Rectangle(NamedTuple):
    """A part of a picture, in pixels; left and top are counted from its upper left corner."""

    left: int
    top: int
    width: int
    height: int

    @property
    def part(self) -> tuple[slice, slice]:
        """What to index a picture with to get this part of it."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


def whole(picture: np.ndarray) -> Rectangle:
    """Return the rectangle that is all of a picture."""
    return Rectangle(0, 0, picture.shape[1], picture.shape[0])


def without_border(rectangle: Rectangle, border: int) -> Rectangle:
    """Return a rectangle that is smaller by so many pixels on every side."""
    left, top, width, height = rectangle
    return Rectangle(left + border, top + border, width - 2 * border, height - 2 * border)


def checked_rectangle(numbers: Sequence[int], picture: np.ndarray, smallest: int, name: str) -> Rectangle:
    """Return left, top, width and height as a rectangle, or say what is wrong with them.

    Raises
    ------
    ValueError
        They are not four whole numbers, a side is below ``smallest``, or the rectangle reaches out of the picture;
        ``name`` is what the sentence calls it.
    """
    if len(numbers) != 4 or not all(isinstance(number, Integral) for number in numbers):
        raise ValueError(f"{name} is {numbers}, expected left, top, width and height in whole pixels.")
    left, top, width, height = map(int, numbers)
    if min(width, height) < smallest:
        raise ValueError(f"{name} is {width} x {height} pixels, expected {smallest} x {smallest} or more.")
    rows, columns = picture.shape[:2]
    if min(left, top) < 0 or left + width > columns or top + height > rows:
        raise ValueError(
            f"{name} reaches from {left},{top} to {left + width},{top + height}, out of the picture, which has "
            f"{columns} x {rows} pixels: give left,top,width,height within it."
        )
    return Rectangle(left, top, width, height)


def tiles(rectangle: Rectangle) -> list[Rectangle]:
    """Cut a rectangle into pieces of about 64 x 64 pixels; longer ones where it is narrower than that."""
    left, top, width, height = rectangle
    rows = min(height, max(TILE, TILE**2 // width))
    columns = TILE**2 // rows
    return [
        Rectangle(x, y, min(columns, left + width - x), min(rows, top + height - y))
        for y in range(top, top + height, rows)
        for x in range(left, left + width, columns)
    ]


def jittered(rectangle: Rectangle, count: int, rng: Generator) -> Places:
    """Return about ``count`` places (rows and columns, int64): one at random in each cell of a grid.

    If there are no more pixels than that, each is returned once.
    """
    left, top, width, height = rectangle
    rows = min(max(round((count * height / width) ** 0.5), 1), height)
    columns = min(max(round(count / rows), 1), width)
    rows = min(max(round(count / columns), 1), height)  # more, or fewer, where the rectangle is narrow
    down, across = rng.uniform((2, rows, columns), dtype=np.float64)
    down += np.arange(rows)[:, None]
    across += np.arange(columns)
    return (
        top + (down * height / rows).astype(np.int64).ravel(),
        left + (across * width / columns).astype(np.int64).ravel(),
    )


def lightness_in(picture: np.ndarray, part: Rectangle, border: int = 0) -> np.ndarray:
    """Return L* of a part of a picture, uint8, and of a border around it; beyond the edges the last pixel goes on.

    Returns
    -------
    array
        float64, (height + 2 * border, width + 2 * border).
    """
    rows = np.arange(part.top - border, part.top + part.height + border).clip(0, picture.shape[0] - 1)
    columns = np.arange(part.left - border, part.left + part.width + border).clip(0, picture.shape[1] - 1)
    return lab_of(as_rgb(picture[np.ix_(rows, columns)]))[..., 0].astype(np.float64)


def lightness_around(picture: np.ndarray, places: Places, reach: int) -> np.ndarray:
    """Return L* of the pixels around each place, row by row: float64 (N, (2 * reach + 1) ** 2)."""
    pixels = (Rectangle(column, row, 1, 1) for row, column in zip(*places, strict=True))
    return np.stack([lightness_in(picture, pixel, border=reach).ravel() for pixel in pixels])


def mean_and_std(picture: np.ndarray, part: Rectangle) -> tuple[float, float]:
    """Return mean and standard deviation of L* in a part of a picture."""
    pieces = tiles(part)
    sums = np.empty((len(pieces), 2))

    def add(number: int) -> None:
        lightness = lightness_in(picture, pieces[number])
        sums[number] = lightness.sum(), (lightness**2).sum()

    in_lanes(add, range(len(pieces)))
    mean, square = sums.sum(0) / (part.width * part.height)
    return mean, max(0.0, square - mean**2) ** 0.5
