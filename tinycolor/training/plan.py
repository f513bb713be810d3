"""Work for arrays of certain shapes: kernel by kernel until it is recorded as a CUDA graph, then played back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

import numpy as np

from tinycolor.backend import Array, gpu
from tinycolor.kernels.dropout import ReplayedGenerator
from tinycolor.random import Generator

Inputs = tuple[Array | tuple[Array, ...], ...]
log = logging.getLogger(__name__)


class Step(Protocol):
    """What a plan needs to know of the step that it is for; see ``graph.RecordedStep``."""

    seed: int
    work: Callable[..., Array]

    @property
    def name(self) -> str: ...

    def changed(self) -> list[Array]:
        """Return what the work changes before it has all its memory."""


class Plan:
    """How the work of a step is done for arrays of certain shapes.

    Attributes
    ----------
    inputs : tuple of arrays, and of tuples of arrays
        Where the work reads what it is given.
    graph : CuPy's graph, or None
        None until it is recorded, or where it cannot be.
    calls : int
        How often the work was done.
    """

    def __init__(self, step: Step, inputs: Inputs) -> None:
        cupy = gpu()
        self.step, self.stream = step, cupy.cuda.Stream(non_blocking=True)
        self.pool = cupy.cuda.MemoryPool(partial(fresh_block, self.stream))
        self.inputs = tuple(each(lambda array: cupy.empty(array.shape, array.dtype), given) for given in inputs)
        self.position = cupy.zeros(2, np.uint32)  # step and epoch
        self.calls, self.graph = 0, None
        self.result: Array = None

    def __call__(self, inputs: Inputs, number: int) -> Array:
        """Do the work of the step of this number with these arrays; return its result."""
        here = gpu().cuda.get_current_stream()
        # Streams know nothing of each other: ours waits for what was done to batch and weights, and is waited for.
        self.stream.wait_event(here.record())
        try:
            with self.stream:
                self._copy_in(inputs, number)
                if self.graph is None:
                    self._run_kernel_by_kernel(number)
                else:
                    self.graph.launch(self.stream)
        finally:
            here.wait_event(self.stream.record())
        self.calls += 1
        return self.result.copy()

    def record(self) -> None:
        """Take down what the work launches; nothing runs."""
        rng = ReplayedGenerator(self.step.seed, self.position)
        with gpu().cuda.using_allocator(self.pool.malloc), self.stream:
            self.stream.begin_capture()
            try:
                try:
                    self.result = self.step.work(*self.inputs, rng=rng)
                finally:
                    graph = self.stream.end_capture()  # complains if the recording was spoilt
            except RuntimeError as error:
                why = f"its step cannot be recorded: {error.__context__ or error}"
                log.warning("%s runs kernel by kernel, %s", self.step.name, why)
            else:
                self.graph = graph

    def __del__(self) -> None:
        """Give the memory back, which a pool that is merely dropped keeps for ever."""
        self.graph = self.result = None
        self.pool.free_all_blocks()

    def _copy_in(self, inputs: Inputs, number: int) -> None:
        self.position[0] = number
        for mine, given in zip(flat(self.inputs), flat(inputs), strict=True):
            mine[...] = gpu().asarray(given)  # through a buffer of CuPy's own: the giver may refill his at once

    def _run_kernel_by_kernel(self, number: int) -> None:
        """As it says; if the memory ends on the way, what was changed by then is put back."""
        changed = self.step.changed()
        before = [array.copy() for array in changed]
        try:
            with gpu().cuda.using_allocator(self.pool.malloc):
                self.result = self.step.work(*self.inputs, rng=Generator(self.step.seed, step=number))
        except MemoryError:
            for array, numbers in zip(changed, before, strict=True):
                array[...] = numbers
            raise


def fresh_block(stream: Any, size: int) -> Any:
    """Return a block of the GPU's memory for a pool.

    Raises
    ------
    MemoryError
        There is none, while the stream captures. CuPy would then free blocks of the pool, which the graph writes to.
    """
    cuda = gpu().cuda
    try:
        return cuda.MemoryPointer(cuda.Memory(size), 0)
    except cuda.runtime.CUDARuntimeError as error:
        if stream.is_capturing():
            raise MemoryError(f"no room for {size} bytes") from error
        raise


def each(change: Callable[[Array], Any], given: Array | tuple[Array, ...]) -> Any:
    """Return what a function makes of an array, or of each in a tuple."""
    return tuple(map(change, given)) if isinstance(given, tuple) else change(given)


def flat(inputs: Inputs) -> list[Array]:
    """Return the arrays, and those of the tuples, in one list."""
    return [array for given in inputs for array in (given if isinstance(given, tuple) else (given,))]
