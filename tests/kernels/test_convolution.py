"""Chapters 1, 3 and 4 against naive loops on shapes that fill no tile, and against NumPy over many tiles."""

from itertools import product
from math import prod

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.kernels import conv_naive, conv_tensor, conv_tiled, implicit_gemm, linear, loader, sides
from tinycolor.ops import conv as plain

from ops.test_conv import Case, Numbers, expected, numbers, random_cases

CHAPTERS = {"naive": conv_naive, "tiled": conv_tiled, "tensor": conv_tensor}
FUNCTIONS = ("conv2d", "conv2d_dx", "conv2d_dw")
# ||got - wanted|| / ||wanted||. Of TF32's 10 bits behind the point: 2.9e-4 if rounded, 7.7e-4 if cut off.
TOLERANCES = {"naive": 1e-6, "tiled": 1e-6, "tensor": 5e-4}

SMALL = random_cases(30, seed=5)
LARGE = [
    Case((2, 13, 11, 20), (3, 3, 20, 68), padding=(1, 1)),
    Case((2, 13, 12, 12), (4, 4, 12, 36), stride=(2, 2), padding=(1, 1)),
    Case((1, 12, 19, 7), (3, 2, 7, 33), stride=(3, 2), padding=(2, 0), dilation=(2, 3)),
    Case((3, 19, 19, 1), (3, 3, 1, 32), padding=(1, 1)),
    Case((3, 10, 9, 72), (1, 1, 72, 2)),
    Case((2, 4, 3, 5), (7, 5, 5, 4), padding=(4, 3)),
    Case((1, 9, 9, 4), (2, 2, 4, 4), stride=(4, 4)),
    Case((1, 75, 5, 3), (37, 2, 3, 4), stride=(34, 1), padding=(2, 0)),  # more parts than one launch takes
]
# Few places and long sums, in slices: those of y, of dx, or of both; and of dx also with taps of different numbers.
LONG = [
    Case((1, 5, 6, 61), (3, 3, 61, 131), stride=(2, 2), padding=(1, 1)),
    Case((1, 2, 2, 132), (4, 4, 132, 68), stride=(2, 2), padding=(1, 1)),
    Case((1, 5, 4, 6), (4, 3, 6, 131), stride=(3, 2), padding=(1, 0)),
    Case((2, 4, 3, 8), (1, 1, 8, 516), stride=(2, 2)),
    Case((1, 5, 6, 61), (3, 3, 61, 59), padding=(2, 2), dilation=(2, 2)),
    Case((3, 1, 1, 4353), (1, 1, 4353, 5)),  # 17 slices, in the last one a single number
    Case((1, 1, 3, 5), (1, 1, 5, 4353)),
]


@pytest.fixture(params=list(CHAPTERS))
def chapter(request):
    return request.param


def single(case):
    """The case's numbers as the kernels get them, and what float64 makes of just those."""
    given = Numbers(*(array.astype("float32") for array in numbers(case)))
    exact = Numbers(*(array.astype("float64") for array in given))
    return given, all_three(plain, case, exact)


def all_three(module, case, given, run=lambda function, *arguments, **steps: function(*arguments, **steps)):
    return (
        run(module.conv2d, given.x, given.weight, given.bias, **case.steps),
        run(module.conv2d_dx, given.dy, given.weight, case.x_shape, **case.steps),
        run(module.conv2d_dw, given.x, given.dy, case.weight_shape[:2], **case.steps),
    )


def error(got, wanted):
    assert got.shape == wanted.shape
    assert got.dtype == "float32"
    return np.linalg.norm(got - wanted) / max(np.linalg.norm(wanted), 1e-30)


def assert_agrees_with_loops(device, chapter, case):
    given = Numbers(*(array.astype("float32") for array in numbers(case)))
    # The loops were given numbers with more digits: that alone moves their results by some 1e-7. And where a sum
    # has one product, of two rounded numbers, it may be off by 2^-10.
    tolerance = max(TOLERANCES[chapter], (chapter == "tensor") * 2**-10)
    for got, wanted in zip(all_three(CHAPTERS[chapter], case, given, device.run), expected(case), strict=True):
        assert error(got, wanted) < tolerance


