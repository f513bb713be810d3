"""Where kernels run in these tests: on the CPU through the shim, and again on a GPU where there is one."""

import shutil

import numpy as np
import pytest
from shim import Shim, fenced

from tinycolor.kernels import loader, rounding


class Cpu(Shim):
    """Kernels run on the CPU."""

    def run(self, function, *arguments, **options):
        """Call a launcher with arrays moved to where kernels read them; return what it returns, as NumPy arrays."""
        moved = [fenced(a) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in arguments]
        results = function(*moved, **options)
        self.check_guards()
        return results


class Gpu:
    """Kernels run on the GPU; with no control over the order of threads."""

    falling = False

    def __init__(self, cupy):
        self.cupy = cupy

    def run(self, function, *arguments, **options):
        moved = [self.cupy.asarray(a) if isinstance(a, np.ndarray) else a for a in arguments]
        results = function(*moved, **options)
        if isinstance(results, tuple):
            return tuple(map(self.cupy.asnumpy, results))
        return self.cupy.asnumpy(results)


@pytest.fixture
def cpu(monkeypatch):
    if shutil.which("g++") is None:
        pytest.skip("needs g++, to run kernels on the CPU")
    shim = Cpu()
    monkeypatch.setattr(loader, "launch", shim.launch)
    monkeypatch.setattr(loader, "empty", shim.empty)
    monkeypatch.setattr(rounding, "wanted", lambda: False)
    return shim


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(rounding, "wanted", lambda: False)
    cupy = pytest.importorskip("cupy", reason="needs CuPy and a GPU", exc_type=ImportError)
    if not cupy.cuda.is_available():
        pytest.skip("needs CuPy and a GPU")
    return Gpu(cupy)


@pytest.fixture(params=["cpu", pytest.param("gpu", marks=pytest.mark.gpu)])
def device(request):
    return request.getfixturevalue(request.param)
