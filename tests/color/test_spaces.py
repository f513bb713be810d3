import numpy as np
import pytest
import skimage.color

from tinycolor import color

STEPS = np.linspace(0, 1, 64)
COLOURS = np.stack(np.meshgrid(STEPS, STEPS, STEPS, indexing="ij"), -1)  # 64 x 64 x 64 colours
SOME = np.random.default_rng(0).uniform(size=(200, 3))
THERE_AND_BACK = {
    "linear": (color.srgb_to_linear, color.linear_to_srgb),
    "xyz": (color.linear_to_xyz, color.xyz_to_linear),
    "lab of xyz": (color.xyz_to_lab, color.lab_to_xyz),
    "lab": (color.rgb_to_lab, color.lab_to_rgb),
    "yuv": (color.rgb_to_yuv, color.yuv_to_rgb),
    "l-alpha-beta": (color.rgb_to_lalphabeta, color.lalphabeta_to_rgb),
}
pairs = pytest.mark.parametrize(("there", "back"), THERE_AND_BACK.values(), ids=THERE_AND_BACK)


@pairs
def test_64_cubed_colours_round_trip(there, back):
    assert abs(back(there(COLOURS)) - COLOURS).max() < 1e-6


@pairs
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_and_shape_stay_and_the_input_too(there, back, dtype):
    colours = SOME.astype(dtype).reshape(10, 20, 3)
    before = colours.copy()
    colours.flags.writeable = False
    for convert in (there, back):
        result = convert(colours)
        assert (result.shape, result.dtype) == (colours.shape, colours.dtype)
        assert not np.shares_memory(result, colours)
    np.testing.assert_array_equal(colours, before)


def lab_of_one_colour(rgb):
    """The CIE's formulas, one number at a time."""
    linear = [x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in rgb]
    rows = [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
    white = [0.95047, 1.0, 1.08883]
    ratios = [sum(m * x for m, x in zip(row, linear, strict=True)) / w for row, w in zip(rows, white, strict=True)]
    epsilon, kappa = 216 / 24389, 24389 / 27
    f = [t ** (1 / 3) if t > epsilon else (kappa * t + 16) / 116 for t in ratios]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


def test_lab_follows_the_formula_to_1e_9():
    dark = SOME[:50] * 0.05  # below the knees of both curves
    for rgb in np.concatenate([SOME, dark]):
        np.testing.assert_allclose(color.rgb_to_lab(rgb), lab_of_one_colour(rgb), rtol=0, atol=1e-9)


def test_lab_of_bytes_follows_the_formula_too():
    photo = np.random.default_rng(1).integers(0, 256, (10, 20, 3), dtype=np.uint8)
    lab = color.lab_of(photo)
    assert (lab.shape, lab.dtype) == (photo.shape, np.float32)
    for rgb, expected in zip(photo.reshape(-1, 3), lab.reshape(-1, 3), strict=True):
        np.testing.assert_allclose(expected, lab_of_one_colour(rgb / 255), rtol=0, atol=2e-4)


def test_lab_agrees_with_scikit_image_which_rounds_its_constants():
    assert abs(color.rgb_to_lab(COLOURS) - skimage.color.rgb2lab(COLOURS)).max() < 2e-4


def test_gamut_reaches_as_far_as_it_should():
    lab = color.rgb_to_lab(COLOURS).reshape(-1, 3)
    np.testing.assert_allclose(lab.min(0)[1:], (-86.18, -107.86), atol=0.01)
    np.testing.assert_allclose(lab.max(0)[1:], (98.23, 94.48), atol=0.01)
    assert lab[:, 0].min() == 0
    assert lab[:, 0].max() == pytest.approx(100)


def test_yuv_and_luma_agree_with_scikit_image_and_the_standard():
    assert abs(color.rgb_to_yuv(SOME) - skimage.color.rgb2yuv(SOME)).max() < 1e-4  # its constants have six digits
    np.testing.assert_allclose(color.luma(np.eye(3)), (0.299, 0.587, 0.114))
    np.testing.assert_allclose(color.luma(SOME), color.rgb_to_yuv(SOME)[:, 0])


def test_l_alpha_beta_of_greys_has_hardly_any_colour_and_black_is_finite():
    greys = np.repeat(np.linspace(0.05, 1, 20)[:, None], 3, 1)
    lalphabeta = color.rgb_to_lalphabeta(greys)
    assert abs(lalphabeta[:, 1:]).max() < 0.01
    assert (np.diff(lalphabeta[:, 0]) > 0).all()
    assert np.isfinite(color.rgb_to_lalphabeta(np.zeros(3))).all()
