"""``tinycolor summary``, ``bench`` and ``doctor``: what a network costs, and what this machine has."""

from __future__ import annotations

import os
import platform
from inspect import signature
from pathlib import Path

import click
import numpy as np

import tinycolor as tc
from tinycolor import bench as benchmark
from tinycolor.bench.machine import SLOWING
from tinycolor.threads import blas_threads, lane_count


@click.command()
@click.argument("network", type=click.Choice(tc.networks.__all__))
@click.option("--batch", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--size", type=click.IntRange(min=1), help="Height and width of the pictures; 64, or the network's own.")
def summary(network: str, batch: int, size: int | None) -> None:
    """Print a network layer by layer: shapes, parameters, memory, algorithm."""
    kind = getattr(tc.networks, network)
    own = signature(kind).parameters.get("size")
    side = size or (own.default if own else 64)
    try:
        net = kind(size=side) if own else kind()
        table = tc.summary(net, (batch, side, side, 1))
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    except MemoryError as error:
        raise click.ClickException(
            f"{network} needs more memory than there is for pictures of size {side}, batch {batch}; try smaller ones."
        ) from error
    click.echo(table)


@click.command()
@click.option("--turns", type=click.IntRange(min=1), default=5, show_default=True, help="Turns of each side.")
@click.option("--case", "cases", multiple=True, help=f"Only this: {', '.join(benchmark.GROUPS)}; may be repeated.")
@click.option("--json", "output", type=click.Path(dir_okay=False, path_type=Path), help="Also write everything here.")
def bench(turns: int, cases: tuple[str, ...], output: Path | None) -> None:
    """Time tinycolor, and PyTorch where installed, in turns; below 1 tinycolor is the faster."""
    try:
        report = benchmark.run(
            turns=turns, output=output, cases=cases or None, progress=lambda line: click.echo(line, err=True)
        )
    except (ValueError, RuntimeError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(report)


@click.command()
def doctor() -> None:
    """Say what this machine has and what tinycolor would use of it."""
    blas = ", ".join(f"{name} with {threads} threads" for name, threads in blas_threads())
    lines = {
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "cores": f"{os.cpu_count()}, of which {lane_count()} lanes used",
        "numpy": f"{np.__version__}, {blas or 'no known BLAS'}",
        "tinycolor": tc.__version__,
    }
    for name, value in lines.items():
        click.echo(f"{name:<10} {value}")
    slowing = [name for name in SLOWING if name in os.environ]
    if slowing:
        click.echo(f"warning    {', '.join(slowing)} set: matrix products may run on a slower kernel.")
