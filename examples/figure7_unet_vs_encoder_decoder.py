"""What skips are worth, the survey's figure 7: python examples/figure7_unet_vs_encoder_decoder.py.

Drawn streets from their label maps, by two generators that differ in nothing but the skips. The encoder-decoder must
carry all that it knows of a street through its deepest map, one pixel, where the U-Net sees the label map again at
every size. Both learn with L1 alone, and with L1 + cGAN.

Source: P. Isola, J.-Y. Zhu, T. Zhou, A. Efros, "Image-to-image translation with conditional adversarial networks",
CVPR 2017, figure 5. What differs: streets of 32 x 32 pixels and not Cityscapes at 256, so 5 levels and not 8, too few
for dropout; 12 channels in the first map, not 64; patches of 16 pixels, not 70; 1500 steps of 4 pictures at a rate of
1e-3 that falls to 0 over the second half, not 200 epochs of 10 at 2e-4.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import tinycolor as tc
from tinycolor import figures
from tinycolor.data import scenes
from tinycolor.metrics import Interval, paired_bootstrap
from tinycolor.networks.pix2pix import PatchDiscriminator, Pix2PixGenerator
from tinycolor.threads import one_blas_thread
from tinycolor.training.adversarial import Duel
from tinycolor.training.loop import train
from tinycolor.translate import signed, unsigned

SEEDS = (0, 1, 2)
SIZE, LEARNED, JUDGED, BATCH = 32, 2000, 100, 4
LEVELS = 5  # down to one pixel
RATE, BETAS = 1e-3, (0.5, 0.999)
NETWORKS = ("encoder-decoder", "U-Net")
LOSSES = ("L1", "L1 + cGAN")
DAY, DUSK = 0, 2  # of the judged streets, those that are shown
COLOURS = {"encoder-decoder": "#d35400", "U-Net": "#2471a3"}

Answers = dict[tuple[str, str], np.ndarray]  # by network and loss


class Plan(NamedTuple):
    """Steps of training, and the channels of the first map."""

    steps: int
    width: int


FULL = Plan(steps=1500, width=12)


class Outcome(NamedTuple):
    """What one seed gave.

    Attributes
    ----------
    errors : dict
        By network and loss: the L1 error of every judged street, (100,), in grey levels of 255.
    gains : dict
        By loss: by how much the U-Net's error is lower, with its interval.
    maps, photos : array
        The first judged streets, uint8 (4, size, size, 3).
    answers : dict
        By network and loss: what they were made of their maps.
    """

    errors: Answers
    gains: dict[str, Interval]
    maps: np.ndarray
    photos: np.ndarray
    answers: Answers


@one_blas_thread()  # for products as small as these, a second one takes longer to wake than to multiply
def compare(plan: Plan, seed: int) -> Outcome:
    """Teach both networks with both losses, and judge them on streets that none has seen."""
    known, new = scenes.draw(LEARNED, SIZE, tc.Generator(seed)), scenes.draw(JUDGED, SIZE, tc.Generator(1000))
    answers = {
        (network, loss): answer(learn(network, loss, known, plan, seed), new.map)
        for network in NETWORKS
        for loss in LOSSES
    }
    errors = {which: abs(made - new.photo.astype(float)).mean((1, 2, 3)) for which, made in answers.items()}
    gains = {
        loss: paired_bootstrap(errors["encoder-decoder", loss], errors["U-Net", loss], tc.Generator(seed))
        for loss in LOSSES
    }
    return Outcome(errors, gains, new.map[:4], new.photo[:4], {which: made[:4] for which, made in answers.items()})


def learn(network: str, loss: str, known: scenes.Scenes, plan: Plan, seed: int) -> Pix2PixGenerator:
    """Teach a network to make photos of maps."""
    generator = Pix2PixGenerator(3, 3, LEVELS, plan.width, skips=network == "U-Net", seed=seed)
    schedule = tc.optim.linear_decay(RATE, plan.steps // 2, plan.steps - plan.steps // 2)
    adam = tc.optim.Adam(generator.parameters(), schedule, betas=BETAS)
    if loss == "L1":
        for _ in train(generator, adam, batches(known, plan.steps, seed), tc.losses.l1):
            pass
        return generator
    discriminator = PatchDiscriminator(6, 1, plan.width, seed=seed)
    its_adam = tc.optim.Adam(discriminator.parameters(), schedule, betas=BETAS)
    duel = Duel(generator, discriminator, adam, its_adam, reconstruction=tc.losses.l1)
    for maps, photos in batches(known, plan.steps, seed):
        duel.step((maps,), (), photos)
    return generator


def batches(known: scenes.Scenes, steps: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield maps and photos, -1..1: the same ones for every network."""
    for step in range(steps):
        some = tc.Generator(seed, step=step).integers(0, len(known.map), (BATCH,))
        yield signed(known.map[some]), signed(known.photo[some])


