"""Activation layers: each unit on its own (Softmax and Maxout: each pixel on its own)."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.layers.base import Closure, Layer
from tinycolor.ops import activation as ops
from tinycolor.ops import softmax as softmax_ops
from tinycolor.ops.fast.choose import twin
from tinycolor.random import Generator


class ReLU(Layer):
    """Rectifier. Forward: ``y = max(x, 0)``. Backward: ``dx = dy`` where x > 0, else 0. Any shape."""

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        rectifying = twin(ops, x)
        y, on = rectifying.relu(x)

        def backward(dy: Array) -> Array:
            return rectifying.relu_dx(dy, on)

        return y, backward


class LeakyReLU(Layer):
    """Rectifier that never goes quite dead. Any shape.

    Forward: ``y = x`` where x > 0, else ``slope * x``. Backward: ``dx = dy`` or ``slope * dy`` likewise.

    Parameters
    ----------
    slope : float
        0.01 as in PyTorch; GANs use 0.2.
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = slope

    def describe(self) -> str:
        return f"{self.slope}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        rectifying = twin(ops, x)
        y, on = rectifying.leaky_relu(x, self.slope)

        def backward(dy: Array) -> Array:
            return rectifying.leaky_relu_dx(dy, on, self.slope)

        return y, backward


class Sigmoid(Layer):
    """Squash into (0, 1). Forward: ``y = 1 / (1 + exp(-x))``. Backward: ``dx = dy * y * (1 - y)``. Any shape."""

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        squashing = twin(ops, x)
        y = squashing.sigmoid(x)

        def backward(dy: Array) -> Array:
            return squashing.sigmoid_dx(dy, y)

        return y, backward


class Tanh(Layer):
    """Squash into (-1, 1). Forward: ``y = tanh(x)``. Backward: ``dx = dy * (1 - y**2)``. Any shape."""

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        squashing = twin(ops, x)
        y = squashing.tanh(x)

        def backward(dy: Array) -> Array:
            return squashing.tanh_dx(dy, y)

        return y, backward


class Softmax(Layer):
    """Shares that sum to 1 over the last axis, for every row or pixel. Any shape (..., C).

    Forward: ``y = exp(x) / sum(exp(x))``. Backward: ``dx = y * (dy - sum(dy * y))``.
    """

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        y = softmax_ops.softmax(x)

        def backward(dy: Array) -> Array:
            return softmax_ops.softmax_dx(dy, y)

        return y, backward


class Maxout(Layer):
    """The largest of each ``pieces`` neighbouring channels: x (..., C*pieces) to y (..., C).

    Forward: ``y[c] = max(x[c*pieces : (c+1)*pieces])``. Backward: all of dy goes to the first maximum.

    Parameters
    ----------
    pieces : int
        How many compete for one output.

    Source: I. Goodfellow et al., "Maxout networks", ICML 2013.
    """

    def __init__(self, pieces: int) -> None:
        if pieces < 1:
            raise ValueError(f"Maxout got pieces={pieces}, expected at least 1.")
        self.pieces = pieces

    def describe(self) -> str:
        return f"{self.pieces}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        if x.shape[-1] % self.pieces:
            raise ValueError(f"{self.name} got {x.shape[-1]} channels, expected a multiple of {self.pieces}.")
        y, winner = ops.maxout(x, self.pieces)

        def backward(dy: Array) -> Array:
            return ops.maxout_dx(dy, winner, self.pieces)

        return y, backward
