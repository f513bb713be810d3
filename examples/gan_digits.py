"""A GAN that learns to write digits and is never told which is which: python examples/gan_digits.py.

The generator hears nothing but what the discriminator makes of its things. In the end it is asked three questions.
Does it write all ten digits, or only some that come easily? A reader that has learned from drawings alone says what it
takes each thing for, and how sure it is. Does it write each digit in many ways? What is read as a seven should differ
as much as drawn sevens do. And does it give back drawings that it has learned by heart? The nearest of them are shown,
on yellow, and should not be nearer than they are to drawings never seen. Nor should they be much further away: the
reader is nearly as sure of pure noise as of digits, but no drawing is near that.

Source: I. Goodfellow et al., "Generative adversarial nets", NIPS 2014: the networks of section 5, samples beside the
nearest drawings as in figure 2, ways from one noise to another as in figure 3. What differs: drawn digits of 16 x 16,
and not MNIST at 28 x 28; a quarter of the hidden units; other first weights; Adam and not SGD with momentum, the
discriminator's rate climbing at first; three tenths of the discriminator's hidden units are dropped, not half; and no
likelihood is estimated by Parzen windows.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure

import tinycolor as tc
from tinycolor import figures, losses
from tinycolor.data.digits import draw
from tinycolor.networks import GANDiscriminator, GANGenerator
from tinycolor.ops.softmax import softmax
from tinycolor.training.adversarial import Duel
from tinycolor.training.loop import train

SEEDS = (0, 1, 2)
READERS_SEED, UNSEEN_SEED, DRAWINGS_SEED = 1000, 2000, 3000
BATCH, JUDGED, NOISE = 100, 1000, 100
RATE, BETAS = 1e-3, (0.5, 0.999)
SHOWN, PAIRS, WALKS = 14, 4, 5
SEED_COLOURS = ("#d35400", "#2e8b57", "#2471a3")
YELLOW_PAPER = LinearSegmentedColormap.from_list("yellow paper", ["#fff3c4", "black"])
BINS = np.linspace(0, 6.5, 78)


class Plan(NamedTuple):
    """Height and width of the digits, how many there are to learn from, hidden units, and steps of all who learn."""

    size: int
    drawings: int
    generator: int
    discriminator: int
    steps: int
    reading: int


FULL = Plan(size=16, drawings=20000, generator=300, discriminator=60, steps=10000, reading=400)


class Moment(NamedTuple):
    """How well the generator writes after so many steps.

    Attributes
    ----------
    step : int
        Of the duel.
    made : array
        (JUDGED, size, size, 1).
    read : array
        (JUDGED, 10): how sure the reader is that each is a 0, 1, ... 9.
    walks : array
        (WALKS, SHOWN, size, size, 1): what is made along straight ways from one noise to another.
    """

    step: int
    made: np.ndarray
    read: np.ndarray
    walks: np.ndarray

    @property
    def sure(self) -> float:
        """How sure the reader is of what it sees, on average."""
        return float(self.read.max(1).mean())

    @property
    def shares(self) -> np.ndarray:
        """How the ten digits are shared out among what is made, (10,)."""
        return np.bincount(self.read.argmax(1), minlength=10) / len(self.read)


def learn_to_read(plan: Plan) -> tc.Layer:
    """Return a network that reads digits, from drawings alone."""
    reader = tc.Sequential(
        tc.Conv2d(1, 16, 3, padding=1), tc.ReLU(), tc.MaxPool2d(2),
        tc.Conv2d(16, 32, 3, padding=1), tc.ReLU(), tc.MaxPool2d(2),
        tc.Flatten(), tc.Linear((plan.size // 4) ** 2 * 32, 10),
    )  # fmt: skip
    tc.init.he_normal(reader, tc.Generator(READERS_SEED))
    adam = tc.optim.Adam(reader.parameters(), tc.optim.one_cycle(3e-3, plan.reading))
    drawings = (draw(64, tc.Generator(READERS_SEED, step=step), plan.size) for step in range(plan.reading))
    for _ in train(reader, adam, drawings, losses.cross_entropy):
        pass
    return reader


def draw_both(plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Return the drawings that are learned from, and others that nobody has seen."""
    drawings, _ = draw(plan.drawings, tc.Generator(DRAWINGS_SEED), plan.size)
    unseen, _ = draw(JUDGED, tc.Generator(UNSEEN_SEED), plan.size)
    return drawings, unseen


