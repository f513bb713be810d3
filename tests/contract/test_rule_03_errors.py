"""Rule 3: errors name the layer, what came, and what was expected."""

import sys
import types

import numpy as np
import pytest

import tinycolor as tc

from contract_examples import picture


@pytest.mark.parametrize(
    ("dys", "words"),
    [
        ([np.ones((2, 4), "float32")], "(2, 4), float32, numpy, expected the output's (2, 3), float32, numpy"),
        ([np.ones((2, 3), "float64")], "(2, 3), float64, numpy, expected the output's (2, 3), float32, numpy"),
        ([], "got 0 gradients, expected 1"),
    ],
    ids=["shape", "dtype", "number"],
)
def test_rule_3_a_wrong_dy_is_an_error_that_names_the_layer(dys, words):
    _, backward = tc.Linear(4, 3)(picture(2, 4))
    with pytest.raises(ValueError, match=r"^Linear\(4, 3, bias=True\): backward got") as excinfo:
        backward(*dys)
    assert words in str(excinfo.value)


@pytest.fixture
def elsewhere(monkeypatch):
    """Return an array that claims to live on a GPU."""

    class Elsewhere:
        shape, dtype = (2, 3), np.dtype("float32")

    cupy = types.ModuleType("cupy")
    cupy.ndarray = Elsewhere
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    return Elsewhere()


def test_rule_3_a_dy_on_another_device_is_an_error_that_names_the_layer(elsewhere):
    _, backward = tc.Linear(4, 3)(picture(2, 4))
    with pytest.raises(ValueError, match=r"^Linear\(4, 3, bias=True\): backward got .*cupy, expected .*numpy"):
        backward(elsewhere)


def test_rule_3_inputs_on_two_devices_are_an_error(elsewhere):
    with pytest.raises(TypeError, match="NumPy and CuPy arrays came together"):
        tc.Concat()(picture(2, 3), elsewhere)


def test_rule_3_a_wrong_dy_does_not_cost_the_way_back():
    layer = tc.Tanh()
    _, backward = layer(picture(2, 3))
    with pytest.raises(ValueError, match="backward got dy"):
        backward(picture(2, 4))
    assert backward(picture(2, 3)).shape == (2, 3)
