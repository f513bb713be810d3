"""A process of the benchmark, seen from its parent."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

WORKER = Path(__file__).with_name("worker.py")


class BenchError(RuntimeError):
    """A process of the benchmark ended before its time."""


class Child:
    """One side's process; use it in a ``with``, so that it ends with it.

    Parameters
    ----------
    side : {"ours", "torch", "gpu-ours", "gpu-torch"}
        Whose, and where it computes.
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
        # A file, not a pipe: nobody empties a pipe while we wait for the answer. `close` closes it.
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
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
        with suppress(OSError):  # it has ended: the missing answer will tell
            self._process.stdin.write(f"{verb} {case} {layout} {amount}\n")
            self._process.stdin.flush()
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
            with suppress(OSError):
                if stream:
                    stream.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
