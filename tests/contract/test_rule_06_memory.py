"""Rule 6: save the least, free it early, and only once."""

import weakref

import numpy as np
import pytest

import tinycolor as tc

from contract_examples import every_algorithm, picture

BYTES_KEPT = {
    "ConvTranspose2d: x": (lambda: tc.ConvTranspose2d(8, 8, 2, stride=2), lambda x, y: 0),
    "ReLU: a bool mask": (tc.ReLU, lambda x, y: x.size),
    "LeakyReLU: a bool mask": (tc.LeakyReLU, lambda x, y: x.size),
    "Dropout: a bool mask": (tc.Dropout, lambda x, y: x.size),
    "MaxPool2d: one byte per maximum": (lambda: tc.MaxPool2d(2), lambda x, y: y.size),
    "Maxout: one byte per maximum": (lambda: tc.Maxout(2), lambda x, y: y.size),
    "AvgPool2d: nothing": (lambda: tc.AvgPool2d(2), lambda x, y: 0),
    "Upsample: nothing": (lambda: tc.Upsample(2), lambda x, y: 0),
    "Flatten: nothing": (tc.Flatten, lambda x, y: 0),
    "Sigmoid: y": (tc.Sigmoid, lambda x, y: y.nbytes),
    "BatchNorm2d: x_hat": (lambda: tc.BatchNorm2d(8), lambda x, y: x.nbytes),
    "ConvNormAct: the convolution's output and y": (lambda: tc.ConvNormAct(8, 8, 3), lambda x, y: 2 * y.nbytes),
    "Skip around Tanh: y": (lambda: tc.Skip(tc.Tanh()), lambda x, y: x.nbytes),
}


@every_algorithm
def test_rule_6_a_convolution_remembers_its_input_and_no_columns(make, shape, traced):
    layer, x = make(), picture(*shape)
    layer(x)  # the lanes' scratch is made once and kept
    traced()
    y, backward = layer(x)
    del y
    assert traced() == 0
    del backward


@pytest.mark.parametrize(("make", "expected"), BYTES_KEPT.values(), ids=BYTES_KEPT)
def test_rule_6_a_closure_remembers_the_least(make, expected, traced):
    layer, x = make(), picture(2, 64, 64, 8)
    layer(x, rng=tc.Generator(0))  # the lanes' scratch is made once and kept
    traced()
    y, backward = layer(x, rng=tc.Generator(0))
    least = expected(x, y)
    del y
    assert least <= traced() <= least + 1000  # a few numbers per channel
    del backward


@pytest.mark.parametrize("make", [tc.Tanh, lambda: tc.Sequential(tc.Tanh()), lambda: tc.ConvNormAct(3, 2, 1)])
def test_rule_6_the_way_back_can_be_gone_once(make):
    layer = make()
    y, backward = layer(picture(1, 4, 4, 3))
    backward(y)
    with pytest.raises(RuntimeError, match="backward was already called") as excinfo:
        backward(y)
    assert layer.name in str(excinfo.value)


def test_rule_6_predict_gives_no_way_back():
    ways_back = []
    with tc.layers.base.watching(lambda layer, xs, ys, backward: ways_back.append(backward)):
        y = tc.Tanh().predict(picture(2, 3))
    with pytest.raises(RuntimeError, match="came from predict"):
        ways_back[0](y)


class Ghost(tc.Layer):
    """Remembers an array for its backward, and writes down there which of all those arrays are still alive."""

    def __init__(self, remembered, alive):
        self.remembered, self.alive = remembered, alive

    def forward(self, x, *, mode, rng):
        memory = x.copy()
        self.remembered.append(weakref.ref(memory))

        def backward(dy):
            self.alive.append([ref() is not None for ref in self.remembered])
            return dy + 0 * memory

        return x * 2, backward


def ghosts(combine):
    remembered, alive = [], []
    return remembered, alive, combine(*(Ghost(remembered, alive) for _ in range(4)))


@pytest.mark.parametrize(
    "combine",
    [
        tc.Sequential,
        tc.Residual,
        tc.Skip,
        tc.Concat,
        lambda a, b, c, d: tc.Sequential(tc.Sequential(a, b), tc.Sequential(c, d)),
    ],
    ids=["Sequential", "Residual", "Skip", "Concat", "nested"],
)
def test_rule_6_a_combinator_frees_memory_as_it_goes_back(combine, no_garbage_collector):
    remembered, alive, layer = ghosts(combine)
    y, backward = layer(np.ones((1, 2, 2, 1)))
    assert all(ref() is not None for ref in remembered)
    backward(y)
    gone = [
        [True, True, True, True],
        [True, True, True, False],
        [True, True, False, False],
        [True, False, False, False],
    ]
    assert alive == ([row[::-1] for row in gone] if combine is tc.Concat else gone)
    assert all(ref() is None for ref in remembered)


def test_rule_6_dropping_the_closure_frees_everything(no_garbage_collector):
    remembered, _, layer = ghosts(tc.Sequential)
    _, backward = layer(np.ones((1, 2)))
    del backward
    assert all(ref() is None for ref in remembered)
