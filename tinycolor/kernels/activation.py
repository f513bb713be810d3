"""Launches ``activation.cu``. The functions are those of ``ops/activation.py``, for float32 CuPy arrays."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader, rounding


def relu(x: Array) -> tuple[Array, Array]:
    """Return ``max(x, 0)``, and which units were on (bool)."""
    y, on = _rectified("relu", x)
    return (rounding.mark(y) if rounding.is_rounded(x) else y), on  # there are numbers of x in it, and zeros


def relu_dx(dy: Array, on: Array) -> Array:
    """Return ``dy`` where the unit was on, else 0."""
    return leaky_relu_dx(dy, on, 0.0)


def leaky_relu(x: Array, slope: float) -> tuple[Array, Array]:
    """Return ``x`` where positive, else ``slope * x``, and which units were on (bool)."""
    return _rectified("leaky_relu", x, np.float32(slope))


def leaky_relu_dx(dy: Array, on: Array, slope: float) -> Array:
    """Return ``dy`` where the unit was on, else ``slope * dy``."""
    (dy,) = loader.floats(dy)
    dx = loader.empty(dy, dy.shape)
    loader.launch_each("activation", "rectifier_dx", dx.size, (dy, on, dx, np.int64(dx.size), np.float32(slope)))
    return dx


def sigmoid(x: Array) -> Array:
    """Return ``1 / (1 + exp(-x))``."""
    return _squashed("sigmoid", x)


def sigmoid_dx(dy: Array, y: Array) -> Array:
    """Return ``dy * y * (1 - y)``."""
    return _squashed("sigmoid_dx", dy, y)


def tanh(x: Array) -> Array:
    """Return ``tanh(x)``."""
    return _squashed("tanh_y", x)


def tanh_dx(dy: Array, y: Array) -> Array:
    """Return ``dy * (1 - y**2)``."""
    return _squashed("tanh_dx", dy, y)


def _rectified(kernel: str, x: Array, *slope: np.float32) -> tuple[Array, Array]:
    (x,) = loader.floats(x)
    y, on = loader.empty(x, x.shape), loader.empty(x, x.shape, "bool")
    loader.launch_each("activation", kernel, x.size, (x, y, on, np.int64(x.size), *slope))
    return y, on


def _squashed(kernel: str, *given: Array) -> Array:
    """Return what one kernel makes of one array, or of two."""
    arrays = loader.floats(*given)
    answer = loader.empty(arrays[0], arrays[0].shape)
    loader.launch_each("activation", kernel, answer.size, (*arrays, answer, np.int64(answer.size)))
    return answer
