import itertools

import numpy as np
import pytest

from tinycolor.color import in_gamut, rgb_to_lab
from tinycolor.color.ab_bins import AB_BINS, nearest_bin, rebalancing_weights, smoothed_distribution

LISTED = {(a, b) for a, b in AB_BINS}


@pytest.fixture(scope="module")
def ab_of_srgb():
    """All colours on the surface of the 8-bit RGB cube: seen along L*, they cover what is inside."""
    step = np.arange(256) / 255
    face = np.stack(np.meshgrid(step, step), -1).reshape(-1, 2)
    faces = [np.insert(face, channel, end, axis=1) for channel in range(3) for end in (0, 1)]
    return rgb_to_lab(np.concatenate(faces))[:, 1:]


def test_there_are_313_on_a_grid_of_step_10():
    assert AB_BINS.shape == (313, 2)
    assert len(LISTED) == 313
    assert (AB_BINS % 10 == 0).all()


def test_the_list_is_the_corners_of_the_cells_that_srgb_reaches_and_four_more(ab_of_srgb):
    cells = np.unique(np.floor(ab_of_srgb / 10), axis=0) * 10
    corners = {(a + i, b + j) for a, b in cells for i in (0, 10) for j in (0, 10)}
    assert len(corners) == 309
    assert LISTED - corners == {(40, 90), (100, -90), (100, -10), (100, 0)}
    assert corners < LISTED


def test_srgb_hits_261_bins_and_each_by_plain_rounding(ab_of_srgb):
    bins = nearest_bin(ab_of_srgb)
    np.testing.assert_array_equal(AB_BINS[bins], np.rint(ab_of_srgb / 10) * 10)
    assert len(np.unique(bins)) == 261


def test_229_bins_are_colours_that_srgb_can_show():
    lightness = np.arange(0, 100.05, 0.1)
    shown = 0
    for a, b in AB_BINS:
        lab = np.stack(np.broadcast_arrays(lightness, a, b), -1)
        shown += in_gamut(lab).any()
    assert shown == 229


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_nearest_is_what_a_search_through_all_finds(rng, dtype):
    ab = rng.uniform(-120, 120, (40, 50, 2)).astype(dtype)
    before = ab.copy()
    ab.flags.writeable = False
    bins = nearest_bin(ab)
    np.testing.assert_array_equal(ab, before)
    assert bins.shape == (40, 50)
    listed = elsewhere = 0
    for place in np.ndindex(40, 50):
        grid_point = np.clip(np.rint(ab[place] / 10) * 10, (-90, -110), (100, 100))
        if tuple(grid_point) in LISTED:
            assert bins[place] == ((AB_BINS - ab[place]) ** 2).sum(1).argmin()
            listed += 1
        else:
            distances = ((AB_BINS - grid_point) ** 2).sum(1)
            assert distances[bins[place]] == distances.min()
            elsewhere += 1
    assert min(listed, elsewhere) > 400


def test_every_bin_is_its_own_nearest():
    np.testing.assert_array_equal(nearest_bin(AB_BINS), np.arange(313))


@pytest.mark.parametrize("ab", [np.zeros(3), np.zeros((4, 3)), np.array(1.0), np.array([0, np.nan])])
def test_what_is_no_colour_is_refused(ab):
    with pytest.raises(ValueError, match=r"^nearest_bin got"):
        nearest_bin(ab)


def bin_at(a, b):
    return AB_BINS.tolist().index([a, b])


def test_one_colour_is_spread_by_a_gaussian_of_sigma_5():
    counts = np.zeros(313, int)
    counts[bin_at(0, 0)] = 7
    p = smoothed_distribution(counts)
    assert p.sum() == pytest.approx(1, abs=1e-12)
    assert p[bin_at(10, 0)] / p[bin_at(0, 0)] == pytest.approx(np.exp(-2))
    assert p[bin_at(-10, 10)] / p[bin_at(0, 0)] == pytest.approx(np.exp(-4))
    assert p[bin_at(0, -20)] / p[bin_at(0, 0)] == pytest.approx(np.exp(-8))


def test_smoothing_loses_nothing_at_the_edge_and_is_what_two_loops_find(rng):
    counts = rng.integers(0, 1000, 313) * (rng.uniform(size=313) < 0.3)
    expected = np.zeros(313)
    for q, (a, b) in enumerate(AB_BINS):
        gaussian = np.array([np.exp(-((a - c) ** 2 + (b - d) ** 2) / 50) for c, d in AB_BINS])
        expected += counts[q] / counts.sum() * gaussian / gaussian.sum()
    p = smoothed_distribution(counts)
    np.testing.assert_allclose(p, expected, rtol=1e-12)
    assert p.sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("counts", [np.zeros(313, int), np.ones(312, int), np.arange(313) - 1])
def test_counts_that_are_none_are_refused(counts):
    with pytest.raises(ValueError, match=r"^smoothed_distribution got"):
        smoothed_distribution(counts)


def one_colour_only():
    counts = np.zeros(313, int)
    counts[0] = 1
    return smoothed_distribution(counts)  # far bins are as small as floats can be


DISTRIBUTIONS = {
    "any": np.random.default_rng(0).dirichlet(np.ones(313)),
    "with zeros": np.repeat([0, 0.25], [309, 4]),
    "one colour": one_colour_only(),
}


@pytest.mark.parametrize("uniform_share", [0, 0.5, 1])
@pytest.mark.parametrize("p", DISTRIBUTIONS.values(), ids=DISTRIBUTIONS)
def test_the_mean_weight_of_a_pixel_is_1(p, uniform_share):
    weights = rebalancing_weights(p, uniform_share)
    assert (p * weights).sum() == pytest.approx(1, abs=1e-12)
    assert (weights >= 0).all()


def test_weights_are_the_inverse_of_the_mixture():
    p = DISTRIBUTIONS["any"]
    weights = rebalancing_weights(p)
    for i, j in itertools.product((0, 17, 312), (5, 200)):
        assert weights[i] / weights[j] == pytest.approx((p[j] / 2 + 0.5 / 313) / (p[i] / 2 + 0.5 / 313))
    np.testing.assert_allclose(rebalancing_weights(p, 0) * p, 1 / 313)
    np.testing.assert_allclose(rebalancing_weights(p, 1), 1)


def test_without_a_uniform_share_a_colour_that_never_occurs_weighs_nothing():
    weights = rebalancing_weights(DISTRIBUTIONS["with zeros"], 0)
    np.testing.assert_allclose(weights, np.repeat([0, 1], [309, 4]))


@pytest.mark.parametrize("uniform_share", [-0.1, 1.1, np.nan])
def test_a_share_outside_0_to_1_is_refused(uniform_share):
    with pytest.raises(ValueError, match="expected 0 to 1"):
        rebalancing_weights(DISTRIBUTIONS["any"], uniform_share)
