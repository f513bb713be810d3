"""The arithmetic of a vote: every input times its weight, from zero up and down to the result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinycolor.backend import Array
from tinycolor.inspect.explanation import Explanation
from tinycolor.inspect.numerals import account, cells, decimals_for
from tinycolor.layers.linear import Linear

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INPUTS_IN_FULL = 12


class VoteExplained(Explanation):
    """A sum of products over all inputs.

    Attributes
    ----------
    inputs, weight, products : array
        (C,), float64.
    bias : float or None
        The unit's.
    shown, others : int array
        The inputs with the largest products, and the rest.
    """

    def __init__(self, layer: Linear, x: Array, y: Array, at: tuple[int, ...]) -> None:
        super().__init__(layer, x, y, at)
        self.inputs = np.asarray(x[at[0]], np.float64)
        self.weight = np.asarray(layer.weight.data[:, at[1]], np.float64)
        self.bias = None if layer.bias is None else float(layer.bias.data[at[1]])
        self.products = self.inputs * self.weight
        strongest = np.argsort(-np.abs(self.products), kind="stable")
        self.shown, self.others = np.split(strongest, [INPUTS_IN_FULL])
        if not self.others.size:
            self.shown = np.sort(self.shown)

    def computed(self) -> float:
        return float(self.products.sum()) + (self.bias or 0.0)

    def parts(self) -> list[tuple[str, float]]:
        """Return what is added up: (name, number)."""
        inputs, weights = (
            cells(values[self.shown][:, None], decimals_for(values[self.shown]))
            for values in (self.inputs, self.weight)
        )
        parts = [
            (f"x[{self.at[0]}, {i}] = {value} x weight {weight}", self.products[i])
            for i, (value,), (weight,) in zip(self.shown, inputs, weights, strict=True)
        ]
        if self.others.size:
            parts.append((f"the {self.others.size} other products", self.products[self.others].sum()))
        return parts if self.bias is None else [*parts, ("bias", self.bias)]

    def lines(self) -> list[str]:
        plus = "" if self.bias is None else " + bias"
        head = f"{self.name} = sum of {self.products.size} products{plus}"
        if self.others.size:
            head += f"; the {len(self.shown)} largest:"
        return [head, "", *account(self.parts(), self.name, self.computed())]

    def figure(self) -> Figure:
        from tinycolor.inspect.staircase import staircase  # noqa: PLC0415 (matplotlib is slow to import)

        return staircase(self)
