"""The survey's Figure 1: how a convolution finds a piece of a cross, drawn from the real layer's numbers.

Rohrer's mean of the products is a convolution whose weights are divided by the number of filter pixels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tinycolor.data.shapes import CROSS, FEATURES
from tinycolor.layers.conv import Conv2d

PLACE = (1, 1)  # the upper left arm, where the falling line fits
ACCENT = "#d35400"
NAMES = ("a falling line", "a small cross", "a rising line")


def feature_maps(picture: np.ndarray) -> np.ndarray:
    """Return the match of each of the three features at each place: (H, W, 1) to (H - 2, W - 2, 3), -1..1."""
    conv = Conv2d(1, 3, 3, bias=False)
    conv.weight.data = FEATURES / FEATURES[..., 0].size
    return conv.predict(picture[None])[0]


def figure1() -> Figure:
    """Draw picture, patch, filter, products, mean and feature map; below, all three filters and their maps."""
    maps = feature_maps(CROSS)
    picture, feature = CROSS[..., 0], FEATURES[..., 0, 0]
    top, left = PLACE
    patch = picture[top : top + 3, left : left + 3]
    figure = Figure(figsize=(11, 7.2), layout="constrained")
    halves: Any = figure.subfigures(2, 1, height_ratios=(1, 1.05))
    above, below = halves

    axes = above.subplots(1, 5, width_ratios=(1.7, 1, 1, 1, 1.7))
    panels = [picture, patch, feature, patch * feature, maps[..., 0]]
    titles = ["picture, 9 x 9", "the patch", "the filter", "the products", "feature map, 7 x 7"]
    for axis, values, title, size in zip(axes, panels, titles, (7, 12, 12, 12, 7.5), strict=True):
        draw_numbers(axis, values, title, size)
    outline(axes[0], left, top, 3)
    outline(axes[4], left, top, 1)
    for axis, sign in zip(axes[1:4], ("\N{MULTIPLICATION SIGN}", "=", "\N{RIGHTWARDS ARROW}"), strict=True):
        axis.annotate(sign, (1.12, 0.5), xycoords="axes fraction", fontsize=16, ha="center", va="center")
    axes[3].set_xlabel(f"mean: {(patch * feature).sum():.0f} / 9 = {maps[top, left, 0]:.2f}", fontsize=11)
    above.suptitle("A filter is laid on a patch; the mean of the products goes into the feature map", fontsize=13)

    axes = below.subplots(1, 6, width_ratios=(0.7, 1.7) * 3)
    for number, name in enumerate(NAMES):
        draw_numbers(axes[2 * number], FEATURES[..., 0, number], name, 9)
        draw_numbers(axes[2 * number + 1], maps[..., number], "finds it here", 7)
        for row, column in zip(*np.where(maps[..., number] > 0.99), strict=True):
            outline(axes[2 * number + 1], column, row, 1)
    below.suptitle("Three filters, three feature maps; framed: a perfect match", fontsize=13)
    return figure


def draw_numbers(axis: Axes, values: np.ndarray, title: str, size: float) -> None:
    """Draw a grid of numbers -1..1 as shades of grey with the numbers written on them."""
    axis.imshow(values, cmap="gray", vmin=-1.5, vmax=1.2)
    axis.set_title(title, fontsize=11)
    axis.set_xticks([])
    axis.set_yticks([])
    whole = np.isin(values, (-1, 1)).all()
    for (i, j), value in np.ndenumerate(values):
        text = f"{value:.0f}" if whole else f"{value:.2f}"
        axis.text(j, i, text, ha="center", va="center", fontsize=size, color="white" if value < -0.4 else "black")


def outline(axis: Axes, column: int, row: int, size: int) -> None:
    """Frame a square of ``size`` pixels whose upper left one is given."""
    axis.add_patch(Rectangle((column - 0.5, row - 0.5), size, size, fill=False, edgecolor=ACCENT, linewidth=2.2))
