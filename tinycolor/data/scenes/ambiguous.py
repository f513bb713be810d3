"""Apples that are red or green at the same lightness: grey tells where they are, never which.

With red at share p, what a network learns is known beforehand: the squared error's best answer is the mean
``p A + (1 - p) B``, a brown that no apple has; the absolute error's is the median of either channel, so the commoner
colour; cross-entropy's is the shares (p, 1 - p) themselves.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinycolor.data.scenes.canvas import between, ellipse, grid, rough, trapezoid
from tinycolor.random import Generator

# a*b*: red, and green. sRGB can show both at L* 42 to 60, as light as the apples are.
COLOUR_A = (62.0, 42.0)
COLOUR_B = (-40.0, 44.0)
# L*a*b* of what is certain: the cloth under the apple, and its stalk.
CLOTH = np.array((76, -4, -24), np.float32)
STALK = np.array((28, 12, 18), np.float32)


class Ambiguous(NamedTuple):
    """What ``draw_ambiguous`` gives.

    Attributes
    ----------
    lab : array
        (count, size, size, 3), float32: L*a*b*. Not 8-bit sRGB, whose rounding would betray the colour in L*.
    shape : array
        (count, size, size), bool: the pixels whose colour is uncertain.
    is_a : array
        (count,), bool: the shape is of ``COLOUR_A``, else of ``COLOUR_B``.
    """

    lab: np.ndarray
    shape: np.ndarray
    is_a: np.ndarray


def draw_ambiguous(count: int, size: int, rng: Generator, share: float = 0.7) -> Ambiguous:
    """Draw one apple on a cloth, in ``COLOUR_A`` with probability ``share``, else in ``COLOUR_B``, at equal L*.

    Parameters
    ----------
    count : int
        How many pictures.
    size : int
        Height and width in pixels, at least 16.
    rng : Generator
        Where every choice comes from.
    share : float
        Probability of ``COLOUR_A``, 0..1.

    Returns
    -------
    Ambiguous
        ``lab``, ``shape`` and ``is_a``.

    Raises
    ------
    ValueError
        ``size`` is below 16, or ``share`` is no probability.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"draw_ambiguous got share={share}, expected a probability from 0 to 1.")
    y, x = grid(size)
    is_a = rng.uniform((count,)) < share
    radius, middle_y, middle_x = (
        between(low, high, count, rng) for low, high in ((0.2, 0.32), (0.36, 0.64), (0.36, 0.64))
    )
    down, right = (y - middle_y) / radius, (x - middle_x) / radius
    shape = ellipse(down, right, 1, 1)
    stalk = trapezoid(down + 0.8, right, 0.5, 0.08, 0.12)

    colour = np.where(is_a[:, None], COLOUR_A, COLOUR_B)[:, None, None]
    lab = np.empty((count, size, size, 3), np.float32)
    lab[...] = CLOTH
    lab[..., 0] = np.where(shape, 51 - 4 * (down + right), lab[..., 0])  # lit from the upper left
    lab[..., 1:] = np.where(shape[..., None], colour, lab[..., 1:])
    lab = np.where(stalk[..., None], STALK, lab)
    lab[..., 0] += 1.5 * rough(count, 24, size, rng)
    return Ambiguous(lab, shape & ~stalk, is_a)
