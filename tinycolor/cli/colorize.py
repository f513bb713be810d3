"""``tinycolor colorize`` and ``evaluate``: use a trained network, and judge it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from tinycolor.cli.sentences import in_one_sentence
from tinycolor.colorize import colorize_and_count
from tinycolor.data.folder import find_photos
from tinycolor.data.photos import ImageError, open_image, png
from tinycolor.data.shrunk import NoPhotosError, why_none
from tinycolor.evaluate import JudgedPhotos
from tinycolor.evaluate import evaluate as evaluate_on
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


COLUMNS = {
    "ab_mae": ("ab MAE", "{:.2f}"),
    "psnr": ("PSNR", "{:.2f}"),
    "auc": ("AuC", "{:.4f}"),
    "balanced_auc": ("balanced AuC", "{:.4f}"),
    "accuracy_2": ("within 2", "{:.1%}"),
    "accuracy_5": ("within 5", "{:.1%}"),
    "colourfulness": ("colourfulness", "{:.1f}"),
    "ssim_ab": ("SSIM of ab", "{:.3f}"),
}


@click.command()
@click.argument("folder", type=PATH)
@click.option("--checkpoint", type=PATH, required=True, help="From tinycolor train, such as RUN/best.safetensors.")
@click.option("--size", type=click.IntRange(8, 1024), help="Photos are shrunk and cut to this; the network's own size.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Also write the figures here.")
def evaluate(folder: Path, checkpoint: Path, size: int | None, output: Path | None) -> None:
    """Judge a network on the colour photos in FOLDER, beside grey and the mean colour."""
    with in_one_sentence(f"could not read {folder}"):
        network = load_checkpoint(checkpoint, ColorUNet)
        photos = JudgedPhotos(folder, size or network.size)
        if next(iter(photos), None) is None:
            raise NoPhotosError(why_none(folder, photos.photos.skipped))
        results = evaluate_on(network, photos)
    table = Table(title=f"{results['truth']['photos']:,} photos of {photos.size} x {photos.size}")
    table.add_column()
    for heading, _ in COLUMNS.values():
        table.add_column(heading, justify="right")
    for method, figures in results.items():
        table.add_row(method, *(form.format(figures[name]) for name, (_, form) in COLUMNS.items()))
    console.print(table)
    for path, reason in sorted(photos.photos.skipped.items()):
        console.print(f"not judged: {shown(path)}: {reason}")
    if output is not None:
        with in_one_sentence(f"could not write {output}"):
            write_whole({output: json.dumps({"size": photos.size, **results}, indent=2).encode() + b"\n"})
