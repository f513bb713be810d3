"""What a convolution notes of its answers while it still has them in registers, for the batch normalisation behind it.

>>> with noting_sums():
...     z = conv_tensor.conv2d(x, weight)
...     y, statistics = norm_act.batch_norm_act(z, ...)  # finds the sums of z, and need not read z for them
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tinycolor.backend import Array
from tinycolor.kernels import loader
from tinycolor.kernels.notes import Notes

_asked: ContextVar[bool] = ContextVar("asked", default=False)
sums_of_tiles: Notes[Array] = Notes()


@contextmanager
def noting_sums() -> Iterator[None]:
    """Let convolutions on tensor cores note the sums of each tile."""
    token = _asked.set(True)
    try:
        yield
    finally:
        _asked.reset(token)


def room_for_sums(like: Array, tiles: int, filters: int) -> Array | None:
    """Return a fresh array for the structs ``TileSums``, (tiles, filters, 4) float32; None if nobody asks for them."""
    return loader.empty(like, (tiles, filters, 4)) if _asked.get() else None


def take(answers: Array) -> Array | None:
    """Return the sums that were noted of these very answers, if they were: once, for they take room."""
    sums = sums_of_tiles.of(answers)
    sums_of_tiles.drop(answers)
    return sums
