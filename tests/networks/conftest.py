"""What the tests of the networks share."""

import numpy as np
import pytest

import tinycolor as tc


@pytest.fixture
def weightless(monkeypatch):
    """Networks as wide as the paper's in no memory: their large arrays have a shape, and one and the same zero."""

    class Weightless(tc.Parameter):
        def __init__(self, data):
            self._data = self._grad = np.broadcast_to(np.float32(0), data.shape)
            self.version = self.freezes = 0

        def _write(self, name, target, value):
            """There is nothing to write into."""

    for file in ("conv", "linear"):
        monkeypatch.setattr(f"tinycolor.layers.{file}.Parameter", Weightless)
    for name in ("first_weights", "he_normal"):
        monkeypatch.setattr(tc.init, name, lambda *arguments, **options: None)


@pytest.fixture
def weights():
    """Return a function that counts what a network learns."""
    return lambda net: sum(parameter.data.size for parameter in net.parameters())


@pytest.fixture
def learn():
    """Return a function that overfits one batch of pictures and class numbers, and gives the first and last loss."""

    def call(net, x, target, steps, rate, mode="train"):
        adam = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(rate, steps))
        losses = []
        for step in range(steps):
            net.zero_grad()
            y, backward = net(x, mode=mode, rng=tc.Generator(0, step=step))
            loss, dy = tc.losses.cross_entropy(y, target)
            backward(dy)
            adam.step()
            losses.append(float(loss))
        return losses[0], float(tc.losses.cross_entropy(net.predict(x), target)[0])

    return call


@pytest.fixture
def gradient_shares():
    """Return a function that gives the size of each parameter's gradient, as a share of their median."""

    def call(net, x):
        rng = np.random.default_rng(0)
        for parameter in net.parameters():
            shape = parameter.data.shape
            spread = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.1
            parameter.data = parameter.data * (len(shape) == 1) + spread * rng.standard_normal(shape)
        y, backward = net(x, rng=tc.Generator(0))
        backward(rng.standard_normal(y.shape).astype(y.dtype))
        norms = {name: np.linalg.norm(parameter.grad) for name, parameter in net.named_parameters()}
        median = np.median(list(norms.values()))
        return {name: norm / median for name, norm in norms.items()}

    return call
