"""``--device``: without CuPy, or without a GPU, every command says in one sentence what is missing."""

import sys
from types import SimpleNamespace

import pytest


@pytest.fixture
def calls(run, photos, checkpoint, tmp_path):
    """Each command, ready to be told a device."""
    return {
        "train": lambda *said, code: run("train", photos, "--out", tmp_path / "run", "--steps=1", *said, code=code),
        "colorize": lambda *said, code: run(
            "colorize", photos, "--checkpoint", checkpoint, "--out", tmp_path / "coloured", *said, code=code
        ),
        "evaluate": lambda *said, code: run("evaluate", photos, "--checkpoint", checkpoint, *said, code=code),
    }


@pytest.mark.parametrize("command", ["train", "colorize", "evaluate"])
def test_without_cupy_it_says_what_to_install(calls, tmp_path, monkeypatch, command):
    monkeypatch.setitem(sys.modules, "cupy", None)
    said = calls[command]("--device=gpu", code=1)
    assert said.startswith("Error: The GPU needs CuPy, which is not installed: ")
    assert 'pip install -e ".[cuda13]"' in said
    assert said.count("\n") == 1
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "coloured").exists()


@pytest.mark.parametrize("command", ["train", "colorize", "evaluate"])
def test_without_a_gpu_it_says_so(calls, monkeypatch, command):
    no_gpu = SimpleNamespace(cuda=SimpleNamespace(is_available=lambda: False), ndarray=SimpleNamespace)
    monkeypatch.setitem(sys.modules, "cupy", no_gpu)
    said = calls[command]("--device=gpu", code=1)
    assert said == "Error: CuPy found no GPU: there is no card of NVIDIA's, or no driver for it.\n"


def test_by_itself_it_takes_the_processor_where_there_is_nothing_else(calls, monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    assert "network" in calls["evaluate"]("--device=auto", code=0)
