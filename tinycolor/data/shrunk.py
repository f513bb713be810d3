"""The photos of a folder as small pictures: shrunk when they are first asked for, kept while there is room."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tinycolor.data.folder import PhotoFolder
from tinycolor.data.photos import ImageError, open_image
from tinycolor.files import shown

ROOM = 512 << 20  # bytes of shrunk photos that are kept
JITTER = 9 / 8  # pix2pix shrinks to 286 pixels and crops 256 of them
GREYEST = 10  # of 255: a photo whose red, green and blue differ by no more, but for a few pixels, is grey


class ShrunkPhotos:
    """The photos of a folder, shrunk until the shorter side has ``side`` pixels; kept as long as there is room.

    Parameters
    ----------
    folder : PhotoFolder
        Which photos.
    side : int
        Shorter side of what comes out; a photo below it keeps its size.
    smallest : int
        Photos whose shorter side is below this are not taken.

    Attributes
    ----------
    skipped : dict of Path to str
        What was found unusable so far, and why.
    all_kept : bool
        Whether there was room to keep every photo that was asked for so far.
    """

    def __init__(self, folder: PhotoFolder, side: int, smallest: int) -> None:
        self.folder, self.side, self.smallest = folder, side, smallest
        self.skipped: dict[Path, str] = {}
        self.all_kept = True
        self._kept: dict[int, np.ndarray] = {}
        self._room = ROOM
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self.folder)

    def __getitem__(self, number: int) -> np.ndarray:
        """Return a photo as uint8 (H, W, 3), or raise an ImageError that says why it cannot be used."""
        pixels = self._kept.get(number)
        if pixels is None:
            pixels = self._shrunk(self.folder[number])
            with self._lock:
                self._keep(number, pixels)
        return pixels

    def _keep(self, number: int, pixels: np.ndarray) -> None:
        if number in self._kept:  # another thread has opened it meanwhile
            return
        if pixels.nbytes > self._room:
            self.all_kept = False
            return
        self._room -= pixels.nbytes
        self._kept[number] = pixels

    def _shrunk(self, path: Path) -> np.ndarray:
        if path in self.skipped:
            raise ImageError(path, self.skipped[path])
        try:
            pixels = shrink(open_image(path, at_least=2 * self.side), self.side)
            height, width = pixels.shape[:2]
            if min(height, width) < self.smallest:
                raise ImageError(path, f"{width} x {height} pixels, smaller than {self.smallest}")
            if is_grey(pixels):
                raise ImageError(path, "grey: there is no colour to learn from")
        except ImageError as error:
            self.skipped[path] = error.reason
            raise
        return pixels

    def why_none(self) -> str:
        """Return a sentence that says why not one of the photos could be used."""
        return why_none(self.folder.folder, self.skipped)

    def some(self, most: int | None = None) -> Iterator[np.ndarray]:
        """Yield photos in order, passing over what cannot be used; of more than ``most``, as many, spread evenly."""
        count = len(self) if most is None else min(most, len(self))
        for place in range(count):
            try:
                yield self[place * len(self) // count]
            except ImageError:
                continue


def photos_to_crop(folder: PhotoFolder, size: int) -> ShrunkPhotos:
    """Return photos with a little more than ``size`` pixels along the shorter side, so that a crop can move about."""
    return ShrunkPhotos(folder, round(size * JITTER), smallest=size)


class NoPhotosError(ValueError):
    """A folder without a single photo that can be used."""


def shrink(photo: np.ndarray, side: int) -> np.ndarray:
    """Return a photo, uint8 (H, W, 3), with ``side`` pixels along its shorter side, or as it is if that is less."""
    height, width = photo.shape[:2]
    scale = side / min(height, width)
    if scale >= 1:
        return photo
    size = round(width * scale), round(height * scale)
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS))


def is_grey(photo: np.ndarray) -> bool:
    """Return whether red, green and blue hardly differ in 99.5 % of the pixels."""
    return bool(np.percentile(photo.max(-1) - photo.min(-1), 99.5) <= GREYEST)


def crop(photo: np.ndarray, size: int | tuple[int, int], down: float = 0.5, across: float = 0.5) -> np.ndarray:
    """Cut a square, or (height, width), out of a photo; ``down`` and ``across`` are where, 0..1, the middle if left."""
    height, width = (size, size) if isinstance(size, int) else size
    top, left = int(down * (photo.shape[0] - height + 1)), int(across * (photo.shape[1] - width + 1))
    return photo[top : top + height, left : left + width]


def why_none(folder: Path, skipped: dict[Path, str]) -> str:
    """Return a sentence that says why not one photo of a folder could be used."""
    if not skipped:
        return f"there are no photos in {shown(folder)}: name a folder with colour photos in it."
    path, reason = next(iter(skipped.items()))
    return (
        f"of the photos in {shown(folder)}, {len(skipped):,} were looked at and none can be used; "
        f"{shown(path.name)}, for one: {reason}."
    )
