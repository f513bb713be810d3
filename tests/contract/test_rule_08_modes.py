"""Rule 8: the mode is an argument, handed down."""

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.layers.base import MODES

from contract_examples import picture


class ModeSpy(tc.Layer):
    def __init__(self):
        self.seen = []

    def forward(self, x, *, mode, rng):
        self.seen.append((mode, rng))
        return x.copy(), lambda dy: dy.copy()


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("around", [tc.Sequential, tc.Skip, tc.Residual, tc.Concat])
def test_rule_8_mode_and_rng_are_handed_down(around, mode):
    spy, rng = ModeSpy(), tc.Generator(0)
    around(spy)(picture(1, 2, 2, 1), mode=mode, rng=rng)
    around(spy).predict(picture(1, 2, 2, 1), mode=mode, rng=rng)
    assert spy.seen == [(mode, rng)] * 2


def test_rule_8_a_call_trains_and_predict_evaluates_by_default():
    spy = ModeSpy()
    spy(picture(1, 1))
    spy.predict(picture(1, 1))
    assert spy.seen == [("train", None), ("eval", None)]


@pytest.mark.parametrize("way", [tc.Layer.__call__, tc.Layer.predict], ids=["call", "predict"])
def test_rule_8_an_unknown_mode_is_an_error(way):
    with pytest.raises(ValueError, match=r"^Tanh\(\) got mode='test', expected one of train, eval, paper, instance"):
        way(tc.Tanh(), picture(1, 1), mode="test")


STATISTICS = {
    "train": lambda norm, x: (x.mean((0, 1, 2)), x.var((0, 1, 2))),
    "paper": lambda norm, x: (x.mean((0, 1, 2)), x.var((0, 1, 2))),
    "eval": lambda norm, x: (norm.running_mean, norm.running_var),
    "instance": lambda norm, x: (x.mean((1, 2), keepdims=True), x.var((1, 2), keepdims=True)),
}


@pytest.mark.parametrize("mode", MODES)
def test_rule_8_batch_norm_takes_the_statistics_of_its_mode(mode):
    norm = tc.BatchNorm2d(3).astype("float64")
    norm.running_mean[...], norm.running_var[...] = [1, 2, 3], [4, 5, 6]
    norm.weight.data, norm.bias.data = np.array([1.0, 2, 3]), np.array([3.0, 2, 1])
    x = picture(2, 4, 5, 3).astype("float64")
    mean, variance = STATISTICS[mode](norm, x)
    expected = norm.weight.data * (x - mean) / np.sqrt(variance + norm.eps) + norm.bias.data
    np.testing.assert_allclose(norm.predict(x, mode=mode), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("mode", ["eval", "paper", "instance"])
def test_rule_8_only_train_mode_moves_the_running_statistics(mode):
    net = tc.Sequential(tc.BatchNorm2d(2), tc.ConvNormAct(2, 2, 1))
    before = net.state_dict()
    net(picture(2, 4, 4, 2), mode=mode)
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(("mode", "drops"), [("train", True), ("paper", True), ("eval", False), ("instance", False)])
def test_rule_8_dropout_drops_in_train_and_paper_mode(mode, drops):
    y = tc.Dropout(0.5).predict(np.ones((8, 8)), mode=mode, rng=tc.Generator(0))
    assert np.array_equal(np.unique(y), [0, 2] if drops else [1])
