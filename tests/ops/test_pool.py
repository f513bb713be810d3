"""Pooling against walks over the windows, with many ties, overlaps and partial windows."""

from random import Random
from typing import NamedTuple

import numpy as np
import pytest

from tinycolor.ops.pool import avg_pool2d, avg_pool2d_dx, max_pool2d, max_pool2d_dx, pooled_size
from tinycolor.ops.shapes import Pair

import oracles


class Case(NamedTuple):
    x_shape: tuple[int, int, int, int]
    kernel_size: Pair
    stride: Pair
    ceil_mode: bool

    def __str__(self) -> str:
        shape, kernel, stride = ("x".join(map(str, sizes)) for sizes in self[:3])
        return f"{shape}-{kernel}-s{stride}{'-ceil' * self.ceil_mode}"


def random_cases(count: int, seed: int) -> list[Case]:
    rng = Random(seed)
    cases = []
    for _ in range(count):
        kernel_size, stride = ((rng.randint(1, 4), rng.randint(1, 4)) for _ in range(2))
        height, width = (rng.randint(kernel, 9) for kernel in kernel_size)
        x_shape = (rng.randint(1, 3), height, width, rng.randint(1, 4))
        cases.append(Case(x_shape, kernel_size, stride, rng.random() < 0.5))
    return cases


CASES = random_cases(100, seed=0)


def few_values(shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of which many are equal, below zero too."""
    return np.random.default_rng(0).integers(-3, 0, shape).astype(float)


def random_like(array: np.ndarray) -> np.ndarray:
    return np.random.default_rng(1).standard_normal(array.shape)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_pool_agrees_with_loops(case: Case) -> None:
    x = few_values(case.x_shape)
    y, _ = max_pool2d(x, *case[1:])
    np.testing.assert_array_equal(y, oracles.max_pool2d(x, *case[1:]))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_pool_gradient_goes_to_the_first_maximum(case: Case) -> None:
    x = few_values(case.x_shape)
    y, winner = max_pool2d(x, *case[1:])
    dy = random_like(y)
    dx = max_pool2d_dx(dy, winner, x.shape, case.kernel_size, case.stride)
    np.testing.assert_allclose(dx, oracles.max_pool2d_dx(dy, x, *case[1:]), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_avg_pool_agrees_with_loops(case: Case) -> None:
    x = np.random.default_rng(0).standard_normal(case.x_shape)
    y = avg_pool2d(x, case.kernel_size, case.stride)
    np.testing.assert_allclose(y, oracles.avg_pool2d(x, case.kernel_size, case.stride), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("case", [*CASES, Case((4, 65, 64, 32), (2, 3), (2, 2), False)], ids=str)
def test_avg_pool_gradient_is_the_adjoint(case: Case) -> None:
    x = np.random.default_rng(0).standard_normal(case.x_shape)
    y = avg_pool2d(x, case.kernel_size, case.stride)
    dy = random_like(y)
    dx = avg_pool2d_dx(dy, x.shape, case.kernel_size, case.stride)
    assert abs(np.vdot(y, dy) - np.vdot(x, dx)) <= 1e-10 * np.linalg.norm(y) * np.linalg.norm(dy)


def test_seven_by_seven_becomes_four_by_four() -> None:
    """Rohrer's example: the windows at the edge are partial ones."""
    x = np.arange(49.0).reshape(1, 7, 7, 1)
    y, _ = max_pool2d(x, (2, 2), (2, 2), ceil_mode=True)
    wanted = [[8, 10, 12, 13], [22, 24, 26, 27], [36, 38, 40, 41], [43, 45, 47, 48]]
    np.testing.assert_array_equal(y[0, :, :, 0], wanted)


def test_a_pixel_that_wins_in_several_windows_gets_the_sum() -> None:
    x = np.zeros((1, 3, 3, 1))
    x[0, 1, 1] = 5
    y, winner = max_pool2d(x, (2, 2), (1, 1), ceil_mode=False)
    dx = max_pool2d_dx(np.array([1.0, 2, 4, 8]).reshape(y.shape), winner, x.shape, (2, 2), (1, 1))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[0, 0, 0], [0, 15, 0], [0, 0, 0]])


