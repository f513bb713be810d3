"""Which of the chapters on convolution a GPU computes with."""

from __future__ import annotations

from types import ModuleType

from tinycolor.kernels import conv_tensor, conv_tiled, rounding
from tinycolor.kernels.head import Head


def convolution() -> ModuleType:
    """Return the tensor cores' chapter, or for ``precision("fp32")`` and older GPUs the tiled one."""
    return conv_tensor if rounding.wanted() else conv_tiled


def head() -> Head:
    """Return what convolves by a few filters of 1x1, stride 1, no padding: ``head``, and back as ``convolution()``."""
    return Head(way_back=convolution())
