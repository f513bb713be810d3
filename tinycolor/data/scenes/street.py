"""A street: sky, sun, hills, a house, trees and a car, by day or at dusk.

Colour follows from what a thing is and from the time of day; both show in the lightness, and so do the three colours
that cars come in. So there is nearly no doubt, and colour can be learned from grey.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

import numpy as np

from tinycolor.color import fit_into_gamut, lab_to_rgb
from tinycolor.data.scenes.canvas import between, ellipse, grid, rough, trapezoid
from tinycolor.data.scenes.palette import (
    CAR,
    CARS,
    COLOURS,
    KINDS,
    LABELS,
    MAP_COLOURS,
    ROUGHNESS,
    SKY,
    SKY_LOW,
    SUN,
)
from tinycolor.random import Generator

Parts = Iterator[tuple[str, np.ndarray]]  # a label and the pixels that get it; later ones cover earlier ones


class Scenes(NamedTuple):
    """What ``draw`` gives.

    Attributes
    ----------
    photo : array
        (count, size, size, 3), uint8, sRGB.
    labels : array
        (count, size, size), uint8: what is seen there, a number into ``LABELS``.
    kind : array
        (count,), int64: a number into ``KINDS``.
    map : array
        (count, size, size, 3), uint8: the same scene as a map, every label in its one colour of ``MAP_COLOURS``,
        whatever the time of day and the colour of the car.
    """

    photo: np.ndarray
    labels: np.ndarray
    kind: np.ndarray
    map: np.ndarray


class Layout(NamedTuple):
    """Where things are in every picture; each (count, 1, 1)."""

    horizon: np.ndarray
    road: np.ndarray
    sun_y: np.ndarray
    sun_x: np.ndarray
    house_x: np.ndarray


def draw(count: int, size: int, rng: Generator) -> Scenes:
    """Draw streets by day and at dusk, either with probability 1/2.

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
    Scenes
        ``photo``, ``labels``, ``kind`` and ``map``.

    Raises
    ------
    ValueError
        ``size`` is below 16.
    """
    y, x = grid(size)
    kind = rng.integers(0, len(KINDS), (count,))
    layout = choose_layout(kind, rng)
    labels = np.full((count, size, size), SKY, np.uint8)
    for label, pixels in chain(
        sky(y, x, layout, kind, rng),
        land(y, x, layout, rng),
        trees(y, x, layout, rng),
        house(y, x, layout, rng),
        car(y, x, layout, rng),
    ):
        labels[np.broadcast_to(pixels, labels.shape)] = LABELS.index(label)
    lab, _ = fit_into_gamut(paint(labels, y, x, layout, kind, rng))
    photo = np.rint(np.clip(lab_to_rgb(lab), 0, 1) * 255).astype(np.uint8)
    return Scenes(photo, labels, kind, MAP_COLOURS[labels])


def choose_layout(kind: np.ndarray, rng: Generator) -> Layout:
    """Choose the places that several things share; the sun stands low at dusk."""
    count = len(kind)
    horizon = between(0.44, 0.56, count, rng)
    high, low = between(0.08, 0.2, count, rng), horizon - between(0.05, 0.13, count, rng)
    return Layout(
        horizon=horizon,
        road=between(0.74, 0.8, count, rng),
        sun_y=np.where(kind[:, None, None] == 0, high, low),
        sun_x=between(0.1, 0.9, count, rng),
        house_x=between(0.25, 0.75, count, rng),
    )


def sky(y: np.ndarray, x: np.ndarray, at: Layout, kind: np.ndarray, rng: Generator) -> Parts:
    """Sun, larger at dusk, and two clouds of three puffs on a flat bottom."""
    count = len(at.road)
    radius = between(0.05, 0.07, count, rng) + 0.02 * kind[:, None, None]
    yield "sun", ellipse(y - at.sun_y, x - at.sun_x, radius, radius)
    for _ in range(2):
        base, middle, width = (between(low, high, count, rng) for low, high in ((0.1, 0.34), (-0.1, 1.1), (0.07, 0.13)))
        puffs = (
            ellipse(y - base, x - middle - shift * width, tall * width, wide * width)
            for shift, tall, wide in ((-0.7, 0.45, 0.7), (0, 0.8, 0.6), (0.7, 0.5, 0.8))
        )
        yield "cloud", np.logical_or.reduce(list(puffs)) & (y < base)


def land(y: np.ndarray, x: np.ndarray, at: Layout, rng: Generator) -> Parts:
    """Hills along the horizon, grass, and a road across it."""
    count = len(at.road)
    waves = (
        between(0.02, 0.05, count, rng) * np.sin(length * x + between(0, 2 * np.pi, count, rng)) for length in (5, 11)
    )
    yield "hill", y > at.horizon - 0.06 + sum(waves)
    yield "grass", y > at.horizon
    yield "road", (y > at.road) & (y < at.road + 0.15)


def trees(y: np.ndarray, x: np.ndarray, at: Layout, rng: Generator) -> Parts:
    """A tree on either side of the house, round or pointed."""
    count = len(at.road)
    for side in (-1, 1):
        foot = y - at.horizon - between(0.03, 0.12, count, rng)
        away = x - at.house_x - side * between(0.24, 0.42, count, rng)
        height = between(0.16, 0.3, count, rng)
        yield "wood", trapezoid(foot, away, height / 2, height * 0.08, height * 0.05)
        crown = foot + height * 0.3
        round_crown = ellipse(crown + height * 0.35, away, height * 0.42, height * 0.38)
        pointed_crown = trapezoid(crown, away, height * 0.8, height * 0.34, 0)
        yield "leaves", np.where(between(0, 1, count, rng) < 0.5, round_crown, pointed_crown)


def house(y: np.ndarray, x: np.ndarray, at: Layout, rng: Generator) -> Parts:
    """A house with a door and two windows; its roof comes to a point or to a ridge."""
    count = len(at.road)
    height, half = between(0.15, 0.21, count, rng), between(0.12, 0.17, count, rng)
    foot, away = y - at.horizon - between(0.08, 0.14, count, rng), x - at.house_x
    roof_height, ridge = between(0.09, 0.15, count, rng), between(0, 1, count, rng)
    chimney = between(0.3, 0.5, count, rng) * half
    yield "wall", trapezoid(foot + height, away - chimney, roof_height, half * 0.12, half * 0.12)
    yield "wall", trapezoid(foot, away, height, half, half)
    yield "roof", trapezoid(foot + height, away, roof_height, half * 1.18, np.where(ridge < 0.5, 0, half * 0.7))
    yield "wood", trapezoid(foot, away, height * 0.55, half * 0.17, half * 0.17)
    for side in (-1, 1):
        pane_y, pane_x = foot + height * 0.35, away - side * half * 0.58
        pane = trapezoid(pane_y, pane_x, height * 0.36, half * 0.24, half * 0.24)
        bars = np.minimum(abs(pane_y + height * 0.18), abs(pane_x)) < half * 0.025
        yield "window", pane & ~bars


def car(y: np.ndarray, x: np.ndarray, at: Layout, rng: Generator) -> Parts:
    """A car on the road, seen from its side."""
    count = len(at.road)
    half = between(0.11, 0.15, count, rng)
    foot, away = y - at.road - between(0.09, 0.13, count, rng), x - between(0.15, 0.85, count, rng)
    yield "car", trapezoid(foot + half * 0.15, away, half * 0.5, half, half * 0.92)
    yield "car", trapezoid(foot + half * 0.6, away, half * 0.45, half * 0.65, half * 0.42)
    glass = trapezoid(foot + half * 0.65, away, half * 0.3, half * 0.52, half * 0.38)
    yield "window", glass & (abs(away) > half * 0.05)
    for side in (-1, 1):
        yield "tyre", ellipse(foot + half * 0.17, away - side * half * 0.55, half * 0.22, half * 0.22)


def paint(labels: np.ndarray, y: np.ndarray, x: np.ndarray, at: Layout, kind: np.ndarray, rng: Generator) -> np.ndarray:
    """Return the L*a*b* of the scenes, (count, size, size, 3), float32."""
    count, size, _ = labels.shape
    colours = COLOURS[kind]
    colours[:, CAR] = CARS[kind, rng.integers(0, CARS.shape[1], (count,))]
    lab = colours[np.arange(count)[:, None, None], labels]
    lab = np.where(labels[..., None] == SKY, clear_sky(y, x, at, kind), lab)
    surface = 0.5 * rough(count, 12, size, rng) + rough(count, 64, size, rng)
    lab[..., 0] += ROUGHNESS[labels] * surface
    return lab * rng.uniform((count, 1, 1, 1), 0.9, 1)


def clear_sky(y: np.ndarray, x: np.ndarray, at: Layout, kind: np.ndarray) -> np.ndarray:
    """Return the L*a*b* of a sky that fades towards the horizon and takes on the sun's colour around it."""
    top, sun = COLOURS[kind, None, None, SKY], COLOURS[kind, None, None, SUN]
    down = np.clip(y / at.horizon, 0, 1)[..., None]
    near_sun = 0.6 * np.exp(-((y - at.sun_y) ** 2 + (x - at.sun_x) ** 2) / 0.2**2)[..., None]
    sky = top + (SKY_LOW[kind, None, None] - top) * down**1.5
    return sky + (sun - sky) * near_sun
