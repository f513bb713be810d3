"""A loss that is made before it is asked for, by the convolution that has every number of y at hand.

>>> with awaiting("mse", target):
...     y = head.conv2d(x, weight)       # notes the loss and dy
...     value, dy = loss.mse(y, target)  # finds them, and need not read y
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from tinycolor.backend import Array
from tinycolor.kernels.notes import Notes

USUAL_BETA = 1.0  # of smooth_l1, and that of which a loss is made before it is asked for


class Awaited(NamedTuple):
    """A loss that will be asked for, and of which target."""

    name: str
    target: Array


_awaited: ContextVar[Awaited | None] = ContextVar("awaited", default=None)
_made: Notes[tuple[Awaited, tuple[Array, Array]]] = Notes()  # of y: what was awaited of it, and loss and dy


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


def awaited_of(y_shape: tuple[int, ...]) -> Awaited | None:
    """Return what is awaited of answers of this shape; None if nothing is."""
    awaited = _awaited.get()
    return None if awaited is None or awaited.target.shape != y_shape else awaited


def note(y: Array, awaited: Awaited, loss: Array, dy: Array) -> None:
    """Keep the loss that is awaited of y, and its gradient, for who asks."""
    _made.add(y, (awaited, (loss, dy)))


def take(name: str, y: Array, target: Array, beta: float) -> tuple[Array, Array] | None:
    """Return loss and dy, if they were made of this very y and target; only once, then they are the caller's alone."""
    made = _made.of(y)
    if made is None or made[0].name != name or made[0].target is not target or beta != USUAL_BETA:
        return None
    _made.drop(y)
    return made[1]
