"""Batch normalisation behind a convolution that notes the sums of its answers: those sums, and all that follows."""

import contextlib

import numpy as np
import pytest
from test_norm_act import assert_close, by_kernels, draw, expected

from tinycolor.kernels import conv_tensor, conv_tiled, implicit_gemm, loader, norm_act
from tinycolor.kernels.tile_sums import noting_sums, take

# Less than a tile; several of places and of filters, of which the last are not filled; more tiles than a block adds up.
SHAPES = [(1, 1, 1, 1), (1, 5, 6, 3), (2, 9, 8, 32), (3, 7, 11, 68), (2, 8, 8, 64), (1, 213, 211, 2)]
SLOPE = 0.2


def cut_to_tf32(x):
    return (x.view("uint32") & np.uint32(0xFFFFE000)).view("float32")


def halves(x):
    """Return what TF32 keeps of x, and what it keeps of the rest, side by side: (N, H, W, 2 C)."""
    upper = cut_to_tf32(x)
    return np.concatenate([upper, cut_to_tf32(x - upper)], -1)


def sum_of_halves(channels):
    """Return filters that make x of its halves, all but the last bits; 1x1."""
    return np.concatenate(2 * [np.eye(channels, dtype="float32")])[None, None]


def drawn(shape, mean=0.5, spread=1.0):
    """Return what ``draw`` does, of x only what its halves hold."""
    x, dy, weight, bias = draw(shape, mean, spread)
    x = np.add(*np.split(halves(x), 2, axis=-1))
    z, *_ = expected(x, dy, weight, bias, 1.0)
    dy[abs(z) < 1e-4] = 0
    return x, dy, weight, bias


def noted(x, filters):
    with noting_sums():
        y = conv_tensor.conv2d(x, filters)
        return y, take(y)


def convolved_and_normalised(x, filters, *given, convolve=conv_tensor.conv2d, noting=noting_sums):
    with noting():
        return by_kernels(convolve(x, filters), *given, SLOPE)


def assert_agrees(device, given):
    x, *others = given
    got = device.run(convolved_and_normalised, halves(x), sum_of_halves(x.shape[-1]), *others)
    assert_close(got, expected(*given, SLOPE), given)


@pytest.fixture(params=[conv_tensor.ROWS, 2 * conv_tensor.ROWS])
def rows_of_a_tile(request, monkeypatch):
    monkeypatch.setattr(conv_tensor, "ENOUGH_TILES", 0 if request.param > conv_tensor.ROWS else 1 << 30)
    return request.param


FOURS = [shape for shape in SHAPES if shape[-1] % 4 == 0]  # the others have small tiles


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_sums_of_each_tile(device, rows_of_a_tile, shape):
    x, *_ = drawn(shape)
    y, sums = device.run(noted, halves(x), sum_of_halves(shape[-1]))
    np.testing.assert_array_equal(y, x)
    rows, height = x.reshape(-1, shape[-1]).astype(float), rows_of_a_tile if shape in FOURS else conv_tensor.ROWS
    tiles = [rows[first : first + height] for first in range(0, len(rows), height)]
    assert sums.shape == (len(tiles), shape[-1], 4)
    for tile, (count, middle, first, second) in zip(tiles, sums.transpose(0, 2, 1).astype(float), strict=True):
        np.testing.assert_array_equal(count, len(tile))
        np.testing.assert_allclose(middle + first / count, tile.mean(0), rtol=0, atol=1e-7)
        np.testing.assert_allclose(second, ((tile - middle) ** 2).sum(0), rtol=1e-6, atol=1e-12)


