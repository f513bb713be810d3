"""Which module an array belongs to, with a stand-in for CuPy; and malloc's thresholds."""

import ctypes
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from tinycolor import array_module
from tinycolor.backend import keep_freed_memory


@pytest.fixture
def cupy(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of that name with an array class, as if somebody had imported CuPy."""
    module = ModuleType("cupy")
    module.ndarray = type("ndarray", (), {})
    monkeypatch.setitem(sys.modules, "cupy", module)
    return module


@pytest.mark.parametrize("array", [np.zeros(3), np.zeros(()), np.float32(1), np.zeros(3, "uint8")])
def test_numpy_arrays_and_scalars_belong_to_numpy(array: np.ndarray) -> None:
    assert array_module(array) is np
    assert array_module(array, np.ones(2)) is np


@pytest.mark.parametrize("thing", [[1.0, 2.0], 3.0, None, "array"])
def test_what_is_no_array_is_refused(thing: object) -> None:
    with pytest.raises(TypeError, match=f"got {type(thing).__name__}, expected a NumPy or CuPy array"):
        array_module(thing)
    with pytest.raises(TypeError, match="expected a NumPy or CuPy array"):
        array_module(np.zeros(2), thing)


def test_a_tuple_gets_a_hint_at_what_a_layer_returns() -> None:
    with pytest.raises(TypeError, match=r"got a tuple, expected an array: .* y, backward = layer\(x\)"):
        array_module((np.zeros(2), len))


def test_cupys_arrays_belong_to_cupy(cupy: ModuleType) -> None:
    assert array_module(cupy.ndarray()) is cupy
    assert array_module(cupy.ndarray(), cupy.ndarray()) is cupy


def test_numpy_and_cupy_are_not_mixed(cupy: ModuleType) -> None:
    with pytest.raises(TypeError, match="move one side before the call"):
        array_module(np.zeros(2), cupy.ndarray())


def test_lists_are_refused_beside_cupy_too(cupy: ModuleType) -> None:
    with pytest.raises(TypeError, match="got list"):
        array_module(cupy.ndarray(), [1.0])


def test_an_array_of_an_unknown_kind_is_refused_without_cupy(cupy: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    array = cupy.ndarray()
    monkeypatch.delitem(sys.modules, "cupy")
    with pytest.raises(TypeError, match="got ndarray, expected a NumPy or CuPy array"):
        array_module(array)


def test_looking_up_a_module_imports_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "cupy", raising=False)
    array_module(np.zeros(1))
    assert "cupy" not in sys.modules


def test_malloc_is_told_both_thresholds_on_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[int, int] = {}
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda name: SimpleNamespace(mallopt=told.__setitem__))
    keep_freed_memory()
    m_trim_threshold, m_mmap_threshold = -1, -3  # the names and numbers of glibc's malloc.h
    assert told == {m_mmap_threshold: 32 << 20, m_trim_threshold: 1 << 30}


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
def test_without_glibc_nothing_happens(platform: str, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[None] = []

    def open_library(name: None) -> SimpleNamespace:
        opened.append(name)
        return SimpleNamespace()

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", open_library)
    keep_freed_memory()
    assert opened == ([None] if platform == "linux" else [])
