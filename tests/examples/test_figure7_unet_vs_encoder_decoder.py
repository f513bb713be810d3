"""What skips are worth: briefly that it shows already, at length that it holds for every seed."""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

from tinycolor.data import scenes

from test_soak import note

NAME = "figure7_unet_vs_encoder_decoder"
SPEC = importlib.util.spec_from_file_location(NAME, Path(__file__).parents[2] / f"examples/{NAME}.py")
example = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(example)


@pytest.fixture(scope="module")
def brief():
    return example.compare(example.Plan(steps=80, width=8), seed=0)


def test_the_unet_is_nearer_to_the_truth_with_either_loss(brief):
    for loss in example.LOSSES:
        assert brief.gains[loss].low > 0
        errors = [brief.errors[network, loss].mean() for network in example.NETWORKS]
        assert brief.gains[loss].estimate == pytest.approx(errors[0] - errors[1])


def test_errors_are_those_of_the_pictures(brief):
    for which, made in brief.answers.items():
        by_hand = np.abs(made.astype(int) - brief.photos.astype(int)).mean((1, 2, 3))
        np.testing.assert_allclose(brief.errors[which][: len(made)], by_hand)


def test_the_networks_differ_in_their_skips_alone():
    streets = scenes.draw(8, example.SIZE, example.tc.Generator(0))
    made = {
        network: example.learn(network, "L1", streets, example.Plan(1, 4), 0).options for network in example.NETWORKS
    }
    different = {name for name in made["U-Net"] if made["U-Net"][name] != made["encoder-decoder"][name]}
    assert different == {"skips"}


def test_it_is_plotted(brief):
    figure = example.plot([brief, brief, brief])
    for street in figure.subfigs[0].subfigs:
        given, l1, both, truth, *below = street.get_axes()
        assert [axis.get_title() for axis in (given, l1, both, truth)] == ["input", "L1", "L1 + cGAN", "ground truth"]
        assert [axis.get_ylabel() for axis in (l1, below[0])] == list(example.NETWORKS)


def test_the_streets_shown_are_one_by_day_and_one_at_dusk():
    kinds = scenes.draw(example.JUDGED, example.SIZE, example.tc.Generator(1000)).kind
    assert [scenes.KINDS[kinds[number]] for number in (example.DAY, example.DUSK)] == ["day", "dusk"]


@pytest.mark.slow
def test_every_seed_has_a_lower_error_with_skips():
    started = time.perf_counter()
    outcomes = [example.compare(example.FULL, seed) for seed in example.SEEDS]
    note(
        "U-Net against encoder-decoder",
        minutes=round((time.perf_counter() - started) / 60, 1),
        **{
            f"L1 error of {network}, {loss}": [round(o.errors[network, loss].mean(), 2) for o in outcomes]
            for network, loss in outcomes[0].errors
        },
        **{f"lower with skips, {loss}": [str(o.gains[loss]) for o in outcomes] for loss in example.LOSSES},
    )
    for outcome in outcomes:
        assert min(gain.low for gain in outcome.gains.values()) > 0
