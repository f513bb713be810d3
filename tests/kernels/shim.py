"""Compiles a chapter with g++ and runs its kernels on the CPU, in NumPy's memory, through ``cuda_on_cpu.h``."""

from __future__ import annotations

import ctypes
import mmap
import re
import subprocess
from functools import cache
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from builds import BUILDS

from tinycolor.kernels import loader

HEADER = Path(__file__).parent / "cuda_on_cpu.h"
CACHE = Path(__file__).parents[2] / ".pytest_cache" / "kernels"
libc = ctypes.CDLL(None)
OPTIONS = ["-std=c++17", "-O1", "-shared", "-fPIC", "-Wall", "-Werror", "-Wno-unknown-pragmas", "-Wno-unused-function"]
GUARD = 64  # numbers before and behind an array that nobody may touch

ENTRY = """
extern "C" bool run_{kernel}(const unsigned* grid, int threads, long long first_block, bool falling, void** a)
{{
    return launch({kernel}, grid, threads, first_block, falling, a);
}}
"""


def kernels(text: str) -> list[str]:
    """Return the names of all kernels in a text."""
    return re.findall(r"__global__ void (?:__launch_bounds__\([\w, ]+\) )?(\w+)\(", text)


@cache
def library(text: str, defines: tuple[str, ...]) -> ctypes.CDLL:
    """Return a chapter's machine code, compiled if nobody has compiled just this before."""
    code = text + "".join(ENTRY.format(kernel=name) for name in kernels(text))
    command = ["g++", *OPTIONS, *defines, "-include", str(HEADER)]
    key = sha256("\0".join([code, HEADER.read_text(encoding="utf-8"), *command]).encode()).hexdigest()
    output = CACHE / f"{key}.so"
    if not output.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(dir=CACHE) as folder:
            source, fresh = Path(folder) / "chapter.cpp", Path(folder) / "chapter.so"
            source.write_text(code, encoding="utf-8")
            result = subprocess.run(
                [*command, str(source), "-o", str(fresh)], capture_output=True, text=True, check=False
            )
            assert result.returncode == 0, result.stderr
            fresh.replace(output)
    return ctypes.CDLL(str(output))


def run(text, defines, kernel, grid, block, held, first_block=0, falling=False):
    """Run a kernel of a chapter's text; ``held`` is what ``in_memory`` makes of each argument."""
    run_kernel = getattr(library(text, defines), f"run_{kernel}")
    run_kernel.restype = ctypes.c_bool
    pointers = (ctypes.c_void_p * len(held))(*(array.ctypes.data for array in held))
    finished = run_kernel((ctypes.c_uint * 3)(*grid), block, ctypes.c_longlong(first_block), falling, pointers)
    assert finished, (
        f"{kernel}: threads wait for others that have left, or copy too much at a time, or to a crooked address"
    )


class Shim:
    """Stands in for ``loader.launch``.

    ``falling`` runs the threads of each block from the last to the first; ``only_last_block`` leaves out all
    other blocks; ``edit`` changes a chapter's text, to see tests fail.
    """

    def __init__(self):
        self.falling = self.only_last_block = False
        self.edit = lambda text: text
        self.launched = []
        self.guarded = []

    def launch(self, chapter, kernel, grid, block, arguments, **constants):
        if min(grid) == 0:
            return
        assert constants in BUILDS[chapter], "the build is not among those that NVRTC compiles"
        grid = (*grid, 1, 1)[:3]
        self.launched.append((chapter, kernel, grid, constants))
        first = int(np.prod(grid, dtype=np.int64)) - 1 if self.only_last_block else 0
        text, held = self.edit(loader.source(chapter)), [in_memory(argument) for argument in arguments]
        run(text, loader.defines(constants), kernel, grid, block, held, first, self.falling)

    def empty(self, like, shape, dtype="float32"):
        """Return an array full of NaN, or of ones for other types, between two guards."""
        size = int(np.prod(shape, dtype=np.int64))
        whole = np.full((size + 2 * GUARD) * np.dtype(dtype).itemsize, 0xFF, np.uint8).view(dtype)
        self.guarded.append(whole)
        return whole[GUARD : GUARD + size].reshape(shape)

    def check_guards(self):
        for whole in self.guarded:
            ends = np.concatenate([whole[:GUARD], whole[-GUARD:]])
            assert (ends.view(np.uint8) == 0xFF).all(), "a kernel wrote beside its output"


def in_memory(argument):
    """Return an array whose first bytes are what the kernel takes: a pointer, a number or a struct."""
    if argument is None:
        return np.zeros(1, np.uintp)
    if isinstance(argument, np.generic):
        return np.array([argument])
    if argument.dtype.names:
        return argument
    assert argument.flags.c_contiguous
    return np.array([loader.address(argument)], np.uintp)


def fenced(array):
    """Return a copy at the very end of its memory, behind NaN: reading past it is a crash, before it a NaN."""
    page = mmap.PAGESIZE
    pages = -(-array.nbytes // page) + 1
    memory = mmap.mmap(-1, (pages + 1) * page)
    whole = np.frombuffer(memory, np.uint8)
    whole[:] = 0xFF
    no_access = 0
    assert libc.mprotect(ctypes.c_void_p(whole.ctypes.data + pages * page), ctypes.c_size_t(page), no_access) == 0
    end = pages * page
    copy = whole[end - array.nbytes : end].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy
