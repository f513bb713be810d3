"""From a chapter of CUDA C to kernels that run: read the file, let CuPy compile it, launch.

Nothing here imports CuPy before a kernel is launched.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from tinycolor.backend import Array, array_module, gpu, import_cupy, on_gpu

FOLDER = Path(__file__).parent
OPTIONS = ("--std=c++17",)
BLOCK = 256  # threads per block where a kernel does not care
MOST = 65_535  # blocks along the second and the third axis of a grid


def source(chapter: str) -> str:
    """Return the text of ``chapter.cu`` with the files it includes pasted in, each once."""
    return _pasted(f"{chapter}.cu", set())


def _pasted(name: str, seen: set[str]) -> str:
    """CuPy's cache goes by the text that it is given: a changed header must show there."""
    seen.add(name)
    lines = [f'#line 1 "{name}"']
    for number, line in enumerate((FOLDER / name).read_text(encoding="utf-8").splitlines(), start=1):
        include = re.fullmatch(r'#include "(.+)"', line)
        if include is None:
            lines.append(line)
        elif include[1] not in seen:
            lines += [_pasted(include[1], seen), f'#line {number + 1} "{name}"']
    return "\n".join(lines)


def defines(constants: dict[str, int | str]) -> tuple[str, ...]:
    """Return the compiler options that set a chapter's open constants."""
    return tuple(f"-D{name}={value}" for name, value in sorted(constants.items()))


@cache
def compiled(chapter: str, kernel: str, options: tuple[str, ...]) -> Callable[..., None]:
    """Return a kernel; CuPy compiles its chapter for the current GPU when it is first launched, and keeps it."""
    return _module(chapter, options).get_function(kernel)


@cache
def _module(chapter: str, options: tuple[str, ...]) -> Array:
    return gpu().RawModule(code=source(chapter), options=OPTIONS + options)


def launch(
    chapter: str, kernel: str, grid: tuple[int, ...], block: int, arguments: tuple, **constants: int | str
) -> None:
    """Run ``kernel`` of ``chapter.cu`` on the GPU, ``block`` threads in each block of ``grid``.

    Arguments are CuPy arrays, None for no array, NumPy scalars of the very type that the kernel takes, and
    structs as made by ``struct``. ``constants`` are set at compile time. An empty grid does nothing.

    Raises
    ------
    ModuleNotFoundError
        CuPy is not installed.
    RuntimeError
        There is no GPU.
    TypeError
        An array is not on the GPU.
    """
    import_cupy()
    for argument in arguments:
        if isinstance(argument, np.ndarray) and argument.dtype.names is None:
            raise TypeError(f"{kernel} got a NumPy array, expected CuPy arrays: move it with cupy.asarray first.")
    if min(grid) == 0:
        return
    null = np.uintp(0)
    run = compiled(chapter, kernel, defines(constants))
    run(grid, (block,), tuple(null if argument is None else argument for argument in arguments))


def launch_each(chapter: str, kernel: str, count: int, arguments: tuple, **constants: int | str) -> None:
    """Run a kernel with one thread for each of ``count`` numbers."""
    launch(chapter, kernel, (-(-count // BLOCK),), BLOCK, arguments, **constants)


def launch_rows(chapter: str, kernel: str, shape: tuple[int, ...], arguments: tuple, **constants: int | str) -> None:
    """Run a kernel with one thread for each number of (N, H, W, C); ``my_place`` tells it which.

    Raises
    ------
    ValueError
        A row has so many numbers that 32 bits do not count them.
    """
    n, h, w, c = shape
    rows, row = n * h, w * c
    if row >= 1 << 32:
        raise ValueError(f"{kernel} got rows of {row:,} numbers, expected fewer than 2**32: run it on parts of them.")
    block = max(1, min(row, BLOCK))
    layers = max(1, -(-rows // MOST))  # of rows: the grid's second axis may be too short for all of them
    launch(chapter, kernel, (-(-row // block), -(-rows // layers), layers), block, arguments, **constants)


def struct(name: str, **values: int | Sequence[int]) -> np.ndarray:
    """Return a C struct of ints and arrays of ints, to be passed to a kernel by value, as its header lays it out."""
    made = np.zeros(1, [(field, np.int32, (room,) if room else ()) for field, room in fields(name).items()])
    for field in fields(name):
        given = np.atleast_1d(values[field])
        made[field].reshape(-1)[: len(given)] = given
    return made


@cache
def fields(name: str) -> dict[str, int]:
    """Return the ints of struct ``Name``, in their order, and how many each array of them has room for, else 0."""
    texts = (path.read_text(encoding="utf-8") for path in FOLDER.glob("*.cuh"))
    (body,) = (
        text.partition(opening)[2].partition("};")[0] for text in texts if (opening := f"struct {name} {{") in text
    )
    lines = re.findall(r"^    int ([^;()]+);", body, re.MULTILINE)
    found = [re.fullmatch(r"(\w+)(?:\[(\d+)\])?", field) for line in lines for field in line.split(", ")]
    return {field[1]: int(field[2] or 0) for field in found if field}


def floats(*arrays: Array) -> list[Array]:
    """Return the arrays laid out as kernels read them: float32, without gaps. None stays None.

    Raises
    ------
    ValueError
        One of another dtype.
    TypeError
        NumPy and CuPy arrays came together.
    """
    given = [array for array in arrays if array is not None]
    xp = array_module(*given)
    for array in given:
        if array.dtype != np.float32:
            raise ValueError(
                f"the kernels got {array.dtype}, expected float32: other types run the plain path, tinycolor.ops."
            )
    return [array if array is None else xp.ascontiguousarray(array) for array in arrays]


def empty(like: Array, shape: tuple[int, ...], dtype: str = "float32") -> Array:
    """Return a fresh array, for a kernel to fill, where ``like`` is."""
    return array_module(like).empty(shape, dtype)


def address(array: Array) -> int:
    """Return where in memory an array begins."""
    return array.data.ptr if on_gpu(array) else array.ctypes.data
