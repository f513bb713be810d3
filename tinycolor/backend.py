"""One set of lines, two array modules: NumPy, or CuPy for arrays that live on a GPU.

Ops never import CuPy. They ask the arrays they were given, so the same op runs wherever its arrays are.

    network = tc.to_device(network, "gpu")
    y = network.predict(tc.to_device(x, "gpu"))
    tc.to_numpy(y)
"""

from __future__ import annotations

import copy
import ctypes
import sys
from types import ModuleType, TracebackType
from typing import Any

import numpy as np

Array = Any
"""A ``numpy.ndarray`` or a ``cupy.ndarray``; the two are never mixed in one call."""

FLOATS = (np.dtype("float32"), np.dtype("float64"))
DEVICES = ("cpu", "gpu")
PRECISIONS = ("tf32", "fp32")
INSTALL = 'in the folder of this project, pip install -e ".[cuda13]" (or cuda12, for an older driver)'


def array_module(*arrays: Array) -> ModuleType:
    """Return the module, ``numpy`` or ``cupy``, that all the arrays belong to.

    Raises
    ------
    TypeError
        An argument is not an array, or NumPy and CuPy arrays came together.
    """
    modules = {_module_of(array) for array in arrays}
    if len(modules) > 1:
        raise TypeError(
            "NumPy and CuPy arrays came together in one call, expected all on one device: "
            "move one side before the call."
        )
    return modules.pop()


def _module_of(array: Array) -> ModuleType:
    if isinstance(array, np.ndarray | np.generic):
        return np
    # An array can only be CuPy's if somebody has imported CuPy already.
    cupy = sys.modules.get("cupy")
    if cupy is not None and isinstance(array, cupy.ndarray):
        return cupy
    if isinstance(array, tuple):
        raise TypeError("got a tuple, expected an array: a layer returns two things, y, backward = layer(x).")
    raise TypeError(f"got {type(array).__name__}, expected a NumPy or CuPy array: wrap it in np.asarray first.")


def on_gpu(array: Array) -> bool:
    """Return whether an array lives on a GPU."""
    return array_module(array) is not np


def to_device(thing: Any, device: str) -> Any:
    """Return an array, or a layer with all below it, on a device.

    What is there already comes back as it is. Else it is a copy; a layer's gradients begin at zero. An optimizer is
    made afterwards, of the parameters of the copy.

    Parameters
    ----------
    thing : array or Layer
        What to move.
    device : {"cpu", "gpu"}
        Where to.

    Raises
    ------
    ValueError
        An unknown device.
    ModuleNotFoundError
        CuPy is wanted and not installed: names what to install.
    RuntimeError
        There is no GPU.
    """
    if device not in DEVICES:
        raise ValueError(f"to_device got device={device!r}, expected one of {', '.join(DEVICES)}.")
    move = to_numpy if device == "cpu" else gpu().asarray
    if not hasattr(thing, "walk"):
        array_module(thing)  # what is no array is told here
        return move(thing)
    if all(on_gpu(parameter.data) is (device == "gpu") for parameter in thing.parameters()):
        return thing
    twin = copy.deepcopy(thing)
    for _, layer in twin.walk():
        layer.change_arrays(move)
    return twin


def to_numpy(array: Array) -> np.ndarray:
    """Return an array as NumPy's: itself, or a copy from the GPU."""
    return array.get() if on_gpu(array) else array


def beside(array: Array, other: Array) -> Array:
    """Return an array on the device of another."""
    return to_device(array, "gpu" if on_gpu(other) else "cpu")


_constants: dict[tuple[ModuleType, int], tuple[np.ndarray, Array]] = {}


def constant(numbers: np.ndarray, like: Array) -> Array:
    """Return numbers that never change on the device of an array; they are moved to a GPU once, and stay there."""
    if not on_gpu(like):
        return numbers
    cupy = array_module(like)
    key = cupy, id(numbers)
    if key not in _constants:
        # Not of the memory of a recorded step that happens to ask first: that is given back with the step.
        with cupy.cuda.using_allocator(cupy.get_default_memory_pool().malloc):
            _constants[key] = numbers, cupy.asarray(numbers)  # the numbers are kept too: their id is theirs alone
    return _constants[key][1]


