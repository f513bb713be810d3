"""The loop in which a network learns: forward, loss, backward, step, zero_grad."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from tinycolor.backend import Array, array_module, on_gpu, to_device
from tinycolor.layers.base import Layer, no_gradient_for, watching
from tinycolor.optim import Optimizer
from tinycolor.random import Generator
from tinycolor.training.graph import GpuStep

OVERFLOW = "the loss, or the sum of the squared gradients, is NaN or infinite"
Loss = Callable[[Any, Any], tuple[Array, Any]]


class NotFiniteError(ArithmeticError):
    """A number of the training became NaN or infinite."""


def train(
    network: Layer, optimizer: Optimizer, batches: Iterable[tuple[Array, Any]], loss_function: Loss, *, seed: int = 0
) -> Iterator[float]:
    """Teach a network one batch after the other, yielding the loss of every step.

    Parameters
    ----------
    network : Layer
        What learns; on a GPU, its step is recorded and played back.
    optimizer : Optimizer
        Made of the network's parameters; its count of steps goes on where it was.
    batches : iterable of (x, target)
        What the network is given, and what it should answer; for a network on a GPU they may still be NumPy's.
    loss_function : function
        ``loss, dy = loss_function(y, target)``; of a network with two answers y and dy are tuples.
    seed : int
        Of the dropout, if the network has any.

    Raises
    ------
    NotFiniteError
        The loss or a gradient became NaN or infinite: names the step and the first layer that gave one.
    """
    if on_gpu(optimizer.data):
        yield from _train_on_gpu(GpuStep(network, optimizer, loss_function, seed=seed), batches)
        return
    for x, target in batches:
        rng = Generator(seed, step=optimizer.steps)
        with no_gradient_for(x):
            y, backward = network(x, rng=rng)
        loss, dy = loss_function(y, target)
        backward(*dy) if isinstance(dy, tuple) else backward(dy)
        stop_unless_finite(network, optimizer, x, loss)
        optimizer.step()
        network.zero_grad()
        yield float(loss)


def _train_on_gpu(step: GpuStep, batches: Iterable[tuple[Array, Any]]) -> Iterator[float]:
    """The same steps, recorded once and played back: see ``graph``."""
    coming = iter(batches)
    batch = next(coming, None)
    while batch is not None:
        x, target = batch
        loss_to_come = step(x, target)
        batch = next(coming, None)  # while the GPU is at work
        loss = float(loss_to_come)  # here we wait for it
        if not math.isfinite(loss):
            where = first_not_finite(step.network, to_device(x, "gpu"))
            raise NotFiniteError(f"step {step.optimizer.steps}: {where}: try a smaller learning rate.")
        yield loss


def stop_unless_finite(network: Layer, optimizer: Optimizer, x: Array, loss: Array) -> None:
    """Raise a NotFiniteError if the loss or a gradient is NaN or infinite, before the weights are spoilt by it."""
    # One sum over all gradients: a single NaN or infinity makes it one. Squared, because Adam squares them too.
    if math.isfinite(loss) and math.isfinite(optimizer.grad @ optimizer.grad):
        return
    raise NotFiniteError(f"step {optimizer.steps + 1}: {first_not_finite(network, x)}: try a smaller learning rate.")


def first_not_finite(network: Layer, *xs: Array, mode: str = "train") -> str:
    """Return where the first number that is NaN or infinite comes from, by going forward once more."""
    found = find_not_finite(network, *xs, mode=mode)
    return found or OVERFLOW


def find_not_finite(network: Layer, *xs: Array, mode: str = "train") -> str | None:
    """Return the same, or None where batch, weights, answers and gradients are all finite."""
    if not all(map(_is_finite, xs)):
        return "the batch holds NaN or infinity"
    for name, parameter in network.named_parameters():
        if not _is_finite(parameter.data):
            return f"{name} holds NaN or infinity"
    names = {id(layer): path.rstrip(".") for path, layer in network.walk()}
    found: list[str] = []

    def look(layer: Layer, xs: tuple[Array, ...], ys: tuple[Array, ...], backward: object) -> None:
        if not found and not all(map(_is_finite, ys)):
            found.append(f"layer {names.get(id(layer), '')} ({layer.name}) gave NaN or infinity")

    with watching(look):
        network.predict(*xs, mode=mode, rng=Generator(0))
    if found:
        return found[0]
    for name, parameter in network.named_parameters():
        if not _is_finite(parameter.grad):
            return f"the gradient of {name} is NaN or infinite"
    return None


def _is_finite(array: Array) -> bool:
    return bool(array_module(array).isfinite(array).all())
