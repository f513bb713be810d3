"""Metrics: numbers for how good a coloured photo is, each with its formula and source.

They take one photo, (H, W, C), or a batch, (N, H, W, C), as NumPy arrays. No number alone tells whether a photo looks
right: the error is lowest for cautious brown, so look at the colourfulness beside it, and at the pictures.
"""

from tinycolor.metrics.bootstrap import Interval, paired_bootstrap
from tinycolor.metrics.error_curve import area_under_curve, auc, error_counts
from tinycolor.metrics.errors import ab_mae, accuracy, psnr
from tinycolor.metrics.frequencies import high_frequency_energy
from tinycolor.metrics.hasler_suesstrunk import colourfulness
from tinycolor.metrics.histograms import ab_histograms, histogram_intersection
from tinycolor.metrics.scores import Scores
from tinycolor.metrics.segmentation import (
    class_iou,
    confusion,
    frequency_weighted_iou,
    mean_accuracy,
    mean_iou,
    pixel_accuracy,
)
from tinycolor.metrics.ssim import ssim_ab
from tinycolor.metrics.variety import variety

__all__ = [
    "Interval",
    "Scores",
    "ab_histograms",
    "ab_mae",
    "accuracy",
    "area_under_curve",
    "auc",
    "class_iou",
    "colourfulness",
    "confusion",
    "error_counts",
    "frequency_weighted_iou",
    "high_frequency_energy",
    "histogram_intersection",
    "mean_accuracy",
    "mean_iou",
    "paired_bootstrap",
    "pixel_accuracy",
    "psnr",
    "ssim_ab",
    "variety",
]
