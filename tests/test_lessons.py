"""Every lesson, exercise and solution runs alone: a fresh process, no screen, no network, warnings as errors."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tinycolor as tc

ROOT = Path(__file__).parent.parent
LESSONS = sorted((ROOT / "lessons").glob("[0-9][0-9]_*.py"))
CHECK_LINE = "# %% The check: do not change anything below this line\n"
NO_NETWORK = """
import runpy, socket, sys
def refuse(*_, **__): raise AssertionError("a lesson needs no network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
sys.argv.pop(0)
runpy.run_path(sys.argv[0], run_name="__main__")
"""
WITHOUT_A_GPU = """
import sys, tinycolor
sys.modules["cupy"] = None
tinycolor.__file__ = "{folder}/tinycolor/__init__.py"  # a record is looked for, and written, in this folder
"""
# Of every array that goes there, a corner of the first picture: the pretended GPU is slow.
PRETENDED_GPU = f"""
sys.path[:0] = ["{ROOT}/tests/gpu", "{ROOT}/tests/kernels"]
import pretend_cupy
sys.modules["cupy"] = cupy = pretend_cupy.make()
cupy.cuda.get_elapsed_time = lambda start, end: 2.5
move = tinycolor.to_device
tinycolor.to_device = lambda array, device: move(array[:1, :2, :2].copy() if len(array) == 64 else array, device)
"""


def run(path, folder, *arguments, before=""):
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", before + NO_NETWORK, str(path), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def names(paths):
    return [path.stem for path in paths]


def test_there_are_lessons_each_with_an_exercise_and_a_solution():
    assert len(LESSONS) >= 10
    for kind in ("exercises", "solutions"):
        assert names(sorted((ROOT / "lessons" / kind).glob("*.py"))) == names(LESSONS)


@pytest.mark.parametrize("lesson", LESSONS, ids=names(LESSONS))
def test_a_lesson_runs_alone_and_leaves_its_figures(lesson, tmp_path):
    result = run(lesson, tmp_path)
    assert result.returncode == 0, result.stderr
    figures = [tmp_path / line for line in re.findall(r"^figure: (.*\.png)$", result.stdout, re.MULTILINE)]
    assert figures
    for figure in figures:
        assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize("lesson", LESSONS, ids=names(LESSONS))
def test_the_solution_passes_its_check(lesson, tmp_path):
    result = run(ROOT / "lessons" / "solutions" / lesson.name, tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip()


@pytest.mark.parametrize("lesson", LESSONS, ids=names(LESSONS))
def test_the_stub_fails_with_advice(lesson, tmp_path):
    result = run(ROOT / "lessons" / "exercises" / lesson.name, tmp_path)
    assert result.returncode == 1
    last = [line for line in result.stderr.splitlines() if not line.startswith(" ")]
    message = next(line for line in reversed(last) if line.startswith("AssertionError: "))
    assert len(message.split()) >= 6


@pytest.mark.parametrize("lesson", LESSONS, ids=names(LESSONS))
def test_exercise_and_solution_have_the_same_check(lesson):
    exercise, solution = ((ROOT / "lessons" / kind / lesson.name).read_text() for kind in ("exercises", "solutions"))
    assert exercise.count(CHECK_LINE) == solution.count(CHECK_LINE) == 1
    assert exercise.split(CHECK_LINE)[1] == solution.split(CHECK_LINE)[1]
    assert re.search(r"^ +(return )?\.\.\.$", exercise.split(CHECK_LINE)[0], re.MULTILINE)


ON_THE_GPU = ROOT / "lessons" / "20_on_the_gpu.py"


@pytest.mark.skipif(shutil.which("g++") is None, reason="needs g++, to run kernels on the CPU")
def test_on_a_gpu_the_chapters_race_and_the_record_is_shown_where_there_is_none(tmp_path):
    (tmp_path / "lessons").mkdir()
    without = WITHOUT_A_GPU.format(folder=tmp_path)
    raced = run(ON_THE_GPU, tmp_path, "--record", before=without + PRETENDED_GPU)
    assert raced.returncode == 0, raced.stderr
    record = json.loads((tmp_path / "lessons" / "20_on_the_gpu.json").read_text())
    one_by_one = dict.fromkeys(["1 naive", "2 im2col", "3 tiles", "4 tensor cores"], 250.0)
    assert record["us"] == {**one_by_one, "4 tensor cores, recorded": 25.0}
    assert record["where"] == "Pretended GPU, CuPy 14.2.0"
    read = run(ON_THE_GPU, tmp_path, before=without)
    for result in (raced, read):
        assert f"{record['what']}, {record['where']}:" in result.stdout
        assert "rototypes" not in result.stdout


def test_without_a_record_the_lesson_says_so_and_writes_none(tmp_path):
    result = run(ON_THE_GPU, tmp_path, "--record", before=WITHOUT_A_GPU.format(folder=tmp_path))
    assert result.returncode == 0, result.stderr
    assert "nobody has recorded" in result.stdout
    assert "Prototypes" in result.stdout
    assert not (tmp_path / "lessons").exists()


@pytest.mark.parametrize("example", ["figure1", "figure2"])
def test_an_example_draws_its_figure(example, tmp_path):
    result = run(ROOT / "examples" / f"{example}.py", tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "out" / "examples" / f"{example}.png").read_bytes().startswith(b"\x89PNG")


def test_the_picture_of_the_readme_is_drawn_from_any_checkpoint(tmp_path):
    checkpoint = tmp_path / "some.safetensors"
    tc.save_checkpoint(checkpoint, tc.networks.ColorUNet(widths=(2, 3)))
    result = run(ROOT / "examples" / "colorized.py", tmp_path, str(checkpoint))
    assert result.returncode == 0, result.stderr
    height, width, _ = tc.open_image(tmp_path / "out" / "examples" / "colorized.jpg").shape
    assert width > height > 300
