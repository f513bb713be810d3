"""``tinycolor evaluate``: judge a trained network."""

from __future__ import annotations

import json
from pathlib import Path

import click
from rich import box
from rich.table import Table

from tinycolor.cli.sentences import console, in_one_sentence
from tinycolor.data.shrunk import NoPhotosError, why_none
from tinycolor.evaluate import JudgedPhotos
from tinycolor.evaluate import evaluate as evaluate_on
from tinycolor.files import shown, write_whole
from tinycolor.networks import ColorUNet
from tinycolor.training.checkpoint import load_checkpoint

PATH = click.Path(path_type=Path)

COLUMNS = {
    "ab_mae": ("ab MAE", "{:.2f}"),
    "psnr": ("PSNR", "{:.2f}"),
    "auc": ("AuC", "{:.4f}"),
    "balanced_auc": ("balanced\nAuC", "{:.4f}"),
    "accuracy_2": ("within\n2", "{:.1%}"),
    "accuracy_5": ("within\n5", "{:.1%}"),
    "colourfulness": ("colourfulness", "{:.1f}"),
    "ssim_ab": ("SSIM\nof ab", "{:.3f}"),
}


@click.command()
@click.argument("folder", type=PATH)
@click.option("--checkpoint", type=PATH, required=True, help="From tinycolor train, such as RUN/best.safetensors.")
@click.option("--size", type=click.IntRange(8, 1024), help="Photos are shrunk and cut to this; the network's own size.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Also write the figures here.")
def evaluate(folder: Path, checkpoint: Path, size: int | None, output: Path | None) -> None:
    """Judge a network on the colour photos in FOLDER, beside grey and the mean colour."""
    with in_one_sentence(f"could not read {shown(folder)}"):
        network = load_checkpoint(checkpoint, ColorUNet)
        photos = JudgedPhotos(folder, size or network.size)
        if next(iter(photos), None) is None:
            raise NoPhotosError(why_none(folder, photos.skipped))
        results = evaluate_on(network, photos)
    # Narrow enough for the 80 columns that a file or a pipe is taken to have.
    table = Table(
        title=f"Photos: {results['truth']['photos']:,}, {photos.size} x {photos.size}", box=box.SIMPLE, padding=0
    )
    for heading in ("", *(heading for heading, _ in COLUMNS.values())):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for method, figures in results.items():
        table.add_row(method, *(form.format(figures[name]) for name, (_, form) in COLUMNS.items()))
    console.print(table)
    for path, reason in sorted(photos.skipped.items()):
        console.print(f"not judged: {shown(path)}: {reason}")
    if output is not None:
        with in_one_sentence(f"could not write {shown(output)}"):
            write_whole({output: json.dumps({"size": photos.size, **results}, indent=2).encode() + b"\n"})
