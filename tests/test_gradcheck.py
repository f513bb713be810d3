"""Tests of the tester: sixteen faults as people really make them, each of which the gradient check must catch."""

import re
from typing import NamedTuple

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.ops import conv as conv_ops
from tinycolor.ops import norm as norm_ops
from tinycolor.ops import pool as pool_ops
from tinycolor.ops import upsample as upsample_ops
from tinycolor.ops.bias import bias_db


class PlainConv(tc.Conv2d):
    """A convolution whose gradients are methods, so that one at a time can be broken."""

    def forward(self, x, *, mode, rng):
        def backward(dy):
            self.learn(self.dw(x, dy), self.db(dy))
            return self.dx(dy, x.shape)

        return conv_ops.conv2d(x, self.weight.data, self.bias.data, **self.steps()), backward

    def steps(self):
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    def learn(self, dw, db):
        self.weight.grad += dw
        self.bias.grad += db

    def dw(self, x, dy):
        return conv_ops.conv2d_dw(x, dy, self.kernel_size, **self.steps())

    def db(self, dy):
        return bias_db(dy)

    def dx(self, dy, x_shape):
        return conv_ops.conv2d_dx(dy, self.weight.data, x_shape, **self.steps())


class TransposedDy(PlainConv):
    def dw(self, x, dy):
        return super().dw(x, dy.transpose(0, 2, 1, 3))


class FlippedFilter(PlainConv):
    def dx(self, dy, x_shape):
        return conv_ops.conv2d_dx(dy, self.weight.data[::-1, ::-1], x_shape, **self.steps())


class DilationIgnored(PlainConv):
    def dw(self, x, dy):
        (ho, wo), (kh, kw) = dy.shape[1:3], self.kernel_size
        return conv_ops.conv2d_dw(x[:, : ho + kh - 1, : wo + kw - 1], dy, self.kernel_size)


class StrideIgnored(PlainConv):
    def dx(self, dy, x_shape):
        return conv_ops.conv2d_dx(dy, self.weight.data, x_shape, padding=self.padding)


class BiasNotSummedOverBatch(PlainConv):
    def db(self, dy):
        return bias_db(dy[0])


class GradOverwritten(PlainConv):
    def learn(self, dw, db):
        self.weight.grad[...] = dw
        self.bias.grad[...] = db


class FactorTooLarge(tc.Tanh):
    def forward(self, x, *, mode, rng):
        y, backward = super().forward(x, mode=mode, rng=rng)
        return y, lambda dy: backward(dy) * 1.001


class InPlaceDy(tc.ReLU):
    def forward(self, x, *, mode, rng):
        mask = x > 0

        def backward(dy):
            dy *= mask
            return dy

        return x * mask, backward


class DiagonalSoftmax(tc.Softmax):
    def forward(self, x, *, mode, rng):
        y, _ = super().forward(x, mode=mode, rng=rng)
        return y, lambda dy: dy * y * (1 - y)


class NothingComesBack(tc.Softmax):
    def forward(self, x, *, mode, rng):
        y, _ = super().forward(x, mode=mode, rng=rng)
        return y, np.zeros_like


class PartialWindowLost(tc.MaxPool2d):
    def forward(self, x, *, mode, rng):
        y, backward = super().forward(x, mode=mode, rng=rng)
        ho, wo = tc.MaxPool2d(self.kernel_size, self.stride).predict(x).shape[1:3]

        def without_partial_windows(dy):
            dy = dy.copy()
            dy[:, ho:] = 0
            dy[:, :, wo:] = 0
            return backward(dy)

        return y, without_partial_windows


class MaximumShared(tc.MaxPool2d):
    def forward(self, x, *, mode, rng):
        y, _ = super().forward(x, mode=mode, rng=rng)
        return y, lambda dy: pool_ops.avg_pool2d_dx(dy, x.shape, self.kernel_size, self.stride)


