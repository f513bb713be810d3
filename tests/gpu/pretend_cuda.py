"""A pretended GPU: streams whose order is watched, capture that records and runs nothing, memory that ends.

What a program may rely on with CUDA and CuPy 14 holds here, and no more:

- Works of different streams have no order but what events and synchronisation give them. Whoever reads or overwrites
  what another stream may still be writing gets a ``RaceError``.
- While a stream captures, nothing runs. What is captured runs at each launch, with the arrays and the numbers that it
  was given then: a learning rate that was handed over as a number is the same for ever.
- In capture there is no way to the host nor from it, no cuBLAS, nothing that must be compiled first, and no memory but
  that of a pool which lives as long as the graph.
"""

from __future__ import annotations

import weakref
from contextlib import contextmanager

import numpy as np
import shim

from tinycolor.kernels import loader


class RaceError(AssertionError):
    """Two streams use the same memory in no order."""


class CUDARuntimeError(RuntimeError):
    """As CuPy's."""


class OutOfMemoryError(MemoryError):
    """As CuPy's."""


class Memory:
    """Who has written it last, and who has read it since: stream, and which of its works."""

    def __init__(self):
        self.written = (0, 0)
        self.read = {}


class Machine:
    """The GPU, and what CuPy keeps of it: the current stream, the current pool.

    Attributes
    ----------
    limit : int
        Bytes of memory.
    capability : str
        "90" is 9.0.
    launched : list of str
        Names of the kernels that were launched, or captured.
    """

    def __init__(self):
        self.reset()

    def reset(self):
        self.limit, self.capability, self.launched = 1 << 30, "90", []
        self.host = {}  # how far the host has waited for each stream
        self.capture = None
        self.compiled = set()
        self.pools = weakref.WeakSet()
        self.streams = 0
        self.pool = self.default_pool = MemoryPool()
        self.stream = self.null = Stream(number=0)
        self.take_pinned = pinned
        self.pinned, self.fetched = [], {}  # memory, and by its address which work of which stream reads it
        self.pools.add(self.pool)

    @property
    def capturing(self):
        return self.capture is not None and self.capture.stream is self.stream

    def issue(self, job, reads, writes):
        """Do a piece of work on the current stream; or, if it captures, note it."""
        if self.capturing:
            self.capture.jobs.append(job)
            self.capture.touched.update(reads, writes)
        else:
            self.stream.begin(reads, writes)
            job()

    def compile(self, *what):
        if what not in self.compiled and self.capturing:
            raise CUDARuntimeError(f"compiled while a stream captures: {what[-3:]}")
        self.compiled.add(what)

    def refuse_in_capture(self, what):
        if self.capturing:
            raise CUDARuntimeError(f"cudaErrorStreamCaptureUnsupported: {what} while a stream captures")

    def refuse_cublas_in_capture(self):
        if self.capturing:
            raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")

    def alloc_pinned_memory(self, size):
        self.pinned.append(np.zeros(size, np.uint8))
        return self.pinned[-1]

    def fetch(self, array):
        """Note that the current stream, at any time from now on, reads an array, if it is in pinned memory."""
        number, count = self.fetched.get(array.ctypes.data, (0, 0))
        if self.host.get(number, 0) < count:
            raise RaceError(f"pinned memory was refilled without waiting for stream {number}, which reads it")
        if any(array.ctypes.data == memory.ctypes.data for memory in self.pinned):
            self.fetched[array.ctypes.data] = self.stream.number, self.stream.count

    def held(self):
        return sum(pool.total_bytes() for pool in self.pools)


def merged(one, other):
    return {number: max(one.get(number, 0), other.get(number, 0)) for number in one.keys() | other.keys()}


