"""One set of lines, two array modules: NumPy, or CuPy for arrays that live on a GPU.

Ops never import CuPy. They ask the arrays they were given, so the same op runs wherever its arrays are.
"""

from __future__ import annotations

import ctypes
import sys
from types import ModuleType
from typing import Any

import numpy as np

Array = Any
"""A ``numpy.ndarray`` or a ``cupy.ndarray``; the two are never mixed in one call."""

FLOATS = (np.dtype("float32"), np.dtype("float64"))


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
