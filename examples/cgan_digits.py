"""A conditional GAN that writes the digit one asks for: python examples/cgan_digits.py.

Both networks are told which digit is meant. Whether the generator writes what it was asked for is judged by a third
one, which has learned to read from drawings alone and has never seen anything made. And that it has not learned ten
digits by heart is seen from how much the sevens that it makes differ, beside how much drawn sevens do.

Source: M. Mirza, S. Osindero, "Conditional generative adversarial nets", 2014, section 4.1 and figure 2. What differs:
drawn digits of 16 x 16, of which no two are alike, and not MNIST at 28 x 28; a quarter of the hidden units; other first
weights; Adam and not SGD with momentum, the discriminator's rate climbing at first. Dropped are three tenths of the
discriminator's units: with half of them, as in the paper, so few are left that the class is learned late. Nothing is
dropped in the generator.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

import tinycolor as tc
from tinycolor import figures, losses
from tinycolor.data.digits import draw
from tinycolor.networks import CGANDiscriminator, CGANGenerator
from tinycolor.training.adversarial import Duel
from tinycolor.training.loop import train

SEEDS = (0, 1, 2)
READERS_SEED, UNSEEN_SEED = 1000, 2000
BATCH, JUDGED, SHOWN = 100, 100, 12
NOISE = 100
RATE, BETAS = 1e-3, (0.5, 0.999)
EVERY_DIGIT = np.repeat(np.eye(10, dtype=np.float32), JUDGED, 0)
SEED_COLOURS = ("#d35400", "#2e8b57", "#2471a3")


class Plan(NamedTuple):
    """Height and width of the digits, the width of both networks, and how many steps they and the reader learn."""

    size: int
    width: float
    steps: int
    reading: int


FULL = Plan(16, 1 / 4, 10000, 400)


class Moment(NamedTuple):
    """How well the generator writes after so many steps.

    Attributes
    ----------
    step : int
        Of the duel.
    made : array
        (10 * JUDGED, size, size, 1): zeros first, nines last.
    read : array
        (10 * JUDGED,): the digits that the reader takes them for.
    variety : array
        (10,): how far things made of each digit are from each other, as a share of how far drawings are.
    """

    step: int
    made: np.ndarray
    read: np.ndarray
    variety: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """Whether each is read as what it was asked for, (10 * JUDGED,)."""
        return self.read == EVERY_DIGIT.argmax(1)


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


def accuracy(reader: tc.Layer, plan: Plan) -> float:
    """Return the share of unseen drawings that are read right."""
    x, digit = draw(2000, tc.Generator(UNSEEN_SEED), plan.size)
    return float((reader.predict(x).argmax(1) == digit.argmax(1)).mean())


def play(seed: int, reader: tc.Layer, plan: Plan) -> Iterator[Moment]:
    """Let a generator and a discriminator learn from each other, and yield ten moments."""
    pixels = plan.size**2
    generator = CGANGenerator(NOISE, outputs=pixels, width=plan.width, dropout=0)
    discriminator = CGANDiscriminator(pixels, width=plan.width)
    draw_first_weights(generator, discriminator, seed)
    falling = tc.optim.linear_decay(RATE, plan.steps // 2, plan.steps - plan.steps // 2)
    # A discriminator that is sure of everything before the generator has found its feet may leave it with one picture,
    # all pixels 0 or 1, from where no gradient leads away.
    duellists = (generator, falling), (discriminator, tc.optim.warm_up(falling, plan.steps // 5))
    optimizers = (tc.optim.Adam(player.parameters(), rate, betas=BETAS) for player, rate in duellists)
    duel = Duel(generator, discriminator, *optimizers, seed=seed)
    for step in range(1, plan.steps + 1):
        rng = tc.Generator(seed, epoch=2, step=step)
        drawings, digit = draw(BATCH, rng, plan.size)
        duel.step((digit,), (rng.uniform((BATCH, NOISE), -1, 1),), drawings.reshape(BATCH, pixels))
        if step % (plan.steps // 10) == 0:
            yield judge(step, generator, reader, plan)


def draw_first_weights(generator: CGANGenerator, discriminator: CGANDiscriminator, seed: int) -> None:
    """Draw Glorot's weights, but He's, which are larger, for the units that hear the class.

    One number of ten reaches them, so that Glorot's leave them next to nothing, and they die before the class counts:
    a generator that cannot hear. With He's weights everywhere they drown the noise: ten digits by heart.
    """
    rng = tc.Generator(seed)
    of_class, _ = generator.layers[0].branches
    tc.init.glorot_uniform(generator, rng)
    tc.init.he_normal(of_class, rng)
    tc.init.glorot_uniform(discriminator, tc.Generator(seed, epoch=1))


def judge(step: int, generator: CGANGenerator, reader: tc.Layer, plan: Plan) -> Moment:
    """Ask for every digit, and have it read."""
    noise = tc.Generator(UNSEEN_SEED, epoch=1).uniform((len(EVERY_DIGIT), NOISE), -1, 1)
    made = generator.predict(EVERY_DIGIT, noise).reshape(-1, plan.size, plan.size, 1)
    drawn, digit = draw(20 * JUDGED, tc.Generator(UNSEEN_SEED), plan.size)
    variety = [
        distance(made[number * JUDGED :][:JUDGED]) / distance(drawn[digit[:, number] == 1][:JUDGED])
        for number in range(10)
    ]
    return Moment(step, made, reader.predict(made).argmax(1), np.array(variety))


def distance(pictures: np.ndarray) -> float:
    """Return how far pictures are from each other, on average over all pairs."""
    rows = pictures.reshape(len(pictures), -1)
    squares = (rows**2).sum(1)
    apart = np.sqrt(np.maximum(squares[:, None] + squares - 2 * rows @ rows.T, 0))
    return float(apart[np.triu_indices(len(rows), 1)].mean())


# --- the figure ------------------------------------------------------------------------------------------------


def plot(duels: list[list[Moment]], plan: Plan) -> Figure:
    """Draw digits beside what the first seed's generator made when asked for them, and how all seeds learned."""
    figure = Figure(figsize=(13, 5.6), layout="constrained")
    drawn, made, curves = figure.subfigures(1, 3, width_ratios=(2.6, 6.1, 4.3))
    x, digit = draw(20 * JUDGED, tc.Generator(UNSEEN_SEED), plan.size)
    draw_sheet(drawn.subplots(), np.stack([x[digit[:, number] == 1][:5] for number in range(10)]))
    drawn.suptitle("Drawn", fontsize=13)
    last = duels[0][-1]
    axis = made.subplots()
    draw_sheet(axis, last.made.reshape(10, JUDGED, plan.size, plan.size, 1)[:, :SHOWN])
    for row, column in np.argwhere(~last.right.reshape(10, JUDGED)[:, :SHOWN]):
        axis.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=SEED_COLOURS[0], clip_on=False))
    made.suptitle("Made when asked for 0, 1, ... 9; framed: read as another", fontsize=13)
    reading, varying = curves.subplots(2, 1, sharex=True)
    for moments, colour in zip(duels, SEED_COLOURS, strict=False):
        steps = [moment.step for moment in moments]
        reading.plot(steps, [moment.right.mean() for moment in moments], "o-", color=colour, markersize=4)
        varying.plot(steps, [moment.variety.mean() for moment in moments], "o-", color=colour, markersize=4)
        least, most = zip(*((moment.variety.min(), moment.variety.max()) for moment in moments), strict=True)
        varying.fill_between(steps, least, most, color=colour, alpha=0.12)
    reading.axhline(0.9, color="black", linewidth=0.8, linestyle=":")
    reading.set(ylim=(0, 1.04), title="Read as what they should be")
    varying.axhline(1, color="black", linewidth=0.8, linestyle=":")
    varying.set(ylim=(0, 1.3), title="How much they differ; drawings: 1", xlabel="step")
    return figure


def draw_sheet(axis: Axes, pictures: np.ndarray) -> None:
    """Draw rows of digits, (rows, columns, size, size, 1), dark on light, each in a unit square."""
    rows, columns, size = pictures.shape[:3]
    sheet = pictures[..., 0].transpose(0, 2, 1, 3).reshape(rows * size, columns * size)
    axis.imshow(sheet, cmap="gray_r", vmin=0, vmax=1, extent=(0, columns, rows, 0))
    axis.set_axis_off()


def main() -> None:
    """Teach a reader and three generators, print how they do, and save the figure."""
    reader = learn_to_read(FULL)
    print(f"The reader reads {accuracy(reader, FULL):.1%} of unseen drawings right.")
    duels = []
    for seed in SEEDS:
        duels.append(list(play(seed, reader, FULL)))
        last = duels[-1][-1]
        print(f"seed {seed}: {last.right.mean():.1%} are read as what they should be; one digit's differ on average")
        print(
            f"        {last.variety.mean():.2f} times as much as drawings, the least varied {last.variety.min():.2f}."
        )
    figures.save(plot(duels, FULL), "cgan_digits", Path("out/examples"))


if __name__ == "__main__":
    main()
