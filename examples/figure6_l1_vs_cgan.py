"""What L1 leaves out and an adversary puts in, the survey's figure 6: python examples/figure6_l1_vs_cgan.py.

Streets from their label maps, by the same U-Net with three losses. A label map does not tell how the blades of a
meadow lie, nor which colour a car has. L1 answers with the median of all that may be: smooth, and dull. An adversary
knows that no street looks so. By default the streets are drawn, and their surfaces mottled, so that there is something
to leave out; ``--camvid FOLDER`` takes photos in FOLDER, with their label maps in FOLDER_seg: four fifths to learn
from, the last fifth to be judged on.

Source: P. Isola, J.-Y. Zhu, T. Zhou, A. Efros, "Image-to-image translation with conditional adversarial networks",
CVPR 2017, figures 4 and 7. What differs: streets of 32 x 32 pixels and not Cityscapes at 256, so 5 levels and not 8,
too few for dropout; 12 channels in the first map, not 64; patches of 34 pixels, here a whole street, not 70; 1500 steps
of 4 pictures at a rate of 1e-3 that falls to 0 over the second half, not 200 epochs at 2e-4. The weight of L1 is the
paper's, 100.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import tinycolor as tc
from tinycolor import figures
from tinycolor.color import fit_into_gamut, lab_of, lab_to_rgb
from tinycolor.data import scenes
from tinycolor.data.picture_pairs import PicturePairs, find_picture_pairs
from tinycolor.data.scenes.canvas import rough
from tinycolor.data.scenes.palette import ROUGHNESS
from tinycolor.metrics import (
    Interval,
    ab_histograms,
    high_frequency_energy,
    histogram_intersection,
    paired_bootstrap,
)
from tinycolor.metrics.histograms import EDGES
from tinycolor.networks.pix2pix import PatchDiscriminator, Pix2PixGenerator
from tinycolor.threads import one_blas_thread
from tinycolor.training.adversarial import Duel
from tinycolor.training.loop import train
from tinycolor.translate import signed, unsigned

SEEDS = (0, 1, 2)
LEARNED, JUDGED, SHOWN, BATCH = 2000, 100, 4, 4
RATE, BETAS = 1e-3, (0.5, 0.999)
LOSSES = ("L1", "cGAN", "L1 + cGAN")
COLOURS = {"ground truth": "black", "L1": "#d35400", "cGAN": "#7d8a8e", "L1 + cGAN": "#2471a3"}
GAINS = {"energy": "high-frequency energy", "intersection": "ab histograms' intersection\nwith the truth's, 0..1"}
MOTTLE = 4.0


class Plan(NamedTuple):
    """Height and width, steps of training, and the channels of the first map."""

    size: int
    steps: int
    width: int


FULL = Plan(size=32, steps=1500, width=12)
CAMVID = Plan(size=64, steps=1500, width=12)


class Streets(NamedTuple):
    """Label maps in colours, and photos, both uint8 (N, size, size, 3)."""

    maps: np.ndarray
    photos: np.ndarray


class Outcome(NamedTuple):
    """What one seed gave.

    Attributes
    ----------
    energies : dict
        By loss and of the truth: the high-frequency energy of every judged street, (N,).
    histograms : dict
        By loss and of the truth: how often each a* and each b* comes, (N, 2, bins).
    gains : dict
        By which of "energy" and "intersection": how much more L1 + cGAN has than L1, with its interval.
    shown : dict
        Input, truth and answers: some of the streets, uint8 (4, size, size, 3).
    """

    energies: dict[str, np.ndarray]
    histograms: dict[str, np.ndarray]
    gains: dict[str, Interval]
    shown: dict[str, np.ndarray]

    @property
    def intersections(self) -> dict[str, float]:
        """By loss: how much the colours of all streets have in common with the true ones, 0..1."""
        return {loss: shared(beside_truth(self.histograms, loss)) for loss in LOSSES}


def compare(plan: Plan, seed: int) -> Outcome:
    """Teach drawn streets with all three losses, and judge on others."""
    known, new = draw(LEARNED, plan.size, tc.Generator(seed)), draw(JUDGED, plan.size, tc.Generator(1000))
    return compare_on(known, new, plan, seed)


@one_blas_thread()  # for products as small as these, a second one takes longer to wake than to multiply
def compare_on(known: Streets, new: Streets, plan: Plan, seed: int) -> Outcome:
    """Teach some streets with all three losses, and judge on others."""
    answers = {loss: answer(learn(loss, known, plan, seed), new.maps) for loss in LOSSES}
    pictures = {"ground truth": new.photos} | answers
    energies = {name: high_frequency_energy(some) for name, some in pictures.items()}
    histograms = {name: ab_histograms(lab_of(some)[..., 1:]) for name, some in pictures.items()}
    both = [beside_truth(histograms, loss) for loss in ("L1 + cGAN", "L1")]
    gains = {
        "energy": paired_bootstrap(energies["L1 + cGAN"], energies["L1"], tc.Generator(seed)),
        "intersection": paired_bootstrap(*both, tc.Generator(seed), statistic=shared),
    }
    rows = np.linspace(0, len(new.maps) - 1, SHOWN).astype(int)
    shown = {name: some[rows] for name, some in ({"input": new.maps} | pictures).items()}
    return Outcome(energies, histograms, gains, shown)


def beside_truth(histograms: dict[str, np.ndarray], loss: str) -> np.ndarray:
    """Return the histograms of answers and of truths together, (N, 2, 2, bins)."""
    return np.stack([histograms[loss], histograms["ground truth"]], 1)


def shared(histograms: np.ndarray) -> float:
    """Return what the colours of all streets together share with the true ones: the mean for a* and b*."""
    made, true = histograms.sum(0)
    return float(histogram_intersection(made, true).mean())


def draw(count: int, size: int, rng: tc.Generator) -> Streets:
    """Return drawn streets whose surfaces are mottled, as real ones are: a meadow is not of one green."""
    drawn = scenes.draw(count, size, rng)
    lab = lab_of(drawn.photo)
    for channel in (1, 2):
        spots = rough(count, size // 2, size, rng) + 0.5 * rough(count, size // 5, size, rng)
        lab[..., channel] += MOTTLE * (1 + ROUGHNESS[drawn.labels]) * spots
    rgb = lab_to_rgb(fit_into_gamut(lab)[0]).clip(0, 1)
    return Streets(drawn.map, np.rint(255 * rgb).astype(np.uint8))


def learn(loss: str, known: Streets, plan: Plan, seed: int) -> Pix2PixGenerator:
    """Teach a U-Net to make photos of maps."""
    levels = plan.size.bit_length() - 1  # down to one pixel
    generator = Pix2PixGenerator(3, 3, levels, plan.width, seed=seed)
    schedule = tc.optim.linear_decay(RATE, plan.steps // 2, plan.steps - plan.steps // 2)
    adam = tc.optim.Adam(generator.parameters(), schedule, betas=BETAS)
    if loss == "L1":
        for _ in train(generator, adam, batches(known, plan.steps, seed), tc.losses.l1):
            pass
        return generator
    discriminator = PatchDiscriminator(6, 2, plan.width, seed=seed)
    its_adam = tc.optim.Adam(discriminator.parameters(), schedule, betas=BETAS)
    duel = Duel(generator, discriminator, adam, its_adam, reconstruction=tc.losses.l1 if loss == "L1 + cGAN" else None)
    for maps, photos in batches(known, plan.steps, seed):
        duel.step((maps,), (), photos)
    return generator


def batches(known: Streets, steps: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield maps and photos, -1..1: the same ones for every loss."""
    for step in range(steps):
        some = tc.Generator(seed, step=step).integers(0, len(known.maps), (BATCH,))
        yield signed(known.maps[some]), signed(known.photos[some])


