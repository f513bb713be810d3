"""Which of the chapters on convolution a GPU computes with."""

from __future__ import annotations

from types import ModuleType

from tinycolor.kernels import conv_tensor, conv_tiled, rounding


def convolution() -> ModuleType:
    """Return the tensor cores' chapter, or for ``precision("fp32")`` and older GPUs the tiled one."""
    return conv_tensor if rounding.wanted() else conv_tiled
