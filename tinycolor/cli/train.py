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

from tinycolor.cli.device import device_option
from tinycolor.cli.sentences import console, in_one_sentence, quoted
from tinycolor.files import shown
from tinycolor.training import run as runs
from tinycolor.training.checkpoint import CheckpointError
from tinycolor.training.loop import NotFiniteError
from tinycolor.training.recipes import MODELS, settings_for
from tinycolor.training.settings import OPTIMIZERS, SCHEDULES

FOLDER = click.Path(path_type=Path)
EPOCHS = 20


def _finite(context: click.Context, parameter: click.Parameter, value: float | None) -> float | None:
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no finite number.")
    return value


def _choices(*tables: dict[str, Any]) -> click.Choice[str]:
    return click.Choice(list(dict.fromkeys(name for table in tables for name in table)))


@click.command()
@click.argument("folder", type=FOLDER)
@click.option("--out", type=FOLDER, required=True, help="Folder for checkpoints, samples and the page.")
@click.option("--task", type=click.Choice(list(runs.TASKS)), default="colorize", show_default=True)
@click.option("--model", type=_choices(*MODELS.values()), help="Which network; color-unet to colour, unet to segment, "
              "pix2pix to translate.")  # fmt: skip
@click.option("--width", type=click.FloatRange(0, min_open=True), default=1.0, help="Factor on its channels.")
@click.option("--classes", type=click.IntRange(2, 255), help="To segment: how many kinds of things there are.")
@click.option("--ignore", "ignored", type=click.IntRange(0, 255), multiple=True, help="Numbers in label maps, beside "
              "255, that mean none of them.")  # fmt: skip
@click.option("--direction", type=click.Choice(["a-to-b", "b-to-a"]), help="To translate: a-to-b if nothing is said.")
@click.option("--size", type=click.IntRange(8, 1024), default=64, show_default=True, help="Side of the crops, pixels; "
              "to segment: shorter side of the pictures; to translate: side of the squares.")  # fmt: skip
@click.option("--epochs", type=click.IntRange(min=1), help=f"Times through all photos; {EPOCHS} if nothing is said.")
@click.option("--steps", type=click.IntRange(min=1), help="Length in steps instead of epochs.")
@click.option("--batch", type=click.IntRange(min=1), help="Crops in a step; the model's own. Of 1, pix2pix "
              "normalises each picture by itself (instance norm).")  # fmt: skip
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), callback=_finite, help="The model's own.")
@click.option("--schedule", type=click.Choice(list(SCHEDULES)), help="The model's own.")
@click.option("--optimizer", type=click.Choice(list(OPTIMIZERS)), help="The model's own.")
@click.option("--loss", type=_choices(*(recipe.losses for table in MODELS.values() for recipe in table.values())),
              help="The model's own.")  # fmt: skip
@device_option
@click.option("--seed", type=click.IntRange(0, 2**64 - 1), default=0, show_default=True)
@click.option("--resume", "goes_on", is_flag=True, help="Go on with the run in --out, with the options it began with.")
@click.pass_context
def train(
    context: click.Context,
    folder: Path,
    out: Path,
    epochs: int | None,
    steps: int | None,
    device: str,
    goes_on: bool,
    **rest: Any,
) -> None:
    """Train a network on the colour photos in FOLDER and in all folders below it.

    By default it learns to colour them. With --task segment it learns what is at each pixel, from photos that have a
    label map: FOLDER/photos/a.jpg and FOLDER/labels/a.png, or FOLDER/a.jpg and beside the folder FOLDER_seg/a.png.
    With --task translate it learns to make one picture of another, from pairs: FOLDER/A/a.png and FOLDER/B/a.png, or
    both side by side in FOLDER/a.png, or photos that have a label map.
    """
    if epochs and steps:
        raise click.UsageError("--epochs and --steps both say how long: give one of them.")
    if goes_on:
        _refuse_options(context)
    with in_one_sentence(f"could not write to {shown(out)}"):
        run = _resume(folder, out, device) if goes_on else _start(folder, out, epochs, steps, device, rest)
        with _signals() as received:
            _learn(run, received)
            if received:
                run.save()
    if received:
        again = f"tinycolor train {quoted(folder)} --out {quoted(out)} --resume"
        console.print(f"Saved at step {run.step}. To go on: {again}")
        context.exit(128 + received[0])
    console.print(f"Done. The best network: {shown(out / runs.BEST)}. Curves and samples: {shown(out / 'index.html')}")


def _start(
    folder: Path, out: Path, epochs: int | None, steps: int | None, device: str, said: dict[str, Any]
) -> runs.Run:
    dataset = runs.open_folder(folder, said["task"])
    console.print(str(dataset))
    settings = settings_for(dataset, steps, epochs or EPOCHS, **said)
    return runs.start(dataset, out, settings, device)


def _resume(folder: Path, out: Path, device: str) -> runs.Run:
    try:
        run = runs.resume(folder, out, device)
    except CheckpointError as error:
        raise click.ClickException(f"{error}; without it no run can go on: begin one in another folder.") from error
    console.print(str(run.task.dataset))
    return run


def _refuse_options(context: click.Context) -> None:
    said = [
        f"--{name.replace('_', '-')}"
        for name in context.params
        if name not in ("folder", "out", "device", "goes_on")
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
        if len(received) > 1:  # it came while the line below was being printed, which is no place to stop at
            return
        console.print("Finishing this step. Once more stops at once.")
        for name, handler in before.items():
            signal.signal(name, handler)
        if len(received) > 1:
            signal.raise_signal(received.pop())

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
                    console.print(f"step {step.number:,}: {run.task.sentence(step.scores)}")
                if received:
                    return
        except NotFiniteError as error:
            kept = f" {shown(run.out / runs.LAST)} is from before it." if (run.out / runs.LAST).exists() else ""
            raise click.ClickException(f"{error}{kept}") from error
    skipped = len(run.task.skipped())
    if skipped:
        console.print(f"Photos that could not be used: {skipped:,}; {shown(run.out / runs.SKIPPED)} says why.")
