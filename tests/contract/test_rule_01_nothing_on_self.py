"""Rule 1: nothing about a call is stored on the layer."""

import numpy as np
import pytest
from hypothesis import given, settings

import tinycolor as tc
from tinycolor.layers.base import MODES

from contract_examples import every_algorithm, picture
from table import ROWS


def stored(layer):
    """Everything that hangs on a layer and the layers below it, but for gradients."""
    return {path + name: content(value) for path, part in layer.walk() for name, value in vars(part).items()}


def content(value):
    if isinstance(value, tc.Parameter):
        return value.data.tobytes(), value.version
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value)


def without_running_statistics(state):
    return {name: value for name, value in state.items() if not name.split(".")[-1].startswith("running_")}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_rule_1_nothing_about_a_call_is_stored_on_the_layer(row, mode):
    @settings(max_examples=2)
    @given(row.pairs)
    def check(pair):
        layer, xs = pair
        before = stored(layer)
        y, backward = layer(*(x.astype("float32") for x in xs), mode=mode, rng=tc.Generator(0))
        backward(y.copy())
        after = stored(layer)
        if mode == "train":
            before, after = without_running_statistics(before), without_running_statistics(after)
        assert after == before

    check()


def test_rule_1_train_mode_moves_the_running_statistics():
    norm = tc.BatchNorm2d(2, momentum=0.25)
    x = picture(2, 3, 3, 2) + 3
    norm(x)
    np.testing.assert_allclose(norm.running_mean, 0.25 * x.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(norm.running_var, 0.75 + 0.25 * x.var((0, 1, 2), ddof=1), rtol=1e-5)


@every_algorithm
def test_rule_1_a_second_call_does_not_touch_what_the_first_gave_and_remembers(make, shape):
    layer = make()
    x1, x2 = picture(*shape), picture(*shape, seed=1)
    y1, backward1 = layer(x1)
    dy, y1_before = picture(*y1.shape, seed=2), y1.copy()
    y2, backward2 = layer(x2)
    dx2 = backward2(dy)
    dx2_before = dx2.copy()
    layer.zero_grad()
    dx1 = backward1(dy)
    np.testing.assert_array_equal(y1, y1_before)
    np.testing.assert_array_equal(dx2, dx2_before)
    assert not np.shares_memory(y1, y2)
    assert not np.shares_memory(dx1, dx2)
    dw = layer.weight.grad.copy()
    layer.zero_grad()
    layer(x1)[1](dy)
    np.testing.assert_array_equal(layer.weight.grad, dw)