def assert_agrees_with_float64(device, chapter, case):
    given, wanted = single(case)
    for got, exact in zip(all_three(CHAPTERS[chapter], case, given, device.run), wanted, strict=True):
        assert error(got, exact) < TOLERANCES[chapter]


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_agrees_with_loops(device, chapter, case):
    assert_agrees_with_loops(device, chapter, case)


@pytest.mark.parametrize("case", LARGE, ids=str)
def test_agrees_over_several_tiles(device, chapter, case):
    assert_agrees_with_float64(device, chapter, case)


@pytest.mark.parametrize("chapter", ["tiled", "tensor"])
@pytest.mark.parametrize("case", LONG, ids=str)
def test_agrees_over_several_slices(device, chapter, case):
    assert_agrees_with_float64(device, chapter, case)


@pytest.mark.parametrize("chapter", ["tiled", "tensor"])
@pytest.mark.parametrize("least", [1, 16, 40])
@pytest.mark.parametrize("case", SMALL[::3], ids=str)
def test_agrees_with_loops_in_slices_of_any_length(cpu, monkeypatch, chapter, least, case):
    """Also of one number, and where nothing is left for the last ones."""
    monkeypatch.setattr(implicit_gemm, "LEAST_SLICE", least)
    assert_agrees_with_loops(cpu, chapter, case)


@pytest.fixture
def large_tiles(monkeypatch):
    monkeypatch.setattr(conv_tensor, "ENOUGH_TILES", 0)


@pytest.mark.usefixtures("large_tiles")
@pytest.mark.parametrize("case", [*LARGE, *LONG[:4]], ids=str)
def test_large_tiles_agree_with_float64(device, case):
    assert_agrees_with_float64(device, "tensor", case)


def test_large_tiles_change_no_bit(cpu, monkeypatch):
    monkeypatch.setattr(implicit_gemm, "LEAST_SLICE", 1 << 30)
    case = Case((3, 13, 11, 20), (3, 3, 20, 68), padding=(1, 1))
    given, _ = single(case)
    small = all_three(conv_tensor, case, given, cpu.run)
    monkeypatch.setattr(conv_tensor, "ENOUGH_TILES", 0)
    large = all_three(conv_tensor, case, given, cpu.run)
    assert [constants["TILE_M"] for _, _, _, constants in cpu.launched] == [64] * 3 + [128] * 3
    for got, wanted in zip(large, small, strict=True):
        np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize(
    ("rows", "channels", "filters", "wanted"),
    [
        (128 * 264, 32, 32, (128, 32)),
        (128 * 263, 32, 32, (64, 32)),
        (128 * 132, 32, 36, (64, 64)),
        (128 * 132, 32, 68, (128, 64)),
        (128 * 264, 1, 32, (64, 32)),
    ],
)
def test_a_gpu_that_is_full_has_large_tiles(rows, channels, filters, wanted):
    tile = conv_tensor.tile(rows, channels, filters, False, np.empty(4, "float32"))
    assert (tile.rows, tile.filters) == wanted


def test_large_and_long_cases_reach_several_tiles_and_slices_and_all_builds(cpu):
    for case in [*LARGE, LONG[0]]:
        all_three(conv_tensor, case, single(case)[0], cpu.run)
    grids = {(kernel, axis) for _, kernel, grid, _ in cpu.launched for axis in range(3) if grid[axis] > 1}
    assert grids >= {*product(["convolve", "convolve_dx", "convolve_dw"], [0, 1, 2])}
    assert {constants["WIDTH"] for _, _, _, constants in cpu.launched} == {1, 4}
    assert {constants["TILE_N"] for _, _, _, constants in cpu.launched} == {32, 64}


def test_a_long_sum_in_one_slice_rounds_little(cpu, monkeypatch):
    """Added up one by one, 25,088 products would be off by 2.8e-6."""
    monkeypatch.setattr(implicit_gemm, "LEAST_SLICE", 1 << 30)
    case = Case((2, 112, 112, 3), (1, 1, 3, 5))
    given, (_, _, exact) = single(case)
    assert error(cpu.run(conv_tiled.conv2d_dw, given.x, given.dy, (1, 1), **case.steps), exact) < 1e-6


