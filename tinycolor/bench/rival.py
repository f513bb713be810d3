"""PyTorch's side of the benchmark: the same cases, written as one writes them in PyTorch.

Nothing of tinycolor is imported here. Importing it tells malloc to keep freed memory, which would change
PyTorch's times and its peak memory too.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

Step = Callable[[], Any]
MEMORY_FORMATS = {"default": torch.contiguous_format, "channels_last": torch.channels_last}


def beside(name: str) -> ModuleType:
    """Return a module that lies beside this one, not as a part of tinycolor."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


networks = beside("torch_networks")


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
        network = networks.ColorUNet().to(memory_format=memory_format)
        return training_step(network, functional.mse_loss, x, target)
    if name == "cross-circle":
        network = networks.cross_circle()
        answers = functional.one_hot(torch.arange(32) % 2, 2).float()
        return training_step(network, functional.binary_cross_entropy, torch.randn(32, 1, 28, 28), answers)
    if name == "pix2pix":
        return duel_step(*pix2pix(memory_format), *pix2pix_pictures(memory_format))
    if name == "pix2pix-inference":
        return inference(pix2pix(memory_format)[0], pix2pix_pictures(memory_format)[0])
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


def pix2pix(memory_format: torch.memory_format, device: str = "cpu") -> tuple[Any, Any]:
    """Return generator and discriminator with their first weights."""
    both = networks.pix2pix_generator(), networks.patch_discriminator()
    generator, discriminator = (network.apply(networks.pix2pix_weights) for network in both)
    return generator.to(device, memory_format=memory_format), discriminator.to(device, memory_format=memory_format)


def pix2pix_pictures(memory_format: torch.memory_format, batch: int = 1, device: str = "cpu") -> tuple[Tensor, Tensor]:
    """Return noise for L* and for a*b*, of 256 x 256."""
    noise = torch.randn(batch, 1, 256, 256), torch.tanh(torch.randn(batch, 2, 256, 256))
    x, real = (array.to(device).contiguous(memory_format=memory_format) for array in noise)
    return x, real


def inference(network: nn.Module, x: Tensor) -> Step:
    """Return what a network says of always the same batch, by its running statistics and without dropout."""
    network.eval()

    @torch.inference_mode()
    def step() -> Tensor:
        return network(x)

    return step


def duel_step(generator: Any, discriminator: Any, x: Tensor, real: Tensor, capturable: bool = False) -> Step:
    """Return one step of pix2pix as its authors make it: the discriminator on real and fake, then the generator."""
    settings: dict[str, Any] = {"lr": 2e-4, "betas": (0.5, 0.999), "capturable": capturable}
    generator_optimizer = torch.optim.Adam(generator.parameters(), **settings)
    discriminator_optimizer = torch.optim.Adam(discriminator.parameters(), **settings)

    def verdict(pictures: Tensor, truth: float) -> Tensor:
        logits = discriminator(torch.cat([x, pictures], 1))
        return functional.binary_cross_entropy_with_logits(logits, torch.full_like(logits, truth))

    def step() -> tuple[Tensor, Tensor]:
        fake = generator(x)
        discriminator.requires_grad_(True)
        discriminator_optimizer.zero_grad()
        discriminator_loss = (verdict(fake.detach(), 0.0) + verdict(real, 1.0)) * 0.5
        discriminator_loss.backward()
        discriminator_optimizer.step()
        discriminator.requires_grad_(False)
        generator_optimizer.zero_grad()
        generator_loss = verdict(fake, 1.0) + 100 * functional.l1_loss(fake, real)
        generator_loss.backward()
        generator_optimizer.step()
        return discriminator_loss, generator_loss

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
