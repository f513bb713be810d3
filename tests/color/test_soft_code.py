"""Colours as shares of bins, against a search through all bins, and back."""

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.color import annealed_mean, soft_encode
from tinycolor.color.ab_bins import AB_BINS

EVERYWHERE = {
    "all around": lambda rng: rng.uniform((-95, -115), (105, 105), (4000, 2)),
    "near grey": lambda rng: rng.normal(0, 12, (2000, 2)),
    "on bins and half-way between": lambda rng: rng.integers(-18, 20, (1000, 2)) * 5.0,
    "on borders of cells": lambda rng: np.stack([rng.integers(-18, 20, 500) * 5, rng.uniform(-110, 100, 500)], -1),
    "far outside": lambda rng: rng.uniform(-1000, 1000, (200, 2)),
}
everywhere = pytest.mark.parametrize("draw", EVERYWHERE.values(), ids=EVERYWHERE)


def found_by_searching(colour, neighbours):
    """Return the shares of one colour: measure all distances, sort them, keep the nearest and their equals."""
    a, b = min(max(colour[0], -90), 100), min(max(colour[1], -110), 100)
    squares = [(a - of_a) ** 2 + (b - of_b) ** 2 for of_a, of_b in AB_BINS]
    last, least = sorted(squares)[neighbours - 1], min(squares)
    gaussian = np.array([np.exp(-(square - least) / 50) if square <= last else 0 for square in squares])
    return gaussian / gaussian.sum()


@everywhere
@pytest.mark.parametrize("neighbours", [1, 5, 10, 40])
def test_shares_are_those_that_a_search_through_all_bins_finds(rng, draw, neighbours):
    ab = draw(rng)[:150]
    expected = [found_by_searching(colour, neighbours) for colour in ab]
    np.testing.assert_allclose(soft_encode(ab, neighbours), expected, rtol=1e-12, atol=1e-15)


@everywhere
@pytest.mark.parametrize("neighbours", [5, 10])
def test_no_bin_is_missed(rng, draw, neighbours):
    ab = draw(rng)
    squares = ((np.clip(ab, (-90, -110), (100, 100))[:, None] - AB_BINS) ** 2).sum(-1)
    np.testing.assert_array_equal(soft_encode(ab, neighbours) > 0, squares <= np.sort(squares)[:, neighbours - 1, None])


@everywhere
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shares_sum_to_1(rng, draw, dtype):
    ab = draw(rng).astype(dtype)[:480].reshape(-1, 2, 5, 2)
    before = ab.copy()
    ab.flags.writeable = False
    shares = soft_encode(ab)
    np.testing.assert_array_equal(ab, before)
    assert (shares.shape, shares.dtype) == ((*ab.shape[:-1], 313), dtype)
    np.testing.assert_allclose(shares.sum(-1), 1, atol={"float32": 1e-6, "float64": 1e-12}[dtype])
    assert (shares >= 0).all()


def test_single_precision_is_enough(rng):
    ab = rng.normal(0, 25, (500, 2))
    np.testing.assert_allclose(soft_encode(ab.astype("float32")), soft_encode(ab), atol=1e-5)


def test_the_release_shares_a_colour_among_10_bins_and_the_paper_among_5(rng):
    ab = rng.normal(0, 20, (300, 2))
    assert {*(soft_encode(ab) > 0).sum(-1)} == {10}
    assert {*(soft_encode(ab, 5) > 0).sum(-1)} == {5}


def test_a_colour_that_is_a_bin_shares_with_its_eight_neighbours():
    shares = soft_encode(np.array([20.0, -30.0]), 9)
    grid = np.array([[shares[AB_BINS.tolist().index([a, b])] for b in (-40, -30, -20)] for a in (10, 20, 30)])
    side, corner = np.exp(-2), np.exp(-4)
    expected = np.array([[corner, side, corner], [side, 1, side], [corner, side, corner]])
    np.testing.assert_allclose(grid, expected / expected.sum())
    assert grid.sum() == pytest.approx(1)


