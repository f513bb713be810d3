"""The photos of a run as one block of bytes on the GPU, where a whole batch is cut out of them in one launch."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tinycolor.backend import Array, gpu
from tinycolor.data.batches import Batches, Pictures, made_ahead
from tinycolor.data.photos import ImageError
from tinycolor.data.shrunk import NoPhotosError
from tinycolor.kernels.photos import crop

SHARE = 1 / 4  # of the free memory of the GPU, which photos may take
OPENED_TOGETHER = 256


class PhotosOnGpu:
    """The pictures of ``Batches`` on the GPU; ``photos.crops(photos.cuts(step))`` is ``batches[step]``, bit for bit.

    Parameters
    ----------
    batches : Batches
        What is cut out of which.
    pictures : list of arrays
        Those of the batches, uint8 (H, W, C), in order; None for one that cannot be used.

    Raises
    ------
    NoPhotosError
        None can be used.
    """

    def __init__(self, batches: Batches, pictures: list[np.ndarray | None]) -> None:
        some = next((picture for picture in pictures if picture is not None), None)
        if some is None:
            raise NoPhotosError(batches.pictures.why_none())
        self.batches, self.channels = batches, some.shape[2]
        shapes = [(0, 0) if picture is None else picture.shape[:2] for picture in pictures]
        self.heights, self.widths = np.array(shapes, np.int64).T
        self.usable = self.heights > 0
        ends = np.cumsum(self.heights * self.widths * self.channels)
        self.begins = np.concatenate([[0], ends[:-1]])
        self.bytes = gpu().empty(int(ends[-1]), np.uint8)
        for picture, begin, end in zip(pictures, self.begins.tolist(), ends.tolist(), strict=True):
            if picture is not None:
                self.bytes[begin:end] = gpu().asarray(picture).ravel()
        self._usable_places = lru_cache(maxsize=2)(lambda epoch: np.flatnonzero(self.usable[batches.order(epoch)]))

    def cuts(self, step: int) -> np.ndarray:
        """Return where the crops of a step are taken from, int64 (batch, 3), as ``kernels.photos.crop`` wants it."""
        epoch, first, chances = self.batches.draw(step)
        numbers = self._numbers(epoch, first)
        widths, (down, across, mirror) = self.widths[numbers], chances.T
        height, width = self.batches.size
        top, left = _begin(down, self.heights[numbers] - height), _begin(across, widths - width)
        mirrored = mirror < 0.5
        pixel = top * widths + left + mirrored * (width - 1)
        first_byte = self.begins[numbers] + pixel * self.channels
        return np.stack([first_byte, widths * self.channels, np.where(mirrored, -1, 1) * self.channels], 1)

    def crops(self, cuts: np.ndarray) -> Array:
        """Return the crops, uint8 (batch, H, W, C), on the GPU."""
        return crop(self.bytes, gpu().asarray(cuts), (*self.batches.size, self.channels))

    def _numbers(self, epoch: int, first: int) -> np.ndarray:
        """Return which pictures are in a batch: in place of one that cannot be used, the next one of the order."""
        order, usable = self.batches.order(epoch), self._usable_places(epoch)
        places = (first + np.arange(self.batches.batch)) % len(order)
        return order[usable[np.searchsorted(usable, places) % len(usable)]]


def _begin(chance: np.ndarray, room: np.ndarray) -> np.ndarray:
    """Return where crops begin, as ``shrunk.crop`` says, which multiplies in float32 too."""
    return (chance * (room + 1).astype(np.float32)).astype(np.int64)


def photos_on_gpu(batches: Batches) -> PhotosOnGpu | None:
    """Return the pictures of batches on the GPU; None if they need more than ``SHARE`` of its free memory."""
    pictures = opened(batches.pictures)
    free, _ = gpu().cuda.Device().mem_info
    if sum(picture.nbytes for picture in pictures if picture is not None) > SHARE * free:
        return None
    return PhotosOnGpu(batches, pictures)


def opened(pictures: Pictures) -> list[np.ndarray | None]:
    """Return all pictures, opened in threads; None for those that cannot be used."""

    def some(first: int) -> list[np.ndarray | None]:
        return [_picture(pictures, number) for number in range(first, min(first + OPENED_TOGETHER, len(pictures)))]

    return [picture for few in made_ahead(some, range(0, len(pictures), OPENED_TOGETHER)) for picture in few]


def _picture(pictures: Pictures, number: int) -> np.ndarray | None:
    try:
        return pictures[number]
    except ImageError:
        return None
