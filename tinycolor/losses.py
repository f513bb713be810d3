"""Losses: one number for how wrong the output is, and the gradient to start from.

    loss, dy = mse(y, target)
    dx = backward(dy)

Every loss is a mean, over all numbers or over all pixels. It comes as a 0-d array (NumPy: a scalar) on the device
of y, so that nothing waits for a GPU until you print it; dy has the shape and dtype of y. Targets get no gradient.

What is summed number by number has a kernel for float32 on a GPU, ``kernels/loss.cu``: the loss and its gradient in
one sweep; inside ``awaiting`` the same sweep as the network's last convolution. Everywhere else these lines do it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from tinycolor.backend import FLOATS, Array, array_module
from tinycolor.kernels import awaited
from tinycolor.kernels import loss as gpu_loss
from tinycolor.ops.activation import sigmoid
from tinycolor.ops.fast.choose import runs_kernels
from tinycolor.ops.softmax import log_softmax


def mse(y: Array, target: Array) -> tuple[Array, Array]:
    """Mean squared error: ``mean((y - target)**2)``, ``dy = 2 * (y - target) / size``. Equal shapes."""
    _check_same_shape("mse", y, target)
    if runs_kernels(y):
        return gpu_loss.mse(y, target)
    error = y - target
    flat = error.ravel()
    return flat @ flat / y.size, error * (2 / y.size)


def l1(y: Array, target: Array) -> tuple[Array, Array]:
    """Mean absolute error: ``mean(|y - target|)``, ``dy = sign(y - target) / size``. Equal shapes."""
    _check_same_shape("l1", y, target)
    if runs_kernels(y):
        return gpu_loss.l1(y, target)
    xp = array_module(y)
    error = y - target
    return abs(error).mean(), xp.sign(error) / y.size


def smooth_l1(y: Array, target: Array, beta: float = 1.0) -> tuple[Array, Array]:
    """Squared near zero, absolute beyond: mean of ``e**2 / (2*beta)`` if ``|e| < beta``, else ``|e| - beta/2``.

    ``dy = clip(e / beta, -1, 1) / size`` with ``e = y - target``. Equal shapes.

    Source: R. Girshick, "Fast R-CNN", ICCV 2015, equation 3 (beta = 1).
    """
    _check_same_shape("smooth_l1", y, target)
    if beta <= 0:
        raise ValueError(f"smooth_l1 got beta={beta}, expected more than 0: for beta 0 use l1.")
    if runs_kernels(y):
        return gpu_loss.smooth_l1(y, target, beta)
    xp = array_module(y)
    error = y - target
    size = abs(error)
    near = xp.minimum(size, beta)
    return (near * (size - 0.5 * near)).mean() / beta, xp.clip(error / beta, -1, 1) / y.size


def bce(y: Array, target: Array) -> tuple[Array, Array]:
    """Binary cross-entropy of probabilities: ``-mean(t*log(y) + (1-t)*log(1-y))``. Equal shapes.

    ``dy = (y - t) / (y * (1 - y)) / size``. Logarithms are held at -100 and the division at 1e-12, as PyTorch
    does, so that y = 0 and y = 1 stay finite.

    Parameters
    ----------
    y : array
        Probabilities, 0..1: what a Sigmoid gives. (For anything else, ``bce_with_logits``.)
    target : array
        0..1.
    """
    _check_same_shape("bce", y, target)
    if runs_kernels(y):
        return gpu_loss.bce(y, target)
    xp = array_module(y)
    smallest = np.finfo(y.dtype).smallest_subnormal
    log_yes = xp.maximum(xp.log(xp.maximum(y, smallest)), -100)
    log_no = xp.maximum(xp.log(xp.maximum(1 - y, smallest)), -100)
    loss = -(target * log_yes + (1 - target) * log_no).mean()
    return loss, (y - target) / xp.maximum(y * (1 - y), 1e-12) / y.size


def bce_with_logits(logits: Array, target: Array) -> tuple[Array, Array]:
    """Binary cross-entropy of ``sigmoid(logits)``, in one piece so that no logarithm sees a 0. Equal shapes.

    ``mean(max(z, 0) - z*t + log(1 + exp(-|z|)))``, ``dz = (sigmoid(z) - t) / size``.
    """
    _check_same_shape("bce_with_logits", logits, target)
    if runs_kernels(logits):
        return gpu_loss.bce_with_logits(logits, target)
    xp = array_module(logits)
    loss = xp.maximum(logits, 0) - logits * target + xp.log1p(xp.exp(-abs(logits)))
    return loss.mean(), (sigmoid(logits) - target) / logits.size


def awaiting(loss_function: Callable[..., Any], target: Any) -> AbstractContextManager[None]:
    """Say which loss will be asked for, of what the network answers: it may be made on the way. It is the same loss.

        with awaiting(mse, target):
            y, backward = network(x)
            loss, dy = mse(y, target)

    It is where a convolution with few filters, 1x1, ends a network on a GPU, and the loss goes number by number.
    """
    by_number = loss_function in (mse, l1, smooth_l1, bce, bce_with_logits) and hasattr(target, "dtype")
    if not by_number or not runs_kernels(target):
        return nullcontext()
    return awaited.awaiting(loss_function.__name__, target)


def non_saturating(logits: Array) -> tuple[Array, Array]:
    """What a generator minimises to be taken for real: ``-mean(log sigmoid(z))``, ``dz = (sigmoid(z) - 1) / size``.

    ``logits`` is what the discriminator says of its fakes. Where it is sure of them, the gradient is at its strongest.

    Source: I. Goodfellow et al., "Generative adversarial nets", NIPS 2014, section 3.
    """
    return bce_with_logits(logits, array_module(logits).ones_like(logits))


def minimax(logits: Array) -> tuple[Array, Array]:
    """What a generator minimises in the minimax game: ``mean(log(1 - sigmoid(z)))``, ``dz = -sigmoid(z) / size``.

    ``logits`` is what the discriminator says of its fakes. Where it is sure of them, as it is at first, next to no
    gradient is left: prefer ``non_saturating``.

    Source: as ``non_saturating``, equation 1.
    """
    loss, dz = bce_with_logits(logits, array_module(logits).zeros_like(logits))
    return -loss, -dz


def cross_entropy(logits: Array, target: Array, weight: Array | None = None) -> tuple[Array, Array]:
    """Cross-entropy of ``softmax(logits)`` over the last axis: ``mean(weight * -sum(t * log_softmax(z)))``.

    ``dz = weight * (softmax(z) * sum(t) - t) / pixels``, where a pixel is anything that has C scores.

    Parameters
    ----------
    logits : array
        (..., C): scores of C classes.
    target : array
        Class numbers 0..C-1, integer (...), or shares of all classes (..., C), in the dtype of the logits.
    weight : array, optional
        (...): how much each pixel counts; 0 leaves one out. The mean still divides by all pixels.

    Raises
    ------
    ValueError
        A shape does not fit, or a class number is out of range.
    """
    xp = array_module(logits, target)
    pixels = logits.size // logits.shape[-1]
    shares = target if target.dtype == logits.dtype else _one_hot(target, logits)
    if shares.shape != logits.shape:
        raise ValueError(
            f"cross_entropy got a target of shape {target.shape}, {target.dtype} for logits {logits.shape}, "
            f"{logits.dtype}, expected integers {logits.shape[:-1]} or shares {logits.shape} in the same dtype."
        )
    if weight is not None and weight.shape != logits.shape[:-1]:
        raise ValueError(
            f"cross_entropy got weights of shape {weight.shape}, expected one per pixel, {logits.shape[:-1]}."
        )
    # A class that is ruled out (logit -inf) costs nothing where its share is 0, and 0 * -inf is no number.
    log_p = xp.maximum(log_softmax(logits), np.finfo(logits.dtype).min)
    dz = xp.exp(log_p) * shares.sum(-1, keepdims=True) - shares
    per_pixel = -(shares * log_p).sum(-1)
    if weight is not None:
        weight = weight.astype(logits.dtype)
        per_pixel *= weight
        dz *= weight[..., None]
    dz /= pixels
    return per_pixel.sum() / pixels, dz


def _one_hot(target: Array, logits: Array) -> Array:
    xp = array_module(logits)
    classes = logits.shape[-1]
    if target.dtype.kind not in "iu" or (target.size and not 0 <= int(target.min()) <= int(target.max()) < classes):
        raise ValueError(
            f"cross_entropy got a target of {target.dtype}, expected class numbers 0 to {classes - 1} as integers, "
            f"or shares as {logits.dtype}."
        )
    return (target[..., None] == xp.arange(classes)).astype(logits.dtype)


def _check_same_shape(name: str, y: Array, target: Array) -> None:
    array_module(y, target)
    if y.shape != target.shape or y.dtype != target.dtype or y.dtype not in FLOATS or y.size == 0:
        raise ValueError(
            f"{name} got y of shape {y.shape}, {y.dtype} and a target of {target.shape}, {target.dtype}, "
            "expected the same for both, float32 or float64, and at least one number."
        )
