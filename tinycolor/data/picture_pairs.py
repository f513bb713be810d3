"""Pairs of pictures, A and B, that show the same place: from them a network learns to make the one of the other.

FOLDER/A/x.png        FOLDER/B/x.jpg         two folders, the same names; the endings may differ
FOLDER/labels/x.png   FOLDER/photos/x.jpg    label maps, painted in a colour per class, and photos: see label_maps
FOLDER/x.jpg                                 side by side in one picture: A is its left half, B its right half
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from tinycolor.data.class_colours import CLASS_COLOURS
from tinycolor.data.folder import PhotoFolder, Skip, beside, find_photos, name_of
from tinycolor.data.label_maps import (
    find_pairs,
    label_folder,
    label_map_of,
    label_maps_of,
    nearest,
    open_label_map,
    without_ignored,
)
from tinycolor.data.photos import ImageError, open_image
from tinycolor.data.shrunk import NoPhotosError, ShrunkPhotos, why_none
from tinycolor.files import shown

Opened = tuple[np.ndarray, np.ndarray]
GO_TOGETHER = (("A", "B"), ("photos", "labels"))
LABEL_MAPS = "label map and photo"
WANTED = (
    "expected pictures of the same names in FOLDER/A and FOLDER/B, both of a pair side by side in one picture, or "
    "photos with label maps"
)


def find_picture_pairs(folder: str | os.PathLike[str], skip: Skip) -> PhotoFolder:
    """Find the pairs in a folder, whichever way they lie; nothing is opened yet.

    Parameters
    ----------
    folder : path-like
        With A and B in it, or label maps as ``label_maps.find_pairs`` takes them; else every picture is a pair.
    skip : function
        Told (path, reason) of what has no partner, or two, and what ``find_photos`` tells.

    Returns
    -------
    PhotoFolder
        Of each pair the picture in A, or the photo, or the picture that holds both; for ``PicturePairs``.

    Raises
    ------
    NoPhotosError
        There is one of two folders that go together.
    NotADirectoryError
        ``folder`` is none.
    """
    folder = Path(folder)
    for names in GO_TOGETHER:
        there = [name for name in names if (folder / name).is_dir()]
        if len(there) == 1:
            (missing,) = set(names) - set(there)
            raise NoPhotosError(
                f"{shown(folder)} has a folder {there[0]} and no folder {missing}, expected both, with pictures of the "
                "same names."
            )
    if (folder / "A").is_dir():
        folder = folder / "A"
    if _has_b(folder):
        return _with_partners(folder, skip)
    for names in (("a", "b"), ("trainA", "trainB"), ("testA", "testB")):
        if all((folder / name).is_dir() for name in names):
            raise NoPhotosError(f"{shown(folder)} has folders {names[0]} and {names[1]}: call them A and B.")
    return find_pairs(folder, skip) if _has_label_maps(folder) else find_photos(folder, skip)


def kind_of_pairs(folder: Path) -> str:
    """Return what the pairs in a folder, such as ``find_picture_pairs`` gives, are made of."""
    if _has_b(folder):
        return "A and B"
    return LABEL_MAPS if _has_label_maps(folder) else "left and right half"


def partners(photos: PhotoFolder) -> tuple[PhotoFolder, ...]:
    """Return the other pictures of such pairs, if they lie in a folder of their own."""
    folder = photos.folder
    if _has_b(folder):
        by_stem = _b_by_stem(folder)
        return (PhotoFolder(_b(folder), (by_stem[stem][0] for stem in _by_stem(photos))),)
    return (label_maps_of(photos),) if _has_label_maps(folder) else ()


def why_no_pairs(folder: Path, skipped: dict[Path, str]) -> str:
    """Return a sentence that says why not one pair of a folder could be used, and how they should lie."""
    if not skipped:
        return f"there are no pairs of pictures in {shown(folder)}: {WANTED}."
    return f"{why_none(folder, skipped).removesuffix('.')}; {WANTED}."


class PicturePairs(ShrunkPhotos):
    """Pairs of pictures, both stretched to one square, as six channels, uint8 (side, side, 6): input, then truth.

    Where there are label maps, they are A. Photos are shrunk or enlarged by Lanczos; a label map gets the number at the
    centre of each new pixel, and then its colours: black where there is no class.

    Parameters
    ----------
    folder : PhotoFolder
        From ``find_picture_pairs``.
    side : int
        Height and width of what comes out.
    smallest : int
        Pairs whose shorter side is below this are not taken.
    direction : {"a-to-b", "b-to-a"}
        Which is the input, and which the truth.
    ignored : sequence of int
        Numbers in label maps that mean no class, beside 255.

    Raises
    ------
    ValueError
        An unknown direction.
    """

    def __init__(
        self,
        folder: PhotoFolder,
        side: int,
        smallest: int = 1,
        *,
        direction: str = "a-to-b",
        ignored: Sequence[int] = (),
    ) -> None:
        if direction not in ("a-to-b", "b-to-a"):
            raise ValueError(f"PicturePairs got direction={direction!r}, expected 'a-to-b' or 'b-to-a'.")
        super().__init__(folder, side, smallest)
        self.order = slice(None, None, 1 if direction == "a-to-b" else -1)
        self._kind = kind_of_pairs(folder.folder)
        self._open = _opener(folder.folder, ignored)

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield the pairs that can be used, in order."""
        return self.some()

    def why_none(self) -> str:
        return why_no_pairs(self.folder.folder, self.skipped)

    def _shrunk(self, path: Path) -> np.ndarray:
        if path in self.skipped:
            raise ImageError(path, self.skipped[path])
        try:
            pair = self._open(path)
            self._check(path, *(picture.shape[:2] for picture in pair))
        except ImageError as error:
            reason = error.reason if error.path == path else f"its partner {shown(error.path)}: {error.reason}"
            self.skipped[path] = reason
            raise ImageError(path, reason) from error
        return np.dstack([stretched(picture, self.side) for picture in pair[self.order]])

    def _check(self, path: Path, a: tuple[int, int], b: tuple[int, int]) -> None:
        if a != b:
            raise ImageError(path, f"A has {a[1]} x {a[0]} pixels, B {b[1]} x {b[0]}, expected equally many")
        if min(a) < self.smallest:
            raise ImageError(path, f"{self._kind} have {a[1]} x {a[0]} pixels each, smaller than {self.smallest}")


