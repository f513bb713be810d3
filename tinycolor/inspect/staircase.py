"""The figure of a vote: a staircase from zero to the result, one step for every product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.figure import Figure

from tinycolor.inspect.drawing import ABOVE, BELOW, MINUS, TIMES, printed
from tinycolor.inspect.numerals import decimals_for

if TYPE_CHECKING:
    from tinycolor.inspect.votes import VoteExplained

TOTAL = "#4d4d4d"
BAR_INCHES = 0.34


def staircase(e: VoteExplained) -> Figure:
    """Draw every product as a step that takes the sum up or down."""
    names, numbers = zip(*e.parts(), strict=True)
    ends = np.cumsum(numbers)
    count = len(numbers)
    height = 1.75 + BAR_INCHES * (count + 1)
    figure = Figure(figsize=(9, height), facecolor="white")
    figure.suptitle(f"One vote, product by product: {e.name}", fontsize=14, y=1 - 0.25 / height)
    axes = figure.add_axes((0.34, 0.6 / height, 0.62, 1 - 1.5 / height))
    axes.set_title("each bar begins where the one above it ended; orange adds, blue takes away", fontsize=9, x=0.3)
    bars: dict[str, Any] = {"edgecolor": "black", "linewidth": 0.8, "height": 0.66}
    colours = [ABOVE if number > 0 else BELOW for number in numbers]
    axes.barh(range(count), numbers, left=ends - numbers, color=colours, **bars)
    axes.barh([count], [ends[-1]], color=TOTAL, **bars)
    axes.vlines(ends, np.arange(count) + 0.33, np.arange(count) + 0.67, color="#808080", linewidth=0.8)
    axes.axvline(0, color="black", linewidth=1, zorder=0)
    decimals = decimals_for([*numbers, ends[-1]])
    rights = [*np.maximum(ends, ends - numbers), max(ends[-1], 0)]
    for place, (right, number) in enumerate(zip(rights, [*numbers, ends[-1]], strict=True)):
        axes.annotate(
            printed(number, decimals),
            (right, place),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
        )
    labels = [" ".join(name.replace("x weight", TIMES).replace("-", MINUS).split()) for name in names]
    axes.set_yticks(range(count + 1), [*labels, e.name], fontsize=9)
    axes.set_ylim(count + 0.6, -0.6)
    axes.use_sticky_edges = False
    axes.margins(x=0.1)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)
    axes.tick_params(axis="x", labelsize=9)
    return figure
