"""``tinycolor demo``: three networks learn before your eyes, and show what they have learned, on one page."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tinycolor.demo import cross_or_circle, photos, scenes
from tinycolor.demo.chapter import Chapter
from tinycolor.files import write_whole
from tinycolor.page import page, section

CHAPTERS = (cross_or_circle.chapter, scenes.chapter, photos.chapter)


def make_folder(folder: Path) -> None:
    """Make a folder, if it is not there, and find out whether files can be written in it.

    Raises
    ------
    OSError
        They cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def save(chapters: list[Chapter], folder: Path) -> list[Path]:
    """Write the page and the pictures, and return their paths, the page first.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    summary = (
        "Three networks, each of which began with random numbers and learned on this machine just now: to tell shapes "
        "apart, to colour drawn scenes, and to colour photos. All of it is Python that can be read."
    )
    pieces = [section(one.heading, f"{one.result} {one.text}", *one.pieces) for one in chapters]
    files = {folder / "index.html": page("How machines see and colour pictures", summary, *pieces)}
    files |= {folder / name: picture for one in chapters for name, picture in one.files.items()}
    write_whole(files)
    return list(files)
