"""The example of Zhang against L2: what both should answer is known beforehand."""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

from tinycolor import figures

from test_soak import note

SPEC = importlib.util.spec_from_file_location(
    "zhang_against_l2", Path(__file__).parents[2] / "examples/zhang_against_l2.py"
)
example = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(example)
SHARES = np.array([0.7, 0.3])


def from_the_mean(outcome):
    """How far L2 is from the mean of red and green, (62, 42) and (-40, 44), in ab units."""
    return np.linalg.norm(outcome.regressed - (31.4, 42.6))


def assert_it_slides_from_mean_to_mode(outcome, within):
    """With T, from what both colours mean together to the likelier, whose nearest bin is (60, 40)."""
    redness = example.redness(outcome.annealed)
    assert example.TEMPERATURES[0] == 1
    assert redness[0] == pytest.approx(0.7, abs=within)
    assert (np.diff(redness) > -1e-3).all()
    assert np.linalg.norm(outcome.annealed[-1] - (60, 40)) < 100 * within


def test_a_minute_of_it_is_enough_to_see_it(tmp_path):
    outcome = example.compare(seed=0, size=16, steps=250)
    assert from_the_mean(outcome) < 6
    assert abs(outcome.red_and_green - SHARES).max() < 0.09
    assert_it_slides_from_mean_to_mode(outcome, within=0.09)
    path = figures.save(example.plot([outcome]), "zhang_against_l2", tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_l2_answers_with_the_mean_and_classification_with_the_probabilities():
    started = time.perf_counter()
    outcomes = [example.compare(seed) for seed in (0, 1, 2)]
    note(
        "Zhang against L2, apples red or green",
        minutes=round((time.perf_counter() - started) / 60, 1),
        l2_from_the_mean=[round(float(from_the_mean(outcome)), 2) for outcome in outcomes],
        probability_of_red_and_green=[outcome.red_and_green.round(3).tolist() for outcome in outcomes],
        redness_from_t_1_to_0=[example.redness(outcome.annealed).round(3).tolist() for outcome in outcomes],
    )
    for outcome in outcomes:
        assert from_the_mean(outcome) < 2
        assert abs(outcome.red_and_green - SHARES).max() < 0.03
        assert_it_slides_from_mean_to_mode(outcome, within=0.03)
