"""Convolution: one small filter, the same at every place of the picture; and its mirror image, going back up."""

from __future__ import annotations

import numpy as np

from tinycolor import init
from tinycolor.backend import Array
from tinycolor.layers.base import Closure, Layer, unwanted_gradient
from tinycolor.layers.parameter import Parameter
from tinycolor.ops import bias as bias_ops
from tinycolor.ops.fast.choose import add_to, conv2d_algorithm, twin
from tinycolor.ops.shapes import Pair, pair, positive, window_count
from tinycolor.random import Generator


class Conv2d(Layer):
    """Convolution of pictures, x (N, H, W, C), with F filters, y (N, Ho, Wo, F).

    Forward: ``y[n,i,j,f] = sum(x[n, i*stride + dilation*(0..kh-1) - padding, ...] * weight[..., f]) + bias[f]``
    with zeros around x, ``Ho = floor((H + 2*padding - dilation*(kh-1) - 1) / stride) + 1``.
    Backward: dx spreads each dy back over its window; dw sums each window weighted by its dy; db sums dy.

    Parameters
    ----------
    in_channels, out_channels : int
        C and F.
    kernel_size, stride, padding, dilation : int or (int, int)
        One number for both directions, or (height, width).
    bias : bool
        Add one number per filter.

    Attributes
    ----------
    weight : Parameter
        (kh, kw, C, F).
    bias : Parameter or None
        (F,).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        dilation: int | Pair = 1,
        bias: bool = True,
    ) -> None:
        self.kernel_size = pair(kernel_size, "Conv2d kernel_size", least=1)
        self.stride = pair(stride, "Conv2d stride", least=1)
        self.padding = pair(padding, "Conv2d padding", least=0)
        self.dilation = pair(dilation, "Conv2d dilation", least=1)
        channels = positive(in_channels, "Conv2d in_channels"), positive(out_channels, "Conv2d out_channels")
        self.weight = Parameter(np.zeros((*self.kernel_size, *channels), np.float32))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        init.first_weights(self)

    def describe(self) -> str:
        c, f = self.weight.data.shape[2:]
        return (
            f"{c}, {f}, {self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation={self.dilation}, bias={self.bias is not None}"
        )

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", "H", "W", self.weight.data.shape[2])
        self._check_window(x)
        weight, bias, x_shape = self.weight, self.bias, x.shape
        steps = {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}
        algorithm = conv2d_algorithm(x.shape, weight.data.shape, **steps, like=x)
        y = algorithm.conv2d(x, weight.data, None if bias is None else bias.data, **steps)
        x_for_dw = x if weight.trainable else None
        learn_bias = bias is not None and bias.trainable
        no_dx = unwanted_gradient(x)

        def backward(dy: Array) -> Array:
            if x_for_dw is not None:
                add_to(weight.grad, algorithm.conv2d_dw, x_for_dw, dy, self.kernel_size, **steps)
            if bias is not None and learn_bias:
                add_to(bias.grad, twin(bias_ops, dy).bias_db, dy)
            return algorithm.conv2d_dx(dy, weight.data, x_shape, **steps) if no_dx is None else no_dx

        return y, backward

    def _check_window(self, x: Array) -> None:
        sides = zip(x.shape[1:3], self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        if 0 in [window_count(*side) for side in sides]:
            raise ValueError(
                f"{self.name} got pictures of {x.shape[1]} x {x.shape[2]}, expected at least one whole window: "
                "use a larger picture, more padding or a smaller kernel."
            )


class ConvTranspose2d(Layer):
    """Transposed convolution: every pixel of x (N, H, W, C) stamps its filter into y (N, Ho, Wo, F).

    It is the backward of a convolution used as a forward: ``Ho = (H - 1) * stride - 2*padding + kh``.
    Forward: ``y = conv2d_dx(x)``. Backward: ``dx = conv2d(dy)``, ``dw = conv2d_dw(dy, x)``, db sums dy.

    Parameters
    ----------
    in_channels, out_channels : int
        C and F.
    kernel_size, stride, padding : int or (int, int)
        Of the convolution that it turns round.
    bias : bool
        Add one number per output channel.

    Attributes
    ----------
    weight : Parameter
        (kh, kw, F, C): the filters of the convolution that leads from y back to x.
    bias : Parameter or None
        (F,).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        bias: bool = True,
    ) -> None:
        self.kernel_size = pair(kernel_size, "ConvTranspose2d kernel_size", least=1)
        self.stride = pair(stride, "ConvTranspose2d stride", least=1)
        self.padding = pair(padding, "ConvTranspose2d padding", least=0)
        inputs = positive(in_channels, "ConvTranspose2d in_channels")
        outputs = positive(out_channels, "ConvTranspose2d out_channels")
        self.weight = Parameter(np.zeros((*self.kernel_size, outputs, inputs), np.float32))
        self.bias = Parameter(np.zeros(out_channels, np.float32)) if bias else None
        init.first_weights(self)

    def describe(self) -> str:
        f, c = self.weight.data.shape[2:]
        return (
            f"{c}, {f}, {self.kernel_size}, stride={self.stride}, padding={self.padding}, bias={self.bias is not None}"
        )

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        f, c = self.weight.data.shape[2:]
        self.check_shape(x, "N", "H", "W", c)
        weight, bias = self.weight, self.bias
        steps = {"stride": self.stride, "padding": self.padding}
        y_shape = (len(x), *self._output_size(x), f)
        algorithm = conv2d_algorithm(y_shape, weight.data.shape, **steps, like=x)
        y = algorithm.conv2d_dx(x, weight.data, y_shape, **steps)
        if bias is not None:
            y += bias.data
        x_for_dw = x if weight.trainable else None
        learn_bias = bias is not None and bias.trainable
        no_dx = unwanted_gradient(x)

        def backward(dy: Array) -> Array:
            if x_for_dw is not None:
                add_to(weight.grad, algorithm.conv2d_dw, dy, x_for_dw, self.kernel_size, **steps)
            if bias is not None and learn_bias:
                add_to(bias.grad, twin(bias_ops, dy).bias_db, dy)
            return algorithm.conv2d(dy, weight.data, **steps) if no_dx is None else no_dx

        return y, backward

    def _output_size(self, x: Array) -> Pair:
        height, width = (
            (x.shape[1 + a] - 1) * self.stride[a] - 2 * self.padding[a] + self.kernel_size[a] for a in (0, 1)
        )
        if height < 1 or width < 1:
            raise ValueError(
                f"{self.name} got pictures of {x.shape[1]} x {x.shape[2]}, which would give {height} x {width}, "
                "expected at least 1 x 1: use less padding."
            )
        return height, width
