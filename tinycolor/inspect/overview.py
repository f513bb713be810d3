"""The network at a glance: run it once, listen to every layer, and put what was heard into a table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from inspect import getclosurevars
from types import FunctionType, ModuleType
from typing import NamedTuple, cast

import numpy as np

from tinycolor.backend import Array, array_module
from tinycolor.inspect.memory import megabytes, new_arrays, own_memory
from tinycolor.inspect.table import table
from tinycolor.layers.base import Backward, Layer, watching
from tinycolor.layers.block import ConvNormAct
from tinycolor.layers.combine import Sequential, Skip
from tinycolor.ops import conv as plain
from tinycolor.random import Generator

Shape = tuple[int, ...]


class Row(NamedTuple):
    """One call of a layer.

    ``megabytes`` is the memory that this layer is the first to keep for its backward. ``around`` has the paths
    of the combinators that it lies in, from the outside; Sequential and ConvNormAct do not count as such.
    """

    path: str
    kind: str
    outputs: tuple[Shape, ...]
    parameters: int
    megabytes: float
    algorithm: str = ""
    around: tuple[str, ...] = ()


class Summary:
    """What a network is made of; printing it gives a table.

    Attributes
    ----------
    rows : list of Row
        One for every call of a layer, in order; a combinator has its row before its layers.
    parameters : int
        How many numbers the network has to learn; shared ones count once.
    """

    def __init__(self, title: str, rows: list[Row], parameters: int) -> None:
        self.title = title
        self.rows = rows
        self.parameters = parameters

    @property
    def megabytes(self) -> float:
        """Memory kept for backward, in millions of bytes; shared arrays count once."""
        return sum(row.megabytes for row in self.rows)

    def __str__(self) -> str:
        head = ["layer", "kind", "output", "parameters", "kept MB", "convolution"]
        decimals = 2 if self.megabytes >= 1 else 4
        rows = [_cells(row, decimals) for row in self.rows]
        rows.append(["total", "", "", f"{self.parameters:,}", f"{self.megabytes:,.{decimals}f}", ""])
        return f"{self.title}\n\n{table(head, rows, numbers=[3, 4])}"


def summary(net: Layer, input_shape: Shape | Sequence[Shape]) -> Summary:
    """Return what a network is made of, layer by layer, by running it once in train mode on random numbers.

    The network is left as it was: no gradient is touched, and running statistics are put back.

    Parameters
    ----------
    net : Layer
        A layer, combinator or network.
    input_shape : tuple of int, or tuple of such tuples
        The whole shape of x, as (N, H, W, C); for several inputs the shape of each.

    Returns
    -------
    Summary
        Path, kind, output shape, parameters, memory kept for backward, and which algorithm a convolution takes.

    Raises
    ------
    ValueError
        ``input_shape`` is no shape, or the network does not take it.
    """
    shapes = _several(input_shape)
    weights = [parameter.data for parameter in net.parameters()] or [np.zeros(1, np.float32)]
    xp, dtype = array_module(weights[0]), weights[0].dtype
    xs = [Generator(0).uniform(shape, dtype=dtype, xp=xp) for shape in shapes]
    listener = _Listener(net)
    with _statistics_put_back(net), watching(listener):
        net(*xs, mode="train", rng=Generator(0))
    title = f"{type(net).__name__}: {_shapes(shapes)} -> {_shapes(y.shape for y in listener.outputs)}"
    return Summary(title, listener.rows, sum(p.data.size for p in net.parameters()))


class _Listener:
    """Hears of every layer call, inner ones first, and notes a row for each that does something itself."""

    def __init__(self, net: Layer) -> None:
        self.paths = {id(layer): path.removesuffix(".") for path, layer in net.walk()}
        self.seen_memory = own_memory(net)
        self.counted: set[int] = set()
        self.called: set[int] = set()
        self.rows: list[Row] = []
        self.outputs: tuple[Array, ...] = ()

    def __call__(self, layer: Layer, xs: tuple[Array, ...], ys: tuple[Array, ...], backward: Backward) -> None:
        if isinstance(layer, Skip) and layer.upsample is not None:
            upsampled = ys[0][..., : -xs[0].shape[-1]]
            self(layer.upsample, (), (upsampled,), backward)
        self.outputs = ys
        self.called.add(id(layer))
        kept = sum(megabytes(array) for _, array in new_arrays(backward, self.seen_memory))
        name, kind, parts = self._what_it_does_itself(layer)
        path = ".".join(filter(None, (self.paths.get(id(layer), "?"), name)))
        row = Row(path, kind, tuple(y.shape for y in ys), self._new_parameters(parts), kept, _algorithm(backward))
        if not any(layer.children()):
            self.rows.append(row)
        elif path == "" or isinstance(layer, Sequential | ConvNormAct):
            if row.parameters or row.megabytes:
                self.rows.append(row)
        else:
            self._put_around(row)

    def _what_it_does_itself(self, layer: Layer) -> tuple[str, str, list[Layer]]:
        """Return name, kind and layers of a row; of a fused block, those that were not called on their own."""
        if isinstance(layer, ConvNormAct):
            fused = [(name, part) for name, part in layer.children() if id(part) not in self.called]
            if fused:
                return fused[0][0], " + ".join(_kind(part) for _, part in fused), [part for _, part in fused]
        return "", _kind(layer), [layer]

    def _new_parameters(self, layers: list[Layer]) -> int:
        own = {id(p): p.data.size for layer in layers for _, p in layer.own_parameters()}
        count = sum(size for key, size in own.items() if key not in self.counted)
        self.counted |= own.keys()
        return count

    def _put_around(self, row: Row) -> None:
        """Put a combinator's row before those of its layers, which came last, unless an earlier call has them."""
        first = len(self.rows)
        while first and _lies_in(self.rows[first - 1], row.path):
            first -= 1
        inside = [inner._replace(around=(row.path, *inner.around)) for inner in self.rows[first:]]
        self.rows[first:] = [row, *inside]


