import json

import numpy as np
import pytest
import skimage.color
import skimage.metrics

from tinycolor.metrics import Scores, accuracy, auc, colourfulness, ssim_ab

FIGURES = {"photos", "ab_mae", "psnr", "auc", "balanced_auc", "accuracy_2", "accuracy_5", "colourfulness", "ssim_ab"}


def a_photo(rng, height, width):
    """Predicted RGB and ab, and the true RGB."""
    true = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    predicted = (true // 2 + 60).astype(np.uint8)
    return predicted, skimage.color.rgb2lab(predicted)[..., 1:], true


def test_every_photo_counts_the_same_and_all_pixels_are_one_pool_for_auc(rng):
    photos = [a_photo(rng, *size) for size in ((20, 30), (12, 12), (5, 40))]
    scores = Scores()
    for photo in photos:
        scores.add(*photo)
    result = scores.result()
    assert set(result) == FIGURES
    assert result["photos"] == 3

    # scikit-image rounds the constants of Lab: 2e-4.
    labs = [skimage.color.rgb2lab(true) for *_, true in photos]
    predicted_labs = [np.dstack([lab[..., :1], ab]) for lab, (_, ab, _) in zip(labs, photos, strict=True)]
    pairs = list(zip(predicted_labs, labs, strict=True))
    assert result["ab_mae"] == pytest.approx(np.mean([abs(p - t)[..., 1:].mean() for p, t in pairs]), abs=1e-3)
    of_each = [skimage.metrics.peak_signal_noise_ratio(true, rgb) for rgb, _, true in photos]
    assert result["psnr"] == pytest.approx(np.mean(of_each))
    assert result["colourfulness"] == pytest.approx(np.mean([colourfulness(rgb) for rgb, *_ in photos]))
    assert result["ssim_ab"] == pytest.approx(np.mean([ssim_ab(p[..., 1:], t[..., 1:]) for p, t in pairs]), abs=1e-4)
    assert result["accuracy_2"] == pytest.approx(np.mean([accuracy(p, t, 2) for p, t in pairs]), abs=2e-3)
    assert result["accuracy_5"] == pytest.approx(np.mean([accuracy(p, t, 5) for p, t in pairs]), abs=2e-3)
    assert 0 < result["accuracy_2"] < result["accuracy_5"] < 1

    predicted_pool, true_pool = (
        np.concatenate([side.reshape(1, -1, 3) for side in sides], 1)[..., 1:] for sides in (predicted_labs, labs)
    )
    assert result["auc"] == pytest.approx(auc(predicted_pool, true_pool), abs=1e-3)
    assert result["balanced_auc"] == pytest.approx(auc(predicted_pool, true_pool, balanced=True), abs=1e-3)


def test_the_truth_is_perfect_and_its_figures_are_numbers_for_json(rng):
    *_, true = a_photo(rng, 16, 16)
    scores = Scores()
    scores.add(true, skimage.color.rgb2lab(true)[..., 1:], true)
    result = scores.result()
    assert result["ab_mae"] < 1e-3
    assert result["psnr"] == 100
    assert result["accuracy_2"] == 1
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_memory_does_not_grow_with_the_photos(rng, traced):
    photo, scores = a_photo(rng, 24, 24), Scores()
    scores.add(*photo)
    traced()
    for _ in range(50):
        scores.add(*photo)
    assert traced() < 1000


def test_a_photo_that_is_refused_does_not_count(rng):
    rgb, ab, true = a_photo(rng, 8, 8)
    scores = Scores()
    scores.add(rgb, ab, true)
    before = scores.result()
    for bad in ((rgb, ab * np.nan, true), (rgb[1:], ab, true), (rgb, ab[1:], true), (rgb, ab, true / 255)):
        with pytest.raises(ValueError, match=" got "):
            scores.add(*bad)
    with pytest.raises(ValueError, match="expected one photo"):
        scores.add(rgb[None], ab[None], true[None])
    assert scores.result() == before


def test_no_photo_is_no_result():
    with pytest.raises(ValueError, match="no photo yet"):
        Scores().result()
