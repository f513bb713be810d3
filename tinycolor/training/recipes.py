"""How each network is made and trained, where the user says nothing else: as its paper did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinycolor import losses, networks
from tinycolor.backend import Array
from tinycolor.data.dataset import Dataset
from tinycolor.data.picture_pairs import kind_of_pairs
from tinycolor.networks.iizuka import colour_and_scene_loss
from tinycolor.networks.network import Network, scaled
from tinycolor.networks.zhang import colour_weights, rebalanced_cross_entropy
from tinycolor.segment import known_cross_entropy
from tinycolor.training.loop import Loss
from tinycolor.training.settings import Settings

SomePhotos = Callable[[], np.ndarray]
"""Gives some photos that are learned from, uint8 (N, H, W, 3): for losses that hang on which colours are rare."""

PLAIN: dict[str, Callable[[SomePhotos], Loss]] = {
    "mse": lambda photos: losses.mse,
    "l1": lambda photos: losses.l1,
    "smooth-l1": lambda photos: losses.smooth_l1,
}


@dataclass(frozen=True)
class Recipe:
    """A network and how to train it.

    Attributes
    ----------
    network : function
        Makes it, from the settings.
    losses : dict
        Those that fit it, by name, its own first: a function of some photos.
    scenes : bool
        Whether it learns from the kinds of scenes too.
    discriminator : function, optional
        Makes what it learns against if its loss is ``L1_AND_CGAN``, from the settings.
    optimizer, schedule, learning_rate, batch
        What ``Settings`` gets where nothing else is said.
    """

    network: Callable[[Settings], Any]
    losses: dict[str, Callable[[SomePhotos], Loss]]
    optimizer: str = "adam"
    schedule: str = "one-cycle"
    learning_rate: float = 1e-3
    batch: int = 16
    scenes: bool = False
    discriminator: Callable[[Settings], Network] | None = None


def color_unet(settings: Settings) -> networks.ColorUNet:
    """Return the colorizer of the first lessons, its widths times ``width``."""
    widths = tuple(scaled(channels, settings.width) for channels in (32, 64, 128, 256))
    return networks.ColorUNet(widths=widths, size=settings.size, seed=settings.seed)


def unet(settings: Settings) -> networks.UNet:
    """Return the U-Net as it is used today, padded and batch-normed, for colours or for classes."""
    channels = (1, 2) if settings.task == "colorize" else (3, settings.classes)
    return networks.UNet(
        *channels, "same", batch_norm=True, width=settings.width, size=settings.size, seed=settings.seed
    )


def zhang(settings: Settings) -> networks.Zhang:
    """Return Zhang's classification."""
    return networks.Zhang(settings.width, size=settings.size, seed=settings.seed)


def zhang_l2(settings: Settings) -> networks.ZhangL2:
    """Return Zhang's regression."""
    return networks.ZhangL2(settings.width, size=settings.size, seed=settings.seed)


def iizuka(settings: Settings) -> networks.Iizuka:
    """Return Iizuka's network; the crops that it learns from are the whole picture too."""
    return networks.Iizuka(
        settings.classes or None,
        settings.width,
        batch_norm=True,
        global_size=settings.size,
        size=settings.size,
        seed=settings.seed,
    )


def iizuka_baseline(settings: Settings) -> networks.IizukaBaseline:
    """Return Iizuka's network without global features."""
    return networks.IizukaBaseline(settings.width, batch_norm=True, size=settings.size, seed=settings.seed)


BINS: dict[str, Callable[[SomePhotos], Loss]] = {
    "rebalanced": lambda photos: rebalanced_cross_entropy(colour_weights(photos())),
    "cross-entropy": lambda photos: losses.cross_entropy,
}

# Zhang 2016, section 3.2: Adam as in the release, rates as in the paper, batches of 40.
AS_ZHANG: dict[str, Any] = {"optimizer": "adam-zhang", "schedule": "thirds", "learning_rate": 3e-5, "batch": 40}


def joint_mse(y: Any, target: Any) -> tuple[Array, Any]:
    """Iizuka's loss where the kinds of scenes are known, its part of the colours alone where they are not."""
    return colour_and_scene_loss(y, target) if isinstance(y, tuple) else losses.mse(y, target)


# Iizuka 2016, sections 3.6 and 4: Adadelta in batches of 128.
AS_IIZUKA: dict[str, Any] = {"optimizer": "adadelta", "schedule": "constant", "learning_rate": 1.0, "batch": 128}

L1_AND_CGAN = "l1+cgan"

# Isola 2017, section 3.3; half constant, half linear decay, as the authors' PyTorch. In the paper, batches of 1 to 10.
AS_PIX2PIX: dict[str, Any] = {"optimizer": "adam-gan", "schedule": "linear", "learning_rate": 2e-4, "batch": 4}
FEWEST, MOST = 4, 8  # times that a picture is halved


