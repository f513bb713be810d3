"""GAN on Gaussians, where the right answers are known: python examples/gan_on_gaussians.py.

On a line, what is real has the density p, a Gaussian, and so has what is made, q: the generator is ``w z + b`` of
Gaussian noise z, so that its density is known at every step. The discriminator should then answer ``p / (p + q)``:
tested with a generator at rest, and at the end of a duel, in which q becomes p and the answer 1/2.

On a plane the generator is a network of its own, and has to find eight Gaussians on a ring.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle

import tinycolor as tc
from tinycolor import figures, losses
from tinycolor.networks import GANDiscriminator, GANGenerator
from tinycolor.ops.activation import sigmoid
from tinycolor.training.adversarial import Duel
from tinycolor.training.loop import train

SEEDS = (0, 1, 2)
BATCH = 256
LINE = np.linspace(-6, 6, 1201)
CENTRES = 2 * np.stack([np.cos(turn := np.arange(8) * np.pi / 4), np.sin(turn)], -1).astype(np.float32)
SPREAD = 0.15
REAL, MADE, JUDGE, GREY = "#222222", "#2e8b57", "#d35400", "#999999"


class Gaussian(NamedTuple):
    """A bell curve on the line."""

    mean: float
    spread: float

    def density(self, x: np.ndarray) -> np.ndarray:
        """Return how thickly its numbers lie at x."""
        return np.exp(-(((x - self.mean) / self.spread) ** 2) / 2) / (self.spread * np.sqrt(2 * np.pi))

    def draw(self, count: int, rng: tc.Generator) -> np.ndarray:
        """Return some of its numbers, (count, 1)."""
        return rng.normal((count, 1), self.mean, self.spread)


DATA, FIRST = Gaussian(1, 0.6), Gaussian(-1, 0.8)


class Moment(NamedTuple):
    """How a duel on the line stands: what is made, and what the discriminator answers along ``LINE``."""

    step: int
    made: Gaussian
    answers: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """What it should answer, p / (p + q)."""
        p, q = DATA.density(LINE), self.made.density(LINE)
        return p / (p + q)

    @property
    def seen(self) -> np.ndarray:
        """Where either density is above 1 % of its peak; elsewhere there is next to nothing to learn from."""
        densities = DATA.density(LINE), self.made.density(LINE)
        return np.any([density > 0.01 * density.max() for density in densities], 0)

    @property
    def gap(self) -> float:
        """The largest distance between the answer and what it should be."""
        return float(abs(self.answers - self.best)[self.seen].max())


class Outcome(NamedTuple):
    """What one seed gives.

    Attributes
    ----------
    at_rest : Moment
        After learning against a generator at rest.
    dots : array
        (BATCH, 3): D of what is made, and the slopes of both objectives there, minimax first.
    duel : list of Moment
        On the line.
    ring : list of (int, array)
        Steps of the duel on the plane, and what was made then, (1000, 2).
    """

    at_rest: Moment
    dots: np.ndarray
    duel: list[Moment]
    ring: list[tuple[int, np.ndarray]]


def play(seed: int, learning: int = 1500, line: int = 2500, plane: int = 4000) -> Outcome:
    """Learn against a generator at rest, then hold both duels, each so many steps long."""
    judge = new_discriminator(1, 16, seed)
    learn_at_rest(judge, seed, learning)
    return Outcome(
        Moment(learning, FIRST, answers(judge)),
        slopes(judge, seed),
        list(duel_on_the_line(seed, line)),
        list(duel_on_the_plane(seed, plane)),
    )


def new_discriminator(inputs: int, units: int, seed: int) -> GANDiscriminator:
    """Return one that drops nothing: it should be exact."""
    discriminator = GANDiscriminator(inputs, (units, units), dropout=(0, 0))
    tc.init.he_normal(discriminator, tc.Generator(seed))
    return discriminator


def answers(discriminator: GANDiscriminator) -> np.ndarray:
    """Return D along ``LINE``."""
    return sigmoid(discriminator.predict(LINE[:, None].astype(np.float32)))[:, 0].astype(float)


def learn_at_rest(discriminator: GANDiscriminator, seed: int, steps: int) -> None:
    """Teach it to tell the data from what the first generator makes."""
    adam = tc.optim.Adam(discriminator.parameters(), tc.optim.one_cycle(0.01, steps))
    target = np.repeat(np.array([[1], [0]], np.float32), BATCH, 0)
    rngs = (tc.Generator(seed, step=step) for step in range(steps))
    batches = ((np.concatenate([DATA.draw(BATCH, rng), FIRST.draw(BATCH, rng)]), target) for rng in rngs)
    for _ in train(discriminator, adam, batches, losses.bce_with_logits):
        pass


def slopes(discriminator: GANDiscriminator, seed: int) -> np.ndarray:
    """Return D of what the first generator makes, and how both objectives change with each logit, (BATCH, 3)."""
    logits = discriminator.predict(FIRST.draw(BATCH, tc.Generator(seed, epoch=1)))
    _, saturating = losses.minimax(logits)
    _, steady = losses.non_saturating(logits)
    return np.concatenate([sigmoid(logits), BATCH * saturating, BATCH * steady], 1)


def duel_on_the_line(seed: int, steps: int) -> Iterator[Moment]:
    """Hold a duel with an affine generator, and yield how it stands at 11 moments."""
    generator = GANGenerator(noise=1, hidden=(), outputs=1, sigmoid=False)
    weight, bias = generator.parameters()
    weight.data, bias.data = np.full((1, 1), FIRST.spread, np.float32), np.full(1, FIRST.mean, np.float32)
    discriminator = new_discriminator(1, 16, seed)
    duel = new_duel(generator, discriminator, steps, rates=(0.003, 0.005), seed=seed)
    for step in range(steps + 1):
        if step % (steps // 10) == 0:
            made = Gaussian(float(bias.data[0]), abs(float(weight.data[0, 0])))
            yield Moment(step, made, answers(discriminator))
        rng = tc.Generator(seed, step=step)
        duel.step((), (rng.normal((BATCH, 1)),), DATA.draw(BATCH, rng))


def duel_on_the_plane(seed: int, steps: int) -> Iterator[tuple[int, np.ndarray]]:
    """Hold a duel about eight Gaussians, and yield what is made at 5 moments, ever further apart."""
    generator = GANGenerator(noise=4, hidden=(128, 128), outputs=2, sigmoid=False)
    tc.init.he_normal(generator, tc.Generator(seed))
    duel = new_duel(generator, new_discriminator(2, 64, seed + 100), steps, rates=(0.001, 0.001), seed=seed)
    shown = tc.Generator(seed, epoch=1).normal((1000, 4))
    for step in range(steps + 1):
        if step in (0, steps // 40, steps // 10, 3 * steps // 10, steps):
            yield step, generator.predict(shown)
        rng = tc.Generator(seed, step=step)
        duel.step((), (rng.normal((BATCH, 4)),), draw_ring(BATCH, rng))


def new_duel(
    generator: GANGenerator, discriminator: GANDiscriminator, steps: int, rates: tuple[float, float], seed: int
) -> Duel:
    """Return a duel whose learning rates stay for half the steps, and then fall to 0."""
    schedules = (tc.optim.linear_decay(rate, steps // 2, steps - steps // 2) for rate in rates)
    optimizers = (
        tc.optim.Adam(player.parameters(), schedule, betas=(0.5, 0.999))
        for player, schedule in zip((generator, discriminator), schedules, strict=True)
    )
    return Duel(generator, discriminator, *optimizers, seed=seed)


def draw_ring(count: int, rng: tc.Generator) -> np.ndarray:
    """Return points from eight Gaussians on a ring of radius 2, (count, 2)."""
    return CENTRES[rng.integers(0, 8, (count,))] + rng.normal((count, 2), std=SPREAD)


def shares(points: np.ndarray) -> np.ndarray:
    """Return which share of the points lies within three spreads of each of the eight centres, (8,)."""
    return (np.linalg.norm(points[:, None] - CENTRES, axis=2) < 3 * SPREAD).mean(0)


# --- the figure ------------------------------------------------------------------------------------------------


def plot(outcomes: list[Outcome]) -> Figure:
    """Draw the duel on the line, what is known beforehand, and the duel on the plane."""
    first = outcomes[0]
    figure = Figure(figsize=(12, 11), layout="constrained")
    line, known, plane = figure.subfigures(3, 1, height_ratios=(1, 1.15, 1))
    moments = [first.duel[number] for number in (0, 1, 3, 10)]
    for axis, moment in zip(line.subplots(1, 4, sharey=True), moments, strict=True):
        draw_moment(axis, moment)
        axis.set_title(f"step {moment.step:,}", fontsize=11)
    line.suptitle("A duel on the line: the made become like the real, until the answer is 1/2", fontsize=13)
    at_rest, objectives, ways = known.subplots(1, 3)
    draw_moment(at_rest, first.at_rest)
    at_rest.legend(loc="center right", fontsize=9, frameon=False)
    at_rest.set_title("A generator at rest", fontsize=11)
    draw_slopes(objectives, first.dots)
    draw_ways(ways, outcomes)
    for axis, (step, points) in zip(plane.subplots(1, 5), first.ring, strict=True):
        draw_points(axis, points)
        axis.set_title(f"step {step:,}", fontsize=11)
    plane.suptitle(
        "A duel on the plane: eight Gaussians to be found, and how many of the made are near one", fontsize=13
    )
    return figure


def draw_moment(axis: Axes, moment: Moment) -> None:
    """Draw both densities, and the answer beside what it should be."""
    p, q = DATA.density(LINE), moment.made.density(LINE)
    axis.fill_between(LINE, q, color=MADE, alpha=0.3, linewidth=0, label="q, made")
    axis.plot(LINE, p, ":", color=REAL, linewidth=1.5, label="p, real")
    axis.plot(LINE[moment.seen], moment.best[moment.seen], color=GREY, linewidth=4, alpha=0.5, label="p / (p + q)")
    axis.plot(LINE, moment.answers, "--", color=JUDGE, linewidth=1.8, label="D, the answer")
    axis.text(0.03, 0.95, f"largest gap {moment.gap:.2f}", transform=axis.transAxes, va="top", fontsize=9)
    axis.set(xlim=(-4, 4), ylim=(0, 1.15), xlabel="x", yticks=(0, 0.5, 1))


def draw_slopes(axis: Axes, dots: np.ndarray) -> None:
    """Draw how both objectives change with a logit, as computed and as measured."""
    d = np.linspace(0, 1, 101)
    says_real, saturating, steady = dots.T
    for slope, measured, colour, name in (
        (-d, saturating, REAL, "minimax, log(1 - D): -D"),
        (d - 1, steady, JUDGE, "non-saturating, -log D: D - 1"),
    ):
        axis.plot(d, slope, color=colour, linewidth=1, label=name)
        axis.plot(says_real, measured, "o", color=colour, markersize=3.5, alpha=0.35, markeredgewidth=0)
    axis.annotate(
        f"{(says_real < 0.05).mean():.0%} of what is made\nat first lie here",
        (0.03, -0.03), (0.3, -0.13), fontsize=9, arrowprops={"arrowstyle": "->", "color": GREY},
    )  # fmt: skip
    axis.legend(loc="lower center", fontsize=9, frameon=False)
    axis.set_title("What the generator hears of each of its things", fontsize=11)
    axis.set(xlabel="D of it", ylabel="slope of the objective by the logit", ylim=(-1.05, 0.05))


def draw_ways(axis: Axes, outcomes: list[Outcome]) -> None:
    """Draw mean and spread of what is made, from each seed's first step to its last."""
    for number, outcome in enumerate(outcomes):
        means, spreads = zip(*(moment.made for moment in outcome.duel), strict=True)
        axis.plot(means, spreads, "o-", color=MADE, markersize=4, linewidth=1, alpha=0.5 + 0.25 * number)
    axis.plot(*FIRST, "o", color=MADE, markersize=9, label="q, at first")
    axis.plot(*DATA, "*", color=REAL, markersize=14, label="p")
    axis.legend(fontsize=9, frameon=False)
    axis.set_title("The way from q to p, by seed", fontsize=11)
    axis.set(xlabel="mean", ylabel="spread")


