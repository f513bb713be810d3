"""``tinycolor colorize``: colour photos with a trained network."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import click

from tinycolor.backend import to_device
from tinycolor.cli.device import device_option
from tinycolor.cli.sentences import console, in_one_sentence
from tinycolor.colorize import colorize_and_count
from tinycolor.data.folder import Skip, find_photos
from tinycolor.data.photos import ImageError, open_image, png
from tinycolor.files import shown, write_whole
from tinycolor.networks.colorizer import Colorizer
from tinycolor.training.checkpoint import load_checkpoint

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("photos", type=PATH, nargs=-1, required=True)
@click.option("--checkpoint", type=PATH, required=True, help="From tinycolor train, such as RUN/best.safetensors.")
@click.option("--out", type=PATH, required=True, help="Folder for the coloured photos, as PNG.")
@device_option
@click.option("--saturation", type=click.FloatRange(0, 10), default=1.0, show_default=True, help="Strength of colour.")
@click.pass_context
def colorize(
    context: click.Context, photos: tuple[Path, ...], checkpoint: Path, out: Path, device: str, saturation: float
) -> None:
    """Colour PHOTOS, files or folders, keeping the lightness of every pixel; what is done already is left alone."""
    counts = Counter[str]()

    def skip(path: Path, reason: str) -> None:
        console.print(f"{shown(path)}: {reason}")
        counts["unusable"] += 1

    with in_one_sentence(f"could not write to {shown(out)}"):
        network = to_device(load_checkpoint(checkpoint, Colorizer), device)
        for photo, target in _jobs(photos, out, skip):
            if os.path.exists(target) and not _same(photo, target):
                console.print(f"{shown(target)} is there already")
                counts["there"] += 1
                continue
            try:
                if os.path.exists(target):
                    raise ImageError(photo, "would be overwritten by its own result: name another --out")
                picture, weakened = colorize_and_count(open_image(photo), network, saturation=saturation)
            except ImageError as error:
                skip(error.path, error.reason)
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole({target: png(picture)})
            console.print(f"{shown(target)} ({weakened:.1%} of the pixels weakened to what a screen can show)")
            counts["done"] += 1
    console.print(
        f"{counts['done']} coloured, {counts['there']} there already, {counts['unusable']} could not be used."
    )
    if counts["unusable"]:
        context.exit(1)


def _same(photo: Path, target: Path) -> bool:
    return os.path.exists(photo) and os.path.samefile(photo, target)


def _jobs(photos: tuple[Path, ...], out: Path, skip: Skip) -> list[tuple[Path, Path]]:
    """Return (photo, where its result goes); two photos that differ in nothing but the ending keep theirs."""
    sources: list[tuple[Path, Path]] = []
    for photo in photos:
        if not os.path.isdir(photo):
            sources.append((photo, Path(photo.name)))
            continue
        if out.resolve().is_relative_to(photo.resolve()):
            raise click.UsageError(
                f"{shown(out)} lies inside {shown(photo)}: results would be taken for photos; choose another --out."
            )
        found = find_photos(photo, skip)
        if not len(found):
            raise click.ClickException(
                f"there are no photos in {shown(photo)}: name photos, or a folder with photos in it."
            )
        sources += [(found[number], found[number].relative_to(photo)) for number in range(len(found))]
    sources = list(dict.fromkeys(sources))  # a photo may be named twice
    uses = Counter(name.with_suffix(".png") for _, name in sources)
    jobs: dict[Path, Path] = {}
    for photo, name in sources:
        target = out / (name.with_suffix(".png") if uses[name.with_suffix(".png")] == 1 else f"{name}.png")
        if target in jobs:
            raise click.UsageError(
                f"{shown(jobs[target])} and {shown(photo)} would both become {shown(target)}: give each an --out of "
                "its own."
            )
        jobs[target] = photo
    return [(photo, target) for target, photo in jobs.items()]