def pix2pix(settings: Settings) -> networks.Pix2PixGenerator:
    """Return pix2pix's generator, as deep as the pictures can be halved, for colours or for whole pictures."""
    halvings = (settings.size & -settings.size).bit_length() - 1  # how often 2 divides it
    if halvings < FEWEST:
        raise ValueError(
            f"--model pix2pix got --size {settings.size}, expected one that can be halved {FEWEST} times or more, such "
            "as 64, 96, 128 or 256."
        )
    return networks.Pix2PixGenerator(
        *((1, 2) if settings.task == "colorize" else (3, 3)),
        min(halvings, MOST),
        scaled(64, settings.width),
        # In training, a batch of one picture is normalised by that picture alone: so let it be in use, too.
        norm="instance" if settings.batch == 1 else "batch",
        size=settings.size,
        seed=settings.seed,
    )


def patch_discriminator(settings: Settings) -> networks.PatchDiscriminator:
    """Return pix2pix's discriminator; its patches are a sixth to a quarter of the picture, but 16 pixels at least."""
    layers = max(1, min(3, settings.size.bit_length() - 6))
    channels = 1 + 2 if settings.task == "colorize" else 3 + 3
    return networks.PatchDiscriminator(channels, layers, scaled(64, settings.width), seed=settings.seed)


PIX2PIX = Recipe(
    pix2pix,
    {L1_AND_CGAN: PLAIN["l1"], **PLAIN},
    discriminator=patch_discriminator,
    **AS_PIX2PIX,
)

COLORIZERS: dict[str, Recipe] = {
    "color-unet": Recipe(color_unet, PLAIN),
    "unet": Recipe(unet, PLAIN),
    "zhang": Recipe(zhang, BINS, **AS_ZHANG),
    "zhang-l2": Recipe(zhang_l2, PLAIN, **AS_ZHANG),
    "iizuka": Recipe(iizuka, {"mse": lambda photos: joint_mse}, scenes=True, **AS_IIZUKA),
    "iizuka-baseline": Recipe(iizuka_baseline, PLAIN, **AS_IIZUKA),
    "pix2pix": PIX2PIX,
}

KNOWN_PIXELS: dict[str, Callable[[SomePhotos], Loss]] = {"cross-entropy": lambda photos: known_cross_entropy}


def fcn(kind: type[networks.FCN32s | networks.FCN16s | networks.FCN8s]) -> Callable[[Settings], Network]:
    """Return what makes an FCN of this kind."""
    return lambda settings: kind(settings.classes, settings.width, seed=settings.seed)


SEGMENTERS: dict[str, Recipe] = {
    "unet": Recipe(unet, KNOWN_PIXELS),
    "fcn32s": Recipe(fcn(networks.FCN32s), KNOWN_PIXELS),
    "fcn16s": Recipe(fcn(networks.FCN16s), KNOWN_PIXELS),
    "fcn8s": Recipe(fcn(networks.FCN8s), KNOWN_PIXELS),
}

TRANSLATORS: dict[str, Recipe] = {"pix2pix": PIX2PIX}

MODELS = {"colorize": COLORIZERS, "segment": SEGMENTERS, "translate": TRANSLATORS}
"""By task; the first model is the one that is meant where none is named."""
ONLY_FOR = {"classes": ("segment",), "ignored": ("segment", "translate"), "direction": ("translate",)}
OWN = ("optimizer", "schedule", "learning_rate", "batch")


def discriminator_for(recipe: Recipe, settings: Settings) -> Network | None:
    """Return what a network learns against, or None."""
    return recipe.discriminator(settings) if recipe.discriminator and settings.loss == L1_AND_CGAN else None


def settings_for(dataset: Dataset, steps: int | None, epochs: int, **said: Any) -> Settings:
    """Return all settings of a run: what was said, and where it is None, what the model's recipe says.

    Raises
    ------
    ValueError
        Things that do not go together.
    """
    task = said["task"]
    model = said.get("model") or next(iter(MODELS[task]))
    if model not in MODELS[task]:
        raise ValueError(f"--task {task} got --model {model}, expected one of {', '.join(MODELS[task])}.")
    recipe = MODELS[task][model]
    chosen: dict[str, Any] = {name: getattr(recipe, name) for name in OWN} | {"loss": next(iter(recipe.losses))}
    chosen |= {name: value for name, value in said.items() if value is not None} | {"model": model}
    if chosen["loss"] not in recipe.losses:
        raise ValueError(f"--model {model} got --loss {chosen['loss']}, expected one of {', '.join(recipe.losses)}.")
    if task == "segment" and "classes" not in chosen:
        raise ValueError("--task segment got no --classes: say how many kinds of things the label maps tell apart.")
    for option, tasks in ONLY_FOR.items():
        if task not in tasks and said.get(option):
            name = "ignore" if option == "ignored" else option
            raise ValueError(f"--task {task} got --{name}, which is for --task {' or '.join(tasks)}: leave it out.")
    if task == "translate":
        chosen.setdefault("direction", "a-to-b")
        chosen["pairs"] = kind_of_pairs(dataset.folder)
    if task == "colorize":
        chosen["classes"] = len(dataset.scenes) if recipe.scenes else 0
    return Settings(steps or epochs * dataset.steps_per_epoch(chosen["batch"]), **chosen)
