"""The 1x1 convolution at the end of a network, and its loss in the same sweep, against formulas in float64."""

import numpy as np
import pytest
from test_loss import expected

from tinycolor.kernels import conv_tiled, head, loader, loss
from tinycolor.kernels.awaited import awaiting
from tinycolor.kernels.conv import head as both_ways
from tinycolor.ops.fast import choose

CASES = {  # pictures, channels, filters
    "one number": ((1, 1, 1), 1, 1),
    "a block exactly": ((1, 16, 16), 32, 2),
    "a pixel more, a channel more": ((1, 1, 257), 33, 4),
    "channels that do not divide a block": ((2, 9, 17), 7, 3),
    "three passes, the last with fewer": ((1, 5, 3), 65, 1),
}


def draw(pictures, channels, filters, bias=True):
    """Return x, weight, bias, and a target; answers are between 0 and 1, so that bce takes them."""
    rng = np.random.default_rng(0)
    x, weight = rng.random((*pictures, channels)), rng.random((1, 1, channels, filters)) * 0.8 / channels
    given = x, weight, np.full(filters, 0.1) if bias else None, rng.random((*pictures, filters))
    return [array if array is None else array.astype("float32") for array in given]


def exact(x, weight, bias):
    y = x.astype("float64") @ weight[0, 0].astype("float64")
    return y if bias is None else y + bias


def swept(cpu, kernel, x, weight, bias, target):
    """Return y, the loss and dy as a network and its loss make them."""
    with awaiting(kernel.__name__, target):
        y = cpu.run(head.conv2d, x, weight, bias)
        value, dy = kernel(y, target)
    cpu.check_guards()
    return y, value, dy


def launches(cpu):
    return [(chapter, kernel) for chapter, kernel, *_ in cpu.launched]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_answers_are_the_sums_of_float64(device, case, bias):
    *given, _ = draw(*case, bias=bias)
    y = device.run(head.conv2d, *given)
    assert (y.shape, y.dtype) == ((*case[0], case[2]), "float32")
    np.testing.assert_allclose(y, exact(*given), rtol=1e-6)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_loss_that_is_awaited_is_the_loss(cpu, case):
    *given, target = draw(*case)
    y, value, dy = swept(cpu, loss.mse, *given, target)
    assert launches(cpu) == [("head", "conv2d_and_loss"), ("loss", "mean")]
    wanted, wanted_dy = loss.mse(y, target)
    np.testing.assert_allclose(value, wanted, rtol=1e-6)
    np.testing.assert_array_equal(dy, wanted_dy)
    np.testing.assert_array_equal(y, head.conv2d(*given))


@pytest.mark.parametrize("kernel", [loss.mse, loss.smooth_l1], ids=["mse", "smooth_l1"])
def test_loss_and_gradient_agree_with_the_formula(cpu, monkeypatch, kernel):
    """Over several blocks, each with several tiles."""
    monkeypatch.setattr(loss, "BLOCKS_WANTED", 2)
    *given, target = draw((3, 16, 17), 5, 2)
    y, value, dy = swept(cpu, kernel, *given, target)
    assert cpu.launched[0][2] == (2, 1, 1)
    wanted, wanted_dy = expected(kernel, y, target)
    np.testing.assert_allclose(value, wanted, rtol=1e-6)
    np.testing.assert_allclose(dy, wanted_dy, rtol=1e-6, atol=2e-7 / dy.size)


def test_the_order_of_threads_changes_no_bit(cpu):
    given = draw((2, 9, 17), 40, 2)
    rising = swept(cpu, loss.mse, *given)
    cpu.falling = True
    for one, other in zip(rising, swept(cpu, loss.mse, *given), strict=True):
        np.testing.assert_array_equal(one, other)


ASKED_OTHERWISE = {
    "another loss": loss.l1,
    "another beta": lambda y, target: loss.smooth_l1(y, target, beta=0.5),
    "another target": lambda y, target: loss.smooth_l1(y, target.copy()),
    "of what was made of y": lambda y, target: loss.smooth_l1(np.tanh(y), target),
}