@pytest.mark.parametrize("case", [LARGE[0], LONG[0]], ids=str)
def test_without_a_bias(device, chapter, case):
    given, _ = single(case)
    got = device.run(CHAPTERS[chapter].conv2d, given.x, given.weight, **case.steps)
    wanted = plain.conv2d(given.x.astype(float), given.weight.astype(float), **case.steps)
    assert error(got, wanted) < TOLERANCES[chapter]


@pytest.mark.parametrize("case", [LARGE[1], LARGE[2], LONG[0]], ids=str)
def test_same_bits_again(device, chapter, case):
    """And on the CPU also if the threads of a block run from the last to the first."""
    given, _ = single(case)
    first = all_three(CHAPTERS[chapter], case, given, device.run)
    device.falling = True
    for got, again in zip(first, all_three(CHAPTERS[chapter], case, given, device.run), strict=True):
        np.testing.assert_array_equal(got, again)


@pytest.mark.parametrize(
    "case", [Case((2, 9, 8, 8), (3, 3, 8, 12), padding=(1, 1)), Case((1, 2, 3, 516), (1, 1, 516, 8))], ids=str
)
def test_copies_of_four_numbers_change_no_bit(cpu, monkeypatch, case):
    given, _ = single(case)
    fours = all_three(conv_tensor, case, given, cpu.run)
    monkeypatch.setattr(conv_tensor, "address", lambda array: 4)
    ones = all_three(conv_tensor, case, given, cpu.run)
    widths = [constants["WIDTH"] for _, _, _, constants in cpu.launched]
    assert widths == sorted(widths, reverse=True)
    assert widths.count(4) == widths.count(1) >= len(FUNCTIONS)
    for got, wanted in zip(ones, fours, strict=True):
        np.testing.assert_array_equal(got, wanted)


def test_an_array_that_begins_between_two_runs_of_four(device, chapter):
    case = Case((2, 5, 4, 8), (3, 3, 8, 4))
    given, _ = single(case)
    one_more = np.append(np.float32(0), given.weight)
    got = device.run(
        lambda x, more: CHAPTERS[chapter].conv2d(x, more[1:].reshape(case.weight_shape)), given.x, one_more
    )
    wanted = plain.conv2d(given.x.astype(float), given.weight.astype(float))
    assert error(got, wanted) < TOLERANCES[chapter]


def test_arrays_with_gaps(device, chapter):
    case = LARGE[1]
    given, wanted = single(case)
    got = device.run(
        lambda x, weight: CHAPTERS[chapter].conv2d(x[..., ::2], weight[:, :, ::2], **case.steps),
        np.repeat(given.x, 2, axis=-1),
        np.repeat(given.weight, 2, axis=2),
    )
    assert error(got + given.bias, wanted[0]) < TOLERANCES[chapter]


@pytest.mark.parametrize("case", [Case((0, 5, 5, 3), (3, 3, 3, 4)), Case((2, 2, 2, 3), (3, 3, 3, 4))], ids=str)
def test_nothing_to_convolve(device, chapter, case):
    """No pictures, or none that a window fits on: y is empty and the gradients are zero."""
    given, _ = single(case)
    y, dx, dw = all_three(CHAPTERS[chapter], case, given, device.run)
    assert y.size == 0
    assert not dx.any()
    assert not dw.any()


@pytest.mark.parametrize(
    "case", [Case((2, 7, 6, 5), (3, 3, 5, 7), padding=(1, 1)), LARGE[1], Case((2, 5, 4, 80), (3, 3, 80, 5))], ids=str
)
def test_a_nan_spreads_no_further_than_it_must(device, chapter, case):
    """What fills up a tile is a zero, and not just any number times zero."""
    given, _ = single(case)
    x, dy = given.x.copy(), given.dy.copy()
    x[1, 3, 2, 1] = dy[1, 2, 1, 3] = np.nan
    spoilt = given._replace(x=x, dy=dy)
    wanted = all_three(plain, case, spoilt)
    for got, exact in zip(all_three(CHAPTERS[chapter], case, spoilt, device.run), wanted, strict=True):
        np.testing.assert_array_equal(np.isnan(got), np.isnan(exact))


def test_inputs_stay_as_they_were(cpu, chapter):
    given, _ = single(LARGE[1])
    before = Numbers(*(array.copy() for array in given))
    all_three(CHAPTERS[chapter], LARGE[1], given)
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy)


# How the launcher cuts the work.


