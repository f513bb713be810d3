"""A training run: a folder of photos goes in; checkpoints, samples, a log and a page come out.

last.safetensors   all that is needed to go on, bit for bit
best.safetensors   the network that judged best
sheets/            given | predicted | truth, one picture a report
log.jsonl          a line every 20 steps, and one a report
index.html         curves and samples, opens from disk
skipped.jsonl      photos that could not be used, and why
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tinycolor.backend import beside, to_device
from tinycolor.data.dataset import Dataset, open_dataset, open_pairs, open_picture_pairs
from tinycolor.files import shown, sweep, write_whole
from tinycolor.training import report
from tinycolor.training.adversarial import Figures
from tinycolor.training.checkpoint import read_checkpoint, save_checkpoint
from tinycolor.training.colorizing import Colorizing
from tinycolor.training.learners import Adversarial, Learner, Supervised
from tinycolor.training.loop import NotFiniteError, first_not_finite
from tinycolor.training.segmenting import Segmenting
from tinycolor.training.settings import OPTIMIZERS, SCHEDULES, Settings
from tinycolor.training.task import Scores, Task
from tinycolor.training.translating import Translating

LAST, BEST, LOG, SKIPPED, SHEETS = "last.safetensors", "best.safetensors", "log.jsonl", "skipped.jsonl", "sheets"

LOG_EVERY = 20  # steps
SAVE_EVERY = 500  # steps, where an epoch is longer
REPORT_AFTER = 100  # steps at least: a folder of few photos has very short epochs

TASKS: dict[str, tuple[Callable[[Path], Dataset], Callable[[Dataset, Settings], Task]]] = {
    "colorize": (open_dataset, Colorizing),
    "segment": (open_pairs, Segmenting),
    "translate": (open_picture_pairs, Translating),
}


@dataclass(frozen=True)
class Step:
    """What one step gave; ``scores`` where there was a report."""

    number: int
    loss: float
    images_per_second: float
    scores: Scores | None


class Run:
    """One training of a network, from ``start`` or ``resume``.

    Attributes
    ----------
    step : int
        Steps done.
    """

    def __init__(self, task: Task, out: Path, settings: Settings, device: str) -> None:
        self.task, self.out, self.settings, self.device = task, out, settings, device
        self.learner = learner(task, settings, device)
        self.best = math.inf
        self.report_every = task.steps_per_epoch * math.ceil(REPORT_AFTER / task.steps_per_epoch)
        self._figures: list[Figures] = []
        self._clock = time.perf_counter()

    @property
    def step(self) -> int:
        return self.learner.optimizer.steps

    @property
    def images_per_second(self) -> float:
        """How fast it has been since the last line of the log."""
        return max(1, len(self._figures)) * self.settings.batch / (time.perf_counter() - self._clock)

    def steps(self) -> Iterator[Step]:
        """Train until the end, step by step; reports and saves on the way.

        Raises
        ------
        NotFiniteError
            A number became NaN or infinite; what is on the disk is from before.
        OSError
            A file cannot be written; the checkpoints on the disk are whole.
        """
        batches = self.task.batches(range(self.step, self.settings.steps), self.device)
        self._clock = time.perf_counter()
        try:
            for figures in self.learner.learn(batches):
                self._figures.append(figures)
                yield Step(self.step, figures["loss"], self.images_per_second, self._keep())
        finally:
            self.save_skipped()

    def _keep(self) -> Scores | None:
        """Write down what is due after this step."""
        if self.step % LOG_EVERY == 0:
            self._log_loss()
        if self.step % self.report_every == 0 or self.step == self.settings.steps:
            return self._report()
        if self.step % SAVE_EVERY == 0:
            self.save()
        return None

    def save(self) -> None:
        """Write ``last.safetensors``, from which the run goes on bit for bit."""
        save_checkpoint(self.out / LAST, self.task.network, **self.learner.saved(), progress=self._progress())

    def save_skipped(self) -> None:
        """Write ``skipped.jsonl``: which photos could not be used so far, and why not."""
        lines = [json.dumps({"file": str(path), "reason": why}) for path, why in sorted(self.task.skipped().items())]
        write_whole({self.out / SKIPPED: "".join(f"{line}\n" for line in lines).encode()})

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of the log up to this step."""
        lines = []
        for line in (self.out / LOG).read_bytes().splitlines() if (self.out / LOG).exists() else []:
            try:
                entry = json.loads(line)
            except ValueError:  # cut off when the process was killed
                continue
            if isinstance(entry, dict) and entry.get("step", math.inf) <= self.step:
                lines.append(entry)
        return lines

    def forget_later_lines(self) -> None:
        """Cut the log off after this step: what was logged between the last checkpoint and a crash comes again."""
        lines = "".join(json.dumps(entry) + "\n" for entry in self.log())
        write_whole({self.out / LOG: lines.encode()})

    def _progress(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "settings": asdict(self.settings),
            "best": self.best if math.isfinite(self.best) else None,
            "photos": self.task.dataset.fingerprint(),
        }

    def _log_loss(self) -> None:
        self._write_log(
            {
                "step": self.step,
                **{name: float(np.mean([figures[name] for figures in self._figures])) for name in self._figures[0]},
                "learning_rate": self.learner.optimizer.schedule(self.step - 1),
                "images_per_second": round(self.images_per_second, 2),
            }
        )
        self._figures.clear()
        self._clock = time.perf_counter()

    def _report(self) -> Scores:
        started = time.perf_counter()
        try:
            scores = self.task.judge()
        except ValueError as error:  # the figures are of finite numbers alone
            question = beside(self.task.question(), self.task.network.parameters()[0].data)
            where = first_not_finite(self.task.network, question, mode="eval")
            raise NotFiniteError(f"step {self.step}: {where}: try a smaller learning rate.") from error
        sheet = self.out / SHEETS / f"{self.step:07d}.png"
        write_whole({sheet: self.task.sheet()})
        epoch = self.step / self.task.steps_per_epoch
        self._write_log({"step": self.step, "epoch": round(epoch, 3), "validation": scores, **self.task.baselines})
        score = self.task.error(scores)
        if score < self.best:
            self.best = score
            save_checkpoint(self.out / BEST, self.task.network, progress=self._progress())
        paths = sorted(path for path in sheet.parent.glob("*.png") if path.stem.isdecimal())
        sheets = [(int(path.stem), path) for path in paths if int(path.stem) <= self.step]
        report.write(self.out, self.task, asdict(self.settings), self.log(), sheets)
        self.save()  # last: a run whose page cannot be written makes its report again
        self._clock += time.perf_counter() - started
        return scores

    def _write_log(self, entry: dict[str, Any]) -> None:
        with (self.out / LOG).open("a") as file:
            file.write(json.dumps(entry) + "\n")


