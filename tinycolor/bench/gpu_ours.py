"""tinycolor's side of the benchmark on a GPU: TF32, and one CUDA graph per step."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import tinycolor as tc
from tinycolor.backend import Array, gpu
from tinycolor.bench.ours import inference, noise, pix2pix, pix2pix_batch, pix2pix_duel
from tinycolor.kernels import rounding
from tinycolor.kernels.conv import convolution
from tinycolor.networks.iizuka import colour_and_scene_loss
from tinycolor.training.graph import GpuStep, RecordedStep

REPEATS = 20  # steps between two moments at which the CPU waits for the GPU


def prepare(threads: int) -> None:
    """Nothing: what runs on the CPU is one thread that launches."""


def about() -> dict[str, str]:
    """Return what does the work on this side, for the report."""
    cupy = gpu()
    name = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    driver = cupy.cuda.runtime.driverGetVersion()
    return {"GPU": f"{name}, driver for CUDA {driver // 1000}.{driver % 1000 // 10}", "CuPy": cupy.__version__}


def make(name: str, layout: str) -> Callable[[], Any]:
    """Return a function that does the work of a case ``REPEATS`` times and waits for it."""
    kind, _, numbers = name.partition(":")
    if kind == "conv":
        return repeated(convolved(*map(int, numbers.split(","))))
    batch = int(numbers)
    if kind == "pix2pix":
        generator, discriminator, x, real = on_gpu(*pix2pix(), *pix2pix_batch(batch))
        duel = pix2pix_duel(generator, discriminator)
        return played(duel.gpu, lambda: duel.step((x,), (), real))
    if kind == "pix2pix-inference":
        return repeated(recorded(inference(*on_gpu(pix2pix()[0], pix2pix_batch(batch)[0]))))
    trained = {"color-unet": color_unet, "cross-circle": cross_circle, "iizuka": iizuka}[kind]
    network, loss_function, x, *targets = trained(batch)
    network, x, *targets = on_gpu(network, x, *targets)
    step = GpuStep(network, tc.optim.Adam(network.parameters()), loss_function)
    return played(step, lambda: step(x, tuple(targets) if len(targets) > 1 else targets[0]))


def played(step: RecordedStep | None, work: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that makes a training step ``REPEATS`` times, once it is known that it plays a record.

    Raises
    ------
    RuntimeError
        It could not be recorded, and would go kernel by kernel.
    """
    many = repeated(work)
    many()
    if step is None or any(plan.graph is None for plan in step.plans.values()):
        raise RuntimeError("the step could not be recorded as a CUDA graph; the log says why.")
    return many


def on_gpu(*things: Any) -> list[Any]:
    """Return networks and arrays on the GPU."""
    return [tc.to_device(thing, "gpu") for thing in things]


def color_unet(batch: int) -> tuple[Any, ...]:
    """Return network, loss, a batch of noise, and what it should be."""
    return tc.networks.ColorUNet(), tc.losses.mse, noise(batch, 64, 64, 1), noise(batch, 64, 64, 2)


def cross_circle(batch: int) -> tuple[Any, ...]:
    """Return network, loss, a batch of noise, and votes for it."""
    votes = (noise(batch, 2) > 0).astype("float32")
    return tc.networks.CrossCircleCNN(), tc.losses.bce, noise(batch, 28, 28, 1), votes


def iizuka(batch: int) -> tuple[Any, ...]:
    """Return network, loss, a batch of noise, and its colours and kinds of scenes."""
    network = tc.networks.Iizuka()
    size, classes = network.options["size"], network.options["scene_classes"]
    ab = noise(batch, size // 2, size // 2, 2)
    # As shares: in numbers of classes the loss looks for mistakes, which a graph cannot.
    scenes = np.eye(classes, dtype=np.float32)[np.arange(batch) % classes]
    return network, colour_and_scene_loss, noise(batch, size, size, 1), ab, scenes


def repeated(work: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that does something ``REPEATS`` times, and waits for it once."""

    def many() -> None:
        for _ in range(REPEATS):
            work()
        gpu().cuda.Device().synchronize()

    many.repeats = REPEATS  # type: ignore[attr-defined]
    return many


def convolved(n: int, c: int, h: int, w: int, f: int, k: int, stride: int) -> Callable[[], Any]:
    """Return a convolution forward and both its gradients, dx and dw, as one graph.

    What it is given is rounded to TF32 beforehand: in a network that is done by the kernel that makes it.
    """
    shapes = (n, h, w, c), (k, k, c, f), (n, (h + 2 - k) // stride + 1, (w + 2 - k) // stride + 1, f)
    x, weight, dy = (rounding.rounded(tc.to_device(noise(*shape), "gpu")) for shape in shapes)
    steps = {"stride": (stride, stride), "padding": (1, 1), "dilation": (1, 1)}
    chapter = convolution()

    def work() -> list[Array]:
        dw = chapter.conv2d_dw(x, dy, (k, k), **steps)
        return [chapter.conv2d(x, weight, **steps), chapter.conv2d_dx(dy, weight, x.shape, **steps), dw]

    return recorded(work)


def recorded(work: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that plays back what a piece of work launches."""
    cupy = gpu()
    pool, stream = cupy.cuda.MemoryPool(), cupy.cuda.Stream(non_blocking=True)
    cupy.cuda.Device().synchronize()
    with cupy.cuda.using_allocator(pool.malloc), stream:
        for _ in range(2):
            work()
        stream.begin_capture()
        work()
        graph = stream.end_capture()

    play = partial(graph.launch, stream)
    weakref.finalize(play, pool.free_all_blocks)  # a pool that is merely dropped keeps its memory for ever
    return play
