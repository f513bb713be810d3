"""How a batch is cut into blocks that add it up, channel by channel: what ``columns.cuh`` is told."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader

THREADS = 256  # in a block, as the header has it
WIDTH = 64  # channels that a block spans at most: 256 bytes side by side are as good to read as more
BLOCKS_WANTED = 512  # four for each multiprocessor of a large GPU; the same on all, and so are the sums
LEAST_SUM = 8  # numbers that a thread adds up at least, where there are so many


class Cut(NamedTuple):
    """How a batch is cut into blocks: each has one picture, a tile of its channels, a slice of its pixels.

    ``pictures`` is 1 where they all share their sums; ``pixels`` share them; ``each`` of them make a slice, ``width``
    channels a tile.
    """

    pictures: int
    tiles: int
    slices: int
    pixels: int
    each: int
    channels: int
    width: int

    @property
    def grid(self) -> tuple[int, int, int]:
        """The blocks, as the kernels count them."""
        return self.pictures, self.tiles, self.slices

    @property
    def sizes(self) -> tuple[np.int64, np.int64, np.int32, np.int32]:
        """What every kernel that walks over pixels is told."""
        return np.int64(self.pixels), np.int64(self.each), np.int32(self.channels), np.int32(self.width)

    def room_for_sums(self, like: Array) -> Array:
        """Return a fresh array for two sums of each slice, those of a channel side by side."""
        return loader.empty(like, (self.pictures * self.channels, self.slices, 2), "float64")


def cut(x_shape: tuple[int, ...], sums: tuple[int, ...], numbers: int = 1) -> Cut:
    """Cut x (N, H, W, C), or anything else with its channels last, whose sums have shape (C,), or (N, C).

    ``numbers`` says how many there are to each pixel and channel.
    """
    channels, pictures = x_shape[-1], prod(sums[:-1])
    pixels = prod(x_shape[:-1]) // pictures
    tiles = -(-channels // WIDTH)
    width = -(-channels // tiles)
    worthwhile = pixels * numbers // (THREADS // width * LEAST_SUM)
    each = -(-pixels // max(1, min(BLOCKS_WANTED // (tiles * pictures), worthwhile)))
    return Cut(pictures, tiles, -(-pixels // each), pixels, each, channels, width)
