"""Where these tests run: with a pretended CuPy, and again with the real one where there is a GPU."""

import shutil
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "kernels"))  # the shim that runs kernels on the CPU

import pretend_cupy

from tinycolor.kernels import loader


@pytest.fixture
def pretended(monkeypatch):
    """A pretended CuPy, as if it were installed and there were a GPU."""
    if shutil.which("g++") is None:
        pytest.skip("needs g++, to run kernels on the CPU")
    cupy = pretend_cupy.make()
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    forget_compiled()
    yield cupy
    forget_compiled()


def forget_compiled():
    loader.compiled.cache_clear()
    loader._module.cache_clear()


@pytest.fixture
def real():
    cupy = pytest.importorskip("cupy", reason="needs CuPy and a GPU", exc_type=ImportError)
    if not cupy.cuda.is_available():
        pytest.skip("needs CuPy and a GPU")
    return cupy


@pytest.fixture(params=["pretended", pytest.param("real", marks=pytest.mark.gpu)])
def cupy(request):
    return request.getfixturevalue(request.param)