def answer(layer: Any, *xs: np.ndarray, mode: str = "eval", rng: Any = None) -> Any:
    """Return what a layer predicts for NumPy arrays, as NumPy arrays, on whatever device the layer is.

    Raises
    ------
    ValueError
        In mode ``train``, in which it would learn the statistics of what it is asked.
    """
    if mode == "train":
        raise ValueError("an answer was asked for in mode='train', expected 'eval', 'paper' or 'instance'.")
    weights = layer.parameters()
    ys = layer.predict(*(beside(x, weights[0].data) if weights else x for x in xs), mode=mode, rng=rng)
    return tuple(map(to_numpy, ys)) if isinstance(ys, tuple) else to_numpy(ys)


def pick_device(wanted: str) -> str:
    """Return ``"cpu"`` or ``"gpu"``; for ``"auto"`` the GPU, if there is one that can be used.

    Raises
    ------
    ModuleNotFoundError, RuntimeError
        ``"gpu"`` cannot be had: says why.
    """
    if wanted == "gpu":
        gpu()
    if wanted != "auto":
        return wanted
    try:
        gpu()
    except (ModuleNotFoundError, RuntimeError):
        return "cpu"
    return "gpu"


def import_cupy() -> ModuleType:
    """Return CuPy.

    Raises
    ------
    ModuleNotFoundError
        It is not installed.
    """
    try:
        import cupy  # noqa: PLC0415 (it takes its time, and most people have none)
    except ModuleNotFoundError:
        raise ModuleNotFoundError(f"The GPU needs CuPy, which is not installed: {INSTALL}.") from None
    return cupy


def gpu() -> ModuleType:
    """Return CuPy, if there is a GPU for it.

    Raises
    ------
    ModuleNotFoundError
        CuPy is not installed.
    RuntimeError
        There is no GPU.
    """
    cupy = import_cupy()
    if not cupy.cuda.is_available():
        raise RuntimeError("CuPy found no GPU: there is no card of NVIDIA's, or no driver for it.")
    return cupy


_precision = "tf32"


class precision:  # noqa: N801 (reads as a verb: `with tc.precision("fp32"):`)
    """Set how exactly a GPU multiplies float32 numbers, at once or for the length of a ``with``.

    ``"tf32"``, the default, rounds each factor to 10 bits behind the point and sums in float32, as PyTorch's
    convolutions do: a relative error of some 3e-4, many times faster. ``"fp32"`` is true float32. A layer reads
    it when it goes forward, and goes back the same way. float64, and the CPU, know no difference.

    Raises
    ------
    ValueError
        Neither of the two.
    """

    def __init__(self, name: str) -> None:
        global _precision
        self._before = _precision
        if name not in PRECISIONS:
            raise ValueError(f"precision got {name!r}, expected one of {', '.join(PRECISIONS)}.")
        _precision = name

    def __enter__(self) -> precision:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _precision
        _precision = self._before


def current_precision() -> str:
    """Return how exactly a GPU multiplies: ``"tf32"`` or ``"fp32"``."""
    return _precision


def keep_freed_memory() -> None:
    """Tell glibc's malloc to keep what is freed, so that a fresh array costs no page faults.

    Outputs are always fresh arrays (nobody's result is overwritten behind his back). By default glibc gives
    every large block back to the system at once and has to fault it in again, page by page, for the next
    layer. With these two thresholds raised, fresh arrays are as fast as buffers kept by hand. Without glibc
    (macOS, Windows, musl) nothing happens.
    """
    if not sys.platform.startswith("linux"):
        return
    m_trim_threshold, m_mmap_threshold = -1, -3
    largest_mmap_threshold = 32 << 20  # glibc refuses more
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(m_mmap_threshold, largest_mmap_threshold)
        mallopt(m_trim_threshold, 1 << 30)
