"""The curves of a run's page: figures of the log over the steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

MOST_POINTS = 200
OURS, OTHERS = "#2471a3", ("#777777", "#d35400")


def figure_of_loss(losses: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw the loss of all steps."""
    figure, axis = empty_figure("loss")
    axis.set_yscale("log")
    draw(axis, *thinned(losses, "loss"))
    return figure


def figure_of_report(reports: Sequence[Mapping[str, Any]], key: str, label: str, others: Sequence[str]) -> Figure:
    """Draw one figure of all reports, and dashed lines for what it is of others, such as grey."""
    figure, axis = empty_figure(label)
    values = [line["validation"][key] for line in reports]
    draw(axis, [line["step"] for line in reports], values, f"network, now {values[-1]:.2f}")
    for name, colour in zip(others, OTHERS, strict=False):
        value = reports[-1][name][key]
        axis.axhline(value, color=colour, linestyle="--", label=f"{name}, {value:.2f}")
    axis.legend(fontsize=9)
    return figure


def thinned(lines: Sequence[Mapping[str, Any]], key: str) -> tuple[list[float], list[float]]:
    """Return steps and values of a figure of the log; of many, means of neighbours."""
    parts = np.array_split([(line["step"], line[key]) for line in lines], min(len(lines), MOST_POINTS))
    return [part[-1, 0] for part in parts], [part[:, 1].mean() for part in parts]


def empty_figure(label: str) -> tuple[Figure, Axes]:
    """Return a figure over the steps, with nothing in it."""
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.set_xlabel("step")
    axis.set_ylabel(label)
    axis.grid(alpha=0.3)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return figure, axis


def draw(axis: Axes, steps: Sequence[float], values: Sequence[float], label: str = "", colour: str = OURS) -> None:
    """Draw one curve."""
    axis.plot(steps, values, color=colour, linewidth=1, marker="." if len(steps) < 50 else "", label=label)
    axis.set_xlim(0, 1.02 * steps[-1])
