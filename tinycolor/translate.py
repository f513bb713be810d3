"""Make one picture of another: a map of a photo, a street of its label map.

The network is given the picture stretched to the square that it learned on, as its authors test theirs, and the answer
is stretched back. Other shapes would fit it too, but it has never seen things that are not squeezed in this way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

import numpy as np
from PIL import Image

from tinycolor.backend import Array, answer
from tinycolor.color import lab_of
from tinycolor.data.picture_pairs import stretched
from tinycolor.metrics import psnr, variety
from tinycolor.metrics.histograms import ab_histograms, histogram_intersection
from tinycolor.metrics.scores import HIGHEST_PSNR
from tinycolor.networks.pix2pix import Pix2PixGenerator
from tinycolor.random import Generator

AT_ONCE = 16  # pictures
MOST_COMPARED = 64  # pictures, for how much the answers vary

Answers = Iterable[tuple[np.ndarray, np.ndarray]]


def translate(picture: np.ndarray, network: Pix2PixGenerator, *, mode: str = "eval") -> np.ndarray:
    """Return what a network makes of a picture, uint8 (H, W, 3), sRGB, as large as the picture.

    Parameters
    ----------
    picture : array
        uint8, sRGB (H, W, 3), or a label map (H, W), which is painted as ``data.picture_pairs`` does; of any size.
    network : Pix2PixGenerator
        One of 3 to 3 channels, such as ``tc.load_checkpoint`` gives.
    mode : {"eval", "paper", "instance"}
        ``paper``: dropout and the statistics of the picture itself stay on, as the authors had it; ``instance``: the
        latter alone.

    Raises
    ------
    ValueError
        Another dtype or shape, a network of other channels, or one whose answers are NaN or infinite.
    """
    if picture.dtype != np.uint8 or picture.shape[2:] not in ((), (3,)) or picture.ndim < 2 or not picture.size:
        raise ValueError(f"translate got {picture.dtype} {picture.shape}, expected uint8 (H, W, 3), or labels (H, W).")
    height, width = picture.shape[:2]
    answered = predict(network, stretched(picture, network.size)[None], mode)[0]
    return np.asarray(Image.fromarray(answered).resize((width, height), Image.Resampling.LANCZOS))


def predict(network: Pix2PixGenerator, pictures: np.ndarray, mode: str = "eval") -> np.ndarray:
    """Return what a network makes of pictures, uint8 (N, H, W, 3); H and W divide by its ``multiple``.

    Each by itself: none changes the answer to another. Where ``paper`` drops units, always the same ones.
    """
    channels = network.in_channels, network.options["out_channels"]
    if channels != (3, 3):
        raise ValueError(
            f"{network.name} has {channels[0]} inputs and {channels[1]} answers, expected 3 and 3 to translate "
            "pictures: take a network that was trained to, or colour with this one."
        )
    at_once = AT_ONCE if mode == "eval" else 1
    some = (pictures[start : start + at_once] for start in range(0, len(pictures), at_once))
    return np.concatenate([unsigned(answer(network, signed(few), mode=mode, rng=Generator(0))) for few in some])


def signed(rgb: np.ndarray) -> np.ndarray:
    """Return pictures as a network sees them that ends in tanh: ``rgb / 127.5 - 1``, float32 -1..1, of uint8."""
    return rgb / np.float32(127.5) - 1


def unsigned(answers: Array) -> np.ndarray:
    """Return such answers, -1..1, as pictures, uint8; the inverse of ``signed``.

    Raises
    ------
    ValueError
        An answer is NaN or infinite.
    """
    if not np.isfinite(answers).all():
        raise ValueError(
            "the network's pictures are NaN or infinite: its training went wrong, take another checkpoint."
        )
    return np.rint(127.5 * (answers + 1)).clip(0, 255).astype(np.uint8)


def judge(network: Pix2PixGenerator, pairs: Iterable[np.ndarray], mode: str = "eval") -> dict[str, float]:
    """Return how like the truths a network's answers are: see ``figures_of``.

    Parameters
    ----------
    network : Pix2PixGenerator
        One of 3 to 3 channels.
    pairs : iterable of arrays
        uint8 (H, W, 6), all of one shape: input and truth, as ``PicturePairs`` gives them.
    mode : {"eval", "paper", "instance"}
        As ``translate``.
    """
    return figures_of((predict(network, some[..., :3], mode), some[..., 3:]) for some in _few(pairs))


def baselines(pairs: Iterable[np.ndarray], known: Iterable[np.ndarray] | None = None) -> dict[str, dict[str, float]]:
    """Return the same figures for what needs no learning: the mean of all known truths, and the input unchanged.

    The pairs are gone through more than once. Where no others are known, the mean is of their own truths.
    """
    total, count = np.zeros(()), 0
    for some in _few(pairs if known is None else known):
        total, count = total + some[..., 3:].sum(0), count + len(some)
    mean = np.rint(total / count).astype(np.uint8)
    truths = (some[..., 3:] for some in _few(pairs))
    return {
        "mean picture": figures_of((np.broadcast_to(mean, some.shape), some) for some in truths),
        "unchanged": figures_of((some[..., :3], some[..., 3:]) for some in _few(pairs)),
    }


def figures_of(answers: Answers) -> dict[str, float]:
    """Return how like their truths answers are.

    Parameters
    ----------
    answers : iterable of (answers, truths)
        Both uint8 (N, H, W, 3), sRGB.

    Returns
    -------
    dict
        ``l1``, the mean error of red, green and blue, 0..255; ``psnr``, decibel, a picture counts at most 100;
        ``colour_overlap``, 0..1, of the distributions of a* and of b* over all pixels; ``variety``, of the first 64
        pictures: see ``metrics.variety``.
    """
    errors, likeness, histograms = [], [], np.zeros(())
    first: list[tuple[np.ndarray, np.ndarray]] = []
    for answered, truth in answers:
        errors.append(abs(answered.astype(np.float32) - truth).mean((1, 2, 3)))
        likeness.append(np.minimum(psnr(answered, truth), HIGHEST_PSNR))
        histograms = histograms + [ab_histograms(lab_of(rgb)[..., 1:]).sum(0) for rgb in (answered, truth)]
        missing = MOST_COMPARED - sum(len(some) for some, _ in first)
        if missing:
            first.append((answered[:missing], truth[:missing]))
    return {
        "l1": float(np.concatenate(errors).mean()),
        "psnr": float(np.concatenate(likeness).mean()),
        "colour_overlap": float(histogram_intersection(*histograms).mean()),
        "variety": variety(*map(np.concatenate, zip(*first, strict=True))),
    }


def _few(pairs: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    remaining = iter(pairs)
    while some := list(islice(remaining, AT_ONCE)):
        yield np.stack(some)
