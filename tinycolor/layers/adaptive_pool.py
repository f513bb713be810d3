"""Adaptive pooling: from pictures of any size to maps of one size, as fully connected layers want them."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.layers.base import Closure, Layer
from tinycolor.ops import adaptive_pool as ops
from tinycolor.ops.shapes import Pair, pair
from tinycolor.random import Generator


class AdaptiveAvgPool2d(Layer):
    """The mean of each of a given number of windows, x (N, H, W, C) to y (N, Ho, Wo, C), whatever H and W are.

    Forward: ``y[i, j] = mean(x[floor(i*H/Ho) : ceil((i+1)*H/Ho), likewise for j and W])``. Backward: every pixel
    of a window gets ``dy`` divided by the window's size, from each window that it lies in.

    Parameters
    ----------
    output_size : int or (int, int)
        Ho and Wo. Maps of just this size come out as they went in; smaller ones are repeated.
    """

    def __init__(self, output_size: int | Pair) -> None:
        self.output_size = pair(output_size, "AdaptiveAvgPool2d output_size", least=1)

    def describe(self) -> str:
        return f"{self.output_size}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", "H", "W", "C")
        x_shape = x.shape

        def backward(dy: Array) -> Array:
            return ops.adaptive_avg_pool2d_dx(dy, x_shape)

        return ops.adaptive_avg_pool2d(x, self.output_size), backward
