"""``tinycolor doctor``: a finding and an advice on each line, whatever is there or missing."""

import importlib
import sys
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.bench.machine import SLOWING
from tinycolor.kernels.rounding import has_tf32

module = importlib.import_module("tinycolor.cli.doctor")  # its name in tinycolor.cli is that of the command

NAMES = ["tinycolor", "processor", "numpy", "packages", "gpu", "pytorch"]


@pytest.fixture
def find(monkeypatch):
    """Return what is said of one thing, on a machine where nothing is set or wanting but what a test sets."""
    for name in SLOWING:
        monkeypatch.delenv(name, raising=False)
    return lambda wanted: next((found, advice) for name, found, advice in module.findings() if name == wanted)


def test_every_finding_has_its_advice(run):
    lines = run("doctor").splitlines()
    assert [line.split()[0] for line in lines[::2]] == NAMES
    assert len(lines) == 2 * len(NAMES)
    for line in lines[1::2]:
        assert line.startswith(" " * 11 + "-> ")
        assert len(line.split()) > 3
    assert tc.__version__ in lines[0]
    assert np.__version__ in lines[4]


def test_on_a_machine_without_a_fault_there_is_nothing_to_do(find, monkeypatch):
    monkeypatch.setattr(module, "blas_threads", lambda: [("openblas 0.3 (Haswell)", 2)])
    monkeypatch.setattr(module, "cores", lambda: 2)
    monkeypatch.setattr(module, "lane_count", lambda: 2)
    for name in ("processor", "numpy", "packages"):
        assert find(name)[1].endswith("nothing to do.")


def test_fewer_lanes_than_cores(find, monkeypatch):
    monkeypatch.setattr(module, "cores", lambda: 8)
    with tc.lanes(1):
        found, advice = find("processor")
    assert "8 of" in found
    assert advice == "1 lanes are used: more would be faster, tc.lanes(8)."


def test_variables_that_slow_numpy_down(find, monkeypatch):
    assert "set:" not in find("numpy")[1]
    for name in SLOWING:
        monkeypatch.setenv(name, "1")
    assert find("numpy")[1].startswith("OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE set: ")


def test_no_blas(find, monkeypatch):
    monkeypatch.setattr(module, "blas_threads", list)
    found, advice = find("numpy")
    assert found == f"{np.__version__}, no BLAS known"
    assert "a NumPy installed by pip brings OpenBLAS along" in advice


@pytest.fixture
def without(monkeypatch):
    """Return a function that takes packages away."""

    def take(*names):
        def known(name):
            if name in names:
                raise PackageNotFoundError(name)
            return version(name) if name != "torch" else "2.13.0"

        monkeypatch.setattr(module, "version", known)

    return take


def test_missing_packages_are_named_with_the_command_that_installs_them(find, without):
    without("rich", "safetensors")
    found, advice = find("packages")
    assert "rich missing" in found
    assert "safetensors missing" in found
    assert advice == "install what is missing: python -m pip install safetensors rich"


def test_pytorch_is_not_needed(find, without):
    without("torch")
    assert find("pytorch")[0] == "not installed"
    assert find("pytorch")[1].endswith("nothing to do.")
    without()
    assert find("pytorch")[0] == "2.13.0"
    assert "only used for comparing" in find("pytorch")[1]


@pytest.fixture
def driver(monkeypatch, tmp_path):
    """Return a function that puts a trace of a driver of NVIDIA's on a machine that has none."""
    monkeypatch.setattr(module, "NVIDIA_DRIVER", tmp_path / "version")
    monkeypatch.setattr(module.shutil, "which", lambda name: None)

    def put(trace="driver file"):
        if trace == "driver file":
            (tmp_path / "version").touch()
        else:
            monkeypatch.setattr(module.shutil, "which", {"nvidia-smi": "/usr/bin/nvidia-smi"}.get)

    return put


@pytest.fixture
def cupy(monkeypatch):
    """A CuPy that sees one GPU, as far as doctor asks it."""
    cupy = ModuleType("cupy")
    cupy.__version__ = "14.2.0"
    device = SimpleNamespace(id=0, compute_capability="90", mem_info=(60 << 30, 80 << 30))
    cupy.cuda = SimpleNamespace(
        is_available=lambda: True,
        Device=lambda: device,
        runtime=SimpleNamespace(
            getDeviceProperties=lambda number: {"name": b"NVIDIA H100"},
            driverGetVersion=lambda: 13000,
            runtimeGetVersion=lambda: 13020,
        ),
    )
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    has_tf32.cache_clear()
    yield cupy
    has_tf32.cache_clear()


@pytest.mark.parametrize("trace", ["driver file", "nvidia-smi"])
def test_a_driver_of_nvidia_is_seen(find, driver, monkeypatch, trace):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert find("gpu") == ("none: there is no NVIDIA driver", "everything runs on the processor: nothing to do.")
    driver(trace)
    found, advice = find("gpu")
    assert found == "an NVIDIA driver is there, CuPy is not"
    assert 'pip install -e ".[cuda13]"' in advice
    assert "install tinycolor" not in advice


def test_a_gpu_is_described(find, driver, cupy):
    driver()
    found, advice = find("gpu")
    assert found == (
        "NVIDIA H100, compute capability 9.0, 60.0 of 80.0 GiB free, driver for CUDA 13.0, CuPy 14.2.0 for CUDA 13.2"
    )
    assert advice.endswith("nothing to do.")
    assert "TF32" in advice


def test_an_old_gpu_is_used_otherwise(find, driver, cupy):
    driver()
    cupy.cuda.Device().compute_capability = "75"
    found, advice = find("gpu")
    assert "compute capability 7.5" in found
    assert "no TF32" in advice


def test_a_driver_without_a_gpu(find, driver, cupy):
    driver()
    cupy.cuda.is_available = lambda: False
    found, advice = find("gpu")
    assert "CuPy found no GPU" in found
    assert advice == "everything runs on the processor."