def answer(generator: Pix2PixGenerator, maps: np.ndarray) -> np.ndarray:
    """Return what a generator makes of maps, uint8; in the ``paper`` mode of its authors."""
    answers = [
        generator.predict(signed(maps[start : start + BATCH]), mode="paper", rng=tc.Generator(0, step=start))
        for start in range(0, len(maps), BATCH)
    ]
    return unsigned(np.concatenate(answers))


# --- photos ----------------------------------------------------------------------------------------------------

NO_CLASS = 11  # in CamVid's label maps


def read(folder: Path, size: int) -> tuple[Streets, Streets]:
    """Return the photos of a folder with label maps beside it, as squares: four fifths to learn from, and the last."""
    found = find_picture_pairs(folder, lambda path, reason: print(f"left out: {path}: {reason}"))
    pairs = np.stack(list(PicturePairs(found, size, ignored=(NO_CLASS,))))
    maps, photos = pairs[..., :3], pairs[..., 3:]
    known = len(pairs) * 4 // 5
    return Streets(maps[:known], photos[:known]), Streets(maps[known:], photos[known:])


# --- the figure ------------------------------------------------------------------------------------------------


def plot(outcomes: list[Outcome]) -> Figure:
    """Draw streets as in the paper, a column per loss; below, what they have of detail and of colour."""
    shown = outcomes[0].shown
    figure = Figure(figsize=(11, 12.6), layout="constrained")
    figure.suptitle("One U-Net, three losses: L1 answers with the median, an adversary asks for detail", fontsize=14)
    above, below = figure.subfigures(2, 1, height_ratios=(2.5, 1))
    axes = above.subplots(SHOWN, len(shown))
    for column, (name, pictures) in enumerate(shown.items()):
        axes[0, column].set_title(name)
        for axis, picture in zip(axes[:, column], pictures, strict=True):
            axis.imshow(picture)
            axis.set_axis_off()
    energy, of_a, of_b, gains = below.subfigures(1, 4, width_ratios=(1, 1.25, 1.25, 1.1))
    draw_energies(energy.subplots(), outcomes)
    for channel, part in enumerate((of_a, of_b)):
        draw_histograms(part.subplots(), outcomes[0], channel)
    draw_gains(gains, outcomes)
    return figure


