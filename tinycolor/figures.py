"""Where figures go: into files, and onto the screen if there is one."""

from __future__ import annotations

import io
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

FOLDER = Path("out/lessons")


def save(figure: Figure, name: str, folder: Path = FOLDER) -> Path:
    """Write a figure as ``folder/name.png``, print where it is, and return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    write_whole({path: png(figure)})
    print(f"figure: {path}")
    return path


def png(figure: Figure) -> bytes:
    """Return a figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=150)
    return buffer.getvalue()


def write_whole(files: Mapping[Path, bytes]) -> None:
    """Write files that belong together under temporary names, and give them their own when all are written.

    Raises
    ------
    OSError
        A file cannot be written; there is no half of one, and if the disk is full the older ones are as they were.
    """
    parts = {path: path.with_name(f"{path.name}.part") for path in files}
    try:
        for path, content in files.items():
            parts[path].write_bytes(content)
        for path, part in parts.items():
            part.replace(path)
    except BaseException:  # Ctrl-C too
        for part in parts.values():
            with suppress(OSError):
                part.unlink()
        raise


def show() -> None:
    """Show all figures that were made with pyplot, once, if there is a screen to show them on."""
    if plt.get_backend().lower() != "agg":
        plt.show()
