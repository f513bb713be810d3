"""Lanes: a few threads that run blocks of one operation side by side, each with BLAS held to one thread.

NumPy lets go of Python's lock inside a large copy or matrix product, so plain threads are enough. Two rules
keep results equal, bit for bit, however many lanes there are: the blocks depend on the shape alone, and a sum
over blocks is always added up in the same two halves.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from numbers import Integral
from types import TracebackType
from typing import Any, TypeVar

import numpy as np
from threadpoolctl import ThreadpoolController

Block = TypeVar("Block")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


_count = cores()
_here = threading.local()


class lanes:  # noqa: N801 (reads as a verb: `with tc.lanes(1):`)
    """Set how many lanes the fast path of this process may use, at once or for the length of a ``with``.

    With ``tc.lanes(1)`` everything runs in the caller's thread, so that breakpoints land where you stand. The
    results are the same, bit for bit. The default is one lane per core that this process may use.

    Raises
    ------
    ValueError
        ``count`` is no whole number of at least 1.
    """

    def __init__(self, count: int) -> None:
        global _count
        self._before: int = _count
        if not isinstance(count, Integral) or isinstance(count, bool) or count < 1:
            raise ValueError(f"lanes got {count}, expected a whole number of at least 1.")
        _count = int(count)

    def __enter__(self) -> lanes:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        global _count
        _count = self._before


def lane_count() -> int:
    """Return how many lanes may run at once."""
    return _count


def in_lanes(body: Callable[[Block], None], blocks: Sequence[Block]) -> None:
    """Call ``body(block)`` for every block, neighbouring blocks in the same lane; return when all are done.

    The caller's thread is the first lane. An error in any lane is raised here, after all lanes have stopped.
    """
    count = min(_count, len(blocks))
    with one_blas_thread():
        if count <= 1 or getattr(_here, "inside", False):
            for block in blocks:
                body(block)
            return
        edges = [len(blocks) * lane // count for lane in range(count + 1)]
        runs = [blocks[first:last] for first, last in pairwise(edges)]
        others = [_pool(count - 1).submit(_run, body, run) for run in runs[1:]]
        try:
            _run(body, runs[0])
        finally:
            wait(others)
        for other in others:
            other.result()


def _run(body: Callable[[Block], None], blocks: Sequence[Block]) -> None:
    _here.inside = True
    try:
        for block in blocks:
            body(block)
    finally:
        _here.inside = False


def sum_in_lanes(
    body: Callable[..., None], blocks: Sequence[Block], shapes: Sequence[tuple[int, ...]], dtype: Any
) -> list[np.ndarray]:
    """Return the sums over all blocks of the arrays that ``body(block, *out)`` writes.

    The blocks are always summed as two halves, first to last, and then half to half: a fixed order, so one
    lane gives the same bits as two.
    """
    middle = len(blocks) // 2
    halves = [half for half in (blocks[:middle], blocks[middle:]) if half]
    totals = [[np.empty(shape, dtype) for shape in shapes] for _ in halves]

    def sum_half(number: int) -> None:
        first, *rest = halves[number]
        body(first, *totals[number])
        for block in rest:
            parts = [scratch(("part", i), shape, dtype) for i, shape in enumerate(shapes)]
            body(block, *parts)
            for total, part in zip(totals[number], parts, strict=True):
                np.add(total, part, out=total)

    in_lanes(sum_half, range(len(halves)))
    if len(halves) > 1:
        for total, other in zip(*totals, strict=True):
            np.add(total, other, out=total)
    return totals[0]


def scratch(name: Any, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return this thread's work array for a purpose: its content is anything, and it dies with the op.

    One array per purpose and dtype is kept and only ever grows, so a block costs no allocation.
    """
    kept = _here.__dict__.setdefault("scratch", {})
    size = int(np.prod(shape))
    key = (name, np.dtype(dtype))
    if key not in kept or kept[key].size < size:
        kept[key] = np.empty(size, dtype)
    return kept[key][:size].reshape(shape)


@cache
def _pool(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="tinycolor-lane")


@cache
def _blas_libraries() -> list[Any]:
    return ThreadpoolController().select(user_api="blas").lib_controllers


def blas_threads() -> list[tuple[str, int]]:
    """Return name with version and kernel, and number of threads, of each BLAS library that is loaded."""
    return [
        (
            f"{library.internal_api} {library.version} ({getattr(library, 'architecture', None) or 'unnamed'})",
            library.num_threads,
        )
        for library in _blas_libraries()
    ]


_hold = threading.Lock()
_holders = 0
_threads_before: list[int] = []


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Hold BLAS to one thread: its own workers would fight with the lanes for the same cores.

    Nests, and may be entered from several threads; the last one out puts the old number back.
    """
    global _holders, _threads_before
    with _hold:
        if _holders == 0:
            _threads_before = [library.get_num_threads() for library in _blas_libraries()]
            for library in _blas_libraries():
                _set_threads(library, 1)
        _holders += 1
    try:
        yield
    finally:
        with _hold:
            _holders -= 1
            if _holders == 0:
                for library, number in zip(_blas_libraries(), _threads_before, strict=True):
                    _set_threads(library, number)


def _set_threads(library: Any, number: int) -> None:
    # threadpoolctl lets only the first Python thread that asks control OpenBLAS, and ignores all others in silence.
    # Here the lock sees to it that one at a time asks.
    if hasattr(library, "clear_controlling_thread"):
        library.clear_controlling_thread(force=True)
    library.set_num_threads(number)


def _start_anew_in_child() -> None:
    """A forked child has the caller's thread alone: pools and locks that others held must not be waited for."""
    global _hold, _holders, _here
    _pool.cache_clear()
    _hold, _holders, _here = threading.Lock(), 0, threading.local()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew_in_child)
