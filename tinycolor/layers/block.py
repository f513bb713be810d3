"""The block that networks are built of: convolution, normalisation, activation, fused where that is faster."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.kernels.norm_pool import Window
from tinycolor.kernels.tile_sums import noting_sums
from tinycolor.layers.activation import LeakyReLU, ReLU, Sigmoid, Tanh
from tinycolor.layers.ahead import following
from tinycolor.layers.base import Backward, Closure, Layer
from tinycolor.layers.conv import Conv2d
from tinycolor.layers.norm import BatchNorm2d, InstanceNorm2d
from tinycolor.layers.pool import MaxPool2d
from tinycolor.ops.fast.choose import fuses_norm_act
from tinycolor.ops.shapes import Pair
from tinycolor.random import Generator

NORMS = {"batch": BatchNorm2d, "instance": InstanceNorm2d, None: None}
ACTIVATIONS = {"relu": ReLU, "leaky_relu": LeakyReLU, "sigmoid": Sigmoid, "tanh": Tanh, None: None}


class ConvNormAct(Layer):
    """Convolution, then normalisation, then activation; x (N, H, W, C), y (N, Ho, Wo, F).

    Forward: ``y = activation(norm(conv(x)))``. Backward: the three in reverse. In ``train`` mode batch
    normalisation and a rectifier go in one sweep over the picture (but for float64 on a GPU); the result is the
    plain composition's, but for the last digits. On a GPU that sweep leaves y rounded to TF32, where that is what
    tensor cores multiply (``tc.precision``), and pools as well, where a ``MaxPool2d`` comes next.

    Parameters
    ----------
    in_channels, out_channels : int
        C and F.
    kernel_size, stride, padding : int or (int, int)
        As Conv2d; no dilation.
    norm : {"batch", "instance", None}
        With a norm the convolution has no bias: the norm would take it out again.
    activation : {"relu", "leaky_relu", "sigmoid", "tanh", None}
        ``leaky_relu`` with ``slope``.
    slope : float
        Of ``leaky_relu``.

    Raises
    ------
    ValueError
        An unknown norm or activation.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Pair,
        *,
        stride: int | Pair = 1,
        padding: int | Pair = 0,
        norm: str | None = "batch",
        activation: str | None = "relu",
        slope: float = 0.2,
    ) -> None:
        if norm not in NORMS:
            raise ValueError(f"ConvNormAct got norm={norm!r}, expected one of {list(NORMS)}.")
        if activation not in ACTIVATIONS:
            raise ValueError(f"ConvNormAct got activation={activation!r}, expected one of {list(ACTIVATIONS)}.")
        self.conv = Conv2d(in_channels, out_channels, kernel_size, stride=stride, padding=padding, bias=norm is None)
        norm_class, activation_class = NORMS[norm], ACTIVATIONS[activation]
        self.norm = norm_class(out_channels) if norm_class else None
        if activation_class is LeakyReLU:
            self.activation: Layer | None = LeakyReLU(slope)
        else:
            self.activation = activation_class() if activation_class else None

    def describe(self) -> str:
        c, f = self.conv.weight.data.shape[2:]
        conv, norm, activation = self.conv, type(self.norm).__name__, type(self.activation).__name__
        return (
            f"{c}, {f}, {conv.kernel_size}, stride={conv.stride}, padding={conv.padding}, "
            f"norm={norm}, activation={activation}"
        )

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        slope = self._slope()
        if type(self.norm) is BatchNorm2d and slope is not None and mode == "train" and fuses_norm_act(x):
            return self._fused(x, self.norm, slope)
        y, backwards = x, []
        for layer in filter(None, (self.conv, self.norm, self.activation)):
            y, layer_backward = layer(y, mode=mode, rng=rng)
            backwards.append(layer_backward)

        def backward(dy: Array) -> Array:
            for part in reversed(backwards):
                dy = part(dy)
            return dy

        return y, backward

    def _fused(self, x: Array, norm: BatchNorm2d, slope: float) -> tuple[Array, Closure]:
        behind = following(self)
        # Not one of the user's own that is derived from it: what that does is for it to say.
        window = Window(behind.kernel_size, behind.stride, behind.ceil_mode) if type(behind) is MaxPool2d else None
        with noting_sums():  # tensor cores note what the norm needs of z, while they have z at hand
            z, conv_backward = self.conv(x, mode="train")
            y, norm_act_closure = norm.fused(z, slope, window)
        norm_act_backward = Backward(norm, (y,), norm_act_closure)

        def backward(dy: Array) -> Array:
            return conv_backward(norm_act_backward(dy))

        return y, backward

    def _slope(self) -> float | None:
        """The activation's slope below zero, if it is nothing or a rectifier that only ever flattens."""
        if self.activation is None:
            return 1.0
        if type(self.activation) is ReLU:
            return 0.0
        if type(self.activation) is LeakyReLU and 0 <= self.activation.slope <= 1:
            return self.activation.slope
        return None
