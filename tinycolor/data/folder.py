"""A folder of photos as a dataset: which files there are, and which of them are kept for judging.

Only names are held, end to end in one string of bytes, so that a hundred thousand photos cost a few megabytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np

from tinycolor.files import shown

SUFFIXES = (b".jpg", b".jpeg", b".png", b".webp", b".bmp", b".tif", b".tiff", b".gif")
Skip = Callable[[Path, str], None]


class PhotoFolder:
    """The photos of a folder and of all folders in it, by number, in the order of their names.

    Parameters
    ----------
    folder : Path
        Where the names start.
    names : iterable of bytes
        Paths below it; a name need not be text.
    """

    def __init__(self, folder: Path, names: Iterable[bytes]) -> None:
        self.folder = folder
        kept = sorted(names)
        self._ends = np.cumsum([len(name) for name in kept], dtype=np.int64)
        self._joined = b"".join(kept)

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> Path:
        return self.folder / os.fsdecode(self.name(number))

    def name(self, number: int) -> bytes:
        """Return the path below the folder of photo ``number``, 0 to len - 1."""
        start = self._ends[number - 1] if number else 0
        return self._joined[start : self._ends[number]]

    def fingerprint(self) -> str:
        """Return a number of 16 hexadecimal digits that changes when a photo is added, removed or renamed."""
        return hashlib.sha256(self._joined + self._ends.tobytes()).hexdigest()[:16]

    def split(self, share: float) -> tuple[PhotoFolder, PhotoFolder]:
        """Return the photos to learn from, and about a ``share`` of them, 0..1, that are kept for judging.

        A hash of the name below the folder decides, so a photo stays on its side whatever comes or goes beside it.
        Of two photos or more each side gets at least one; a single photo has to do for both.
        """
        if len(self) < 2:
            return self, self
        places = [(_place(self.name(number)), self.name(number)) for number in range(len(self))]
        judging = {name for place, name in places if place < share} or {min(places)[1]}
        if len(judging) == len(self):
            judging.remove(max(places)[1])
        learning = (name for _, name in places if name not in judging)
        return PhotoFolder(self.folder, learning), PhotoFolder(self.folder, judging)


def _place(name: bytes) -> float:
    return int.from_bytes(hashlib.sha256(name).digest()[:6], "big") / 2**48


def find_photos(folder: str | os.PathLike[str], skip: Skip) -> PhotoFolder:
    """Find the photos in a folder and in all folders below it, by the ends of their names.

    Names that begin with a dot are passed over in silence. So are linked folders, which might lead back up.

    Parameters
    ----------
    folder : path-like
        Where to look.
    skip : function
        Told (path, reason) of what looks like a photo and is not taken: a link that leads out of the folder, or a
        folder that may not be read.

    Raises
    ------
    NotADirectoryError
        ``folder`` is none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NotADirectoryError(f"{shown(folder)} is no folder: name one with photos in it.")
    return PhotoFolder(folder, _names(os.fsencode(folder), skip))


def beside(folder: Path, name: str) -> Path:
    """Return the folder of a name beside another, written as that one is: relative, if it is."""
    own = folder if folder.name == name_of(folder) else Path(os.path.abspath(folder))
    return own.with_name(name)


def name_of(folder: Path) -> str:
    """Return the name of a folder, of "." and ".." too."""
    return Path(os.path.abspath(folder)).name


def _names(folder: bytes, skip: Skip) -> Iterator[bytes]:
    inside = os.path.realpath(folder)

    def unreadable(error: OSError) -> None:
        skip(Path(os.fsdecode(error.filename)), f"a folder that cannot be read ({error.strerror})")

    for place, folders, files in os.walk(folder, onerror=unreadable):
        folders[:] = [name for name in folders if not name.startswith(b".")]
        for name in files:
            if name.startswith(b".") or not name.lower().endswith(SUFFIXES):
                continue
            path = os.path.join(place, name)
            if os.path.islink(path) and not _is_below(os.path.realpath(path), inside):
                skip(Path(os.fsdecode(path)), "a link that leads out of the folder")
            else:
                yield os.path.relpath(path, folder)


def _is_below(path: bytes, folder: bytes) -> bool:
    return os.path.commonpath([path, folder]) == folder
