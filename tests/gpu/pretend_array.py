"""The arrays of the pretended CuPy: NumPy's, wrapped so that they mix with none."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
from pretend_cuda import Memory, machine

SCALARS = (bool, int, float, complex, np.generic)
REDUCTIONS = "all any argmax argmin argsort cumsum max mean min prod std sum var"
VIEWS = "ravel reshape squeeze swapaxes transpose"

OPERATORS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide, "floordiv": np.floor_divide,
    "mod": np.remainder, "pow": np.power, "lshift": np.left_shift, "rshift": np.right_shift, "and": np.bitwise_and,
    "or": np.bitwise_or, "xor": np.bitwise_xor, "matmul": np.matmul,
}  # fmt: skip
COMPARISONS = {
    "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal, "eq": np.equal, "ne": np.not_equal,
}  # fmt: skip
UNARY = {"neg": np.negative, "abs": np.absolute, "invert": np.invert}


class ndarray:  # noqa: N801 (CuPy's name)
    """An array on the pretended GPU; ``numbers`` are what NumPy computes with."""

    __array_priority__ = 100
    __hash__ = None
    cupy = None  # the module, where NumPy's functions find ours

    def __init__(self, numbers, base=None):
        self.numbers = numbers
        self.base = base if base is None or base.base is None else base.base
        if base is None:
            assert not machine.capturing or machine.pool is not machine.default_pool, "a graph has memory of its own"
            self.memory = Memory()
            self.room = np.empty(0)  # what Python's collector does not know is gone no sooner than the array
            machine.pool.take(numbers.nbytes, self.room)
        else:
            self.memory = base.memory

    shape = property(lambda self: self.numbers.shape)
    strides = property(lambda self: self.numbers.strides)
    dtype = property(lambda self: self.numbers.dtype)
    size = property(lambda self: self.numbers.size)
    ndim = property(lambda self: self.numbers.ndim)
    nbytes = property(lambda self: self.numbers.nbytes)
    itemsize = property(lambda self: self.numbers.itemsize)
    T = property(lambda self: self.transpose())
    data = property(lambda self: SimpleNamespace(ptr=self.numbers.ctypes.data))

    @property
    def flags(self):
        flags = self.numbers.flags  # CuPy's know no writeable
        return SimpleNamespace(c_contiguous=flags.c_contiguous, f_contiguous=flags.f_contiguous)

    # To the host and from it.

    def __array__(self, *args, **kwargs):
        raise TypeError(
            "Implicit conversion to a NumPy array is not allowed. "
            "Please use `.get()` to construct a NumPy array explicitly."
        )

    def get(self):
        machine.refuse_in_capture("D2H transfers")
        machine.issue(lambda: None, [self.memory], [])
        machine.stream.synchronize()
        return self.numbers.copy()

    def set(self, array):
        if not isinstance(array, np.ndarray):
            raise TypeError("Only numpy.ndarray can be set to cupy.ndarray")
        if (array.dtype, array.shape) != (self.dtype, self.shape):
            raise ValueError(f"Shape mismatch. Old shape: {self.shape}, new shape: {array.shape}")
        if not (self.flags.c_contiguous or self.flags.f_contiguous):
            raise RuntimeError("Cannot set to non-contiguous array")
        machine.refuse_in_capture("H2D transfers")
        machine.issue(lambda: None, [], [self.memory])
        machine.fetch(array)
        self.numbers[...] = array

    def item(self):
        return self.get().item()

    def tolist(self):
        return self.get().tolist()

    def __bool__(self):
        return bool(self.get())

    def __float__(self):
        return float(self.get())

    def __int__(self):
        return int(self.get())

    def __repr__(self):
        return repr(self.get())

    def __format__(self, how):
        return format(self.get(), how)

    def __len__(self):
        return len(self.numbers)

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    # NumPy's functions hand over to ours of the same name, where there is one.

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        function = getattr(self.cupy, ufunc.__name__, None)
        if method != "__call__" or function is None:
            return NotImplemented
        if "out" in kwargs:
            (kwargs["out"],) = kwargs["out"]
        return function(*inputs, **kwargs)

    def __array_function__(self, function, types, args, kwargs):
        ours = getattr(self.cupy, function.__name__, None)
        if ours is None or ours is function or not set(types) <= {ndarray, np.ndarray}:
            return NotImplemented
        return ours(*args, **kwargs)

    # Parts and copies.

    def __getitem__(self, where):
        parts = numbers_at(where if isinstance(where, tuple) else (where,))
        if any(isinstance(part, np.ndarray | list) for part in parts):
            return computed(lambda numbers: numbers[parts], self, name="getitem")
        if not any(part is Ellipsis for part in parts):
            parts = (*parts, ...)  # so that a single number comes as an array too
        return ndarray(self.numbers[parts], self)

    def __setitem__(self, where, value):
        if isinstance(value, np.ndarray) and value.ndim:
            raise ValueError("non-scalar numpy.ndarray cannot be used for fill")
        if not isinstance(value, (ndarray, np.ndarray, *SCALARS)):
            raise TypeError(f"Unsupported type {type(value)}")
        machine.compile("setitem", self.dtype, getattr(value, "dtype", type(value)))
        given, place, numbers = getattr(value, "numbers", value), numbers_at(where), self.numbers

        def assign():
            with np.errstate(all="ignore"):
                numbers[place] = given

        machine.issue(assign, [value.memory] if isinstance(value, ndarray) else [], [self.memory])

    def copy(self, order="C"):
        return computed(np.array, self, name="copy", order=order)

    __copy__ = copy

    def __deepcopy__(self, memo):
        return self.copy()

    def fill(self, value):
        self[...] = value

    def astype(self, dtype, copy=True):
        if not copy and self.dtype == np.dtype(dtype):
            return self
        return computed(lambda numbers: numbers.astype(dtype), self, name=f"astype {np.dtype(dtype)}")

    def flatten(self):
        return self.ravel().copy()

    def view(self, dtype):
        return viewed(lambda numbers: numbers.view(dtype), self)

    def take(self, indices, axis=None):
        return computed(np.take, self, indices, axis=axis)

    def repeat(self, repeats, axis=None):
        return computed(np.repeat, self, repeats, axis=axis)

    def clip(self, low=None, high=None):
        return computed(np.clip, self, low, high)

    def dot(self, other):
        return self.cupy.dot(self, other)


def numbers_at(where):
    """An index, as NumPy takes it."""
    return tuple(map(numbers_at, where)) if isinstance(where, tuple) else getattr(where, "numbers", where)


def numbers_of(argument):
    """Return what NumPy computes with; refuse what CuPy does not take as an operand."""
    if isinstance(argument, ndarray):
        return argument.numbers
    if isinstance(argument, list | tuple):
        return type(argument)(map(numbers_of, argument))
    if isinstance(argument, np.ndarray):
        raise TypeError(f"Unsupported type {type(argument)}")
    return argument


def arrays_in(arguments):
    for argument in arguments:
        if isinstance(argument, list | tuple):
            yield from arrays_in(argument)
        elif isinstance(argument, ndarray):
            yield argument


def computed(function, *args, name=None, out=None, **kwargs):
    """One piece of work: ``out``, or a fresh array, gets what a function of NumPy's says."""
    given = [numbers_of(argument) for argument in args]
    arrays = list(arrays_in(args))
    machine.compile(name or function.__name__, *(array.dtype for array in arrays))
    reads = [array.memory for array in arrays]

    def result(**more):
        with np.errstate(all="ignore"):  # a GPU does not warn
            return np.asarray(function(*given, **kwargs, **more))

    if out is not None:
        target = numbers_of(out)
        machine.issue(lambda: result(out=target), reads, [out.memory])
        return out
    if not machine.capturing:
        machine.issue(lambda: None, reads, [])
        numbers = result()
        return written(numbers if numbers.base is None else numbers.copy(order="K"))
    shape_giver = result()  # its numbers are those of the day of the capture
    fresh = poisoned(shape_giver.shape, shape_giver.dtype)
    target = fresh.numbers  # a graph holds no array: their memory is given to the next while it is captured

    def work():
        target[...] = result()

    machine.issue(work, reads, [fresh.memory])
    return fresh


