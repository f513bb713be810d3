"""A pretended GPU: streams whose order is watched, capture that records and runs nothing, memory that ends.

What a program may rely on with CUDA and CuPy 14 holds here, and no more:

- Works of different streams have no order but what events and synchronisation give them. Whoever reads or overwrites
  what another stream may still be writing gets a ``RaceError``.
- While a stream captures, nothing runs. What is captured runs at each launch, with the arrays and the numbers that it
  was given then: a learning rate that was handed over as a number is the same for ever.
- In capture there is no way to the host nor from it, no cuBLAS, nothing that must be compiled first, and no memory of
  the default pool. What the graph took must not be freed as long as it is launched, nor be taken by others.
- A pool that is dropped keeps its blocks for ever: ``free_all_blocks`` alone gives back those that nobody uses.
"""

from __future__ import annotations

import gc
import weakref
from contextlib import contextmanager
from types import SimpleNamespace

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
        self.allocated = weakref.WeakSet()
        self.arenas = []  # each keeps itself alive, whatever becomes of its pool
        self.streams = 0
        self.pool = self.default_pool = MemoryPool()
        self.stream = self.null = Stream(number=0)
        self.pinned, self.fetched = [], {}  # memory, and by its address which work of which stream reads it
        self.unread = []  # what a stream may still have to read of the host, and how it was

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
            raise RuntimeError(f"the current stream is capturing, so {what} are disallowed")

    def refuse_cublas_in_capture(self, answer):
        if self.capturing and answer.size > 1:  # a single number is a product and a sum of CuPy's own
            raise NotImplementedError("calling cuBLAS API during stream capture is currently unsupported")

    def alloc_pinned_memory(self, size):
        self.pinned.append(np.zeros(size, np.uint8))
        return self.pinned[-1]

    def fetch(self, array):
        """Note that the current stream, at any time from now on, reads an array of the host."""
        number, count = self.fetched.get(array.ctypes.data, (0, 0))
        if self.host.get(number, 0) < count:
            raise RaceError(f"pinned memory was refilled without waiting for stream {number}, which reads it")
        if self.is_pinned(array):
            self.fetched[array.ctypes.data] = self.stream.number, self.stream.count
        else:
            self.unread.append((array, array.copy(), self.stream.number, self.stream.count))

    def is_pinned(self, array):
        return any(array.ctypes.data == memory.ctypes.data for memory in self.pinned)

    def wait(self, seen):
        """Let the host wait until streams have come so far."""
        self.host = merged(self.host, seen)
        unread, self.unread = self.unread, []
        for array, before, number, count in unread:
            if self.host.get(number, 0) < count:
                self.unread.append((array, before, number, count))
            elif array.tobytes() != before.tobytes():
                raise RaceError(f"memory of the host was refilled without waiting for stream {number}, which reads it")

    def held(self):
        return sum(allocation.size for allocation in self.allocated)


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
        machine.refuse_in_capture("synchronous API calls")
        machine.wait(self.now())

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
        machine.wait(self.seen)


class Graph:
    """What was captured."""

    def __init__(self, stream):
        self.stream, self.jobs, self.touched = stream, [], set()
        self.blocks = []

    def launch(self, stream=None):
        assert all(block() for block in self.blocks), "memory that the graph writes to was freed"
        with stream or machine.stream:
            machine.issue(self.run, self.touched, self.touched)

    def run(self):
        for job in self.jobs:
            job()


class Allocation:
    """A block of the GPU's memory, until it is dropped; what CuPy calls ``cuda.Memory``."""

    def __init__(self, size):
        if machine.held() + size > machine.limit:
            raise CUDARuntimeError("cudaErrorMemoryAllocation: out of memory")
        self.size, self.taken = size, 0
        machine.allocated.add(self)


def allocate(size):
    return SimpleNamespace(mem=Allocation(size))


class MemoryPool:
    """Keeps what is freed until ``free_all_blocks``; that also frees no block of which a part is in use."""

    def __init__(self, allocator=allocate):
        self.allocator, self.blocks = allocator, []
        self.graph = lambda: None
        machine.arenas.append(self.blocks)

    def malloc(self, size):
        raise AssertionError("it is only named, to say which pool to take from")

    def take(self, size, owner):
        """Find room for an array, until it is gone."""
        with_room = [block for block in self.blocks if block.size - block.taken >= size]
        block = min(with_room, key=lambda block: block.size) if with_room else self.fresh(size)
        block.taken += size
        weakref.finalize(owner, give_back, weakref.ref(block), size)
        if machine.capturing:
            machine.capture.blocks.append(weakref.ref(block))
            self.graph = weakref.ref(machine.capture)
        else:
            assert self.graph() is None, "this memory is a graph's, which writes to it at every launch"

    def fresh(self, size):
        """Allocate a block; if there is no room, free what this pool keeps, as CuPy does even in capture."""
        for _ in range(3):
            try:
                self.blocks.append(self.allocator(size).mem)
                return self.blocks[-1]
            except CUDARuntimeError:
                self.free_all_blocks()
            gc.collect()
        raise OutOfMemoryError(f"Out of memory allocating {size:,} bytes (allocated so far: {self.total_bytes():,}).")

    def free_all_blocks(self, stream=None):
        self.blocks[:] = [block for block in self.blocks if block.taken]

    def used_bytes(self):
        return sum(block.taken for block in self.blocks)

    def total_bytes(self):
        return sum(block.size for block in self.blocks)


def give_back(block, size):
    if block() is not None:
        block().taken -= size


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
        given = [getattr(argument, "numbers", argument) for argument in args]
        held = [shim.in_memory(argument) for argument in given]

        def run(keep=given):  # the arrays, whose addresses are held
            shim.run(self.module.code, self.module.options, self.name, grid, block[0], held)

        machine.issue(run, memories, memories)


machine = Machine.__new__(Machine)
machine.reset()
