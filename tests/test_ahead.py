"""What a layer is told of the one behind it."""

import tinycolor as tc
from tinycolor.layers.ahead import announced, following
from tinycolor.random import Generator


class Listener(tc.Layer):
    """Gives x back, and remembers who was announced to it."""

    def __init__(self):
        self.heard = []

    def forward(self, x, *, mode, rng):
        self.heard.append(following(self))
        return x, lambda dy: dy


X = Generator(0).normal((1, 4, 4, 2))


def test_only_the_layer_that_is_addressed_hears_it():
    first, second, behind = Listener(), Listener(), tc.ReLU()
    assert following(first) is None
    with announced(first, behind):
        assert following(first) is behind
        assert following(second) is None
        with announced(second, None):
            assert following(first) is following(second) is None
        assert following(first) is behind
    assert following(first) is None


def test_in_a_row_everybody_hears_of_the_next():
    first, second, last = Listener(), Listener(), Listener()
    tc.Sequential(first, second, last)(X)
    assert (first.heard, second.heard, last.heard) == ([second], [last], [None])


def test_of_layers_made_of_layers_it_is_the_one_at_their_beginning():
    one, two, pool, relu, residual = Listener(), Listener(), tc.MaxPool2d(2), tc.ReLU(), tc.Residual(tc.Tanh())
    skip = tc.Skip(tc.Sequential(pool, tc.Tanh()), tc.Upsample(2))
    tc.Sequential(one, tc.Sequential(relu, two), skip)(X)
    tc.Sequential(two, residual)(X)
    assert (one.heard, two.heard) == ([relu], [pool, residual])


def test_one_and_the_same_layer_hears_each_time_who_comes_then():
    listener, relu, tanh = Listener(), tc.ReLU(), tc.Tanh()
    tc.Sequential(listener, relu, listener, tanh, listener)(X)
    assert listener.heard == [relu, tanh, None]


def test_elsewhere_nobody_knows_who_comes():
    """The layers beside each other in Concat, inside Residual, and the last inner ones of Skip."""
    listeners = [Listener() for _ in range(3)]
    one, two, three = listeners
    tc.Sequential(tc.Concat(one, tc.ReLU()), tc.Residual(two), tc.Skip(tc.Tanh(), three), tc.MaxPool2d(2))(X)
    assert [listener.heard for listener in listeners] == [[None]] * 3
