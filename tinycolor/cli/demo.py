"""``tinycolor demo``: see it happen, without a photo of your own."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import track

import tinycolor as tc
from tinycolor import demo as cross_or_circle
from tinycolor.demo import training

console = Console(soft_wrap=True)


@click.command()
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
