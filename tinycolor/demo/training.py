"""Learning to tell a cross from a circle, as the survey tells it: draw, look, compare, correct, again."""

from __future__ import annotations

from collections.abc import Iterator

from tinycolor import losses, optim
from tinycolor.data.shapes import draw
from tinycolor.networks import CrossCircleCNN
from tinycolor.random import Generator

SIZE = 28
BATCH = 32
STEPS = 300
UNSEEN = 1000


def train(net: CrossCircleCNN, steps: int, seed: int) -> Iterator[float]:
    """Train on fresh drawings, yielding the loss of every step."""
    optimizer = optim.Adam(net.parameters(), learning_rate=2e-3)
    for step in range(steps):
        x, target = draw(BATCH, SIZE, Generator(seed, epoch=0, step=step))
        y, backward = net(x)
        loss, dy = losses.bce(y, target)
        net.zero_grad()
        backward(dy)
        optimizer.step()
        yield float(loss)


def accuracy(net: CrossCircleCNN, count: int, seed: int) -> float:
    """Return the share of unseen drawings, 0..1, whose stronger vote is the right one."""
    x, target = draw(count, SIZE, Generator(seed, epoch=1))
    return float((net.predict(x).argmax(1) == target.argmax(1)).mean())
