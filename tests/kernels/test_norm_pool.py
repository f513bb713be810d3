"""Normalisation, rectifier and pooling in one walk, against the one after the other: not a bit differs."""

from itertools import product

import numpy as np
import pytest
from test_norm_act import EPS, draw

from tinycolor.kernels import columns, loader, norm_act, norm_pool, pool, rounding
from tinycolor.kernels.notes import Notes

SHAPES = [
    (1, 2, 2, 1),
    (3, 4, 4, 70),
    (2, 5, 7, 3),  # partial windows at both edges
    (2, 3, 2, 65),  # fewer windows than a block has rows; two tiles of channels
    (1, 33, 31, 5),
    (2, 70, 65, 16),  # many turns, many slices
]
KERNELS = [(2, 2), (3, 2)]


def normalised(x, weight, bias, running_mean, running_var, window=None):
    running = running_mean, running_var, 0.1
    return norm_act.batch_norm_act(x, weight, bias, EPS, 0.2, running=running, window=window)


def pooled(*given, kernel, ceil_mode, along):
    window = norm_pool.Window(kernel, kernel, ceil_mode)
    y, statistics = normalised(*given, window=window if along else None)
    return y, *pool.max_pool2d(y, kernel, kernel, ceil_mode), *statistics[:3], *given[-2:]


def given_of(shape):
    x, _, weight, bias = draw(shape)
    return x, weight, bias, *np.zeros((2, shape[-1]), "float32")


def launched(cpu):
    return [kernel for _, kernel, _, _ in cpu.launched]


def assert_equal(some, others):
    for one, other in zip(some, others, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def assert_same(device, given, **how):
    apart, together = (device.run(pooled, *given, **how, along=along) for along in (False, True))
    assert_equal(apart, together)
    return together


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        (shape, kernel)
        for shape, kernel in product(SHAPES, KERNELS)
        if min(shape[1] - kernel[0], shape[2] - kernel[1]) >= 0
    ],
    ids=str,
)
def test_same_bits_as_one_after_the_other(device, shape, kernel, ceil_mode):
    assert_same(device, given_of(shape), kernel=kernel, ceil_mode=ceil_mode)


def test_ties_and_nan(device):
    """Of equals the first wins; a NaN spoils its channel."""
    x, *others = given_of((2, 6, 9, 4))
    x = np.round(x)
    x[1, 2, 3, 2] = np.nan
    y, small, winner, *_ = assert_same(device, (x, *others), kernel=(2, 2), ceil_mode=True)
    assert np.isnan(small).any((0, 1, 2)).tolist() == np.isnan(y).any((0, 1, 2)).tolist() == [False, False, True, False]
    assert len(np.unique(winner)) == 4


def test_rounded_for_tensor_cores(device, monkeypatch):
    """Of two that rounding makes equal, the first wins."""
    monkeypatch.setattr(rounding, "wanted", lambda: True)
    x, *others = given_of((2, 9, 8, 65))
    x = 1 + x / 1000  # a shift by a bias of thousands leaves but few numbers that differ
    others[1][...] = 4096
    _, small, *_ = assert_same(device, (x, *others), kernel=(2, 2), ceil_mode=False)
    assert len(np.unique(small)) < 20


def test_the_order_of_threads_changes_no_bit(cpu):
    given, how = given_of((2, 33, 31, 5)), {"kernel": (2, 2), "ceil_mode": False, "along": True}
    rising = cpu.run(pooled, *given, **how)
    cpu.falling = True
    assert_equal(rising, cpu.run(pooled, *given, **how))


def test_a_full_gpu_walks_in_longer_steps(cpu, monkeypatch):
    monkeypatch.setattr(columns, "BLOCKS_WANTED", 3)
    assert_same(cpu, given_of((5, 9, 7, 40)), kernel=(2, 2), ceil_mode=True)


def test_pooling_is_no_launch_of_its_own(cpu):
    cpu.run(pooled, *given_of((2, 6, 8, 4)), kernel=(2, 2), ceil_mode=False, along=True)
    assert launched(cpu) == ["sum_x", "statistics", "norm_act_pool"]


@pytest.mark.parametrize(
    ("kernel", "stride"), [((2, 2), (1, 2)), ((3, 3), (2, 2)), ((2, 7), (2, 7)), ((6, 2), (6, 2)), ((4, 5), (4, 5))]
)
def test_windows_that_do_not_fit_go_the_other_way(cpu, kernel, stride):
    """They overlap, or are larger than the picture, or than a thread has room for."""
    cpu.run(normalised, *given_of((2, 5, 6, 3)), window=norm_pool.Window(kernel, stride, False))
    assert launched(cpu)[-1] == "norm_act"


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("rounds", [True, False])
def test_what_is_noted_is_for_one_array_and_one_window_and_to_be_had_once(monkeypatch, rounds):
    monkeypatch.setattr(rounding, "wanted", lambda: rounds)
    monkeypatch.setattr(norm_pool, "along", Notes())
    window = norm_pool.Window((2, 2), (2, 2), False)
    y, _ = normalised(*given_of((2, 5, 6, 3)), window=window)
    assert norm_pool.take(y.copy(), window) is None
    assert norm_pool.take(y[:], window) is None
    assert norm_pool.take(y, window._replace(ceil_mode=True)) is None
    small, _ = norm_pool.take(y, window)
    assert rounding.is_rounded(y) is rounding.is_rounded(small) is rounds
    assert norm_pool.take(y, window) is None


@pytest.mark.usefixtures("cpu")
def test_what_nobody_asks_for_goes_with_its_array(monkeypatch):
    monkeypatch.setattr(norm_pool, "along", Notes())
    y, _ = normalised(*given_of((2, 5, 6, 3)), window=norm_pool.Window((2, 2), (2, 2), False))
    assert len(norm_pool.along) == 1
    del y
    assert len(norm_pool.along) == 0


FAULTS = {
    "the last wins": ("if (other > value)", "if (other >= value)"),
    "a row too few": ("step.row + next_row", "step.row"),
    "a window too many": ("inside(window.row, window.column, s.ho, s.wo)", "inside(window.row, 0, s.ho, s.wo)"),
    "what no window takes is left out": (
        "y[at(tap)] =",
        "if (inside(window.row, window.column, s.ho, s.wo)) y[at(tap)] =",
    ),
}


@pytest.mark.parametrize(("old", "new"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_shows(cpu, old, new):
    assert old in loader.source("norm_pool")
    x, *others = given_of((3, 45, 9, 20))
    x = np.round(x)
    how = {"kernel": (2, 2), "ceil_mode": False}
    apart = cpu.run(pooled, x, *others, **how, along=False)
    cpu.edit = lambda text: text.replace(old, new)
    with pytest.raises(AssertionError):
        assert_equal(apart, cpu.run(pooled, x, *others, **how, along=True))
