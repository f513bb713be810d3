"""The survey's Figure 2: pooled feature maps vote for cross or circle, each vote with its weight.

The features are Rohrer's; the weights of the votes are learned, by the real layers, from small drawings.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tinycolor import init, losses, optim
from tinycolor.data.shapes import CIRCLE, CROSS, draw
from tinycolor.demo.figure1 import NAMES, draw_numbers, feature_maps
from tinycolor.layers.activation import ReLU, Sigmoid
from tinycolor.layers.combine import Sequential
from tinycolor.layers.linear import Linear
from tinycolor.layers.pool import MaxPool2d
from tinycolor.random import Generator

FOR, AGAINST = "#d35400", "#2471a3"
STEPS = 300


def pooled(pictures: np.ndarray) -> np.ndarray:
    """Return the three feature maps of pictures (N, 9, 9, 1), rectified and pooled twice: (N, 2, 2, 3)."""
    shrink = Sequential(ReLU(), MaxPool2d(2, ceil_mode=True), MaxPool2d(2))
    return shrink.predict(np.stack([feature_maps(picture) for picture in pictures]))


def learn_to_vote() -> Linear:
    """Return the fully connected layer, 12 numbers to 2 votes, after learning from drawings and both originals."""
    votes = Linear(12, 2)
    net = Sequential(votes, Sigmoid())
    init.glorot_uniform(net, Generator(0))
    optimizer = optim.Adam(net.parameters(), learning_rate=0.05)
    drawings, target = draw(60, 9, Generator(0), noise=0)
    x = pooled(np.concatenate([drawings, CROSS[None], CIRCLE[None]])).reshape(-1, 12)
    target = np.concatenate([target, np.eye(2, dtype=np.float32)])
    for _ in range(STEPS):
        y, backward = net(x)
        _, dy = losses.bce(y, target)
        net.zero_grad()
        backward(dy)
        optimizer.step()
    return votes


def figure2() -> Figure:
    """Draw, for the cross and for the circle, twelve pooled values, their weights, and the two votes."""
    votes = learn_to_vote()
    pictures = np.stack([CROSS, CIRCLE])
    values = pooled(pictures)
    totals = votes.predict(values.reshape(2, 12))
    figure = Figure(figsize=(11, 9.5), layout="constrained")
    halves: Any = figure.subfigures(2, 1)
    for row, part in enumerate(halves):
        left, right = part.subfigures(1, 2, width_ratios=(1, 2.1))
        axes = left.subplot_mosaic([["picture"] * 3, list("abc")], height_ratios=(2.2, 1))
        axes["picture"].imshow(pictures[row, ..., 0], cmap="gray", vmin=-1.5, vmax=1.2)
        axes["picture"].set_axis_off()
        for number, name in enumerate("abc"):
            title = NAMES[number].removeprefix("a ").replace(" ", "\n")
            draw_numbers(axes[name], values[row, ..., number], title, 8)
        _draw_votes(right.subplots(), values[row].reshape(12), votes.weight.data, totals[row])
    figure.suptitle(
        "Every pooled value votes. Line width: weight times value, orange for, blue against.\n"
        "All products and a bias are added; the sigmoid of the sum is the vote.",
        fontsize=13,
    )
    return figure


def _draw_votes(axis: Axes, values: np.ndarray, weight: np.ndarray, totals: np.ndarray) -> None:
    """Draw a table of values and weights on the left, the two units on the right, and between them every product."""
    results = Sigmoid().predict(totals)
    # Flattened maps run (row, column, feature); people read one feature after the other.
    order = np.arange(12).reshape(4, 3).T.ravel()
    values, weight = values[order], weight[order]
    products = values[:, None] * weight
    strongest = abs(products).max()
    # A gap after each feature's four values.
    heights = 1 - (np.arange(12) + np.arange(12) // 4) / 13
    for unit, (name, height) in enumerate((("cross", 0.75), ("circle", 0.25))):
        for start, product in zip(heights, products[:, unit], strict=True):
            width = 6 * abs(product) / strongest
            axis.plot([0.43, 0.82], [start, height], color=_colour(product), linewidth=width, alpha=0.75)
        box = {"boxstyle": "round,pad=0.5", "facecolor": "white", "edgecolor": "black"}
        text = f"{name}\n{results[unit]:.2f}"
        axis.text(0.88, height, text, ha="center", va="center", fontsize=14, bbox=box)
        axis.text(0.88, height - 0.14, f"sigmoid({totals[unit]:+.1f})", ha="center", fontsize=10)
    for group, name in enumerate(NAMES):
        middle = heights[4 * group : 4 * group + 4].mean()
        axis.text(0.0, middle, name.removeprefix("a ").replace(" ", "\n"), va="center", fontsize=10)
    for start, value, (for_cross, for_circle) in zip(heights, values, weight, strict=True):
        axis.text(0.2, start, f"{value:.2f}", ha="right", va="center", fontsize=10)
        axis.text(0.3, start, f"{for_cross:+.1f}", ha="right", va="center", fontsize=10, color=_colour(for_cross))
        axis.text(0.4, start, f"{for_circle:+.1f}", ha="right", va="center", fontsize=10, color=_colour(for_circle))
    for place, heading in ((0.2, "value"), (0.3, "weight\ncross"), (0.4, "weight\ncircle")):
        axis.text(place, 1.06, heading, ha="right", va="bottom", fontsize=10)
    axis.text(0.88, 1.06, "votes", ha="center", va="bottom", fontsize=10)
    axis.set_xlim(0, 1)
    axis.set_ylim(-0.04, 1.2)
    axis.set_axis_off()


def _colour(number: float) -> str:
    return FOR if number > 0 else AGAINST
