"""The gradient of a bias: dy, added up over all places, against float64."""

import numpy as np
import pytest

from tinycolor.kernels import bias, columns, loader

SHAPES = [
    (1, 1),
    (300, 7),
    (2, 5, 3, 65),  # two tiles of channels, of which the second has one fewer
    (1, 2, 3, 1030),
    (2, 33, 31, 2),
]


@pytest.fixture(params=[bias.MOST_ALONE, 0], ids=["alone", "in-slices"])
def way(request, monkeypatch):
    """By one kernel where it suffices, and by two in any case."""
    monkeypatch.setattr(bias, "MOST_ALONE", request.param)


def draw(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


def assert_close(got, dy):
    wanted = dy.reshape(-1, dy.shape[-1]).astype(float).sum(0)
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, wanted, rtol=1e-6, atol=1e-7)


@pytest.mark.usefixtures("way")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_float64(device, shape):
    dy = draw(shape)
    assert_close(device.run(bias.bias_db, dy), dy)


def test_there_may_be_more_slices_than_threads(device):
    dy = draw((2, 70, 65, 64))
    assert bias.cut_for_bias(dy.shape).slices > columns.THREADS
    assert_close(device.run(bias.bias_db, dy), dy)


def test_a_million_terms_cost_no_digits(device):
    dy = np.full((1, 1000, 1000, 1), 0.1, "float32")
    assert_close(device.run(bias.bias_db, dy), dy)


@pytest.mark.usefixtures("way")
def test_the_order_of_threads_changes_no_bit(cpu):
    dy = draw((2, 33, 31, 5))
    rising = cpu.run(bias.bias_db, dy)
    cpu.falling = True
    np.testing.assert_array_equal(rising, cpu.run(bias.bias_db, dy))


def added(dy, grad):
    return bias.bias_db(dy, onto=grad)


@pytest.mark.usefixtures("way")
def test_it_goes_onto_what_is_there(device):
    dy, grad = draw((2, 40, 37, 20)), draw(20, seed=1)
    np.testing.assert_array_equal(device.run(added, dy, grad), grad + device.run(bias.bias_db, dy))


def test_it_goes_there_in_place(cpu):
    grad = np.ones(3, "float32")
    assert added(draw((5, 3)), grad) is grad
    assert not cpu.guarded  # no memory is taken


@pytest.mark.parametrize(
    ("shape", "grid"),
    [
        ((32, 2), (1, 1, 1)),
        ((32, 14, 14, 16), (1, 16, 1)),
        ((2, 64, 64, 64), (1, 64, 1)),
        ((2, 64, 64, 65), (1, 2, 144)),  # too many tiles
        ((32, 28, 28, 8), (1, 1, 98)),  # too many numbers for a thread
        ((128, 4096), (1, 64, 1)),
    ],
)
def test_a_single_slice_where_it_does_not_take_long(shape, grid):
    assert bias.cut_for_bias(shape).grid == grid


def test_slices_need_not_come_out_even(cpu, monkeypatch):
    monkeypatch.setattr(columns, "BLOCKS_WANTED", 7)
    monkeypatch.setattr(bias, "MOST_ALONE", 0)
    dy = draw((3, 29, 31, 65))
    assert_close(cpu.run(bias.bias_db, dy), dy)
    assert [grid for _, _, grid, _ in cpu.launched] == [(1, 2, 3), (65, 1, 1)]


@pytest.mark.usefixtures("cpu")
def test_dy_may_be_read_only_and_scattered_and_stays_as_it_was():
    dy = draw((3, 5, 4, 6))
    scattered = np.repeat(dy, 2, axis=-1)[..., ::2]
    scattered.flags.writeable = False
    np.testing.assert_array_equal(bias.bias_db(scattered), bias.bias_db(dy))
    np.testing.assert_array_equal(scattered, dy)


FAULTS = {
    "a turn too few": ("walk.row + walk.rows - 1) / walk.rows", "walk.row) / walk.rows"),
    "nobody waits": ("__syncthreads();", ""),
    "one slice": ("slice < slices; slice += blockDim.x", "slice < 1; slice += blockDim.x"),
    "the other of the pair": ("], sums.first,", "], sums.second,"),
    "the first channel for all": ("db[blockIdx.x]", "db[0]"),
    "put in the place of what is there": ("db + rounded", "rounded"),
}


def check_both_ways(cpu, monkeypatch):
    dy = draw((2, 40, 37, 20))
    for most in (bias.MOST_ALONE, 0):
        monkeypatch.setattr(bias, "MOST_ALONE", most)
        db = cpu.run(bias.bias_db, dy)
        assert_close(db, dy)
        np.testing.assert_array_equal(cpu.run(added, dy, np.ones_like(db)), 1 + db)


@pytest.mark.parametrize(("old", "new"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_shows(cpu, monkeypatch, old, new):
    assert old in loader.source("bias")
    cpu.edit = lambda text: text.replace(old, new)
    with pytest.raises(AssertionError):
        check_both_ways(cpu, monkeypatch)
