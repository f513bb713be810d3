"""The example of the conditional GAN: it writes the digit that it is asked for, and never the same twice."""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

from tinycolor import figures

from test_soak import note

SPEC = importlib.util.spec_from_file_location("cgan_digits", Path(__file__).parents[2] / "examples/cgan_digits.py")
example = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(example)


def test_the_distance_is_the_mean_over_all_pairs(rng):
    pictures = rng.random((7, 5, 4, 1))
    pairs = [(a, b) for a in range(7) for b in range(a)]
    expected = np.mean([np.linalg.norm(pictures[a] - pictures[b]) for a, b in pairs])
    assert example.distance(pictures) == pytest.approx(expected)


def test_ten_digits_by_heart_have_no_variety_and_drawings_have_all(rng):
    plan = example.Plan(size=16, width=1 / 8, steps=10, reading=1)

    class Drawing:
        """Gives what is asked for from drawings; with one of each, it has learned ten by heart."""

        def __init__(self, each):
            x, digit = example.draw(4000, example.tc.Generator(5), plan.size)
            self.kept = np.concatenate(
                [np.resize(x[digit[:, number] == 1][:each], (example.JUDGED, 256)) for number in range(10)]
            )

        def predict(self, digit, noise):
            return self.kept

    reader = example.learn_to_read(plan)
    by_heart, endless = (example.judge(0, Drawing(each), reader, plan).variety for each in (1, example.JUDGED))
    assert by_heart.max() < 1e-3
    np.testing.assert_allclose(endless, 1, atol=0.1)


def test_some_seconds_of_it_run(tmp_path):
    plan = example.Plan(size=16, width=1 / 8, steps=30, reading=100)
    reader = example.learn_to_read(plan)
    assert example.accuracy(reader, plan) > 0.85
    moments = list(example.play(0, reader, plan))
    assert [moment.step for moment in moments] == list(range(3, 31, 3))
    again = list(example.play(0, reader, plan))[-1]
    np.testing.assert_array_equal(again.made, moments[-1].made)
    assert abs(moments[-1].made - moments[0].made).mean() > 0.05
    path = figures.save(example.plot([moments], plan), "cgan_digits", tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_what_is_made_is_read_as_what_it_should_be_and_varies():
    started = time.perf_counter()
    reader = example.learn_to_read(example.FULL)
    of_drawings = example.accuracy(reader, example.FULL)
    ends = [list(example.play(seed, reader, example.FULL))[-1] for seed in (0, 1, 2)]
    note(
        "conditional GAN, drawn digits",
        minutes=round((time.perf_counter() - started) / 60, 1),
        drawings_read_right=round(of_drawings, 4),
        made_read_right=[round(float(end.right.mean()), 3) for end in ends],
        variety_of_drawings_1=[round(float(end.variety.mean()), 2) for end in ends],
        variety_of_the_least_varied_digit=[round(float(end.variety.min()), 2) for end in ends],
    )
    assert of_drawings >= 0.98
    for end in ends:
        assert end.right.mean() >= 0.9
        assert end.variety.min() > 0.5
