"""What all networks have in common: they know how they were made."""

from __future__ import annotations

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

    def describe(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.options.items())
