"""What share of the pixels is named rightly: four figures from one table of counts.

counts = sum(confusion(predicted, labels, classes) for predicted, labels in any_number_of_photos)
mean_iou(counts)

All pixels of all photos are one pool. Source: E. Shelhamer, fcn.berkeleyvision.org, score.py; J. Long, E. Shelhamer,
T. Darrell, "Fully convolutional networks for semantic segmentation", CVPR 2015, section 5.
"""

from __future__ import annotations

import numpy as np


def confusion(predicted: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Count pixels by their true class, and by the class that was predicted.

    Parameters
    ----------
    predicted : array
        Class numbers 0..classes - 1, integer, of any shape.
    labels : array
        The true ones, of the same shape. Pixels with a number outside 0..classes - 1 (255, in label maps) are left
        out, whatever was predicted there.
    classes : int
        How many there are.

    Returns
    -------
    array
        (classes, classes), int64: row true, column predicted. The counts of many photos add up.

    Raises
    ------
    ValueError
        Shapes differ, numbers are not integers, or a class was predicted that there is not.
    """
    if predicted.shape != labels.shape or predicted.dtype.kind not in "iu" or labels.dtype.kind not in "iu":
        raise ValueError(
            f"confusion got {predicted.shape}, {predicted.dtype} and labels {labels.shape}, {labels.dtype}, expected "
            "equal shapes and class numbers as integers."
        )
    counted = (labels >= 0) & (labels < classes)
    true, named = labels[counted].astype(np.int64), predicted[counted].astype(np.int64)
    if named.size and not 0 <= named.min() <= named.max() < classes:
        raise ValueError(
            f"confusion got predictions from {named.min()} to {named.max()}, expected classes 0 to {classes - 1}."
        )
    return np.bincount(true * classes + named, minlength=classes**2).reshape(classes, classes)


def pixel_accuracy(counts: np.ndarray) -> float:
    """Share of all pixels that are named rightly: ``sum_i n_ii / sum_ij n_ij``, 0..1.

    Parameters
    ----------
    counts : array
        (classes, classes): the sum of ``confusion`` over all photos.

    Raises
    ------
    ValueError
        There is no pixel to count. (So do the others here.)
    """
    _check_not_empty(counts)
    return float(np.diag(counts).sum() / counts.sum())


def mean_accuracy(counts: np.ndarray) -> float:
    """Mean over classes of the share of its pixels that are named rightly: ``n_ii / sum_j n_ij``, 0..1.

    Classes that are nowhere in the labels have no such share, and are left out of the mean.
    """
    _check_not_empty(counts)
    return float(np.nanmean(_share(np.diag(counts), counts.sum(1))))


def class_iou(counts: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, (classes,): ``n_ii / (sum_j n_ij + sum_j n_ji - n_ii)``, 0..1.

    A class that is neither in the labels nor predicted has no union: NaN. One that is only predicted has 0.
    """
    _check_not_empty(counts)
    return _share(np.diag(counts), counts.sum(1) + counts.sum(0) - np.diag(counts))


def mean_iou(counts: np.ndarray) -> float:
    """Mean over classes of ``class_iou``, those without a union left out, 0..1."""
    return float(np.nanmean(class_iou(counts)))


def frequency_weighted_iou(counts: np.ndarray) -> float:
    """Mean of ``class_iou``, each class weighed by its share of the true pixels, 0..1.

    So classes that are nowhere in the labels do not count, even if they are predicted.
    """
    iou, true = class_iou(counts), counts.sum(1)
    return float(iou[true > 0] @ true[true > 0] / true.sum())


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.where(whole > 0, part / np.maximum(whole, 1), np.nan)


def _check_not_empty(counts: np.ndarray) -> None:
    if not counts.any():
        raise ValueError("the confusion counts are all 0, expected at least one pixel with a class: add up some first.")
