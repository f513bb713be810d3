"""Conditional GAN: both networks are told of which class the sample should be, so that one can ask for it.

    class y, 10   noise z, 100          x, 784       class y, 10
        |             |                    |             |
    1000, ReLU    200, ReLU             240, maxout   50, maxout
        |             |                    of 5          of 5
        +------+------+                    +------+------+
               |                                  |
          1200, ReLU                         240, maxout of 4
               |                                  |
          784, sigmoid                       1, logit: real, and what it should be?

It is not enough that a generated picture could be real: of a seven it has to be a real seven.
"""

from __future__ import annotations

import math

from tinycolor import init
from tinycolor.backend import Array
from tinycolor.layers.activation import ReLU, Sigmoid
from tinycolor.layers.base import Closure
from tinycolor.layers.combine import Concat, Sequential
from tinycolor.layers.dropout import Dropout
from tinycolor.layers.linear import Linear
from tinycolor.networks.gan import DISCRIMINATOR_LIMIT, GENERATOR_LIMIT, maxout
from tinycolor.networks.network import Network, scale, scaled
from tinycolor.ops.shapes import positive
from tinycolor.random import Generator


class CGANGenerator(Network):
    """Generate samples of a class from noise, y (N, classes) and z (N, noise) to x (N, outputs); 2,413,984 weights.

    In ``train`` mode half the hidden units are dropped: hand down an ``rng``.

    Parameters
    ----------
    noise : int
        Random numbers per sample; in the paper uniform within the unit hypercube, in our example within -1..1.
    classes : int
        How many there are; y is 1 for the one that is wanted, and 0 for all others.
    outputs : int
        Numbers per sample, each 0..1: 784 are the pixels of 28 x 28.
    width : float
        Factor on the number of hidden units, rounded down, at least 1.
    dropout : float
        Share of the hidden units to drop.
    seed : int
        Which first weights: uniformly from +-0.05.

    Attributes
    ----------
    size : int
        Side of the largest square picture that the outputs hold.

    Source: M. Mirza, S. Osindero, "Conditional generative adversarial nets", 2014, section 4.1. The paper leaves open
    how the weights begin, here as in the release of the first GAN, and what is dropped, here hidden units alone.
    """

    @init.draws_weights()
    def __init__(
        self,
        noise: int = 100,
        classes: int = 10,
        outputs: int = 784,
        width: float = 1.0,
        dropout: float = 0.5,
        *,
        seed: int = 0,
    ) -> None:
        self.options = {
            "noise": positive(noise, "CGANGenerator noise"),
            "classes": positive(classes, "CGANGenerator classes"),
            "outputs": positive(outputs, "CGANGenerator outputs"),
            "width": scale(width, "CGANGenerator width"),
            "dropout": dropout,
        }
        self.size = math.isqrt(outputs)
        of_class, of_noise, of_both = (scaled(units, width) for units in (1000, 200, 1200))
        self.layers = Sequential(
            Concat(
                Sequential(Linear(classes, of_class), ReLU()),
                Sequential(Linear(noise, of_noise), ReLU()),
            ),
            Dropout(dropout),
            Linear(of_class + of_noise, of_both),
            ReLU(),
            Dropout(dropout),
            Linear(of_both, outputs),
            Sigmoid(),
        )
        init.uniform(self, Generator(seed), GENERATOR_LIMIT)

    def input_shapes(self, batch: int, side: int) -> tuple[tuple[int, ...], ...]:
        return ((batch, self.options["classes"]), (batch, self.options["noise"]))

    def forward(self, y: Array, z: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(y, "N", self.options["classes"])
        self.check_shape(z, len(y), self.options["noise"])
        return self.layers(y, z, mode=mode, rng=rng)


class CGANDiscriminator(Network):
    """Tell real samples of a class from all others, y (N, classes) and x (N, inputs) to logits (N, 1).

    1,224,351 weights; ``D(x | y) = sigmoid(logit)``. In ``train`` mode half the hidden units are dropped: hand down
    an ``rng``.

    Parameters
    ----------
    inputs : int
        Numbers per sample.
    classes : int
        How many there are; y is 1 for the one that x should be of, and 0 for all others.
    width : float
        Factor on the number of hidden units, rounded down, at least 1.
    dropout : float
        Share of the hidden units to drop.
    seed : int
        Which first weights: uniformly from +-0.005.

    Attributes
    ----------
    size : int
        Side of the largest square picture that the inputs hold.

    Source: see ``CGANGenerator``. The paper ends in a sigmoid, which here is part of the loss.
    """

    @init.draws_weights()
    def __init__(
        self, inputs: int = 784, classes: int = 10, width: float = 1.0, dropout: float = 0.5, *, seed: int = 0
    ) -> None:
        self.options = {
            "inputs": positive(inputs, "CGANDiscriminator inputs"),
            "classes": positive(classes, "CGANDiscriminator classes"),
            "width": scale(width, "CGANDiscriminator width"),
            "dropout": dropout,
        }
        self.size = math.isqrt(inputs)
        of_class, of_x, of_both = (scaled(units, width) for units in (50, 240, 240))
        self.layers = Sequential(
            Concat(Sequential(*maxout(classes, of_class, 5)), Sequential(*maxout(inputs, of_x, 5))),
            Dropout(dropout),
            *maxout(of_class + of_x, of_both, 4),
            Dropout(dropout),
            Linear(of_both, 1),
        )
        init.uniform(self, Generator(seed), DISCRIMINATOR_LIMIT)

    def input_shapes(self, batch: int, side: int) -> tuple[tuple[int, ...], ...]:
        return ((batch, self.options["classes"]), (batch, self.options["inputs"]))

    def forward(self, y: Array, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(y, "N", self.options["classes"])
        self.check_shape(x, len(y), self.options["inputs"])
        return self.layers(y, x, mode=mode, rng=rng)
