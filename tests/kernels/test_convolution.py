"""Chapters 1, 3 and 4 against naive loops on shapes that fill no tile, and against NumPy over many tiles."""

import inspect
from itertools import product

import numpy as np
import pytest

from tinycolor.kernels import conv_naive, conv_tensor, conv_tiled, implicit_gemm
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


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_agrees_with_loops(device, chapter, case):
    given = Numbers(*(array.astype("float32") for array in numbers(case)))
    # The loops were given numbers with more digits: that alone moves their results by some 1e-7. And where a sum
    # has one product, of two rounded numbers, it may be off by 2^-10.
    tolerance = max(TOLERANCES[chapter], (chapter == "tensor") * 2**-10)
    for got, wanted in zip(all_three(CHAPTERS[chapter], case, given, device.run), expected(case), strict=True):
        assert error(got, wanted) < tolerance


@pytest.mark.parametrize("case", LARGE, ids=str)
def test_agrees_over_several_tiles(device, chapter, case):
    given, wanted = single(case)
    for got, exact in zip(all_three(CHAPTERS[chapter], case, given, device.run), wanted, strict=True):
        assert error(got, exact) < TOLERANCES[chapter]


def test_large_cases_reach_several_tiles_and_slices_and_all_builds(cpu):
    for case in LARGE:
        all_three(conv_tensor, case, single(case)[0], cpu.run)
    grids = {(kernel, axis) for _, kernel, grid, _ in cpu.launched for axis in range(3) if grid[axis] > 1}
    assert grids >= {*product(["convolve"], [0, 1]), *product(["convolve_dw"], [0, 1, 2])}
    assert {constants["WIDTH"] for _, _, _, constants in cpu.launched} == {1, 4}
    assert {constants["TILE_N"] for _, _, _, constants in cpu.launched} == {32, 64}


def test_without_a_bias(device, chapter):
    case = LARGE[0]
    given, _ = single(case)
    got = device.run(CHAPTERS[chapter].conv2d, given.x, given.weight, **case.steps)
    wanted = plain.conv2d(given.x.astype(float), given.weight.astype(float), **case.steps)
    assert error(got, wanted) < TOLERANCES[chapter]


@pytest.mark.parametrize("case", [LARGE[1], LARGE[2]], ids=str)
def test_same_bits_again(device, chapter, case):
    """And on the CPU also if the threads of a block run from the last to the first."""
    given, _ = single(case)
    first = all_three(CHAPTERS[chapter], case, given, device.run)
    device.falling = True
    for got, again in zip(first, all_three(CHAPTERS[chapter], case, given, device.run), strict=True):
        np.testing.assert_array_equal(got, again)


def test_copies_of_four_numbers_change_no_bit(cpu, monkeypatch):
    case = Case((2, 9, 8, 8), (3, 3, 8, 12), padding=(1, 1))
    given, _ = single(case)
    fours = all_three(conv_tensor, case, given, cpu.run)
    monkeypatch.setattr(conv_tensor, "address", lambda array: 4)
    ones = all_three(conv_tensor, case, given, cpu.run)
    assert [constants["WIDTH"] for _, _, _, constants in cpu.launched] == [4, 4, 4, 1, 1, 1]
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


@pytest.mark.parametrize("case", [Case((2, 7, 6, 5), (3, 3, 5, 7), padding=(1, 1)), LARGE[1]], ids=str)
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


@pytest.mark.parametrize("function", FUNCTIONS)
def test_signature_is_that_of_the_plain_path(chapter, function):
    mine, wanted = (
        [(p.name, p.kind, p.default) for p in inspect.signature(getattr(module, function)).parameters.values()]
        for module in (CHAPTERS[chapter], plain)
    )
    assert mine == wanted


# How the launcher cuts the work.


@pytest.mark.parametrize("places", [0, 1, 255, 256, 511, 512, 10_000, 10_001])
@pytest.mark.parametrize("wanted", [0, 1, 2, 7, 512])
def test_slices_cover_all_places(places, wanted):
    slices, each = implicit_gemm.cut(places, wanted)
    assert 1 <= slices <= max(1, wanted)
    assert (slices - 1) * each < max(places, 1) <= slices * each
    assert slices == 1 or each >= implicit_gemm.LEAST_SLICE


@pytest.mark.parametrize(("size", "kernel"), [(1, 3), (7, 1), (9, 4), (10, 3)])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2), (2, 2), (4, 6), (6, 4), (3, 3)])
@pytest.mark.parametrize("padding", [0, 1, 5])
def test_backward_axes_meet_what_the_windows_met(size, kernel, stride, dilation, padding):
    count = max(0, (size + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)
    forward = {
        (pixel, tap, place)
        for place, tap in product(range(count), range(kernel))
        if 0 <= (pixel := place * stride - padding + tap * dilation) < size
    }
    backward = [
        (axis.to + t * axis.step, tap, t * axis.stride + axis.start + number * axis.tap)
        for axis in implicit_gemm.backward_axes(size, kernel, stride, padding, dilation)
        for t in range(axis.places)
        for number, tap in enumerate(range(kernel)[axis.taps])
    ]
    met = [meeting for meeting in backward if 0 <= meeting[2] < count]
    assert len(met) == len(set(met))
    assert set(met) == forward


# Faults that the tests above must see.


@pytest.mark.parametrize(
    ("chapter", "old", "new"),
    [
        ("tiled", "__syncthreads();  // all have copied", "//"),
        ("tiled", "__syncthreads();  // all have read", "//"),
        ("tensor", "wait_for_groups<STAGES - 2>", "wait_for_groups<STAGES - 1>"),
        ("tensor", "__syncthreads();", ""),
        ("tensor", "rounded(left[", "bits_of(left["),
        ("tensor", "part / 2 * 4) * STEP_K", "part % 2 * 4) * STEP_K"),
        ("tensor", "+ 8 * half", "+ 8 * (1 - half)"),
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
