"""The ten rules of the contract (``tinycolor/layers/base.py``), each with its own tests."""

import copy
import hashlib
import pickle
import sys
import types
import weakref

import numpy as np
import pytest
from hypothesis import given, settings

import tinycolor as tc
from tinycolor.layers.base import MODES
from tinycolor.ops import conv as conv_ops
from tinycolor.ops import linear as linear_ops
from tinycolor.ops.fast import blocked, winograd
from tinycolor.ops.fast.choose import conv2d_algorithm

from table import ROWS

CONVS_BY_ALGORITHM = {
    conv_ops: (lambda: tc.Conv2d(2, 3, 3, padding=1), (2, 8, 8, 2)),
    blocked: (lambda: tc.Conv2d(16, 32, 3, padding=1), (4, 32, 32, 16)),
    winograd: (lambda: tc.Conv2d(32, 32, 3, padding=1), (4, 32, 32, 32)),
}
every_algorithm = pytest.mark.parametrize(
    ("make", "shape"), CONVS_BY_ALGORITHM.values(), ids=[m.__name__.split(".")[-1] for m in CONVS_BY_ALGORITHM]
)


def picture(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def grads(layer):
    return [parameter.grad.copy() for parameter in layer.parameters()]


def small_gan():
    generator = tc.Sequential(tc.Conv2d(1, 4, 3, padding=1), tc.Tanh(), tc.Conv2d(4, 2, 1))
    discriminator = tc.Sequential(
        tc.ConvNormAct(2, 4, 3, padding=1, norm="batch", activation="leaky_relu"),
        tc.ConvNormAct(4, 4, 3, padding=1, norm="instance", activation="leaky_relu"),
        tc.Flatten(),
        tc.Linear(4 * 8 * 8, 1),
    )
    return generator.astype("float64"), discriminator.astype("float64")


@pytest.mark.parametrize("algorithm", CONVS_BY_ALGORITHM, ids=lambda module: module.__name__.split(".")[-1])
def test_the_examples_below_reach_every_algorithm(algorithm):
    make, shape = CONVS_BY_ALGORITHM[algorithm]
    layer = make()
    assert conv2d_algorithm(shape, layer.weight.data.shape, padding=layer.padding) is algorithm


# Rule 1: nothing about a call is stored on the layer.


def stored(layer):
    """Everything that hangs on a layer and the layers below it, but for gradients."""
    return {path + name: content(value) for path, part in layer.walk() for name, value in vars(part).items()}


def content(value):
    if isinstance(value, tc.Parameter):
        return value.data.tobytes(), value.version
    return value.tobytes() if isinstance(value, np.ndarray) else repr(value)


def without_running_statistics(state):
    return {name: value for name, value in state.items() if not name.split(".")[-1].startswith("running_")}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
def test_rule_1_nothing_about_a_call_is_stored_on_the_layer(row, mode):
    @settings(max_examples=2)
    @given(row.pairs)
    def check(pair):
        layer, xs = pair
        before = stored(layer)
        y, backward = layer(*(x.astype("float32") for x in xs), mode=mode, rng=tc.Generator(0))
        backward(y.copy())
        after = stored(layer)
        if mode == "train":
            before, after = without_running_statistics(before), without_running_statistics(after)
        assert after == before

    check()


def test_rule_1_train_mode_moves_the_running_statistics():
    norm = tc.BatchNorm2d(2, momentum=0.25)
    x = picture(2, 3, 3, 2) + 3
    norm(x)
    np.testing.assert_allclose(norm.running_mean, 0.25 * x.mean((0, 1, 2)), rtol=1e-5)
    np.testing.assert_allclose(norm.running_var, 0.75 + 0.25 * x.var((0, 1, 2), ddof=1), rtol=1e-5)


@every_algorithm
def test_rule_1_a_second_call_does_not_touch_what_the_first_gave_and_remembers(make, shape):
    layer = make()
    x1, x2 = picture(*shape), picture(*shape, seed=1)
    y1, backward1 = layer(x1)
    dy, y1_before = picture(*y1.shape, seed=2), y1.copy()
    y2, backward2 = layer(x2)
    dx2 = backward2(dy)
    dx2_before = dx2.copy()
    layer.zero_grad()
    dx1 = backward1(dy)
    np.testing.assert_array_equal(y1, y1_before)
    np.testing.assert_array_equal(dx2, dx2_before)
    assert not np.shares_memory(y1, y2)
    assert not np.shares_memory(dx1, dx2)
    dw = layer.weight.grad.copy()
    layer.zero_grad()
    layer(x1)[1](dy)
    np.testing.assert_array_equal(layer.weight.grad, dw)


# Rule 2: nobody writes into what it was given.


@every_algorithm
def test_rule_2_nobody_writes_into_what_it_was_given(make, shape):
    block = tc.Sequential(make(), tc.BatchNorm2d(make().weight.data.shape[-1]), tc.ReLU(), tc.MaxPool2d(2))
    x = picture(*shape)
    x.flags.writeable = False
    y, backward = block(x)
    dy = picture(*y.shape)
    dy.flags.writeable = False
    assert backward(dy).shape == x.shape


def test_rule_2_the_network_as_it_is_leaves_its_input_alone():
    net, x = tc.networks.ColorUNet(widths=(32, 32)), picture(4, 32, 32, 1)
    x.flags.writeable = False
    y, backward = net(x)
    y.flags.writeable = False
    assert backward(y).shape == x.shape


# Rule 3: errors name the layer, what came, and what was expected.


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


# Rule 4: gradients accumulate, zero_grad is the only way back, an optimizer packs everything into one buffer.


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


# Rule 5: frozen layers pass gradients through and learn nothing.

LEARNERS = {
    "Conv2d": (lambda: tc.Conv2d(3, 4, 3), [(2, 6, 6, 3)]),
    "ConvTranspose2d": (lambda: tc.ConvTranspose2d(3, 4, 3), [(2, 6, 6, 3)]),
    "Linear": (lambda: tc.Linear(3, 4), [(2, 3)]),
    "BatchNorm2d": (lambda: tc.BatchNorm2d(3), [(2, 6, 6, 3)]),
    "InstanceNorm2d": (lambda: tc.InstanceNorm2d(3, affine=True), [(2, 6, 6, 3)]),
    "ConvNormAct": (lambda: tc.ConvNormAct(3, 4, 3), [(2, 6, 6, 3)]),
    "Fusion": (lambda: tc.Fusion(3, 2, 4), [(2, 6, 6, 3), (2, 2)]),
    "ColorUNet": (lambda: tc.networks.ColorUNet(1, 2, (2, 3)), [(2, 6, 6, 1)]),
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(("make", "shapes"), LEARNERS.values(), ids=LEARNERS)
def test_rule_5_frozen_passes_gradients_and_learns_nothing(make, shapes, mode):
    layer, xs = make(), [picture(*shape) for shape in shapes]
    y, backward = layer(*xs, mode=mode)
    free = backward(y.copy())
    layer.zero_grad()
    with tc.frozen(layer):
        y, backward = layer(*xs, mode=mode)
    frozen = backward(y.copy())
    for one, other in zip(as_tuple(frozen), as_tuple(free), strict=True):
        np.testing.assert_array_equal(one, other)
    assert not any(grad.any() for grad in grads(layer))


def as_tuple(dxs):
    return dxs if isinstance(dxs, tuple) else (dxs,)


def test_rule_5_frozen_is_read_at_forward():
    layer, x, dy = tc.Linear(3, 4), picture(2, 3), picture(2, 4)
    _, backward = layer(x)
    with tc.frozen(layer):
        backward(dy)
    assert layer.weight.grad.any()


def test_rule_5_frozen_nests_and_ends_even_after_an_error():
    net = tc.Sequential(tc.Linear(3, 3), tc.Linear(3, 3))
    with tc.frozen(net):
        with tc.frozen(net[0]):
            assert [p.trainable for p in net.parameters()] == [False] * 4
        assert [p.trainable for p in net.parameters()] == [False] * 4
    with pytest.raises(ZeroDivisionError), tc.frozen(net):
        raise ZeroDivisionError
    assert [p.trainable for p in net.parameters()] == [True] * 4


@pytest.mark.parametrize(
    ("make", "shape", "module", "op"),
    [
        (lambda: tc.Conv2d(2, 3, 3), (2, 8, 8, 2), conv_ops, "conv2d_dw"),
        (lambda: tc.ConvTranspose2d(2, 3, 3), (2, 8, 8, 2), conv_ops, "conv2d_dw"),
        (lambda: tc.Conv2d(16, 32, 3), (4, 32, 32, 16), blocked, "conv2d_dw"),
        (lambda: tc.Conv2d(32, 32, 3), (4, 32, 32, 32), winograd, "conv2d_dw"),
        (lambda: tc.Linear(2, 3), (4, 2), linear_ops, "linear_dw"),
    ],
    ids=["Conv2d", "ConvTranspose2d", "Conv2d-blocked", "Conv2d-winograd", "Linear"],
)
def test_rule_5_frozen_skips_dw_and_does_not_keep_x(make, shape, module, op, monkeypatch, no_garbage_collector):
    layer, x = make(), picture(*shape)
    asked_for = []
    real = getattr(module, op)
    monkeypatch.setattr(module, op, lambda *args, **steps: asked_for.append(op) or real(*args, **steps))
    with tc.frozen(layer):
        y, backward = layer(x)
    x = weakref.ref(x)
    assert x() is None
    backward(y)
    assert asked_for == []
    y, backward = layer(picture(*shape))
    backward(y)
    assert asked_for == [op]


def test_rule_5_running_statistics_of_a_frozen_layer_still_move():
    twins = [tc.BatchNorm2d(2), tc.BatchNorm2d(2)]
    twins[0](picture(2, 4, 4, 2))
    with tc.frozen(twins[1]):
        twins[1](picture(2, 4, 4, 2))
    np.testing.assert_array_equal(twins[0].running_mean, twins[1].running_mean)
    assert twins[1].running_mean.all()


def test_rule_5_the_gan_step_gives_the_gradients_of_separate_calls():
    generator, discriminator = small_gan()
    real, grey = picture(2, 8, 8, 2).astype("float64"), picture(2, 8, 8, 1, seed=1).astype("float64")
    one = np.ones((2, 1))

    fake, generator_backward = generator(grey)
    _, real_backward = discriminator(real)
    _, fake_backward = discriminator(fake)
    with tc.frozen(discriminator):
        _, through = discriminator(fake)
    fake_backward(-0.5 * one)
    real_backward(one)
    learned = grads(discriminator)
    d_fake = through(one)
    for before, after in zip(learned, grads(discriminator), strict=True):
        np.testing.assert_array_equal(after, before)
    generator_backward(d_fake)

    expected = [0.0] * len(learned)
    for pictures, dy in ((real, one), (fake, -0.5 * one)):
        discriminator.zero_grad()
        discriminator(pictures)[1](dy)
        expected = [total + grad for total, grad in zip(expected, grads(discriminator), strict=True)]
    for ours, theirs in zip(learned, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        assert theirs.any()
    step = grads(generator)
    generator.zero_grad()
    generator(grey)[1](discriminator(fake)[1](one))
    for ours, theirs in zip(step, grads(generator), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)
        assert theirs.any()


# Rule 6: save the least, free it early, and only once.

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


# Rule 7: weights may not change between a forward and its backward.


def assign(net, optimizer):
    net[0].weight.data -= 0.1


def load(net, optimizer):
    net.load_state_dict(net.state_dict())


def step(net, optimizer):
    optimizer.step()


def repack(net, optimizer):
    tc.optim.SGD(net.parameters(), 0.1)


def initialise(net, optimizer):
    tc.init.he_normal(net, tc.Generator(0))


@pytest.mark.parametrize("change", [assign, load, step, repack, initialise])
def test_rule_7_stale_weights_are_an_error(change):
    net = tc.Sequential(tc.Linear(3, 4), tc.Tanh())
    optimizer = tc.optim.Adam(net.parameters())
    versions = [p.version for p in net.parameters()]
    y, backward = net(picture(2, 3))
    change(net, optimizer)
    assert net[0].weight.version > versions[0]
    with pytest.raises(RuntimeError, match=r"^Linear\(3, 4, bias=True\): weight was changed between forward and"):
        backward(y)


@pytest.mark.parametrize("norm", ["batch", "instance", None])
@pytest.mark.parametrize("mode", MODES)
def test_rule_7_every_parameter_of_a_block_is_watched(norm, mode):
    block, x = tc.ConvNormAct(2, 3, 3, norm=norm), picture(2, 5, 5, 2)
    for name, parameter in block.named_parameters():
        y, backward = block(x, mode=mode)
        parameter.data += 1
        with pytest.raises(RuntimeError, match=f"{name.split('.')[-1]} was changed"):
            backward(y)


def test_rule_7_the_next_call_is_fine():
    layer = tc.Linear(3, 4)
    layer.weight.data *= 2
    y, backward = layer(picture(2, 3))
    assert backward(y).shape == (2, 3)


def test_rule_7_a_step_of_one_network_does_not_spoil_the_way_back_through_another():
    generator, discriminator = small_gan()
    before = generator.state_dict()
    of_generator = tc.optim.Adam(generator.parameters())
    of_discriminator = tc.optim.Adam(discriminator.parameters())
    fake, generator_backward = generator(picture(2, 8, 8, 1).astype("float64"))
    y, backward = discriminator(fake)
    backward(y)
    of_discriminator.step()
    with tc.frozen(discriminator):
        y, through = discriminator(fake)
    generator_backward(through(y))
    of_generator.step()
    assert all((array != before[name]).any() for name, array in generator.state_dict().items())


# Rule 8: the mode is an argument, handed down.


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


# Rule 9: randomness is explicit.


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


# Rule 10: same seed, same device, same bits.


def digest(net):
    sha = hashlib.sha256()
    for name, array in net.state_dict().items():
        sha.update(name.encode() + array.tobytes())
    return sha.hexdigest()


def trained_color_unet():
    net = tc.networks.ColorUNet(widths=(32, 32))
    optimizer = tc.optim.Adam(net.parameters())
    x, target = picture(4, 32, 32, 1), picture(4, 32, 32, 2, seed=1)
    for _ in range(20):
        y, backward = net(x)
        _, dy = tc.losses.mse(y, target)
        net.zero_grad()
        backward(dy)
        optimizer.step()
    return digest(net)


@pytest.fixture(scope="module")
def reference_digest():
    with tc.lanes(2):
        return trained_color_unet()


@pytest.mark.parametrize("count", [2, 1], ids=["again", "in one lane"])
def test_rule_10_the_same_seed_gives_the_same_bits(count, reference_digest):
    with tc.lanes(count):
        assert trained_color_unet() == reference_digest


@every_algorithm
def test_rule_10_any_number_of_lanes_gives_the_same_bits(make, shape):
    layer, x = make(), picture(*shape)
    results = []
    for count in (1, 2, 3):
        with tc.lanes(count):
            layer.zero_grad()
            y, backward = layer(x)
            results.append(b"".join(array.tobytes() for array in (y, backward(y), *grads(layer))))
    assert results == [results[0]] * 3


def test_rule_10_another_seed_gives_other_bits():
    first, second = (digest(tc.networks.ColorUNet(widths=(4, 4), seed=seed)) for seed in (0, 1))
    assert first != second


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