def draw_points(axis: Axes, points: np.ndarray) -> None:
    """Draw what is made over where the real lies."""
    for centre in CENTRES:
        axis.add_patch(Circle(centre, 3 * SPREAD, facecolor="none", edgecolor=GREY))
    axis.plot(*points.T, ".", color=MADE, markersize=3, alpha=0.35, markeredgewidth=0)
    found = shares(points)
    axis.text(0, 0, f"{found.sum():.0%}", ha="center", va="center", fontsize=12)
    axis.set(xlim=(-3.2, 3.2), ylim=(-3.2, 3.2), aspect="equal", xticks=(), yticks=())


def main() -> None:
    """Play with every seed, print what comes of it, and save the figure."""
    outcomes = []
    for seed in SEEDS:
        outcome = play(seed)
        outcomes.append(outcome)
        last, near = outcome.duel[-1], shares(outcome.ring[-1][1])
        print(f"seed {seed}: D is at most {outcome.at_rest.gap:.3f} from p / (p + q) with a generator at rest,")
        print(f"        {last.gap:.3f} after the duel; q has mean {last.made.mean:.2f}, spread {last.made.spread:.2f}.")
        print(f"        On the plane {near.sum():.0%} are near a centre:", " ".join(f"{share:.0%}" for share in near))
    figures.save(plot(outcomes), "gan_on_gaussians", Path("out/examples"))


if __name__ == "__main__":
    main()
