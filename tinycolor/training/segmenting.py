"""The task of segmenting: a network is given photos and answers what is at each pixel."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tinycolor.backend import Array
from tinycolor.data.batches import Batches
from tinycolor.data.class_colours import CLASS_COLOURS
from tinycolor.data.dataset import Dataset
from tinycolor.data.feed import feed
from tinycolor.data.label_maps import of_one_shape, picture_input
from tinycolor.networks.network import Network
from tinycolor.segment import judge, judge_commonest, predict_classes
from tinycolor.training import report
from tinycolor.training.recipes import SEGMENTERS
from tinycolor.training.settings import Settings
from tinycolor.training.task import Curve, Scores, Words

MOST_JUDGED = 128

WORDS = Words(
    title="Learning what is where",
    sheets="Photos that the network does not learn from: as they are, what it sees in them, and what is there. Each "
    "class has its colour; black is not counted.",
    curves={
        "mean_iou": Curve(
            "Overlap",
            "mean IoU (higher is better)",
            "IoU, intersection over union, is how well the pixels that are called a thing and those that are one "
            "overlap: 0 not at all, 1 exactly. This is its mean over the classes, so that small and rare things count "
            "as much as sky and road. Dashed: calling everything the commonest class.",
            ("commonest class",),
        ),
        "pixel_accuracy": Curve(
            "Right pixels",
            "pixel accuracy (higher is better)",
            "The share of pixels that are named rightly. It is high already when only the large things are found.",
            ("commonest class",),
        ),
    },
    remarks=(),
)


class Segmenting:
    """Find out what is at each pixel of the photos in a folder; see ``Task`` for what it offers a run.

    All pictures of a run have one shape, that of the first once it is shrunk; others are stretched to it.

    Parameters
    ----------
    dataset : Dataset
        Photos that have label maps.
    settings : Settings
        Which network, and how it is trained.
    """

    words = WORDS
    discriminator: Network | None = None

    def __init__(self, dataset: Dataset, settings: Settings) -> None:
        self.dataset, self.settings = dataset, settings
        self.photos = of_one_shape(dataset.learning, settings.size, classes=settings.classes, ignored=settings.ignored)
        self._batches = Batches(self.photos, size=self.photos.size, batch=settings.batch, seed=settings.seed)
        self.steps_per_epoch = self._batches.steps_per_epoch
        recipe = SEGMENTERS[settings.model]
        self.network = recipe.network(settings)
        self.loss = recipe.losses[settings.loss](lambda: np.stack(list(self.photos.some(MOST_JUDGED)))[..., :3])
        judging = self.photos.others(dataset.judging)
        # Where none of those can be used that were kept for judging, others are judged.
        self.judged = np.stack(list(judging.some(MOST_JUDGED)) or list(self.photos.some(MOST_JUDGED)))
        dataset.skipped.update(judging.skipped)
        self.baselines = {"commonest class": judge_commonest(self.judged, settings.classes)}

    def batches(self, steps: range, device: str = "cpu") -> Iterator[tuple[Array, Array]]:
        return feed(self._batches, steps, prepare, device)

    def judge(self) -> Scores:
        return judge(self.network, self.judged)

    def question(self) -> Array:
        return picture_input(self.judged[..., :3])

    def error(self, scores: Scores) -> float:
        return 1 - scores["mean_iou"]

    def sentence(self, scores: Scores) -> str:
        common = self.baselines["commonest class"]
        return (
            f"mean IoU {scores['mean_iou']:.3f} (commonest class {common['mean_iou']:.3f}), "
            f"pixel accuracy {scores['pixel_accuracy']:.1%} ({common['pixel_accuracy']:.1%})"
        )

    def standing(self, scores: Scores) -> str:
        return (
            f"the network names {scores['pixel_accuracy']:.0%} of the pixels of unseen photos rightly, with a mean IoU "
            f"of {scores['mean_iou']:.3f}; calling everything the commonest class has one of "
            f"{self.baselines['commonest class']['mean_iou']:.3f}"
        )

    def sheet(self) -> bytes:
        some = report.for_the_sheet(self.judged)
        photos, labels = some[..., :3], some[..., 3]
        seen = np.where(labels < self.settings.classes, predict_classes(self.network, photos), labels)
        return report.sheet({"photo": photos, "predicted": CLASS_COLOURS[seen], "truth": CLASS_COLOURS[labels]})

    def skipped(self) -> dict[Path, str]:
        return self.dataset.skipped_with(self.photos.skipped)


def prepare(batch: Array) -> tuple[Array, Array]:
    """Return what the network is given and what it should answer, for pairs uint8 (N, H, W, 4)."""
    return picture_input(batch[..., :3]), batch[..., 3]
