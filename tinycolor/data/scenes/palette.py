"""The colours of the street: what a thing is says what colour it has, by day and at dusk."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Thing(NamedTuple):
    """One kind of thing: its colour in the map (sRGB 0..255), in L*a*b* by day and at dusk, and its roughness in L*."""

    map: tuple[int, int, int]
    day: tuple[int, int, int]
    dusk: tuple[int, int, int]
    roughness: float


THINGS = {
    "sky": Thing((137, 196, 244), (64, -2, -40), (27, 28, -40), 0.5),  # at the top; below, it fades to SKY_LOW
    "sun": Thing((255, 220, 60), (90, -4, 58), (80, 15, 58), 0),
    "cloud": Thing((240, 244, 248), (95, -1, -3), (60, 36, 14), 3),
    "hill": Thing((96, 160, 150), (58, -22, 2), (25, 20, -24), 2),
    "grass": Thing((150, 205, 100), (64, -36, 50), (30, -16, 24), 5),
    "leaves": Thing((50, 130, 70), (42, -36, 34), (17, -13, 13), 6),
    "wood": Thing((130, 85, 50), (36, 17, 26), (16, 9, 11), 2),
    "road": Thing((150, 150, 155), (54, 0, -4), (24, 5, -11), 2),
    "wall": Thing((250, 230, 190), (88, 3, 20), (50, 12, 20), 1),
    "roof": Thing((200, 80, 60), (47, 46, 34), (25, 32, 18), 3),
    "window": Thing((90, 120, 200), (46, -6, -18), (84, 6, 58), 1),
    "car": Thing((210, 50, 150), (50, 66, 46), (27, 36, 25), 0),  # one of several: see CARS
    "tyre": Thing((40, 40, 45), (14, 0, -2), (6, 0, -3), 0),
}
LABELS = tuple(THINGS)
KINDS = ("day", "dusk")
SKY, SUN, CAR = (LABELS.index(name) for name in ("sky", "sun", "car"))

MAP_COLOURS = np.array([thing.map for thing in THINGS.values()], np.uint8)
ROUGHNESS = np.array([thing.roughness for thing in THINGS.values()], np.float32)
# L*a*b* by kind and label; of the sky at the horizon by kind; of a yellow, a red and a blue car by kind.
COLOURS = np.array([[getattr(thing, kind) for thing in THINGS.values()] for kind in KINDS], np.float32)
SKY_LOW = np.array([(88, -6, -12), (68, 28, 46)], np.float32)
CARS = np.array(
    [
        [(82, 2, 76), (50, 66, 46), (33, 24, -58)],
        [(45, 1, 42), (27, 36, 25), (16, 14, -34)],
    ],
    np.float32,
)
