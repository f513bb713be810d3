"""What PyTorch once gave for VGG-16 and FCN, without PyTorch; ``fixtures/make_vgg_fcn.py`` made the file."""

from pathlib import Path

import numpy as np
import pytest

import tinycolor as tc

from fixtures.formulas import digest, one_step
from fixtures.make_vgg_fcn import CASES, fixed

FIXTURE = Path(__file__).parent.parent / "fixtures" / "vgg_fcn.npz"


@pytest.mark.parametrize("case", CASES)
def test_both_modes_and_every_gradient_by_digest(case):
    """Two numbers per array: its length, and its share along a direction; errors as shares of the length."""
    network, batch = fixed(case)
    ours = digest({"prediction": network.predict(batch[0])} | one_step(network, *batch, tc.losses.mse))
    with np.load(FIXTURE) as file:
        theirs = dict(zip(file[f"{case}/names"], file[f"{case}/digests"], strict=True))
    left_out = ours.keys() - theirs.keys()
    assert len(left_out) == (13 if case == "VGG16 batch norm" else 0)
    median = np.median([length for length, _ in theirs.values()])
    assert all(name.endswith(".bias") and ours[name][0] <= 1e-9 * median for name in left_out), left_out
    errors = {name: float(np.abs(ours[name] - pair).max() / pair[0]) for name, pair in theirs.items()}
    assert max(errors.values()) <= 1e-8, errors
