"""``tinycolor doctor``: what this machine has, what tinycolor would use of it, and what could be better."""

from __future__ import annotations

import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import ModuleType

import click
import numpy as np

import tinycolor as tc
from tinycolor.backend import INSTALL, gpu
from tinycolor.bench.machine import SLOWING, memory, processor, system
from tinycolor.kernels.rounding import has_tf32
from tinycolor.threads import blas_threads, cores, lane_count

NEEDED = ("pillow", "matplotlib", "safetensors", "threadpoolctl", "click", "rich")
NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")


@click.command()
def doctor() -> None:
    """Say what this machine has, what tinycolor would use of it, and what could be better."""
    for name, finding, advice in findings():
        click.echo(f"{name:<10} {finding}")
        click.echo(f"{'':<10} -> {advice}")


def findings() -> list[tuple[str, str, str]]:
    """Return (name, what was found, one line of advice) for everything that matters."""
    return [_software(), _processor(), _blas(), _packages(), _gpu(), _pytorch()]


def _software() -> tuple[str, str, str]:
    found = f"{tc.__version__}, Python {platform.python_version()}, {system()}"
    return "tinycolor", found, f"it is read from {Path(tc.__file__).parent}."


def _processor() -> tuple[str, str, str]:
    found = f"{processor()}, {cores()} of {os.cpu_count()} cores usable, {memory()} memory"
    if lane_count() < cores():
        return "processor", found, f"{lane_count()} lanes are used: more would be faster, tc.lanes({cores()})."
    return "processor", found, f"all are used, {lane_count()} lanes side by side: nothing to do."


def _blas() -> tuple[str, str, str]:
    libraries = blas_threads()
    found = f"{np.__version__}, " + (
        ", ".join(f"{name}, {count} threads" for name, count in libraries) or "no BLAS known"
    )
    slowing = [name for name in SLOWING if name in os.environ]
    if slowing:
        return "numpy", found, f"{', '.join(slowing)} set: matrix products may run on a slower kernel; try without."
    if not libraries:
        return "numpy", found, "matrix products may be slow: a NumPy installed by pip brings OpenBLAS along."
    return "numpy", found, "inside tinycolor each lane holds it to one thread: nothing to do."


def _packages() -> tuple[str, str, str]:
    versions = {name: _version(name) for name in NEEDED}
    missing = [name for name, number in versions.items() if number is None]
    found = ", ".join(f"{name} {number or 'missing'}" for name, number in versions.items())
    if missing:
        return "packages", found, f"install what is missing: python -m pip install {' '.join(missing)}"
    return "packages", found, "all that is needed is there: nothing to do."


def _gpu() -> tuple[str, str, str]:
    if not (NVIDIA_DRIVER.exists() or shutil.which("nvidia-smi")):
        return "gpu", "none: there is no NVIDIA driver", "everything runs on the processor: nothing to do."
    try:
        cupy = gpu()
    except ModuleNotFoundError:
        return "gpu", "an NVIDIA driver is there, CuPy is not", f"to use the GPU, {INSTALL}."
    except (RuntimeError, ImportError) as error:
        return "gpu", f"an NVIDIA driver and CuPy are there, but no GPU ({error})", "everything runs on the processor."
    return "gpu", _card(cupy), _what_for()


def _card(cupy: ModuleType) -> str:
    runtime, device = cupy.cuda.runtime, cupy.cuda.Device()
    name = runtime.getDeviceProperties(device.id)["name"].decode()
    free, total = device.mem_info
    major, minor = divmod(int(device.compute_capability), 10)
    driver, built_for = _cuda(runtime.driverGetVersion()), _cuda(runtime.runtimeGetVersion())
    return (
        f"{name}, compute capability {major}.{minor}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free, "
        f"driver for CUDA {driver}, CuPy {cupy.__version__} for CUDA {built_for}"
    )


def _cuda(number: int) -> str:
    return f"{number // 1000}.{number % 1000 // 10}"


def _what_for() -> str:
    if has_tf32():
        return "float32 is multiplied on its tensor cores, as TF32, unless tc.precision('fp32') is set: nothing to do."
    return "its tensor cores know no TF32, so float32 is multiplied without them: slower, and more exact."


def _pytorch() -> tuple[str, str, str]:
    number = _version("torch")
    if number is None:
        return "pytorch", "not installed", "only `tinycolor bench` and `make parity` compare with it: nothing to do."
    return "pytorch", number, "only used for comparing, by `tinycolor bench` and `make parity`."


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
