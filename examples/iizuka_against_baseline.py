"""What global features are worth, and what they carry over: python examples/iizuka_against_baseline.py.

A striped ground is floor boards under a lamp and a lawn under the sun, equally light. Iizuka's baseline sees 115
pixels, so most of the ground is too far from either for it to know, and it paints the mean of both; the network with
global features knows everywhere. Then a network learns streets by day and at dusk: painted with the global features of
another street, a street moves towards that one's time of day, and in steps with mixtures of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

import tinycolor as tc
from tinycolor import figures
from tinycolor.color import fit_into_gamut, lab_of, lab_to_rgb
from tinycolor.data import scenes
from tinycolor.networks import Iizuka, IizukaBaseline
from tinycolor.networks.iizuka import colour_and_scene_loss
from tinycolor.training.loop import train

SEEDS = (0, 1, 2)
BATCH, JUDGED = 8, 48
MIXTURES = (0, 0.25, 0.5, 0.75, 1)
DAY, DUSK = range(2)

Draw = Callable[[int, int, tc.Generator], tuple[np.ndarray, np.ndarray]]


class Plan(NamedTuple):
    """Height and width of rooms and of streets, steps of training on each, and the width of the networks."""

    room: int
    street: int
    room_steps: int
    street_steps: int
    width: float


FULL = Plan(room=128, street=64, room_steps=300, street_steps=200, width=1 / 16)


class Outcome(NamedTuple):
    """What one seed gave.

    Attributes
    ----------
    by_row : dict
        The error of a* and b* by rows of the picture, (size,), of grey and of both networks.
    rooms : dict
        Some of them, L*a*b* (4, size, size, 3): in grey, as both networks paint them, and as they are.
    moved : array
        Whether the mean colour of each street came closer to that of the street that lent it its global features.
    streets : dict
        One, L*a*b* (size, size, 3), painted with mixtures of its own global features and another's.
    """

    by_row: dict[str, np.ndarray]
    rooms: dict[str, np.ndarray]
    moved: np.ndarray
    streets: dict[str, np.ndarray]

    @property
    def errors(self) -> dict[str, float]:
        """The mean error of a* and b*."""
        return {name: float(rows.mean()) for name, rows in self.by_row.items()}

    @property
    def gain(self) -> float:
        """By which share the error is lower with global features."""
        return 1 - self.errors["Iizuka"] / self.errors["baseline"]


def compare(plan: Plan, seed: int) -> Outcome:
    """Teach both networks rooms, and a third one streets."""
    painters = {
        "baseline": IizukaBaseline(plan.width, batch_norm=True, size=plan.room, seed=seed),
        "Iizuka": Iizuka(2, plan.width, batch_norm=True, global_size=plan.room, size=plan.room, seed=seed),
    }
    for network in painters.values():
        learn(network, draw_rooms, plan.room_steps, seed)
    of_streets = Iizuka(2, plan.width, batch_norm=True, global_size=plan.street, size=plan.street, seed=seed)
    learn(of_streets, draw_streets, plan.street_steps, seed)
    return Outcome(*judge_rooms(painters, plan.room), *judge_streets(of_streets))


def draw_rooms(count: int, size: int, rng: tc.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return rooms and fields, L*a*b*, and which is which."""
    rooms = scenes.draw_rooms(count, size, rng)
    return rooms.lab, rooms.kind


