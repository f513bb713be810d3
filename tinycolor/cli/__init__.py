"""The ``tinycolor`` command; one file per group of its commands."""

from __future__ import annotations

import warnings

import click

from tinycolor.cli.bench import bench
from tinycolor.cli.colorize import colorize
from tinycolor.cli.demo import demo
from tinycolor.cli.doctor import doctor
from tinycolor.cli.evaluate import evaluate
from tinycolor.cli.summary import summary
from tinycolor.cli.train import train
from tinycolor.cli.transfer import transfer
from tinycolor.cli.translate import translate


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tinycolor-nn")
def main() -> None:
    """Deep learning written by hand, for learning how machines see and colour pictures."""
    # What Pillow finds odd about a photo that it can open after all is of no use to anybody here.
    warnings.filterwarnings("ignore", module="PIL")


for command in (demo, train, colorize, translate, transfer, evaluate, summary, bench, doctor):
    main.add_command(command)
