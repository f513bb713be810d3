"""What is measured on a GPU, and the ways in which PyTorch does it."""

from __future__ import annotations

from tinycolor.bench.plan import CHANNELS_LAST, DEFAULT, Case

EAGER = (DEFAULT, CHANNELS_LAST)
MODES = (*EAGER, "graph", "graph,channels_last", "compile")
"""``graph`` is one CUDA graph of the whole step, ``compile`` is ``torch.compile(mode="reduce-overhead")``."""

CONVOLUTIONS = (
    (64, 32, 64, 64, 32, 3, 1),
    (64, 64, 32, 32, 64, 3, 1),
    (64, 128, 16, 16, 128, 3, 1),
    (32, 256, 28, 28, 512, 3, 1),
    (1, 64, 128, 128, 128, 4, 2),
    (64, 64, 32, 32, 128, 4, 2),
    (16, 512, 8, 8, 512, 4, 2),
)
"""Pictures, channels, height, width, filters, kernel size, stride; the padding is always 1, and there is no bias."""


def _convolution(shape: tuple[int, ...]) -> Case:
    n, c, h, w, f, k, stride = shape
    label = f"convolution {n}x{h}x{w}x{c} to {f}, {k}x{k}, stride {stride}"
    return Case("conv:" + ",".join(map(str, shape)), "conv", label, ("graph", "graph,channels_last"))


CASES = (
    Case("cross-circle:32", "cross-circle", "CrossCircleCNN training step, 28x28, batch 32", MODES),
    Case("color-unet:16", "color-unet", "ColorUNet training step, 64x64, batch 16", MODES),
    Case("color-unet:128", "color-unet", "ColorUNet training step, 64x64, batch 128", MODES),
    Case("pix2pix:1", "pix2pix", "pix2pix training step, 256x256, batch 1", MODES),
    Case("pix2pix:16", "pix2pix", "pix2pix training step, 256x256, batch 16", MODES),
    Case("pix2pix-inference:1", "pix2pix", "pix2pix inference, 256x256, batch 1", MODES),
    Case("iizuka:16", "iizuka", "Iizuka training step, 224x224, batch 16", MODES),
    *map(_convolution, CONVOLUTIONS),
)
