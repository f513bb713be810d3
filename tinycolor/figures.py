"""Where the lessons' figures go: into files, and onto the screen if there is one."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.figure import Figure

FOLDER = Path("out/lessons")


def save(figure: Figure, name: str, folder: Path = FOLDER) -> Path:
    """Write a figure as ``folder/name.png``, print where it is, and return the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=150)
    print(f"figure: {path}")
    return path


def show() -> None:
    """Show all figures that were made with pyplot, once, if there is a screen to show them on."""
    if plt.get_backend().lower() != "agg":
        plt.show()
