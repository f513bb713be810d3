"""tinycolor's side of the benchmark on a GPU: TF32, and one CUDA graph per step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tinycolor as tc
from tinycolor.backend import Array, gpu
from tinycolor.bench.ours import noise
from tinycolor.kernels.conv import convolution
from tinycolor.training.graph import GpuStep

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
    things = color_unet(batch) if kind == "color-unet" else cross_circle(batch)
    network, x, target = (tc.to_device(thing, "gpu") for thing in things)
    loss = tc.losses.mse if kind == "color-unet" else tc.losses.bce
    step = GpuStep(network, tc.optim.Adam(network.parameters()), loss)
    work = repeated(lambda: step(x, target))
    work()
    if any(plan.graph is None for plan in step.plans.values()):
        raise RuntimeError(f"{name} could not be recorded as a CUDA graph.")
    return work


def color_unet(batch: int) -> tuple[tc.Layer, Array, Array]:
    """Return the network, and a batch of noise."""
    return tc.networks.ColorUNet(), noise(batch, 64, 64, 1), noise(batch, 64, 64, 2)


def cross_circle(batch: int) -> tuple[tc.Layer, Array, Array]:
    """Return the network, a batch of noise, and votes for it."""
    return tc.networks.CrossCircleCNN(), noise(batch, 28, 28, 1), (noise(batch, 2) > 0).astype("float32")


def repeated(work: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that does something ``REPEATS`` times, and waits for it once."""

    def many() -> None:
        for _ in range(REPEATS):
            work()
        gpu().cuda.Device().synchronize()

    many.repeats = REPEATS  # type: ignore[attr-defined]
    return many


def convolved(n: int, c: int, h: int, w: int, f: int, k: int, stride: int) -> Callable[[], Any]:
    """Return a convolution forward and both its gradients, dx and dw, as one graph."""
    shapes = (n, h, w, c), (k, k, c, f), (n, (h + 2 - k) // stride + 1, (w + 2 - k) // stride + 1, f)
    x, weight, dy = (tc.to_device(noise(*shape), "gpu") for shape in shapes)
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

    def play(keep: Any = pool) -> None:  # the graph writes to its memory
        graph.launch(stream)

    return play
