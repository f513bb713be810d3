"""The benchmark on a GPU: tinycolor's one mode against all of PyTorch's.

report = tinycolor.bench.gpu.run()
print(report)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

from tinycolor.backend import gpu
from tinycolor.bench import has_torch
from tinycolor.bench.child import BenchError, Child
from tinycolor.bench.gpu_plan import CASES
from tinycolor.bench.machine import machine
from tinycolor.bench.markdown import amount, table
from tinycolor.bench.plan import Case, select
from tinycolor.bench.turns import Reading, take_turns

OURS, THEIRS = "gpu-ours", "gpu-torch"


@dataclass(frozen=True)
class GpuRow:
    """One case against one of PyTorch's modes; turn i of ours belongs to turn i of theirs, in seconds."""

    group: str
    label: str
    mode: str
    ours: list[Reading]
    theirs: list[Reading]

    @property
    def times_faster(self) -> list[float]:
        """Of each turn: PyTorch's time / tinycolor's."""
        return [theirs.value / ours.value for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float | None:
        """The median of the turns, above 1 where tinycolor is the faster; None without PyTorch."""
        return median(self.times_faster) if self.theirs else None


@dataclass(frozen=True)
class GpuReport:
    """All rows of a run, and what they were measured on; ``str(report)`` is Markdown."""

    date: str
    machine: dict[str, str]
    turns: int
    rows: list[GpuRow] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def geometric_means(self) -> dict[str, float]:
        """Return those of the convolutions: against PyTorch's default layout, and against its best for each."""
        ratios: dict[str, list[float]] = {}
        for row in self.rows:
            if row.group == "conv" and row.ratio is not None:
                ratios.setdefault(row.label, []).append(row.ratio)
        if not ratios:
            return {}
        default = geometric_mean(several[0] for several in ratios.values())
        return {"default": default, "best": geometric_mean(min(several) for several in ratios.values())}

    def to_json(self) -> str:
        """Return everything, with each turn's raw seconds and what follows from them."""
        saved: dict[str, Any] = asdict(self)
        for row, to_save in zip(self.rows, saved["rows"], strict=True):
            to_save |= {"ratio": row.ratio}
        return json.dumps(saved | {"geometric_means": self.geometric_means()}, indent=1) + "\n"

    def __str__(self) -> str:
        lines = [_line(row) for row in self.rows]
        for rival, mean in self.geometric_means().items():
            lines.append(["geometric mean of the convolutions", rival, "", "", f"{mean:.2f}", ""])
        head = ["case", "PyTorch's mode", "tinycolor", "PyTorch", "times faster", "min to max"]
        facts = [f"{name}: {value}" for name, value in self.machine.items()]
        facts += [f"PyTorch could not: {what}" for what in self.failed]
        meaning = (
            f"Times faster = PyTorch / tinycolor: above 1, tinycolor is the faster. Medians of {self.turns} turns, "
            "separate processes taking turns; TF32 on both sides. tinycolor runs one CUDA graph per step. "
            "Convolutions: forward, dx and dw, padding 1, no bias, as one graph on both sides; ours are given operands "
            "rounded to TF32, as in a network."
        )
        parts = [f"tinycolor bench --device gpu, {self.date}", meaning, table(head, lines)]
        return "\n\n".join([*parts, "\n".join(f"- {fact}" for fact in facts)]) + "\n"


def _line(row: GpuRow) -> list[str]:
    if row.ratio is None:
        return [row.label, "not installed", amount(row.ours, "time"), "", "", ""]
    low_to_high = f"{min(row.times_faster):.2f} to {max(row.times_faster):.2f}"
    times = amount(row.ours, "time"), amount(row.theirs, "time")
    return [row.label, row.mode, *times, f"{row.ratio:.2f}", low_to_high]


def run(
    turns: int = 5,
    output: Path | None = None,
    cases: Sequence[str] | None = None,
    seconds: float = 0.5,
    progress: Callable[[str], None] | None = None,
) -> GpuReport:
    """Measure tinycolor and, where it is installed, PyTorch on the GPU; some ten minutes.

    Parameters
    ----------
    turns, output, cases, seconds, progress
        As ``tinycolor.bench.run``.

    Raises
    ------
    ModuleNotFoundError, RuntimeError
        There is no CuPy or no GPU.
    ValueError
        An unknown case.
    BenchError
        Our own process died.
    """
    gpu()
    chosen, torch = select(CASES, cases), has_torch()
    sides = _Sides()
    rows: list[GpuRow] = []
    failed: list[str] = []
    try:
        facts = machine() | sides[OURS].about | (sides[THEIRS].about if torch else {})
        for number, case in enumerate(chosen, 1):
            for mode in case.layouts if torch else ("",):
                if progress:
                    progress(f"{number}/{len(chosen)}  {case.label}  {mode}")
                try:
                    rows.append(_measure(case, mode, sides, turns, seconds))
                except BenchError as error:
                    if THEIRS not in sides.asked:
                        raise
                    failed.append(f"{case.label}, {mode}: {str(error)[:300]}")
                    sides.restart(THEIRS)
    finally:
        sides.close()
    report = GpuReport(datetime.now().astimezone().isoformat(" ", "seconds"), facts, turns, rows, failed)
    if output is not None:
        output.write_text(report.to_json(), encoding="utf-8")
    return report


class _Sides:
    """The two processes, each started when it is first needed; ``asked`` is the one that was asked last."""

    def __init__(self) -> None:
        self.children: dict[str, Child] = {}
        self.asked = ""

    def __getitem__(self, side: str) -> Child:
        self.asked = side
        if side not in self.children:
            self.children[side] = Child(side, 1)
        return self.children[side]

    def restart(self, side: str) -> None:
        with suppress(KeyError):
            self.children.pop(side).close()

    def close(self) -> None:
        for child in self.children.values():
            child.close()


def _measure(case: Case, mode: str, sides: _Sides, turns: int, seconds: float) -> GpuRow:
    def read(side: str) -> Reading:
        return Reading(**sides[side].ask("time", case.name, mode or "default", seconds))

    readings = take_turns([OURS, THEIRS] if mode else [OURS], turns, read)
    return GpuRow(case.group, case.label, mode, readings[OURS], readings.get(THEIRS, []))
