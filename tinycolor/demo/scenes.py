"""A small colorizer learns from drawn scenes, where grey tells the colour to who has understood what it shows."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from tinycolor import losses, optim
from tinycolor.data import scenes
from tinycolor.data.lightness import ab_of, split_photo
from tinycolor.demo.chapter import Chapter, Watch
from tinycolor.evaluate import grey_photos, predict_photos
from tinycolor.metrics import ab_mae
from tinycolor.networks import ColorUNet
from tinycolor.page import image
from tinycolor.random import Generator
from tinycolor.training.loop import train
from tinycolor.training.report import sheet

SIZE = 48
WIDTHS = (16, 32, 64)
BATCH = 16
STEPS = 250
LEARNING_RATE = 1e-2
UNSEEN = 64
ON_THE_SHEET = 8


def chapter(seed: int, watch: Watch) -> Chapter:
    """Train the colorizer and judge it on scenes that it has not seen."""
    net = ColorUNet(widths=WIDTHS, size=SIZE, seed=seed)
    started = time.perf_counter()
    watch(learn(net, seed), STEPS, "Colouring scenes")
    seconds = time.perf_counter() - started
    unseen = scenes.draw(UNSEEN, SIZE, Generator(seed, epoch=1)).photo
    error, error_of_grey = errors(net, unseen)
    some = unseen[:ON_THE_SHEET]
    picture = sheet({"grey": grey_photos(some), "predicted": predict_photos(net, some)[0], "truth": some})
    return Chapter(
        "Colouring scenes",
        f"In {seconds:.0f} s a network has learned to colour scenes: on {UNSEEN} that it has not seen, its colours are "
        f"off by {error:.1f} (mean error of a* and b*), where grey is off by {error_of_grey:.1f}.",
        "It is given the lightness alone. That the upper part is sky, that a dark sky is an evening's, and that roofs "
        "are red, it has found out by being corrected. Its colours run over where it is not sure of an edge.",
        [image(picture, "drawn scenes in grey, as the network colours them, and as they are")],
        {"scenes.png": picture},
    )


def learn(net: ColorUNet, seed: int) -> Iterator[float]:
    """Train on fresh scenes, yielding the loss of every step."""
    optimizer = optim.Adam(net.parameters(), optim.one_cycle(LEARNING_RATE, STEPS))
    drawn = (scenes.draw(BATCH, SIZE, Generator(seed, epoch=0, step=step)).photo for step in range(STEPS))
    return train(net, optimizer, map(split_photo, drawn), losses.mse)


def errors(net: ColorUNet, photos: np.ndarray) -> tuple[float, float]:
    """Return the ab MAE of a network's colours, and of grey."""
    true_ab = ab_of(split_photo(photos)[1])
    ab = predict_photos(net, photos)[1]
    return float(np.mean(ab_mae(ab, true_ab))), float(np.mean(ab_mae(np.zeros_like(ab), true_ab)))
