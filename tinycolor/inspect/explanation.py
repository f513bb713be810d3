"""What all explanations share: one number, its arithmetic as text, and a figure."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING

from tinycolor.backend import Array
from tinycolor.layers.base import Layer

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Explanation(ABC):
    """The arithmetic of one output number; printing it gives the text.

    Attributes
    ----------
    at : tuple of int
        Which number of y.
    value : float
        What the layer itself computed.
    """

    def __init__(self, layer: Layer, x: Array, y: Array, at: tuple[int, ...]) -> None:
        self.layer, self.x, self.y, self.at = layer, x, y, at
        self.value = float(y[at])

    @property
    def text(self) -> str:
        """The arithmetic, line by line; numbers are rounded for print."""
        lines = self.lines()
        off = abs(self.computed() - self.value)
        lines.append(f"The layer itself computed {self.value:.6g} (difference {off:.0e}).")
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """The number's name, as Python would write it."""
        return f"y[{', '.join(map(str, self.at))}]"

    @abstractmethod
    def computed(self) -> float:
        """Return the number, computed from what is shown."""

    @abstractmethod
    def lines(self) -> list[str]:
        """Return the text without its last line."""

    @abstractmethod
    def figure(self) -> Figure:
        """Return the arithmetic as a matplotlib figure."""

    def save(self, path: str | Path) -> Path:
        """Write the figure as a PNG and return its path."""
        self.figure().savefig(path, format="png", dpi=150)
        return Path(path)
