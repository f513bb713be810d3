import itertools

import numpy as np
import pytest

from tinycolor.color import lab_to_rgb
from tinycolor.data.lightness import ab_of, network_lightness, split_photo


@pytest.fixture(scope="module")
def colours():
    """All sRGB colours whose bytes are 0, 3, 6, ..., 255, as one picture."""
    return np.array(list(itertools.product(range(0, 256, 3), repeat=3)), np.uint8).reshape(1, 86, 86 * 86, 3)


def test_all_colours_come_within_minus_one_and_one(colours):
    x, target = split_photo(colours)
    assert x.shape == (*colours.shape[:3], 1)
    assert target.shape == (*colours.shape[:3], 2)
    assert x.dtype == target.dtype == np.float32
    np.testing.assert_allclose([x.min(), x.max()], [-1, 1], atol=1e-6)
    assert abs(x).max() <= 1 + 1e-6
    # Pure blue has b* -107.9 and pure red and green reach 98.2 and 94.5; see the table of gamut extremes.
    assert 0.97 < abs(target).max() < 0.99


def test_x_is_lightness_and_target_is_colour():
    # L*a*b* of pure colours, as any colour calculator gives them.
    known = {
        (255, 255, 255): (100, 0, 0),
        (0, 0, 0): (0, 0, 0),
        (255, 0, 0): (53.24, 80.09, 67.20),
        (0, 255, 0): (87.73, -86.18, 83.18),
        (0, 0, 255): (32.30, 79.19, -107.86),
        (119, 119, 119): (50.03, 0, 0),
    }
    x, target = split_photo(np.array([[list(known)]], np.uint8))
    lightness, a, b = np.array(list(known.values())).T
    np.testing.assert_allclose(x[0, 0, :, 0], lightness / 50 - 1, atol=2e-4)
    np.testing.assert_allclose(110 * target[0, 0], np.stack([a, b], -1), atol=0.02)


def test_there_and_back_again(colours):
    x, target = split_photo(colours)
    lab = np.concatenate([50 * (x + 1), ab_of(target)], -1)
    assert lab.dtype == np.float32
    np.testing.assert_array_equal(np.rint(255 * lab_to_rgb(lab)), colours)


def test_network_lightness():
    np.testing.assert_array_equal(network_lightness(np.float32([0, 25, 50, 100])), [-1, -0.5, 0, 1])


def test_the_photo_is_left_as_it_is(colours):
    photo = colours[:, :4].copy()
    photo.flags.writeable = False
    split_photo(photo)
    np.testing.assert_array_equal(photo, colours[:, :4])
