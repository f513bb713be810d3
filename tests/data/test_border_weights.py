"""U-Net's weight map, against every pixel measured to every pixel."""

import math

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.data.border_weights import border_weights, distance, nearest_two


def measured(cells):
    """For each pixel the distances to all cells, the nearest first."""
    places = [np.argwhere(cells == number) for number in sorted(set(cells.flat) - {0})]
    result = np.full((2, *cells.shape), np.inf)
    for pixel in np.ndindex(cells.shape):
        distances = sorted(np.hypot(*(of_cell - pixel).T).min() for of_cell in places)
        result[: len(distances), *pixel] = distances[:2]
    return result


@pytest.fixture
def cells(rng):
    """Five blots on 40 x 50 pixels, some of which touch, one in two parts; their numbers are no row."""
    labels = np.zeros((40, 50), np.int32)
    for number in (3, 4, 17, 900, 65_000):
        for _ in range(1 + (number == 17)):
            i, j = rng.integers(0, (34, 44))
            labels[i : i + rng.integers(2, 9), j : j + rng.integers(2, 9)] = number
    return labels


def test_distances_are_those_to_the_nearest_two_cells(cells):
    np.testing.assert_allclose(nearest_two(cells, 100), measured(cells), rtol=1e-12)


def test_what_is_out_of_reach_is_not_measured(cells):
    wanted, got = measured(cells), nearest_two(cells, 12)
    near = wanted <= 12
    np.testing.assert_allclose(got[near], wanted[near], rtol=1e-12)
    assert (got[~near] >= wanted[~near]).all()


def test_the_distance_is_from_centre_to_centre():
    places = np.zeros((4, 5), bool)
    places[0, 1] = places[3, 4] = True
    expected = [[1, 0, 1, 2, 3], [2**0.5, 1, 2**0.5, 5**0.5, 2], [5**0.5, 2, 5**0.5, 2**0.5, 1], [10**0.5, 3, 2, 1, 0]]
    np.testing.assert_allclose(distance(places), expected)


@pytest.mark.parametrize(("w0", "sigma"), [(10, 5), (3, 1.5)])
def test_it_is_the_paper_s_equation(cells, w0, sigma):
    d1, d2 = measured(cells)
    background = cells == 0
    share = background.mean()
    w_c = np.where(background, 0.5 / share, 0.5 / (1 - share))
    expected = w_c + background * w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))
    weights = border_weights(cells, w0=w0, sigma=sigma)
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_a_border_of_one_pixel_between_two_cells_counts_most():
    cells = np.ones((9, 40), np.int8)
    cells[:, 20], cells[:, 21:] = 0, 2
    weights = border_weights(cells)
    np.testing.assert_allclose(weights[:, 20], 0.5 * 40 + 10 * math.exp(-(2**2) / 50), rtol=1e-6)
    np.testing.assert_allclose(np.delete(weights, 20, 1), 0.5 * 40 / 39, rtol=1e-6)


@pytest.mark.parametrize("number", [0, 7])
def test_without_a_border_all_pixels_count_the_same(number):
    np.testing.assert_array_equal(border_weights(np.full((6, 8), number)), 1)


def test_beside_a_single_cell_there_is_no_border():
    cells = np.zeros((10, 10), np.uint8)
    cells[2:5, 3:9] = 1
    weights = border_weights(cells)
    np.testing.assert_allclose(weights, np.where(cells, 0.5 / 0.18, 0.5 / 0.82), rtol=1e-6)
    assert weights.mean() == pytest.approx(1)


def test_the_loss_takes_it(cells, rng):
    logits = rng.standard_normal((1, *cells.shape, 2)).astype(np.float32)
    target = (cells > 0).astype(int)[None]
    weights = border_weights(cells)
    loss, _ = tc.losses.cross_entropy(logits, target, weights[None])
    shares = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    right = np.where(target == 1, shares[..., 1], shares[..., 0])
    assert loss == pytest.approx((weights * -np.log(right[0])).mean(), rel=1e-5)


@pytest.mark.parametrize(
    "cells", [np.zeros((4, 5, 1), int), np.zeros((4, 5)), np.zeros((4, 5), bool), np.zeros((0, 5), int)]
)
def test_what_is_no_label_map_is_one_sentence(cells):
    with pytest.raises(ValueError, match=r"^border_weights got \w+ \(.*\), expected whole numbers \(H, W\)\.$"):
        border_weights(cells)


@pytest.mark.parametrize("sigma", [0, -1, float("nan")])
def test_a_width_that_is_none_is_one_sentence(sigma):
    with pytest.raises(ValueError, match=rf"border_weights got sigma={sigma}, expected a number above 0"):
        border_weights(np.zeros((4, 5), int), sigma=sigma)
