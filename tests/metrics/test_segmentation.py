import numpy as np
import pytest

from tinycolor.metrics import class_iou, confusion, frequency_weighted_iou, mean_accuracy, mean_iou, pixel_accuracy

FIGURES = (pixel_accuracy, mean_accuracy, mean_iou, frequency_weighted_iou)

# Ten pixels of three classes: 5 of class 0, 3 of class 1, 2 of class 2.
LABELS = np.array([[0, 0, 0, 0, 0], [1, 1, 1, 2, 2]])
PREDICTED = np.array([[0, 0, 0, 0, 1], [1, 1, 0, 2, 1]])
COUNTS = [[4, 1, 0], [1, 2, 0], [0, 1, 1]]


def naive_figures(predicted, labels, classes):
    """The four figures by going through the pixels, class by class."""
    pixels = [(p, t) for p, t in zip(predicted.ravel().tolist(), labels.ravel().tolist(), strict=True) if t < classes]
    accuracies, ious, weighted = [], [], 0
    for c in range(classes):
        both = sum(p == c and t == c for p, t in pixels)
        true = sum(t == c for _, t in pixels)
        either = sum(c in (p, t) for p, t in pixels)
        if true:
            accuracies.append(both / true)
            weighted += true / len(pixels) * both / either
        if either:
            ious.append(both / either)
    right = sum(p == t for p, t in pixels) / len(pixels)
    return [right, sum(accuracies) / len(accuracies), sum(ious) / len(ious), weighted]


def test_by_hand():
    counts = confusion(PREDICTED, LABELS, 3)
    assert counts.dtype == np.int64
    np.testing.assert_array_equal(counts, COUNTS)
    assert pixel_accuracy(counts) == pytest.approx(7 / 10)
    assert mean_accuracy(counts) == pytest.approx((4 / 5 + 2 / 3 + 1 / 2) / 3)
    np.testing.assert_allclose(class_iou(counts), [4 / 6, 2 / 5, 1 / 2])
    assert mean_iou(counts) == pytest.approx((4 / 6 + 2 / 5 + 1 / 2) / 3)
    assert frequency_weighted_iou(counts) == pytest.approx(0.5 * 4 / 6 + 0.3 * 2 / 5 + 0.2 * 1 / 2)


@pytest.mark.parametrize("classes", [1, 2, 5, 21])
def test_the_figures_are_those_of_a_walk_through_the_pixels(rng, classes):
    predicted, labels = rng.integers(0, classes, (2, 3, 9, 7), dtype=np.uint8)
    labels[rng.uniform(size=labels.shape) < 0.2] = 255
    labels[0, 0, 0] = 0
    counts = confusion(predicted, labels, classes)
    wanted = naive_figures(predicted, labels, classes)
    np.testing.assert_allclose([figure(counts) for figure in FIGURES], wanted, rtol=1e-12)


def test_the_counts_of_photos_of_all_sizes_add_up_to_one_pool(rng):
    photos = [rng.integers(0, 4, (2, *size)) for size in ((5, 6), (1, 3), (8, 2))]
    counts = sum(confusion(predicted, labels, 4) for predicted, labels in photos)
    pool = np.concatenate([photo.reshape(2, -1) for photo in photos], 1)
    np.testing.assert_array_equal(counts, confusion(*pool, 4))


@pytest.mark.parametrize("number", [3, 11, 255, -1])
def test_pixels_of_no_class_count_nowhere(number):
    labels = np.concatenate([LABELS, [[number] * 5]])
    predicted = np.concatenate([PREDICTED, [[0, 1, 2, 99, -7]]])
    np.testing.assert_array_equal(confusion(predicted, labels, 3), COUNTS)


def test_classes_that_never_occur():
    # Of five classes 3 is nowhere, and 4 is predicted once, wrongly, for one of the two pixels of class 2.
    predicted = np.where((PREDICTED == 1) & (LABELS == 2), 4, PREDICTED)
    counts = confusion(predicted, LABELS, 5)
    assert mean_accuracy(counts) == pytest.approx((4 / 5 + 2 / 3 + 1 / 2) / 3)
    np.testing.assert_allclose(class_iou(counts), [4 / 6, 2 / 4, 1 / 2, np.nan, 0])
    assert mean_iou(counts) == pytest.approx((4 / 6 + 2 / 4 + 1 / 2 + 0) / 4)
    assert frequency_weighted_iou(counts) == pytest.approx(0.5 * 4 / 6 + 0.3 * 2 / 4 + 0.2 * 1 / 2)


def test_the_truth_is_perfect_and_nothing_right_is_nothing():
    right, wrong = confusion(LABELS, LABELS, 3), confusion((LABELS + 1) % 3, LABELS, 3)
    assert [figure(right) for figure in FIGURES] == [1, 1, 1, 1]
    assert [figure(wrong) for figure in FIGURES] == [0, 0, 0, 0]
    assert all(isinstance(figure(right), float) for figure in FIGURES)


def test_large_counts_do_not_overflow():
    labels = np.full((300, 300), 250, np.uint8)
    counts = confusion(labels, labels, 251)
    assert counts[250, 250] == counts.sum() == 90_000
    assert pixel_accuracy(counts * 10**12) == mean_iou(counts * 10**12) == 1


@pytest.mark.parametrize(
    ("predicted", "labels", "message"),
    [
        (PREDICTED[:1], LABELS, r"got \(1, 5\), int64 and labels \(2, 5\), int64, expected equal shapes"),
        (PREDICTED / 1, LABELS, "float64 and labels .* expected equal shapes and class numbers as integers"),
        (PREDICTED, LABELS / 1, "class numbers as integers"),
        (PREDICTED + 1, LABELS, "got predictions from 1 to 3, expected classes 0 to 2"),
        (PREDICTED - 1, LABELS, "got predictions from -1 to 1, expected classes 0 to 2"),
    ],
)
def test_what_does_not_fit_is_one_sentence(predicted, labels, message):
    with pytest.raises(ValueError, match=f"^confusion got .*{message.removeprefix('got ')}"):
        confusion(predicted, labels, 3)


@pytest.mark.parametrize("figure", [*FIGURES, class_iou])
def test_no_pixel_is_no_figure(figure):
    with pytest.raises(ValueError, match="counts are all 0"):
        figure(confusion(LABELS, np.full_like(LABELS, 255), 3))
