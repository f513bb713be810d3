"""Normalisation: give every channel mean 0 and spread 1, over the batch or over each picture.

``axes`` says which pixels share one mean and one variance: (0, 1, 2) for batch normalisation, (1, 2) for
instance normalisation. Shapes: x (N, H, W, C); mean and inv_std have size 1 along ``axes``.
"""

from __future__ import annotations

from tinycolor.backend import Array, array_module

Axes = tuple[int, ...]


def moments(x: Array, axes: Axes) -> tuple[Array, Array]:
    """Return mean and (biased) variance over ``axes``, both with size 1 along them, summed up in float64."""
    mean = x.mean(axes, keepdims=True, dtype="float64").astype(x.dtype)
    return mean, ((x - mean) ** 2).mean(axes, keepdims=True, dtype="float64").astype(x.dtype)


def follow(running_mean: Array, running_var: Array, mean: Array, variance: Array, pixels: int, momentum: float) -> None:
    """Move running statistics (C,), in place, towards the mean and (biased) variance of a batch of so many pixels.

    ``running += (now - running) * momentum``; the running variance follows the unbiased one.
    """
    unbiased = variance * (pixels / max(pixels - 1, 1))
    running_mean += (mean - running_mean) * momentum
    running_var += (unbiased - running_var) * momentum


def inverse_std(variance: Array, eps: float) -> Array:
    """Return ``1 / sqrt(variance + eps)``."""
    return 1 / array_module(variance).sqrt(variance + eps)


def normalize(x: Array, mean: Array, inv_std: Array) -> Array:
    """Return ``x_hat = (x - mean) * inv_std``."""
    x_hat = x - mean
    x_hat *= inv_std
    return x_hat


def normalize_dx(dx_hat: Array, x_hat: Array, inv_std: Array, axes: Axes) -> Array:
    """Return the gradient for x when mean and variance came from x itself.

    ``dx = inv_std * (dx_hat - mean(dx_hat) - x_hat * mean(dx_hat * x_hat))``: whatever part of dx_hat would
    only move the mean or the spread is taken out, because the normalisation undoes it.

    Source: S. Ioffe, C. Szegedy, "Batch normalization", ICML 2015, section 3.
    """
    dx = x_hat * (dx_hat * x_hat).mean(axes, keepdims=True)
    dx += dx_hat.mean(axes, keepdims=True)
    dx = dx_hat - dx
    dx *= inv_std
    return dx
