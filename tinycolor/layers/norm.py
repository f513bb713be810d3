"""Normalisation layers: keep every channel at mean 0 and spread 1, then let the network choose its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tinycolor.backend import Array
from tinycolor.layers.base import Closure, Layer
from tinycolor.layers.parameter import Parameter
from tinycolor.ops import bias as bias_ops
from tinycolor.ops import norm as ops
from tinycolor.ops.fast import norm_act
from tinycolor.ops.fast.choose import runs_kernels, twin
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
        if runs_kernels(x):
            return self.fused(x, mode=mode)
        axes = OVER_PICTURE if mode == "instance" else OVER_BATCH
        mean, variance = ops.moments(x, axes)
        if mode == "train":
            self.update_running(mean.ravel(), variance.ravel(), x.size // x.shape[-1])
        weight, bias = self.weight, self.bias
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

    def fused(self, x: Array, *, mode: str, slope: float = 1.0) -> tuple[Array, Closure]:
        """Do what forward does, and the rectifier ``max(y, slope * y)`` behind it, in one go; not in ``eval``."""
        axes = OVER_PICTURE if mode == "instance" else OVER_BATCH
        y, statistics, backward = fused(x, self.weight, self.bias, self.eps, slope, axes)
        if mode == "train":
            self.update_running(statistics.mean, statistics.variance, x.size // x.shape[-1])
        return y, backward

    def update_running(self, mean: Array, variance: Array, count: int) -> None:
        """Move the running statistics towards a batch's mean and (biased) variance of ``count`` pixels."""
        running = self.running_mean, self.running_var
        twin(ops, self.running_mean).follow(*running, mean, variance, count, self.momentum)


class InstanceNorm2d(Layer):
    """Normalise every channel of every picture by itself, x and y (N, H, W, C); the same in every mode.

    Forward: ``y = (x - mean) / sqrt(variance + eps)`` over H and W, then ``* weight + bias`` if affine.
    Backward: as BatchNorm2d, with the means taken over each picture.

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
            y, _, backward_of_kernels = fused(x, weight, bias, self.eps, 1.0, OVER_PICTURE)
            return y, backward_of_kernels
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


def fused(
    x: Array, weight: Parameter | None, bias: Parameter | None, eps: float, slope: float, axes: ops.Axes
) -> tuple[Array, norm_act.Statistics, Closure]:
    """Normalise, scale, shift and rectify x in one go; return y, the statistics, and the way back.

    Each picture by itself only on a GPU.
    """
    sweep = twin(norm_act, x)
    normalise = sweep.batch_norm_act if axes == OVER_BATCH else sweep.instance_norm_act
    scale, shift = (None if parameter is None else parameter.data for parameter in (weight, bias))
    y, statistics = normalise(x, scale, shift, eps, slope)
    rectified = None if runs_kernels(x) else y  # the kernels find the signs of y again from x
    learned = [parameter if parameter and parameter.trainable else None for parameter in (weight, bias)]

    def backward(dy: Array) -> Array:
        dx, *gradients = sweep.batch_norm_act_dx(dy, x, rectified, scale, statistics, slope)
        for parameter, gradient in zip(learned, gradients, strict=True):
            if parameter:
                parameter.grad += gradient
        return dx

    return y, statistics, backward


def scale_and_shift(x_hat: Array, weight: Parameter, bias: Parameter) -> Array:
    """Return ``weight * x_hat + bias``."""
    y = x_hat * weight.data
    y += bias.data
    return y


def learner(weight: Parameter, bias: Parameter) -> Callable[[Array, Array], None]:
    """Return the function that adds ``sum(dy * x_hat)`` and ``sum(dy)`` to the gradients, unless frozen by now."""
    learn_weight, learn_bias = weight.trainable, bias.trainable

    def learn(dy: Array, x_hat: Array) -> None:
        if learn_weight:
            weight.grad += twin(bias_ops, dy).bias_db(dy * x_hat)
        if learn_bias:
            bias.grad += twin(bias_ops, dy).bias_db(dy)

    return learn