def answer(generator: Pix2PixGenerator, maps: np.ndarray) -> np.ndarray:
    """Return what a generator makes of maps, uint8; in the ``paper`` mode of its authors."""
    batched = signed(maps).reshape(-1, BATCH, *maps.shape[1:])
    return unsigned(np.concatenate([generator.predict(some, mode="paper") for some in batched]))


# --- the figure ------------------------------------------------------------------------------------------------


def plot(outcomes: list[Outcome]) -> Figure:
    """Draw two streets as in the paper, rows for networks and columns for losses, and the errors of all seeds."""
    figure = Figure(figsize=(11, 7), layout="constrained")
    figure.suptitle("The same generator without skips and with them", fontsize=14)
    above, below = figure.subfigures(2, 1, height_ratios=(1.85, 1))
    for number, part in zip((DAY, DUSK), above.subfigures(1, 2, wspace=0.04), strict=True):
        draw_street(part, outcomes[0], number)
    errors, gains = below.subplots(1, 2)
    draw_errors(errors, outcomes)
    draw_gains(gains, outcomes)
    return figure


def draw_street(figure: Any, outcome: Outcome, number: int) -> None:
    """Draw input and ground truth, and beside them what the four made of it."""
    axes = figure.subplots(2, 3)
    show(axes[0, 0], outcome.maps[number])
    show(axes[1, 0], outcome.photos[number])
    axes[0, 0].set_title("input", fontsize=11)
    axes[1, 0].set_title("ground truth", fontsize=11)
    for row, network in enumerate(NETWORKS):
        axes[row, 1].set_ylabel(network, fontsize=11)
        for column, loss in enumerate(LOSSES, 1):
            show(axes[row, column], outcome.answers[network, loss][number])
            axes[0, column].set_title(loss, fontsize=11)


def show(axis: Axes, picture: np.ndarray) -> None:
    """Show a picture and nothing around it."""
    axis.imshow(picture)
    axis.set(xticks=(), yticks=())
    axis.spines[:].set_visible(False)


def draw_errors(axis: Axes, outcomes: list[Outcome]) -> None:
    """Draw the mean error of every network, loss and seed."""
    for place, loss in enumerate(LOSSES):
        for network in NETWORKS:
            means = [outcome.errors[network, loss].mean() for outcome in outcomes]
            label = network if place == 0 else None
            axis.plot(seed_places(place, outcomes), means, "o", color=COLOURS[network], markersize=8, label=label)
    axis.set(ylabel="L1 error, of 255", title=f"Error on {JUDGED} new streets, three seeds", xlim=(-0.5, 1.5))
    axis.set_ylim(0, 1.1 * max(errors.mean() for outcome in outcomes for errors in outcome.errors.values()))
    axis.set_xticks(range(len(LOSSES)), LOSSES)
    axis.legend(frameon=False, loc="lower right")


def draw_gains(axis: Axes, outcomes: list[Outcome]) -> None:
    """Draw by how much the U-Net's error is lower, with the interval of every seed."""
    for place, loss in enumerate(LOSSES):
        gains = [outcome.gains[loss] for outcome in outcomes]
        middle = np.array([gain.estimate for gain in gains])
        bounds = [[gain.estimate - gain.low for gain in gains], [gain.high - gain.estimate for gain in gains]]
        axis.errorbar(seed_places(place, outcomes), middle, bounds, fmt="o", color="black", capsize=4)
    axis.axhline(0, color="black", linewidth=1)
    axis.set(ylabel="L1 error, of 255", title="By how much the U-Net's is lower, with 95 % intervals", xlim=(-0.5, 1.5))
    axis.set_xticks(range(len(LOSSES)), LOSSES)


def seed_places(place: int, outcomes: list[Outcome]) -> np.ndarray:
    """Return where the seeds go beside each other."""
    return place + 0.12 * (np.arange(len(outcomes)) - (len(outcomes) - 1) / 2)


def main() -> None:
    """Teach with three seeds, print what came of it, and save the figure."""
    outcomes = []
    for seed in SEEDS:
        outcome = compare(FULL, seed)
        outcomes.append(outcome)
        for loss in LOSSES:
            errors = ", ".join(f"{network} {outcome.errors[network, loss].mean():.2f}" for network in NETWORKS)
            print(f"seed {seed}, {loss}: L1 error {errors} of 255; the U-Net's is lower by {outcome.gains[loss]}.")
    figures.save(plot(outcomes), "figure7_unet_vs_encoder_decoder", Path("out/examples"))


if __name__ == "__main__":
    main()
