"""The task of colouring: a network is given the lightness of photos and answers with their colour."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from tinycolor.backend import Array
from tinycolor.color import lab_of
from tinycolor.colorize import predict_ab
from tinycolor.data.batches import Batches
from tinycolor.data.dataset import Dataset
from tinycolor.data.feed import feed
from tinycolor.data.folder import PhotoFolder
from tinycolor.data.scene_classes import PhotosOfScenes
from tinycolor.data.shrunk import NoPhotosError, ShrunkPhotos, crop, photos_to_crop, why_none
from tinycolor.evaluate import baselines, grey_photos, judge, predict_photos
from tinycolor.metrics import variety
from tinycolor.training import report
from tinycolor.training.duel_page import VARIETY
from tinycolor.training.recipes import COLORIZERS, L1_AND_CGAN, discriminator_for
from tinycolor.training.settings import Settings
from tinycolor.training.task import Curve, Scores, Words

MOST_JUDGED = 128
MOST_COMPARED = 32

WORDS = Words(
    title="Learning to colour photos",
    sheets="Photos that the network does not learn from: in grey, as it colours them, and as they are.",
    curves={
        "ab_mae": Curve(
            "Colour error",
            "ab MAE (lower is better)",
            "ab MAE is how far the colours are from the true ones, on average over all pixels of photos that the "
            "network does not learn from, in the units of a* and b* of CIE Lab. Dashed: the error of leaving the "
            "photos grey.",
            ("grey",),
        ),
        "psnr": Curve(
            "Likeness",
            "PSNR in dB (higher is better)",
            "PSNR is how like the true photo the result is in red, green and blue, in decibels: 3 dB more is half the "
            "squared error. Grey starts high, because the brightness of every pixel is already right.",
            ("grey",),
        ),
        "colourfulness": Curve(
            "Colourfulness",
            "colourfulness",
            "How strong and varied the colours are, right or wrong (Hasler and Suesstrunk): 0 is grey, 33 moderate, "
            "above 80 vivid. Best is what the true photos have; below it, the results look pale.",
            ("grey", "truth"),
        ),
    },
    remarks=(),
)

BROWN = (
    "Why does it turn brown?",
    "Grey does not tell whether a shirt is red or blue. A loss that measures how far off a colour is punishes one bold "
    "mistake more than many timid ones, so a network that cannot know answers with the mean of all colours it has seen "
    "in such a place (with the loss called l1, with the middle one), and the mean of many colours is a dull brown. "
    "This is no fault of the training: it is what the loss asks for. Longer training helps where the photo does hold a "
    "clue, such as for sky and grass.",
)
BOLD = (
    "Why is the error so large?",
    "This network does not answer with a colour but with how likely each of 313 colours is, and paints with a mean "
    "that leans towards the likeliest. Where it cannot know it is bold all the same, and a bold colour that is wrong "
    "is further from the truth than none at all. So the mean error can be worse than that of grey while the photos "
    "look more alive: look at colourfulness, and at the photos. With the loss called rebalanced, rare colours count "
    "more than common ones, which makes it bolder still.",
)
PLAYED = (
    "Why is it wrong and yet alive?",
    "A discriminator looks at patches of the coloured photo, and would know a dull brown one at once. So the network "
    "dares to choose a colour where L1 alone would take the middle of all. Its error need not be lower for that, and "
    "where the discriminator is no judge, the choice may be strange: look at the photos.",
)
REMARKS = {"rebalanced": BOLD, "cross-entropy": BOLD, L1_AND_CGAN: PLAYED}


class Colorizing:
    """Colour the photos of a folder; see ``Task`` for what it offers a run.

    Parameters
    ----------
    dataset : Dataset
        The photos.
    settings : Settings
        Which network, and how it is trained.
    """

    def __init__(self, dataset: Dataset, settings: Settings) -> None:
        recipe = COLORIZERS[settings.model]
        self.dataset, self.tells_scenes = dataset, settings.classes > 0
        self.network, self.discriminator = recipe.network(settings), discriminator_for(recipe, settings)
        curves = WORDS.curves | ({"variety": VARIETY} if self.discriminator else {})
        self.words = replace(WORDS, curves=curves, remarks=(REMARKS.get(settings.loss, BROWN),))
        photos = photos_to_crop(dataset.learning, settings.size)
        self.photos = PhotosOfScenes(photos, dataset.scenes) if self.tells_scenes else photos
        self._batches = Batches(self.photos, size=settings.size, batch=settings.batch, seed=settings.seed)
        self.steps_per_epoch = self._batches.steps_per_epoch
        self.judged = self._judged(settings.size)
        self.baselines = baselines(self.judged)
        self.loss = recipe.losses[settings.loss](lambda: middles(dataset, dataset.learning, settings.size))

    def batches(self, steps: range, device: str = "cpu") -> Iterator[tuple[Array, Any]]:
        return feed(self._batches, steps, self.prepare, device)

    def prepare(self, batch: Array) -> tuple[Array, Any]:
        """Return what the network is given and what it should answer, for crops uint8 (N, H, W, 3 or 4)."""
        lab = lab_of(batch[..., :3])
        x, target = self.network.question(lab[..., :1]), self.network.target(lab[..., 1:])
        return x, ((target, batch[:, 0, 0, 3].astype(np.int64)) if self.tells_scenes else target)

    def judge(self) -> Scores:
        scores = judge(self.network, self.judged)
        if self.discriminator is not None:
            some = lab_of(self.judged[:MOST_COMPARED])
            scores["variety"] = variety(predict_ab(self.network, some[..., :1]), some[..., 1:])
        return scores

    def question(self) -> Array:
        return self.network.question(lab_of(self.judged)[..., :1])

    def error(self, scores: Scores) -> float:
        return scores["ab_mae"]

    def sentence(self, scores: Scores) -> str:
        grey, truth = self.baselines["grey"], self.baselines["truth"]
        return (
            f"ab MAE {scores['ab_mae']:.2f} (grey {grey['ab_mae']:.2f}), PSNR {scores['psnr']:.1f} (grey "
            f"{grey['psnr']:.1f}), colourfulness {scores['colourfulness']:.1f} (truth {truth['colourfulness']:.1f})"
        )

    def standing(self, scores: Scores) -> str:
        return (
            f"the network colours unseen photos with an error (ab MAE) of {scores['ab_mae']:.2f}; leaving them grey "
            f"has one of {self.baselines['grey']['ab_mae']:.2f}"
        )

    def sheet(self) -> bytes:
        some = report.for_the_sheet(self.judged)
        predicted, _ = predict_photos(self.network, some)
        return report.sheet({"grey": grey_photos(some), "predicted": predicted, "truth": some})

    def skipped(self) -> dict[Path, str]:
        return self.dataset.skipped_with(self.photos.skipped)

    def _judged(self, size: int) -> np.ndarray:
        """The middles of some photos that are kept from the learning, or of others if none of those can be used."""
        for folder in (self.dataset.judging, self.dataset.learning):
            crops = middles(self.dataset, folder, size)
            if len(crops):
                return crops
        raise NoPhotosError(why_none(self.dataset.folder, self.dataset.skipped))


def middles(dataset: Dataset, folder: PhotoFolder, size: int) -> np.ndarray:
    """Return the middles of some photos, uint8 (N, size, size, 3); notes in the dataset which cannot be used."""
    photos = ShrunkPhotos(folder, size, smallest=size)
    crops = [crop(photo, size) for photo in photos.some(MOST_JUDGED)]
    dataset.skipped.update(photos.skipped)
    return np.stack(crops) if crops else np.empty((0, size, size, 3), np.uint8)
