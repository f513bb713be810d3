"""Which of the chapters on convolution a GPU computes with."""

from __future__ import annotations

from functools import cache
from types import ModuleType

from tinycolor.backend import current_precision, gpu
from tinycolor.kernels import conv_tensor, conv_tiled

TF32_SINCE = 80  # compute capability 8.0


def convolution() -> ModuleType:
    """Return the tensor cores' chapter, or for ``precision("fp32")`` and older GPUs the tiled one."""
    return conv_tensor if current_precision() == "tf32" and has_tf32() else conv_tiled


@cache
def has_tf32() -> bool:
    """Return whether the tensor cores of the current GPU know TF32."""
    return int(gpu().cuda.Device().compute_capability) >= TF32_SINCE
