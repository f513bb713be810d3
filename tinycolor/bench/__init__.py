"""The benchmark: tinycolor against PyTorch, in separate processes that take turns.

    report = tinycolor.bench.run(turns=5)
    print(report)

====================  =================================================================
plan, ours, rival     what is measured, and how each side does it
torch_networks        the networks, as one writes them in PyTorch
worker, child         the process of one side, from within and from its parent
load, turns           one after the other, and only while nobody else disturbs
gpu, gpu_*            the same on a GPU, against all of PyTorch's modes
machine, report       on what, and what came out (markdown: how it is written)
====================  =================================================================
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from tinycolor.bench.child import BenchError, Child
from tinycolor.bench.load import read_load
from tinycolor.bench.machine import environment, machine
from tinycolor.bench.plan import DEFAULT, GROUPS, MEMORY_RUNS, MEMORY_STEPS, Case, choose
from tinycolor.bench.report import Report, Row
from tinycolor.bench.turns import Patience, Reading, quiet_reading, take_turns

__all__ = ["GROUPS", "BenchError", "Report", "run"]

THREADS = 2
OURS = "ours"


def run(
    turns: int = 5,
    output: Path | None = None,
    cases: Sequence[str] | None = None,
    seconds: float = 0.5,
    progress: Callable[[str], None] | None = None,
    patience: float = 300,
) -> Report:
    """Measure tinycolor and, where it is installed, PyTorch; a few minutes on a quiet machine.

    Parameters
    ----------
    turns : int
        How often each side measures each case; each result is the median over the turns.
    output : Path, optional
        Where to write everything as JSON.
    cases : sequence of str, optional
        Which of ``GROUPS``, or single convolutions (``"conv:32,1,28,28,8,3,1"``); all if None.
    seconds : float
        How long one side repeats a case in one turn (at least three calls).
    progress : function of a line, optional
        Is told what is being measured.
    patience : float
        How many seconds the whole run may spend on waiting for a quiet machine and on measuring again what
        other processes disturbed. After that the figures are taken as they come, and marked.

    Returns
    -------
    Report
        ``print(report)`` shows a Markdown table; ``report.to_json()`` holds every raw figure.

    Raises
    ------
    ValueError
        An unknown case, less than one turn, or no time.
    BenchError
        One of the processes died.
    """
    if turns < 1 or seconds <= 0:
        raise ValueError(f"bench got turns={turns} and seconds={seconds}, expected at least 1 and more than 0.")
    chosen = choose(cases)
    if output is not None and not output.absolute().parent.is_dir():
        raise ValueError(f"bench cannot write {output}: the folder does not exist.")  # now, not after minutes
    torch = has_torch()
    date = datetime.now().astimezone().isoformat(" ", "seconds")
    rows: list[Row] = []
    left = Patience(patience)
    with ExitStack() as stack:
        children = {side: stack.enter_context(Child(side, THREADS)) for side in ([OURS, "torch"] if torch else [OURS])}
        facts = machine() | {name: what for child in children.values() for name, what in child.about.items()}
        for number, case in enumerate(chosen, 1):
            if progress:
                progress(f"{number}/{len(chosen)}  {case.label}")
            rows += measure(case, children, turns, seconds, left)
    readings = {id(reading): reading for row in rows for reading in (*row.ours, *row.theirs)}.values()
    watched = read_load(os.getpid()) is not None
    report = Report(
        date=date,
        machine=facts,
        environment=environment(),
        threads=THREADS,
        turns=turns,
        seconds=seconds,
        torch=torch,
        discarded=sum(reading.discarded for reading in readings) if watched else None,
        kept=sum(reading.disturbed for reading in readings) if watched else None,
        rows=rows,
    )
    if output is not None:
        output.write_text(report.to_json(), encoding="utf-8")
    return report


def has_torch() -> bool:
    """Return whether PyTorch is installed, without importing it here."""
    return importlib.util.find_spec("torch") is not None


def measure(case: Case, children: dict[str, Child], turns: int, seconds: float, patience: Patience) -> list[Row]:
    """Return one row per layout of PyTorch's; the turns of all of them share our readings."""

    def read(side: str) -> Reading:
        layout = DEFAULT if side == OURS else side
        child = children[OURS if side == OURS else "torch"]
        if case.measure == "time":
            return quiet_reading(lambda: child.ask("time", case.name, layout, seconds), child.pid, patience)
        with Child(child.side, THREADS) as fresh:  # a peak is of the whole life of a process
            return Reading(**fresh.ask("peak", case.name, layout, MEMORY_STEPS))

    layouts = case.layouts if "torch" in children else ()
    runs = turns if case.measure == "time" else min(turns, MEMORY_RUNS)
    readings = take_turns([OURS, *layouts], runs, read)
    return [
        Row(case.group, case.label, layout, case.measure, readings[OURS], readings.get(layout, []))
        for layout in layouts or (DEFAULT,)
    ]
