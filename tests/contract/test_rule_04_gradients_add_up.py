"""Rule 4: gradients accumulate, zero_grad is the only way back, an optimizer packs everything into one buffer."""

import numpy as np
import pytest

import tinycolor as tc

from contract_examples import grads, picture


def test_rule_4_gradients_accumulate_until_zero_grad():
    layer, x, dy = tc.ConvNormAct(2, 3, 3, norm=None), picture(1, 5, 5, 2), picture(1, 3, 3, 3)
    layer(x)[1](dy)
    once, arrays = grads(layer), [p.grad for p in layer.parameters()]
    layer(x)[1](dy)
    for twice, single in zip(grads(layer), once, strict=True):
        np.testing.assert_array_equal(twice, 2 * single)
    layer.zero_grad()
    assert not any(grad.any() for grad in grads(layer))
    assert all(p.grad is array for p, array in zip(layer.parameters(), arrays, strict=True))


@pytest.mark.parametrize("optimizer_class", [tc.optim.SGD, tc.optim.Adam, tc.optim.RMSprop, tc.optim.Adadelta])
def test_rule_4_an_optimizer_packs_its_parameters_into_one_flat_buffer(optimizer_class):
    net = tc.networks.CrossCircleCNN(8, (2, 3))
    before = net.state_dict()
    optimizer = optimizer_class(net.parameters(), 0.1)
    assert optimizer.data.shape == optimizer.grad.shape == (sum(p.data.size for p in net.parameters()),)
    for name, parameter in net.named_parameters():
        np.testing.assert_array_equal(parameter.data, before[name])
        assert parameter.data.base is optimizer.data
        assert parameter.grad.base is optimizer.grad
    net(picture(2, 8, 8, 1))[1](picture(2, 2))
    optimizer.step()
    assert all((parameter.data != before[name]).any() for name, parameter in net.named_parameters())


def test_rule_4_views_survive_assignment_and_loading():
    net = tc.Linear(2, 3)
    optimizer = tc.optim.SGD(net.parameters(), 0.1)
    net.weight.data = np.ones((2, 3))
    net.load_state_dict(net.state_dict())
    assert net.weight.data.base is optimizer.data
    assert (optimizer.data[:6] == 1).all()


def test_rule_4_an_optimizer_notices_that_another_has_taken_over():
    net = tc.Linear(2, 3)
    first = tc.optim.SGD(net.parameters(), 0.1)
    second = tc.optim.Adam(net.parameters(), 0.1)
    before = net.state_dict()
    with pytest.raises(RuntimeError, match=r"SGD\.step found a parameter that another optimizer has taken over"):
        first.step()
    np.testing.assert_array_equal(net.weight.data, before["weight"])
    second.step()
