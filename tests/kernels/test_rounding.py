"""Operands that were rounded by who made them. On the CPU a tensor core answers one that was not with NaN."""

import numpy as np
import pytest
from test_convolution import all_three, single

from tinycolor.kernels import conv_tensor, rounding

from ops.test_conv import Case, Numbers


def rounded(x):
    """Return the nearest number with 10 bits behind the point, away from zero if two are as near."""
    return ((x.view("uint32") + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view("float32")


def marked(function):
    return lambda left, right, *rest, **steps: function(rounding.mark(left), rounding.mark(right), *rest, **steps)


ROUNDED = Case((2, 9, 8, 8), (3, 3, 8, 12), padding=(1, 1))


@pytest.mark.parametrize("enough", [0, 1 << 30], ids=["large tiles", "small tiles"])
def test_operands_that_come_rounded_give_the_same_bits(device, monkeypatch, enough):
    monkeypatch.setattr(conv_tensor, "ENOUGH_TILES", enough)
    given = Numbers(*map(rounded, single(ROUNDED)[0]))
    by_warps = all_three(conv_tensor, ROUNDED, given, device.run)
    by_makers = all_three(
        conv_tensor, ROUNDED, given, lambda function, *arrays, **steps: device.run(marked(function), *arrays, **steps)
    )
    for got, wanted in zip(by_makers, by_warps, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_what_is_marked_is_not_rounded_again(cpu):
    given, _ = single(ROUNDED)
    assert np.isnan(cpu.run(marked(conv_tensor.conv2d), given.x, given.weight, **ROUNDED.steps)).all()
    cpu.run(lambda x, weight: conv_tensor.conv2d(rounding.mark(x), weight), given.x, given.weight)
    cpu.run(lambda x, weight: conv_tensor.conv2d(rounding.mark(x)[:], rounding.mark(weight)), given.x, given.weight)
    assert [constants["ROUNDED"] for _, _, _, constants in cpu.launched] == [1, 0, 0]


@pytest.fixture
def tensor_cores(cpu, monkeypatch):
    monkeypatch.setattr(rounding, "on_gpu", lambda array: True)
    monkeypatch.setattr(rounding, "wanted", lambda: True)


@pytest.mark.usefixtures("tensor_cores")
def test_all_weights_are_rounded_at_once_and_stay_as_they_are(cpu):
    given, _ = single(ROUNDED)
    packed = np.concatenate([np.float32([1 + 2**-11, np.nan, -np.inf, 2**-130]), given.weight.ravel()])
    weight = packed[4:].reshape(given.weight.shape)
    before, x = packed.copy(), rounding.mark(rounded(given.x))
    with rounding.rounded_weights(packed):
        np.testing.assert_array_equal(
            rounding.rounded_copy(packed[:4]), np.float32([1 + 2**-10, np.nan, -np.inf, 2**-130])
        )
        assert rounding.is_rounded(rounding.rounded_copy(weight))
        y = conv_tensor.conv2d(x, weight, **ROUNDED.steps)
        for other in (given.weight, weight[..., ::2], before):
            assert rounding.rounded_copy(other) is other
    np.testing.assert_array_equal(packed, before)
    assert rounding.rounded_copy(weight) is weight
    np.testing.assert_array_equal(y, conv_tensor.conv2d(rounded(given.x), weight, **ROUNDED.steps))
    assert [kernel for _, kernel, _, _ in cpu.launched] == ["round_all", "convolve", "convolve"]
