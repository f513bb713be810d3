"""A step of training on a GPU, recorded once and played back: one launch for forward, loss, backward and optimizer.

    step = GpuStep(network, optimizer, losses.mse)        # of a network on the GPU
    for x, target in batches:
        loss = step(x, target)

A small network's kernels take less time than Python takes to launch them. A CUDA graph records what was launched, and
then launches it all at once. Two rules make that right:

- Played back, every kernel gets the same arguments. So batches are copied to where the first one lay, and what changes
  from step to step (learning rate, number of the step) is read from the GPU's memory: ``Clock``, ``ReplayedGenerator``.
- The recorded kernels write to the same memory every time. So a graph has a memory pool of its own, which lives as
  long as it does: nobody else is ever given that memory.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import numpy as np

from tinycolor.backend import Array, current_precision, gpu, on_gpu
from tinycolor.inspect.overview import summary
from tinycolor.kernels.dropout import ReplayedGenerator
from tinycolor.layers.base import Layer
from tinycolor.optim import Optimizer

WARM_UPS = 2  # steps before recording: by then all kernels are compiled and the pool has its memory
PEAK = 3  # the most memory of a step, as a multiple of what its closures keep
log = logging.getLogger(__name__)


class GpuStep:
    """Teaches a network on a GPU, a step at each call; each shape of batch has its own graph.

    Where a step cannot be recorded it runs kernel by kernel, as the first two do, and the log says why. Both ways
    give the same bits.

    Parameters
    ----------
    network : Layer
        On the GPU.
    optimizer : Optimizer
        Made of the network's parameters.
    loss_function : function
        ``loss, dy = loss_function(y, target)``.
    seed : int
        Of the dropout, if the network has any.
    """

    def __init__(
        self, network: Layer, optimizer: Optimizer, loss_function: Callable[[Any, Any], Any], *, seed: int = 0
    ) -> None:
        self.network, self.optimizer, self.loss_function, self.seed = network, optimizer, loss_function, seed
        self.plans: dict[Any, Plan] = {}

    def __call__(self, x: Array, target: Any) -> Array:
        """Make a step; return the loss, a 0-d array on the GPU.

        It is NaN if the loss or any gradient is NaN or infinite; then no weight was moved by those.

        Parameters
        ----------
        x : array
            NumPy or CuPy.
        target : array, or tuple of arrays
            Likewise.

        Raises
        ------
        MemoryError
            The batch is too large for the GPU, also after all memory that could be had was freed; says which batch
            may fit. The network is as it was before the step.
        """
        self.optimizer.begin_step()
        arrays = [x, *(target if isinstance(target, tuple) else (target,))]
        key = (current_precision(), *((array.shape, array.dtype.str) for array in arrays))
        for _ in range(2):
            try:
                if key not in self.plans:
                    self.plans[key] = Plan(self, arrays, isinstance(target, tuple))
                return self.plans[key](arrays)
            except MemoryError:
                pass  # here the error still holds on to the frames, and their arrays, that it came through
            self.free()
        self.optimizer.steps -= 1
        raise MemoryError(self._no_room_for(x))

    def free(self) -> None:
        """Give up all graphs, and all memory that CuPy keeps in store."""
        self.plans.clear()
        gc.collect()
        gpu().get_default_memory_pool().free_all_blocks()

    def work(self, x: Array, target: Any, rng: ReplayedGenerator) -> Array:
        """Do what a step does, but for what ``Optimizer.begin_step`` did already."""
        xp, gradient = gpu(), self.optimizer.grad
        gradient.fill(0)
        y, backward = self.network(x, rng=rng)
        loss, dy = self.loss_function(y, target)
        backward(*dy if isinstance(dy, tuple) else (dy,))
        # A NaN or an infinity among the gradients makes the sum of their squares one, and 0 times that is NaN.
        loss = loss + 0 * xp.square(gradient).sum()
        gradient[...] = xp.where(xp.isfinite(loss), gradient, 0)
        self.optimizer.move()
        return loss

    def _no_room_for(self, x: Array) -> str:
        cupy, (count, *shape) = gpu(), x.shape
        free, _ = cupy.cuda.Device().mem_info
        fits = 0
        with suppress(MemoryError):
            fits = min(count - 1, int(free / PEAK / 1e6 / summary(self.network, (1, *shape)).megabytes))
        self.free()
        advice = f"about {fits} at a time would fit" if fits else "not even one would fit"
        room = f"the {free / 1e9:.2f} GB free on the GPU"
        return f"{count} inputs of shape {tuple(shape)} are too many for {room}: {advice}."


class Plan:
    """A step for one shape of batch: run twice, then recorded, then played back."""

    def __init__(self, step: GpuStep, arrays: list[Array], several: bool) -> None:
        cupy = gpu()
        self.step, self.several = step, several
        self.pool, self.stream = cupy.cuda.MemoryPool(), cupy.cuda.Stream(non_blocking=True)
        self.inputs = [cupy.empty(array.shape, array.dtype) for array in arrays]
        self.loss = cupy.empty((), arrays[0].dtype)
        self.position = cupy.zeros(2, np.uint32)  # step and epoch
        self.calls, self.graph, self.recordable = 0, None, True

    def __call__(self, arrays: list[Array]) -> Array:
        """Make a step with this batch; return its loss."""
        here = gpu().cuda.get_current_stream()
        # Streams know nothing of each other: ours waits for what was done to batch and weights, and is waited for.
        self.stream.wait_event(here.record())
        try:
            with gpu().cuda.using_allocator(self.pool.malloc), self.stream:
                self._run(arrays)
        finally:
            here.wait_event(self.stream.record())
        return self.loss.copy()

    def _run(self, arrays: list[Array]) -> None:
        for mine, given in zip(self.inputs, arrays, strict=True):
            if on_gpu(given):
                mine[...] = given
            else:
                mine.set(given)
        self.position[0] = self.step.optimizer.steps - 1
        self.calls += 1
        if self.graph is None and self.recordable and self.calls > WARM_UPS:
            self._record()
        if self.graph is None:
            self._run_kernel_by_kernel()
        else:
            self.graph.launch(self.stream)

    def _work(self) -> None:
        x, *targets = self.inputs
        rng = ReplayedGenerator(self.step.seed, self.position)
        self.loss[...] = self.step.work(x, tuple(targets) if self.several else targets[0], rng)

    def _run_kernel_by_kernel(self) -> None:
        """As it says; if the memory ends on the way, running statistics are put back."""
        statistics = [getattr(layer, name) for _, layer in self.step.network.walk() for name in layer.statistics]
        before = [array.copy() for array in statistics]
        try:
            self._work()
        except MemoryError:
            for array, numbers in zip(statistics, before, strict=True):
                array[...] = numbers
            raise

    def _record(self) -> None:
        self.stream.begin_capture()
        try:
            try:
                with no_copies_from_host():
                    self._work()
            finally:
                graph = self.stream.end_capture()  # complains if the recording was spoilt
        except RuntimeError as error:
            self.recordable = False
            name, reason = type(self.step.network).__name__, error.__context__ or error
            log.warning("%s runs kernel by kernel, its step cannot be recorded: %s", name, reason)
        else:
            self.graph = graph


@contextmanager
def no_copies_from_host() -> Iterator[None]:
    """Refuse what CuPy would record without a word: a copy out of host memory that is soon given to others."""
    cupy = gpu()

    def refuse(size: int) -> None:
        raise RuntimeError(f"it copies {size} bytes from the CPU; constants should be moved once, by backend.constant")

    cupy.cuda.set_pinned_memory_allocator(refuse)
    try:
        yield
    finally:
        cupy.cuda.set_pinned_memory_allocator(cupy.get_default_pinned_memory_pool().malloc)
