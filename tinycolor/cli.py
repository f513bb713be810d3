"""The ``tinycolor`` command."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import track

import tinycolor as tc
from tinycolor import bench as benchmark
from tinycolor import demo as cross_or_circle
from tinycolor.bench.machine import SLOWING
from tinycolor.demo import training
from tinycolor.threads import blas_threads, lane_count

console = Console(soft_wrap=True)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tinycolor-nn")
def main() -> None:
    """Deep learning written by hand, for learning how machines see and colour pictures."""


@main.command()
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default="out/demo", show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True)
def demo(out: Path, seed: int) -> None:
    """Train cross-or-circle in seconds and draw what the network looks for."""
    with _writing_to(out):
        cross_or_circle.make_folder(out)  # now, not after the training
    net = tc.networks.CrossCircleCNN(seed=seed)
    started = time.perf_counter()
    steps = training.train(net, training.STEPS, seed)
    curve = list(track(steps, "Learning", total=training.STEPS, console=console))
    seconds = time.perf_counter() - started
    right = training.accuracy(net, training.UNSEEN, seed)
    result = f"{right:.1%} of {training.UNSEEN} unseen drawings told right, after {seconds:.1f} s of learning."
    console.print(result)
    with _writing_to(out):
        paths = cross_or_circle.save(net, curve, result, out, seed)
    for path in paths:
        console.print(f"  {path}", highlight=False)


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"could not write the pictures to {folder}: {error.strerror or error}.") from error


@main.command()
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


@main.command()
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


@main.command()
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


if __name__ == "__main__":
    main()
