"""``--mode``: how a network answers."""

from __future__ import annotations

import click

mode_option = click.option(
    "--mode",
    type=click.Choice(["eval", "paper", "instance"]),
    default="eval",
    show_default=True,
    help="How batch norm and dropout work. eval: with what was learned of all photos, nothing dropped. instance: with "
    "the statistics of the photo itself. paper: those, and dropout, as the authors of pix2pix.",
)
