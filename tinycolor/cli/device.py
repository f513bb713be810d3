"""``--device``: on what a command computes."""

from __future__ import annotations

import click

from tinycolor.backend import pick_device


def _picked(context: click.Context, parameter: click.Parameter, wanted: str) -> str:
    try:
        return pick_device(wanted)
    except (ModuleNotFoundError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error


device_option = click.option(
    "--device",
    type=click.Choice(["auto", "cpu", "gpu"]),
    default="auto",
    show_default=True,
    callback=_picked,
    help="auto: the GPU, if there is one and CuPy is installed.",
)
