"""Pooling layers: a smaller picture that keeps what was found and forgets exactly where."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.layers.base import Closure, Layer
from tinycolor.ops import pool as ops
from tinycolor.ops.fast.choose import twin
from tinycolor.ops.shapes import Pair, pair
from tinycolor.random import Generator


class MaxPool2d(Layer):
    """The maximum of every window, x (N, H, W, C) to y (N, Ho, Wo, C).

    Forward: ``y = max(window)``, ``Ho = floor((H - kh) / stride) + 1``. Backward: all of dy goes to the first
    maximum in reading order. Only which tap won is remembered, one small int per output.

    Parameters
    ----------
    kernel_size : int or (int, int)
        Height and width of the window.
    stride : int or (int, int), optional
        ``kernel_size`` if not given: windows side by side.
    ceil_mode : bool
        Let partial windows at the lower and right edge count too.
    """

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None, ceil_mode: bool = False) -> None:
        self.kernel_size = pair(kernel_size, "MaxPool2d kernel_size", least=1)
        self.stride = self.kernel_size if stride is None else pair(stride, "MaxPool2d stride", least=1)
        self.ceil_mode = ceil_mode

    def describe(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}, ceil_mode={self.ceil_mode}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        check_window(self, x, self.kernel_size)
        pooling = twin(ops, x)
        y, winner = pooling.max_pool2d(x, self.kernel_size, self.stride, self.ceil_mode)
        x_shape = x.shape

        def backward(dy: Array, beside: Array | None = None) -> Array:
            return pooling.max_pool2d_dx(dy, winner, x_shape, self.kernel_size, self.stride, beside)

        return y, backward


class AvgPool2d(Layer):
    """The mean of every window, x (N, H, W, C) to y (N, Ho, Wo, C).

    Forward: ``y = mean(window)``, ``Ho = floor((H - kh) / stride) + 1``. Backward: every pixel of the window
    gets ``dy / (kh * kw)``.

    Parameters
    ----------
    kernel_size : int or (int, int)
        Height and width of the window.
    stride : int or (int, int), optional
        ``kernel_size`` if not given: windows side by side.
    """

    def __init__(self, kernel_size: int | Pair, stride: int | Pair | None = None) -> None:
        self.kernel_size = pair(kernel_size, "AvgPool2d kernel_size", least=1)
        self.stride = self.kernel_size if stride is None else pair(stride, "AvgPool2d stride", least=1)

    def describe(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        check_window(self, x, self.kernel_size)
        x_shape = x.shape

        def backward(dy: Array) -> Array:
            return ops.avg_pool2d_dx(dy, x_shape, self.kernel_size, self.stride)

        return ops.avg_pool2d(x, self.kernel_size, self.stride), backward


def check_window(layer: Layer, x: Array, kernel_size: Pair) -> None:
    """Raise a ValueError unless at least one whole window fits into the pictures x (N, H, W, C)."""
    layer.check_shape(x, "N", "H", "W", "C")
    if x.shape[1] < kernel_size[0] or x.shape[2] < kernel_size[1]:
        raise ValueError(
            f"{layer.name} got pictures of {x.shape[1]} x {x.shape[2]}, expected at least one whole window."
        )
