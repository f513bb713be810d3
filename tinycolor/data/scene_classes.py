"""Photos that lie in one folder per kind of scene: the folder's name is what the photo shows."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from tinycolor.data.folder import PhotoFolder
from tinycolor.data.shrunk import ShrunkPhotos

MOST_SCENES = 256  # a byte counts them


def scenes_of(folder: PhotoFolder) -> tuple[str, ...]:
    """Return the names of the kinds of scenes, sorted: the folders that the photos lie in, if there are two or more.

    Photos beside those folders, or more than 256 folders, mean that the folders are something else: no scenes.
    """
    names = {_scene(folder.name(number)) for number in range(len(folder))}
    if "" in names or not 2 <= len(names) <= MOST_SCENES:
        return ()
    return tuple(sorted(names))


def _scene(name: bytes) -> str:
    first, *rest = name.split(os.fsencode(os.sep), 1)
    return os.fsdecode(first) if rest else ""


class PhotosOfScenes:
    """Shrunk photos with the number of their scene as a fourth channel, uint8 (H, W, 4).

    A channel, so that a batch of crops brings the numbers along, whichever photos came to be in it.

    Parameters
    ----------
    photos : ShrunkPhotos
        The photos.
    scenes : tuple of str
        From ``scenes_of``.

    Attributes
    ----------
    skipped : dict of Path to str
        What was found unusable so far, and why.
    """

    def __init__(self, photos: ShrunkPhotos, scenes: tuple[str, ...]) -> None:
        self.photos, self.scenes = photos, scenes

    def __len__(self) -> int:
        return len(self.photos)

    def __getitem__(self, number: int) -> np.ndarray:
        photo = self.photos[number]
        scene = self.scenes.index(_scene(self.photos.folder.name(number)))
        return np.concatenate([photo, np.full((*photo.shape[:2], 1), scene, np.uint8)], -1)

    @property
    def skipped(self) -> dict[Path, str]:
        return self.photos.skipped

    @property
    def all_kept(self) -> bool:
        return self.photos.all_kept

    def why_none(self) -> str:
        """Return a sentence that says why not one of the photos could be used."""
        return self.photos.why_none()
