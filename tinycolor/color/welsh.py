"""Colour a grey photo from a coloured one that looks like it: Welsh, Ashikhmin, Mueller 2002. Nothing is learned.

          reference                                      grey photo
    + - - + - - + - - +                              +----------------+
    |  o  |     |    o|                              |    +-----+     |
    |     |  o  |     |    which o looks like me?    |    |     |     |
    + - - + - - + - - +  <-------------------------  |    |  x  |     |
    |   o |     |     |                              |    |     |     |
    |     |    o| o   |  ------------------------->  |    +-----+     |
    + - - + - - + - - +        a*, b* of that o      |  x keeps L*    |
                                                     +----------------+

About 200 pixels o of the reference are compared, one at a random place in each cell of a grid. Two pixels look alike
if their lightness is, and the standard deviation of lightness in the 5 x 5 pixels around them; both count one half.
Beforehand the reference's lightness is shifted and stretched to the mean and the standard deviation of the photo's.

Where lightness and roughness tell too little, swatches help: pairs of rectangles, one in each picture. Those of the
photo are coloured as above, each from its partner alone. Then they take the reference's place: every other pixel looks
in them for the 5 x 5 pixels that are nearest to its own, by the sum of the squared differences of L*. Patterns are told
apart that way. Grain of pure chance is not: no two are near each other, and what is smooth is nearer to both.

Source: T. Welsh, M. Ashikhmin, K. Mueller, "Transferring Color to Greyscale Images", SIGGRAPH 2002. It works in
l-alpha-beta, where lightness is a logarithm, so that a few black pixels rule mean and standard deviation; here it is
CIE Lab, as in the rest of the library. Y. Miyata, "Colorization With Convolutional Neural Network", 2018, calls the
method deep learning, and leaves out that lightness is made alike, the 5 x 5 pixels, the swatches, and that the photo's
lightness stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinycolor.color.gamut import lab_to_bytes
from tinycolor.color.pixels import as_rgb, is_picture
from tinycolor.color.rectangles import (
    Places,
    Rectangle,
    checked_rectangle,
    jittered,
    lightness_around,
    lightness_in,
    mean_and_std,
    tiles,
    whole,
    without_border,
)
from tinycolor.color.spaces import lab_of
from tinycolor.random import Generator
from tinycolor.threads import in_lanes

REACH = 2  # how far a pixel looks around itself
WINDOW = 2 * REACH + 1
DISTANCES = 1 << 20  # that are held at a time
FLATTEST = 1e-3  # of L*: what varies less is flat, and its rounding errors are not to be stretched

Swatch = tuple[Sequence[int], Sequence[int]]


class Palette(NamedTuple):
    """Colours to choose from, by how they look among the pixels around them.

    Attributes
    ----------
    features_of : callable
        Turns the lightness around pixels, (N, 25), into what is compared, (N, F).
    features : array
        Those of every colour, (S, F).
    ab : array
        a* and b* of every colour, (S, 2).
    """

    features_of: Callable[[np.ndarray], np.ndarray]
    features: np.ndarray
    ab: np.ndarray


Plan = list[tuple[Rectangle, Palette]]  # which palette colours which part; later ones lie on top


def transfer(
    grey: np.ndarray, reference: np.ndarray, *, swatches: Sequence[Swatch] = (), samples: int = 200, seed: int = 0
) -> np.ndarray:
    """Return a grey photo in the colours of another photo, uint8 (H, W, 3), sRGB.

    L* stays the photo's own, up to the rounding to bytes, less than 0.34; where a colour does not exist at that L*,
    its strength is taken back until it does. The memory needed beside the pictures does not grow with them.

    Parameters
    ----------
    grey : array
        The photo to colour: uint8, grey (H, W) or sRGB (H, W, 3), of any size; of colours only L* is looked at.
    reference : array
        The photo whose colours are taken: uint8, sRGB (h, w, 3), of any size.
    swatches : sequence of pairs
        A rectangle in the grey photo and one in the reference, each (left, top, width, height) in pixels, at least
        5 x 5. Where rectangles of the photo overlap, the later one counts.
    samples : int
        About how many pixels of the reference are compared, at least 1; of every swatch, a quarter as many.
    seed : int
        Which pixels. The same seed gives the same picture.

    Raises
    ------
    ValueError
        Another dtype or shape, no samples, or a swatch that is too small or reaches out of its picture.
    """
    return _painted(grey, _plan(grey, reference, swatches, samples, seed), lambda lab: lab_to_bytes(lab)[0], np.uint8)


def transfer_lab(
    grey: np.ndarray, reference: np.ndarray, *, swatches: Sequence[Swatch] = (), samples: int = 200, seed: int = 0
) -> np.ndarray:
    """Return what ``transfer`` makes bytes of, as CIE Lab, float32 (H, W, 3).

    L* is that of the photo, bit for bit; a* and b* are the reference's, whether a screen can show them at that L* or
    not. Takes and refuses the same as ``transfer``.
    """
    lab = _painted(grey, _plan(grey, reference, swatches, samples, seed), np.asarray, np.float32)
    # The last bit depends on how many pixels are converted at a time.
    lab[..., 0] = lab_of(as_rgb(grey))[..., 0]
    return lab


def _plan(grey: np.ndarray, reference: np.ndarray, swatches: Sequence[Swatch], samples: int, seed: int) -> Plan:
    """Choose the colours for the whole photo, and for its swatches."""
    _check(grey, reference, samples)
    rng = Generator(seed)
    if not len(swatches):
        places = jittered(whole(reference), samples, rng)
        return [(whole(grey), _palette(reference, whole(reference), places, grey, whole(grey)))]
    few = -(-samples // 4)
    coloured, features, colours = [], [], []
    for ours, theirs in _checked_pairs(swatches, grey, reference):
        places = jittered(without_border(theirs, REACH), few, rng)
        palette = _palette(reference, theirs, places, grey, ours)
        coloured.append((ours, palette))
        features.append(lightness_around(grey, jittered(without_border(ours, REACH), few, rng), REACH))
        colours.append(_match(features[-1], palette))
    return [(whole(grey), Palette(np.asarray, np.concatenate(features), np.concatenate(colours))), *coloured]


def _palette(reference: np.ndarray, theirs: Rectangle, places: Places, grey: np.ndarray, ours: Rectangle) -> Palette:
    """Take colours from places of the reference, with its lightness first given our mean and standard deviation."""
    mean, std = mean_and_std(reference, theirs)
    our_mean, our_std = mean_and_std(grey, ours)
    around = (lightness_around(reference, places, REACH) - mean) * (our_std / max(std, FLATTEST)) + our_mean
    return Palette(_lightness_and_roughness, _lightness_and_roughness(around), lab_of(reference[places])[:, 1:])


def _lightness_and_roughness(around: np.ndarray) -> np.ndarray:
    """Return the lightness of pixels, and its standard deviation in the 5 x 5 around them: (N, 25) to (N, 2)."""
    return np.stack([around[:, WINDOW**2 // 2], around.std(1)], 1)


def _match(around: np.ndarray, palette: Palette) -> np.ndarray:
    """Return a* and b*, (N, 2), of the colours whose features are nearest to those of pixels."""
    features = palette.features_of(around)
    # |x - s|^2 = |x|^2 - 2 x.s + |s|^2, and the first is the same for all s.
    squares = (palette.features**2).sum(1)
    rows = max(1, DISTANCES // len(squares))
    nearest = [
        (squares - 2 * features[first : first + rows] @ palette.features.T).argmin(1)
        for first in range(0, len(features), rows)
    ]
    return palette.ab[np.concatenate(nearest)]


def _painted(grey: np.ndarray, plan: Plan, finish: Callable[[np.ndarray], np.ndarray], dtype: Any) -> np.ndarray:
    """Colour the parts of a photo one after the other, and return what ``finish`` makes of their Lab."""
    picture = np.empty((*grey.shape[:2], 3), dtype)
    for part, palette in plan:
        in_lanes(partial(_paint, picture, grey, palette, finish), tiles(part))
    return picture


def _paint(
    picture: np.ndarray,
    grey: np.ndarray,
    palette: Palette,
    finish: Callable[[np.ndarray], np.ndarray],
    tile: Rectangle,
) -> None:
    lightness = lightness_in(grey, tile, border=REACH)
    around = sliding_window_view(lightness, (WINDOW, WINDOW)).reshape(-1, WINDOW**2)
    ab = _match(around, palette).reshape(tile.height, tile.width, 2)
    own = lightness[REACH:-REACH, REACH:-REACH, None]
    picture[tile.part] = finish(np.concatenate([own, ab], -1, dtype=np.float32))


def _check(grey: np.ndarray, reference: np.ndarray, samples: int) -> None:
    if not is_picture(grey):
        raise ValueError(f"transfer got {grey.dtype} {grey.shape} to colour, expected uint8 (H, W) or (H, W, 3).")
    if not is_picture(reference) or reference.ndim != 3:
        raise ValueError(f"transfer got the reference {reference.dtype} {reference.shape}, expected uint8 (h, w, 3).")
    if not isinstance(samples, Integral) or samples < 1:
        raise ValueError(f"transfer got samples={samples}, expected a whole number of at least 1.")


def _checked_pairs(
    swatches: Sequence[Swatch], grey: np.ndarray, reference: np.ndarray
) -> list[tuple[Rectangle, Rectangle]]:
    for number, swatch in enumerate(swatches, start=1):
        if len(swatch) != 2:
            raise ValueError(f"swatch {number} is {swatch}, expected two rectangles, one in each picture.")
    return [
        (
            checked_rectangle(ours, grey, WINDOW, f"swatch {number} in the grey photo"),
            checked_rectangle(theirs, reference, WINDOW, f"swatch {number} in the reference"),
        )
        for number, (ours, theirs) in enumerate(swatches, start=1)
    ]
