"""A striped ground that is floor boards indoors and a mown lawn outdoors: only the rest of the picture tells.

The stripes' lightness is drawn without regard to the kind. A network that sees one place at a time can do no better
than the mean of both colours; one that takes in the whole picture can know.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinycolor.data.scenes.canvas import between, ellipse, grid, rough, trapezoid
from tinycolor.random import Generator

ROOM_KINDS = ("indoor", "outdoor")
# L*a*b* by kind: the wall or the sky, and the lamp or the sun that shines before it.
BEHIND = np.array([(72, 8, 22), (72, -4, -30)], np.float32)
SHINING = np.array([(87, 4, 36), (90, -4, 50)], np.float32)
# a*b* of the ground, by kind; its L* is the same.
GROUND = np.array([(18, 36), (-32, 36)], np.float32)
GROUND_LIGHTNESS, STRIPES = 54.0, 6.0


class Rooms(NamedTuple):
    """What ``draw_rooms`` gives.

    Attributes
    ----------
    lab : array
        (count, size, size, 3), float32: L*a*b*. Not 8-bit sRGB, whose rounding would betray the colour in L*.
    ground : array
        (count, size, size), bool: the pixels whose colour depends on the kind, though their L* does not.
    kind : array
        (count,), int64: a number into ``ROOM_KINDS``.
    """

    lab: np.ndarray
    ground: np.ndarray
    kind: np.ndarray


def draw_rooms(count: int, size: int, rng: Generator) -> Rooms:
    """Draw rooms with a lamp and fields with the sun, both with a striped ground in the lower two thirds.

    Parameters
    ----------
    count : int
        How many.
    size : int
        Height and width in pixels, at least 16.
    rng : Generator
        Where every choice comes from.

    Returns
    -------
    Rooms
        ``lab``, ``ground`` and ``kind``.

    Raises
    ------
    ValueError
        ``size`` is below 16.
    """
    return furnish(rng.integers(0, len(ROOM_KINDS), (count,)), size, rng)


def furnish(kind: np.ndarray, size: int, rng: Generator) -> Rooms:
    """Draw a room of each kind given, (count,); what is drawn at random does not look at the kind."""
    y, x = grid(size)
    count = len(kind)
    edge, middle = between(0.26, 0.34, count, rng), between(0.2, 0.8, count, rng)
    ground = np.broadcast_to(y > edge, (count, size, size))
    lamp = trapezoid(y - 0.16, x - middle, 0.12, 0.11, 0.04) | ((abs(x - middle) < 0.008) & (y < 0.1))
    sun = ellipse(y - 0.12, x - middle, 0.08, 0.08)
    shines = np.where(kind[:, None, None] == 0, lamp, sun)

    lab = np.where(shines[..., None], SHINING[kind, None, None], BEHIND[kind, None, None])
    # The stripes run towards a point on the horizon.
    angle = np.arctan2(x - middle, y - edge + 0.08)
    stripe = np.sign(np.sin(between(14, 20, count, rng) * angle + between(0, 6.28, count, rng)))
    lab[..., 0] = np.where(ground, GROUND_LIGHTNESS + STRIPES * stripe, lab[..., 0]) + rough(count, 24, size, rng)
    lab[..., 1:] = np.where(ground[..., None], GROUND[kind, None, None], lab[..., 1:])
    return Rooms(lab, ground, kind)
