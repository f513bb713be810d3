"""A colorizer learns the few photos that come with tinycolor by heart, and then meets others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tinycolor import losses, optim
from tinycolor.colorize import colorize
from tinycolor.data.batches import Batches
from tinycolor.data.folder import PhotoFolder, find_photos
from tinycolor.data.lightness import split_photo
from tinycolor.data.photos import jpeg, open_image
from tinycolor.data.shipped import FOLDER, attributions
from tinycolor.data.shrunk import photos_to_crop
from tinycolor.demo.chapter import Chapter, Watch
from tinycolor.evaluate import grey_photos
from tinycolor.networks import ColorUNet
from tinycolor.page import captioned, columns, image, section
from tinycolor.training.loop import train

SIZE = 48
WIDTHS = (16, 32, 64)
BATCH = 8
STEPS = 300
LEARNING_RATE = 1e-2
NOT_SEEN = 0.25  # share of the photos that is kept from the learning
WIDTH = 256  # pixels of a photo on the page
GAP = 6


def chapter(seed: int, watch: Watch) -> Chapter:
    """Train the colorizer on some of the photos and colour all of them."""
    net = ColorUNet(widths=WIDTHS, size=SIZE, seed=seed)
    seen, not_seen = find_photos(FOLDER, lambda path, reason: None).split(NOT_SEEN)
    started = time.perf_counter()
    watch(learn(net, seen, seed), STEPS, "Colouring photos")
    seconds = time.perf_counter() - started
    return Chapter(
        "Colouring photos",
        f"Another network has looked at {len(seen)} photos for {seconds:.0f} s, again and again.",
        "Each photo is shown in grey, as the network colours it, and as it is. The sharpness is the photo's own: "
        "the network adds nothing but colour.",
        [
            section(
                "Not seen in training",
                "These tell what it has understood, and that is not much: from so few photos nobody learns what "
                "things are. Where it does not know, it answers with a mean of what it has seen, and the mean of many "
                "colours is brown. `tinycolor train` on thousands of your own photos gets further.",
                _photos(not_seen, net, "not seen"),
                level=3,
            ),
            section(
                "Seen in training",
                "These it knows by heart, as far as its few weights allow. Good colours here say nothing of how well "
                "it colours other photos: so never judge a network on what it has seen.",
                _photos(seen, net, "seen"),
                level=3,
            ),
        ],
    )


def learn(net: ColorUNet, photos: PhotoFolder, seed: int) -> Iterator[float]:
    """Train on crops of photos, yielding the loss of every step."""
    optimizer = optim.Adam(net.parameters(), optim.one_cycle(LEARNING_RATE, STEPS))
    batches = Batches(photos_to_crop(photos, SIZE), size=SIZE, batch=BATCH, seed=seed)
    return train(net, optimizer, batches.ahead(range(STEPS), split_photo), losses.mse)


def _photos(folder: PhotoFolder, net: ColorUNet, label: str) -> str:
    credits = attributions()
    pieces = []
    for number in range(len(folder)):
        path: Path = folder[number]
        photo = open_image(path)
        picture = strip([grey_photos(photo[None])[0], colorize(photo, net), photo])
        description = f"{path.stem} in grey, coloured, and as it is"
        pieces.append(captioned(image(picture, description, "jpeg"), f"{label}: {credits[path.name]}"))
    return columns(*pieces)


def strip(photos: list[np.ndarray]) -> bytes:
    """Return photos of one size side by side as a JPEG file."""
    height = round(WIDTH * photos[0].shape[0] / photos[0].shape[1])
    whole = Image.new("RGB", (len(photos) * (WIDTH + GAP) - GAP, height), "white")
    for place, photo in enumerate(photos):
        small = Image.fromarray(photo).resize((WIDTH, height), Image.Resampling.LANCZOS)
        whole.paste(small, (place * (WIDTH + GAP), 0))
    return jpeg(np.asarray(whole))
