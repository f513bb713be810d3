"""The comparison of all colorizers, on photos of two colours and for two steps."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinycolor.data.shipped import shipped_photos

FILE = Path(__file__).parents[2] / "examples" / "colorizers.py"


@pytest.fixture
def example(monkeypatch):
    spec = importlib.util.spec_from_file_location("colorizers", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, value in {"WIDTH": 1 / 32, "SIZE": 32, "BATCH": 2, "TILE": 24}.items():
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(module, "shipped_photos", lambda: shipped_photos()[:3])
    return module


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    for scene in ("beach", "forest"):
        for number in range(4):
            pixels = rng.integers(0, 256, (36, 40, 3)).astype(np.uint8) // (1 + (scene == "beach"))
            path = tmp_path / "photos" / scene / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
    return tmp_path / "photos"


def test_every_colorizer_learns_is_judged_and_shown(example, photos, tmp_path, monkeypatch):
    steps = dict.fromkeys(example.STEPS, 2)
    results = example.compare(photos, photos, tmp_path / "out", steps)
    assert list(results) == ["grey", "mean colour", *steps, "truth"]
    assert results["truth"]["ab_mae"] == 0
    written = (tmp_path / "out" / "table.md").read_text()
    assert [line.split(" | ")[0].strip("| ") for line in written.splitlines()[2:]] == list(results)
    for name, scores in results.items():
        row = next(line for line in written.splitlines() if line.startswith(f"| {name} "))
        assert f"| {scores['ab_mae']:.2f} |" in row
        assert json.loads((tmp_path / "out" / "figures.json").read_text())[name] == scores
    # Grey, five networks and the truth; one row for the first of three photos, two for the others.
    pitch = 24 + example.GAP
    for number, rows in ((1, 1), (2, 2)):
        with Image.open(tmp_path / "out" / f"sheet_{number}.jpg") as sheet:
            assert sheet.size == (7 * pitch - example.GAP, example.HEAD + rows * pitch - example.GAP)
    # A second time there is nothing left to learn.
    before = (tmp_path / "out" / "zhang" / "log.jsonl").read_bytes()
    assert example.compare(photos, photos, tmp_path / "out", steps) == results
    assert (tmp_path / "out" / "zhang" / "log.jsonl").read_bytes() == before
