"""``tinycolor colorize``: colour photos with a trained network."""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np

from tinycolor.backend import to_device
from tinycolor.cli.device import device_option
from tinycolor.cli.mode import mode_option
from tinycolor.cli.pictures import make_each
from tinycolor.cli.sentences import in_one_sentence
from tinycolor.colorize import colorize_and_count
from tinycolor.data.photos import open_image
from tinycolor.files import shown
from tinycolor.networks.colorizer import Colorizer
from tinycolor.training.checkpoint import load_checkpoint

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("photos", type=PATH, nargs=-1, required=True)
@click.option("--checkpoint", type=PATH, required=True, help="From tinycolor train, such as RUN/best.safetensors.")
@click.option("--out", type=PATH, required=True, help="Folder for the coloured photos, as PNG.")
@device_option
@mode_option
@click.option("--saturation", type=click.FloatRange(0, 10), default=1.0, show_default=True, help="Strength of colour.")
@click.pass_context
def colorize(
    context: click.Context,
    photos: tuple[Path, ...],
    checkpoint: Path,
    out: Path,
    device: str,
    mode: str,
    saturation: float,
) -> None:
    """Colour PHOTOS, files or folders, keeping the lightness of every pixel; what is done already is left alone."""

    def coloured(photo: Path) -> tuple[np.ndarray, str]:
        picture, weakened = colorize_and_count(open_image(photo), network, saturation=saturation, mode=mode)
        return picture, f" ({weakened:.1%} of the pixels weakened to what a screen can show)"

    with in_one_sentence(f"could not write to {shown(out)}"):
        network = to_device(load_checkpoint(checkpoint, Colorizer), device)
        all_usable = make_each(photos, out, coloured, "coloured")
    if not all_usable:
        context.exit(1)
