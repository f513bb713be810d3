"""``tinycolor doctor``: a finding and an advice on each line, whatever is there or missing."""

import importlib
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.bench.machine import SLOWING

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


@pytest.mark.parametrize("trace", ["driver file", "nvidia-smi"])
def test_a_driver_of_nvidia_is_seen(find, monkeypatch, tmp_path, trace):
    monkeypatch.setattr(module, "NVIDIA_DRIVER", tmp_path / "version")
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    assert find("gpu") == ("none: there is no NVIDIA driver", "everything runs on the processor: nothing to do.")
    if trace == "driver file":
        (tmp_path / "version").touch()
    else:
        monkeypatch.setattr(module.shutil, "which", {"nvidia-smi": "/usr/bin/nvidia-smi"}.get)
    assert find("gpu")[0] == "an NVIDIA driver is there"
    assert "processor alone" in find("gpu")[1]
