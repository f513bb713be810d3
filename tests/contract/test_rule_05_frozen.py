"""Rule 5: frozen layers pass gradients through and learn nothing."""

import weakref

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.layers.base import MODES
from tinycolor.ops import conv as conv_ops
from tinycolor.ops import linear as linear_ops
from tinycolor.ops.fast import blocked, winograd

from contract_examples import grads, picture, small_gan

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
