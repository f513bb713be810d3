"""Rule 9: randomness is explicit."""

import numpy as np
import pytest

import tinycolor as tc

from contract_examples import digest, picture


@pytest.mark.parametrize("mode", ["train", "paper"])
def test_rule_9_dropout_without_a_generator_is_an_error(mode):
    with pytest.raises(ValueError, match=r"Dropout\(0.5\) got no rng .*rng=tc.Generator\(seed, epoch, step\)"):
        tc.Sequential(tc.Tanh(), tc.Dropout())(picture(2, 3), mode=mode)


def test_rule_9_the_same_seed_epoch_and_step_draw_the_same_mask():
    layer, x = tc.Dropout(0.5), np.ones((16, 16))
    first, again = (layer.predict(x, mode="train", rng=tc.Generator(1, 2, 3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    for other in [(2, 2, 3), (1, 3, 3), (1, 2, 4)]:
        assert (layer.predict(x, mode="train", rng=tc.Generator(*other)) != first).any()


def test_rule_9_two_layers_of_one_call_draw_different_masks():
    net = tc.Concat(tc.Dropout(0.5), tc.Dropout(0.5))
    y = net.predict(np.ones((16, 16)), mode="train", rng=tc.Generator(0))
    assert (y[:, :16] != y[:, 16:]).any()


def test_rule_9_a_given_mask_is_used_forward_and_back():
    mask = np.array([[True, False, True]])
    y, backward = tc.Dropout(0.75, mask=mask)(np.array([[1.0, 2, 3]]))
    np.testing.assert_array_equal(y, [[4, 0, 12]])
    np.testing.assert_array_equal(backward(np.array([[1.0, 1, 2]])), [[4, 0, 8]])


def test_rule_9_a_mask_of_another_shape_is_an_error():
    with pytest.raises(ValueError, match=r"Dropout\(0.5\) got x of shape \(2, 4\), expected its mask's \(2, 3\)"):
        tc.Dropout(0.5, mask=np.ones((2, 3), bool))(picture(2, 4))


def with_dropout(seed):
    net = tc.Sequential(tc.Linear(4, 16), tc.Tanh(), tc.Dropout(0.5), tc.Linear(16, 2))
    tc.init.he_normal(net, tc.Generator(seed))
    return net


def train(net, steps):
    x, target = picture(8, 4), picture(8, 2, seed=1)
    optimizer = tc.optim.SGD(net.parameters(), 0.1)
    for number in steps:
        y, backward = net(x, rng=tc.Generator(5, epoch=0, step=number))
        _, dy = tc.losses.mse(y, target)
        net.zero_grad()
        backward(dy)
        optimizer.step()
    return net


def test_rule_9_a_resumed_run_equals_the_unbroken_one():
    unbroken = train(with_dropout(0), range(6))
    stopped = train(with_dropout(0), range(3))
    resumed = with_dropout(99)
    resumed.load_state_dict(stopped.state_dict())
    assert digest(train(resumed, range(3, 6))) == digest(unbroken) != digest(stopped)
