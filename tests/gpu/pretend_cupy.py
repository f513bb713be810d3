"""A module that stands in for CuPy.

It offers less than CuPy and never more: ``test_pretend_cupy.py`` compares the names with those of an installed CuPy.
Where CuPy refuses, it refuses: NumPy arrays in its functions, its arrays in NumPy's conversions, lists as operands.

    monkeypatch.setitem(sys.modules, "cupy", pretend_cupy.make())
"""

from __future__ import annotations

import functools
from types import ModuleType, SimpleNamespace

import numpy as np
import pretend_cuda
from pretend_array import computed, ndarray, numbers_of, poisoned, viewed, written
from pretend_cuda import machine

COMPUTED = """
abs absolute add all any arctan2 argmax argmin argsort bitwise_and bitwise_or bitwise_xor cbrt ceil clip concatenate
cos cumsum divide equal exp expm1 flip floor floor_divide greater greater_equal hypot interp invert isfinite isinf
isnan left_shift less less_equal log log10 log1p log2 logical_and logical_not logical_or max maximum mean min
minimum mod multiply negative not_equal outer pad partition power prod remainder repeat right_shift rint roll
searchsorted sign sin sqrt square stack std subtract sum take tan tanh tile true_divide var where
"""
CUBLAS = "dot matmul tensordot"
VIEWS = "broadcast_to expand_dims moveaxis ravel reshape squeeze swapaxes transpose"
FILLED = "arange eye full ones zeros"
FILLED_LIKE = "full_like ones_like zeros_like"
TYPES = "bool_ uint8 uint16 uint32 uint64 int8 int16 int32 int64 float16 float32 float64"


def make():
    """Return the module, with a fresh GPU."""
    machine.reset()
    cupy = ModuleType("cupy")
    ndarray.cupy = cupy
    for names, wrap in (
        (COMPUTED, work), (CUBLAS, product), (VIEWS, rearranged), (FILLED, filled), (FILLED_LIKE, filled_like),
    ):  # fmt: skip
        for name in names.split():
            setattr(cupy, name, wrap(getattr(np, name)))
    for function in (array, asarray, asnumpy, ascontiguousarray, array_equal, copyto, empty, empty_like, shape):
        setattr(cupy, function.__name__, function)
    for name in TYPES.split():
        setattr(cupy, name, getattr(np, name))
    cupy.inf, cupy.nan, cupy.pi, cupy.newaxis = np.inf, np.nan, np.pi, None
    cupy.shares_memory = lambda one, other: bool(np.shares_memory(one.numbers, other.numbers))
    cupy.lib = SimpleNamespace(stride_tricks=SimpleNamespace(as_strided=as_strided))
    cupy.ndarray, cupy.RawModule, cupy.cuda = ndarray, pretend_cuda.RawModule, cuda()
    cupy.get_default_memory_pool = lambda: machine.default_pool
    cupy.__version__ = "14.2.0"
    return cupy


def work(function):
    @functools.wraps(function)
    def wrapped(*args, out=None, **kwargs):
        kwargs = {name: numbers_of(value) for name, value in kwargs.items()}
        return computed(function, *args, out=out, **kwargs)

    return wrapped


def product(function):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        answer = computed(function, *args, **kwargs)
        machine.refuse_cublas_in_capture(answer)
        return answer

    return wrapped


def rearranged(function):
    @functools.wraps(function)
    def wrapped(array, *args, **kwargs):
        return viewed(lambda numbers: function(numbers, *args, **kwargs), array)

    return wrapped


def filled(function):
    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        numbers = function(*map(numbers_of, args), **kwargs)
        fresh = poisoned(numbers.shape, numbers.dtype)
        target = fresh.numbers

        def fill():
            target[...] = numbers

        machine.issue(fill, [], [fresh.memory])
        return fresh

    return wrapped


def filled_like(function):
    make_one = filled(getattr(np, function.__name__.removesuffix("_like")))

    @functools.wraps(function)
    def wrapped(array, *args, dtype=None):
        return make_one(array.shape, *args, dtype=dtype or array.dtype)

    return wrapped


def empty(shape, dtype=float):
    return poisoned(shape, dtype)


def empty_like(array, dtype=None):
    return poisoned(array.shape, dtype or array.dtype)


def array(given, dtype=None, copy=True):
    if isinstance(given, ndarray):
        return given.astype(dtype or given.dtype, copy)
    numbers = np.array(given, dtype)
    if numbers.dtype.kind not in "biufc":
        raise ValueError(f"Unsupported dtype {numbers.dtype}")
    if numbers.ndim:  # a single number is filled in
        machine.refuse_in_capture("H2D transfers")
    fresh = written(numbers)
    if isinstance(given, np.ndarray) and machine.is_pinned(given):
        machine.fetch(given)  # of other memory a copy is made at once
    return fresh


def asarray(given, dtype=None):
    return array(given, dtype, copy=False)


def asnumpy(given):
    return given.get() if isinstance(given, ndarray) else np.asarray(given)


def ascontiguousarray(given):
    if not isinstance(given, ndarray):
        raise TypeError("stricter than CuPy: to move an array to the GPU say asarray")
    return given if given.flags.c_contiguous else given.copy()


def array_equal(one, other, equal_nan=False):
    return computed(np.array_equal, one, other, equal_nan=equal_nan)


def copyto(target, source):
    target[...] = source


def shape(given):
    return given.shape


def as_strided(x, shape=None, strides=None):
    return ndarray(np.lib.stride_tricks.as_strided(x.numbers, shape, strides), x)


class Device:
    id = 0
    compute_capability = property(lambda self: machine.capability)
    mem_info = property(lambda self: (machine.limit - machine.held(), machine.limit))

    def synchronize(self):
        machine.refuse_in_capture("synchronous API calls")
        machine.wait(dict.fromkeys(range(machine.streams + 1), 1 << 60))


def stream(null=False, non_blocking=False):
    if not non_blocking:
        raise NotImplementedError("streams that wait for the default stream are not pretended")
    machine.streams += 1
    return pretend_cuda.Stream(machine.streams)


def cuda():
    """Return ``cupy.cuda``."""
    return SimpleNamespace(
        is_available=lambda: True,
        Device=Device,
        Stream=stream,
        Event=pretend_cuda.Event,
        Memory=pretend_cuda.Allocation,
        MemoryPointer=lambda memory, offset: SimpleNamespace(mem=memory),
        MemoryPool=pretend_cuda.MemoryPool,
        using_allocator=pretend_cuda.using_allocator,
        alloc_pinned_memory=machine.alloc_pinned_memory,
        get_current_stream=lambda: machine.stream,
        memory=SimpleNamespace(OutOfMemoryError=pretend_cuda.OutOfMemoryError),
        runtime=SimpleNamespace(
            CUDARuntimeError=pretend_cuda.CUDARuntimeError,
            getDeviceCount=lambda: 1,
            getDeviceProperties=lambda number: {"name": b"Pretended GPU"},
            driverGetVersion=lambda: 13000,
            runtimeGetVersion=lambda: 13020,
        ),
    )