class MeanTermMissing(tc.BatchNorm2d):
    def forward(self, x, *, mode, rng):
        axes = (0, 1, 2)
        mean, variance = norm_ops.moments(x, axes)
        inv_std = norm_ops.inverse_std(variance, self.eps)
        x_hat = norm_ops.normalize(x, mean, inv_std)

        def backward(dy):
            self.weight.grad += bias_db(dy * x_hat)
            self.bias.grad += bias_db(dy)
            d_hat = dy * self.weight.data
            return inv_std * (d_hat - x_hat * (d_hat * x_hat).mean(axes))

        return x_hat * self.weight.data + self.bias.data, backward


class VectorNotSummed(tc.Fusion):
    def forward(self, m, g, *, mode, rng):
        everywhere = np.broadcast_to(g[:, None, None], (*m.shape[:3], g.shape[-1]))
        y, conv_backward = self.conv(np.concatenate([m, everywhere], -1))

        def backward(dy):
            both = conv_backward(dy)
            return both[..., : self.map_channels].copy(), both[:, 0, 0, self.map_channels :].copy()

        return y, backward


class StraightBranchDropped(tc.Skip):
    def forward(self, x, *, mode, rng):
        around, inner_backward = self.inner(x)
        return np.concatenate([around, x], -1), lambda dy: inner_backward(dy[..., : around.shape[-1]])


class HalfAPixelOff(tc.Upsample):
    def forward(self, x, *, mode, rng):
        y, _ = super().forward(x, mode=mode, rng=rng)
        return y, lambda dy: upsample_ops.upsample_bilinear_dx(dy, self.scale_factor, True)


class Unscaled(tc.Dropout):
    def forward(self, x, *, mode, rng):
        y, backward = super().forward(x, mode=mode, rng=rng)
        return y, lambda dy: backward(dy) * (1 - self.p)


class Fault(NamedTuple):
    """A fault, the layer that has it, the layer that has not, how both are made, and the shapes of their inputs."""

    name: str
    broken: type[tc.Layer]
    right: type[tc.Layer]
    arguments: tuple = ()
    options: dict = {}  # noqa: RUF012 (nobody writes into it)
    shapes: tuple = ((2, 6, 6, 3),)

    def inputs(self):
        """A permutation with gaps, so that no rectifier or maximum is near its kink."""
        for seed, shape in enumerate(self.shapes):
            size = int(np.prod(shape))
            order = np.random.default_rng(seed).permutation(size)
            yield (order.reshape(shape) - size / 2 + 0.5) * 2 / size


SQUARE = (3, 4, 3)
FAULTS = [
    Fault("factor 1.001", FactorTooLarge, tc.Tanh),
    Fault("transposed dy in dw", TransposedDy, PlainConv, SQUARE),
    Fault("flipped filter in dx", FlippedFilter, PlainConv, SQUARE),
    Fault("dilation ignored in dw", DilationIgnored, PlainConv, SQUARE, {"dilation": 2}),
    Fault("partial ceil-mode window", PartialWindowLost, tc.MaxPool2d, (4,), {"ceil_mode": True}),
    Fault("max-pool's gradient spread over the window", MaximumShared, tc.MaxPool2d, (2,)),
    Fault("batch norm without the mean term", MeanTermMissing, tc.BatchNorm2d, (3,)),
    Fault("diagonal-only softmax", DiagonalSoftmax, tc.Softmax),
    Fault("Fusion's vector gradient not summed over pixels", VectorNotSummed, tc.Fusion, (3, 2, 4), {},
          ((2, 6, 6, 3), (2, 2))),
    Fault("Skip's straight branch dropped", StraightBranchDropped, tc.Skip, (tc.Tanh(),)),
    Fault("bias not summed over the batch", BiasNotSummedOverBatch, PlainConv, SQUARE),
    Fault("grad overwritten instead of added", GradOverwritten, PlainConv, SQUARE),
    Fault("bilinear weights off by half a pixel", HalfAPixelOff, tc.Upsample, (2, "bilinear")),
    Fault("dropout unscaled", Unscaled, tc.Dropout, (0.5,)),
    Fault("stride ignored in dx", StrideIgnored, PlainConv, SQUARE, {"stride": 2}),
    Fault("in-place dy", InPlaceDy, tc.ReLU),
]  # fmt: skip
every_fault = pytest.mark.parametrize("fault", [pytest.param(fault, id=fault.name) for fault in FAULTS])


