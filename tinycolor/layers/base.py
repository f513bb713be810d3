"""The contract: a layer is a function that returns its output and the function that goes back.

    y, backward = layer(x)
    dx = backward(dy)            # adds to parameter.grad, returns the gradient for x

Nothing about a call is stored on the layer. What the way back needs is held by ``backward`` alone, so a layer
may be called many times before anyone goes back, and the memory is freed with the function.

What nobody asks for need not be worked out: ``frozen`` spares a layer the gradients of its parameters,
``no_gradient_for`` those of the data.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Self

import numpy as np

from tinycolor.backend import FLOATS, Array, array_module, beside, constant, current_precision, precision, to_numpy
from tinycolor.layers.parameter import Parameter
from tinycolor.random import Generator

MODES = ("train", "eval", "paper", "instance")
Closure = Callable[..., Any]


class Backward:
    """The way back through one call of a layer: takes the gradient of each output, gives that of each input.

    It may be used once. Using it lets go of everything it remembered.
    """

    def __init__(self, layer: Layer, outputs: tuple[Array, ...], closure: Closure | None) -> None:
        self.layer = layer
        self.closure = closure
        self._wanted = [(y.shape, y.dtype, array_module(y)) for y in outputs]
        self._versions = [(name, p, p.version) for name, p in layer.own_parameters()]
        self._precision = current_precision()

    def __repr__(self) -> str:
        return f"Backward of {self.layer!r}"

    def __call__(self, *dys: Array, **more: Array) -> Any:
        """Return the gradient of each input; ``more`` is what a combinator tells the closure of a layer it knows."""
        if self.closure is None:
            raise RuntimeError(
                f"{self.layer.name}: backward was already called, or came from predict: "
                "call the layer again to get a new one."
            )
        self._check(dys)
        closure, self.closure = self.closure, None
        with precision(self._precision):
            return closure(*dys, **more)

    def _check(self, dys: tuple[Array, ...]) -> None:
        if len(dys) != len(self._wanted):
            raise ValueError(
                f"{self.layer.name}: backward got {len(dys)} gradients, expected {len(self._wanted)}, one per output."
            )
        for dy, (shape, dtype, module) in zip(dys, self._wanted, strict=True):
            if not hasattr(dy, "dtype"):
                raise ValueError(f"{self.layer.name}: backward got {type(dy).__name__}, expected an array.")
            if array_module(dy) is not module or dy.shape != shape or dy.dtype != dtype:
                raise ValueError(
                    f"{self.layer.name}: backward got dy of shape {dy.shape}, {dy.dtype}, "
                    f"{array_module(dy).__name__}, expected the output's {shape}, {dtype}, {module.__name__}."
                )
        for name, parameter, version in self._versions:
            if parameter.version != version:
                raise RuntimeError(
                    f"{self.layer.name}: {name} was changed between forward and backward, so the gradient would "
                    "be wrong: call backward before the optimizer's step."
                )


# Read at every call, set only by `predict`, `watching`, `no_gradient_for` and nothing else.
_remember: ContextVar[bool] = ContextVar("remember", default=True)
_watcher: ContextVar[Callable[[Layer, tuple[Array, ...], tuple[Array, ...], Backward], None] | None] = ContextVar(
    "watcher", default=None
)
_unwanted: ContextVar[list[Array]] = ContextVar("unwanted", default=[])  # noqa: B039 (the default stays empty)
NAN = {dtype: np.full((), np.nan, dtype) for dtype in FLOATS}


class Layer:
    """The base of every layer, combinator and network.

    To write one: make ``Parameter`` objects and sub-layers attributes (or lists of them), and define
    ``forward(self, x, *, mode, rng)`` that returns ``(y, backward)``. Neither may write into what it was given, and
    the caller must leave x and y as they are until backward has run. Calling the layer checks what came,
    calls ``forward``, and wraps the closure so that it checks what goes back.

    Attributes
    ----------
    statistics : tuple of str
        Names of the array attributes that are no parameters but belong to the layer's state (running means).
    """

    statistics: tuple[str, ...] = ()

    # What every layer defines: (*inputs, mode, rng) to the output (an array, or a tuple of arrays) and the function
    # that goes back. Declared as a value, so that each layer may name its own inputs.
    forward: Callable[..., tuple[Any, Closure]]

    def __call__(self, *xs: Array, mode: str = "train", rng: Generator | None = None) -> tuple[Any, Backward]:
        """Return ``(y, backward)`` for inputs of one dtype, float32 or float64, on one device.

        Parameters
        ----------
        xs : arrays
            Pictures (N, H, W, C), or what the layer says.
        mode : {"train", "eval", "paper", "instance"}
            ``eval``: no dropout, running statistics. ``paper``: dropout and batch statistics stay on, as
            pix2pix did. ``instance``: no dropout, every picture is normalised by its own statistics.
        rng : Generator, optional
            Where dropout draws from.

        Raises
        ------
        ValueError
            A mode, dtype or shape that the layer does not take.
        """
        if mode not in MODES:
            raise ValueError(f"{self.name} got mode={mode!r}, expected one of {', '.join(MODES)}.")
        self._check_inputs(xs)
        result = self.forward(*xs, mode=mode, rng=rng)
        if not (isinstance(result, tuple) and len(result) == 2 and callable(result[1])):
            raise TypeError(f"{self.name}: forward returned {type(result).__name__}, expected (y, backward).")
        outputs, closure = result
        ys = outputs if isinstance(outputs, tuple) else (outputs,)
        if self._is_spared(xs):
            closure = _spare(xs, ys)
        backward = Backward(self, ys, closure if _remember.get() else None)
        watcher = _watcher.get()
        if watcher is not None:
            watcher(self, xs, ys, backward)
        return outputs, backward

    def predict(self, *xs: Array, mode: str = "eval", rng: Generator | None = None) -> Any:
        """Return the output alone; nothing is remembered, in this layer or in any below it."""
        token = _remember.set(False)
        try:
            return self(*xs, mode=mode, rng=rng)[0]
        finally:
            _remember.reset(token)

    def _is_spared(self, xs: tuple[Array, ...]) -> bool:
        """Return whether nobody wants what the way back leads to: neither any dx, nor gradients of parameters."""
        return all(unwanted_gradient(x) is not None for x in xs) and not self.parameters()

    def _check_inputs(self, xs: tuple[Array, ...]) -> None:
        if not xs:
            raise ValueError(f"{self.name} got no input, expected at least one array.")
        array_module(*xs)
        parameters = [p for _, p in self.own_parameters()]
        wanted = parameters[0].data.dtype if parameters else xs[0].dtype
        for x in xs:
            if x.ndim == 0 or x.size == 0:
                raise ValueError(f"{self.name} got x of shape {x.shape}, expected a batch of at least one number.")
            if x.dtype not in FLOATS:
                raise ValueError(
                    f"{self.name} got {x.dtype}, expected float32 or float64: convert with x.astype('float32')."
                )
            if x.dtype != wanted:
                raise ValueError(
                    f"{self.name} got {x.dtype}, expected {wanted} as its parameters and other inputs: "
                    f"convert with x.astype('{wanted}') or layer.astype('{x.dtype}')."
                )

    def check_shape(self, x: Array, *expected: int | str) -> None:
        """Raise a ValueError unless x has these sizes; a string names a size that is free."""
        fits = x.ndim == len(expected) and all(
            isinstance(want, str) or want == got for want, got in zip(expected, x.shape, strict=True)
        )
        if not fits:
            wanted = ", ".join(map(str, expected))
            raise ValueError(f"{self.name} got x of shape {x.shape}, expected ({wanted}).")

    @property
    def name(self) -> str:
        """How errors call this layer: its class and what it was made with."""
        return repr(self)

    @property
    def entrance(self) -> Layer:
        """The layer that sees x first: this one, or the one at its beginning."""
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.describe()})"

    def describe(self) -> str:
        """Return the arguments that a reader wants to see, as in the constructor call."""
        return ""

    def own_parameters(self) -> Iterator[tuple[str, Parameter]]:
        """Yield (name, parameter) of this layer alone, without its sub-layers."""
        for name, value in self._members():
            if isinstance(value, Parameter):
                yield name, value

    def children(self) -> Iterator[tuple[str, Layer]]:
        """Yield (name, layer) of the direct sub-layers, in the order they were made attributes."""
        for name, value in self._members():
            if isinstance(value, Layer):
                yield name, value

    def _members(self) -> Iterator[tuple[str, Any]]:
        """Yield (name, attribute), and (name.number, item) for lists and tuples."""
        for name, value in vars(self).items():
            if isinstance(value, list | tuple):
                yield from ((f"{name}.{number}", item) for number, item in enumerate(value))
            else:
                yield name, value

    def named_parameters(self, prefix: str = "") -> Iterator[tuple[str, Parameter]]:
        """Yield (dotted name, parameter) of this layer and all below it; a shared one comes once."""
        seen: set[int] = set()
        for path, layer in self.walk(prefix):
            for name, parameter in layer.own_parameters():
                if id(parameter) not in seen:
                    seen.add(id(parameter))
                    yield path + name, parameter

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Yield (dotted path, layer) for this layer and all below it, outside in."""
        yield prefix, self
        for name, child in self.children():
            yield from child.walk(f"{prefix}{name}.")

    def parameters(self) -> list[Parameter]:
        """Return all parameters, this layer's and those below it."""
        return [parameter for _, parameter in self.named_parameters()]

    def zero_grad(self) -> None:
        """Set every gradient to zero: backward only ever adds."""
        for parameter in self.parameters():
            parameter.grad[...] = 0

    def state_dict(self) -> dict[str, Array]:
        """Return a copy of every parameter and every running statistic by its dotted name, as NumPy arrays."""
        return {name: to_numpy(array.copy()) for name, array in self._state()}

    def load_state_dict(self, state: dict[str, Array]) -> None:
        """Write back what ``state_dict`` returned; all or nothing. The arrays may be on any device.

        Raises
        ------
        ValueError
            A name is missing or unknown, or a shape or dtype does not fit; the layer is left as it was.
        """
        own = dict(self._state())
        missing, unknown = own.keys() - state.keys(), state.keys() - own.keys()
        if missing or unknown:
            raise ValueError(
                f"{type(self).__name__}.load_state_dict got missing names {sorted(missing)} and unknown names "
                f"{sorted(unknown)}, expected the names that state_dict() gives."
            )
        for name, array in own.items():
            got = np.shape(state[name]), getattr(state[name], "dtype", type(state[name]).__name__)
            if got[0] != array.shape or got[1] not in FLOATS:
                raise ValueError(
                    f"{type(self).__name__}.load_state_dict got {name} of shape {got[0]}, {got[1]}, "
                    f"expected {array.shape}, float32 or float64."
                )
        for name, array in own.items():
            array[...] = beside(state[name], array)
        for parameter in self.parameters():
            parameter.version += 1

    def _state(self) -> Iterator[tuple[str, Array]]:
        for name, parameter in self.named_parameters():
            yield name, parameter.data
        for path, layer in self.walk():
            for name in layer.statistics:
                yield path + name, getattr(layer, name)

    def change_arrays(self, change: Callable[[Array], Array]) -> None:
        """Go on with other arrays: what ``change`` makes of each that this layer itself holds, on any device."""
        for _, parameter in self.own_parameters():
            parameter.change(change(parameter.data))
        for name, value in vars(self).items():
            if hasattr(value, "dtype") and hasattr(value, "shape"):
                setattr(self, name, change(value))

    def astype(self, dtype: str | np.dtype) -> Self:
        """Return a copy with every parameter and running statistic in float32 or float64; gradients are zero."""
        if np.dtype(dtype) not in FLOATS:
            raise ValueError(f"{type(self).__name__}.astype got {dtype}, expected float32 or float64.")
        twin = copy.deepcopy(self)
        for parameter in twin.parameters():
            parameter.cast(dtype)
        for _, layer in twin.walk():
            for name in layer.statistics:
                setattr(layer, name, getattr(layer, name).astype(dtype))
        return twin


