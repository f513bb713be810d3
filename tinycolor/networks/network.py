"""What all networks have in common: they know how they were made."""

from __future__ import annotations

import math
from typing import Any

from tinycolor.layers.base import Layer


class Network(Layer):
    """The base of every network: a layer that a checkpoint can build again.

    Attributes
    ----------
    options : dict
        The constructor's arguments but for the seed, such as JSON can hold.
    size : int
        Height and width of the pictures that it is made for.
    """

    options: dict[str, Any]
    size: int

    def input_shapes(self, batch: int, side: int) -> tuple[tuple[int, ...], ...]:
        """Return the shape of each input, for so many pictures of this height and width."""
        return ((batch, side, side, getattr(self, "in_channels", 1)),)

    def describe(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.options.items())


def scale(width: float, name: str) -> float:
    """Return the factor on the channels, or raise a ValueError that names it."""
    if not (math.isfinite(width) and width > 0):
        raise ValueError(f"{name} got {width}, expected a factor above 0, such as 0.25.")
    return float(width)


def scaled(channels: int, width: float) -> int:
    """Return ``channels * width``, rounded down, at least 1."""
    return max(1, int(channels * width))
