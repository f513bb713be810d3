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

# The answers that were noted last, and their sums; None where nobody would ask for them.
_noted: ContextVar[list[tuple[Array, Array]] | None] = ContextVar("noted", default=None)


@contextmanager
def noting_sums() -> Iterator[None]:
    """Let convolutions on tensor cores note the sums of each tile."""
    token = _noted.set([])
    try:
        yield
    finally:
        _noted.reset(token)


def room_for_sums(like: Array, tiles: int, filters: int) -> Array | None:
    """Return a fresh array for the structs ``TileSums``, (tiles, filters, 4) float32; None if nobody asks for them."""
    return None if _noted.get() is None else loader.empty(like, (tiles, filters, 4))


def note(answers: Array, sums: Array) -> None:
    """Keep the sums of a convolution's answers for who asks next."""
    noted = _noted.get()
    if noted is not None:
        noted[:] = [(answers, sums)]


def sums_of(answers: Array) -> Array | None:
    """Return what was noted of these very answers, if it was."""
    noted = _noted.get() or []
    return next((sums for array, sums in noted if array is answers), None)
