"""Taking turns: two processes, one awake at a time, and rounds that somebody else disturbed thrown away.

In one process the two libraries' waiting threads would fight for the cores, and both would look slow.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tinycolor.bench.load import MOST_FOREIGN, LoadReader, foreign_share, read_load

WORKER = Path(__file__).with_name("worker.py")
TRIES = 5
PAUSE = 0.1  # seconds: long enough for the threads of the last one at work to fall asleep


class BenchError(RuntimeError):
    """A process of the benchmark ended before its time."""


@dataclass(frozen=True)
class Reading:
    """What one side measured in one turn.

    Attributes
    ----------
    value : float
        Seconds (median of the calls), or bytes.
    calls : int
        How many calls it comes from.
    foreign : float or None
        Processor time of others meanwhile, as a share of one core; None where it is not known.
    discarded : int
        Disturbed rounds thrown away before this one.
    """

    value: float
    calls: int
    foreign: float | None = None
    discarded: int = 0

    @property
    def disturbed(self) -> bool:
        """Whether no try was quiet, and this is the least disturbed of them."""
        return self.foreign is not None and self.foreign > MOST_FOREIGN


class Child:
    """One side's process; use it in a ``with``, so that it ends with it.

    Parameters
    ----------
    side : {"ours", "torch"}
        Whose.
    threads : int
        How many it may use.
    command : sequence of str, optional
        Another program than the worker, for tests.

    Attributes
    ----------
    about : dict
        What does the work in it.

    Raises
    ------
    BenchError
        It ended, while starting or while measuring; its own last words are in the message.
    """

    def __init__(self, side: str, threads: int, command: Sequence[str] | None = None) -> None:
        self.side = side
        # A file, not a pipe: nobody empties a pipe while we wait for the answer.
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")
        self._process = subprocess.Popen(
            command or [sys.executable, "-P", str(WORKER), side, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            encoding="utf-8",
        )
        try:
            self.about = self._answer("starting")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def ask(self, verb: str, case: str, layout: str, amount: float) -> dict[str, Any]:
        """Send one request (worker.py lists them) and wait for its answer."""
        assert self._process.stdin
        try:
            self._process.stdin.write(f"{verb} {case} {layout} {amount}\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: the missing answer will tell
        return self._answer(f"measuring {case}")

    def _answer(self, doing: str) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if line.endswith("\n"):
            return json.loads(line)
        code = self._process.wait()
        self._errors.seek(0)
        words = self._errors.read().strip()[-2000:] or "it left no message"
        raise BenchError(f"The process of {self.side} ended with code {code} while {doing}: {words}")

    def close(self) -> None:
        """End the process, whatever it is doing."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            try:
                if stream:
                    stream.close()
            except BrokenPipeError:
                pass

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def quiet_reading(
    measure: Callable[[], dict[str, Any]],
    pid: int,
    *,
    load: LoadReader = read_load,
    tries: int = TRIES,
    pause: float = PAUSE,
) -> Reading:
    """Measure until nobody disturbs it, at most ``tries`` times; else return the least disturbed round."""
    rounds: list[Reading] = []
    for discarded in range(tries):
        time.sleep(pause * (1 + discarded))
        before = load(pid)
        answer = measure()
        rounds.append(Reading(**answer, foreign=foreign_share(before, load(pid)), discarded=discarded))
        if not rounds[-1].disturbed:
            return rounds[-1]
    best = min(rounds, key=lambda reading: reading.foreign or 0.0)
    return Reading(best.value, best.calls, best.foreign, discarded=tries - 1)