@pytest.fixture
def slices(monkeypatch):
    """Return a function that says into how many slices each direction of a convolution would be cut."""
    counts = []

    def launch(chapter, kernel, grid, block, arguments, **constants):
        if kernel != "add_slices":
            counts.append(arguments[-1]["slices"].item())

    monkeypatch.setattr(loader, "launch", launch)
    monkeypatch.setattr(loader, "empty", lambda like, shape: np.empty(shape, "float32"))

    def of(chapter, case, skip=0):
        """``skip`` moves where the arrays begin by so many numbers."""
        arrays = [np.empty(prod(s) + skip, "float32")[skip:].reshape(s) for s in (case.x_shape, case.weight_shape)]
        dy = np.empty(case.y_shape, "float32")
        counts.clear()
        chapter.conv2d(*arrays, **case.steps)
        chapter.conv2d_dx(dy, arrays[1], case.x_shape, **case.steps)
        chapter.conv2d_dw(arrays[0], dy, case.weight_shape[:2], **case.steps)
        return counts

    return of


HALVING = {"stride": (2, 2), "padding": (1, 1)}


@pytest.mark.parametrize("skip", [0, 1])
@pytest.mark.parametrize("chapter", [conv_tiled, conv_tensor], ids=["tiled", "tensor"])
@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        # y: one place, so 8 tiles of 64 filters, of 16 * 512 terms. dx: four times one place, of a quarter as many.
        (Case((1, 2, 2, 512), (4, 4, 512, 512), **HALVING), [32, 8, 1]),
        # 4 * 8 tiles: more slices would be more than 512 blocks; dx has four times as many tiles, in one launch.
        (Case((16, 8, 8, 512), (4, 4, 512, 512), **HALVING), [16, 4, 1]),
        # Up to 128 tiles are few ...
        (Case((1, 32, 32, 512), (1, 1, 512, 512)), [2, 2, 4]),
        # ... and 136 are not.
        (Case((1, 34, 32, 512), (1, 1, 512, 512)), [1, 1, 4]),
        # A slice has 256 terms at least.
        (Case((8, 1, 1, 511), (1, 1, 511, 512)), [1, 2, 1]),
        # Large ones.
        (Case((64, 64, 64, 32), (3, 3, 32, 32), padding=(1, 1)), [1, 1, 102]),
        (Case((32, 28, 28, 256), (3, 3, 256, 512), padding=(1, 1)), [1, 1, 1]),
    ],
    ids=str,
)
def test_shapes_alone_say_how_many_slices(slices, chapter, case, wanted, skip):
    assert slices(chapter, case, skip) == wanted