@contextmanager
def frozen(layer: Layer) -> Iterator[None]:
    """Let gradients pass through a layer without teaching it.

    Read at forward and kept by the closure, so backward may run outside; nests. The work for the frozen
    parameters is skipped and nothing is kept for it. Running statistics still update.
    """
    parameters = layer.parameters()
    for parameter in parameters:
        parameter.freezes += 1
    try:
        yield
    finally:
        for parameter in parameters:
            parameter.freezes -= 1


@contextmanager
def no_gradient_for(*arrays: Array) -> Iterator[None]:
    """Say that nobody wants the gradient of these very arrays: the batch, of which nothing is to be learned.

    Read at forward and kept by the closure, so backward may run outside; nests. A layer that has weights then skips the
    product that makes dx. One without parameters, all of whose inputs are among these arrays, does nothing on its way
    back, and its outputs count among them too. In place of dx comes NaN everywhere, so that who uses it after all sees
    it at once; nobody may write into it. The gradients of the parameters are the same, bit for bit.

    Made for one step: what was made of the arrays is kept until the block ends.

    Raises
    ------
    TypeError
        Something is no array, such as a list of them.
    """
    for array in arrays:
        array_module(array)
    token = _unwanted.set([*_unwanted.get(), *arrays])
    try:
        yield
    finally:
        _unwanted.reset(token)


def unwanted_gradient(x: Array) -> Array | None:
    """Return what a layer gives in place of dx, if nobody wants the gradient of x: NaN, in no memory. Else None."""
    if all(array is not x for array in _unwanted.get()):
        return None
    return array_module(x).broadcast_to(constant(NAN[x.dtype], x), x.shape)


def _spare(xs: tuple[Array, ...], ys: tuple[Array, ...]) -> Closure:
    """Return a way back that does nothing; of what was made of x alone nobody wants the gradient either."""
    _unwanted.get().extend(ys)
    dxs = tuple(unwanted_gradient(x) for x in xs)
    return lambda *dys, **more: dxs if len(dxs) > 1 else dxs[0]


@contextmanager
def watching(
    watcher: Callable[[Layer, tuple[Array, ...], tuple[Array, ...], Backward], None],
) -> Iterator[None]:
    """Tell ``watcher(layer, inputs, outputs, backward)`` of every layer call inside, inner ones first."""
    token = _watcher.set(watcher)
    try:
        yield
    finally:
        _watcher.reset(token)
