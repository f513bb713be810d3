import errno
import os
import stat

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure
from PIL import Image

import tinycolor as tc
from tinycolor import demo as cross_or_circle
from tinycolor import figures, files
from tinycolor.bench.machine import SLOWING
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


def test_demo_says_before_training_that_it_cannot_make_the_folder(run, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "train", None)
    (tmp_path / "taken").write_text("a file, not a folder")
    printed = run("demo", "--out", str(tmp_path / "taken" / "x"), code=1)
    assert printed == f"Error: could not write the pictures to {tmp_path / 'taken' / 'x'}: Not a directory.\n"


def test_demo_says_before_training_that_the_folder_takes_no_files(run, tmp_path, monkeypatch):
    # Root may write everywhere, so the refusal is played.
    def refuse(dir):
        raise PermissionError(errno.EACCES, "Permission denied", str(dir))

    monkeypatch.setattr(training, "train", None)
    monkeypatch.setattr(cross_or_circle.tempfile, "TemporaryFile", refuse)
    printed = run("demo", "--out", str(tmp_path), code=1)
    assert printed == f"Error: could not write the pictures to {tmp_path}: Permission denied.\n"


@pytest.fixture
def full_disk(monkeypatch):
    """Take every file whole but the third of each run, of which nothing reaches the disk."""
    really, synced = os.fsync, []

    def fsync(file):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            return really(file)
        synced.append(file)
        if len(synced) % 3:
            return really(file)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    return synced


def test_demo_on_a_full_disk_leaves_everything_as_it_was(run, tmp_path, monkeypatch, full_disk):
    monkeypatch.setattr(training, "STEPS", 1)
    (tmp_path / "index.html").write_text("an older page")
    (tmp_path / "figure1.png").write_text("an older picture")
    printed = run("demo", "--out", str(tmp_path), code=1)
    assert printed.endswith(f"Error: could not write the pictures to {tmp_path}: No space left on device.\n")
    assert "Traceback" not in printed
    assert len(full_disk) == 3
    left = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert left == {"index.html": "an older page", "figure1.png": "an older picture"}


def test_a_lessons_figure_on_a_full_disk_leaves_the_older_one(tmp_path, full_disk):
    figure = Figure(figsize=(1, 1))
    path = figures.save(figure, "some", tmp_path)
    whole = path.read_bytes()
    figures.save(figure, "other", tmp_path)
    with pytest.raises(OSError, match="No space left"):
        figures.save(figure, "some", tmp_path)
    assert path.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.png", "some.png"]


def test_a_name_that_is_taken_by_a_folder_leaves_no_temporary_file(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError, match="b"):
        files.write_whole({tmp_path / "b": b"new", tmp_path / "c": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


def test_demo_draws_every_figure_once(run, tmp_path, monkeypatch):
    drawn, really = [], Figure.savefig
    monkeypatch.setattr(training, "STEPS", 1)
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **kw: drawn.append(1) or really(figure, *args, **kw))
    run("demo", "--out", str(tmp_path))
    assert len(drawn) == len(list(tmp_path.glob("*.png"))) == 6


def test_demo_takes_every_seed_there_is_and_no_other(run, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "STEPS", 1)
    run("demo", "--out", str(tmp_path), "--seed", str(2**64 - 1))
    printed = run("demo", "--out", str(tmp_path), "--seed", str(2**64), code=2)
    assert "is not in the range 0<=x<=18446744073709551615" in printed


def test_summary_prints_the_network_with_its_algorithms(run):
    printed = run("summary", "ColorUNet", "--batch", "16")
    assert "1,947,746" in printed
    assert "winograd" in printed
    assert "blocked" in printed


def test_summary_of_an_impossible_size_is_one_sentence(run):
    printed = run("summary", "ColorUNet", "--size", "63", code=1)
    assert "expected a multiple of 8" in printed
    assert "Traceback" not in printed


def test_summary_builds_a_network_of_the_wanted_size(run):
    assert "(1, 32, 32, 1)" in run("summary", "CrossCircleCNN", "--size", "32")
    assert "(1, 28, 28, 1)" in run("summary", "CrossCircleCNN")
    assert "(1, 32, 32, 1)" in run("summary", "ColorUNet", "--size", "32")
    assert "expected a multiple of 4" in run("summary", "CrossCircleCNN", "--size", "30", code=1)


@pytest.mark.parametrize("too_large", ["summary", "init.he_normal"])
def test_summary_without_enough_memory_is_one_sentence(run, monkeypatch, too_large):
    def fail(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(f"tinycolor.{too_large}", fail)
    printed = run("summary", "CrossCircleCNN", "--size", "32", "--batch", "3", code=1)
    assert printed == (
        "Error: CrossCircleCNN needs more memory than there is for pictures of size 32, batch 3; try smaller ones.\n"
    )


def test_doctor_names_versions_and_lanes(run):
    printed = run("doctor")
    assert np.__version__ in printed
    assert tc.__version__ in printed
    assert "lanes used" in printed


def test_doctor_warns_of_what_the_report_warns_of(run, monkeypatch):
    for name in SLOWING:
        monkeypatch.delenv(name, raising=False)
    assert "warning" not in run("doctor")
    for name in SLOWING:
        monkeypatch.setenv(name, "1")
    assert "OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE set" in run("doctor")


def test_bench_of_an_unknown_case_is_one_sentence(run):
    printed = run("bench", "--case", "no-such-case", code=1)
    assert "no-such-case" in printed
    assert "Traceback" not in printed
