"""What a reader without CuPy, or with arrays on the wrong side, is told."""

import subprocess
import sys

import numpy as np
import pytest

from tinycolor.kernels import conv_naive, loader


class FakeCuda:
    """CuPy on a machine without a GPU."""

    @staticmethod
    def is_available():
        return False


class FakeCupy:
    cuda = FakeCuda


@pytest.fixture
def with_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", FakeCupy)


@pytest.fixture
def without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)


def test_importing_all_launchers_needs_no_cupy():
    names = sorted(path.stem for path in loader.FOLDER.glob("*.py"))
    code = f"import importlib, sys\nfor name in {names}: importlib.import_module('tinycolor.kernels.' + name)\n"
    result = subprocess.run([sys.executable, "-c", code + "assert 'cupy' not in sys.modules"], check=False)
    assert result.returncode == 0


@pytest.mark.usefixtures("without_cupy")
def test_a_missing_cupy_names_the_extra():
    x = np.zeros((1, 3, 3, 1), "float32")
    with pytest.raises(ModuleNotFoundError, match=r"needs CuPy.*pip install -e \"\.\[cuda13\]\"") as raised:
        conv_naive.conv2d(x, np.zeros((1, 1, 1, 1), "float32"))
    assert "pip install tinycolor" not in str(raised.value)


@pytest.mark.usefixtures("with_cupy")
def test_numpy_arrays_are_refused():
    x = np.zeros((1, 3, 3, 1), "float32")
    with pytest.raises(TypeError, match=r"^conv2d got a NumPy array, expected CuPy arrays"):
        conv_naive.conv2d(x, np.zeros((1, 1, 1, 1), "float32"))


@pytest.mark.usefixtures("with_cupy")
def test_a_missing_gpu_is_named():
    with pytest.raises(RuntimeError, match="CuPy found no GPU"):
        loader.launch("conv_naive", "conv2d", (1,), 1, ())


def test_other_dtypes_are_refused():
    x, weight = np.zeros((1, 3, 3, 1)), np.zeros((1, 1, 1, 1))
    with pytest.raises(ValueError, match=r"got float64, expected float32: .*tinycolor\.ops"):
        conv_naive.conv2d(x, weight)
