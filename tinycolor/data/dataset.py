"""The photos of a folder in two parts: most to learn from, a few to judge by."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from tinycolor.data.folder import PhotoFolder, Skip, find_photos
from tinycolor.data.label_maps import find_pairs, label_maps_of
from tinycolor.data.picture_pairs import find_picture_pairs, kind_of_pairs, partners, why_no_pairs
from tinycolor.data.scene_classes import scenes_of
from tinycolor.data.shrunk import NoPhotosError, why_none

JUDGING_SHARE = 0.05  # of the photos, kept from the learning


@dataclass(frozen=True)
class Dataset:
    """The photos of a folder, those to learn from and those kept for judging.

    Attributes
    ----------
    learning, judging : PhotoFolder
        Which is which.
    skipped : dict of Path to str
        What was passed over, and why.
    called : str
        What they are, for the user.
    partners : tuple of PhotoFolder
        What belongs to those to learn from and lies in a folder of its own, such as label maps.
    """

    learning: PhotoFolder
    judging: PhotoFolder
    skipped: dict[Path, str]
    called: str = "Photos"
    partners: tuple[PhotoFolder, ...] = ()

    @property
    def folder(self) -> Path:
        """Where the photos are."""
        return self.learning.folder

    @property
    def scenes(self) -> tuple[str, ...]:
        """The kinds of scenes, if the photos lie in one folder for each."""
        return scenes_of(self.learning)

    def __str__(self) -> str:
        counts = f"{self.called}: {len(self.learning):,} to learn from, {len(self.judging):,} kept for judging."
        if self.learning is self.judging:
            counts += "\nOne photo has to do for both, so the figures only tell whether it can be learned by heart."
        return counts

    def skipped_with(self, more: dict[Path, str]) -> dict[Path, str]:
        """Return what was passed over, here and where threads may still be finding more."""
        return {**self.skipped, **more.copy()}  # copied in one go: a dict that grows cannot be walked through

    def fingerprint(self) -> str:
        """Return 16 hexadecimal digits that hang on what kind of data it is, and on the names of all to learn from."""
        names = (photos.fingerprint() for photos in (self.learning, *self.partners))
        return hashlib.sha256(" ".join([self.called, *names]).encode()).hexdigest()[:16]

    def steps_per_epoch(self, batch: int) -> int:
        """Return how many batches show every photo once, the rest that fills no batch left out."""
        return max(1, len(self.learning) // batch)


def open_dataset(folder: Path) -> Dataset:
    """Find the photos of a folder and split them; nothing is opened yet.

    Raises
    ------
    NoPhotosError
        There are none.
    NotADirectoryError
        ``folder`` is none.
    """
    return _split(folder, find_photos)


def open_pairs(folder: Path) -> Dataset:
    """As ``open_dataset``, but of photos that have a label map, which ``label_maps.find_pairs`` finds."""
    dataset = _split(folder, find_pairs)
    return replace(dataset, partners=(label_maps_of(dataset.learning),))


def open_picture_pairs(folder: Path) -> Dataset:
    """As ``open_dataset``, but of pairs of pictures, which ``picture_pairs.find_picture_pairs`` finds."""
    dataset = _split(folder, find_picture_pairs, why_no_pairs)
    called = f"Pairs of {kind_of_pairs(dataset.folder)}"
    return replace(dataset, called=called, partners=partners(dataset.learning))


def _split(
    folder: Path, find: Callable[[Path, Skip], PhotoFolder], why: Callable[[Path, dict[Path, str]], str] = why_none
) -> Dataset:
    skipped: dict[Path, str] = {}
    photos = find(folder, skipped.__setitem__)
    if not len(photos):
        raise NoPhotosError(why(folder, skipped))
    return Dataset(*photos.split(JUDGING_SHARE), skipped)
