import numpy as np
import pytest

from tinycolor.metrics import colourfulness

SAND = (130, 100, 75)  # rg = 130 - 100 = 30, yb = 115 - 75 = 40
SEA = (100, 130, 155)  # rg = -30, yb = -40
GREY = (90, 90, 90)  # rg = yb = 0
PHOTOS = {
    "sand": ([SAND, SAND], 15.0),  # no spread; 0.3 * hypot(30, 40)
    "sand and sea": ([SAND, SEA], 50.0),  # spread hypot(30, 40); means 0. With absolute values it would be 15.
    "sand and grey": ([SAND, GREY], 32.5),  # spread hypot(15, 20), mean hypot(15, 20): 25 + 0.3 * 25
    "grey": ([GREY, (10, 10, 10)], 0.0),
}


@pytest.mark.parametrize(("pixels", "expected"), PHOTOS.values(), ids=PHOTOS)
def test_photos_computed_by_hand(pixels, expected):
    photo = np.array([pixels, pixels, pixels], np.uint8)
    assert colourfulness(photo) == pytest.approx(expected, abs=1e-9)
    assert colourfulness(photo / 255) == pytest.approx(expected, abs=1e-9)


def test_a_batch_gives_one_figure_per_photo():
    photos = np.array([[pixels] for pixels, _ in PHOTOS.values()], np.uint8)
    expected = [figure for _, figure in PHOTOS.values()]
    np.testing.assert_allclose(colourfulness(photos), expected, atol=1e-9)


@pytest.mark.parametrize("photo", [np.zeros((4, 4)), np.zeros((4, 4, 2)), np.full((4, 4, 3), np.nan)])
def test_what_is_no_photo_is_refused(photo):
    with pytest.raises(ValueError, match=r"^colourfulness got"):
        colourfulness(photo)
