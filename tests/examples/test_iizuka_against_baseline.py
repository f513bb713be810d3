"""What global features are worth: briefly that the example runs and that streets change, at length what it claims."""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

from test_soak import note

NAME = "iizuka_against_baseline"
SPEC = importlib.util.spec_from_file_location(NAME, Path(__file__).parents[2] / f"examples/{NAME}.py")
example = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(example)


@pytest.fixture(scope="module")
def brief():
    return example.compare(example.Plan(room=32, street=32, room_steps=25, street_steps=25, width=1 / 16), seed=0)


def test_both_networks_learn_and_are_judged_on_the_same_rooms(brief):
    assert list(brief.errors) == ["grey", "baseline", "Iizuka"]
    assert max(brief.errors["baseline"], brief.errors["Iizuka"]) < 0.8 * brief.errors["grey"]
    assert brief.gain == pytest.approx(1 - brief.errors["Iizuka"] / brief.errors["baseline"])
    grey, truth = brief.rooms["grey"], brief.rooms["truth"]
    assert not grey[..., 1:].any()
    assert all((lab[..., 0] == truth[..., 0]).all() for lab in brief.rooms.values())


def test_streets_take_on_the_time_of_day_of_others(brief):
    assert len(brief.moved) >= 60
    assert brief.moved.mean() >= 0.8


def test_mixtures_lead_from_one_time_of_day_to_the_other(brief):
    own, *between, borrowed = (brief.streets[f"{share:.0%}"][..., 1:].mean((0, 1)) for share in example.MIXTURES)
    way = borrowed - own
    places = [(ab - own) @ way / (way @ way) for ab in between]
    assert 0 < places[0] < places[1] < places[2] < 1


def test_it_is_plotted(brief):
    figure = example.plot([brief, brief])
    above, below = figure.subfigs
    titles = [axis.get_title() for part in (*above.subfigs, below) for axis in part.get_axes()]
    assert {"grey", "baseline", "Iizuka", "truth", "50%"} <= set(titles)


def test_lamps_and_suns_end_where_the_figure_says():
    lab, _ = example.draw_rooms(50, 100, example.tc.Generator(0))
    bright = np.flatnonzero((lab[..., 0] > 80).any((0, 2)))
    assert example.LOWEST * 100 - 2 <= bright[-1] + 1 <= example.LOWEST * 100
    assert example.SEES == 57


@pytest.mark.slow
def test_global_features_are_worth_a_third_and_carry_the_time_of_day_over():
    started = time.perf_counter()
    outcomes = [example.compare(example.FULL, seed) for seed in example.SEEDS]
    note(
        "Iizuka against its baseline",
        minutes=round((time.perf_counter() - started) / 60, 1),
        **{f"error of {name}": [round(outcome.errors[name], 2) for outcome in outcomes] for name in outcomes[0].errors},
        gain=[round(outcome.gain, 3) for outcome in outcomes],
        moved=[round(float(outcome.moved.mean()), 3) for outcome in outcomes],
    )
    assert min(outcome.gain for outcome in outcomes) >= 0.3
    assert min(outcome.moved.mean() for outcome in outcomes) >= 0.8
