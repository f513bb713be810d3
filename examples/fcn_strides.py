"""Where to add the last scores: FCN-32s, 16s and 8s learn what is at each pixel of drawn streets, with three seeds.

As in the paper, the coarsest network learns first, and each finer one begins with the weights of the one before; what
it adds to them, the scores of a finer map, begins at 0. That it is not the longer training that helps, a fourth
network shows: the FCN-32s, trained on for as many steps as both finer ones.

python examples/fcn_strides.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from tinycolor import figures, losses, optim
from tinycolor.data import scenes
from tinycolor.data.label_maps import picture_input
from tinycolor.networks.fcn import FCN, FCN8s, FCN16s, FCN32s, transplant
from tinycolor.random import Generator
from tinycolor.segment import judge, predict_classes
from tinycolor.training.loop import train

ON_THE_FIGURE = 4
LEARNING_RATE = 1e-3


class Turn(NamedTuple):
    """Which network learns, with whose weights it begins, and from how many streets it learns, one a step."""

    kind: type[FCN]
    begins_as: str | None
    steps: int


class Plan(NamedTuple):
    """Height and width of the streets, how many to judge by, the width of the networks, and who learns in turn."""

    size: int
    unseen: int
    width: float
    turns: dict[str, Turn]


FULL = Plan(
    128,
    48,
    1 / 8,
    {
        "FCN-32s": Turn(FCN32s, None, 500),
        "FCN-32s, longer": Turn(FCN32s, "FCN-32s", 400),
        "FCN-16s": Turn(FCN16s, "FCN-32s", 200),
        "FCN-8s": Turn(FCN8s, "FCN-16s", 200),
    },
)


class Outcome(NamedTuple):
    """The four figures of each network with each seed, and what the first seed's saw in some of the streets."""

    scores: dict[str, list[dict[str, float]]]
    pairs: np.ndarray
    seen: dict[str, np.ndarray]


def compare(plan: Plan, seeds: Sequence[int]) -> Outcome:
    """Train all networks with every seed, and judge them on streets that none has learned from."""
    unseen = streets(plan.unseen, plan.size, Generator(seed=0))
    some = unseen[:ON_THE_FIGURE]
    scores: dict[str, list[dict[str, float]]] = {name: [] for name in plan.turns}
    seen: dict[str, np.ndarray] = {}
    for seed in seeds:
        for name, network in learn(plan, seed).items():
            scores[name].append(judge(network, unseen))
            seen.setdefault(name, predict_classes(network, some[..., :3]))
    return Outcome(scores, some, seen)


def learn(plan: Plan, seed: int) -> dict[str, FCN]:
    """Train one network after the other, each with streets of its own."""
    networks: dict[str, FCN] = {}
    for number, (name, turn) in enumerate(plan.turns.items(), start=1):
        network = turn.kind(len(scenes.LABELS), plan.width, seed=seed)
        if turn.begins_as:
            transplant(networks[turn.begins_as], network)
        optimizer = optim.Adam(network.parameters(), optim.one_cycle(LEARNING_RATE, turn.steps))
        drawn = (streets(1, plan.size, Generator(seed, number, step)) for step in range(turn.steps))
        batches = ((picture_input(pair[..., :3]), pair[..., 3]) for pair in drawn)
        for _ in train(network, optimizer, batches, losses.cross_entropy, seed=seed):
            pass
        networks[name] = network
    return networks


def streets(count: int, size: int, rng: Generator) -> np.ndarray:
    """Draw streets, uint8 (count, size, size, 4): RGB, and the number of what is seen there."""
    drawn = scenes.draw(count, size, rng)
    return np.concatenate([drawn.photo, drawn.labels[..., None]], -1)


def table(scores: dict[str, list[dict[str, float]]]) -> str:
    """Return a row for each network: its mean IoU with each seed, and the means of all four figures."""
    seeds = range(len(next(iter(scores.values()))))
    names = [f"IoU, seed {seed}" for seed in seeds] + ["mean IoU", "pixel accuracy", "mean accuracy", "weighted IoU"]
    lines = [" " * 16 + "".join(f"{name:>16}" for name in names)]
    for name, of_seeds in scores.items():
        numbers = [one["mean_iou"] for one in of_seeds]
        for figure in ("mean_iou", "pixel_accuracy", "mean_accuracy", "frequency_weighted_iou"):
            numbers.append(float(np.mean([one[figure] for one in of_seeds])))
        lines.append(f"{name:16}" + "".join(f"{number:16.3f}" for number in numbers))
    return "\n".join(lines)


def plot(outcome: Outcome) -> Figure:
    """Draw photo, what each network sees in it and what is there, a street a row, and the colours of the classes."""
    columns = {"photo": outcome.pairs[..., :3]}
    for name, numbers in outcome.seen.items():
        columns[f"{name}\nmean IoU {outcome.scores[name][0]['mean_iou']:.2f}"] = scenes.MAP_COLOURS[numbers]
    columns["truth"] = scenes.MAP_COLOURS[outcome.pairs[..., 3]]
    rows = len(outcome.pairs)
    figure = Figure(figsize=(2 * len(columns), 2 * rows + 1), layout="constrained")
    axes = figure.subplots(rows, len(columns), squeeze=False)
    for column, (title, pictures) in enumerate(columns.items()):
        axes[0, column].set_title(title, fontsize=10)
        for axis, picture in zip(axes[:, column], pictures, strict=True):
            axis.imshow(picture)
            axis.set_axis_off()
    classes = zip(scenes.LABELS, scenes.MAP_COLOURS / 255, strict=True)
    patches = [Patch(facecolor=colour, edgecolor="grey", label=label) for label, colour in classes]
    figure.legend(handles=patches, loc="outside lower center", ncols=7, frameon=False)
    return figure


def main() -> None:
    """Train with three seeds, print the table and save the figure."""
    outcome = compare(FULL, seeds=(0, 1, 2))
    print(table(outcome.scores))
    figures.save(plot(outcome), "fcn_strides", Path("out/examples"))


if __name__ == "__main__":
    main()
