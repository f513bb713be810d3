"""Whether a step can be made is told by gradients and losses; if not, its gradient becomes zero."""

import numpy as np
import pytest

from tinycolor.kernels import finite

COUNT = 5000  # two slices
KEPT = [np.float32(1.8e19), np.float32(-1.8e19)]  # the square is one that float32 can hold
SPOILT = [np.nan, -np.inf, np.float32(-1e20)]
PLACES = [0, 2499, 2500, COUNT - 1]


def gradient_of(count=COUNT):
    return np.random.default_rng(0).standard_normal(count).astype("float32")


def judged(device, gradient, loss=0.5, other=None):
    """Return what becomes of a gradient, and the loss that is told."""

    def run(gradient, *losses):
        told = finite.zero_unless_finite(gradient, *losses)
        return gradient, told

    losses = [np.asarray(number, "float32") for number in (loss, other) if number is not None]
    gradient, told = device.run(run, gradient, *losses)
    assert (told.shape, told.dtype) == ((), "float32")
    return gradient, told


def assert_kept(device, gradient, loss=0.5, other=None):
    after, told = judged(device, gradient, loss, other)
    np.testing.assert_array_equal(after, gradient)
    np.testing.assert_array_equal(told, np.float32(loss))


def assert_zeroed(device, *given):
    after, told = judged(device, *given)
    np.testing.assert_array_equal(after, 0)
    np.testing.assert_array_equal(told, np.nan)


def check_sound(device):
    for count in (1, 256, COUNT):
        assert_kept(device, gradient_of(count))
    assert_kept(device, gradient_of(), -3.25, 1e38)


def check_gradients(device):
    for number in KEPT + SPOILT:
        for place in PLACES:
            gradient = gradient_of()
            gradient[place] = number
            (assert_kept if number in KEPT else assert_zeroed)(device, gradient)


def check_losses(device):
    for losses in ((np.nan,), (np.inf,), (-np.inf, 1), (np.nan, 1)):
        assert_zeroed(device, gradient_of(), *losses)


def check_other_losses(device):
    for losses in ((1, np.nan), (1, np.inf), (1, -np.inf)):
        assert_zeroed(device, gradient_of(3), *losses)


def check_sums(device):
    """Two squares of which float32 holds each, and not their sum: a norm of the gradient has no number either."""
    gradient = gradient_of()
    gradient[[3, -3]] = 1.5e19
    assert_zeroed(device, gradient)


CHECKS = [check_sound, check_gradients, check_losses, check_other_losses, check_sums]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_zero_unless_all_is_finite(device, check):
    check(device)


def test_three_launches_are_all_there_is_to_do(cpu):
    judged(cpu, gradient_of())
    launched = [(kernel, grid) for _, kernel, grid, _ in cpu.launched]
    assert launched == [("sum_squares", (1, 1, 2)), ("judge", (1, 1, 1)), ("zero_unless_finite", (1, 1, 2))]


def test_a_loss_of_float64_is_told_in_float32(cpu):
    assert cpu.run(finite.zero_unless_finite, gradient_of(), np.float64(0.1)) == np.float32(0.1)


# Those of one row are planted together, and compiled once: each is seen by its own check.
FAULTS = [
    {
        check_gradients: ("number * number", "number"),
        check_losses: ("is_finite(loss[0]) &&", ""),
        check_other_losses: ("(!other || is_finite(other[0]))", "true"),
    },
    {
        check_sums: ("over_slices(partial, slices)", "over_slices(partial, 1)"),
        check_losses: ("gradient[walk.i + turn * walk.step] = 0", "gradient[walk.i] = 0"),
    },
]


@pytest.mark.parametrize("faults", FAULTS)
def test_planted_faults_show(cpu, faults):
    def planted(text):
        for old, new in faults.values():
            assert old in text
            text = text.replace(old, new)
        return text

    cpu.edit = planted
    for check in faults:
        with pytest.raises(AssertionError, match="Arrays are not equal"):
            check(cpu)
