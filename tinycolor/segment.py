"""Say what is at each pixel of a photo, and judge it where the truth is known."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

import numpy as np

from tinycolor.backend import Array, answer
from tinycolor.data.label_maps import picture_input
from tinycolor.losses import cross_entropy
from tinycolor.metrics import segmentation
from tinycolor.networks.network import Network

AT_ONCE = 16  # photos

FIGURES = {
    "pixel_accuracy": segmentation.pixel_accuracy,
    "mean_accuracy": segmentation.mean_accuracy,
    "mean_iou": segmentation.mean_iou,
    "frequency_weighted_iou": segmentation.frequency_weighted_iou,
}


def predict_classes(network: Network, photos: np.ndarray) -> np.ndarray:
    """Return the class number of every pixel, int64 (N, H, W), of photos uint8 (N, H, W, 3)."""
    return answer(network, picture_input(photos)).argmax(-1)


def judge(network: Network, pairs: Iterable[np.ndarray]) -> dict[str, float]:
    """Return the four figures of FCN's paper for a network's answers, each 0..1.

    Parameters
    ----------
    network : Network
        One whose scores are (N, H, W, classes).
    pairs : iterable of arrays
        uint8 (H, W, 4), all of one shape: photo and class numbers, as ``LabelledPhotos`` gives them.
    """
    classes = network.options["classes"]
    counts = np.zeros((classes, classes), np.int64)
    remaining = iter(pairs)
    while some := list(islice(remaining, AT_ONCE)):
        batch = np.stack(some)
        counts += segmentation.confusion(predict_classes(network, batch[..., :3]), batch[..., 3], classes)
    return figures_of(counts)


def judge_commonest(pairs: Iterable[np.ndarray], classes: int) -> dict[str, float]:
    """Return the same figures for the answer that costs no learning: everywhere the commonest class."""
    truth = np.bincount(np.concatenate([pair[..., 3].ravel() for pair in pairs]), minlength=256)[:classes]
    counts = np.zeros((classes, classes), np.int64)
    counts[:, truth.argmax()] = truth
    return figures_of(counts)


def figures_of(counts: np.ndarray) -> dict[str, float]:
    """Return all four figures of a confusion table, (classes, classes)."""
    return {name: figure(counts) for name, figure in FIGURES.items()}


def known_cross_entropy(logits: Array, labels: Array) -> tuple[Array, Array]:
    """Cross-entropy, as ``losses.cross_entropy``, over those pixels alone whose class is known.

    Parameters
    ----------
    logits : array
        (N, H, W, classes).
    labels : array
        (N, H, W), uint8: 0..classes - 1, or above where no class is known.
    """
    known = labels < logits.shape[-1]
    weight = known * np.float32(labels.size / max(1, int(known.sum())))
    return cross_entropy(logits, labels * known, weight)