@every_fault
def test_a_planted_fault_is_caught(fault, record_property):
    record_property("planted fault", fault.name)
    with pytest.raises(tc.GradientError):
        tc.gradcheck(fault.broken(*fault.arguments, **fault.options), *fault.inputs())


@every_fault
def test_its_right_twin_passes(fault):
    assert tc.gradcheck(fault.right(*fault.arguments, **fault.options), *fault.inputs()) <= 1e-6


@every_fault
def test_the_fault_is_in_the_way_back_alone(fault):
    """Both twins give the same output, so nothing but the gradient check could tell."""
    twins = [make(*fault.arguments, **fault.options).astype("float64") for make in (fault.broken, fault.right)]
    twins[0].load_state_dict(twins[1].state_dict())
    ys = [twin.predict(*fault.inputs(), mode="train", rng=tc.Generator(0)) for twin in twins]
    np.testing.assert_allclose(*ys, atol=1e-12)


def test_there_are_sixteen_faults():
    assert len({fault.name for fault in FAULTS}) == len({fault.broken for fault in FAULTS}) == 16


@pytest.mark.parametrize(
    ("broken", "right", "arguments"),
    [(TransposedDy, PlainConv, SQUARE), (NothingComesBack, tc.Softmax, ())],
    ids=["transposed dy", "softmax whose gradient is zero"],
)
def test_a_check_with_ones_would_be_blind(broken, right, arguments):
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 3))
    layer = right(*arguments).astype("float64")
    wrong = broken(*arguments).astype("float64")
    wrong.load_state_dict(layer.state_dict())

    def all_gradients(of, dy):
        of.zero_grad()
        return [of(x)[1](dy), *(parameter.grad for parameter in of.parameters())]

    ones = np.ones_like(layer.predict(x))
    uneven = np.random.default_rng(1).standard_normal(ones.shape)
    gap = [
        max(abs(a - b).max() for a, b in zip(all_gradients(wrong, dy), all_gradients(layer, dy), strict=True))
        for dy in (ones, uneven)
    ]
    assert gap[0] < 1e-12
    assert gap[1] > 0.1


@pytest.mark.parametrize(
    ("broken", "where"),
    [(TransposedDy, "weight"), (BiasNotSummedOverBatch, "bias"), (FlippedFilter, "input 0")],
    ids=["weight", "bias", "input"],
)
def test_the_message_names_the_place_both_numbers_and_the_seed(broken, where):
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 3))
    with pytest.raises(tc.GradientError) as excinfo:
        tc.gradcheck(broken(*SQUARE), x, seed=11)
    number = r"(-?\d[\d.e+-]*)"
    found = re.fullmatch(
        rf"{where}: backward says {number}, differences say {number}, .*\(seed 11\)\.", str(excinfo.value)
    )
    assert found
    assert float(found[1]) != float(found[2])


def test_the_second_input_is_named():
    fault = next(fault for fault in FAULTS if fault.broken is VectorNotSummed)
    with pytest.raises(tc.GradientError, match=r"^input 1: "):
        tc.gradcheck(VectorNotSummed(*fault.arguments), *fault.inputs())


def test_writing_into_dy_is_named():
    with pytest.raises(tc.GradientError, match=r"^dy 0 was written into"):
        tc.gradcheck(InPlaceDy(), -np.ones((2, 3)))


