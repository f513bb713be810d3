"""Where weights start: not zero (all units would learn the same), and not so large that signals explode.

Each function draws anew every weight of a layer and all below it (arrays of two or more axes). Biases, and the
scale and shift of normalisations, keep what their layers gave them: 0 and 1.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np

from tinycolor.layers.base import Layer
from tinycolor.layers.parameter import Parameter
from tinycolor.random import Generator


def fans(weight: np.ndarray) -> tuple[int, int]:
    """Return how many inputs one output hears and how many outputs one input reaches.

    For (kh, kw, C, F): ``(kh*kw*C, kh*kw*F)``; for (C, F): ``(C, F)``. A transposed convolution's filters are those
    of the convolution that leads back, so its two numbers change places, as in PyTorch.
    """
    *window, inputs, outputs = weight.shape
    area = math.prod(window)
    return area * inputs, area * outputs


def he_normal(layer: Layer, rng: Generator) -> None:
    """Draw weights from N(0, 2 / fan_in): keeps the spread of signals through ReLUs.

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Delving deep into rectifiers", ICCV 2015, section 2.2.
    """
    for weight in _weights(layer):
        fan_in, _ = fans(weight.data)
        weight.data = rng.normal(weight.data.shape, std=math.sqrt(2 / fan_in), dtype=weight.data.dtype)


def glorot_uniform(layer: Layer, rng: Generator) -> None:
    """Draw weights uniformly from +-sqrt(6 / (fan_in + fan_out)): keeps signals forward and gradients back.

    Source: X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    AISTATS 2010, equation 16.
    """
    for weight in _weights(layer):
        limit = math.sqrt(6 / sum(fans(weight.data)))
        weight.data = rng.uniform(weight.data.shape, -limit, limit, dtype=weight.data.dtype)


def uniform(layer: Layer, rng: Generator, limit: float | None = None) -> None:
    """Draw weights uniformly from +-limit; None is 1 / sqrt(fan_in), what PyTorch starts with, 2.4 times below He's."""
    for weight in _weights(layer):
        reach = 1 / math.sqrt(fans(weight.data)[0]) if limit is None else limit
        weight.data = rng.uniform(weight.data.shape, -reach, reach, dtype=weight.data.dtype)


def normal(layer: Layer, rng: Generator, std: float = 0.02) -> None:
    """Draw weights from N(0, std**2); 0.02 is the value of DCGAN and pix2pix."""
    for weight in _weights(layer):
        weight.data = rng.normal(weight.data.shape, std=std, dtype=weight.data.dtype)


def _weights(layer: Layer) -> list[Parameter]:
    return [parameter for parameter in layer.parameters() if parameter.data.ndim >= 2]


_layers_made = itertools.count()
_somebody_draws: ContextVar[bool] = ContextVar("somebody_draws", default=False)


def first_weights(layer: Layer) -> None:
    """Give a new layer its first weights: He's, from a stream of its own, numbered in the order of making.

    So the same program always starts the same, and two equal layers side by side still differ. Networks draw
    theirs from a seed, see ``draws_weights``.
    """
    number = next(_layers_made)
    if not _somebody_draws.get():
        he_normal(layer, Generator(seed=0, step=number))


@contextmanager
def draws_weights() -> Iterator[None]:
    """Mark an ``__init__`` that draws every weight itself, ``@init.draws_weights()``: its layers leave theirs at 0.

    What they drew would be thrown away, and at the widths of the papers drawing takes seconds.
    """
    token = _somebody_draws.set(True)
    try:
        yield
    finally:
        _somebody_draws.reset(token)
