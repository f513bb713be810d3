"""``tinycolor evaluate``: judge a trained network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, TypeVar

import click
from rich import box
from rich.table import Table

from tinycolor import segment, translate
from tinycolor.backend import to_device
from tinycolor.cli.device import device_option
from tinycolor.cli.mode import mode_option
from tinycolor.cli.sentences import console, in_one_sentence
from tinycolor.data.label_maps import find_pairs, of_one_shape
from tinycolor.data.picture_pairs import LABEL_MAPS, PicturePairs, find_picture_pairs, kind_of_pairs, why_no_pairs
from tinycolor.data.shrunk import NoPhotosError, why_none
from tinycolor.evaluate import JudgedPhotos
from tinycolor.evaluate import evaluate as evaluate_on
from tinycolor.files import shown, write_whole
from tinycolor.networks.colorizer import Colorizer
from tinycolor.networks.network import Network
from tinycolor.networks.pix2pix import Pix2PixGenerator
from tinycolor.training.checkpoint import read_checkpoint, wrong_kind

PATH = click.Path(path_type=Path)
Kind = TypeVar("Kind", bound=Network)

Columns = dict[str, tuple[str, str]]
COLUMNS: Columns = {
    "ab_mae": ("ab MAE", "{:.2f}"),
    "psnr": ("PSNR", "{:.2f}"),
    "auc": ("AuC", "{:.4f}"),
    "balanced_auc": ("balanced\nAuC", "{:.4f}"),
    "accuracy_2": ("within\n2", "{:.1%}"),
    "accuracy_5": ("within\n5", "{:.1%}"),
    "colourfulness": ("colourfulness", "{:.1f}"),
    "ssim_ab": ("SSIM\nof ab", "{:.3f}"),
}
OF_CLASSES: Columns = {
    "pixel_accuracy": ("pixel\naccuracy", "{:.1%}"),
    "mean_accuracy": ("mean\naccuracy", "{:.1%}"),
    "mean_iou": ("mean IoU", "{:.3f}"),
    "frequency_weighted_iou": ("frequency-\nweighted IoU", "{:.3f}"),
}
OF_PAIRS: Columns = {
    "l1": ("L1\nof 255", "{:.2f}"),
    "psnr": ("PSNR", "{:.2f}"),
    "colour_overlap": ("overlap\nof colours", "{:.3f}"),
    "variety": ("variety", "{:.3f}"),
}


@click.command()
@click.argument("folder", type=PATH)
@click.option("--checkpoint", type=PATH, required=True, help="From tinycolor train, such as RUN/best.safetensors.")
@click.option("--size", type=click.IntRange(8, 1024), help="Photos are shrunk to this; what it was trained at.")
@device_option
@mode_option
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Also write the figures here.")
def evaluate(folder: Path, checkpoint: Path, size: int | None, device: str, mode: str, output: Path | None) -> None:
    """Judge a network on the colour photos in FOLDER, beside grey and the mean colour.

    One that was trained to segment is judged on the photos in FOLDER that have a label map, beside calling everything
    the commonest class. One that was trained to translate is judged on the pairs in FOLDER, beside the mean picture and
    the input unchanged.
    """
    with in_one_sentence(f"could not read {shown(folder)}"):
        saved = read_checkpoint(checkpoint)
        settings = saved.progress.get("settings", {})
        if settings.get("task") == "segment":
            _refuse(mode)
            results = _segmentation(to_device(saved.network, device), folder, settings, size or settings["size"])
        elif settings.get("task") == "translate":
            network = to_device(_expected(Pix2PixGenerator, saved.network, checkpoint), device)
            results = _translation(network, folder, settings, size or network.size, mode)
        else:
            network = to_device(_expected(Colorizer, saved.network, checkpoint), device)
            results = _colours(network, folder, size or network.size, mode)
    if output is not None:
        with in_one_sentence(f"could not write {shown(output)}"):
            write_whole({output: json.dumps(results, indent=2).encode() + b"\n"})


def _expected(kind: type[Kind], network: Network, checkpoint: Path) -> Kind:
    """Return the network, or raise what ``read_checkpoint`` raises of another class; which one is only known now."""
    if not isinstance(network, kind):
        raise wrong_kind(checkpoint, type(network).__name__, kind)
    return network


def _refuse(mode: str) -> None:
    if mode != "eval":
        raise click.UsageError(
            f"--mode {mode} is for networks that make pictures, and this one segments: leave it out."
        )


def _colours(network: Colorizer, folder: Path, size: int, mode: str) -> dict[str, Any]:
    photos = JudgedPhotos(folder, size)
    if next(iter(photos), None) is None:
        raise NoPhotosError(why_none(folder, photos.skipped))
    results = evaluate_on(network, photos, mode)
    _print(f"Photos: {results['truth']['photos']:,}, {size} x {size}", COLUMNS, results, photos.skipped)
    return {"size": size, **results}


def _segmentation(network: Network, folder: Path, settings: dict[str, Any], size: int) -> dict[str, Any]:
    skipped: dict[Path, str] = {}
    pairs = find_pairs(folder, skipped.__setitem__)
    photos = of_one_shape(pairs, size, classes=settings["classes"], ignored=settings["ignored"])
    judged = list(photos.some())
    height, width = judged[0].shape[:2]
    results = {
        "network": segment.judge(network, judged),
        "commonest class": segment.judge_commonest(judged, settings["classes"]),
    }
    _print(f"Photos: {len(judged):,}, {width} x {height}", OF_CLASSES, results, {**skipped, **photos.skipped})
    return {"size": size, "photos": len(judged), **results}


def _translation(
    network: Pix2PixGenerator, folder: Path, settings: dict[str, Any], size: int, mode: str
) -> dict[str, Any]:
    skipped: dict[Path, str] = {}
    found = find_picture_pairs(folder, skipped.__setitem__)
    pairs = PicturePairs(found, size, size, direction=settings["direction"], ignored=settings["ignored"])
    judged = list(pairs)
    skipped |= pairs.skipped
    if not judged:
        raise NoPhotosError(why_no_pairs(folder, skipped))
    held, learned = kind_of_pairs(found.folder), settings.get("pairs")
    if learned and (held == LABEL_MAPS) != (learned == LABEL_MAPS):
        raise ValueError(
            f"{shown(folder)} holds pairs of {held}, expected {learned}: from these the network has learned."
        )
    results = {"network": translate.judge(network, judged, mode), **translate.baselines(judged)}
    _print(f"Pairs: {len(judged):,}, {size} x {size}", OF_PAIRS, results, skipped)
    return {"size": size, "pairs": len(judged), **results}


def _print(title: str, columns: Columns, results: dict[str, dict[str, float]], skipped: dict[Path, str]) -> None:
    # Narrow enough for the 80 columns that a file or a pipe is taken to have.
    table = Table(title=title, box=box.SIMPLE, padding=0)
    for heading in ("", *(heading for heading, _ in columns.values())):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for method, figures in results.items():
        table.add_row(method, *(form.format(figures[name]) for name, (_, form) in columns.items()))
    console.print(table)
    for path, reason in sorted(skipped.items()):
        console.print(f"not judged: {shown(path)}: {reason}")
