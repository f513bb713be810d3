"""How numbers are written: as many decimals as the largest of them needs, one below the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

MOST_DECIMALS = 8
NARROWEST = 3


def decimals_for(values: ArrayLike, digits: int = 3) -> int:
    """Return how many decimals show the largest of some numbers with so many digits; none if all are whole."""
    numbers = np.asarray(values, np.float64)
    largest = float(np.abs(numbers).max())
    if largest == 0 or (largest < 10**digits and (numbers == np.round(numbers)).all()):
        return 0
    return min(max(digits - 1 - math.floor(math.log10(largest)), 0), MOST_DECIMALS)


def numeral(value: float, decimals: int) -> str:
    """Return a number as text, rounded; never "-0.00"."""
    return f"{round(float(value), decimals) + 0.0:.{decimals}f}"


def cells(values: np.ndarray, decimals: int) -> list[list[str]]:
    """Return a grid of numbers as text, all of one width."""
    texts = [[numeral(value, decimals) for value in row] for row in values]
    width = max(NARROWEST, *(len(text) for row in texts for text in row))
    return [[text.rjust(width) for text in row] for row in texts]


def block(title: str, grid: list[list[str]]) -> list[str]:
    """Return lines of one width: a title, and the grid below it."""
    lines = [" ".join(row) for row in grid]
    width = max(len(title), len(lines[0]))
    return [title.center(width), *(line.rjust(width) for line in lines)]


def account(parts: Sequence[tuple[str, float]], name: str, total: float) -> list[str]:
    """Return numbers one below the other, a stroke, and the total under its name."""
    decimals = decimals_for([number for _, number in parts] + [total], digits=4)
    rows = [(part, numeral(number, decimals)) for part, number in [*parts, (name, total)]]
    left, right = (max(map(len, column)) for column in zip(*rows, strict=True))
    lines = [f"  {part.ljust(left)}  {number.rjust(right)}" for part, number in rows]
    return [*lines[:-1], f"  {'-' * (left + 2 + right)}", lines[-1]]
