"""A loss that is made before it is asked for, by the convolution that has every number of y at hand.

>>> with awaiting("mse", target):
...     y = head.conv2d(x, weight)       # notes the loss and dy
...     value, dy = loss.mse(y, target)  # finds them, and need not read y
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from tinycolor.backend import Array

USUAL_BETA = 1.0  # of smooth_l1, and that of which a loss is made before it is asked for


@dataclass
class Awaited:
    """A loss that will be asked for, and what was noted last: y, its loss, dy."""

    name: str
    target: Array
    noted: tuple[Array, Array, Array] | None = None


_awaited: ContextVar[Awaited | None] = ContextVar("awaited", default=None)


@contextmanager
def awaiting(name: str, target: Array) -> Iterator[None]:
    """Let convolutions whose answers have the shape of the target make this loss along with them.

    If such a convolution was not the last layer after all, nobody finds what it has noted.
    """
    token = _awaited.set(Awaited(name, target))
    try:
        yield
    finally:
        _awaited.reset(token)


def awaited_of(y_shape: tuple[int, ...]) -> tuple[str, Array] | None:
    """Return the name of the loss that is awaited of answers of this shape, and their target; None if none is."""
    awaited = _awaited.get()
    return None if awaited is None or awaited.target.shape != y_shape else (awaited.name, awaited.target)


def note(y: Array, loss: Array, dy: Array) -> None:
    """Keep the loss that is awaited of y, and its gradient, for who asks."""
    awaited = _awaited.get()
    if awaited is not None:
        awaited.noted = y, loss, dy


def noted_of(name: str, y: Array, target: Array, beta: float) -> tuple[Array, Array] | None:
    """Return loss and dy, if they were noted of this very y; only once, for what is returned is the caller's alone."""
    awaited = _awaited.get()
    if awaited is None or awaited.noted is None:
        return None
    of, loss, dy = awaited.noted
    if y is not of or target is not awaited.target or (name, beta) != (awaited.name, USUAL_BETA):
        return None
    awaited.noted = None
    return loss, dy