def draw_streets(count: int, size: int, rng: tc.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return streets, L*a*b*, and their times of day."""
    streets = scenes.draw(count, size, rng)
    return lab_of(streets.photo), streets.kind


def learn(network: Iizuka | IizukaBaseline, draw: Draw, steps: int, seed: int) -> None:
    """Teach a network with pictures of which no two are alike."""
    joint = isinstance(network, Iizuka)
    adam = tc.optim.Adam(network.parameters(), tc.optim.one_cycle(1e-2, steps))

    def batches() -> Iterator[tuple[np.ndarray, Any]]:
        for step in range(steps):
            lab, kind = draw(BATCH, network.size, tc.Generator(seed, step=step))
            target = network.target(lab[..., 1:])
            yield network.question(lab[..., :1]), (target, kind) if joint else target

    for _ in train(network, adam, batches(), colour_and_scene_loss if joint else tc.losses.mse):
        pass


def judge_rooms(
    painters: dict[str, Iizuka | IizukaBaseline], size: int
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the errors by rows in rooms that no network has learned from, and some of the rooms."""
    lab, kind = draw_rooms(JUDGED, size, tc.Generator(1000))
    lightness, ab = lab[..., :1], lab[..., 1:]
    painted = {"grey": 0 * ab} | {name: network.paint(lightness) for name, network in painters.items()}
    by_row = {name: abs(guess - ab).mean((0, 2, 3)) for name, guess in painted.items()}
    some = np.concatenate([np.flatnonzero(kind == which)[:2] for which in range(2)])
    rooms = {name: np.concatenate([lightness, guess], -1)[some] for name, guess in painted.items()}
    return by_row, rooms | {"truth": lab[some]}


def judge_streets(network: Iizuka) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return in which pairs colours came closer to the lender's, and one street painted with mixtures."""
    lab, kind = draw_streets(2 * JUDGED, network.size, tc.Generator(1000))
    pairs = min(np.bincount(kind))
    day, dusk = (lab[kind == which][:pairs] for which in (DAY, DUSK))
    painted, lenders = np.concatenate([day, dusk])[..., :1], np.concatenate([dusk, day])
    features = network.global_features(lenders[..., :1])
    before, after = network.paint(painted), network.paint(painted, features)
    moved = distance(after, lenders) < distance(before, lenders)

    own = network.global_features(painted)
    mixed = {
        f"{share:.0%}": network.paint(painted[:1], (1 - share) * own[:1] + share * features[:1]) for share in MIXTURES
    }
    streets = {name: np.concatenate([painted[:1], ab], -1)[0] for name, ab in mixed.items()}
    return moved, {"by day": day[0]} | streets | {"the other": dusk[0]}


def distance(ab: np.ndarray, lab: np.ndarray) -> np.ndarray:
    """Return how far the mean colour of each picture is from that of another."""
    return np.linalg.norm(ab.mean((1, 2)) - lab[..., 1:].mean((1, 2)), axis=-1)


# --- the figure ------------------------------------------------------------------------------------------------


def plot(outcomes: list[Outcome]) -> Figure:
    """Draw rooms as all paint them, the errors by rows, and a street on its way to another time of day."""
    figure = Figure(figsize=(11, 9.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(3.4, 1))
    left, right = above.subfigures(1, 2, width_ratios=(1.35, 1))
    draw_strip(left, outcomes[0].rooms)
    draw_rows(right.subplots(), outcomes)
    draw_strip(below, {name: lab[None] for name, lab in outcomes[0].streets.items()})
    below.suptitle("A street by day, painted with global features of its own (0 %), of the other (100 %), and mixtures")
    return figure


def draw_strip(figure: Any, columns: dict[str, np.ndarray]) -> None:
    """Draw a column of pictures, L*a*b* (rows, size, size, 3), under each name."""
    rows = len(next(iter(columns.values())))
    axes = figure.subplots(rows, len(columns), squeeze=False)
    for column, (name, pictures) in enumerate(columns.items()):
        axes[0, column].set_title(name)
        for axis, lab in zip(axes[:, column], pictures, strict=True):
            axis.imshow(lab_to_rgb(fit_into_gamut(lab)[0]).clip(0, 1))
            axis.set_axis_off()


def draw_rows(axis: Any, outcomes: list[Outcome]) -> None:
    """Draw the error of every network in each row, and how far down the baseline can see a lamp or a sun."""
    size = len(outcomes[0].by_row["grey"])
    for name, colour in (("baseline", "#d35400"), ("Iizuka", "#2471a3")):
        for number, outcome in enumerate(outcomes):
            axis.plot(outcome.by_row[name], np.arange(size), color=colour, label=None if number else name)
    axis.axhline(LOWEST * size + SEES, color="black", linewidth=1, linestyle=":")
    axis.text(7.5, LOWEST * size + SEES, "below: out of the\nbaseline's sight", ha="center", va="top")
    axis.set(xlabel="mean error of a* and b*", ylabel="row of the picture", ylim=(size, 0), title="three seeds")
    axis.legend(frameon=False, loc="center", bbox_to_anchor=(0.45, 0.55))


LOWEST = 0.2  # of the height: the lower end of lamps and suns
SEES = tc.receptive_field(IizukaBaseline(1 / 64))[0] // 2  # rows above and below


def main() -> None:
    """Teach with three seeds, print what came of it, and save the figure."""
    outcomes = []
    for seed in SEEDS:
        outcome = compare(FULL, seed)
        outcomes.append(outcome)
        errors = ", ".join(f"{name} {error:.2f}" for name, error in outcome.errors.items())
        print(f"seed {seed}: error of a* and b* in rooms: {errors}: {outcome.gain:.0%} lower with global features.")
        print(
            f"        {outcome.moved.mean():.0%} of {len(outcome.moved)} streets came closer to the lender's colours."
        )
    figures.save(plot(outcomes), "iizuka_against_baseline", Path("out/examples"))


if __name__ == "__main__":
    main()
