"""What else a careless hand may do to a layer."""

import copy
import pickle

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.ops.fast.choose import conv2d_algorithm

from contract_examples import CONVS_BY_ALGORITHM


@pytest.mark.parametrize("algorithm", CONVS_BY_ALGORITHM, ids=lambda module: module.__name__.split(".")[-1])
def test_the_examples_below_reach_every_algorithm(algorithm):
    make, shape = CONVS_BY_ALGORITHM[algorithm]
    layer = make()
    assert conv2d_algorithm(shape, layer.weight.data.shape, padding=layer.padding) is algorithm


def test_assigning_a_gradient_keeps_it_in_the_optimizer_s_buffer():
    layer = tc.Linear(3, 2)
    optimizer = tc.optim.SGD(layer.parameters(), 0.1)
    layer.weight.grad = np.ones((3, 2), np.float32)
    assert np.shares_memory(layer.weight.grad, optimizer.grad)
    assert optimizer.grad.sum() == 6
    with pytest.raises(ValueError, match=r"got grad of shape \(3,\), expected \(3, 2\)"):
        layer.weight.grad = np.ones(3, np.float32)


def test_a_copy_made_while_frozen_is_not_frozen():
    layer = tc.Linear(3, 2)
    with tc.frozen(layer):
        twins = copy.deepcopy(layer), layer.astype("float64"), pickle.loads(pickle.dumps(layer))
        assert not layer.weight.trainable
    assert [twin.weight.trainable for twin in twins] == [True, True, True]


def test_parameters_and_layers_in_lists_are_found():
    class Several(tc.Layer):
        def __init__(self):
            self.scales = [tc.Parameter(np.ones(2, np.float32)) for _ in range(2)]
            self.parts = (tc.Linear(2, 3, bias=False), tc.Linear(3, 1))

    class WithHead(tc.Sequential):
        def __init__(self):
            super().__init__(tc.Linear(2, 2, bias=False))
            self.head = tc.Linear(2, 1, bias=False)

    names = ["scales.0", "scales.1", "parts.0.weight", "parts.1.weight", "parts.1.bias"]
    assert [name for name, _ in Several().named_parameters()] == names
    assert [name for name, _ in WithHead().named_parameters()] == ["0.weight", "head.weight"]


def test_a_forward_that_forgets_its_backward_is_named():
    class Forgetful(tc.Layer):
        def forward(self, x, *, mode, rng):
            return x * 2

    with pytest.raises(TypeError, match=r"Forgetful\(\): forward returned ndarray, expected \(y, backward\)"):
        Forgetful()(np.ones((2, 3)))


@pytest.mark.parametrize("bias", [np.array(["a", "b"]), np.zeros(2, int), np.zeros(3, np.float32)])
def test_a_state_that_does_not_fit_leaves_everything_as_it_was(bias):
    layer = tc.Linear(3, 2)
    before = layer.state_dict()
    with pytest.raises(ValueError, match="got bias of shape"):
        layer.load_state_dict({"weight": before["weight"] + 1, "bias": bias})
    np.testing.assert_array_equal(layer.weight.data, before["weight"])


def test_a_parameter_owns_its_numbers_and_takes_floats_only():
    numbers = np.ones(3, np.float32)
    parameter = tc.Parameter(numbers)
    parameter.data -= 1
    assert numbers.sum() == 3
    with pytest.raises(ValueError, match="got data of int64, expected float32 or float64"):
        tc.Parameter(np.arange(3))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tc.Conv2d(0, 1, 3), "Conv2d in_channels got 0"),
        (lambda: tc.Conv2d(1, -1, 3), "Conv2d out_channels got -1"),
        (lambda: tc.ConvTranspose2d(1, 0, 3), "ConvTranspose2d out_channels got 0"),
        (lambda: tc.Linear(1, 0), "Linear out_features got 0"),
        (lambda: tc.BatchNorm2d(0), "BatchNorm2d channels got 0"),
        (lambda: tc.InstanceNorm2d(0), "InstanceNorm2d channels got 0"),
        (lambda: tc.Maxout(0), "Maxout got pieces=0"),
        (lambda: tc.networks.ColorUNet(widths=()), "ColorUNet got no widths"),
        (lambda: tc.Dropout(0.5, mask=np.ones(3)), "expected bool"),
        (lambda: tc.optim.Adam(tc.Linear(1, 1)), "Linear"),
    ],
)
def test_a_layer_that_cannot_be_is_refused_when_made(make, message):
    with pytest.raises((ValueError, TypeError), match=message):
        make()
