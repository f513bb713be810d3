import itertools

import numpy as np
import pytest

from tinycolor.color.ab_bins import AB_BINS
from tinycolor.metrics import area_under_curve, auc, error_counts


def some_photos(rng, *shape):
    """Mostly near grey, here and there strongly coloured, as photos are; predictions fade the colours."""
    vivid = rng.uniform(size=(*shape, 1)) < 0.2
    true = rng.normal(0, 1, (*shape, 2)) * np.where(vivid, 40, 8)
    return 0.5 * true + rng.normal(0, 3, true.shape), true


def area_by_loops(predicted, true, weight_of_pixel=None):
    errors = [np.sqrt(((p - t) ** 2).sum()) for p, t in zip(predicted, true, strict=True)]
    weights = np.ones(len(errors)) if weight_of_pixel is None else weight_of_pixel
    curve = [sum(w for e, w in zip(errors, weights, strict=True) if e <= t) / sum(weights) for t in range(151)]
    return sum((left + right) / 2 for left, right in itertools.pairwise(curve)) / 150


def inverse_probability(true):
    """1 / p of every pixel's colour, p smoothed with a Gaussian of sigma 5 over the bins."""
    bins = [np.argmin(((t - AB_BINS) ** 2).sum(1)) for t in true]
    p = np.zeros(313)
    for q in bins:
        gaussian = np.exp(-((AB_BINS[q] - AB_BINS) ** 2).sum(1) / 50)
        p += gaussian / gaussian.sum()
    return [1 / p[q] for q in bins]


def test_auc_is_what_loops_over_thresholds_and_pixels_find(rng):
    predicted, true = some_photos(rng, 12, 20)
    expected = area_by_loops(predicted.reshape(-1, 2), true.reshape(-1, 2))
    assert auc(predicted, true) == pytest.approx(expected, rel=1e-12)
    assert 0.8 < expected < 0.99


def test_balanced_auc_weighs_by_the_inverse_probability_of_the_true_colour(rng):
    predicted, true = some_photos(rng, 12, 20)
    true = true.clip(-40, 40)  # a square that lies inside the list: there the nearest bin is exact
    true_pixels = true.reshape(-1, 2)
    expected = area_by_loops(predicted.reshape(-1, 2), true_pixels, inverse_probability(true_pixels))
    assert auc(predicted, true, balanced=True) == pytest.approx(expected, rel=1e-12)
    assert expected < auc(predicted, true) - 0.02


@pytest.mark.parametrize("balanced", [False, True])
def test_the_truth_has_exactly_1_and_what_is_far_off_0(rng, balanced):
    _, true = some_photos(rng, 30, 30)
    assert auc(true, true, balanced=balanced) == 1
    assert auc(true + 107, true, balanced=balanced) == 0  # 107 * sqrt(2) is 151.3


@pytest.mark.parametrize(("error", "area"), [((3, 4), 145.5 / 150), ((-3, 4.001), 144.5 / 150), ((150, 0), 0.5 / 150)])
def test_within_a_threshold_includes_the_threshold(error, area):
    true = np.zeros((4, 5, 2))
    assert auc(true + error, true) == pytest.approx(area, rel=1e-12)


def test_no_colour_at_all_scores_well_until_the_bins_are_balanced():
    true = np.zeros((10, 10, 2))
    true[0] = (0, 60)
    assert auc(0 * true, true) == pytest.approx(0.9 + 0.1 * 90.5 / 150)
    # Both colours lie inside the list and too far apart to share a neighbour: each counts half.
    assert auc(0 * true, true, balanced=True) == pytest.approx(0.5 + 0.5 * 90.5 / 150, abs=1e-3)


@pytest.mark.parametrize("balanced", [False, True])
def test_counts_of_photos_of_any_size_add_up_to_those_of_all_pixels(rng, balanced):
    photos = [some_photos(rng, *shape) for shape in ((5, 7), (16, 9), (1, 1))]
    total = sum(error_counts(*photo) for photo in photos)
    assert total.sum() == 5 * 7 + 16 * 9 + 1
    pool = [np.concatenate([side.reshape(1, -1, 2) for side in sides], 1) for sides in zip(*photos, strict=True)]
    assert area_under_curve(total, balanced=balanced) == auc(*pool, balanced=balanced)


def test_a_batch_is_one_pool(rng):
    predicted, true = some_photos(rng, 3, 6, 4)
    assert auc(predicted, true) == auc(predicted.reshape(18, 4, 2), true.reshape(18, 4, 2))


def test_bad_input_is_one_sentence():
    photo = np.zeros((3, 4, 2))
    for bad in (photo[1:], photo * np.nan):
        with pytest.raises(ValueError, match=r"^auc got"):
            auc(bad, photo)
    for counts in (np.zeros((313, 152), int), np.ones((313, 151), int)):
        with pytest.raises(ValueError, match=r"^area_under_curve got"):
            area_under_curve(counts)