@pytest.mark.parametrize("case", CASES[:20], ids=str)
def test_what_went_round_the_pooling_is_added_to_its_gradient(case: Case) -> None:
    x = few_values(case.x_shape)
    y, winner = max_pool2d(x, *case[1:])
    dy, beside = random_like(y), np.random.default_rng(2).standard_normal((*x.shape[:3], 2 + x.shape[3]))
    beside.flags.writeable = False
    dx = max_pool2d_dx(dy, winner, x.shape, case.kernel_size, case.stride, beside)
    wanted = oracles.max_pool2d_dx(dy, x, *case[1:]) + beside[..., 2:]
    np.testing.assert_allclose(dx, wanted, rtol=1e-12, atol=1e-12)


def test_all_pixels_equal_gives_everything_to_the_corner() -> None:
    x = np.ones((1, 4, 4, 1))
    _, winner = max_pool2d(x, (2, 2), (2, 2), ceil_mode=False)
    dx = max_pool2d_dx(np.ones((1, 2, 2, 1)), winner, x.shape, (2, 2), (2, 2))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]])


def test_winner_is_a_small_number_until_the_window_is_large() -> None:
    _, winner = max_pool2d(few_values((1, 16, 16, 1)), (16, 16), (1, 1), ceil_mode=False)
    assert winner.dtype == np.uint8


def test_windows_of_more_than_256_taps() -> None:
    x = np.arange(17.0 * 18).reshape(1, 17, 18, 1)
    y, winner = max_pool2d(x, (17, 18), (1, 1), ceil_mode=False)
    dx = max_pool2d_dx(np.ones_like(y), winner, x.shape, (17, 18), (1, 1))
    assert y.item() == 305
    assert np.argwhere(dx).tolist() == [[0, 16, 17, 0]]


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "floor", "ceil"),
    [
        (7, 2, 2, 3, 4),
        (8, 2, 2, 4, 4),
        (7, 3, 2, 3, 3),
        (8, 3, 2, 3, 4),
        (5, 1, 3, 2, 2),  # a third window would begin behind the last pixel
        (1, 2, 2, 0, 1),
        (1, 5, 1, 0, 0),
    ],
)
def test_number_of_windows(size: int, kernel: int, stride: int, floor: int, ceil: int) -> None:
    assert pooled_size(size, kernel, stride, ceil_mode=False) == floor
    assert pooled_size(size, kernel, stride, ceil_mode=True) == ceil


@pytest.mark.parity
@pytest.mark.parametrize("case", CASES, ids=str)
def test_max_pool_agrees_with_torch(case: Case) -> None:
    torch = pytest.importorskip("torch")
    x = few_values(case.x_shape)
    theirs = torch.nn.functional.max_pool2d(torch.tensor(x).permute(0, 3, 1, 2), *case[1:3], ceil_mode=case.ceil_mode)
    np.testing.assert_array_equal(max_pool2d(x, *case[1:])[0], theirs.permute(0, 2, 3, 1))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_stays(dtype: str) -> None:
    x = few_values((1, 5, 5, 2)).astype(dtype)
    y, winner = max_pool2d(x, (2, 2), (2, 2), ceil_mode=True)
    mean = avg_pool2d(x, (2, 2), (2, 2))
    gradients = max_pool2d_dx(y, winner, x.shape, (2, 2), (2, 2)), avg_pool2d_dx(mean, x.shape, (2, 2), (2, 2))
    assert {array.dtype for array in (y, mean, *gradients)} == {np.dtype(dtype)}


@pytest.mark.parametrize("ceil_mode", [False, True])
@pytest.mark.parametrize("kernel_size", [(1, 1), (3, 2)])
def test_inputs_may_be_read_only_and_scattered_and_stay_as_they_were(kernel_size: Pair, ceil_mode: bool) -> None:
    original = few_values((2, 3, 8, 7))
    x = original.transpose(0, 2, 3, 1)
    x.flags.writeable = False
    y, winner = max_pool2d(x, kernel_size, (2, 2), ceil_mode)
    np.testing.assert_array_equal(y, oracles.max_pool2d(x, kernel_size, (2, 2), ceil_mode))
    dy = np.asfortranarray(random_like(y))
    dy.flags.writeable = winner.flags.writeable = False
    dx = max_pool2d_dx(dy, winner, x.shape, kernel_size, (2, 2))
    np.testing.assert_allclose(dx, oracles.max_pool2d_dx(dy, x, kernel_size, (2, 2), ceil_mode), atol=1e-12)
    mean = avg_pool2d(x, kernel_size, (2, 2))
    np.testing.assert_allclose(mean, oracles.avg_pool2d(x, kernel_size, (2, 2)), atol=1e-12)
    assert not any(np.shares_memory(x, output) for output in (y, mean))
    np.testing.assert_array_equal(original, few_values((2, 3, 8, 7)))
