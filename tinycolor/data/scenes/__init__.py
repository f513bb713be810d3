"""Drawn pictures in endless variety, to learn and to judge colour on without a single photo.

``draw`` gives streets by day and at dusk; ``draw_ambiguous`` things whose lightness does not tell their colour;
``draw_rooms`` a ground whose colour only the rest of the picture tells. All are pure functions of the generator.
"""

from tinycolor.data.scenes.ambiguous import COLOUR_A, COLOUR_B, Ambiguous, draw_ambiguous
from tinycolor.data.scenes.palette import KINDS, LABELS, MAP_COLOURS
from tinycolor.data.scenes.rooms import ROOM_KINDS, Rooms, draw_rooms
from tinycolor.data.scenes.street import Scenes, draw

__all__ = [
    "COLOUR_A",
    "COLOUR_B",
    "KINDS",
    "LABELS",
    "MAP_COLOURS",
    "ROOM_KINDS",
    "Ambiguous",
    "Rooms",
    "Scenes",
    "draw",
    "draw_ambiguous",
    "draw_rooms",
]
