"""What there is to see in a network that has learned to tell crosses from circles."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from tinycolor.networks import CrossCircleCNN


def figure_of_maps(net: CrossCircleCNN, x: np.ndarray) -> Figure:
    """Draw the first layer's filters, and where in two pictures (2, H, W, 1) each finds what it looks for."""
    convolution, rectifier = net.stages[0], net.stages[1]
    filters = dict(convolution.named_parameters())["weight"].data[:, :, 0]
    maps = rectifier.predict(convolution.predict(x))
    votes = net.predict(x)
    count = filters.shape[-1]
    figure = Figure(figsize=(1.15 * (count + 2), 4.2), layout="constrained")
    axes = figure.subplots(3, count + 2, width_ratios=[1.25] + [1] * count + [1.1])
    limit = abs(filters).max()
    axes[0, 0].text(1, 0.5, "filters, 3 x 3", ha="right", va="center", transform=axes[0, 0].transAxes)
    for number in range(count):
        axes[0, number + 1].imshow(filters[..., number], cmap="RdBu_r", vmin=-limit, vmax=limit)
        for row in (0, 1):
            axes[row + 1, number + 1].imshow(maps[row, ..., number], cmap="magma", vmin=0, vmax=maps.max())
    for row in (0, 1):
        axes[row + 1, 0].imshow(x[row, ..., 0], cmap="gray")
        bars = axes[row + 1, -1]
        bars.barh([f"cross {votes[row, 0]:.2f}", f"circle {votes[row, 1]:.2f}"], votes[row], 0.6, color="#2471a3")
        bars.set_xlim(0, 1)
        bars.set_ylim(2, -1)
        bars.yaxis.tick_right()
        bars.tick_params(length=0, labelsize=10)
        bars.spines[["top", "bottom", "right"]].set_visible(False)
    for axis in axes.flat:
        axis.set_xticks([])
    for axis in axes[:, :-1].flat:
        axis.set_yticks([])
    for axis in (axes[0, 0], axes[0, -1]):
        axis.set_axis_off()
    figure.suptitle("Eight learned filters, where each finds its pattern, and the two votes", fontsize=12)
    return figure


def figure_of_votes(net: CrossCircleCNN, x: np.ndarray) -> Figure:
    """Draw pictures (12, H, W, 1) and what the network votes for each."""
    figure = Figure(figsize=(8, 3.4), layout="constrained")
    for axis, picture, (cross, circle) in zip(figure.subplots(2, 6).flat, x[..., 0], net.predict(x), strict=True):
        axis.imshow(picture, cmap="gray")
        axis.set_title(f"cross {cross:.2f}\ncircle {circle:.2f}", fontsize=9)
        axis.set_axis_off()
    return figure


def figure_of_curve(curve: list[float], batch: int) -> Figure:
    """Draw the loss of every step."""
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axis = figure.subplots()
    axis.semilogy(np.arange(1, len(curve) + 1), curve, color="#2471a3", linewidth=1)
    axis.set_xlabel(f"step ({batch} new drawings each)")
    axis.set_ylabel("loss (binary cross-entropy)")
    axis.set_title("Learning: the error falls")
    axis.grid(alpha=0.3)
    return figure
