"""Who else is using the processor? Another busy process spoils a measurement, and not evenly.

Threads that wait for each other can lose more than the time taken from one of them, and the two sides' threads do
not wait alike. So a disturbed round may not only slow both sides down, but favour one of them; it must go.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

MOST_FOREIGN = 0.15


class Load(NamedTuple):
    """Seconds so far: of the clock, of processor time spent by the whole machine, and by one process."""

    clock: float
    machine: float
    own: float


LoadReader = Callable[[int], Load | None]


def read_load(pid: int) -> Load | None:
    """Return the load up to now, or None where there is no /proc to tell."""
    try:
        ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
        # The name in brackets may hold blanks; utime and stime are words 14 and 15 of the whole line.
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        own = int(words[11]) + int(words[12])
        per_second = os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    _, _, _, idle, waiting, *_ = ticks
    if not sum(ticks):  # some containers show the file, but empty
        return None
    return Load(time.perf_counter(), (sum(ticks) - idle - waiting) / per_second, own / per_second)


def foreign_share(before: Load | None, after: Load | None) -> float | None:
    """Return the processor time that others took between two readings, as a share of the time that passed.

    0.15 is 15 % of one core. What the sleeping rival may have used counts as foreign too. None: not known.
    """
    if before is None or after is None:
        return None
    foreign = (after.machine - before.machine) - (after.own - before.own)
    return max(0.0, foreign) / max(after.clock - before.clock, 1e-9)
