"""A bias: one number per channel, added everywhere."""

from __future__ import annotations

from tinycolor.backend import Array, array_module, on_gpu


def bias_db(dy: Array) -> Array:
    """Return the gradient for a bias (C,), from dy (..., C): the sum over everything but the channel.

    On a CPU written as ``ones @ dy``, because BLAS sums columns faster than ``sum`` does.
    """
    rows = dy.reshape(-1, dy.shape[-1])
    if on_gpu(dy):
        return rows.sum(0)
    return array_module(dy).ones(len(rows), dy.dtype) @ rows
