"""tinycolor's side of the benchmark: what one call of each case does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import tinycolor as tc
from tinycolor.backend import Array
from tinycolor.ops.fast.choose import conv2d_algorithm
from tinycolor.threads import blas_threads
from tinycolor.training.adversarial import Duel

Step = Callable[[], Any]


def prepare(threads: int) -> None:
    """Allow so many lanes, and as many BLAS threads to the few products that run outside of lanes."""
    tc.lanes(threads)
    threadpool_limits(threads, user_api="blas")


def about() -> dict[str, str]:
    """Return what does the work on this side, for the report."""
    libraries = "; ".join(name for name, _ in blas_threads())
    return {"NumPy": np.__version__, "BLAS": libraries or "unknown to threadpoolctl"}


def make(name: str, layout: str) -> Step:
    """Return a function that does the work of a case once; the layout is PyTorch's business."""
    if name == "color-unet":
        return training_step(tc.networks.ColorUNet(), tc.losses.mse, *color_unet_batch())
    if name == "cross-circle":
        return training_step(tc.networks.CrossCircleCNN(), tc.losses.bce, *cross_circle_batch())
    if name == "pix2pix":
        return duel_step(*pix2pix(), *pix2pix_batch(1))
    if name == "pix2pix-inference":
        return inference(pix2pix()[0], pix2pix_batch(1)[0])
    return convolution(*map(int, name.removeprefix("conv:").split(",")))


def training_step(
    network: tc.Layer, loss_function: Callable[..., tuple[Array, Array]], x: Array, target: Array
) -> Step:
    """Return one whole step of training, with Adam, on always the same batch."""
    optimizer = tc.optim.Adam(network.parameters())

    def step() -> float:
        with tc.no_gradient_for(x):
            y, backward = network(x)
        loss, dy = loss_function(y, target)
        network.zero_grad()
        backward(dy)
        optimizer.step()
        return float(loss)

    return step


def duel_step(generator: tc.Layer, discriminator: tc.Layer, x: Array, real: Array) -> Step:
    """Return one whole step of pix2pix, in which both networks learn, on always the same batch."""
    duel = pix2pix_duel(generator, discriminator)
    return lambda: duel.step((x,), (), real)


def pix2pix_duel(generator: tc.Layer, discriminator: tc.Layer) -> Duel:
    """Return the two as they learn in the paper."""
    generator_optimizer, discriminator_optimizer = (
        tc.optim.Adam(network.parameters(), 2e-4, betas=(0.5, 0.999)) for network in (generator, discriminator)
    )
    return Duel(
        generator,
        discriminator,
        generator_optimizer,
        discriminator_optimizer,
        reconstruction=tc.losses.l1,
        discriminator_weight=0.5,
    )


def inference(network: tc.Layer, x: Array) -> Step:
    """Return what a network says of always the same batch, by its running statistics and without dropout."""
    return lambda: network.predict(x)


def pix2pix() -> tuple[tc.Layer, tc.Layer]:
    """Return generator and discriminator with their first weights."""
    return tc.networks.Pix2PixGenerator(), tc.networks.PatchDiscriminator()


def pix2pix_batch(pictures: int) -> tuple[Array, Array]:
    """Return noise for L*, and for a*b* within what the generator's tanh can say."""
    return noise(pictures, 256, 256, 1), np.tanh(noise(pictures, 256, 256, 2))


def color_unet_batch() -> tuple[Array, Array]:
    """Return noise for L* and for a*b*: the time does not depend on what is in the pictures."""
    return noise(16, 64, 64, 1), noise(16, 64, 64, 2)


def cross_circle_batch() -> tuple[Array, Array]:
    """Return noise, and for each picture one right answer of two."""
    return noise(32, 28, 28, 1), np.eye(2, dtype=np.float32)[np.arange(32) % 2]


def noise(*shape: int) -> Array:
    """Return normally distributed numbers, always the same."""
    return np.random.default_rng(1).standard_normal(shape, dtype=np.float32)


def convolution(n: int, c: int, h: int, w: int, f: int, k: int, stride: int) -> Step:
    """Return a convolution forward and both its gradients, dx and dw, as Conv2d calls them.

    The layer itself would add dw to the gradient that is there already. A training step pays for that, but it
    is no part of the convolution.
    """
    x, weight = noise(n, h, w, c), noise(k, k, c, f) * np.float32(0.05)
    dy = noise(n, (h + 2 - k) // stride + 1, (w + 2 - k) // stride + 1, f)
    steps = {"stride": (stride, stride), "padding": (1, 1), "dilation": (1, 1)}
    algorithm = conv2d_algorithm(x.shape, weight.shape, **steps)

    def step() -> tuple[Array, Array, Array]:
        y = algorithm.conv2d(x, weight, **steps)
        dw = algorithm.conv2d_dw(x, dy, (k, k), **steps)
        return y, algorithm.conv2d_dx(dy, weight, x.shape, **steps), dw

    return step