@pytest.mark.parametrize(("size", "kernel"), [(1, 3), (7, 1), (9, 4), (10, 3)])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2), (2, 2), (4, 6), (6, 4), (3, 3)])
@pytest.mark.parametrize("padding", [0, 1, 5])
def test_backward_sides_meet_what_the_windows_met(size, kernel, stride, dilation, padding):
    count = max(0, (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)
    forward = {
        (pixel, tap, place)
        for place, tap in product(range(count), range(kernel))
        if 0 <= (pixel := place * stride - padding + tap * dilation) < size
    }
    side = sides.backward_side(size, kernel, stride, padding, dilation)
    backward = [
        (part.to + t * side.step, part.first + i * side.tap_step, t * side.stride + part.start + i * side.tap)
        for part in side.parts
        for t in range(part.places)
        for i in range(part.taps)
    ]
    met = [meeting for meeting in backward if 0 <= meeting[2] < count]
    assert len(met) == len(set(met))
    assert set(met) == forward


@pytest.mark.parametrize("chapter", ["tiled", "tensor"])
def test_one_launch_goes_back_through_all_parts_of_a_stride(cpu, chapter):
    given, _ = single(LARGE[1])
    cpu.run(CHAPTERS[chapter].conv2d_dx, given.dy, given.weight, LARGE[1].x_shape, **LARGE[1].steps)
    assert [(kernel, grid[2]) for _, kernel, grid, _ in cpu.launched] == [("convolve_dx", 4)]


@pytest.mark.parametrize("chapter", ["tiled", "tensor"])
@pytest.mark.parametrize("case", [SMALL[0], LONG[4]], ids=["one slice", "several"])
def test_dw_may_go_onto_what_is_there(device, chapter, case):
    given, _ = single(case)
    before = tc.Generator(7).normal(case.weight_shape)

    def dw(x, dy, *onto):
        return CHAPTERS[chapter].conv2d_dw(x, dy, case.weight_shape[:2], **case.steps, onto=onto[0] if onto else None)

    alone = device.run(dw, given.x, given.dy)
    np.testing.assert_array_equal(device.run(dw, given.x, given.dy, before), before + alone)


def test_fully_connected_layers_are_sliced(cpu, monkeypatch):
    monkeypatch.setattr(linear, "convolution", lambda: conv_tiled)
    x, weight, bias, dy = (tc.Generator(i).normal(s) for i, s in enumerate([(3, 530), (530, 600), (600,), (3, 600)]))
    exact = [array.astype("float64") for array in (x, weight, bias, dy)]
    assert error(cpu.run(linear.linear, x, weight, bias), exact[0] @ exact[1] + exact[2]) < TOLERANCES["tiled"]
    assert error(cpu.run(linear.linear_dx, dy, weight), exact[3] @ exact[1].T) < TOLERANCES["tiled"]
    assert [(kernel, grid) for _, kernel, grid, _ in cpu.launched if kernel.startswith("convolve")] == [
        ("convolve", (1, 10, 2)),
        ("convolve_dx", (1, 9, 2)),
    ]


# Faults that the tests above must see.


@pytest.mark.parametrize(
    ("chapter", "old", "new"),
    [
        ("tiled", "__syncthreads();  // all have copied", "//"),
        ("tiled", "__syncthreads();  // all have read", "//"),
        ("tensor", "wait_for_groups<STAGES - 2>", "wait_for_groups<STAGES - 1>"),
        ("tensor", "__syncthreads();", ""),
        ("tensor", "return ROUNDED ?", "return true ?"),
        ("tensor", "part / 2 * 4) * LEFT_K", "part % 2 * 4) * LEFT_K"),
        ("tensor", "place_at(8, g)", "place_at(7, g)"),
        ("tensor", "sums[i][j][2 * half + e] + (", "sums[i][j][2 * (1 - half) + e] + ("),
        ("tensor", "step.column + next_column", "step.column"),
        ("tiled", "step.row + next_row", "step.row"),
        ("tensor", "step.image + next_image", "step.image"),
        ("tiled", "next_image ? height : 0", "0"),
        ("tiled", "g.filter_row + number", "number"),
        ("tensor", "g.filter_column + number", "number"),
        ("tensor", "number.row * g.filter_row_step", "number.row"),
        ("naive", "* s.sh - s.ph", "* s.sh"),
    ],
)
def test_planted_faults_show(cpu, chapter, old, new):
    case = Case((2, 9, 8, 10), (3, 3, 10, 20), stride=(2, 2), padding=(1, 1))
    given, wanted = single(case)

    def edit(text):
        assert old in text
        return text.replace(old, new)

    cpu.edit = edit
    errors = []
    for cpu.falling in (False, True):
        results = all_three(CHAPTERS[chapter], case, given, cpu.run)
        errors += [error(got, exact) for got, exact in zip(results, wanted, strict=True)]
    assert not np.max(errors) < TOLERANCES[chapter]


@pytest.mark.parametrize(
    ("chapter", "old", "new"),
    [
        ("tiled", "g.slice * each", "g.slice * step"),
        ("tiled", "(steps + g.slices - 1) / g.slices", "steps / g.slices"),
        ("tiled", "slice < slices", "slice < slices - 1"),
        ("tiled", "sheets[slice * count + i]", "sheets[i]"),
        ("tiled", "bias && g.slice == 0", "bias"),
        ("tiled", "g.slice * g.answers()", "g.slice * g.places() * g.f"),
        ("tensor", "g.slice * g.answers()", "0"),
        ("tensor", "first = slice.first + t * DEPTH", "first = t * DEPTH"),
    ],
)
def test_faults_planted_where_slices_are_made_show(cpu, chapter, old, new):
    given, wanted = single(LONG[0])

    def edit(text):
        assert old in text
        return text.replace(old, new)

    cpu.edit = edit
    results = all_three(CHAPTERS[chapter], LONG[0], given, cpu.run)
    assert not np.max([*map(error, results, wanted)]) < TOLERANCES[chapter]
