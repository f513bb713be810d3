import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import tinycolor as tc
from tinycolor.cli import main
from tinycolor.demo import training


@pytest.fixture
def run():
    def call(*arguments, code=0):
        result = CliRunner().invoke(main, arguments)
        assert result.exit_code == code, result.output
        return result.output

    return call


def test_demo_learns_and_leaves_pictures(run, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "STEPS", 150)
    printed = run("demo", "--out", str(tmp_path / "pictures"))
    right = float(printed.split("%")[0].split()[-1])
    assert right > 90
    made = sorted(path.name for path in (tmp_path / "pictures").iterdir())
    pictures = [f"{name}.png" for name in ("figure1", "figure2", "learning", "one_number", "votes", "what_it_sees")]
    assert made == sorted([*pictures, "index.html"])
    page = (tmp_path / "pictures" / "index.html").read_text()
    assert page.count("data:image/png;base64,") == len(pictures)
    assert f"{right:.1f}%" in page
    for name in pictures:
        assert name in printed
        pixels = np.asarray(Image.open(tmp_path / "pictures" / name).convert("L"))
        assert pixels.std() > 5


def test_demo_says_so_when_it_cannot_write(run, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "STEPS", 1)
    (tmp_path / "taken").write_text("a file, not a folder")
    assert "could not write the pictures" in run("demo", "--out", str(tmp_path / "taken" / "x"), code=1)


def test_summary_prints_the_network_with_its_algorithms(run):
    printed = run("summary", "ColorUNet", "--batch", "16")
    assert "1,947,746" in printed
    assert "winograd" in printed
    assert "blocked" in printed


def test_summary_of_an_impossible_size_is_one_sentence(run):
    printed = run("summary", "ColorUNet", "--size", "63", code=1)
    assert "expected multiples of 8" in printed
    assert "Traceback" not in printed


def test_doctor_names_versions_and_lanes(run):
    printed = run("doctor")
    assert np.__version__ in printed
    assert tc.__version__ in printed
    assert "lanes used" in printed


def test_bench_of_an_unknown_case_is_one_sentence(run):
    printed = run("bench", "--case", "no-such-case", code=1)
    assert "no-such-case" in printed
    assert "Traceback" not in printed
