"""A step of training on a GPU, recorded once and played back: one launch for forward, loss, backward and optimizer.

    step = GpuStep(network, optimizer, losses.mse)        # of a network on the GPU
    for x, target in batches:
        loss = step(x, target)

A small network's kernels take less time than Python takes to launch them. A CUDA graph records what was launched, and
then launches it all at once. Two rules make that right:

- Played back, every kernel gets the same arguments. So batches are copied to where the first one lay, and what changes
  from step to step (learning rate, number of the step) is read from the GPU's memory: ``Clock``, ``ReplayedGenerator``.
- The recorded kernels write to the same memory every time. So a graph has a memory pool of its own: nobody else is
  given that memory before the graph is gone.

``RecordedStep`` knows nothing of losses; the step of two networks is recorded by it as well, see ``gpu_duel``.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from tinycolor.backend import Array, current_precision, gpu
from tinycolor.inspect.overview import summary
from tinycolor.kernels.rounding import rounded_weights
from tinycolor.layers.base import Layer, no_gradient_for
from tinycolor.losses import awaiting
from tinycolor.optim import Optimizer
from tinycolor.random import Generator
from tinycolor.training.plan import Inputs, Plan, each, flat
from tinycolor.training.safe_step import begun, move_if_finite

WARM_UPS = 2  # steps before recording: by then all kernels are compiled and the pool has its memory
PEAK = 3  # the most memory of a step, as a multiple of what its closures keep


class RecordedStep:
    """A step of training on a GPU: its work is the same every time, but for numbers; each shape of batch has its graph.

    Where the work cannot be recorded it runs kernel by kernel, as the first two times, and the log says why. Both ways
    give the same bits. To write one, define ``work(*inputs, rng)``: the step, but for what ``Optimizer.begin_step`` has
    done, without a look at any number; it returns an array of all that is to be known. And ``megabytes(*inputs)``: how
    much its closures keep for one example of the batch.

    Parameters
    ----------
    networks : tuple of Layer
        That learn; on the GPU.
    optimizers : tuple of Optimizer
        One for each; the first counts the steps.
    seed : int
        Of the dropout, if there is any.
    """

    # Declared as values, so that each may name its own inputs.
    work: Callable[..., Array]
    megabytes: Callable[..., float]

    def __init__(self, networks: tuple[Layer, ...], optimizers: tuple[Optimizer, ...], seed: int) -> None:
        self.networks, self.optimizers, self.seed = networks, optimizers, seed
        self.plans: dict[Any, Plan] = {}

    def changed(self) -> list[Array]:
        """Return what the work changes before it has all its memory: running statistics."""
        layers = [layer for network in self.networks for _, layer in network.walk()]
        return [getattr(layer, name) for layer in layers for name in layer.statistics]

    @property
    def name(self) -> str:
        """How the log calls it."""
        return " with ".join(type(network).__name__ for network in self.networks)

    def play(self, *inputs: Any) -> Array:
        """Make a step with arrays, or tuples of arrays, NumPy's or CuPy's; return what its work does.

        Raises
        ------
        MemoryError
            The batch is too large for the GPU, also after all memory that could be had was freed; says which batch
            may fit. Networks and optimizers are as they were before the step.
        """
        for _ in range(2):
            try:
                with begun(*self.optimizers):
                    return self._planned(inputs)(inputs, self.optimizers[0].steps - 1)
            except MemoryError:
                pass  # here the error still holds on to the frames, and their arrays, that it came through
            self.free()
        raise MemoryError(self._no_room_for(inputs))

    def free(self) -> None:
        """Give up all graphs, and all memory that CuPy keeps in store."""
        gc.collect()  # arrays that wait for it would keep their blocks from being given back
        self.plans.clear()
        gpu().get_default_memory_pool().free_all_blocks()

    def _planned(self, inputs: Inputs) -> Plan:
        about = (each(lambda array: (array.shape, array.dtype.str), given) for given in inputs)
        learning = tuple(p.trainable for optimizer in self.optimizers for p in optimizer.parameters)
        key = (current_precision(), learning, *about)
        if key not in self.plans:
            self.plans[key] = Plan(self, inputs)
        if self.plans[key].calls == WARM_UPS:
            self.plans[key].record()
        return self.plans[key]

    def _no_room_for(self, inputs: Inputs) -> str:
        count, *shape = flat(inputs)[0].shape
        free, _ = gpu().cuda.Device().mem_info
        fits = 0
        with suppress(MemoryError):
            fits = min(count - 1, int(free / PEAK / 1e6 / self.megabytes(*inputs)))
        self.free()
        advice = f"about {fits} at a time would fit" if fits else "not even one would fit"
        room = f"the {free / 1e9:.2f} GB free on the GPU"
        return f"{count} inputs of shape {tuple(shape)} are too many for {room}: {advice}."


class GpuStep(RecordedStep):
    """Teaches a network on a GPU, a step at each call.

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
        super().__init__((network,), (optimizer,), seed)
        self.network, self.optimizer, self.loss_function = network, optimizer, loss_function

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
            As ``play`` does.
        """
        return self.play(x, target)

    def work(self, x: Array, target: Any, *, rng: Generator) -> Array:
        """Do what a step does, but for what ``Optimizer.begin_step`` did already.

        Weights are rounded once for all layers, nobody asks for the gradient of the batch, and the last convolution
        may make the loss along with y.
        """
        self.optimizer.grad.fill(0)
        with rounded_weights(self.optimizer.data):
            with no_gradient_for(x), awaiting(self.loss_function, target):
                y, backward = self.network(x, rng=rng)
                loss, dy = self.loss_function(y, target)
            backward(*dy if isinstance(dy, tuple) else (dy,))
        return move_if_finite(self.optimizer, loss)

    def megabytes(self, x: Array, target: Any) -> float:
        return summary(self.network, (1, *x.shape[1:])).megabytes
