"""Judge a colorizer on photos whose colours are known, beside what costs no learning at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from tinycolor.color import lab_of, rgb_to_lab
from tinycolor.colorize import lay_under, predict_ab
from tinycolor.data.folder import find_photos
from tinycolor.data.shrunk import ShrunkPhotos, crop
from tinycolor.metrics import Scores
from tinycolor.networks.colorizer import Colorizer

AT_ONCE = 16  # photos


class JudgedPhotos:
    """The middles of all photos in a folder, uint8 (size, size, 3) each, as often as they are asked for.

    Parameters
    ----------
    folder : Path
        With the photos.
    size : int
        Photos are shrunk until the shorter side has this many pixels, and cut to a square.

    Attributes
    ----------
    skipped : dict of Path to str
        What could not be used, and why.
    """

    def __init__(self, folder: Path, size: int) -> None:
        links: dict[Path, str] = {}
        self.size = size
        self._photos = ShrunkPhotos(find_photos(folder, links.__setitem__), size, smallest=size)
        self.skipped = self._photos.skipped
        self.skipped.update(links)

    def __iter__(self) -> Iterator[np.ndarray]:
        return (crop(photo, self.size) for photo in self._photos.some())


def evaluate(network: Colorizer, photos: Iterable[np.ndarray], mode: str = "eval") -> dict[str, dict[str, float]]:
    """Return all metrics of a network's colours, of grey, of the photos' mean colour, and of the truth itself.

    Parameters
    ----------
    network : Colorizer
        What is judged.
    photos : iterable of arrays
        uint8 (size, size, 3), all of one size; gone through more than once.
    mode : {"eval", "paper", "instance"}
        As ``tc.colorize``; each photo by itself.

    Returns
    -------
    dict
        ``network``, ``grey``, ``mean colour`` and ``truth``, each with the figures of ``metrics.Scores``.
    """
    return {"network": judge(network, photos, mode), **baselines(photos)}


def judge(network: Colorizer, photos: Iterable[np.ndarray], mode: str = "eval") -> dict[str, float]:
    """Return all metrics of a network's colours."""
    scores = Scores()
    remaining = iter(photos)
    # The statistics of a batch are to be those of each photo, as they are when one photo is coloured.
    while some := list(islice(remaining, AT_ONCE if mode == "eval" else 1)):
        truth = np.stack(some)
        for rgb, ab, true_rgb in zip(*predict_photos(network, truth, mode), truth, strict=True):
            scores.add(rgb, ab, true_rgb)
    return scores.result()


def baselines(photos: Iterable[np.ndarray]) -> dict[str, dict[str, float]]:
    """Return all metrics of grey, of the mean colour of these photos, and of the truth."""
    mean = np.mean([lab_of(photo)[..., 1:].mean((0, 1)) for photo in photos], 0)
    grey, mean_colour, truth = Scores(), Scores(), Scores()
    for photo in photos:
        true_ab = rgb_to_lab(photo / 255)[..., 1:]  # in float64, as the scores have it: the truth must be equal to it
        for scores, ab in ((grey, np.zeros_like(true_ab)), (mean_colour, np.broadcast_to(mean, true_ab.shape))):
            scores.add(lay_under(photo, ab)[0], ab, photo)
        truth.add(photo, true_ab, photo)
    return {"grey": grey.result(), "mean colour": mean_colour.result(), "truth": truth.result()}


def predict_photos(network: Colorizer, photos: np.ndarray, mode: str = "eval") -> tuple[np.ndarray, np.ndarray]:
    """Return photos, uint8 (N, H, W, 3), in a network's colours, and its a* and b*, (N, H, W, 2)."""
    ab = predict_ab(network, lab_of(photos)[..., :1], mode)
    return np.stack([lay_under(photo, one)[0] for photo, one in zip(photos, ab, strict=True)]), ab


def grey_photos(photos: np.ndarray) -> np.ndarray:
    """Return photos, uint8 (N, H, W, 3), without their colour: what a colorizer is given."""
    nothing = np.zeros((1, 1, 2), np.float32)
    return np.stack([lay_under(photo, nothing)[0] for photo in photos])