def _lies_in(row: Row, path: str) -> bool:
    return row.path.startswith(f"{path}.") and path not in row.around


def _kind(layer: Layer) -> str:
    kernel_size = getattr(layer, "kernel_size", None)
    return type(layer).__name__ + (f" {kernel_size[0]}x{kernel_size[1]}" if kernel_size else "")


def _algorithm(backward: Backward) -> str:
    """Which module a convolution calls: read from its closure, so that it is the one that really ran."""
    if not isinstance(backward.closure, FunctionType):
        return ""
    module = getclosurevars(backward.closure).nonlocals.get("algorithm")
    if not isinstance(module, ModuleType):
        return ""
    return "plain" if module is plain else module.__name__.rpartition(".")[2]


def _cells(row: Row, decimals: int) -> list[str]:
    path = row.path.removeprefix(f"{row.around[-1]}." if row.around else "")
    return [
        "| " * len(row.around) + (path or "-"),
        row.kind,
        _shapes(row.outputs),
        f"{row.parameters:,}" if row.parameters else "-",
        f"{row.megabytes:,.{decimals}f}" if row.megabytes else "-",
        row.algorithm,
    ]


def _shapes(shapes: Iterable[Shape]) -> str:
    return ", ".join(map(str, shapes))


def _several(input_shape: Shape | Sequence[Shape]) -> list[Shape]:
    several = list(input_shape) if isinstance(input_shape[0], Sequence) else [input_shape]
    if not all(isinstance(size, int) and size > 0 for shape in several for size in cast(Shape, shape)):
        raise ValueError(
            f"summary got input_shape={input_shape!r}, expected the whole shape of x, as (16, 64, 64, 1), "
            "or a tuple of shapes for several inputs."
        )
    return cast(list[Shape], several)


@contextmanager
def _statistics_put_back(net: Layer) -> Iterator[None]:
    """Running statistics move in train mode: restore their numbers, in the same memory."""
    arrays = [getattr(layer, name) for _, layer in net.walk() for name in layer.statistics]
    before = [array.copy() for array in arrays]
    try:
        yield
    finally:
        for array, numbers in zip(arrays, before, strict=True):
            array[...] = numbers
