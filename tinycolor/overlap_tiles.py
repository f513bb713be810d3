"""Overlap-tiles: a picture of any size is answered for piece by piece, and no seam can be seen.

piece +-----------------------+
      |      mirror image     |       The piece that the network is given is larger than the tile that it answers for,
      |    +-------------+-------- -  by all that the tile's pixels can see. Beyond the edges of the picture it sees a
      |    | tile        | next tile  mirror image.
      |    |             |    |
      |    +-------------+-------- -
      |    | picture          |
      +-----------------------+
"""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array, answer, array_module
from tinycolor.inspect.field import reads
from tinycolor.networks.unet import UNet
from tinycolor.ops.mirror import mirror
from tinycolor.ops.shapes import positive


def predict_in_tiles(network: UNet, x: Array, *, tile: int = 256) -> Array:
    """Return the answer for every pixel of pictures of any size, x (N, H, W, C) to y (N, H, W, classes).

    The tiles' answers are those of the whole picture, mirrored beyond its edges, but for the last digits.

    Parameters
    ----------
    network : UNet
        Of either padding.
    x : array
        As the network takes it, but for the size.
    tile : int
        Height and width of the tiles, rounded up to a multiple of 16: then pooling pairs the same pixels in all.

    Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015, figure 2. Ours differs: their tiles are all
    that is left of a piece, 388 of 572 pixels; ours would be 384, since 388 is no multiple of 16.
    """
    network.check_shape(x, "N", "H", "W", network.in_channels)
    (height, width), unit = x.shape[1:3], network.multiple
    tiles = [up_to(unit, min(positive(tile, "predict_in_tiles tile"), side)) for side in (height, width)]
    seen = [reads(network, np.arange(side), axis) for axis, side in enumerate(tiles)]
    early = up_to(unit, -int(seen[0][0]))
    pieces = [network.fitting(early + int(rows[-1]) + 1) for rows in seen]
    frame = up_to(tiles[0], height) - tiles[0] + pieces[0], up_to(tiles[1], width) - tiles[1] + pieces[1]
    framed = mirror(x, network.border + early, frame)
    y = array_module(x).empty((*x.shape[:3], network.options["classes"]), x.dtype)
    for top in range(0, height, tiles[0]):
        for left in range(0, width, tiles[1]):
            answered = answer(network, framed[:, top : top + pieces[0], left : left + pieces[1]])
            part = y[:, top : top + tiles[0], left : left + tiles[1]]
            part[...] = answered[:, early : early + part.shape[1], early : early + part.shape[2]]
    return y


def up_to(unit: int, number: int) -> int:
    """Return the smallest multiple of ``unit`` that is not less."""
    return -(-number // unit) * unit
