"""NVRTC, the compiler that CuPy uses, called through ctypes: it needs neither a GPU nor a driver."""

from __future__ import annotations

import ctypes
from functools import cache
from importlib.metadata import PackageNotFoundError, files

PACKAGE = "nvidia-cuda-nvrtc"


@cache
def library() -> ctypes.CDLL | None:
    """Return the library of the installed wheel, or None without one."""
    try:
        installed = files(PACKAGE) or []
    except PackageNotFoundError:
        return None
    (path,) = [file for file in installed if file.name.startswith("libnvrtc.so")]
    return ctypes.CDLL(str(path.locate()))


def compile_for(text: str, architecture: str, options: tuple[str, ...]) -> tuple[bytes, str]:
    """Return the machine code, empty if there were errors, and what the compiler had to say."""
    nvrtc, program = library(), ctypes.c_void_p()
    check(nvrtc.nvrtcCreateProgram(ctypes.byref(program), text.encode(), b"chapter.cu", 0, None, None))
    all_options = [f"--gpu-architecture={architecture}", *options]
    flags = (ctypes.c_char_p * len(all_options))(*map(str.encode, all_options))
    failed = nvrtc.nvrtcCompileProgram(program, len(all_options), flags)
    log = output(nvrtc.nvrtcGetProgramLogSize, nvrtc.nvrtcGetProgramLog, program)
    code = b"" if failed else output(nvrtc.nvrtcGetCUBINSize, nvrtc.nvrtcGetCUBIN, program)
    check(nvrtc.nvrtcDestroyProgram(ctypes.byref(program)))
    return code, log.rstrip(b"\0").decode()


def output(size_of, fetch, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    check(size_of(program, ctypes.byref(size)))
    text = ctypes.create_string_buffer(size.value)
    check(fetch(program, text))
    return text.raw


def check(result: int) -> None:
    assert result == 0, f"NVRTC error {result}"
