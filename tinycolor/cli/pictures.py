"""What the commands share that make a new picture of each they are given: which goes where, and what is said."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np

from tinycolor.cli.sentences import console
from tinycolor.data.folder import Skip, find_photos
from tinycolor.data.photos import ImageError, png
from tinycolor.files import shown, write_whole


def make_each(photos: tuple[Path, ...], out: Path, make: Callable[[Path], tuple[np.ndarray, str]], done: str) -> bool:
    """Make a picture of each photo, as PNG below ``out``; what is there already is left alone.

    Parameters
    ----------
    photos : tuple of Path
        Files, or folders of them.
    out : Path
        Where the results go; folders are mirrored.
    make : function
        Returns the picture, uint8 (H, W, 3), of the photo in a file, and what else to say of it.
    done : str
        What was done with them, such as "coloured".

    Returns
    -------
    bool
        Whether all could be used. A line was said of each that could not, and the rest were made.

    Raises
    ------
    click.ClickException
        There are no photos, or the results would get into their own way; nothing was done.
    OSError
        A result cannot be written; there is no half of one.
    """
    counts = Counter[str]()

    def skip(path: Path, reason: str) -> None:
        console.print(f"{shown(path)}: {reason}")
        counts["unusable"] += 1

    for photo, target in _jobs(photos, out, skip):
        if os.path.exists(target) and not _same(photo, target):
            console.print(f"{shown(target)} is there already")
            counts["there"] += 1
            continue
        try:
            if os.path.exists(target):
                raise ImageError(photo, "would be overwritten by its own result: name another --out")
            picture, remark = make(photo)
        except ImageError as error:
            skip(error.path, error.reason)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole({target: png(picture)})
        console.print(f"{shown(target)}{remark}")
        counts["done"] += 1
    console.print(f"{counts['done']} {done}, {counts['there']} there already, {counts['unusable']} could not be used.")
    return not counts["unusable"]


def _same(photo: Path, target: Path) -> bool:
    return os.path.exists(photo) and os.path.samefile(photo, target)


def _jobs(photos: tuple[Path, ...], out: Path, skip: Skip) -> list[tuple[Path, Path]]:
    """Return (photo, where its result goes); two photos that differ in nothing but the ending keep theirs."""
    sources: list[tuple[Path, Path]] = []
    for photo in photos:
        if not os.path.isdir(photo):
            sources.append((photo, Path(photo.name)))
            continue
        if out.resolve().is_relative_to(photo.resolve()):
            raise click.UsageError(
                f"{shown(out)} lies inside {shown(photo)}: results would be taken for photos; choose another --out."
            )
        found = find_photos(photo, skip)
        if not len(found):
            raise click.ClickException(
                f"there are no photos in {shown(photo)}: name photos, or a folder with photos in it."
            )
        sources += [(found[number], found[number].relative_to(photo)) for number in range(len(found))]
    sources = list(dict.fromkeys(sources))  # a photo may be named twice
    uses = Counter(name.with_suffix(".png") for _, name in sources)
    jobs: dict[Path, Path] = {}
    for photo, name in sources:
        target = out / (name.with_suffix(".png") if uses[name.with_suffix(".png")] == 1 else f"{name}.png")
        if target in jobs:
            raise click.UsageError(
                f"{shown(jobs[target])} and {shown(photo)} would both become {shown(target)}: give each an --out of "
                "its own."
            )
        jobs[target] = photo
    return [(photo, target) for target, photo in jobs.items()]