def test_writing_into_x_is_named():
    class InPlaceX(tc.Tanh):
        def forward(self, x, *, mode, rng):
            x += 1
            return super().forward(x, mode=mode, rng=rng)

    with pytest.raises(tc.GradientError, match=r"^input 0 was written into"):
        tc.gradcheck(InPlaceX(), np.ones((2, 3)))


def test_a_gradient_of_another_shape_is_named():
    with pytest.raises(tc.GradientError, match=r"input 0: the gradient has shape \(3,\).*expected \(2, 3\)"):
        tc.gradcheck(lambda x: (x * 2, lambda dy: dy.sum(0) * 2), np.ones((2, 3)))


def test_a_missing_gradient_is_named():
    with pytest.raises(tc.GradientError, match="1 gradients for 2 inputs"):
        tc.gradcheck(lambda a, b: (a + b, lambda dy: dy.copy()), np.ones(3), np.ones(3))


def test_a_gradient_that_is_not_a_number_is_caught():
    with pytest.raises(tc.GradientError, match="nan"):
        tc.gradcheck(lambda x: (x * 2, lambda dy: dy * np.nan), np.ones(3))


def test_float32_inputs_are_checked_in_float64():
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 3)).astype("float32")
    assert tc.gradcheck(tc.Conv2d(3, 4, 3), x) < 1e-7


def test_a_function_and_a_loss_can_be_checked_too():
    x = np.random.default_rng(0).standard_normal((2, 3))
    assert tc.gradcheck(lambda a: (a**3, lambda dy: dy * 3 * a**2), x) < 1e-7
    assert tc.gradcheck(lambda y: tc.losses.mse(y, np.ones((2, 3))), x) < 1e-7


def test_layer_and_inputs_are_left_as_they_were():
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 3)).astype("float32")
    layer = tc.ConvNormAct(3, 4, 3, activation="tanh")
    x_before, state = x.copy(), layer.state_dict()
    versions = [p.version for p in layer.parameters()]
    tc.gradcheck(layer, x)
    np.testing.assert_array_equal(x, x_before)
    for name, array in layer.state_dict().items():
        np.testing.assert_array_equal(array, state[name])
    assert [p.version for p in layer.parameters()] == versions
    assert not any(p.grad.any() for p in layer.parameters())


def test_the_seed_decides_the_directions():
    x = np.random.default_rng(0).standard_normal((2, 6, 6, 3))
    layer = tc.Sequential(tc.Conv2d(3, 4, 3), tc.Tanh())
    errors = [tc.gradcheck(layer, x, seed=seed) for seed in (3, 3, 4)]
    assert errors[0] == errors[1] != errors[2]


class KeepsItsInput(tc.Layer):
    """The bug that closures are there to prevent: what backward needs, kept on self."""

    def forward(self, x, *, mode, rng):
        self.x = x
        return x * x, lambda dy: 2 * self.x * dy


class ReturnsAView(tc.Layer):
    def forward(self, x, *, mode, rng):
        def backward(dy):
            dx = np.zeros_like(x)
            dx[:, 1:-1] = dy
            return dx

        return x[:, 1:-1], backward


class HandsOnDy(tc.Layer):
    def forward(self, x, *, mode, rng):
        return x.copy(), lambda dy: dy


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        (KeepsItsInput(), "input 0: backward says"),
        (ReturnsAView(), "output 0 shares memory with input 0"),
        (HandsOnDy(), "gradient 0 shares memory with dy 0"),
    ],
)
def test_a_broken_contract_is_caught_too(layer, message):
    with pytest.raises(tc.GradientError, match=message):
        tc.gradcheck(layer, np.random.default_rng(0).normal(size=(2, 5, 4, 3)))


def test_a_backward_that_returns_nothing_is_named():
    class Forgetful(tc.Layer):
        def forward(self, x, *, mode, rng):
            return x * 2, lambda dy: None

    with pytest.raises(tc.GradientError, match="input 0: backward returned NoneType, expected an array"):
        tc.gradcheck(Forgetful(), np.ones((2, 3)))