def viewed(function, array):
    """The same memory seen otherwise, if that can be; else a copy."""
    numbers = function(array.numbers)
    if numbers.size == 0 or np.shares_memory(numbers, array.numbers):
        return ndarray(numbers, array)
    return computed(function, array, name="copy")


def written(numbers):
    array = ndarray(numbers)
    machine.issue(lambda: None, [], [array.memory])
    return array


def poisoned(shape, dtype):
    """A fresh array; nobody may rely on what is in it."""
    size = int(np.prod(shape, dtype=np.int64))
    return ndarray(np.full(size * np.dtype(dtype).itemsize, 0xFF, np.uint8).view(dtype).reshape(shape))


def refuse_strangers(other):
    if not isinstance(other, (ndarray, *SCALARS)):
        raise TypeError(f"Unsupported type {type(other)}")


def binary(function, forward=True):
    def operator(self, other):
        refuse_strangers(other)
        answer = computed(function, *((self, other) if forward else (other, self)))
        if function is np.matmul:
            machine.refuse_cublas_in_capture(answer)
        return answer

    return operator


def in_place(function):
    def operator(self, other):
        refuse_strangers(other)
        return computed(function, self, other, out=self)

    return operator


def unary(function):
    return lambda self: computed(function, self)


def reduction(name):
    def method(self, axis=None, **kwargs):
        assert set(kwargs) <= {"dtype", "keepdims", "out"}, f"{name}: CuPy knows no {set(kwargs)}"
        return computed(getattr(np, name), self, axis=axis, **kwargs)

    return method


def view(name):
    return lambda self, *how: viewed(lambda numbers: getattr(numbers, name)(*how), self)


for name, function in OPERATORS.items():
    setattr(ndarray, f"__{name}__", binary(function))
    setattr(ndarray, f"__r{name}__", binary(function, forward=False))
    if function is not np.matmul:
        setattr(ndarray, f"__i{name}__", in_place(function))
for name, function in COMPARISONS.items():
    setattr(ndarray, f"__{name}__", binary(function))
for name, function in UNARY.items():
    setattr(ndarray, f"__{name}__", unary(function))
for name in REDUCTIONS.split():
    setattr(ndarray, name, reduction(name))
for name in VIEWS.split():
    setattr(ndarray, name, view(name))
