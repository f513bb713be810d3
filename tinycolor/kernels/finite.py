"""Launches ``finite.cu``: what ``training/safe_step.py`` asks of a gradient on a GPU before a step is made with it."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array, array_module
from tinycolor.kernels import loader
from tinycolor.kernels.columns import THREADS, cut


def zero_unless_finite(gradient: Array, loss: Array, other: Array | None = None) -> Array:
    """Set a gradient to zero, in place, unless the sum of its squares is finite, and so are the losses.

    Parameters
    ----------
    gradient : float32 array (P,)
        Of all weights.
    loss, other : 0-d arrays
        Losses, one or two.

    Returns
    -------
    float32 array, 0-d
        The loss; NaN if the gradient was set to zero.
    """
    asarray = array_module(gradient).asarray
    loss, other = (number if number is None else asarray(number, "float32") for number in (loss, other))
    blocks, told = cut((gradient.size, 1), (1,)), loader.empty(gradient, ())
    partial, sizes = blocks.room_for_sums(gradient), (np.int64(blocks.pixels), np.int64(blocks.each))
    loader.launch("finite", "sum_squares", blocks.grid, THREADS, (gradient, partial, *sizes))
    judged = (partial, loss, other, told, np.int32(blocks.slices))
    loader.launch("finite", "judge", (1,), min(blocks.slices, THREADS), judged)
    loader.launch("finite", "zero_unless_finite", blocks.grid, THREADS, (gradient, told, *sizes))
    return told
