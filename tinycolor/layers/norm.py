"""Normalisation layers: keep every channel at mean 0 and spread 1, then let the network choose its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import norm_act as kernels
from tinycolor.kernels.norm_pool import Window
from tinycolor.layers.base import Closure, Layer
from tinycolor.layers.parameter import Parameter
from tinycolor.ops import bias as bias_ops
from tinycolor.ops import norm as ops
from tinycolor.ops.fast import norm_act
from tinycolor.ops.fast.choose import add_to, runs_kernels, twin
from tinycolor.ops.shapes import positive
from tinycolor.random import Generator

OVER_BATCH = (0, 1, 2)
OVER_PICTURE = (1, 2)


class BatchNorm2d(Layer):
    """Normalise every channel over the batch, x and y (N, H, W, C).

    Forward: ``y = weight * (x - mean) / sqrt(variance + eps) + bias``. In ``train`` and ``paper`` mode mean and
    variance are the batch's (and ``train`` moves the running ones), in ``eval`` the running ones, in
    ``instance`` each picture's own.
    Backward: ``d_hat = dy * weight``, ``dx = (d_hat - mean(d_hat) - x_hat * mean(d_hat * x_hat)) / std``
    (in ``eval``: ``d_hat / std``), ``dw = sum(dy * x_hat)``, ``db = sum(dy)``.
    Where a GPU multiplies in TF32 (``tc.precision``), y and dx come rounded to it, but for ``eval``.

    Parameters
    ----------
    channels : int
        C.
    eps : float
        Keeps the division safe.
    momentum : float
        How far the running statistics move towards each batch's, 0 to 1.

    Attributes
    ----------
    weight, bias : Parameter
        (C,): the scale and shift that the network chooses, 1 and 0 at first.
    running_mean, running_var : array
        (C,): the variance is the unbiased one, as in PyTorch.

    Source: S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015.
    """

    statistics = ("running_mean", "running_var")

    def __init__(self, channels: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        positive(channels, "BatchNorm2d channels")
        self.eps = eps
        self.momentum = momentum
        self.weight = Parameter(np.ones(channels, np.float32))
        self.bias = Parameter(np.zeros(channels, np.float32))
        self.running_mean = np.zeros(channels, np.float32)
        self.running_var = np.ones(channels, np.float32)

    def describe(self) -> str:
        return f"{len(self.running_mean)}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", "H", "W", len(self.running_mean))
        if mode == "eval":
            return self._with_running_statistics(x)
        weight, bias, axes = self.weight, self.bias, OVER_PICTURE if mode == "instance" else OVER_BATCH
        if runs_kernels(x):
            return by_kernels(x, weight, bias, self.eps, 1.0, axes, self._running if mode == "train" else None)
        mean, variance = ops.moments(x, axes)
        if mode == "train":
            self._follow(mean.ravel(), variance.ravel(), x)
        learn = learner(weight, bias)
        inv_std = ops.inverse_std(variance, self.eps)
        x_hat = ops.normalize(x, mean, inv_std)

        def backward(dy: Array) -> Array:
            learn(dy, x_hat)
            return ops.normalize_dx(dy * weight.data, x_hat, inv_std, axes)

        return scale_and_shift(x_hat, weight, bias), backward

    def _with_running_statistics(self, x: Array) -> tuple[Array, Closure]:
        weight, bias = self.weight, self.bias
        learn = learner(weight, bias)
        inv_std = ops.inverse_std(self.running_var, self.eps)
        x_hat = ops.normalize(x, self.running_mean, inv_std)
        x_hat_for_dw = x_hat if weight.trainable else None

        def backward(dy: Array) -> Array:
            learn(dy, x_hat_for_dw)
            return dy * (weight.data * inv_std)

        return scale_and_shift(x_hat, weight, bias), backward

    def fused(self, x: Array, slope: float, window: Window | None = None) -> tuple[Array, Closure]:
        """Do what forward does in ``train`` mode, and the rectifier ``max(y, slope * y)`` behind it, in one go.

        ``window`` is that of a max-pooling that comes next: kernels pool in the same sweep, a CPU ignores it.
        """
        weight, bias = self.weight, self.bias
        if runs_kernels(x):
            return by_kernels(x, weight, bias, self.eps, slope, OVER_BATCH, self._running, window)
        y, statistics = norm_act.batch_norm_act(x, weight.data, bias.data, self.eps, slope)
        self._follow(statistics.mean, statistics.variance, x)
        learn_weight, learn_bias = weight.trainable, bias.trainable

        def backward(dy: Array) -> Array:
            dx, dweight, dbias = norm_act.batch_norm_act_dx(dy, x, y, weight.data, statistics, slope)
            if learn_weight:
                weight.grad += dweight
            if learn_bias:
                bias.grad += dbias
            return dx

        return y, backward

    @property
    def _running(self) -> kernels.Running:
        return self.running_mean, self.running_var, self.momentum

    def _follow(self, mean: Array, variance: Array, x: Array) -> None:
        pixels = x.size // x.shape[-1]
        ops.follow(self.running_mean, self.running_var, mean, variance, pixels, self.momentum)


class InstanceNorm2d(Layer):
    """Normalise every channel of every picture by itself, x and y (N, H, W, C); the same in every mode.

    Forward: ``y = (x - mean) / sqrt(variance + eps)`` over H and W, then ``* weight + bias`` if affine.
    Backward: as BatchNorm2d, with the means taken over each picture.
    Where a GPU multiplies in TF32 (``tc.precision``), y and dx come rounded to it.

    Parameters
    ----------
    channels : int
        C.
    eps : float
        Keeps the division safe.
    affine : bool
        Learn a scale and a shift per channel.

    Attributes
    ----------
    weight, bias : Parameter or None
        (C,) if affine.

    Source: D. Ulyanov, A. Vedaldi, V. Lempitsky, "Instance normalization", 2016.
    """

    def __init__(self, channels: int, eps: float = 1e-5, affine: bool = False) -> None:
        self.channels = positive(channels, "InstanceNorm2d channels")
        self.eps = eps
        self.weight = Parameter(np.ones(channels, np.float32)) if affine else None
        self.bias = Parameter(np.zeros(channels, np.float32)) if affine else None

    def describe(self) -> str:
        return f"{self.channels}, affine={self.weight is not None}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", "H", "W", self.channels)
        weight, bias = self.weight, self.bias
        if runs_kernels(x):
            return by_kernels(x, weight, bias, self.eps, 1.0, OVER_PICTURE)
        mean, variance = ops.moments(x, OVER_PICTURE)
        inv_std = ops.inverse_std(variance, self.eps)
        x_hat = ops.normalize(x, mean, inv_std)
        if weight is None or bias is None:
            return x_hat, lambda dy: ops.normalize_dx(dy, x_hat, inv_std, OVER_PICTURE)
        learn = learner(weight, bias)

        def backward(dy: Array) -> Array:
            learn(dy, x_hat)
            return ops.normalize_dx(dy * weight.data, x_hat, inv_std, OVER_PICTURE)

        return scale_and_shift(x_hat, weight, bias), backward


def by_kernels(
    x: Array,
    weight: Parameter | None,
    bias: Parameter | None,
    eps: float,
    slope: float,
    axes: ops.Axes,
    running: kernels.Running | None = None,
    window: Window | None = None,
) -> tuple[Array, Closure]:
    """Normalise, scale, shift and rectify x in one go on a GPU; for a batch, move the running statistics and pool."""
    scale, shift = (None if parameter is None else parameter.data for parameter in (weight, bias))
    if axes == OVER_BATCH:
        y, statistics = kernels.batch_norm_act(x, scale, shift, eps, slope, running=running, window=window)
    else:
        y, statistics = kernels.instance_norm_act(x, scale, shift, eps, slope)
    learned = [parameter if parameter and parameter.trainable else None for parameter in (weight, bias)]

    def backward(dy: Array) -> Array:
        weight_grad, bias_grad = (None if parameter is None else parameter.grad for parameter in learned)
        # The kernels find the signs of y again from x.
        return kernels.batch_norm_act_dx(dy, x, None, scale, statistics, slope, onto=(weight_grad, bias_grad))[0]

    return y, backward


def scale_and_shift(x_hat: Array, weight: Parameter, bias: Parameter) -> Array:
    """Return ``weight * x_hat + bias``."""
    y = x_hat * weight.data
    y += bias.data
    return y


def learner(weight: Parameter, bias: Parameter) -> Callable[[Array, Array], None]:
    """Return the function that adds ``sum(dy * x_hat)`` and ``sum(dy)`` to the gradients of what is not frozen now."""
    learn_weight, learn_bias = weight.trainable, bias.trainable

    def learn(dy: Array, x_hat: Array) -> None:
        if learn_weight:
            add_to(weight.grad, twin(bias_ops, dy).bias_db, dy * x_hat)
        if learn_bias:
            add_to(bias.grad, twin(bias_ops, dy).bias_db, dy)

    return learn
