"""``tinycolor translate``: make one picture of another with a trained network."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from tinycolor.backend import to_device
from tinycolor.cli.device import device_option
from tinycolor.cli.mode import mode_option
from tinycolor.cli.pictures import make_each
from tinycolor.cli.sentences import in_one_sentence
from tinycolor.data.label_maps import open_label_map, without_ignored
from tinycolor.data.photos import open_image
from tinycolor.data.picture_pairs import LABEL_MAPS
from tinycolor.files import shown
from tinycolor.networks.pix2pix import Pix2PixGenerator
from tinycolor.training.checkpoint import read_checkpoint
from tinycolor.translate import translate as translate_one

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("pictures", type=PATH, nargs=-1, required=True)
@click.option("--checkpoint", type=PATH, required=True, help="From tinycolor train, such as RUN/best.safetensors.")
@click.option("--out", type=PATH, required=True, help="Folder for the results, as PNG.")
@device_option
@mode_option
@click.pass_context
def translate(
    context: click.Context,
    pictures: tuple[Path, ...],
    checkpoint: Path,
    out: Path,
    device: str,
    mode: str,
) -> None:
    """Make of PICTURES, files or folders, what a network has learned to make; what is done already is left alone.

    Where it has learned from label maps, PICTURES are some, too.
    """

    def translated(path: Path) -> tuple[np.ndarray, str]:
        picture = open_image(path)
        if of_label_maps:
            picture = without_ignored(open_label_map(path, picture.shape[:2]), settings["ignored"])
        return translate_one(picture, network, mode=mode), ""

    with in_one_sentence(f"could not write to {shown(out)}"):
        saved = read_checkpoint(checkpoint, Pix2PixGenerator)
        network = to_device(saved.network, device)
        settings = saved.progress.get("settings", {})
        of_label_maps = settings.get("pairs") == LABEL_MAPS and settings["direction"] == "a-to-b"
        all_usable = make_each(pictures, out, translated, "translated")
    if not all_usable:
        context.exit(1)
