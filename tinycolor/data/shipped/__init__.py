"""The 18 free photos that come with the library, each with the line that credits its author."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Attribution:
    """Who made a photo, under which licence it may be shown, and where it was taken from."""

    licence: str
    author: str
    source: str

    def __str__(self) -> str:
        """Return the credit line that belongs under the photo: ``Stefan van der Walt, CC0-1.0``."""
        return f"{self.author}, {self.licence}"


def shipped_photos() -> list[Path]:
    """Return the paths of the photos, sorted by name."""
    return sorted(FOLDER.glob("*.jpg"))


def attributions() -> dict[str, Attribution]:
    """Return the attribution of each photo, by file name."""
    with (FOLDER / "ATTRIBUTION.txt").open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        return {row["file"]: Attribution(row["licence"], row["author"], row["source"]) for row in rows}
