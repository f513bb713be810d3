"""Which algorithm a layer takes: a pure function of shape, dtype and device, so the same run gives the same bits.

Convolutions on a CPU:

===========  ======================================================================================
plain        ``ops/conv.py``. Small work, where a learner steps through it; few output pixels, where
             laying the filters out anew would cost more than the product; stride and dilation
             together.
winograd     3x3, stride 1, at least 32 channels in and out: a quarter of the multiplications.
             With fewer channels its transforms cost more than it saves.
turned       At most 4 filters and more channels than filters, larger than 1x1, stride 1, padding
             narrower than the window: the few channels of y are moved about, not the many of x.
blocked      everything else: the same sums as plain, a cacheful at a time. With few output pixels for
             each filter (``blocked.PIXELS_PER_FILTER``) it leaves dx to plain.
===========  ======================================================================================

The thresholds come from timing single convolutions, as ``tinycolor bench --case conv`` does.

On a GPU float32 is for the kernels, see ``tinycolor/kernels``; float64 takes the plain path there too.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType
from typing import Any, Protocol, cast

from tinycolor.backend import Array, on_gpu
from tinycolor.kernels import activation as gpu_activation
from tinycolor.kernels import bias as gpu_bias
from tinycolor.kernels import conv as gpu_conv
from tinycolor.kernels import dropout as gpu_dropout
from tinycolor.kernels import linear as gpu_linear
from tinycolor.kernels import norm_act as gpu_norm_act
from tinycolor.kernels import pool as gpu_pool
from tinycolor.kernels import upsample as gpu_upsample
from tinycolor.ops import activation, bias, dropout, linear, pool, upsample
from tinycolor.ops import conv as plain
from tinycolor.ops.conv import NONE, ONE
from tinycolor.ops.fast import blocked, norm_act, turned, winograd
from tinycolor.ops.shapes import Pair, window_count

SMALL_PRODUCTS = 1 << 20
FEW_PIXELS = 256
WINOGRAD_CHANNELS = 32
FEW_FILTERS = 4

TWINS = {
    activation: gpu_activation,
    bias: gpu_bias,
    dropout: gpu_dropout,
    linear: gpu_linear,
    norm_act: gpu_norm_act,
    pool: gpu_pool,
    upsample: gpu_upsample,
}


class Conv2dAlgorithm(Protocol):
    """A module with the three directions of a convolution, all of one signature."""

    __name__: str

    def conv2d(
        self, x: Array, weight: Array, bias: Array | None = None, *, stride: Pair, padding: Pair, dilation: Pair
    ) -> Array: ...

    def conv2d_dx(
        self, dy: Array, weight: Array, x_shape: tuple[int, ...], *, stride: Pair, padding: Pair, dilation: Pair
    ) -> Array: ...

    def conv2d_dw(
        self, x: Array, dy: Array, kernel_size: Pair, *, stride: Pair, padding: Pair, dilation: Pair
    ) -> Array: ...


def conv2d_algorithm(
    x_shape: tuple[int, ...],
    weight_shape: tuple[int, ...],
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
    like: Array | None = None,
) -> Conv2dAlgorithm:
    """Return the module to convolve x (N, H, W, C) by weight (kh, kw, C, F) with, where ``like`` is; None: a CPU."""
    kh, kw, c, f = weight_shape
    if like is not None and on_gpu(like):
        if not runs_kernels(like):
            return cast(Conv2dAlgorithm, plain)
        is_head = (kh, kw) == stride == ONE and padding == NONE and f <= FEW_FILTERS
        return cast(Conv2dAlgorithm, gpu_conv.head() if is_head else gpu_conv.convolution())
    n, h, w, _ = x_shape
    ho = window_count(h, kh, stride[0], padding[0], dilation[0])
    wo = window_count(w, kw, stride[1], padding[1], dilation[1])
    products = n * ho * wo * math.prod(weight_shape)
    if products < SMALL_PRODUCTS or n * ho * wo < FEW_PIXELS or ONE not in (stride, dilation):
        return cast(Conv2dAlgorithm, plain)
    if (kh, kw) == (3, 3) and stride == dilation == ONE and max(padding) <= 2 and min(c, f) >= WINOGRAD_CHANNELS:
        return cast(Conv2dAlgorithm, winograd)
    turns = stride == ONE != (kh, kw) and min(turned.other_padding((kh, kw), padding, dilation)) >= 0
    if f <= FEW_FILTERS < c and turns:
        return cast(Conv2dAlgorithm, turned)
    return cast(Conv2dAlgorithm, blocked)


def runs_kernels(x: Array) -> bool:
    """Return whether x is for the kernels: float32 on a GPU."""
    return on_gpu(x) and x.dtype == "float32"


def twin(ops: ModuleType, x: Array) -> ModuleType:
    """Return the kernels that stand in for a module of ``ops``, of the same names, where x is; else the module."""
    return TWINS[ops] if runs_kernels(x) else ops


def fuses_norm_act(x: Array) -> bool:
    """Return whether there is a fused batch normalisation where x is: not for float64 on a GPU."""
    return not on_gpu(x) or runs_kernels(x)


def add_to(grad: Array, gradient: Callable[..., Array], *given: Any, **steps: Any) -> None:
    """Add to what a parameter has gathered: ``grad += gradient(*given, **steps)``; kernels add straight ``onto`` it."""
    if runs_kernels(grad):
        gradient(*given, **steps, onto=grad)
    else:
        grad += gradient(*given, **steps)