@pytest.mark.usefixtures("rows_of_a_tile")
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_agrees_with_the_plain_ops(device, shape):
    assert_agrees(device, drawn(shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_many_tiles_are_added_up_by_the_whole_gpu(cpu, monkeypatch, shape):
    monkeypatch.setattr(norm_act, "TILES_ALONE", 0)
    assert_agrees(cpu, drawn(shape))
    assert [kernel for _, kernel, _, _ in cpu.launched][:4] == ["convolve", "sum_tiles", "statistics", "norm_act"]


@pytest.mark.parametrize(("mean", "spread"), [(1e3, 1.0), (-1e5, 1e3), (1e-6, 1e-6)])
def test_bears_a_mean_far_from_zero(device, mean, spread):
    assert_agrees(device, drawn((2, 40, 37, 20), mean, spread))


def test_bears_a_first_pixel_far_from_all_others(device):
    given = drawn((2, 40, 37, 20))
    given[0][0, 0, 0] = 2.0**14
    assert_agrees(device, given)


@pytest.mark.parametrize("number", [0.125, 1024.0, -(2.0**20)])
def test_a_flat_picture_has_no_variance(device, number):
    x, *given = drawn((2, 23, 24, 3))
    y, *_, mean, variance, _ = device.run(
        convolved_and_normalised, halves(np.full_like(x, number)), sum_of_halves(3), *given
    )
    np.testing.assert_array_equal(y, np.broadcast_to(np.maximum(given[2], SLOPE * given[2]), y.shape))
    np.testing.assert_array_equal(mean, number)
    assert not variance.any()


def test_nan_goes_through_and_stays_in_its_channel(device):
    """Not in that of y: a filter that is 0 where x is NaN is NaN as well. So it comes in by a weight."""
    x, *given = drawn((2, 9, 8, 4))
    filters = sum_of_halves(4)
    clean = device.run(convolved_and_normalised, halves(x), filters, *given)
    filters[0, 0, 2, 1] = np.nan
    spoilt = device.run(convolved_and_normalised, halves(x), filters, *given)
    for array, unspoilt in zip((spoilt[0], *spoilt[4:]), (clean[0], *clean[4:]), strict=True):
        assert np.isnan(array[..., 1]).all()
        np.testing.assert_array_equal(array[..., [0, 2, 3]], unspoilt[..., [0, 2, 3]])


def test_the_order_of_threads_changes_no_bit(cpu):
    x, *given = drawn((2, 33, 31, 68))
    all_given = halves(x), sum_of_halves(68), *given
    rising = cpu.run(convolved_and_normalised, *all_given)
    cpu.falling = True
    for one, other in zip(rising, cpu.run(convolved_and_normalised, *all_given), strict=True):
        np.testing.assert_array_equal(one, other)


def launches(cpu, shape=(2, 8, 8, 4), **how):
    x, *given = drawn(shape)
    cpu.launched.clear()
    cpu.run(convolved_and_normalised, halves(x), sum_of_halves(shape[-1]), *given, **how)
    return [kernel for _, kernel, _, _ in cpu.launched]


def test_what_was_noted_is_not_read_again(cpu):
    assert launches(cpu)[:3] == ["convolve", "statistics", "norm_act"]


@pytest.mark.parametrize(
    "convolve",
    [
        pytest.param(lambda x, filters: conv_tensor.conv2d(x, filters, filters[0, 0, 0]), id="with a bias"),
        pytest.param(lambda x, filters: conv_tensor.conv2d(x, filters) + 1, id="of another array"),
        pytest.param(conv_tiled.conv2d, id="in true float32"),
        pytest.param(
            lambda x, filters: conv_tensor.conv2d_dx(
                x[:, ::2, ::2, :4], filters[:, :, :4], x[..., :4].shape, stride=(2, 2)
            ),
            id="pixels of four convolutions",
        ),
    ],
)
def test_what_was_not_noted_is_read(cpu, convolve):
    names = launches(cpu, convolve=convolve)
    assert "sum_x" in names


def test_nobody_asks_and_nothing_is_noted(cpu):
    assert "sum_x" in launches(cpu, noting=contextlib.nullcontext)
    x, *_ = drawn((2, 8, 8, 4))
    cpu.guarded.clear()
    y = conv_tensor.conv2d(halves(x), sum_of_halves(4))
    assert len(cpu.guarded) == 1
    with noting_sums():
        assert take(y) is None


def test_each_picture_by_itself_is_read(cpu):
    x, *given = drawn((2, 8, 8, 4))
    with noting_sums():
        z = conv_tensor.conv2d(halves(x), sum_of_halves(4))
        by_kernels(z, *given, SLOPE, normalise=norm_act.instance_norm_act)
    assert [kernel for _, kernel, _, _ in cpu.launched][:2] == ["convolve", "sum_x"]


def test_a_sum_in_slices_is_read(cpu, monkeypatch):
    """No block has seen a whole answer."""
    monkeypatch.setattr(implicit_gemm, "LEAST_SLICE", 1)
    assert launches(cpu, (1, 5, 6, 20))[:3] == ["convolve", "add_slices", "sum_x"]
    assert_agrees(cpu, drawn((1, 5, 6, 20)))


FAULTS = {
    "rows that are not there": ("if (warp_m() + 16 * i + 8 * half + group < count)", ""),
    "nobody waits for the middles": ("__syncthreads();  // nobody needs any more what lies there", ""),
    "nobody waits for the shares": ("= share(j, e);\n    __syncthreads();", "= share(j, e);"),
    "the first tile for all": ("tile_sums + (long long)blockIdx.x * g.f + n0", "tile_sums + n0"),
    "the first filters for all": (
        "tile_sums + (long long)blockIdx.x * g.f + n0",
        "tile_sums + (long long)blockIdx.x * g.f",
    ),
    "one thread of eight": ("i < MEETING", "i < 1"),
    "half the rows": ("half < 2", "half < 1"),
    "about 0": ("tile.middle - pivot", "tile.middle"),
    "no first sum": (" + tile.first;", ";"),
    "no middle term": ("+ 2.0 * tile.first", ""),
    "squares forgotten": ("+ tile.second", ""),
    "a tile too few": ("tile < count", "tile < count - 1"),
    "the first channel for all": ("tile * channels + blockIdx.x", "tile * channels"),
}


@pytest.mark.usefixtures("rows_of_a_tile")
@pytest.mark.parametrize(("old", "new"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_shows(cpu, old, new):
    assert old in loader.source("conv_tensor") + loader.source("norm_act")
    cpu.edit = lambda text: text.replace(old, new)
    given = drawn((2, 9, 9, 68), mean=1000.0)
    with pytest.raises(AssertionError):
        assert_agrees(cpu, given)