def stretched(picture: np.ndarray, side: int) -> np.ndarray:
    """Return a picture (H, W, 3), or a label map (H, W) in its colours, as uint8 (side, side, 3)."""
    if picture.ndim == 2:
        return CLASS_COLOURS[nearest(picture, (side, side))]
    return np.asarray(Image.fromarray(picture).resize((side, side), Image.Resampling.LANCZOS))


def _opener(folder: Path, ignored: Sequence[int]) -> Callable[[Path], Opened]:
    """Return what opens a pair in a folder: pictures uint8 (H, W, 3), or a label map (H, W) and one."""
    if _has_b(folder):
        by_stem = _b_by_stem(folder)
        return lambda path: (open_image(path), open_image(_b(folder) / os.fsdecode(by_stem[_stem(path, folder)][0])))
    if not _has_label_maps(folder):
        return _halves

    def label_map_and_photo(path: Path) -> Opened:
        photo = open_image(path)
        numbers = open_label_map(label_map_of(path, folder), photo.shape[:2])
        return without_ignored(numbers, ignored), photo

    return label_map_and_photo


def _halves(path: Path) -> Opened:
    both = open_image(path)
    width = both.shape[1]
    if width % 2:
        raise ImageError(path, f"{width} pixels wide, expected an even number: A on the left, B on the right")
    return both[:, : width // 2], both[:, width // 2 :]


def _has_label_maps(folder: Path) -> bool:
    return (folder / "labels").is_dir() or label_folder(folder).is_dir()


def _has_b(folder: Path) -> bool:
    return name_of(folder) == "A" and _b(folder).is_dir()


def _b(folder: Path) -> Path:
    return beside(folder, "B")


def _b_by_stem(folder: Path) -> dict[bytes, list[bytes]]:
    return _by_stem(find_photos(_b(folder), lambda path, reason: None))


def _with_partners(folder: Path, skip: Skip) -> PhotoFolder:
    """Return the pictures in A that have a partner in B."""
    a, b = _by_stem(find_photos(folder, skip)), _by_stem(find_photos(_b(folder), skip))
    for own, others, place, elsewhere in ((a, b, folder, _b(folder)), (b, a, _b(folder), folder)):
        for stem, names in own.items():
            for name in names:
                path = place / os.fsdecode(name)
                if stem not in others:
                    skip(path, f"it has no partner in {shown(elsewhere)}")
                elif len(names) + len(others[stem]) > 2:
                    skip(path, "it is not clear which its partner is: more than two pictures have this name")
    return PhotoFolder(folder, (names[0] for stem, names in a.items() if len(names) == len(b.get(stem, ())) == 1))


def _by_stem(photos: PhotoFolder) -> dict[bytes, list[bytes]]:
    """Return names below a folder by what they are without their ending."""
    names = defaultdict(list)
    for number in range(len(photos)):
        names[os.path.splitext(photos.name(number))[0]].append(photos.name(number))
    return names


def _stem(path: Path, folder: Path) -> bytes:
    return os.path.splitext(os.fsencode(path.relative_to(folder)))[0]
