"""The task of translating: a network is given one picture of a pair and answers with the other."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tinycolor.backend import Array
from tinycolor.data.batches import Batches
from tinycolor.data.dataset import Dataset
from tinycolor.data.feed import feed
from tinycolor.data.folder import PhotoFolder
from tinycolor.data.picture_pairs import PicturePairs
from tinycolor.data.shrunk import NoPhotosError, crop
from tinycolor.training import report
from tinycolor.training.duel_page import VARIETY
from tinycolor.training.recipes import TRANSLATORS, discriminator_for
from tinycolor.training.settings import Settings
from tinycolor.training.task import Curve, Scores, Words
from tinycolor.translate import baselines, judge, predict, signed

MOST_JUDGED = 64
JITTER = 286 / 256  # pix2pix stretches to 286 pixels and crops 256 of them

WORDS = Words(
    title="Learning to make one picture of another",
    sheets="Pairs that the network does not learn from: what it is given, what it makes of it, and the other picture.",
    curves={
        "l1": Curve(
            "Error",
            "L1, of 255 (lower is better)",
            "L1 is how far red, green and blue are from the true ones, on average over all pixels of pictures that the "
            "network does not learn from. Dashed: the same picture for every question, the mean of all truths; and the "
            "input as it is.",
            ("mean picture", "unchanged"),
        ),
        "colour_overlap": Curve(
            "Colours",
            "overlap of colours (higher is better)",
            "How much the colours that the answers hold, wherever they are, have in common with those of the truths: 0 "
            "nothing, 1 all. A network that is only told to be near falls back on middling colours, and loses the "
            "strong ones. Dashed: the input as it is.",
            ("unchanged",),
        ),
        "variety": VARIETY,
    },
    remarks=(
        (
            "Why is the picture with the lower error not the better one?",
            "A map does not tell how the leaves of a tree lie. Of all that may be there, the mean has the lowest "
            "error, and the mean of many leaves is a green blur. A discriminator knows a blur at once: against it, the "
            "network learns to make leaves that might be there, and pays with some error for those that are not. So "
            "look at the pictures.",
        ),
    ),
)


class Translating:
    """Make one picture of the other, of the pairs in a folder; see ``Task`` for what it offers a run.

    All pictures are stretched to a square. Those to learn from are made a little larger, and cropped and mirrored,
    both of a pair alike.

    Parameters
    ----------
    dataset : Dataset
        Pairs of pictures.
    settings : Settings
        Which network, and how it is trained.
    """

    words = WORDS

    def __init__(self, dataset: Dataset, settings: Settings) -> None:
        self.dataset, self.settings = dataset, settings
        recipe = TRANSLATORS[settings.model]
        self.network, self.discriminator = recipe.network(settings), discriminator_for(recipe, settings)
        self.pairs = self._pairs(dataset.learning, round(settings.size * JITTER))
        self.loss = recipe.losses[settings.loss](self._some_truths)
        self._batches = Batches(self.pairs, size=settings.size, batch=settings.batch, seed=settings.seed)
        self.steps_per_epoch = self._batches.steps_per_epoch
        self.judged = self._judged()
        known = [crop(pair, settings.size) for pair in self.pairs.some(MOST_JUDGED)]
        self.baselines = baselines(self.judged, known)

    def batches(self, steps: range, device: str = "cpu") -> Iterator[tuple[Array, Array]]:
        return feed(self._batches, steps, prepare, device)

    def judge(self) -> Scores:
        return judge(self.network, self.judged)

    def question(self) -> Array:
        return signed(self.judged[..., :3])

    def error(self, scores: Scores) -> float:
        return scores["l1"]

    def sentence(self, scores: Scores) -> str:
        mean = self.baselines["mean picture"]
        return (
            f"L1 {scores['l1']:.1f} of 255 (mean picture {mean['l1']:.1f}), PSNR {scores['psnr']:.1f} (mean picture "
            f"{mean['psnr']:.1f}), overlap of colours {scores['colour_overlap']:.2f}, variety {scores['variety']:.2f}"
        )

    def standing(self, scores: Scores) -> str:
        return (
            f"the network's pictures are {scores['l1']:.1f} of 255 grey levels from the true ones, which it has not "
            f"seen; the mean of those that it has seen is {self.baselines['mean picture']['l1']:.1f} from them"
        )

    def sheet(self) -> bytes:
        some = report.for_the_sheet(self.judged)
        given, truth = some[..., :3], some[..., 3:]
        return report.sheet({"input": given, "predicted": predict(self.network, given), "truth": truth})

    def skipped(self) -> dict[Path, str]:
        return self.dataset.skipped_with(self.pairs.skipped)

    def _pairs(self, folder: PhotoFolder, side: int) -> PicturePairs:
        settings = self.settings
        return PicturePairs(folder, side, settings.size, direction=settings.direction, ignored=settings.ignored)

    def _some_truths(self) -> np.ndarray:
        return np.stack(list(self.pairs.some(MOST_JUDGED)))[..., 3:]

    def _judged(self) -> np.ndarray:
        """Some pairs that are kept from the learning, or others if none of those can be used."""
        for folder in (self.dataset.judging, self.dataset.learning):
            pairs = self._pairs(folder, self.settings.size)
            some = list(pairs.some(MOST_JUDGED))
            self.dataset.skipped.update(pairs.skipped)
            if some:
                return np.stack(some)
        raise NoPhotosError(pairs.why_none())


def prepare(batch: Array) -> tuple[Array, Array]:
    """Return what the network is given and what it should answer, -1..1, for pairs uint8 (N, H, W, 6)."""
    x, target = signed(batch[..., :3]), signed(batch[..., 3:])
    return x, target
