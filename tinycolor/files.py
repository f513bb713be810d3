"""Write files so that there is never half of one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

TEMPORARY = ".part"


def write_whole(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together under temporary names, and give them their own when all are on the disk.

    Raises
    ------
    OSError
        A file cannot be written; there is no half of one, and if the disk is full the older ones are as they were.
    """
    parts = {path: path.with_name(f"{path.name}{TEMPORARY}") for path in files}
    try:
        for path, content in files.items():
            with parts[path].open("wb") as part:
                part.write(content)
                part.flush()
                os.fsync(part.fileno())  # a power cut must not leave the new name on an empty file
        for path, temporary in parts.items():
            temporary.replace(path)
        for folder in {path.parent for path in files}:
            _sync_folder(folder)
    except BaseException:  # Ctrl-C too
        for temporary in parts.values():
            with suppress(OSError):
                temporary.unlink()
        raise


def _sync_folder(folder: Path) -> None:
    """Put the names themselves on the disk, where the system can: the files are safe and whole either way."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove the temporary files of a process that was killed while it wrote into a folder.

    Raises
    ------
    OSError
        One cannot be removed.
    """
    for temporary in folder.glob(f"*{TEMPORARY}"):
        temporary.unlink()


def shown(path: str | os.PathLike[str]) -> str:
    """Return a path for a message: line breaks and bytes that are no text are escaped, so that it stays one line."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in text)
