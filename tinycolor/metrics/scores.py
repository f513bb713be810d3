"""All metrics of one method over any number of photos."""

from __future__ import annotations

import numpy as np

from tinycolor.color import rgb_to_lab
from tinycolor.metrics.error_curve import COUNTS_SHAPE, area_under_curve, error_counts
from tinycolor.metrics.errors import ab_mae, accuracy, psnr
from tinycolor.metrics.hasler_suesstrunk import colourfulness
from tinycolor.metrics.ssim import ssim_ab

HIGHEST_PSNR = 100.0  # an equal photo has infinity, which would swallow all others


class Scores:
    """Judge one method (a network, grey, the mean colour) photo by photo, in constant memory.

        scores = Scores()
        for ...:
            scores.add(predicted_rgb, predicted_ab, true_rgb)
        print(scores.result())

    Every photo counts the same, whatever its size; only for the two AuCs, as in their source, all pixels of all
    photos are one pool.
    """

    def __init__(self) -> None:
        self.photos = 0
        self._sums: dict[str, float] = {}
        self._error_counts = np.zeros(COUNTS_SHAPE, "int64")

    def add(self, predicted_rgb: np.ndarray, predicted_ab: np.ndarray, true_rgb: np.ndarray) -> None:
        """Judge one photo.

        Parameters
        ----------
        predicted_rgb, true_rgb : array
            (H, W, 3) uint8: the coloured photo as it is shown, and the truth.
        predicted_ab : array
            (H, W, 2) float: a* and b* as the method gave them, before gamut and rounding. The L* that goes with
            them is the truth's.

        Raises
        ------
        ValueError
            Not one photo, shapes do not fit, or a number is not finite.
        """
        if true_rgb.ndim != 3 or true_rgb.dtype != np.uint8:
            raise ValueError(f"Scores.add got {true_rgb.shape}, {true_rgb.dtype}, expected one photo (H, W, 3), uint8.")
        true_lab = rgb_to_lab(true_rgb / 255)
        true_ab = true_lab[..., 1:]
        figures = {
            "ab_mae": ab_mae(predicted_ab, true_ab),
            "psnr": min(psnr(predicted_rgb, true_rgb), HIGHEST_PSNR),
            "ssim_ab": ssim_ab(predicted_ab, true_ab),
            "colourfulness": colourfulness(predicted_rgb),
        }
        predicted_lab = np.concatenate([true_lab[..., :1], predicted_ab], -1)
        for eps in (2, 5):
            figures[f"accuracy_{eps}"] = accuracy(predicted_lab, true_lab, eps)
        self._error_counts += error_counts(predicted_ab, true_ab)
        self._sums = {name: self._sums.get(name, 0.0) + float(figure) for name, figure in figures.items()}
        self.photos += 1

    def result(self) -> dict[str, float]:
        """Return the figures of all photos so far.

        Returns
        -------
        dict
            ``photos`` their number; means over photos: ``ab_mae`` (a*b* units), ``psnr`` (decibel; a photo
            counts at most 100), ``ssim_ab``, ``colourfulness`` (of the predicted), ``accuracy_2`` and
            ``accuracy_5`` (0..1); over all pixels: ``auc`` and ``balanced_auc`` (0..1).

        Raises
        ------
        ValueError
            No photo was added.
        """
        if not self.photos:
            raise ValueError("Scores has judged no photo yet, expected at least one: call add first.")
        means = {name: total / self.photos for name, total in self._sums.items()}
        return {
            "photos": self.photos,
            **means,
            "auc": area_under_curve(self._error_counts),
            "balanced_auc": area_under_curve(self._error_counts, balanced=True),
        }
