"""Who makes numbers for tensor cores rounds them to TF32 at once; here it is known of which arrays that is so.

>>> y = mark(norm_act(...))          # if wanted(): its kernel has rounded them
>>> conv_tensor.conv2d(y, weight)    # is_rounded(y): none of its warps need do it again

It saves work and changes no bit: what is rounded stays as it is when it is rounded again. ``tf32.cuh`` says how.
Normalisations round y and dx; ReLU, pooling and upsampling only move numbers, and mark their y if x is marked.
Weights must stay exact, or rounding would undo every small step; of them there are rounded copies:

>>> with rounded_weights(optimizer.data):
...     y, backward = network(x)     # every convolution takes the copy of its weights
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import numpy as np

from tinycolor.backend import Array, current_precision, gpu, on_gpu
from tinycolor.kernels import loader
from tinycolor.kernels.notes import Notes

TF32_SINCE = 80  # compute capability 8.0

rounded_arrays: Notes[bool] = Notes()
_copied: ContextVar[tuple[tuple[Array, Array], ...]] = ContextVar("copied", default=())  # weights, and their copy


def wanted() -> bool:
    """Return whether tensor cores are to multiply: not in ``precision("fp32")``, nor on older GPUs."""
    return current_precision() == "tf32" and has_tf32()


@cache
def has_tf32() -> bool:
    """Return whether the tensor cores of the current GPU know TF32."""
    return int(gpu().cuda.Device().compute_capability) >= TF32_SINCE


def mark(array: Array) -> Array:
    """Note of a fresh array that all its numbers are TF32's; return it."""
    rounded_arrays.add(array, True)
    return array


def is_rounded(array: Array) -> bool:
    """Return whether this very array was marked; of views and copies of it nothing is known."""
    return rounded_arrays.of(array) is True


def rounded(array: Array) -> Array:
    """Return a copy, float32, of which all numbers are rounded to TF32, and known to be."""
    (array,) = loader.floats(array)
    copy = loader.empty(array, array.shape)
    loader.launch_each("rounding", "round_all", array.size, (array, copy, np.int64(array.size)))
    return mark(copy)


@contextmanager
def rounded_weights(weights: Array) -> Iterator[None]:
    """Round all weights of a network at once, (count,) as an optimizer has packed them; none may move inside.

    Does nothing on a CPU, for float64, or where no tensor core is to multiply.
    """
    if not (on_gpu(weights) and weights.dtype == np.float32 and wanted()):
        yield
        return
    token = _copied.set((*_copied.get(), (weights, rounded(weights))))
    try:
        yield
    finally:
        _copied.reset(token)


def rounded_copy(weight: Array) -> Array:
    """Return the rounded copy of a weight, if it is one of those that were rounded; else itself."""
    for weights, copy in _copied.get():
        first = (loader.address(weight) - loader.address(weights)) // weights.itemsize
        if weight.flags.c_contiguous and 0 <= first <= weights.size - weight.size:
            return mark(copy[first : first + weight.size].reshape(weight.shape))
    return weight
