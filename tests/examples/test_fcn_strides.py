import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

from tinycolor.data import scenes
from tinycolor.networks.fcn import FCN8s, FCN16s, FCN32s
from tinycolor.random import Generator

from test_soak import note

SPEC = importlib.util.spec_from_file_location("fcn_strides", Path(__file__).parents[2] / "examples/fcn_strides.py")
fcn_strides = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(fcn_strides)


def mean_ious(outcome):
    return {name: np.array([one["mean_iou"] for one in of_seeds]) for name, of_seeds in outcome.scores.items()}


@pytest.mark.slow
def test_a_finer_map_is_worth_more_than_longer_training():
    started = time.perf_counter()
    outcome = fcn_strides.compare(fcn_strides.FULL, seeds=(0, 1, 2))
    iou = mean_ious(outcome)
    note(
        "FCN on drawn streets",
        minutes=round((time.perf_counter() - started) / 60, 1),
        **{name: [round(float(one), 3) for one in of_seeds] for name, of_seeds in iou.items()},
    )
    assert (iou["FCN-16s"] > iou["FCN-32s, longer"]).all()
    assert (iou["FCN-16s"] > iou["FCN-32s"]).all()
    assert (iou["FCN-8s"] > iou["FCN-16s"]).all()
