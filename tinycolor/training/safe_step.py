"""A step of an optimizer that spoils nothing, whatever happens on the way: an error, or numbers that are none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from tinycolor.backend import Array, array_module, on_gpu
from tinycolor.kernels.finite import zero_unless_finite
from tinycolor.ops.fast.choose import runs_kernels
from tinycolor.optim import Optimizer


@contextmanager
def begun(*optimizers: Optimizer) -> Iterator[None]:
    """Begin a step of each; if an error ends it, it was not counted, and no gradient stays behind."""
    steps = [optimizer.steps for optimizer in optimizers]
    try:
        for optimizer in optimizers:
            optimizer.begin_step()
        yield
    except BaseException:
        for optimizer, before in zip(optimizers, steps, strict=True):
            optimizer.steps = before
            optimizer.grad.fill(0)
        raise


def move_if_finite(optimizer: Optimizer, loss: Array, other: Array | None = None) -> Array:
    """Make the move of a begun step, unless a loss or a gradient is NaN or infinite; return the loss, or then NaN.

    Nobody can look at a number in the middle of a step that a GPU plays back. There the move is made in any case, but
    by gradients of zero: momentum alone goes on.

    Parameters
    ----------
    optimizer : Optimizer
        After ``begin_step`` and backward.
    loss : 0-d array
        Where the gradients come from.
    other : 0-d array, optional
        Another loss that must be finite too.
    """
    xp, gradient = array_module(optimizer.grad), optimizer.grad
    if runs_kernels(gradient):
        loss = zero_unless_finite(gradient, loss, other)
        optimizer.move()
        return loss
    # One sum over all gradients: a single NaN or infinity makes it one. Squared, because Adam squares them too.
    finite = xp.isfinite(gradient @ gradient) & xp.isfinite(loss)
    if other is not None:
        finite = finite & xp.isfinite(other)
    if on_gpu(gradient):
        gradient[...] = xp.where(finite, gradient, 0)
        optimizer.move()
    elif finite:
        optimizer.move()
    return xp.where(finite, loss, np.nan)
