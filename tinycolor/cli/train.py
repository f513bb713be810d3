"""``tinycolor train``: point it at a folder of photos."""

from __future__ import annotations

import math
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tinycolor.cli.sentences import console, in_one_sentence, quoted
from tinycolor.data.dataset import Dataset, open_dataset
from tinycolor.files import shown
from tinycolor.training import run as runs
from tinycolor.training.checkpoint import CheckpointError
from tinycolor.training.loop import NotFiniteError

FOLDER = click.Path(path_type=Path)
EPOCHS = 20


def _finite(context: click.Context, parameter: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no finite number.")
    return value


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--out", type=FOLDER, required=True, help="Folder for checkpoints, samples and the page.")
@click.option("--size", type=click.IntRange(8, 1024), default=64, show_default=True, help="Side of the crops, pixels.")
@click.option("--epochs", type=click.IntRange(min=1), help=f"Times through all photos; {EPOCHS} if nothing is said.")
@click.option("--steps", type=click.IntRange(min=1), help="Length in steps instead of epochs.")
@click.option("--batch", type=click.IntRange(min=1), default=16, show_default=True, help="Crops in a step.")
@click.option(
    "--learning-rate", type=click.FloatRange(0, min_open=True), default=1e-3, show_default=True, callback=_finite
)
@click.option("--schedule", type=click.Choice(list(runs.SCHEDULES)), default="one-cycle", show_default=True)
@click.option("--loss", type=click.Choice(list(runs.LOSSES)), default="mse", show_default=True)
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True)
@click.option("--resume", "goes_on", is_flag=True, help="Go on with the run in --out, with the options it began with.")
@click.pass_context
def train(
    context: click.Context, folder: Path, out: Path, epochs: int | None, steps: int | None, goes_on: bool, **rest: Any
) -> None:
    """Train a colorizer on the colour photos in FOLDER and in all folders below it."""
    if epochs and steps:
        raise click.UsageError("--epochs and --steps both say how long: give one of them.")
    if goes_on:
        _refuse_options(context)
    with in_one_sentence(f"could not write to {shown(out)}"):
        dataset = _open(folder)
        if goes_on:
            run = _resume(dataset, out)
        else:
            length = steps or (epochs or EPOCHS) * dataset.steps_per_epoch(rest["batch"])
            run = runs.start(dataset, out, runs.Settings(length, **rest))
        with _signals() as received:
            _learn(run, received)
            if received:
                run.save()
    if received:
        again = f"tinycolor train {quoted(folder)} --out {quoted(out)} --resume"
        console.print(f"Saved at step {run.step}. To go on: {again}")
        context.exit(128 + received[0])
    console.print(f"Done. The best network: {shown(out / runs.BEST)}. Curves and samples: {shown(out / 'index.html')}")


def _open(folder: Path) -> Dataset:
    dataset = open_dataset(folder)
    console.print(f"Photos: {len(dataset.learning):,} to learn from, {len(dataset.judging):,} kept for judging.")
    if dataset.learning is dataset.judging:
        console.print("One photo has to do for both, so the figures only tell whether it can be learned by heart.")
    return dataset


def _resume(dataset: Dataset, out: Path) -> runs.Run:
    try:
        return runs.resume(dataset, out)
    except CheckpointError as error:
        raise click.ClickException(f"{error}; without it no run can go on: begin one in another folder.") from error


def _refuse_options(context: click.Context) -> None:
    said = [
        f"--{name.replace('_', '-')}"
        for name in context.params
        if name not in ("folder", "out", "goes_on")
        and context.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if said:
        raise click.UsageError(
            f"--resume goes on with the options that the run began with: leave out {', '.join(said)}."
        )


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Gather the first Ctrl-C or SIGTERM instead of obeying it; a second one does what it always did."""
    received: list[int] = []

    def note(number: int, frame: object) -> None:
        received.append(number)
        for name, handler in before.items():
            signal.signal(name, handler)
        console.print("Finishing this step. Once more stops at once.")

    before = {name: signal.signal(name, note) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield received
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _learn(run: runs.Run, received: list[int]) -> None:
    columns = (
        TextColumn("step"),
        MofNCompleteColumn(),
        BarColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console) as bar, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # of numbers too large: the loop stops at them and says where
        task = bar.add_task("", total=run.settings.steps, completed=run.step)
        try:
            for step in run.steps():
                speed = f"loss {step.loss:.5f}  {step.images_per_second:.1f} images/s"
                bar.update(task, completed=step.number, description=speed)
                if step.scores:
                    console.print(f"step {step.number:,}: {_sentence(step.scores)}")
                if received:
                    return
        except NotFiniteError as error:
            kept = f" {shown(run.out / runs.LAST)} is from before it." if (run.out / runs.LAST).exists() else ""
            raise click.ClickException(f"{error}{kept}") from error
    if run.skipped():
        console.print(
            f"Photos that could not be used: {len(run.skipped()):,}; {shown(run.out / runs.SKIPPED)} says why."
        )


def _sentence(scores: dict[str, dict[str, float]]) -> str:
    ours, grey, truth = scores["network"], scores["grey"], scores["truth"]
    return (
        f"ab MAE {ours['ab_mae']:.2f} (grey {grey['ab_mae']:.2f}), PSNR {ours['psnr']:.1f} (grey {grey['psnr']:.1f}), "
        f"colourfulness {ours['colourfulness']:.1f} (truth {truth['colourfulness']:.1f})"
    )
