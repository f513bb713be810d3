"""GAN: two networks that compete. One generates samples from noise, the other tells real samples from generated ones.

    noise z, 100                        x, 784: a real picture or a generated one
        |                                   |  a fifth of the pixels is dropped
    1200, ReLU                          240, maxout of 5
        |                                   |  half the units are dropped
    1200, ReLU                          240, maxout of 5
        |                                   |  half the units are dropped
    784, sigmoid                        1, logit: above 0 means real
        |
    a generated x  -------------------------^

Where real samples have the density p and generated ones q, the best answer is ``D(x) = p(x) / (p(x) + q(x))``. The
generator learns from the discriminator alone, which way to move its samples so that they look more real; when q is p,
every answer is 1/2 and there is nothing more to learn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from tinycolor import init
from tinycolor.backend import Array
from tinycolor.layers.activation import Maxout, ReLU, Sigmoid
from tinycolor.layers.base import Closure, Layer
from tinycolor.layers.combine import Sequential
from tinycolor.layers.dropout import Dropout
from tinycolor.layers.linear import Linear
from tinycolor.networks.network import Network
from tinycolor.ops.shapes import positive
from tinycolor.random import Generator

GENERATOR_LIMIT, DISCRIMINATOR_LIMIT = 0.05, 0.005


class GANGenerator(Network):
    """Generate samples from noise, z (N, noise) to x (N, outputs); 2,503,984 weights.

    Parameters
    ----------
    noise : int
        Random numbers per sample, standard normal: the authors' release names no distribution, and that is its default.
    hidden : sequence of int
        Units of each hidden layer. Without any, x is an affine map of z.
    outputs : int
        Numbers per sample: 784 are the pixels of 28 x 28.
    sigmoid : bool
        The numbers are 0..1, as brightness is; else any.
    seed : int
        Which first weights: uniformly from +-0.05. For few hidden units that is little: draw others by ``tc.init``.

    Attributes
    ----------
    size : int
        Side of the largest square picture that the outputs hold.

    Source: I. Goodfellow et al., "Generative adversarial nets", NIPS 2014; widths and first weights as in the
    authors' release, mnist.yaml. There the last biases begin with how bright each pixel is in the data, here at 0.
    """

    @init.draws_weights()
    def __init__(
        self,
        noise: int = 100,
        hidden: Sequence[int] = (1200, 1200),
        outputs: int = 784,
        sigmoid: bool = True,
        *,
        seed: int = 0,
    ) -> None:
        self.options = {
            "noise": positive(noise, "GANGenerator noise"),
            "hidden": tuple(positive(units, "GANGenerator hidden") for units in hidden),
            "outputs": positive(outputs, "GANGenerator outputs"),
            "sigmoid": sigmoid,
        }
        self.size = math.isqrt(outputs)
        layers: list[Layer] = []
        inputs = noise
        for units in hidden:
            layers += [Linear(inputs, units), ReLU()]
            inputs = units
        layers.append(Linear(inputs, outputs))
        self.layers = Sequential(*layers, *([Sigmoid()] if sigmoid else []))
        init.uniform(self, Generator(seed), GENERATOR_LIMIT)

    def input_shapes(self, batch: int, side: int) -> tuple[tuple[int, ...], ...]:
        return ((batch, self.options["noise"]),)

    def forward(self, z: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(z, "N", self.options["noise"])
        return self.layers(z, mode=mode, rng=rng)


class GANDiscriminator(Network):
    """Tell real samples from generated ones, x (N, inputs) to logits (N, 1); 1,231,441 weights.

    ``D(x) = sigmoid(logit)`` is the probability that x is real. In ``train`` mode numbers of x and hidden units are
    dropped: hand down an ``rng``.

    Parameters
    ----------
    inputs : int
        Numbers per sample.
    hidden : sequence of int
        Units of each hidden layer.
    pieces : int
        How many linear functions each unit takes the largest of.
    dropout : (float, float)
        Shares of the numbers of x and of the hidden units to drop.
    seed : int
        Which first weights: uniformly from +-0.005. For few hidden units that is little: draw others by ``tc.init``.

    Attributes
    ----------
    size : int
        Side of the largest square picture that the inputs hold.

    Source: see ``GANGenerator``. Ours differs: the paper ends in a sigmoid, which here is part of the loss, and the
    release also limits the length of each unit's weights to 1.9365.
    """

    @init.draws_weights()
    def __init__(
        self,
        inputs: int = 784,
        hidden: Sequence[int] = (240, 240),
        pieces: int = 5,
        dropout: tuple[float, float] = (0.2, 0.5),
        *,
        seed: int = 0,
    ) -> None:
        if not isinstance(dropout, Sequence) or len(dropout) != 2:
            raise ValueError(
                f"GANDiscriminator got dropout={dropout}, expected two shares, of the numbers of x and of the hidden "
                "units, such as (0.2, 0.5)."
            )
        self.options = {
            "inputs": positive(inputs, "GANDiscriminator inputs"),
            "hidden": tuple(positive(units, "GANDiscriminator hidden") for units in hidden),
            "pieces": positive(pieces, "GANDiscriminator pieces"),
            "dropout": tuple(dropout),
        }
        self.size = math.isqrt(inputs)
        of_x, of_hidden = dropout
        layers: list[Layer] = [Dropout(of_x)]
        for units in hidden:
            layers += [*maxout(inputs, units, pieces), Dropout(of_hidden)]
            inputs = units
        self.layers = Sequential(*layers, Linear(inputs, 1))
        init.uniform(self, Generator(seed), DISCRIMINATOR_LIMIT)

    def input_shapes(self, batch: int, side: int) -> tuple[tuple[int, ...], ...]:
        return ((batch, self.options["inputs"]),)

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", self.options["inputs"])
        return self.layers(x, mode=mode, rng=rng)


def maxout(inputs: int, units: int, pieces: int) -> list[Layer]:
    """Return a layer of units that each take the largest of several linear functions."""
    return [Linear(inputs, units * pieces), Maxout(pieces)]