def learner(task: Task, settings: Settings, device: str) -> Learner:
    """Return who learns: the task's network, on a device, alone or against the task's discriminator."""
    schedule = SCHEDULES[settings.schedule](settings.learning_rate, settings.steps)
    task.network = to_device(task.network, device)
    optimizer = OPTIMIZERS[settings.optimizer](task.network.parameters(), schedule)
    if task.discriminator is None:
        return Supervised(task.network, optimizer, task.loss, settings.seed)
    task.discriminator = to_device(task.discriminator, device)
    its_own = OPTIMIZERS[settings.optimizer](task.discriminator.parameters(), schedule)
    return Adversarial(task.network, task.discriminator, (optimizer, its_own), task.loss, settings.seed)


class RunError(ValueError):
    """A run that cannot be begun or gone on with, in one sentence."""


def open_folder(folder: Path, task: str) -> Dataset:
    """Return the dataset in a folder, as a task sees it.

    Raises
    ------
    NoPhotosError, NotADirectoryError
        There is none.
    """
    return TASKS[task][0](folder)


def start(dataset: Dataset, out: Path, settings: Settings, device: str = "cpu") -> Run:
    """Begin a run in a folder that holds none yet, on the ``"cpu"`` or the ``"gpu"``.

    Raises
    ------
    RunError
        ``out`` holds a run already, or lies among the photos.
    NoPhotosError
        Of the photos none can be used.
    ValueError
        A setting cannot be.
    OSError
        ``out`` cannot be made.
    """
    held = next((name for name in (LAST, BEST, LOG) if (out / name).exists()), None)
    if held:
        way = "go on with it by --resume, or " if held == LAST else f"it cannot go on, for {LAST} is missing: "
        raise RunError(f"{shown(out)} holds a run already ({held}): {way}name another folder.")
    return _run(dataset, out, settings, device)


def resume(folder: Path, out: Path, device: str = "cpu") -> Run:
    """Go on with the run in a folder, from its last checkpoint, to the same weights as if it had never stopped.

    On another ``device`` than it began on, the weights are the same but for rounding.

    Raises
    ------
    CheckpointError
        There is none, or it is damaged.
    RunError
        It is no checkpoint of a run, or holds the network alone, or the photos are no longer the same.
    """
    path = out / LAST
    checkpoint = read_checkpoint(path)
    progress = checkpoint.progress
    try:
        settings = Settings(**progress["settings"])
        if not checkpoint.optimizer_state:
            raise RunError(
                f"{shown(path)} holds the network alone, as {BEST} does, and not what it learned with: put the {LAST} "
                "back that the run wrote, or start a new run."
            )
        run = _run(open_folder(folder, settings.task), out, settings, device, progress["photos"])
        run.learner.restore(checkpoint)
        run.best = math.inf if progress["best"] is None else float(progress["best"])
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise RunError(f"{shown(path)} was not saved by a training run of this version: it cannot go on.") from error
    run.forget_later_lines()
    return run


def _run(dataset: Dataset, out: Path, settings: Settings, device: str, fingerprint: str | None = None) -> Run:
    places = [photos.folder.resolve() for photos in (dataset.learning, *dataset.partners)]
    if any(out.resolve().is_relative_to(place) for place in places):
        raise RunError(
            f"{shown(out)} lies among the photos, which would mix them up with samples: choose another folder."
        )
    if fingerprint not in (None, dataset.fingerprint()):
        raise RunError(
            f"the photos in {shown(dataset.folder)} are not those that {shown(out)} began with: put them back, or "
            "start a new run."
        )
    run = Run(TASKS[settings.task][1](dataset, settings), out, settings, device)
    (out / SHEETS).mkdir(parents=True, exist_ok=True)
    for place in (out, out / SHEETS):
        sweep(place)
    run.save_skipped()  # that files cannot be written must show now, not after an epoch
    return run
