"""Launches ``norm_pool.cu``, and keeps what it has pooled for who asks next.

>>> y, statistics = norm_act.batch_norm_act(x, ..., window=Window((2, 2), (2, 2), False))
>>> pool.max_pool2d(y, (2, 2), (2, 2), False)  # is there already
"""

from __future__ import annotations

import weakref
from typing import NamedTuple

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader, rounding
from tinycolor.kernels.columns import THREADS, cut
from tinycolor.kernels.windows import windows
from tinycolor.ops.pool import pooled_size
from tinycolor.ops.shapes import Pair

MOST_TAPS = 16  # a window's numbers wait in the registers of one thread


class Window(NamedTuple):
    """What ``max_pool2d`` is told."""

    kernel_size: Pair
    stride: Pair
    ceil_mode: bool

    def fits(self, x_shape: tuple[int, ...]) -> bool:
        """Return whether a thread may take a window of x (N, H, W, C) for itself: they are small, and side by side."""
        (kh, kw), (_, h, w, _) = self.kernel_size, x_shape
        return self.kernel_size == self.stride and kh * kw <= MOST_TAPS and kh <= h and kw <= w


_noted: dict[int, tuple[weakref.ref[Array], Window, tuple[Array, Array]]] = {}


def norm_act_pool(x: Array, channel: tuple[Array | None, ...], slope: float, rounds: bool, window: Window) -> Array:
    """Return y (N, H, W, C), which ``norm_act`` would write, and note what pooling makes of it.

    ``channel``: mean and inv_std, (C,) float64, and weight and bias, (C,) or None.
    """
    (n, h, w, c), (kh, kw) = x.shape, window.kernel_size
    size = pooled_size(h, kh, kh, window.ceil_mode), pooled_size(w, kw, kw, window.ceil_mode)
    y, pooled = loader.empty(x, x.shape), loader.empty(x, (n, *size, c))
    winner = loader.empty(x, pooled.shape, "uint8")
    blocks = cut((n, -(-h // kh), -(-w // kw), c), (c,), kh * kw)
    how = *blocks.sizes, np.float32(slope), np.bool_(rounds), windows(x.shape, size, c, *window[:2])
    given = (x, *channel, y, pooled, winner, *how)
    loader.launch("norm_pool", "norm_act_pool", blocks.grid, THREADS, given, KH=kh, KW=kw)
    for made in (y, pooled) if rounds else ():
        rounding.mark(made)
    note(y, window, (pooled, winner))
    return y


def note(y: Array, window: Window, answer: tuple[Array, Array]) -> None:
    """Keep what ``max_pool2d`` would return for y, as long as y lives and nobody has taken it."""
    key = id(y)
    _noted[key] = weakref.ref(y, lambda _: _noted.pop(key, None)), window, answer


def take(y: Array, window: Window) -> tuple[Array, Array] | None:
    """Return what was noted for this very y and this very window, if it was, and forget it."""
    found, noted, answer = _noted.get(id(y), (None, None, None))
    if found is None or found() is not y or noted != window:
        return None
    del _noted[id(y)]
    return answer