class Stream:
    """A queue of works; ``with`` makes it the current one. Works carry what their stream knows to be done."""

    def __init__(self, number):
        self.number, self.count = number, 0
        self.seen, self.before = {}, []

    def now(self):
        return {**self.seen, self.number: self.count}

    def begin(self, reads, writes):
        self.seen = merged(self.seen, machine.host)
        self.count += 1
        for memory in (*reads, *writes):
            self.check(*memory.written)
        for memory in writes:
            for number, count in memory.read.items():
                self.check(number, count)
            memory.written, memory.read = (self.number, self.count), {}
        for memory in reads:
            memory.read[self.number] = self.count

    def check(self, number, count):
        if number != self.number and self.seen.get(number, 0) < count:
            raise RaceError(f"stream {self.number} does not wait for what stream {number} does to the same memory")

    def __enter__(self):
        self.before.append(machine.stream)
        machine.stream = self
        return self

    def __exit__(self, *error):
        machine.stream = self.before.pop()

    def synchronize(self):
        machine.refuse_in_capture("synchronize")
        machine.host = merged(machine.host, self.now())

    def record(self, event=None):
        event = event or Event()
        event.seen = self.now()
        return event

    def wait_event(self, event):
        self.seen = merged(self.seen, event.seen)

    def begin_capture(self, mode=None):
        if self.number == 0:
            raise RuntimeError("cannot capture on the default (legacy) stream")
        assert machine.stream is self, "capture on the current stream"
        machine.capture = Graph(self)

    def end_capture(self):
        graph, machine.capture = machine.capture, None
        return graph

    def is_capturing(self):
        return machine.capture is not None and machine.capture.stream is self


class Event:
    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.seen = {}

    def record(self, stream=None):
        (stream or machine.stream).record(self)

    def synchronize(self):
        machine.host = merged(machine.host, self.seen)


class Graph:
    """What was captured."""

    def __init__(self, stream):
        self.stream, self.jobs, self.touched = stream, [], set()
        self.pool = weakref.ref(machine.pool)

    def launch(self, stream=None):
        assert self.pool() is not None, "the memory pool of the graph is gone"
        with stream or machine.stream:
            machine.issue(self.run, self.touched, self.touched)

    def run(self):
        for job in self.jobs:
            job()


class MemoryPool:
    """Keeps what is freed until ``free_all_blocks``."""

    def __init__(self):
        self.taken = self.kept = 0

    def malloc(self, size):
        raise AssertionError("it is only named, to say which pool to take from")

    def take(self, size, owner):
        """Count what an array takes, and what it gives back when it is gone."""
        if machine.held() + max(0, size - self.kept) > machine.limit:
            self.free_all_blocks()  # as CuPy does by itself, with this pool alone
        if machine.held() + max(0, size - self.kept) > machine.limit:
            raise OutOfMemoryError(f"Out of memory allocating {size:,} bytes (allocated so far: {self.taken:,} bytes).")
        self.taken += size
        self.kept = max(0, self.kept - size)
        weakref.finalize(owner, give_back, weakref.ref(self), size)  # an array does not keep its pool alive

    def free_all_blocks(self, stream=None):
        self.kept = 0

    def used_bytes(self):
        return self.taken

    def total_bytes(self):
        return self.taken + self.kept


def give_back(pool, size):
    if pool() is not None:
        pool().taken -= size
        pool().kept += size


def pinned(size):
    """CuPy's way from the host: it copies to such memory, and from there to the GPU when the stream comes to it."""
    assert not machine.capturing, "a copy from memory that will be somebody else's is recorded without a word"


@contextmanager
def using_allocator(malloc):
    before, machine.pool = machine.pool, malloc.__self__
    try:
        yield
    finally:
        machine.pool = before


class RawModule:
    """Compiled by g++, run on the CPU."""

    def __init__(self, *, code, options=()):
        assert set(loader.OPTIONS) <= set(options)
        self.code, self.options = code, tuple(option for option in options if option not in loader.OPTIONS)

    def get_function(self, name):
        assert name in shim.kernels(self.code), f"there is no kernel {name}"
        return RawKernel(self, name)


class RawKernel:
    def __init__(self, module, name):
        self.module, self.name = module, name

    def __call__(self, grid, block, args, *, shared_mem=0):
        grid, block = (*grid, 1, 1)[:3], (*block, 1, 1)[:3]
        assert all(type(number) is int for number in (*grid, *block)), "sizes are whole numbers of Python's own"
        assert 0 < grid[0] < 1 << 31, f"{self.name}: grid of {grid}"
        assert all(0 < number < 1 << 16 for number in grid[1:]), f"{self.name}: grid of {grid}"
        assert 0 < block[0] <= 1024, f"{self.name}: {block} threads"
        assert block[1:] == (1, 1), "the shim knows one direction"
        machine.compile("kernel", self.module.code, self.module.options, self.name)
        machine.launched.append(self.name)
        memories = [argument.memory for argument in args if hasattr(argument, "memory")]
        held = [shim.in_memory(getattr(argument, "numbers", argument)) for argument in args]

        def run(keep=args):  # the arrays, whose addresses are held
            shim.run(self.module.code, self.module.options, self.name, grid, block[0], held)

        machine.issue(run, memories, memories)


machine = Machine.__new__(Machine)
machine.reset()
