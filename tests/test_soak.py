"""Long figures, run by ``make soak``; their results are committed beside this file."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.ops import conv as plain
from tinycolor.ops.conv import ONE
from tinycolor.ops.fast import blocked, winograd

import oracles
from ops.test_conv import random_cases, random_winograd_cases

pytestmark = pytest.mark.slow
RESULTS = Path(__file__).parent / "soak_results.json"


def note(name, **figures):
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**results, name: figures}, indent=2, sort_keys=True) + "\n")


def worst_error(module, case, rng):
    """The largest difference from naive loops in y, dx and dw, as a share of the largest number."""
    x, weight = rng.standard_normal(case.x_shape), rng.standard_normal(case.weight_shape)
    dy = rng.standard_normal(case.y_shape)
    pairs = (
        (module.conv2d(x, weight, **case.steps), oracles.conv2d(x, weight, **case.steps)),
        (
            module.conv2d_dx(dy, weight, x.shape, **case.steps),
            oracles.conv2d_dx(dy, weight, x.shape, **case.steps),
        ),
        (
            module.conv2d_dw(x, dy, weight.shape[:2], **case.steps),
            oracles.conv2d_dw(x, dy, weight.shape[:2], **case.steps),
        ),
    )
    return max(abs(got - wanted).max() / max(abs(wanted).max(), 1e-300) for got, wanted in pairs)


@pytest.mark.parametrize(
    ("module", "cases"),
    [
        (plain, random_cases(3000, seed=10)),
        (blocked, [case for case in random_cases(3000, seed=11) if ONE in (case.stride, case.dilation)]),
        (winograd, random_winograd_cases(2000, seed=12)),
    ],
    ids=["plain", "blocked", "winograd"],
)
def test_thousands_of_random_convolutions_agree_with_naive_loops(module, cases):
    rng = np.random.default_rng(0)
    worst = max(worst_error(module, case, rng) for case in cases)
    note(f"convolutions, {module.__name__.rsplit('.', 1)[1]}", shapes=len(cases), worst_relative_error=worst)
    assert worst <= 1e-10


def weights_after(steps, lanes):
    with tc.lanes(lanes):
        net = tc.networks.ColorUNet(widths=(32, 64))
        optimizer = tc.optim.Adam(net.parameters())
        rng = np.random.default_rng(0)
        for _ in range(steps):
            x = rng.standard_normal((8, 32, 32, 1), dtype=np.float32)
            target = rng.standard_normal((8, 32, 32, 2), dtype=np.float32)
            y, backward = net(x)
            _, dy = tc.losses.mse(y, target)
            net.zero_grad()
            backward(dy)
            optimizer.step()
    return hashlib.sha256(b"".join(array.tobytes() for array in net.state_dict().values())).hexdigest()


def test_hundreds_of_steps_give_the_same_bits_on_one_lane_and_on_two():
    steps = 300
    hashes = {weights_after(steps, lanes) for lanes in (1, 2, 2)}
    note("training, one lane and two", steps=steps, different_hashes=len(hashes))
    assert len(hashes) == 1
