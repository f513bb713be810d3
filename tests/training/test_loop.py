import numpy as np
import pytest

import tinycolor as tc
from tinycolor.training.loop import NotFiniteError, train

RATE = 0.1
NAN, HUGE = np.float32("nan"), np.float32(3e38)


@pytest.fixture
def batches(rng):
    return [tuple(rng.standard_normal((4, size), dtype=np.float32) for size in (3, 2)) for _ in range(6)]


def linear(weight, bias):
    layer = tc.Linear(*weight.shape)
    layer.load_state_dict({"weight": weight, "bias": bias})
    return layer


def two_layers():
    return tc.Sequential(tc.Linear(3, 4), tc.ReLU(), tc.Linear(4, 2))


def test_it_descends_as_one_would_by_hand(rng, batches):
    weight, bias = rng.standard_normal((3, 2)).astype(np.float32), np.array([0.5, -0.5], np.float32)
    network = linear(weight, bias)
    losses = list(train(network, tc.optim.SGD(network.parameters(), RATE), batches, tc.losses.mse))

    w, b, wanted = weight.astype(np.float64), bias.astype(np.float64), []
    for x, target in batches:
        error = x @ w + b - target
        wanted.append((error**2).mean())
        w, b = w - RATE * x.T @ (2 * error / error.size), b - RATE * (2 * error / error.size).sum(0)
    np.testing.assert_allclose(losses, wanted, rtol=1e-5)
    np.testing.assert_allclose(network.weight.data, w, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.bias.data, b, rtol=1e-5, atol=1e-6)
    assert not network.weight.grad.any()
    assert all(type(loss) is float for loss in losses)


def test_a_step_is_made_when_it_is_asked_for(batches):
    network = two_layers()
    optimizer = tc.optim.SGD(network.parameters(), RATE)
    steps = train(network, optimizer, batches, tc.losses.mse)
    assert optimizer.steps == 0
    next(steps)
    assert optimizer.steps == 1
    assert len(list(steps)) == len(batches) - 1


def test_dropout_draws_from_the_seed_and_from_the_steps_made_so_far(batches):
    def weights(seed, stop=None):
        layers = tc.Linear(3, 8), tc.Dropout(0.5), tc.Linear(8, 2)
        for number, layer in enumerate(layers[::2]):
            tc.init.he_normal(layer, tc.Generator(number))
        network = tc.Sequential(*layers)
        optimizer = tc.optim.Adam(network.parameters())
        for part in (batches[:stop], batches[stop:] if stop else []):
            list(train(network, optimizer, part, tc.losses.mse, seed=seed))
        return optimizer.data

    np.testing.assert_array_equal(weights(1), weights(1))
    np.testing.assert_array_equal(weights(1), weights(1, stop=2))
    assert (weights(1) != weights(2)).any()


def test_dropout_draws_anew_at_every_step(batches):
    network = tc.Sequential(tc.Linear(3, 50), tc.Dropout(0.5), tc.Linear(50, 2))
    optimizer = tc.optim.SGD(network.parameters(), 0.0)
    assert len(set(train(network, optimizer, [batches[0]] * 6, tc.losses.mse))) == 6


@pytest.fixture
def stopped(batches):
    """Return a function that spoils something after two steps, and says how the third one ended."""

    def spoil(change, loss_function=tc.losses.mse, network=None):
        network = network or two_layers()
        optimizer = tc.optim.Adam(network.parameters())
        list(train(network, optimizer, batches[:2], tc.losses.mse))
        x, target = (array.copy() for array in batches[2])
        change(network, x)
        before, memory = network.state_dict(), optimizer.state_dict()
        with np.errstate(all="ignore"), pytest.raises(NotFiniteError) as error:
            list(train(network, optimizer, [(x, target), batches[3]], loss_function))
        for was, now in ((before, network.state_dict()), (memory, optimizer.state_dict())):
            for name, array in now.items():
                np.testing.assert_array_equal(array, was[name])
        assert error.match(r"^step 3: .*: try a smaller learning rate\.$")
        return str(error.value).removeprefix("step 3: ").removesuffix(": try a smaller learning rate.")

    return spoil


@pytest.mark.parametrize("value", [NAN, np.inf, -np.inf])
def test_it_stops_at_a_batch_with_nan_or_infinity(stopped, value):
    def change(network, x):
        x[1, 2] = value

    assert stopped(change) == "the batch holds NaN or infinity"


@pytest.mark.parametrize("value", [NAN, np.inf])
def test_it_names_the_weight(stopped, value):
    def change(network, x):
        network.layers[2].bias.data[1] = value

    assert stopped(change) == "2.bias holds NaN or infinity"


def test_it_names_the_first_layer_whose_numbers_grow_too_large(stopped):
    def change(network, x):
        x[...] = 10
        network.layers[0].weight.data[...] = 1e30
        network.layers[2].weight.data[...] = 1e30

    assert stopped(change) == "layer 2 (Linear(4, 2, bias=True)) gave NaN or infinity"


def test_it_names_the_inner_layer_of_a_network(rng):
    network = tc.networks.ColorUNet(widths=(4, 8), size=8)
    optimizer = tc.optim.SGD(network.parameters(), RATE)
    network.head.weight.data[...] = HUGE
    x, target = (rng.standard_normal((2, 8, 8, channels), dtype=np.float32) for channels in (1, 2))
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError, match=r"step 1: layer head \(Conv2d\(4, 2, "):
        list(train(network, optimizer, [(x, target)], tc.losses.mse))


def test_it_names_a_gradient_that_is_spoilt_on_the_way_back_alone(stopped):
    class Spoiler(tc.ReLU):
        spoils = False

        def forward(self, x, *, mode, rng):
            y, backward = super().forward(x, mode=mode, rng=rng)
            return y, lambda dy: backward(dy) * (NAN if self.spoils else 1)

    network = tc.Sequential(tc.Linear(3, 4), tc.ReLU(), tc.Linear(4, 4), Spoiler(), tc.Linear(4, 2))

    def change(network, x):
        network.layers[3].spoils = True

    assert stopped(change, network=network) == "the gradient of 0.weight is NaN or infinite"


def test_it_stops_where_the_loss_alone_is_infinite(stopped):
    def infinite(y, target):
        loss, dy = tc.losses.mse(y, target)
        return loss + np.float32("inf"), dy

    assert stopped(lambda network, x: None, infinite).startswith("the loss, ")


def test_it_stops_before_adam_squares_a_gradient_into_infinity(stopped):
    def steep(y, target):
        loss, dy = tc.losses.mse(y, target)
        return loss, dy / abs(dy).max() * np.float32(1e25)

    assert stopped(lambda network, x: None, steep).endswith("the squared gradients, is NaN or infinite")
