"""``tinycolor colorize``: colour photos with a trained network."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click
from rich.console import Console

from tinycolor.cli.sentences import in_one_sentence
from tinycolor.colorize import colorize_and_count
from tinycolor.data.folder import find_photos
from tinycolor.data.photos import ImageError, open_image, png
from tinycolor.files import shown, write_whole
from tinycolor.networks import ColorUNet
from tinycolor.training.checkpoint import load_checkpoint

console = Console(soft_wrap=True, highlight=False, markup=False)
PATH = click.Path(path_type=Path)


@click.command()
@click.argument("photos", type=PATH, nargs=-1, required=True)
@click.option("--checkpoint", type=PATH, required=True, help="From tinycolor train, such as RUN/best.safetensors.")
@click.option("--out", type=PATH, required=True, help="Folder for the coloured photos, as PNG.")
@click.option("--saturation", type=click.FloatRange(0, 10), default=1.0, show_default=True, help="Strength of colour.")
@click.pass_context
def colorize(context: click.Context, photos: tuple[Path, ...], checkpoint: Path, out: Path, saturation: float) -> None:
    """Colour PHOTOS, files or folders, keeping the lightness of every pixel; what is done already is left alone."""
    with in_one_sentence(f"could not write to {out}"):
        network = load_checkpoint(checkpoint, ColorUNet)
        jobs = _jobs(photos, out)
        done = failed = 0
        for photo, target in jobs:
            if target.exists() and not target.samefile(photo):
                console.print(f"{shown(target)} is there already")
                continue
            try:
                if target.exists():
                    raise ImageError(photo, "would be overwritten by its own result: name another --out")
                picture, weakened = colorize_and_count(open_image(photo), network, saturation=saturation)
            except ImageError as error:
                console.print(str(error))
                failed += 1
                continue
            target.parent.mkdir(parents=True, exist_ok=True)
            write_whole({target: png(picture)})
            console.print(f"{shown(target)} ({weakened:.1%} of the pixels weakened to what a screen can show)")
            done += 1
    console.print(f"{done} coloured, {len(jobs) - done - failed} there already, {failed} could not be used.")
    if failed:
        context.exit(1)


def _jobs(photos: tuple[Path, ...], out: Path) -> list[tuple[Path, Path]]:
    """Return (photo, where its result goes); two photos that differ in nothing but the ending keep theirs."""
    sources: list[tuple[Path, Path]] = []
    for photo in photos:
        if not photo.is_dir():
            sources.append((photo, Path(photo.name)))
            continue
        if out.resolve().is_relative_to(photo.resolve()):
            raise click.UsageError(
                f"{out} lies inside {photo}: results would be taken for photos; choose another --out."
            )
        found = find_photos(photo, lambda path, reason: console.print(f"{shown(path)}: {reason}"))
        if not len(found):
            raise click.ClickException(f"there are no photos in {photo}.")
        sources += [(found[number], found[number].relative_to(photo)) for number in range(len(found))]
    uses = Counter(name.with_suffix(".png") for _, name in sources)
    return [
        (photo, out / (name.with_suffix(".png") if uses[name.with_suffix(".png")] == 1 else f"{name}.png"))
        for photo, name in sources
    ]
