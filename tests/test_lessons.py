"""Every lesson, exercise and solution runs alone: a fresh process, no screen, no network, warnings as errors."""

import os
import re
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


def run(path, folder, *arguments):
    environment = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", NO_NETWORK, str(path), *arguments],
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
