"""The arithmetic of a window: a convolution's sum of products, a max-pool's largest pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinycolor.backend import Array
from tinycolor.inspect.explanation import Explanation
from tinycolor.inspect.numerals import account, block, cells, decimals_for
from tinycolor.layers.conv import Conv2d
from tinycolor.layers.pool import MaxPool2d
from tinycolor.ops.shapes import Pair

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANNELS_IN_FULL = 3
LINE = 100


class WindowExplained(Explanation):
    """What convolution and pooling share: an output pixel that looks at a window of one picture.

    Attributes
    ----------
    rows, columns : int array
        Which pixels the window covers; some may lie outside the picture.
    inside : bool array
        (kh, kw): which of them lie in the picture.
    pixels : array
        (kh, kw, C), float64, with zeros outside the picture.
    """

    def look(self, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> None:
        """Find the window."""
        picture = np.asarray(self.x[self.at[0]], np.float64)
        self.rows, self.columns = (
            self.at[1 + a] * stride[a] - padding[a] + dilation[a] * np.arange(kernel_size[a]) for a in (0, 1)
        )
        row_in, column_in = (
            (places >= 0) & (places < size)
            for places, size in zip((self.rows, self.columns), picture.shape, strict=False)
        )
        self.inside = row_in[:, None] & column_in
        near = np.ix_(self.rows.clip(0, len(picture) - 1), self.columns.clip(0, picture.shape[1] - 1))
        self.pixels = picture[near] * self.inside[..., None]

    def where(self) -> str:
        """Return which pixels the window covers, in words."""
        return f"rows {_places(self.rows)}, columns {_places(self.columns)}"


class ConvolutionExplained(WindowExplained):
    """A sum of products over a window and all input channels.

    Attributes
    ----------
    weight, products : array
        (kh, kw, C), float64: the one filter, and pixels times weight.
    bias : float or None
        The filter's.
    """

    def __init__(self, layer: Conv2d, x: Array, y: Array, at: tuple[int, ...]) -> None:
        super().__init__(layer, x, y, at)
        self.look(layer.kernel_size, layer.stride, layer.padding, layer.dilation)
        self.weight = np.asarray(layer.weight.data[..., at[3]], np.float64)
        self.bias = None if layer.bias is None else float(layer.bias.data[at[3]])
        self.products = self.pixels * self.weight
        self.channel_sums = self.products.sum((0, 1))
        self.strongest = np.argsort(-np.abs(self.channel_sums), kind="stable")

    def computed(self) -> float:
        return float(self.products.sum()) + (self.bias or 0.0)

    def lines(self) -> list[str]:
        plus = "" if self.bias is None else " + bias"
        lines = [
            f"{self.name} = sum of {self.products.size} products{plus}",
            f"The window: {self.where()} of x[{self.at[0]}].",
            "",
        ]
        shown, others = np.sort(self.strongest[:CHANNELS_IN_FULL]), self.strongest[CHANNELS_IN_FULL:]
        decimals = [decimals_for(values[..., shown]) for values in (self.pixels, self.weight, self.products)]
        for channel in shown:
            lines += [f"input channel {channel}", *self._window_lines(channel, decimals), ""]
        if not self.inside.all():
            lines += ["(0): outside the picture, where the padding is zero", ""]
        parts = [(f"sum of channel {channel}", self.channel_sums[channel]) for channel in shown]
        if others.size:
            parts.append((f"sum of the {others.size} other channels", self.channel_sums[others].sum()))
        if self.bias is not None:
            parts.append(("bias", self.bias))
        return [*lines, *account(parts, self.name, self.computed())]

    def _window_lines(self, channel: int, decimals: list[int]) -> list[str]:
        """One channel's window: pixels x weights = products, and the sum of each row of products."""
        pixels, weight, products = (
            cells(values[..., channel], places)
            for values, places in zip((self.pixels, self.weight, self.products), decimals, strict=True)
        )
        for row, inside in zip(pixels, self.inside, strict=True):
            row[:] = [cell if is_in else "(0)".rjust(len(cell)) for cell, is_in in zip(row, inside, strict=True)]
        row_sums = cells(self.products[..., channel].sum(1, keepdims=True), decimals[2])
        blocks = [block("pixel", pixels), block("weight", weight), block("product", products)]
        sums = [f"  | {line}" for line in block("row sum", row_sums)]
        middle = (len(sums) + 1) // 2
        lines = [
            f"  {a}  {times}  {b}  {equals}  {c}{row_sum}"
            for a, b, c, row_sum, times, equals in zip(*blocks, sums, *_signs("x=", middle, len(sums)), strict=True)
        ]
        if len(lines[0]) <= LINE:
            return lines
        below = [f"  {line}".rstrip() for part in blocks[:2] for line in part]
        return below + [f"  {line}{row_sum}" for line, row_sum in zip(blocks[2], sums, strict=True)]

    def figure(self) -> Figure:
        from tinycolor.inspect.drawing import convolution  # noqa: PLC0415 (matplotlib is slow to import)

        return convolution(self)


class MaximumExplained(WindowExplained):
    """The largest pixel of a window.

    Attributes
    ----------
    winner : (int, int)
        Row and column in the window.
    """

    def __init__(self, layer: MaxPool2d, x: Array, y: Array, at: tuple[int, ...]) -> None:
        super().__init__(layer, x, y, at)
        self.look(layer.kernel_size, layer.stride, (0, 0), (1, 1))
        self.pixels = np.where(self.inside[..., None], self.pixels, -np.inf)[..., at[3]]
        row, column = np.unravel_index(self.pixels.argmax(), self.pixels.shape)
        self.winner = int(row), int(column)

    def computed(self) -> float:
        return float(self.pixels[self.winner])

    def lines(self) -> list[str]:
        place = self.at[0], self.rows[self.winner[0]], self.columns[self.winner[1]], self.at[3]
        name = f"x[{', '.join(map(str, place))}]"
        equal = int((self.pixels == self.pixels.max()).sum())
        tie = f", the first of {equal} equal ones in reading order" if equal > 1 else ""
        pixels = np.where(self.inside, self.pixels, 0)
        marked = [
            "".join(self._marked(cell, (i, j)) for j, cell in enumerate(row)).rstrip()
            for i, row in enumerate(cells(pixels, decimals_for(pixels)))
        ]
        count = int(self.inside.sum())
        lines = [
            f"{self.name} = the largest of {count} pixels",
            f"The window: {self.where()}, channel {self.at[3]} of x[{self.at[0]}].",
        ]
        lines += ["", *(f"  {row}" for row in marked), ""]
        if count < self.inside.size:
            lines += ["-: outside the picture, never the largest", ""]
        return [*lines, f"The largest is {name} = {self.computed():.6g}{tie}."]

    def _marked(self, cell: str, place: tuple[int, int]) -> str:
        if place == self.winner:
            return f"[{cell}]"
        return f" {cell if self.inside[place] else '-'.rjust(len(cell))} "

    def figure(self) -> Figure:
        from tinycolor.inspect.drawing import maximum  # noqa: PLC0415 (matplotlib is slow to import)

        return maximum(self)


def _signs(signs: str, middle: int, count: int) -> list[list[str]]:
    """Return a column for each sign: the sign on the middle line, blanks elsewhere."""
    return [[sign if line == middle else " " for line in range(count)] for sign in signs]


def _places(places: np.ndarray) -> str:
    if len(places) > 2 and places[1] - places[0] > 1:
        few = len(places) == 3
        return f"{places[0]}, {places[1]}{',' if few else ' ...'} {places[-1]}"
    return f"{places[0]} to {places[-1]}" if len(places) > 1 else str(places[0])
