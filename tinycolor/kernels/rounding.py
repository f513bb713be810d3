"""Who makes numbers for tensor cores rounds them to TF32 at once; here it is known of which arrays that is so.

>>> y = mark(norm_act(...))          # if wanted(): its kernel has rounded them
>>> conv_tensor.conv2d(y, weight)    # is_rounded(y): none of its warps need do it again

It saves work and changes no bit: what is rounded stays as it is when it is rounded again. ``tf32.cuh`` says how.
"""

from __future__ import annotations

import weakref
from functools import cache

from tinycolor.backend import Array, current_precision, gpu

TF32_SINCE = 80  # compute capability 8.0

_rounded: dict[int, weakref.ref[Array]] = {}


def wanted() -> bool:
    """Return whether tensor cores are to multiply: not in ``precision("fp32")``, nor on older GPUs."""
    return current_precision() == "tf32" and has_tf32()


@cache
def has_tf32() -> bool:
    """Return whether the tensor cores of the current GPU know TF32."""
    return int(gpu().cuda.Device().compute_capability) >= TF32_SINCE


def mark(array: Array) -> Array:
    """Note of a fresh array that all its numbers are TF32's, for as long as it lives; return it."""
    key = id(array)
    _rounded[key] = weakref.ref(array, lambda _: _rounded.pop(key, None))
    return array


def is_rounded(array: Array) -> bool:
    """Return whether this very array was marked; of views and copies of it nothing is known."""
    found = _rounded.get(id(array))
    return found is not None and found() is array
