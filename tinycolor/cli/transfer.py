"""``tinycolor transfer``: colour a grey photo from a coloured one that looks like it, without a network."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click

from tinycolor.cli.sentences import console, in_one_sentence
from tinycolor.color.welsh import Swatch
from tinycolor.color.welsh import transfer as coloured_from
from tinycolor.data.photos import ImageError, open_image, png
from tinycolor.data.shrunk import is_grey
from tinycolor.files import shown, write_whole

PATH = click.Path(path_type=Path)


class SwatchType(click.ParamType):
    """``10,20,40,40=60,5,40,40``: a rectangle in the grey photo, and one in the reference."""

    name = "swatch"

    def convert(self, value: str, param: click.Parameter | None, context: click.Context | None) -> Swatch:
        """Return the two rectangles as (left, top, width, height)."""
        with suppress(ValueError):
            ours, theirs = (tuple(map(int, rectangle.split(","))) for rectangle in value.split("="))
            if len(ours) == len(theirs) == 4:
                return ours, theirs
        self.fail(
            f"{value!r} is not left,top,width,height=left,top,width,height in whole pixels, such as "
            "10,20,40,40=60,5,40,40.",
            param,
            context,
        )


@click.command()
@click.argument("grey", type=PATH)
@click.argument("reference", type=PATH)
@click.option("--out", type=PATH, required=True, help="The coloured photo, a PNG file.")
@click.option(
    "--swatch",
    "swatches",
    type=SwatchType(),
    multiple=True,
    metavar="L,T,W,H=L,T,W,H",
    help="Left, top, width and height, in pixels, of what belongs together: in GREY = in REFERENCE. May be repeated.",
)
def transfer(grey: Path, reference: Path, out: Path, swatches: tuple[Swatch, ...]) -> None:
    """Colour the photo GREY like the photo REFERENCE, pixel by pixel from what looks alike; GREY's lightness stays."""
    with in_one_sentence(f"could not write {shown(out)}"):
        if out.suffix.lower() != ".png":
            raise click.UsageError(f"{shown(out)} would hold a PNG file: give --out a name that ends in .png.")
        if os.path.lexists(out):
            raise click.ClickException(f"{shown(out)} is there already, and stays as it is: name another --out.")
        try:
            photo, colours = open_image(grey), open_image(reference)
        except ImageError as error:
            raise click.ClickException(f"{error}.") from error
        if is_grey(colours):
            raise click.ClickException(f"{shown(reference)} is grey: the second photo has to be the one in colour.")
        picture = coloured_from(photo, colours, swatches=swatches)
        out.parent.mkdir(parents=True, exist_ok=True)
        write_whole({out: png(picture)})
    console.print(shown(out))
