import numpy as np
import pytest

from tinycolor.color import fit_into_gamut, in_gamut, lab_to_bytes, lab_to_rgb, rgb_to_lab

RNG = np.random.default_rng(0)
REAL = rgb_to_lab(RNG.uniform(size=(500, 3)))
WILD = np.stack([RNG.uniform(0, 100, 2000), *RNG.uniform(-128, 128, (2, 2000))], -1)


def test_colours_of_srgb_fit_and_stay_as_they_are():
    assert in_gamut(REAL).all()
    fitted, share = fit_into_gamut(REAL)
    np.testing.assert_array_equal(fitted, REAL)
    assert share == 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_wild_colours_fit_afterwards_with_the_same_lightness_and_hue(dtype):
    lab = WILD.astype(dtype)
    fitted, share = fit_into_gamut(lab)
    assert in_gamut(fitted).all()
    np.testing.assert_array_equal(fitted[:, 0], lab[:, 0])
    np.testing.assert_allclose(fitted[:, 1] * lab[:, 2], fitted[:, 2] * lab[:, 1], rtol=1e-4, atol=1e-3)
    assert share == pytest.approx(1 - in_gamut(lab).mean())
    assert 0.3 < share < 0.9


def test_no_more_colour_is_taken_than_needed():
    fitted, _ = fit_into_gamut(WILD)
    outside = ~in_gamut(WILD)
    # The search halves an interval of length 1 twelve times; its upper end never fits.
    a_little_more = fitted[outside] + WILD[outside] * (0, 2**-12, 2**-12)
    assert not in_gamut(a_little_more).any()


def test_eight_bit_lightness_stays_within_a_third_of_a_unit():
    fitted, _ = fit_into_gamut(WILD)
    shown = np.clip(np.rint(lab_to_rgb(fitted) * 255), 0, 255) / 255
    assert abs(rgb_to_lab(shown)[:, 0] - WILD[:, 0]).max() < 0.34


def test_lightness_beyond_black_and_white_is_brought_to_the_end():
    fitted, _ = fit_into_gamut(np.array([[120.0, 40, 10], [-5.0, 40, 10]]))
    np.testing.assert_allclose(fitted[:, 0], (100, 0))
    assert in_gamut(fitted).all()


def test_bytes_become_lab_and_the_same_bytes_again():
    photo = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    again, share = lab_to_bytes(rgb_to_lab(photo / 255))
    assert again.dtype == np.uint8
    np.testing.assert_array_equal(again, photo)
    assert share == 0


def test_bytes_of_wild_colours_keep_the_lightness():
    shown, share = lab_to_bytes(WILD)
    assert abs(rgb_to_lab(shown / 255)[:, 0] - WILD[:, 0]).max() < 0.34
    assert share == pytest.approx(1 - in_gamut(WILD).mean())
