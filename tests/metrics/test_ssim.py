import numpy as np
import pytest
import skimage.metrics

from tinycolor.metrics import ssim_ab


def some_ab(rng, *shape):
    true = 20 * np.cumsum(rng.normal(size=(*shape, 2)), 1)
    return 0.7 * true + rng.normal(0, 10, true.shape), true


@pytest.mark.parametrize("shape", [(40, 33), (11, 11), (12, 64)])
def test_agrees_with_scikit_image(rng, shape):
    predicted, true = some_ab(rng, *shape)
    expected = skimage.metrics.structural_similarity(
        predicted,
        true,
        data_range=220,
        channel_axis=-1,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim_ab(predicted, true) == pytest.approx(expected, rel=1e-9)
    assert 0.1 < expected < 0.9


def ssim_by_loops(x, y):
    """Wang's formula on one channel; the window ends where a side is shorter than 11."""
    rows, columns = min(11, x.shape[0]), min(11, x.shape[1])
    i, j = np.indices((rows, columns))
    window = np.exp(-((i - (rows - 1) / 2) ** 2 + (j - (columns - 1) / 2) ** 2) / (2 * 1.5**2))
    window /= window.sum()
    values = []
    for top in range(x.shape[0] - rows + 1):
        for left in range(x.shape[1] - columns + 1):
            p, q = (side[top : top + rows, left : left + columns] for side in (x, y))
            m, n = (window * p).sum(), (window * q).sum()
            variance_p, variance_q = (window * (p - m) ** 2).sum(), (window * (q - n) ** 2).sum()
            covariance = (window * (p - m) * (q - n)).sum()
            luminance = (2 * m * n + 2.2**2) / (m * m + n * n + 2.2**2)
            values.append(luminance * (2 * covariance + 6.6**2) / (variance_p + variance_q + 6.6**2))
    return np.mean(values)


@pytest.mark.parametrize("shape", [(14, 17), (4, 30), (30, 5), (3, 2), (1, 1), (1, 50)])
def test_small_photos_shrink_the_window(rng, shape):
    predicted, true = some_ab(rng, *shape)
    expected = (ssim_by_loops(predicted[..., 0], true[..., 0]) + ssim_by_loops(predicted[..., 1], true[..., 1])) / 2
    assert ssim_ab(predicted, true) == pytest.approx(expected, rel=1e-9)


def test_one_pixel_by_hand():
    predicted, true = np.zeros((1, 1, 2)), np.array([[[0.0, 2.2]]])
    assert ssim_ab(predicted, true) == pytest.approx(0.75)  # 1 for a*, 2.2**2 / (2.2**2 + 2.2**2) for b*


def test_the_truth_has_1_and_a_batch_one_figure_per_photo(rng):
    predicted, true = some_ab(rng, 3, 20, 15)
    np.testing.assert_allclose(ssim_ab(true, true), np.ones(3), rtol=1e-12)
    each = [ssim_ab(p, t) for p, t in zip(predicted, true, strict=True)]
    np.testing.assert_allclose(ssim_ab(predicted, true), each, rtol=1e-12)


def test_bad_input_is_one_sentence():
    photo = np.zeros((12, 12, 2))
    for bad in (photo[1:], photo * np.nan):
        with pytest.raises(ValueError, match=r"^ssim_ab got"):
            ssim_ab(bad, photo)
