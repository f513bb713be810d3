"""The fully connected layer: a vote in which every input has a say, and every say its weight."""

from __future__ import annotations

import numpy as np

from tinycolor import init
from tinycolor.backend import Array
from tinycolor.layers.base import Closure, Layer, unwanted_gradient
from tinycolor.layers.parameter import Parameter
from tinycolor.ops import bias as bias_ops
from tinycolor.ops import linear as ops
from tinycolor.ops.fast.choose import add_to, twin
from tinycolor.ops.shapes import positive
from tinycolor.random import Generator


class Linear(Layer):
    """Fully connected layer, x (N, C) to y (N, F).

    Forward: ``y = x @ weight + bias``.
    Backward: ``dx = dy @ weight.T``, ``dw = x.T @ dy``, ``db = sum(dy)`` over the batch.

    Parameters
    ----------
    in_features, out_features : int
        C and F.
    bias : bool
        Add one number per output.

    Attributes
    ----------
    weight : Parameter
        (C, F).
    bias : Parameter or None
        (F,).
    """

    def __init__(self, in_features: int, out_features: int, *, bias: bool = True) -> None:
        sizes = positive(in_features, "Linear in_features"), positive(out_features, "Linear out_features")
        self.weight = Parameter(np.zeros(sizes, np.float32))
        self.bias = Parameter(np.zeros(out_features, np.float32)) if bias else None
        init.first_weights(self)

    def describe(self) -> str:
        c, f = self.weight.data.shape
        return f"{c}, {f}, bias={self.bias is not None}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", self.weight.data.shape[0])
        weight, bias = self.weight, self.bias
        products = twin(ops, x)
        y = products.linear(x, weight.data, None if bias is None else bias.data)
        x_for_dw = x if weight.trainable else None
        learn_bias = bias is not None and bias.trainable
        no_dx = unwanted_gradient(x)

        def backward(dy: Array) -> Array:
            if x_for_dw is not None:
                add_to(weight.grad, products.linear_dw, x_for_dw, dy)
            if bias is not None and learn_bias:
                add_to(bias.grad, twin(bias_ops, dy).bias_db, dy)
            return products.linear_dx(dy, weight.data) if no_dx is None else no_dx

        return y, backward


class Flatten(Layer):
    """Lay each picture out as one row: x (N, H, W, C) to y (N, H*W*C), in the order of the memory.

    Forward and backward only reshape. PyTorch flattens (C, H, W): weights from there need their inputs permuted.
    """

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        x_shape = x.shape

        def backward(dy: Array) -> Array:
            return dy.copy().reshape(x_shape)

        return x.copy().reshape(len(x), -1), backward
