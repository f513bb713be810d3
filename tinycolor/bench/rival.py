"""PyTorch's side of the benchmark: the same cases, written as one writes them in PyTorch.

Nothing of tinycolor is imported here. Importing it tells malloc to keep freed memory, which would change
PyTorch's times and its peak memory too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Step = Callable[[], Any]
MEMORY_FORMATS = {"default": torch.contiguous_format, "channels_last": torch.channels_last}


class ColorUNet(nn.Module):
    """The twin of ``tinycolor.networks.ColorUNet``, with its parameters in the same order."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        super().__init__()
        self.levels = level(1, widths)
        self.head = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a*b* (N, 2, H, W) for L* (N, 1, H, W)."""
        return self.head(self.levels(x))


class Skip(nn.Module):
    """What the inner layers make of x, and x itself beside it."""

    def __init__(self, *inner: nn.Module) -> None:
        super().__init__()
        self.inner = nn.Sequential(*inner)

    def forward(self, x: Tensor) -> Tensor:
        """Return both, the inner layers' channels first."""
        return torch.cat([self.inner(x), x], 1)


def level(in_channels: int, widths: tuple[int, ...]) -> nn.Module:
    """Return one level of the U with all that lies below it."""
    width, below = widths[0], widths[1:]
    if not below:
        return two_blocks(in_channels, width)
    around = Skip(nn.MaxPool2d(2), level(width, below), nn.Upsample(scale_factor=2))
    return nn.Sequential(two_blocks(in_channels, width), around, two_blocks(below[0] + width, width))


def two_blocks(in_channels: int, width: int) -> nn.Sequential:
    """Return two 3x3 convolutions, each with batch norm and ReLU."""
    layers: list[nn.Module] = []
    for channels in (in_channels, width):
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers)


def cross_circle() -> nn.Sequential:
    """Return the twin of ``tinycolor.networks.CrossCircleCNN``."""
    first = (nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    second = (nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(16 * 7 * 7, 2), nn.Sigmoid())


def prepare(threads: int) -> None:
    """Allow so many threads, and start all cases from the same numbers."""
    torch.set_num_threads(threads)
    torch.manual_seed(1)


def about() -> dict[str, str]:
    """Return what does the work on this side, for the report."""
    return {"PyTorch": f"{torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, eager, float32"}


def make(name: str, layout: str) -> Step:
    """Return a function that does the work of a case once, with all pictures and weights in a memory layout."""
    memory_format = MEMORY_FORMATS[layout]
    if name == "color-unet":
        batch = torch.randn(16, 1, 64, 64), torch.randn(16, 2, 64, 64)
        x, target = (array.contiguous(memory_format=memory_format) for array in batch)
        # The stub of `to` does not know of memory_format alone; at run time it is PyTorch's documented call.
        network: Any = ColorUNet()
        return training_step(network.to(memory_format=memory_format), functional.mse_loss, x, target)
    if name == "cross-circle":
        answers = functional.one_hot(torch.arange(32) % 2, 2).float()
        return training_step(cross_circle(), functional.binary_cross_entropy, torch.randn(32, 1, 28, 28), answers)
    return convolution(memory_format, *map(int, name.removeprefix("conv:").split(",")))


def training_step(network: nn.Module, loss_function: Callable[..., Tensor], x: Tensor, target: Tensor) -> Step:
    """Return one whole step of training, with Adam, on always the same batch."""
    optimizer = torch.optim.Adam(network.parameters())

    def step() -> float:
        loss = loss_function(network(x), target)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def convolution(
    memory_format: torch.memory_format, n: int, c: int, h: int, w: int, f: int, k: int, stride: int
) -> Step:
    """Return a convolution forward and both its gradients, for x and for the weight."""
    x = torch.randn(n, c, h, w).contiguous(memory_format=memory_format).requires_grad_()
    weight = (torch.randn(f, c, k, k) * 0.05).contiguous(memory_format=memory_format).requires_grad_()
    dy = torch.randn(n, f, (h + 2 - k) // stride + 1, (w + 2 - k) // stride + 1).contiguous(memory_format=memory_format)

    def step() -> tuple[Tensor, ...]:
        y = functional.conv2d(x, weight, stride=stride, padding=1)
        return torch.autograd.grad(y, (x, weight), dy)

    return step
