"""The sizes of a sliding window, as ``windows.cuh`` wants them."""

from __future__ import annotations

import numpy as np

from tinycolor.kernels.loader import struct
from tinycolor.ops.conv import NONE, ONE
from tinycolor.ops.shapes import Pair, window_count


def places(x_shape: tuple[int, ...], kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """Return how often a window stops along the height and the width."""
    ho, wo = (
        window_count(x_shape[1 + axis], kernel_size[axis], stride[axis], padding[axis], dilation[axis])
        for axis in (0, 1)
    )
    return ho, wo


def windows(
    x_shape: tuple[int, ...],
    size: Pair,
    filters: int,
    kernel_size: Pair,
    stride: Pair,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> np.ndarray:
    """Return the struct ``Windows``: over x (N, H, W, C), stopping at ``size`` (Ho, Wo) places."""
    n, h, w, c = x_shape
    (ho, wo), (kh, kw), (sh, sw), (ph, pw), (dh, dw) = size, kernel_size, stride, padding, dilation
    return struct(
        "Windows",
        **{"n": n, "h": h, "w": w, "c": c, "ho": ho, "wo": wo, "f": filters},
        **{"kh": kh, "kw": kw, "sh": sh, "sw": sw, "ph": ph, "pw": pw, "dh": dh, "dw": dw},
    )
