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


@pytest.mark.parametrize(
    "shape",
    [(1, 1, 1, 1), (2, 3, 4, 5), (65_535, 1, 1, 3), (65_536, 1, 300, 1), (7, 99_999, 1, 1), (1, 1, 1 << 16, 65_535)],
)
def test_a_launch_over_rows_has_a_thread_for_each_number_and_no_axis_too_long(monkeypatch, shape):
    grids = []
    monkeypatch.setattr(loader, "launch", lambda chapter, kernel, grid, block, arguments: grids.append((grid, block)))
    loader.launch_rows("im2col", "col2im", shape, ())
    (((pieces, rows, layers), block),) = grids
    n, h, w, c = shape
    assert pieces * block >= w * c > (pieces - 1) * block
    assert rows * layers >= n * h > rows * (layers - 1)
    assert block <= 256
    assert max(rows, layers) < 1 << 16


@pytest.mark.parametrize("shape", [(0, 4, 4, 3), (2, 4, 4, 0)])
def test_a_launch_over_no_rows_does_nothing(monkeypatch, shape):
    monkeypatch.setattr(loader, "import_cupy", lambda: None)
    monkeypatch.setattr(loader, "compiled", lambda *_: pytest.fail("it was launched"))
    loader.launch_rows("im2col", "col2im", shape, ())


def test_rows_that_32_bits_cannot_count_are_refused():
    with pytest.raises(ValueError, match=r"^col2im got rows of 4,294,967,296 numbers, expected fewer than 2\*\*32"):
        loader.launch_rows("im2col", "col2im", (1, 1, 1 << 16, 1 << 16), ())


def test_other_dtypes_are_refused():
    x, weight = np.zeros((1, 3, 3, 1)), np.zeros((1, 1, 1, 1))
    with pytest.raises(ValueError, match=r"got float64, expected float32: .*tinycolor\.ops"):
        conv_naive.conv2d(x, weight)
