"""``tinycolor demo``: a network learns to tell a cross from a circle before your eyes, and shows how it does it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from tinycolor import losses, optim
from tinycolor.data.shapes import draw
from tinycolor.inspect import explain
from tinycolor.networks import CrossCircleCNN
from tinycolor.random import Generator

SIZE = 28
BATCH = 32
STEPS = 300
UNSEEN = 1000


def train(net: CrossCircleCNN, steps: int, seed: int) -> Iterator[float]:
    """Train on fresh drawings, yielding the loss of every step."""
    optimizer = optim.Adam(net.parameters(), learning_rate=2e-3)
    for step in range(steps):
        x, target = draw(BATCH, SIZE, Generator(seed, epoch=0, step=step))
        y, backward = net(x)
        loss, dy = losses.bce(y, target)
        net.zero_grad()
        backward(dy)
        optimizer.step()
        yield float(loss)


def accuracy(net: CrossCircleCNN, count: int, seed: int) -> float:
    """Return the share of unseen drawings, 0..1, whose stronger vote is the right one."""
    x, target = draw(count, SIZE, Generator(seed, epoch=1))
    return float((net.predict(x).argmax(1) == target.argmax(1)).mean())


def save_pictures(net: CrossCircleCNN, curve: list[float], folder: Path, seed: int) -> list[Path]:
    """Write what there is to see as PNG files and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    x, _ = draw(12, SIZE, Generator(seed, epoch=2))
    both = x[[_first(x, net, 0), _first(x, net, 1)]]
    centre = SIZE // 2
    pictures = {
        "what_it_sees.png": figure_of_maps(net, both),
        "votes.png": figure_of_votes(net, x),
        "learning.png": figure_of_curve(curve),
        "one_number.png": explain(net.stages[0], both[:1], (0, centre, centre, 0)).figure(),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=150)
    return [folder / name for name in pictures]


def figure_of_maps(net: CrossCircleCNN, x: np.ndarray) -> Figure:
    """Draw the first layer's filters, and where in two pictures (2, H, W, 1) each finds what it looks for."""
    filters = net.stages[0].weight.data[:, :, 0]
    maps = net.stages[1].predict(net.stages[0].predict(x))
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
        bars.barh(["cross", "circle"], votes[row], color=["#c0392b", "#2471a3"])
        bars.set_xlim(0, 1)
        bars.invert_yaxis()
        bars.yaxis.tick_right()
        bars.tick_params(length=0, labelsize=9)
        bars.set_xticks([])
        bars.spines[:].set_visible(False)
    for axis in axes[:, :-1].flat:
        axis.set_xticks([])
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


def figure_of_curve(curve: list[float]) -> Figure:
    """Draw the loss of every step."""
    figure = Figure(figsize=(6, 3.4), layout="constrained")
    axis = figure.subplots()
    axis.semilogy(np.arange(1, len(curve) + 1), curve, color="#2471a3", linewidth=1)
    axis.set_xlabel(f"step ({BATCH} new drawings each)")
    axis.set_ylabel("loss (binary cross-entropy)")
    axis.set_title("Learning: the error falls")
    axis.grid(alpha=0.3)
    return figure


def _first(x: np.ndarray, net: CrossCircleCNN, kind: int) -> int:
    """The picture that gets the surest vote for a kind."""
    return int(net.predict(x)[:, kind].argmax())
