"""Which of the chapters on convolution a GPU computes with."""

from __future__ import annotations

from types import ModuleType

from tinycolor.kernels import conv_tensor, conv_tiled, rounding
from tinycolor.kernels.head import Head


def convolution() -> ModuleType:
    """Return the tensor cores' chapter, or for ``precision("fp32")`` and older GPUs the tiled one."""
    return conv_tensor if rounding.wanted() else conv_tiled


def head() -> Head:
    """Return the same for 1x1, stride 1, no padding and a handful of filters: forward has a chapter of its own."""
    return Head(way_back=convolution())
