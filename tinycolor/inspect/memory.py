"""What a closure remembers: the arrays that stay in memory between a forward and its backward.

Nothing has to be declared for this. A Python function carries the variables it uses from outside in its
``__closure__``; a ``backward`` holds other functions there, those hold arrays, and so all can be found.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import CellType, FunctionType
from typing import Any, NamedTuple

import numpy as np

from tinycolor.backend import Array
from tinycolor.inspect.table import table
from tinycolor.layers.base import Backward, Layer

MEGABYTE = 1e6
Seen = dict[int, Any]
"""Pieces of memory by their id; holding them keeps the ids from being given to others."""


class KeptArray(NamedTuple):
    """One piece of memory: the variable that holds it, and how much it holds."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    megabytes: float


class Remembered:
    """What a ``backward`` holds on to; printing it gives a table.

    Attributes
    ----------
    rows : list of KeptArray
        ``name`` (dotted path of the layer, then the variable), ``shape``, ``dtype`` and ``megabytes``.
    """

    def __init__(self, rows: list[KeptArray]) -> None:
        self.rows = rows

    @property
    def megabytes(self) -> float:
        """All of it, in millions of bytes."""
        return sum(row.megabytes for row in self.rows)

    def __str__(self) -> str:
        if not self.rows:
            return "nothing is remembered"
        cells = [[row.name, str(row.shape), row.dtype, f"{row.megabytes:,.3f}"] for row in self.rows]
        cells.append([f"{len(self.rows)} arrays", "", "", f"{self.megabytes:,.3f}"])
        return table(["remembered", "shape", "dtype", "MB"], cells, numbers=[3])


def remembered(backward: Backward) -> Remembered:
    """Return what a ``backward`` holds on to until it is used.

    Every piece of memory counts once, where it is first met, however many closures or views share it; a view
    counts with all the memory that it keeps alive. Parameters and running statistics do not count: they would
    be there anyway.

    Parameters
    ----------
    backward : Backward
        The second result of calling a layer. One that was used, or came from ``predict``, holds nothing.

    Returns
    -------
    Remembered
        The arrays, as a table.

    Raises
    ------
    ValueError
        It is not the backward of a layer.
    """
    if not isinstance(backward, Backward):
        raise ValueError(
            f"remembered got {type(backward).__name__}, expected a backward: the second result of layer(x)."
        )
    found = new_arrays(backward, own_memory(backward.layer))
    return Remembered([KeptArray(name, a.shape, str(a.dtype), megabytes(a)) for name, a in found])


def own_memory(layer: Layer) -> Seen:
    """Return the memory of a layer's own state, which no backward is to blame for."""
    own = [array for parameter in layer.parameters() for array in (parameter.data, parameter.grad)]
    own += [getattr(part, name) for _, part in layer.walk() for name in part.statistics]
    return {id(memory_of(array)): memory_of(array) for array in own}


def new_arrays(backward: Backward, seen: Seen) -> Iterator[tuple[str, Array]]:
    """Yield (name, array) for all memory that is not in ``seen`` yet, and note it there."""
    paths = {id(part): path for path, part in backward.layer.walk()}
    for name, array in _arrays(backward, "", paths, set()):
        memory = memory_of(array)
        if id(memory) not in seen:
            seen[id(memory)] = memory
            yield name, array


def memory_of(array: Array) -> Any:
    """Return the object that owns an array's memory: the array itself, or what it is a view of."""
    owner = array
    while getattr(owner, "base", None) is not None:
        owner = owner.base
    return owner


def megabytes(array: Array) -> float:
    """Return how much memory an array keeps alive, in millions of bytes."""
    return getattr(memory_of(array), "nbytes", array.nbytes) / MEGABYTE


def _arrays(value: Any, name: str, paths: dict[int, str], visited: set[int]) -> Iterator[tuple[str, Array]]:
    """Yield (name, array) for all arrays that can be reached from a variable's value."""
    if isinstance(value, Layer) or id(value) in visited:
        return
    visited.add(id(value))
    if _is_array(value):
        yield name, value
        return
    for part_name, part in _parts(value, name, paths):
        yield from _arrays(part, part_name, paths, visited)


def _parts(value: Any, name: str, paths: dict[int, str]) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Backward):
        path = paths.get(id(value.layer))
        yield (name if path is None else path.removesuffix(".")), value.closure
    elif isinstance(value, FunctionType):
        variables = zip(value.__code__.co_freevars, value.__closure__ or (), strict=True)
        held = [(variable, cell.cell_contents) for variable, cell in variables if _is_filled(cell)]
        # Python sorts variables by name; a reader wants the layers in the network's order.
        order = list(paths)
        held.sort(key=lambda pair: order.index(id(pair[1].layer)) if _has_place(pair[1], paths) else 0)
        for variable, content in held:
            yield _dotted(name, variable), content
    elif isinstance(value, dict):
        for key, item in value.items():
            yield _dotted(name, str(key)), item
    elif isinstance(value, tuple | list):
        fields = getattr(value, "_fields", map(str, range(len(value))))
        for field, item in zip(fields, value, strict=True):
            yield _dotted(name, field), item


def _has_place(value: Any, paths: dict[int, str]) -> bool:
    return isinstance(value, Backward) and id(value.layer) in paths


def _is_array(value: Any) -> bool:
    return hasattr(value, "nbytes") and hasattr(value, "dtype") and not isinstance(value, np.generic)


def _is_filled(cell: CellType) -> bool:
    """Tell whether a variable has a value: one that is only assigned later has an empty cell."""
    try:
        _ = cell.cell_contents
    except ValueError:
        return False
    return True


def _dotted(name: str, part: str) -> str:
    return f"{name}.{part}" if name else part
