"""Launches ``adam.cu``: one step of ``tinycolor.optim.Adam`` on its flat buffers."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader


def adam(
    data: Array,
    grad: Array,
    m: Array,
    v: Array,
    *,
    steps: Array,
    learning_rate: Array,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.0,
) -> None:
    """Move ``data`` by Adam, in place, and count the step.

    Parameters
    ----------
    data, grad, m, v : float32 arrays of one size
        All weights, their gradients, and what Adam remembers; data, m and v are written.
    steps : int64 array of 1
        How many steps were made before; written.
    learning_rate : float64 array of 1
    betas, eps, weight_decay
        As in ``tinycolor.optim.Adam``.
    """
    rates = loader.empty(data, (2,))
    b1, b2 = betas
    loader.launch("adam", "adam_rates", (1,), 1, (learning_rate, steps, rates, *map(np.float64, (b1, b2, eps))))
    settings = np.float32(1 - b1), np.float32(1 - b2), np.float32(weight_decay)
    loader.launch_each("adam", "adam", data.size, (data, grad, m, v, np.int64(data.size), rates, *settings))