def draw_energies(axis: Axes, outcomes: list[Outcome]) -> None:
    """Draw how much detail the streets of every seed have, and the true ones."""
    for place, loss in enumerate(LOSSES):
        means = [outcome.energies[loss].mean() for outcome in outcomes]
        axis.plot(seed_places(place, outcomes), means, "o", color=COLOURS[loss], markersize=7)
    truth = outcomes[0].energies["ground truth"].mean()
    axis.axhline(truth, color="black", linewidth=1, linestyle=":")
    axis.text(-0.4, 0.98 * truth, "ground truth", va="top", fontsize=9)
    axis.set(title="high-frequency\nenergy of L*", xlim=(-0.5, 2.5))
    axis.set_ylim(0)
    axis.set_xticks(range(len(LOSSES)), [loss.replace(" + ", "\n+ ") for loss in LOSSES])


def draw_histograms(axis: Axes, outcome: Outcome, channel: int) -> None:
    """Draw how often each a*, or b*, comes."""
    middles = (EDGES[1:] + EDGES[:-1]) / 2
    for name, colour in COLOURS.items():
        counts = outcome.histograms[name].sum(0)[channel]
        axis.semilogy(middles, counts / counts.sum(), color=colour, linewidth=1.5, label=name)
    axis.set(title=f"share of pixels with each {'ab'[channel]}*,\nlogarithmic", ylim=(1e-5, 5), xlim=(-85, 85))
    if channel == 0:
        axis.legend(frameon=False, fontsize=8, loc="upper center", ncols=2, columnspacing=1)


def draw_gains(figure: Any, outcomes: list[Outcome]) -> None:
    """Draw how much more L1 + cGAN has than L1, with the interval of every seed."""
    figure.suptitle("L1 + cGAN minus L1,\n95 % intervals by seed", fontsize=12)
    for axis, (name, title) in zip(figure.subplots(2, 1), GAINS.items(), strict=True):
        gains = np.array([outcome.gains[name] for outcome in outcomes])
        axis.errorbar(
            gains[:, 1],
            range(len(gains)),
            xerr=abs(gains[:, [0, 2]] - gains[:, 1:2]).T,
            fmt="o",
            color="black",
            capsize=3,
        )
        axis.axvline(0, color="black", linewidth=1)
        axis.set(xlabel=title, yticks=(), ylim=(-0.7, len(gains) - 0.3))


def seed_places(place: int, outcomes: list[Outcome]) -> np.ndarray:
    """Return where the seeds go beside each other."""
    return place + 0.16 * (np.arange(len(outcomes)) - (len(outcomes) - 1) / 2)


def main(arguments: list[str] | None = None) -> None:
    """Teach with three seeds, print what came of it, and save the figure."""
    parser = argparse.ArgumentParser(description="What L1 leaves out and an adversary puts in.")
    parser.add_argument("--camvid", type=Path, metavar="FOLDER", help="photos; their label maps lie in FOLDER_seg")
    folder = parser.parse_args(arguments).camvid
    outcomes = []
    for seed in SEEDS:
        outcome = compare_on(*read(folder, CAMVID.size), CAMVID, seed) if folder else compare(FULL, seed)
        outcomes.append(outcome)
        energies = ", ".join(f"{name} {some.mean():.1f}" for name, some in outcome.energies.items())
        shares = ", ".join(f"{loss} {share:.3f}" for loss, share in outcome.intersections.items())
        print(f"seed {seed}: high-frequency energy: {energies}; L1 + cGAN has {outcome.gains['energy']} more than L1.")
        print(f"        colours shared with the truth: {shares}; {outcome.gains['intersection']} more.")
    figures.save(plot(outcomes), f"figure6_l1_vs_cgan{'_camvid' if folder else ''}", Path("out/examples"))


if __name__ == "__main__":
    main()