@pytest.mark.parametrize("ask", ASKED_OTHERWISE.values(), ids=ASKED_OTHERWISE)
def test_what_is_asked_otherwise_is_not_what_was_noted(cpu, ask):
    *given, target = draw((1, 4, 4), 3, 2)
    with awaiting("smooth_l1", target):
        y = head.conv2d(*given)
        value, dy = ask(y, target)
    assert launches(cpu)[2:] == [("loss", "sum_terms"), ("loss", "mean")]
    wanted, wanted_dy = ask(y, target)
    np.testing.assert_array_equal(value, wanted)
    np.testing.assert_array_equal(dy, wanted_dy)


def test_who_asks_twice_gets_arrays_of_his_own(cpu):
    *given, target = draw((1, 4, 4), 3, 2)
    with awaiting("mse", target):
        y = head.conv2d(*given)
        _, dy = loss.mse(y, target)
        _, other_dy = loss.mse(y, target)
    assert dy is not other_dy
    np.testing.assert_array_equal(dy, other_dy)


def test_nothing_is_awaited_of_another_shape_nor_afterwards(cpu):
    *given, target = draw((1, 4, 4), 3, 2)
    with awaiting("mse", target[..., :1]):
        head.conv2d(*given)
    with awaiting("mse", target):
        pass
    head.conv2d(*given)
    assert launches(cpu) == [("head", "conv2d")] * 2


@pytest.mark.usefixtures("cpu")
def test_the_way_back_is_another_chapter_s():
    assert (both_ways().conv2d_dx, both_ways().conv2d_dw) == (conv_tiled.conv2d_dx, conv_tiled.conv2d_dw)


TOO_MUCH = {
    "3 x 3": ((3, 3, 2, 2), {}),
    "many": ((1, 1, 2, 5), {}),
    "steps": ((1, 1, 2, 2), {"stride": (2, 2)}),
    "a border": ((1, 1, 2, 2), {"padding": (1, 0)}),
}


@pytest.mark.parametrize(("weight_shape", "steps"), TOO_MUCH.values(), ids=TOO_MUCH)
def test_anything_else_is_told_and_goes_elsewhere(monkeypatch, weight_shape, steps):
    x, weight = np.zeros((1, 4, 4, 2), "float32"), np.zeros(weight_shape, "float32")
    with pytest.raises(ValueError, match="take another chapter"):
        head.conv2d(x, weight, **steps)
    monkeypatch.setattr(choose, "on_gpu", lambda array: True)
    monkeypatch.setattr(choose.gpu_conv.rounding, "wanted", lambda: False)
    assert choose.conv2d_algorithm(x.shape, weight_shape, **steps, like=x) is conv_tiled
    assert choose.conv2d_algorithm(x.shape, (1, 1, 2, 4), like=x).conv2d is head.conv2d


FAULTS = {
    "nobody waits for x": ("        __syncthreads();\n        const int end", "        const int end"),
    "nobody waits to write": ("        __syncthreads();  // the others", "        // the others"),
    "half the loss": ("sum += term.value", "sum = term.value"),
    "one tile": ("first += (long long)gridDim.x * THREADS", "first += pixels"),
}


def check(cpu):
    *given, target = draw((1, 3, 257), 40, 2)
    for cpu.falling in (False, True):
        y, value, dy = swept(cpu, loss.mse, *given, target)
        wanted, wanted_dy = expected(loss.mse, exact(*given), target)
        np.testing.assert_allclose(y, exact(*given), rtol=1e-6)
        np.testing.assert_allclose(value, wanted, rtol=1e-6)
        np.testing.assert_allclose(dy, wanted_dy, rtol=1e-5, atol=1e-6 / dy.size)


@pytest.fixture
def two_blocks(monkeypatch):
    """For three tiles and a few pixels."""
    monkeypatch.setattr(loss, "BLOCKS_WANTED", 2)


@pytest.mark.usefixtures("two_blocks")
def test_several_tiles_for_a_block(cpu):
    check(cpu)


@pytest.mark.parametrize(("old", "new"), FAULTS.values(), ids=FAULTS)
@pytest.mark.usefixtures("two_blocks")
def test_a_planted_fault_shows(cpu, old, new):
    assert old in loader.source("head")
    cpu.edit = lambda text: text.replace(old, new)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check(cpu)
