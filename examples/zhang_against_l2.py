"""Classification against L2 where grey does not tell which colour: python examples/zhang_against_l2.py.

An apple is red with probability 0.7, else green, and equally light. What two networks that differ in their loss alone
should answer is known beforehand. L2: the mean of both, a brown that no apple has. Cross-entropy: both, with their
probabilities; and the temperature of the annealed mean then leads from the brown to the likelier of the two.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import tinycolor as tc
from tinycolor import figures
from tinycolor.color import annealed_mean, fit_into_gamut, lab_to_rgb, soft_encode
from tinycolor.color.ab_bins import AB_BINS
from tinycolor.data.scenes import COLOUR_A, COLOUR_B, draw_ambiguous
from tinycolor.networks import Zhang, ZhangL2
from tinycolor.ops.softmax import softmax
from tinycolor.training.loop import train

RED, GREEN = np.array(COLOUR_A), np.array(COLOUR_B)
REDS, GREENS = 14, 6  # in every batch
PROBABILITY = REDS / (REDS + GREENS)
BROWN = PROBABILITY * RED + (1 - PROBABILITY) * GREEN
CODES = soft_encode(np.stack([RED, GREEN]))

SEEDS = (0, 1, 2)
JUDGED = 100
TEMPERATURES = (1, 0.8, 0.6, 0.38, 0.25, 0.15, 0.08, 0.01)
PAINTED = (1, 0.38, 0.01)
ORANGE = "#d35400"


class Outcome(NamedTuple):
    """What both networks of one seed answer inside apples, on average.

    Attributes
    ----------
    regressed : array
        (2,): a* and b* by L2.
    probabilities : array
        (313,): of the bins, by classification.
    annealed : array
        (temperatures, 2): a* and b* by classification.
    pictures : dict
        One apple, L*a*b* (size, size, 3), as it is given, as it may be, and as the networks paint it.
    """

    regressed: np.ndarray
    probabilities: np.ndarray
    annealed: np.ndarray
    pictures: dict[str, np.ndarray]

    @property
    def red_and_green(self) -> np.ndarray:
        """The probabilities of the bins that share red and of those that share green, (2,)."""
        return (CODES > 0) @ self.probabilities


def compare(seed: int, size: int = 32, steps: int = 600) -> Outcome:
    """Teach both networks, a sixteenth as wide as the paper's, and return what they answer."""
    regression, classification = ZhangL2(1 / 16, size=size, seed=seed), Zhang(1 / 16, size=size, seed=seed)
    learn(regression, tc.losses.mse, steps, seed)
    # Not rebalanced: weights by rarity would lead to other probabilities than the true ones, which is their purpose.
    learn(classification, tc.losses.cross_entropy, steps, seed)
    return judge(regression, classification)


def learn(network: Zhang | ZhangL2, loss: Callable, steps: int, seed: int) -> None:
    """Teach a network with apples of which no two are alike."""
    adam = tc.optim.Adam(network.parameters(), tc.optim.one_cycle(4e-3, steps), betas=(0.9, 0.99))
    apples = (batch(network, tc.Generator(seed, step=step)) for step in range(steps))
    for _ in train(network, adam, apples, loss):
        pass