@pytest.mark.parametrize("neighbours", [5, 10])
def test_amid_bins_the_mean_of_the_shares_is_nearly_the_colour(rng, neighbours):
    ab = rng.uniform(-35, 35, (300, 2))
    shares = soft_encode(ab, neighbours)
    with np.errstate(divide="ignore"):
        mean = annealed_mean(np.log(shares), 1)
    np.testing.assert_allclose(mean, shares @ AB_BINS, atol=1e-9)
    assert np.linalg.norm(mean - ab, axis=1).max() < {5: 1.5, 10: 0.5}[neighbours]


@pytest.mark.parametrize("ab", [np.zeros(3), np.zeros((4, 3)), np.array(1.0), np.array([0, np.nan])])
def test_what_is_no_colour_is_refused(ab):
    with pytest.raises(ValueError, match=r"^soft_encode got"):
        soft_encode(ab)


@pytest.mark.parametrize("neighbours", [0, 314])
def test_more_neighbours_than_bins_are_refused(neighbours):
    with pytest.raises(ValueError, match=f"soft_encode got neighbours={neighbours}, expected 1 to 313"):
        soft_encode(np.zeros(2), neighbours)


# --- back to one colour ----------------------------------------------------------------------------------------


def two_peaks(share):
    """Return logits whose softmax is the share of a red bin and the rest of a green one, and the two colours."""
    red, green = (AB_BINS.tolist().index(colour) for colour in ([60, 40], [-40, 40]))
    logits = np.full(313, -np.inf)
    logits[[red, green]] = np.log([share, 1 - share])
    return logits, AB_BINS[red], AB_BINS[green]


def test_at_temperature_1_it_is_the_mean(rng):
    logits = rng.normal(0, 3, (4, 5, 313))
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(annealed_mean(logits, 1), p @ AB_BINS, rtol=1e-12, atol=1e-12)
    logits, red, green = two_peaks(0.7)
    np.testing.assert_allclose(annealed_mean(logits, 1), 0.7 * red + 0.3 * green, atol=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_near_temperature_0_it_is_the_likeliest_bin(rng, dtype):
    logits = rng.permuted(np.broadcast_to(np.linspace(-9, 9, 313), (6, 7, 313)), axis=-1).astype(dtype)
    colours = annealed_mean(logits, 0.01)
    assert colours.dtype == dtype
    # The second is 18/312 behind, so e**-5.8 as likely.
    assert abs(colours - AB_BINS[logits.argmax(-1)]).max() < 200 * 2 * np.exp(-5.7)
    np.testing.assert_allclose(annealed_mean(logits, 1e-4), AB_BINS[logits.argmax(-1)], atol=1e-4)
    np.testing.assert_allclose(annealed_mean(two_peaks(0.6)[0], 0.01), two_peaks(0.6)[1], atol=1e-12)


@pytest.mark.parametrize("temperature", [0.1, 0.38, 0.7, 2])
def test_between_it_is_the_paper_s_formula(rng, temperature):
    z = rng.dirichlet(np.ones(313), (3, 4))
    powers = np.exp(np.log(z) / temperature)
    expected = np.einsum("ijq,qc->ijc", powers / powers.sum(-1, keepdims=True), AB_BINS)
    np.testing.assert_allclose(annealed_mean(np.log(z), temperature), expected, rtol=1e-10, atol=1e-10)


def test_the_lower_the_temperature_the_nearer_to_the_likeliest():
    logits, red, _ = two_peaks(0.6)
    distances = [np.linalg.norm(annealed_mean(logits, t) - red) for t in (1, 0.7, 0.38, 0.2, 0.05)]
    assert distances == sorted(distances, reverse=True)
    assert distances[0] == pytest.approx(40)
    assert distances[-1] < 0.1


def test_large_scores_overflow_nothing():
    logits = np.zeros(313, np.float32)
    logits[5] = 3e4
    np.testing.assert_array_equal(annealed_mean(logits, 0.01), AB_BINS[5])


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf])
def test_a_temperature_that_is_none_is_refused(temperature):
    with pytest.raises(ValueError, match=f"annealed_mean got temperature={temperature}, expected a number above 0"):
        annealed_mean(np.zeros(313), temperature)


def test_other_than_313_scores_are_refused():
    with pytest.raises(ValueError, match=r"annealed_mean got shape \(2, 312\), expected \(..., 313\)"):
        tc.color.annealed_mean(np.zeros((2, 312)), 1)
