import numpy as np
import pytest
from PIL import Image

import tinycolor as tc
from tinycolor.color import linear_to_srgb, rgb_to_lab, srgb_to_linear
from tinycolor.evaluate import JudgedPhotos, baselines, evaluate, grey_photos, judge, predict_photos
from tinycolor.networks.colorizer import Colorizer

SIZE = 16
COUNT = 19  # more than are predicted at once


@pytest.fixture
def photos(rng):
    """Photos of one hue each, more or less."""
    hues = rng.integers(0, 256, (COUNT, 1, 1, 3))
    return list(((hues + rng.integers(0, 256, (COUNT, SIZE, SIZE, 3))) // 2).astype(np.uint8))


def ab_of(photos):
    return np.array([rgb_to_lab(photo / 255)[..., 1:] for photo in photos])


def knowing(photos):
    """Return what takes a network's place and knows the colours of these photos: it recognises them by their L*."""
    lightness, ab = np.array([rgb_to_lab(photo / 255)[..., 0] for photo in photos]), ab_of(photos)

    def predict(x, **how):
        known = [abs(lightness - 50 * (one[..., 0] + 1)).max((1, 2)).argmin() for one in x]
        return (ab[known] / 110).astype(np.float32)

    return with_answers(predict)


def with_answers(predict):
    """Return a colorizer that answers so."""
    network = Colorizer()
    network.size, network.multiple, network.predict = SIZE, 1, predict
    return network


def grey_of(photo):
    """Grey of the same Y, so of the same L*."""
    luminance = srgb_to_linear(photo / 255) @ [0.212671, 0.715160, 0.072169]
    return np.rint(255 * linear_to_srgb(luminance))[..., None].repeat(3, -1)


def psnr(predicted, photo):
    return 10 * np.log10(255**2 / ((predicted - photo) ** 2).mean())


def test_who_knows_the_truth_gets_full_marks(photos):
    scores = evaluate(knowing(photos), photos)
    for name in ("network", "truth"):
        assert scores[name]["photos"] == COUNT
        assert scores[name]["ab_mae"] < 1e-3
        assert scores[name]["psnr"] > 60
        assert scores[name]["accuracy_2"] == scores[name]["accuracy_5"] == 1
        assert scores[name]["ssim_ab"] > 0.9999
        assert scores[name]["auc"] > 0.99
    assert scores["network"]["colourfulness"] == pytest.approx(scores["truth"]["colourfulness"], rel=1e-3)
    assert scores["grey"]["ab_mae"] > scores["mean colour"]["ab_mae"] > 1


def test_a_network_that_is_off_by_seven_is_off_by_seven(photos):
    right = knowing(photos)
    off = with_answers(lambda x, **how: right.predict(x) + np.float32([7 / 110, -7 / 110]))
    assert judge(off, photos)["ab_mae"] == pytest.approx(7, abs=1e-3)


def test_grey_and_the_mean_colour_are_those_worked_out_by_hand(photos):
    scores, ab = baselines(photos), ab_of(photos)
    assert scores["grey"]["ab_mae"] == pytest.approx(abs(ab).mean(), rel=1e-4)
    assert scores["grey"]["psnr"] == pytest.approx(np.mean([psnr(grey_of(p), p) for p in photos]), abs=0.02)
    assert scores["grey"]["colourfulness"] < 1
    assert scores["mean colour"]["ab_mae"] == pytest.approx(abs(ab - ab.mean((0, 1, 2))).mean(), rel=1e-4)


def test_grey_photos_are_grey_and_as_light(photos):
    grey = grey_photos(np.stack(photos))
    assert grey.dtype == np.uint8
    for ours, photo in zip(grey, photos, strict=True):
        assert abs(ours.astype(int) - grey_of(photo)).max() <= 1


def test_predicted_photos_have_the_networks_colours_and_their_own_lightness(photos):
    network = tc.networks.ColorUNet(widths=(4, 8), size=SIZE)
    rgb, ab = predict_photos(network, np.stack(photos))
    lightness = np.array([rgb_to_lab(photo / 255)[..., :1] for photo in photos])
    np.testing.assert_allclose(ab, 110 * network.predict(np.float32(lightness / 50 - 1)), atol=1e-3)
    for ours, photo in zip(rgb, photos, strict=True):
        assert abs(rgb_to_lab(ours / 255) - rgb_to_lab(photo / 255))[..., 0].max() < 1


@pytest.fixture
def folder(tmp_path, photos):
    """Every photo in a frame of another colour, which is to be cut off; and four that cannot be used."""
    for number, photo in enumerate(photos):
        framed = np.full((SIZE, SIZE + 6, 3), (255, 0, 255), np.uint8)
        framed[:, 3:-3] = photo
        Image.fromarray(framed).save(tmp_path / f"{number:02d}.png")
    Image.new("RGB", (50, 50), (9, 9, 9)).save(tmp_path / "grey.png")
    Image.new("RGB", (SIZE - 1, 50), (9, 0, 250)).save(tmp_path / "small.png")
    (tmp_path / "text.jpg").write_text("no photo")
    (tmp_path / "link.jpg").symlink_to("/nowhere/a.jpg")
    return tmp_path


def test_a_folder_gives_the_middles_of_its_photos_as_often_as_asked(folder, photos):
    judged = JudgedPhotos(folder, SIZE)
    for _ in range(2):
        assert len(list(judged)) == COUNT
        for ours, photo in zip(judged, photos, strict=True):
            np.testing.assert_array_equal(ours, photo)
    assert {path.name: reason for path, reason in judged.skipped.items()} == {
        "grey.png": "grey: there is no colour to learn from",
        "small.png": "15 x 50 pixels, smaller than 16",
        "text.jpg": "no JPEG, PNG, WebP, BMP, TIFF or GIF",
        "link.jpg": "a link that leads out of the folder",
    }


def test_a_folder_is_judged_as_its_photos_are(folder, photos):
    network = knowing(photos)
    scores = evaluate(network, JudgedPhotos(folder, SIZE))
    assert scores == evaluate(network, photos)
    assert list(scores) == ["network", "grey", "mean colour", "truth"]
    assert all(figures["photos"] == COUNT for figures in scores.values())


def test_photos_are_shrunk_to_the_size(folder):
    assert [photo.shape for photo in JudgedPhotos(folder, 8)] == [(8, 8, 3)] * (COUNT + 1)
    with pytest.raises(NotADirectoryError, match="is no folder"):
        JudgedPhotos(folder / "text.jpg", SIZE)