def batch(network: Zhang | ZhangL2, rng: tc.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return what a network is given, and what it should answer.

    The same share of every batch is red, so that an error is the network's, and not that of the draw.
    """
    red, green = (draw_ambiguous(count, network.size, rng, share) for count, share in ((REDS, 1), (GREENS, 0)))
    lab = np.concatenate([red.lab, green.lab])
    return network.question(lab[..., :1]), network.target(lab[..., 1:])


def judge(regression: ZhangL2, classification: Zhang) -> Outcome:
    """Show both networks new apples, and look at the answers whose 4 x 4 pixels are all apple."""
    apples = draw_ambiguous(JUDGED, regression.size, tc.Generator(1000))
    answers = regression.size // 4
    inside = apples.shape.reshape(JUDGED, answers, 4, answers, 4).all((2, 4))
    x = regression.question(apples.lab[..., :1])
    logits = classification.predict(x)[inside].astype("float64")
    return Outcome(
        tc.data.lightness.LARGEST_AB * regression.predict(x)[inside].mean(0),
        softmax(logits).mean(0),
        np.stack([annealed_mean(logits, temperature).mean(0) for temperature in TEMPERATURES]),
        paint(regression, classification),
    )


def paint(regression: ZhangL2, classification: Zhang) -> dict[str, np.ndarray]:
    """Return one apple in all its colours."""
    red, green = (draw_ambiguous(1, regression.size, tc.Generator(7), share).lab for share in (1, 0))
    lightness = red[..., :1]
    colours = {
        "given": 0 * red[..., 1:],
        f"{10 * PROBABILITY:.0f} in 10": red[..., 1:],
        f"{10 - 10 * PROBABILITY:.0f} in 10": green[..., 1:],
        "L2": regression.paint(lightness),
    }
    for temperature in PAINTED:
        classification.temperature = temperature
        colours[f"classification\nT = {temperature:g}"] = classification.paint(lightness)
    return {name: np.concatenate([lightness, ab], -1)[0] for name, ab in colours.items()}


# --- the figure ------------------------------------------------------------------------------------------------


def plot(outcomes: list[Outcome]) -> Figure:
    """Draw one apple as both networks paint it, their answers in the plane of a* and b*, and what T does."""
    figure = Figure(figsize=(11, 7.6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1, 2.5))
    pictures = outcomes[0].pictures
    for axis, (name, lab) in zip(above.subplots(1, len(pictures)), pictures.items(), strict=True):
        axis.imshow(rgb(lab))
        axis.set_title(name, fontsize=11)
        axis.set_axis_off()
    plane, slide = below.subplots(1, 2)
    draw_plane(plane, outcomes)
    draw_temperatures(slide, outcomes)
    figure.suptitle("Red or green, equally light: L2 answers with their mean, classification with both", fontsize=14)
    return figure


def draw_plane(axis: Axes, outcomes: list[Outcome]) -> None:
    """Draw the bins, the probability of each as an area, and where the networks' colours lie."""
    bins = rgb(np.concatenate([np.full((len(AB_BINS), 1), 51.0), AB_BINS], -1))
    probabilities = np.mean([outcome.probabilities for outcome in outcomes], 0)
    likely = probabilities > 1e-3
    axis.scatter(*AB_BINS.T, s=20, c=bins, alpha=0.3, linewidths=0)
    axis.scatter(*AB_BINS[likely].T, s=3500 * probabilities[likely], c=bins[likely], edgecolors="black", linewidths=0.8)
    for colour, share in zip((RED, GREEN), np.mean([outcome.red_and_green for outcome in outcomes], 0), strict=True):
        axis.annotate(f"{share:.2f}", colour, (0, 48), textcoords="offset points", ha="center", fontsize=13)
    for outcome in outcomes:
        axis.plot(*outcome.annealed.T, "o-", color="black", markersize=5, markeredgecolor="white", linewidth=1)
        axis.plot(*outcome.regressed, "X", color=ORANGE, markersize=11, markeredgecolor="white")
    axis.annotate("L2, T = 1", BROWN, (0, -22), textcoords="offset points", ha="center")
    axis.annotate("T = 0.01", AB_BINS[probabilities.argmax()], (0, -46), textcoords="offset points", ha="center")
    axis.set_title("What both answer; areas: the probability of each bin", fontsize=11)
    axis.set(xlabel="a*", ylabel="b*", aspect="equal", xlim=(-75, 95), ylim=(-45, 105))


def draw_temperatures(axis: Axes, outcomes: list[Outcome]) -> None:
    """Draw how red the answers are, 0 green and 1 red, against the temperature."""
    fine = np.geomspace(1, 0.01, 100)
    logits = np.log(np.maximum(CODES.T @ (PROBABILITY, 1 - PROBABILITY), 1e-300))
    best = np.stack([annealed_mean(logits, temperature) for temperature in fine])
    axis.plot(fine, redness(best), color="black", linewidth=1, label="of the true probabilities")
    for number, outcome in enumerate(outcomes):
        names = ("of classification, by seed", "L2, by seed") if number == 0 else (None, None)
        axis.plot(TEMPERATURES, redness(outcome.annealed), "o", color="black", markersize=4, label=names[0])
        axis.axhline(redness(outcome.regressed), color=ORANGE, linewidth=1, label=names[1])
    axis.set_xscale("log")
    axis.set_xticks((1, 0.38, 0.1, 0.01), ("1", "0.38", "0.1", "0.01"))
    axis.minorticks_off()
    axis.invert_xaxis()
    axis.set_title("The annealed mean: from the mean to the likelier of the two", fontsize=11)
    axis.set(xlabel="temperature T", ylabel="how red: 0 is the green, 1 the red")
    axis.legend(loc="center right", frameon=False)


def redness(ab: np.ndarray) -> np.ndarray:
    """Return where colours lie on the way from green, 0, to red, 1."""
    return (ab - GREEN) @ (RED - GREEN) / ((RED - GREEN) @ (RED - GREEN))


def rgb(lab: np.ndarray) -> np.ndarray:
    """Return the nearest colours that a screen can show, 0..1."""
    return lab_to_rgb(fit_into_gamut(lab)[0]).clip(0, 1)


def main() -> None:
    """Teach three pairs of networks, print what they answer, and save the figure."""
    outcomes = []
    for seed in SEEDS:
        outcome = compare(seed)
        outcomes.append(outcome)
        distance = np.linalg.norm(outcome.regressed - BROWN)
        red, green = outcome.red_and_green
        print(f"seed {seed}: L2 is {distance:.2f} ab units from the mean of both.")
        print(f"        Classification gives red {red:.3f} and green {green:.3f}.")
        steps = zip(TEMPERATURES, redness(outcome.annealed), strict=True)
        print("        How red at T: " + ", ".join(f"{temperature:g}: {share:.2f}" for temperature, share in steps))
    figures.save(plot(outcomes), "zhang_against_l2", Path("out/examples"))


if __name__ == "__main__":
    main()
