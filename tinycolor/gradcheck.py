"""The check that can't be fooled: backward must agree with what happens when the inputs really move.

In float64, with a random direction and a random upstream gradient, for every input and every parameter:

    numeric  = <dy, f(x + eps*v) - f(x - eps*v)> / (2 * eps)
    analytic = <dx, v>

A check with dy = ones passes wrong code (a transposed dy, a softmax or a batch norm that returns zeros); this
one does not. Inputs of layers with kinks (ReLU, max-pool) must keep away from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tinycolor.backend import Array, array_module
from tinycolor.layers.base import Layer
from tinycolor.layers.parameter import Parameter
from tinycolor.random import Generator

EPS = 1e-5
TOLERANCE = 1e-6


class GradientError(AssertionError):
    """A gradient differs from what the outputs really do, or a backward broke a rule of the contract."""


def gradcheck(
    f: Layer | Callable[..., Any], *xs: Array, seed: int = 0, mode: str = "train", tolerance: float = TOLERANCE
) -> float:
    """Check the backward of a layer, network or loss on every input and every parameter.

    Makes float64 copies of everything itself. Parameter gradients start from random numbers, so that overwriting
    instead of adding shows; inputs and dy are compared before and after, so that writing into them
    shows; and the layer is called once more before the way back, so that anything kept on ``self`` shows.

    Parameters
    ----------
    f : Layer or callable
        A layer, or a function of the inputs that returns ``(y, backward)``, or a loss that returns
        ``(value, gradient)`` for its one input.
    xs : arrays
        The inputs, any float dtype.
    seed : int
        Of the directions and upstream gradients; layers also get a fresh generator of this seed at each call.
    mode : str
        Handed to a layer.
    tolerance : float
        The largest allowed ``|n - a| / max(|n|, |a|, 1e-3 * norm(gradient) * norm(v))``.

    Returns
    -------
    float
        The worst error found.

    Raises
    ------
    GradientError
        Names the input or parameter, both numbers and the seed.
    """
    inputs = [array_module(x).array(x, dtype=np.float64) for x in xs]
    layer = f.astype("float64") if isinstance(f, Layer) else None

    def call(*arrays: Array) -> tuple[tuple[Array, ...], Any]:
        y, backward = f(*arrays) if layer is None else layer(*arrays, mode=mode, rng=Generator(seed))
        return (y if isinstance(y, tuple) else (y,)), backward

    rng = Generator(seed, step=1)
    named = [] if layer is None else list(layer.named_parameters())
    before = {name: _randomise_grad(parameter, rng) for name, parameter in named}
    originals = [x.copy() for x in inputs]
    ys, backward = call(*inputs)
    _check_fresh("output", ys, "input", inputs, seed)
    # Another call before the way back: a layer that keeps its input on self mixes the two up.
    call(*(x * 0.9 for x in inputs))
    if callable(backward):
        dys = [_random_like(y, rng) for y in ys]
        upstream = [dy.copy() for dy in dys]
        dxs = backward(*dys)
    else:
        # A loss: its value's own upstream gradient is 1.
        dys = upstream = [array_module(ys[0]).ones_like(ys[0])]
        dxs = backward
    dxs = tuple(dxs) if isinstance(dxs, tuple | list) else (dxs,)
    _check_untouched("input", inputs, originals, seed)
    _check_untouched("dy", dys, upstream, seed)
    _check_fresh("gradient", [dx for dx in dxs if hasattr(dx, "dtype")], "dy", dys, seed)
    if len(dxs) != len(inputs):
        raise GradientError(f"backward returned {len(dxs)} gradients for {len(inputs)} inputs (seed {seed}).")

    checks = [(f"input {i}", x, dx) for i, (x, dx) in enumerate(zip(inputs, dxs, strict=True))]
    checks += [(name, p.data, p.grad - before[name]) for name, p in named]
    worst = 0.0
    for name, array, gradient in checks:
        if not hasattr(gradient, "dtype"):
            raise GradientError(
                f"{name}: backward returned {type(gradient).__name__}, expected an array (seed {seed})."
            )
        if gradient.shape != array.shape or gradient.dtype != array.dtype:
            raise GradientError(
                f"{name}: the gradient has shape {gradient.shape}, {gradient.dtype}, expected {array.shape}, "
                f"{array.dtype} (seed {seed})."
            )
        direction = _random_like(array, rng)
        numeric = _difference(lambda: call(*inputs), array, direction, upstream)
        analytic = float((gradient * direction).sum())
        floor = 1e-3 * float(np.sqrt((gradient**2).sum() * (direction**2).sum()))
        error = abs(numeric - analytic) / max(abs(numeric), abs(analytic), floor, np.finfo(float).tiny)
        if not error <= tolerance:
            raise GradientError(
                f"{name}: backward says {analytic:.10g}, differences say {numeric:.10g}, relative error {error:.2g}, "
                f"expected at most {tolerance:.0e} (seed {seed})."
            )
        worst = max(worst, error)
    return worst


def _difference(call: Callable[[], Any], array: Array, direction: Array, upstream: list[Array]) -> float:
    """Central difference of <upstream, outputs> along a direction; the array is moved in place and put back."""
    original = array.copy()
    values = []
    for sign in (1, -1):
        array[...] = original + sign * EPS * direction
        ys, _ = call()
        values.append(ys)
    array[...] = original
    return sum(
        float((dy * (plus - minus)).sum()) / (2 * EPS) for dy, plus, minus in zip(upstream, *values, strict=True)
    )


def _random_like(array: Array, rng: Generator) -> Array:
    return array_module(array).asarray(rng.normal(array.shape, dtype=np.float64))


def _randomise_grad(parameter: Parameter, rng: Generator) -> Array:
    parameter.grad[...] = _random_like(parameter.grad, rng)
    return parameter.grad.copy()


def _check_untouched(what: str, arrays: list[Array], originals: list[Array], seed: int) -> None:
    for number, (now, original) in enumerate(zip(arrays, originals, strict=True)):
        if not array_module(now).array_equal(now, original, equal_nan=True):
            raise GradientError(f"{what} {number} was written into, expected a fresh array (seed {seed}).")


def _check_fresh(what: str, made: Iterable[Array], whose: str, given: Iterable[Array], seed: int) -> None:
    for i, new in enumerate(made):
        for j, old in enumerate(given):
            if array_module(new).shares_memory(new, old):
                raise GradientError(
                    f"{what} {i} shares memory with {whose} {j}, expected a fresh array: copy it (seed {seed})."
                )
