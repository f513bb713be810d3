import numpy as np
import pytest
import skimage.metrics

from tinycolor.metrics import ab_mae, accuracy, psnr


def test_ab_mae_by_hand():
    true = np.array([[[10.0, -20.0], [0.0, 0.0]]])
    predicted = np.array([[[13.0, -20.0], [-4.0, 1.0]]])
    assert ab_mae(predicted, true) == 2  # (3 + 0 + 4 + 1) / 4
    assert ab_mae(true, true) == 0


@pytest.mark.parametrize("metric", [ab_mae, psnr])
def test_a_batch_gives_one_figure_per_photo(metric, rng):
    channels = 2 if metric is ab_mae else 3
    predicted, true = rng.uniform(size=(2, 4, 6, 5, channels))
    assert metric(predicted, true).shape == (4,)
    np.testing.assert_allclose(metric(predicted, true), [metric(p, t) for p, t in zip(predicted, true, strict=True)])


def test_psnr_agrees_with_scikit_image(rng):
    true, predicted = rng.integers(0, 256, (2, 20, 30, 3), dtype=np.uint8)
    expected = skimage.metrics.peak_signal_noise_ratio(true, predicted)
    assert psnr(predicted, true) == pytest.approx(expected, rel=1e-12)
    assert psnr(predicted / 255, true / 255) == pytest.approx(expected, rel=1e-12)


def test_psnr_by_hand():
    black, dark = np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 51, np.uint8)
    assert psnr(black, dark) == pytest.approx(13.9794, abs=1e-4)  # 10 log10(1 / 0.2**2)
    assert psnr(black, np.full((2, 2, 3), 255, np.uint8)) == 0
    assert psnr(dark, dark) == np.inf


# L*, a*, b* of the truth, of the prediction, and whether it is near at eps 2 and at eps 5.
PIXELS = [
    ((50, 0, 0), (50, 0, 0), True, True),
    ((50, 0, 0), (52, 0, 0), True, True),
    ((50, 0, 0), (47, 0, 0), False, True),
    ((50, 0, 0), (55, 0, 0), False, True),
    ((50, 0, 0), (56, 0, 0), False, False),
    ((50, 0, 0), (50, 4, -4), True, True),
    ((50, 0, 0), (50, 5, 0), False, True),
    ((50, 0, 0), (50, 0, -5), False, True),
    ((50, 0, 0), (50, -11, 11), False, True),  # 2.2 * 5 is 11
    ((50, 0, 0), (50, 12, 0), False, False),
    ((50, 0, 0), (50, 0, 12), False, False),
    ((50, 0, 0), (50, 0.4, 4.4), True, True),  # 4 once rounded
    ((50, 0, 0), (50, 0, 4.6), False, True),
    ((50, 0.4, 0), (50, 4.4, 0), True, True),
    ((50, -0.4, 0), (50, 4.6, 0), False, True),
    ((49.6, 0, 0), (52.4, 0, 0), True, True),  # 2.8 apart, and 50 and 52 once rounded
    ((50.4, 0, 0), (52.6, 0, 0), False, True),  # 2.2 apart, and 50 and 53
    ((20, -30, 60), (22, -34, 64), True, True),
]


@pytest.mark.parametrize(("eps", "column"), [(2, 2), (5, 3)])
def test_accuracy_follows_nazeri_pixel_by_pixel(eps, column):
    for pixel in PIXELS:
        true, predicted = (np.array(colour, "float64")[None, None] for colour in pixel[:2])
        assert accuracy(predicted, true, eps) == pixel[column], pixel
        assert accuracy(true, predicted, eps) == pixel[column], pixel


def test_accuracy_is_the_share_of_pixels_of_every_photo():
    photos = np.array([[pixel[0] for pixel in PIXELS], [pixel[1] for pixel in PIXELS]], "float64")
    true, predicted = photos.reshape(2, 2, 3, 3, 3)
    near = np.array([pixel[2] for pixel in PIXELS]).reshape(2, 9)
    np.testing.assert_allclose(accuracy(predicted, true, 2), near.mean(1))


NEAR = {"ab_mae": ab_mae, "psnr": psnr, "accuracy": lambda predicted, true: accuracy(predicted, true, 2)}


@pytest.mark.parametrize("name", NEAR)
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda photo: photo[1:], "expected equal shapes"),
        (lambda photo: photo[..., :1], "expected equal shapes"),
        (lambda photo: photo[None], "expected equal shapes"),
        (lambda photo: photo * np.nan, "expected finite numbers"),
        (lambda photo: photo + np.inf, "expected finite numbers"),
        (lambda photo: photo.astype(int), "got int64, expected float32"),
    ],
)
def test_bad_input_is_one_sentence(name, spoil, message):
    photo = np.ones((3, 4, 2 if name == "ab_mae" else 3))
    for pair in ((spoil(photo), photo), (photo, spoil(photo))):
        with pytest.raises(ValueError, match=rf"^{name} got.*{message}|^{name} {message}"):
            NEAR[name](*pair)


@pytest.mark.parametrize("shape", [(4, 2), (1, 1, 2, 2, 2), (0, 3, 2)])
def test_what_is_no_photo_is_refused_even_if_equal(shape):
    with pytest.raises(ValueError, match=r"^ab_mae got"):
        ab_mae(np.zeros(shape), np.zeros(shape))
