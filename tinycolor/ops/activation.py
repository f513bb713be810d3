"""Activations: what makes a stack of layers more than one matrix product.

Each is differentiated by the little it needs: a bool mask (was the unit on?) or its own output y, never x.
``kernels/activation.cu`` does the same for float32 on a GPU, each of these in one go; Maxout alone has no kernel.
"""

from __future__ import annotations

from tinycolor.backend import Array, array_module


def relu(x: Array) -> tuple[Array, Array]:
    """Return ``max(x, 0)``, and which units were on (bool)."""
    on = x > 0
    return array_module(x).maximum(x, 0), on


def relu_dx(dy: Array, on: Array) -> Array:
    """Return ``dy`` where the unit was on, else 0."""
    return dy * on


def leaky_relu(x: Array, slope: float) -> tuple[Array, Array]:
    """Return ``x`` where positive, else ``slope * x``, and which units were on (bool).

    That is the larger of the two, or with a slope above 1 the smaller.
    """
    xp = array_module(x)
    on = x > 0
    return (xp.maximum if slope <= 1 else xp.minimum)(x, x * slope), on


def leaky_relu_dx(dy: Array, on: Array, slope: float) -> Array:
    """Return ``dy`` where the unit was on, else ``slope * dy``.

    By a factor, 1 or the slope to the bit: ``where`` has to guess which comes next, and is ten times slower.
    """
    factor = array_module(dy).multiply(~on, slope, dtype=dy.dtype)
    factor += on
    factor *= dy
    return factor


def sigmoid(x: Array) -> Array:
    """Return ``1 / (1 + exp(-x))``, with ``exp(-|x|)`` so that nothing overflows and small answers stay exact."""
    xp = array_module(x)
    small = xp.exp(-abs(x))
    return xp.where(x >= 0, 1, small) / (1 + small)


def sigmoid_dx(dy: Array, y: Array) -> Array:
    """Return ``dy * y * (1 - y)``."""
    return dy * (y * (1 - y))


def tanh(x: Array) -> Array:
    """Return ``tanh(x)``."""
    return array_module(x).tanh(x)


def tanh_dx(dy: Array, y: Array) -> Array:
    """Return ``dy * (1 - y**2)``."""
    return dy * (1 - y * y)


def maxout(x: Array, pieces: int) -> tuple[Array, Array]:
    """Return the largest of each ``pieces`` neighbouring channels, x (..., C*pieces), y (..., C), and which.

    Among equal maxima the first wins.
    """
    grouped = x.reshape(*x.shape[:-1], -1, pieces)
    winner = grouped.argmax(-1).astype("uint8" if pieces <= 256 else "uint32")
    return grouped.max(-1), winner


def maxout_dx(dy: Array, winner: Array, pieces: int) -> Array:
    """Return the gradient for x: all of dy goes to the piece that won."""
    xp = array_module(dy)
    won = winner[..., None] == xp.arange(pieces, dtype=winner.dtype)
    return (dy[..., None] * won).reshape(*dy.shape[:-1], -1)
