"""Launches ``norm_pool.cu``, and keeps what it has pooled for who asks next.

>>> y, statistics = norm_act.batch_norm_act(x, ..., window=Window((2, 2), (2, 2), False))
>>> pool.max_pool2d(y, (2, 2), (2, 2), False)  # is there already
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader, rounding
from tinycolor.kernels.columns import THREADS, cut
from tinycolor.kernels.notes import Notes
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


along: Notes[tuple[Window, tuple[Array, Array]]] = Notes()  # of y: the window, and what max_pool2d would return


def norm_act_pool(x: Array, channel: tuple[Array | None, ...], slope: float, window: Window) -> Array:
    """Return y (N, H, W, C), which ``norm_act`` would write, and note what pooling makes of it.

    ``channel``: mean and inv_std, (C,) float64, and weight and bias, (C,) or None.
    """
    (n, h, w, c), (kh, kw) = x.shape, window.kernel_size
    size = pooled_size(h, kh, kh, window.ceil_mode), pooled_size(w, kw, kw, window.ceil_mode)
    y, pooled = loader.empty(x, x.shape), loader.empty(x, (n, *size, c))
    winner = loader.empty(x, pooled.shape, "uint8")
    rounds = rounding.wanted()
    blocks = cut((n, -(-h // kh), -(-w // kw), c), (c,), kh * kw)
    how = *blocks.sizes, np.float32(slope), np.bool_(rounds), windows(x.shape, size, c, *window[:2])
    given = (x, *channel, y, pooled, winner, *how)
    loader.launch("norm_pool", "norm_act_pool", blocks.grid, THREADS, given, KH=kh, KW=kw)
    for made in (y, pooled) if rounds else ():
        rounding.mark(made)
    along.add(y, (window, (pooled, winner)))
    return y


def take(y: Array, window: Window) -> tuple[Array, Array] | None:
    """Return what was pooled along with this very y by this very window, if it was: once, then it is the caller's."""
    noted = along.of(y)
    if noted is None or noted[0] != window:
        return None
    along.drop(y)
    return noted[1]
