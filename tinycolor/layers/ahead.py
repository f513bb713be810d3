"""Who comes behind: what a layer may like to know, to do some of the next one's work while it has y at hand.

>>> with announced(block, pool):
...     y, backward = block(x)       # asks following(block): the pool

``Sequential`` says it to each of its layers. Only the one that it is said to hears it, none of those inside that one.
It is a hint: the answer must be the same, whoever comes behind.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from tinycolor.layers.base import Layer

_announced: ContextVar[tuple[Layer | None, Layer | None]] = ContextVar("announced", default=(None, None))


@contextmanager
def announced(layer: Layer, behind: Layer | None) -> Iterator[None]:
    """Say to a layer that is called inside which layer will see its y first; None if that is not known."""
    token = _announced.set((layer, behind))
    try:
        yield
    finally:
        _announced.reset(token)


def following(layer: Layer) -> Layer | None:
    """Return the layer that was announced to this one, if one was."""
    addressed, behind = _announced.get()
    return behind if addressed is layer else None
