"""Where figures go: into files, and onto the screen if there is one."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

from tinycolor.files import write_whole

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


def show() -> None:
    """Show all figures that were made with pyplot, once, if there is a screen to show them on."""
    if plt.get_backend().lower() != "agg":
        plt.show()
