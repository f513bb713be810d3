"""PyTorch's side of the benchmark on a GPU: each mode as its documentation writes it. TF32, as on our side."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

REPEATS = 20  # steps between two moments at which the CPU waits for the GPU
WARM_UPS = 3


def _rival() -> ModuleType:
    """rival.py, with the networks; not as a part of tinycolor, see there."""
    spec = importlib.util.spec_from_file_location("rival", Path(__file__).with_name("rival.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def prepare(threads: int) -> None:
    """Round to TF32 everywhere, and start all cases from the same numbers."""
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(1)


def about() -> dict[str, str]:
    """Return what does the work on this side, for the report."""
    return {"PyTorch": f"{torch.__version__}, cuDNN {torch.backends.cudnn.version()}, TF32"}


def make(name: str, layout: str) -> Callable[[], Any]:
    """Return a function that does the work of a case, in one of PyTorch's modes, ``REPEATS`` times, and waits."""
    mode, _, tail = layout.partition(",")
    channels_last = "channels_last" in (mode, tail)
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    kind, _, numbers = name.partition(":")
    if kind == "conv":
        return repeated(recorded(convolved(memory_format, *map(int, numbers.split(",")))))
    step = make_step(kind, int(numbers), memory_format, mode)
    return repeated(recorded(step) if mode == "graph" else step)


def make_step(kind: str, batch: int, memory_format: torch.memory_format, mode: str) -> Callable[[], Any]:
    """Return what a network does in one step, of training unless the case is called inference."""

    def prepared(network: Any) -> Any:
        return torch.compile(network, mode="reduce-overhead") if mode == "compile" else network

    graph = mode == "graph"  # what is in a graph must not read its step count from the CPU
    rival = _rival()
    if kind.startswith("pix2pix"):
        generator, discriminator = map(prepared, rival.pix2pix(memory_format, "cuda"))
        x, real = rival.pix2pix_pictures(memory_format, batch, "cuda")
        if kind == "pix2pix-inference":
            return rival.inference(generator, x)
        return rival.duel_step(generator, discriminator, x, real, capturable=graph)
    network, loss_function, x, target = training(rival.networks, kind, batch, memory_format)
    network = prepared(network)
    optimizer = torch.optim.Adam(network.parameters(), capturable=graph)

    def step() -> Tensor:
        loss = loss_function(network(x), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss

    return step


def training(
    networks: Any, kind: str, batch: int, memory_format: torch.memory_format
) -> tuple[Any, Callable[..., Tensor], Tensor, Any]:
    """Return network, loss, a batch of noise, and what it should be."""
    network = {"color-unet": networks.ColorUNet, "cross-circle": networks.cross_circle, "iizuka": networks.Iizuka}[kind]

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, device="cuda").contiguous(memory_format=memory_format)

    loss_function: Callable[..., Tensor] = functional.mse_loss
    target: Any
    if kind == "color-unet":
        x, target = noise(batch, 1, 64, 64), noise(batch, 2, 64, 64)
    elif kind == "iizuka":
        loss_function, x = colour_and_scene_loss, noise(batch, 1, 224, 224)
        target = noise(batch, 2, 112, 112), torch.arange(batch, device="cuda")
    else:
        loss_function = functional.binary_cross_entropy
        x, target = noise(batch, 1, 28, 28), (torch.randn(batch, 2, device="cuda") > 0).float()
    return network().cuda().to(memory_format=memory_format), loss_function, x, target


def colour_and_scene_loss(y: tuple[Tensor, Tensor], target: tuple[Tensor, Tensor]) -> Tensor:
    """Mean squared error of the colours, and 1/300 of the cross-entropy of the scenes."""
    return functional.mse_loss(y[0], target[0]) + functional.cross_entropy(y[1], target[1]) / 300


def convolved(
    memory_format: torch.memory_format, n: int, c: int, h: int, w: int, f: int, k: int, stride: int
) -> Callable[[], Any]:
    """Return a convolution forward and both its gradients."""
    shapes = (n, c, h, w), (f, c, k, k), (n, f, (h + 2 - k) // stride + 1, (w + 2 - k) // stride + 1)
    x, weight, dy = (torch.randn(shape, device="cuda").contiguous(memory_format=memory_format) for shape in shapes)
    settings = (None, [stride, stride], [1, 1], [1, 1], False, [0, 0], 1, [True, True, False])

    def step() -> tuple[Any, ...]:
        y = functional.conv2d(x, weight, stride=stride, padding=1)
        return y, *torch.ops.aten.convolution_backward(dy, x, weight, *settings)

    return step


def recorded(step: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that plays a step back as one CUDA graph."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def repeated(step: Callable[[], Any]) -> Callable[[], Any]:
    """Return a function that does something ``REPEATS`` times, and waits for it once."""

    def many() -> None:
        for _ in range(REPEATS):
            step()
        torch.cuda.synchronize()

    many.repeats = REPEATS  # type: ignore[attr-defined]
    return many
