"""Colour a photo: the network gives the colour, the photo keeps its own lightness.

The network looks at a small copy, of the size it was trained on, which any photo has room for. What it answers is two
smooth sheets of colour; they are stretched to the photo's size and laid under its own L*. So the result is as sharp
as the photo, whatever the network did.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from tinycolor.backend import Array
from tinycolor.color import lab_of, lab_to_bytes
from tinycolor.color.pixels import as_rgb, is_picture
from tinycolor.data.shrunk import shrink
from tinycolor.inspect.field import receptive_field
from tinycolor.networks.colorizer import Colorizer
from tinycolor.threads import in_lanes

TILE = 256  # pixels along the side of the pieces that the network looks at
STRIP = 1 << 19  # pixels of the photo that are worked on at a time


def colorize(photo: np.ndarray, network: Colorizer, *, saturation: float = 1.0, mode: str = "eval") -> np.ndarray:
    """Return a photo in the colours that a network imagines, uint8 (H, W, 3), sRGB.

    L* stays the photo's own, to less than 1; where the network's colour does not exist at that L*, its strength is
    taken back until it does. The memory needed beside photo and result does not grow with the photo.

    Parameters
    ----------
    photo : array
        uint8, grey (H, W) or sRGB (H, W, 3), of any size; of colours only L* is looked at.
    network : Colorizer
        Such as ``tc.load_checkpoint`` gives.
    saturation : float
        Strength of the colours, at least 0: 1 as the network says, 2 twice as strong, 0 grey.

    mode : {"eval", "paper", "instance"}
        ``paper``: dropout and the statistics of the photo itself stay on, as pix2pix had it; ``instance``: the latter
        alone.

    Raises
    ------
    ValueError
        Another dtype or shape, a negative saturation, or a network whose colours are NaN or infinite.
    """
    return colorize_and_count(photo, network, saturation=saturation, mode=mode)[0]


def colorize_and_count(
    photo: np.ndarray, network: Colorizer, *, saturation: float = 1.0, mode: str = "eval"
) -> tuple[np.ndarray, float]:
    """As ``colorize``; also returns the share of pixels, 0..1, whose colour did not exist and was weakened."""
    if not is_picture(photo):
        raise ValueError(f"colorize got {photo.dtype} {photo.shape}, expected a photo, uint8 (H, W, 3) or (H, W).")
    if not 0 <= saturation < np.inf:
        raise ValueError(f"colorize got saturation={saturation}, expected a number from 0.")
    rgb = as_rgb(photo)
    ab = saturation * predict_ab(network, lab_of(shrink(rgb, network.size))[None, ..., :1], mode)[0]
    if not np.isfinite(ab).all():
        raise ValueError("the network's colours are NaN or infinite: its training went wrong, take another checkpoint.")
    return lay_under(rgb, ab)


def predict_ab(network: Colorizer, lightness: Array, mode: str = "eval") -> Array:
    """Return a* and b*, (N, H, W, 2), of pictures L* 0..100, (N, H, W, 1), of any size.

    Pictures whose sides are no multiples of what the network needs are widened by repeating their last pixels. Large
    ones are cut into tiles that overlap by all that an output pixel can see, so the seams cannot be seen: inside, the
    tiles' answers are those of the whole.
    """
    height, width = lightness.shape[1:3]
    unit = network.multiple
    whole = np.pad(lightness, ((0, 0), (0, -height % unit), (0, -width % unit), (0, 0)), mode="edge")
    paint = network.painter(whole, mode=mode)
    # In other modes than eval, a picture is normalised by all of it.
    if max(whole.shape[1:3]) <= TILE or mode != "eval" or network.local is None:
        return paint(whole)[:, :height, :width]
    # Tiles begin at multiples of the unit, so that pooling pairs the same pixels as in the whole.
    margin = -(-max(receptive_field(network.local)) // unit) * unit
    ab = np.empty((*whole.shape[:3], 2), whole.dtype)
    for top in range(0, whole.shape[1], TILE):
        for left in range(0, whole.shape[2], TILE):
            above, before = min(margin, top), min(margin, left)
            piece = whole[:, top - above : top + TILE + margin, left - before : left + TILE + margin]
            painted = paint(piece)[:, above : above + TILE, before : before + TILE]
            ab[:, top : top + TILE, left : left + TILE] = painted
    return ab[:, :height, :width]


def lay_under(rgb: np.ndarray, ab: np.ndarray) -> tuple[np.ndarray, float]:
    """Return a photo's own L* with colours stretched to its size, and the share of pixels that had to be weakened.

    Parameters
    ----------
    rgb : array
        The photo, uint8 (H, W, 3).
    ab : array
        a* and b*, float32 (h, w, 2), of any size.

    Returns
    -------
    picture : array
        uint8 (H, W, 3).
    share : float
        0..1.
    """
    height, width = rgb.shape[:2]
    sheets = [Image.fromarray(np.ascontiguousarray(ab[..., channel])) for channel in (0, 1)]
    picture = np.empty(rgb.shape, np.uint8)
    weakened = np.zeros(height)
    rows = max(1, STRIP // width)

    def paint(top: int) -> None:
        bottom = min(top + rows, height)
        # The part of the small sheet that lies under this strip, in fractions of its rows.
        box = (0, top * ab.shape[0] / height, ab.shape[1], bottom * ab.shape[0] / height)
        stretched = [sheet.resize((width, bottom - top), Image.Resampling.BILINEAR, box) for sheet in sheets]
        lightness = lab_of(rgb[top:bottom])[..., 0]
        picture[top:bottom], weakened[top:bottom] = lab_to_bytes(np.stack([lightness, *map(np.asarray, stretched)], -1))

    in_lanes(paint, range(0, height, rows))
    return picture, float(weakened.mean())
