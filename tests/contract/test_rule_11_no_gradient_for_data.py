"""Rule 11: inside ``no_gradient_for(x)`` the work for the gradient of x is skipped."""

import copy

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.ops import conv as conv_ops
from tinycolor.ops import linear as linear_ops
from tinycolor.ops.fast import winograd
from tinycolor.training.adversarial import Duel

from contract_examples import grads, picture

MAPS, VECTORS = (2, 6, 6, 3), (2, 3)
FIRST = {  # a layer or network, what it is given, and whether its first weights are spared a product
    "Conv2d": (lambda: tc.Conv2d(3, 4, 3), MAPS, conv_ops, "conv2d_dx"),
    "Conv2d-winograd": (lambda: tc.Conv2d(32, 32, 3), (4, 32, 32, 32), winograd, "conv2d_dx"),
    "ConvTranspose2d": (lambda: tc.ConvTranspose2d(3, 4, 3), MAPS, conv_ops, "conv2d"),
    "Linear": (lambda: tc.Linear(3, 4), VECTORS, linear_ops, "linear_dx"),
    "ConvNormAct": (lambda: tc.ConvNormAct(3, 4, 3), MAPS, conv_ops, "conv2d_dx"),
    "Skip": (lambda: tc.Skip(tc.Conv2d(3, 4, 1)), MAPS, conv_ops, "conv2d_dx"),
    "behind a pool": (lambda: tc.Sequential(tc.MaxPool2d(2), tc.Conv2d(3, 4, 3)), MAPS, conv_ops, "conv2d_dx"),
    "both behind a join": (
        lambda: tc.Sequential(tc.Concat(tc.Conv2d(3, 2, 1), tc.ReLU()), tc.ReLU()),
        MAPS,
        conv_ops,
        "conv2d_dx",
    ),
}


@pytest.mark.parametrize(("make", "shape", "module", "op"), FIRST.values(), ids=FIRST)
def test_rule_11_no_product_for_dx_and_the_parameters_learn_the_same(make, shape, module, op, monkeypatch):
    layer, x = make(), picture(*shape)
    asked_for = []
    real = getattr(module, op)
    y, backward = layer(x)
    dy = picture(*y.shape, seed=1)
    wanted_dx = backward(dy)
    wanted = grads(layer)
    layer.zero_grad()
    with tc.no_gradient_for(x):
        same, backward = layer(x)
    monkeypatch.setattr(module, op, lambda *args, **steps: asked_for.append(op) or real(*args, **steps))
    dx = backward(dy)
    assert asked_for == []
    assert (dx.shape, dx.dtype) == (wanted_dx.shape, wanted_dx.dtype)
    assert np.isnan(dx).all()
    np.testing.assert_array_equal(same, y)
    for one, other in zip(grads(layer), wanted, strict=True):
        np.testing.assert_array_equal(one, other)
        assert one.any() or not wanted


def test_rule_11_is_told_of_arrays():
    with (
        pytest.raises(TypeError, match="got list, expected a NumPy or CuPy array"),
        tc.no_gradient_for([picture(2, 3)]),
    ):
        pass


def test_rule_11_nan_takes_no_memory(traced):
    layer, x = tc.Linear(1000, 1), picture(1000, 1000)
    with tc.no_gradient_for(x):
        y, backward = layer(x)
    traced()
    dx = backward(y)
    assert dx.shape == x.shape
    assert traced() < x.nbytes // 100


UNTOUCHED = {
    "an array like it": lambda x: [x.copy()],
    "a view of it": lambda x: [x[:]],
    "none": lambda x: [],
}


@pytest.mark.parametrize("others", UNTOUCHED.values(), ids=UNTOUCHED)
def test_rule_11_only_for_these_very_arrays(others):
    layer, x = tc.Linear(3, 4), picture(2, 3)
    with tc.no_gradient_for(*others(x)):
        y, backward = layer(x)
    np.testing.assert_allclose(backward(y), y @ layer.weight.data.T, rtol=1e-6)


def test_rule_11_is_read_at_forward_and_nests():
    layer, x, z = tc.Linear(3, 4), picture(2, 3), picture(2, 3, seed=1)

    def spared(array):
        y, backward = layer(array)
        return np.isnan(backward(y)).all()

    with tc.no_gradient_for(x):
        with tc.no_gradient_for(z):
            assert (spared(x), spared(z)) == (True, True)
        assert (spared(x), spared(z)) == (True, False)
    with pytest.raises(ZeroDivisionError), tc.no_gradient_for(x):
        raise ZeroDivisionError
    assert not spared(x)
    y, backward = layer(x)
    with tc.no_gradient_for(x):
        assert np.isfinite(backward(y)).all()


def test_rule_11_where_one_of_two_is_wanted_both_are_given():
    join, x, z = tc.Concat(), picture(*MAPS), picture(*MAPS, seed=1)
    layer = tc.Conv2d(6, 2, 3)
    with tc.no_gradient_for(x):
        both, apart = join(x, z)
        y, backward = layer(both)
    _, dz = apart(backward(y))
    both, apart = join(x, z)
    y, backward = layer(both)
    np.testing.assert_array_equal(dz, apart(backward(y))[1])


def test_rule_11_where_nobody_wants_either_the_join_is_spared_too():
    join, x, z = tc.Concat(), picture(*MAPS), picture(*MAPS, seed=1)
    with tc.no_gradient_for(x, z):
        both, apart = join(x, z)
    dxs = apart(both)
    assert [dx.shape for dx in dxs] == [MAPS, MAPS]
    assert np.isnan(dxs).all()


def test_rule_11_a_duel_teaches_both_the_same(monkeypatch):
    """The generator needs the discriminator's gradient for the fake, and for nothing else."""
    real, condition = picture(2, 8, 8, 2), picture(2, 8, 8, 1, seed=1)
    networks = tc.Conv2d(1, 2, 3, padding=1), tc.Sequential(tc.Concat(), tc.Conv2d(3, 1, 3))
    taught = []
    for spares in (True, False):
        if not spares:
            monkeypatch.setattr("tinycolor.layers.base.unwanted_gradient", lambda x: None)
            monkeypatch.setattr("tinycolor.layers.conv.unwanted_gradient", lambda x: None)
        pair = copy.deepcopy(networks)
        optimizers = [tc.optim.SGD(network.parameters(), 0.1) for network in pair]
        duel = Duel(*pair, *optimizers)
        duel.step((condition,), (), real)
        taught.append([optimizer.data.copy() for optimizer in optimizers])
    for one, other in zip(*taught, strict=True):
        np.testing.assert_array_equal(one, other)
