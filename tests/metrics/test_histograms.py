import numpy as np
import pytest

from tinycolor.color import lab_of
from tinycolor.metrics import ab_histograms, histogram_intersection
from tinycolor.metrics.histograms import BINS, EDGES


def test_counts_are_those_of_numpy(rng):
    ab = rng.uniform(-110, 110, (3, 8, 5, 2))
    counts = ab_histograms(ab)
    assert counts.shape == (3, 2, BINS)
    for photo, marginals in zip(ab, counts, strict=True):
        for channel in range(2):
            np.testing.assert_array_equal(marginals[channel], np.histogram(photo[..., channel], EDGES)[0])


def test_a_photo_alone_is_counted_as_in_a_batch(rng):
    ab = rng.uniform(-110, 110, (2, 6, 7, 2))
    np.testing.assert_array_equal(ab_histograms(ab[1]), ab_histograms(ab)[1])


def test_every_pixel_is_counted_even_beyond_the_last_bin():
    ab = np.array([[[-500.0, 500.0], [-114.0, 114.0]]])
    counts = ab_histograms(ab)
    assert counts[0, 0] == 2
    assert counts[1, -1] == 2
    assert counts.sum() == 4


def test_a_bin_reaches_from_its_lower_edge_up_to_the_next():
    ab = np.array([[[-2.0, 1.99], [2.0, -2.01]]])
    a, b = (np.flatnonzero(marginal) - BINS // 2 for marginal in ab_histograms(ab))
    assert list(a) == [0, 1]
    assert list(b) == [-1, 0]


def test_greys_of_any_lightness_are_of_one_colour():
    greys = ab_histograms(lab_of(np.arange(256, dtype=np.uint8)[:, None, None, None].repeat(3, -1))[..., 1:])
    np.testing.assert_array_equal(histogram_intersection(greys, greys[[128] * 256]), 1)
    np.testing.assert_array_equal(greys[:, :, BINS // 2], 1)


def test_intersection_by_hand():
    first, second = np.array([6, 2, 0, 0]), np.array([1, 1, 2, 0])
    assert histogram_intersection(first, second) == 0.5  # min(0.75, 0.25) + min(0.25, 0.25)
    assert histogram_intersection(first, first * 7) == 1
    assert histogram_intersection(first, np.array([0, 0, 1, 9])) == 0


def test_intersection_is_one_less_half_the_distance(rng):
    p, q = (shares / shares.sum(-1, keepdims=True) for shares in rng.uniform(size=(2, 5, 2, 30)))
    np.testing.assert_allclose(histogram_intersection(p, q), 1 - abs(p - q).sum(-1) / 2)


def test_refused():
    with pytest.raises(ValueError, match="ab_histograms got \\(4, 4, 3\\)"):
        ab_histograms(np.zeros((4, 4, 3)))
    with pytest.raises(ValueError, match="expected equal shapes"):
        histogram_intersection(np.ones(4), np.ones((2, 4)))
    with pytest.raises(ValueError, match="without a pixel"):
        histogram_intersection(np.ones(4), np.zeros(4))
