"""A training run: a folder of photos goes in; checkpoints, samples, a log and a page come out.

last.safetensors   all that is needed to go on, bit for bit
best.safetensors   the network that judged best
sheets/            grey | predicted | truth, one picture a report
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

from tinycolor import losses, optim
from tinycolor.data.batches import Batches
from tinycolor.data.dataset import Dataset
from tinycolor.data.lightness import split_photo
from tinycolor.data.shrunk import NoPhotosError, ShrunkPhotos, crop, why_none
from tinycolor.evaluate import baselines, grey_photos, judge, predict_photos
from tinycolor.files import shown, sweep, write_whole
from tinycolor.networks import ColorUNet
from tinycolor.training import report
from tinycolor.training.checkpoint import read_checkpoint, save_checkpoint
from tinycolor.training.loop import Loss, NotFiniteError, first_not_finite, train

LAST, BEST, LOG, SKIPPED, SHEETS = "last.safetensors", "best.safetensors", "log.jsonl", "skipped.jsonl", "sheets"

MOST_JUDGED = 128
ON_THE_SHEET = 8
LOG_EVERY = 20  # steps
SAVE_EVERY = 500  # steps, where an epoch is longer
REPORT_AFTER = 100  # steps at least: a folder of few photos has very short epochs

LOSSES: dict[str, Loss] = {"mse": losses.mse, "l1": losses.l1, "smooth-l1": losses.smooth_l1}
SCHEDULES: dict[str, Callable[[float, int], optim.Schedule]] = {
    "one-cycle": optim.one_cycle,
    "constant": lambda rate, steps: optim.constant(rate),
    "linear": lambda rate, steps: optim.linear_decay(rate, steps // 2, steps - steps // 2),
}


@dataclass(frozen=True)
class Settings:
    """What a run is started with; its checkpoints keep it, so that it goes on with the same.

    Attributes
    ----------
    steps : int
        Length of the run.
    size : int
        Height and width of the crops.
    batch : int
        Crops in a step.
    learning_rate : float
        The highest.
    schedule : str
        One of ``SCHEDULES``.
    loss : str
        One of ``LOSSES``.
    seed : int
        Of everything that is drawn: first weights, order, crops.
    """

    steps: int
    size: int = 64
    batch: int = 16
    learning_rate: float = 1e-3
    schedule: str = "one-cycle"
    loss: str = "mse"
    seed: int = 0


@dataclass(frozen=True)
class Step:
    """What one step gave; ``scores`` of network, grey, mean colour and truth where there was a report."""

    number: int
    loss: float
    images_per_second: float
    scores: dict[str, dict[str, float]] | None


class Run:
    """One training of a ColorUNet, from ``start`` or ``resume``.

    Attributes
    ----------
    step : int
        Steps done.
    """

    def __init__(self, dataset: Dataset, out: Path, settings: Settings) -> None:
        self.dataset, self.out, self.settings = dataset, out, settings
        self.network = ColorUNet(size=settings.size, seed=settings.seed)
        schedule = SCHEDULES[settings.schedule](settings.learning_rate, settings.steps)
        self.optimizer = optim.Adam(self.network.parameters(), schedule)
        self.batches = Batches(dataset.learning, size=settings.size, batch=settings.batch, seed=settings.seed)
        self.best = math.inf
        epoch = self.batches.steps_per_epoch
        self.report_every = epoch * math.ceil(REPORT_AFTER / epoch)
        self.judged = self._judged()
        self.baselines = baselines(self.judged)
        self._losses: list[float] = []
        self._clock = time.perf_counter()

    @property
    def step(self) -> int:
        return self.optimizer.steps

    @property
    def images_per_second(self) -> float:
        """How fast it has been since the last line of the log."""
        return max(1, len(self._losses)) * self.settings.batch / (time.perf_counter() - self._clock)

    def steps(self) -> Iterator[Step]:
        """Train until the end, step by step; reports and saves on the way.

        Raises
        ------
        NotFiniteError
            A number became NaN or infinite; what is on the disk is from before.
        OSError
            A file cannot be written; the checkpoints on the disk are whole.
        """
        batches = self.batches.ahead(range(self.step, self.settings.steps), split_photo)
        loss_function = LOSSES[self.settings.loss]
        self._clock = time.perf_counter()
        try:
            for loss in train(self.network, self.optimizer, batches, loss_function, seed=self.settings.seed):
                self._losses.append(loss)
                yield Step(self.step, loss, self.images_per_second, self._keep())
        finally:
            self.save_skipped()

    def _keep(self) -> dict[str, dict[str, float]] | None:
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
        save_checkpoint(self.out / LAST, self.network, optimizer=self.optimizer, progress=self._progress())

    def save_skipped(self) -> None:
        """Write ``skipped.jsonl``: which photos could not be used so far, and why not."""
        lines = [json.dumps({"file": str(path), "reason": why}) for path, why in sorted(self.skipped().items())]
        write_whole({self.out / SKIPPED: "".join(f"{line}\n" for line in lines).encode()})

    def skipped(self) -> dict[Path, str]:
        """Return the photos that could not be used so far, and why not."""
        # Copied in one go: the threads that make batches may find another one meanwhile.
        return {**self.dataset.skipped, **self.batches.photos.skipped.copy()}

    def log(self) -> list[dict[str, Any]]:
        """Return the lines of the log up to this step."""
        lines = []
        for line in (self.out / LOG).read_text().splitlines() if (self.out / LOG).exists() else []:
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:  # cut off when the process was killed
                continue
            if entry["step"] <= self.step:
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
            "best_ab_mae": self.best if math.isfinite(self.best) else None,
            "photos": self.dataset.learning.fingerprint(),
        }

    def _judged(self) -> np.ndarray:
        """The middles of some photos that are kept from the learning, or of others if none of those can be used."""
        for folder in (self.dataset.judging, self.dataset.learning):
            photos = ShrunkPhotos(folder, self.settings.size, smallest=self.settings.size)
            crops = [crop(photo, self.settings.size) for photo in photos.some(MOST_JUDGED)]
            self.dataset.skipped.update(photos.skipped)
            if crops:
                return np.stack(crops)
        raise NoPhotosError(why_none(self.dataset.folder, self.dataset.skipped))

    def _log_loss(self) -> None:
        self._write_log(
            {
                "step": self.step,
                "loss": float(np.mean(self._losses)),
                "learning_rate": self.optimizer.schedule(self.step - 1),
                "images_per_second": round(self.images_per_second, 2),
            }
        )
        self._losses.clear()
        self._clock = time.perf_counter()

    def _report(self) -> dict[str, dict[str, float]]:
        started = time.perf_counter()
        try:
            scores = judge(self.network, self.judged)
        except ValueError as error:  # the figures are of finite numbers alone
            where = first_not_finite(self.network, split_photo(self.judged)[0], mode="eval")
            raise NotFiniteError(f"step {self.step}: {where}: try a smaller learning rate.") from error
        some = self.judged[np.linspace(0, len(self.judged) - 1, min(ON_THE_SHEET, len(self.judged))).astype(int)]
        sheet = self.out / SHEETS / f"{self.step:07d}.png"
        write_whole({sheet: report.sheet(grey_photos(some), predict_photos(self.network, some)[0], some)})
        epoch = self.step / self.batches.steps_per_epoch
        self._write_log({"step": self.step, "epoch": round(epoch, 3), "validation": scores, **self.baselines})
        if scores["ab_mae"] < self.best:
            self.best = scores["ab_mae"]
            save_checkpoint(self.out / BEST, self.network, progress=self._progress())
        self.save()
        paths = sorted(path for path in sheet.parent.glob("*.png") if path.stem.isdecimal())
        sheets = [(int(path.stem), path) for path in paths if int(path.stem) <= self.step]
        report.write(self.out, asdict(self.settings), self.log(), sheets)
        self._clock += time.perf_counter() - started
        return {"network": scores, **self.baselines}

    def _write_log(self, entry: dict[str, Any]) -> None:
        with (self.out / LOG).open("a") as file:
            file.write(json.dumps(entry) + "\n")


class RunError(ValueError):
    """A run that cannot be begun or gone on with, in one sentence."""


def start(dataset: Dataset, out: Path, settings: Settings) -> Run:
    """Begin a run in a folder that holds none yet.

    Raises
    ------
    RunError
        ``out`` holds a run already, or lies among the photos.
    ValueError
        A setting cannot be.
    OSError
        ``out`` cannot be made.
    """
    held = next((name for name in (LAST, BEST, LOG) if (out / name).exists()), None)
    if held:
        raise RunError(f"{shown(out)} holds a run already ({held}): go on with it by --resume, or name another folder.")
    return _run(dataset, out, settings)


def resume(dataset: Dataset, out: Path) -> Run:
    """Go on with the run in a folder, from its last checkpoint, to the same weights as if it had never stopped.

    Raises
    ------
    CheckpointError
        There is none, or it is damaged.
    RunError
        It is no checkpoint of a run, or the photos are no longer the same.
    """
    path = out / LAST
    checkpoint = read_checkpoint(path, ColorUNet)
    progress = checkpoint.progress
    try:
        settings = Settings(**progress["settings"])
    except (KeyError, TypeError) as error:
        raise RunError(f"{shown(path)} was not saved by a training run of this version: it cannot go on.") from error
    if dataset.learning.fingerprint() != progress["photos"]:
        raise RunError(
            f"the photos in {shown(dataset.folder)} are not those that {shown(out)} began with: put them back, or "
            "start a new run."
        )
    run = _run(dataset, out, settings)
    run.network.load_state_dict(checkpoint.network.state_dict())
    run.optimizer.load_state_dict(checkpoint.optimizer_state)
    run.best = progress["best_ab_mae"] or math.inf
    run.forget_later_lines()
    return run


def _run(dataset: Dataset, out: Path, settings: Settings) -> Run:
    if out.resolve().is_relative_to(dataset.folder.resolve()):
        raise RunError(
            f"{shown(out)} lies among the photos, which would mix them up with samples: choose another folder."
        )
    run = Run(dataset, out, settings)
    (out / SHEETS).mkdir(parents=True, exist_ok=True)
    for folder in (out, out / SHEETS):
        sweep(folder)
    run.save_skipped()  # that files cannot be written must show now, not after an epoch
    return run