def play(seed: int, reader: tc.Layer, drawings: np.ndarray, plan: Plan) -> Iterator[Moment]:
    """Let a generator and a discriminator learn from each other, and yield ten moments."""
    pixels = plan.size**2
    generator = GANGenerator(NOISE, (plan.generator,) * 2, pixels)
    discriminator = GANDiscriminator(pixels, (plan.discriminator,) * 2, dropout=(0.2, 0.3))
    real = drawings.reshape(len(drawings), pixels)
    tc.init.glorot_uniform(generator, tc.Generator(seed))
    tc.init.glorot_uniform(discriminator, tc.Generator(seed, epoch=1))
    begin_with_mean_ink(generator, real)
    falling = tc.optim.linear_decay(RATE, plan.steps // 2, plan.steps - plan.steps // 2)
    # A discriminator that is sure of everything before the generator has found its feet may leave it with one picture,
    # all pixels 0 or 1, from where no gradient leads away.
    duellists = (generator, falling), (discriminator, tc.optim.warm_up(falling, plan.steps // 5))
    optimizers = (tc.optim.Adam(player.parameters(), rate, betas=BETAS) for player, rate in duellists)
    duel = Duel(generator, discriminator, *optimizers, seed=seed)
    for step in range(1, plan.steps + 1):
        rng = tc.Generator(seed, epoch=2, step=step)
        duel.step((), (rng.normal((BATCH, NOISE)),), real[rng.integers(0, len(real), (BATCH,))])
        if step % (plan.steps // 10) == 0:
            yield judge(step, generator, reader, plan)


def begin_with_mean_ink(generator: GANGenerator, real: np.ndarray) -> None:
    """Let each pixel begin about as dark as it is in drawings on average, as the authors' release does.

    One at the edge, never dark in drawings, may else be driven to 1 in the first steps, from where it seldom returns.
    """
    *_, bias = generator.parameters()
    ink = real.mean(0).clip(0.001, 0.999)
    bias.data = np.log(ink / (1 - ink))


def judge(step: int, generator: tc.Layer, reader: tc.Layer, plan: Plan) -> Moment:
    """Let it write, and have that read; then walk from noise to noise."""
    rng = tc.Generator(UNSEEN_SEED, epoch=1)
    made = generator.predict(rng.normal((JUDGED, NOISE))).reshape(-1, plan.size, plan.size, 1)
    starts, ends = rng.normal((2, WALKS, 1, NOISE))
    ways = starts + np.linspace(0, 1, SHOWN, dtype=np.float32)[:, None] * (ends - starts)
    walks = generator.predict(ways.reshape(-1, NOISE)).reshape(WALKS, SHOWN, plan.size, plan.size, 1)
    return Moment(step, made, softmax(reader.predict(made)), walks)


# --- how well does it write? -----------------------------------------------------------------------------------


def sureness(reader: tc.Layer, pictures: np.ndarray) -> float:
    """Return how sure the reader is of what it sees, on average."""
    return float(softmax(reader.predict(pictures)).max(1).mean())


def variety(moment: Moment) -> np.ndarray:
    """Return how far things read as each digit are from each other, as a share of how far drawings are, (10,)."""
    drawn, digit = draw(JUDGED, tc.Generator(UNSEEN_SEED), moment.made.shape[1])
    read = moment.read.argmax(1)
    return np.array([distance(moment.made[read == n]) / distance(drawn[digit[:, n] == 1]) for n in range(10)])


def distance(pictures: np.ndarray) -> float:
    """Return how far pictures are from each other, on average over all pairs; 0 where there is none."""
    if len(pictures) < 2:
        return 0.0
    return float(np.sqrt(squared_distances(pictures, pictures))[np.triu_indices(len(pictures), 1)].mean())


def nearest(pictures: np.ndarray, drawings: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the nearest drawing of each picture, and how far it is."""
    squares = squared_distances(pictures, drawings)
    return drawings[squares.argmin(1)], np.sqrt(squares.min(1))


def squared_distances(pictures: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the squared distance of each picture from each other one, (pictures, others)."""
    a, b = (some.reshape(len(some), -1) for some in (pictures, others))
    return np.maximum((a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T, 0)


def farness(pictures: np.ndarray, drawings: np.ndarray, unseen: np.ndarray) -> float:
    """Return how far the nearest drawing is on average, where it is 1 from those never seen: 0 for learned by heart."""
    return float(nearest(pictures, drawings)[1].mean() / nearest(unseen, drawings)[1].mean())


def by_heart(pictures: np.ndarray, drawings: np.ndarray, unseen: np.ndarray) -> float:
    """Return which share lies nearer to a drawing than all but one in a hundred of those never seen."""
    suspicious = np.quantile(nearest(unseen, drawings)[1], 0.01)
    return float((nearest(pictures, drawings)[1] < suspicious).mean())


def laid_over(unseen: np.ndarray) -> np.ndarray:
    """Return two drawings in one: full of strokes, and no digits."""
    return np.maximum(unseen, unseen[::-1])


# --- the figure ------------------------------------------------------------------------------------------------


def plot(duels: list[list[Moment]], reader: tc.Layer, drawings: np.ndarray, unseen: np.ndarray) -> Figure:
    """Draw what the first seed's generator made, beside the nearest drawings and between noises, and how all do."""
    figure = Figure(figsize=(13, 8), layout="constrained")
    pictures, curves = figure.subfigures(1, 2, width_ratios=(1.6, 1))
    pairs, walks = pictures.subplots(2, 1, height_ratios=(2.25 * PAIRS, WALKS))
    draw_pairs(pairs, duels[0][-1].made[: PAIRS * SHOWN], drawings)
    for row, walk in enumerate(duels[0][-1].walks):
        draw_row(walks, walk, row)
    walks.set(xlim=(0, SHOWN), ylim=(WALKS, 0), title="Made along straight ways from one noise to another")
    learning, varying, sharing, apart = curves.subplots(4, 1)
    draw_learning(learning, varying, duels)
    draw_ends(sharing, apart, [moments[-1] for moments in duels], drawings)
    for known, name, grey in (
        (unseen, "drawings never seen", "0.6"),
        (laid_over(unseen), "two drawings in one", "0.85"),
    ):
        learning.axhline(sureness(reader, known), color="black", linewidth=0.8, linestyle=":")
        apart.hist(nearest(known, drawings)[1], BINS, color=grey, label=name, zorder=0)
    apart.legend(frameon=False, loc="upper right", fontsize=9)
    return figure


def draw_pairs(axis: Axes, made: np.ndarray, drawings: np.ndarray) -> None:
    """Draw rows of what was made, and below each picture the nearest drawing, on yellow paper."""
    like, _ = nearest(made, drawings)
    for row in range(PAIRS):
        here = slice(row * SHOWN, (row + 1) * SHOWN)
        draw_row(axis, made[here], 2.25 * row)
        draw_row(axis, like[here], 2.25 * row + 1, YELLOW_PAPER)
    title = f"Made, and on yellow the nearest of the {len(drawings):,} drawings"
    axis.set(xlim=(0, SHOWN), ylim=(2.25 * PAIRS, 0), title=title)


def draw_row(axis: Axes, pictures: np.ndarray, top: float, paper: str | Colormap = "gray_r") -> None:
    """Draw pictures beside each other, (count, size, size, 1), each in a unit square."""
    sheet = np.concatenate(pictures[..., 0], 1)
    axis.imshow(sheet, cmap=paper, vmin=0, vmax=1, extent=(0, len(pictures), top + 1, top))
    axis.set_axis_off()


def draw_learning(sure: Axes, varied: Axes, duels: list[list[Moment]]) -> None:
    """Draw how sure the reader becomes, and how much things that it reads as one digit differ."""
    for moments, colour in zip(duels, SEED_COLOURS, strict=False):
        steps = [moment.step for moment in moments]
        sure.plot(steps, [moment.sure for moment in moments], "o-", color=colour, markersize=4)
        varied.plot(steps, [variety(moment).mean() for moment in moments], "o-", color=colour, markersize=4)
    varied.axhline(1, color="black", linewidth=0.8, linestyle=":")
    sure.set(ylim=(0.5, 1.02), xticklabels=())
    sure.set_title("How sure the reader is; dotted: of drawings, of two in one", fontsize=11)
    varied.set(ylim=(0, 1.2), xlabel="step")
    varied.set_title("How much things read as one digit differ; drawings: 1", fontsize=11)


def draw_ends(shares: Axes, apart: Axes, ends: list[Moment], drawings: np.ndarray) -> None:
    """Draw how the ten digits are shared out, and how far away the nearest drawings are."""
    for place, (end, colour) in enumerate(zip(ends, SEED_COLOURS, strict=False)):
        shares.bar(np.arange(10) + 0.25 * (place - 1), end.shares, 0.25, color=colour)
        apart.hist(nearest(end.made, drawings)[1], BINS, histtype="step", color=colour, linewidth=1.5)
    shares.axhline(0.1, color="black", linewidth=0.8, linestyle=":")
    shares.set(xticks=range(10))
    shares.set_title("How the ten digits are shared out in the end", fontsize=11)
    apart.set(yticks=())
    apart.set_title("How far away the nearest drawing is, in the end", fontsize=11)


def main() -> None:
    """Teach a reader and three generators, print how they do, and save the figure."""
    reader = learn_to_read(FULL)
    drawings, unseen = draw_both(FULL)
    duels = []
    for seed in SEEDS:
        duels.append(list(play(seed, reader, drawings, FULL)))
        last = duels[-1][-1]
        print(
            f"seed {seed}: the reader is {last.sure:.1%} sure. The rarest digit is {last.shares.min():.1%} of all; the"
        )
        print(
            f"        least varied differs {variety(last).min():.2f} times as much as drawings. The nearest drawing is"
        )
        print(
            f"        {farness(last.made, drawings, unseen):.2f} times as far away as it is from drawings never seen."
        )
    figures.save(plot(duels, reader, drawings, unseen), "gan_digits", Path("out/examples"))


if __name__ == "__main__":
    main()
