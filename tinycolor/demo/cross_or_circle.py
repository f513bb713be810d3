"""The survey's first network: it learns to tell a cross from a circle, and shows how it does it."""

from __future__ import annotations

import time
from collections.abc import Iterator

from matplotlib.figure import Figure

from tinycolor import losses, optim
from tinycolor.data.shapes import draw
from tinycolor.demo import pictures
from tinycolor.demo.chapter import Chapter, Watch
from tinycolor.demo.figure1 import figure1
from tinycolor.demo.figure2 import figure2
from tinycolor.figures import png
from tinycolor.inspect import explain
from tinycolor.networks import CrossCircleCNN
from tinycolor.page import image, section
from tinycolor.random import Generator
from tinycolor.training.loop import train

SIZE = 28
BATCH = 32
STEPS = 300
UNSEEN = 1000


def chapter(seed: int, watch: Watch) -> Chapter:
    """Train the network and tell what it does."""
    net = CrossCircleCNN(seed=seed)
    started = time.perf_counter()
    curve = watch(learn(net, seed), STEPS, "Cross or circle")
    seconds = time.perf_counter() - started
    right = accuracy(net, UNSEEN, seed)
    shown = {name: (heading, text, png(figure)) for name, (heading, text, figure) in _figures(net, curve, seed).items()}
    return Chapter(
        "Cross or circle?",
        f"{right:.1%} of {UNSEEN} unseen drawings told right, after {seconds:.1f} s of learning.",
        "The first network of the survey. It is shown drawings, says what it sees, is told how wrong it was, and "
        "corrects its filters a little.",
        [section(heading, text, image(picture, heading), level=3) for heading, text, picture in shown.values()],
        {f"{name}.png": picture for name, (_, _, picture) in shown.items()},
    )


def learn(net: CrossCircleCNN, seed: int) -> Iterator[float]:
    """Train on fresh drawings, yielding the loss of every step."""
    optimizer = optim.Adam(net.parameters(), learning_rate=2e-3)
    drawings = (draw(BATCH, SIZE, Generator(seed, epoch=0, step=step)) for step in range(STEPS))
    return train(net, optimizer, drawings, losses.bce)


def accuracy(net: CrossCircleCNN, count: int, seed: int) -> float:
    """Return the share of unseen drawings, 0..1, whose stronger vote is the right one."""
    x, target = draw(count, SIZE, Generator(seed, epoch=1))
    return float((net.predict(x).argmax(1) == target.argmax(1)).mean())


def _figures(net: CrossCircleCNN, curve: list[float], seed: int) -> dict[str, tuple[str, str, Figure]]:
    x, _ = draw(12, SIZE, Generator(seed, epoch=2))
    surest = net.predict(x).argmax(0)
    middle = SIZE // 2
    return {
        "figure1": (
            "Looking for pieces (the survey's Figure 1)",
            "A filter is a small picture of what to look for. It is laid on every patch of the picture.",
            figure1(),
        ),
        "figure2": (
            "Voting (the survey's Figure 2)",
            "Pooling keeps the best match of each corner. Each of these twelve numbers votes for cross and circle.",
            figure2(),
        ),
        "learning": (
            "Learning",
            "Nobody draws the filters of a real network. They start as noise; every step corrects them a little.",
            pictures.figure_of_curve(curve, BATCH),
        ),
        "what_it_sees": (
            "What it looks for now",
            "The filters that it found for itself, and where each finds its pattern in a cross and in a circle.",
            pictures.figure_of_maps(net, x[surest]),
        ),
        "votes": ("Unseen drawings", "None of these took part in the learning.", pictures.figure_of_votes(net, x)),
        "one_number": (
            "One number of the first feature map",
            "Nothing is hidden: this is all the arithmetic behind one dot.",
            explain(net.stages[0], x[surest[:1]], (0, middle, middle, 0)).figure(),
        ),
    }
