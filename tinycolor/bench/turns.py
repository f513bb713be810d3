"""Taking turns: two processes, one awake at a time, and rounds that somebody else disturbed thrown away.

In one process the two libraries' waiting threads would fight for the cores, and both would look slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from tinycolor.bench.load import MOST_FOREIGN, LoadReader, foreign_share, read_load

TRIES = 5
PAUSE = 0.1  # seconds: long enough for the threads of the last one at work to fall asleep
WAITS = 30


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


class Patience:
    """How many seconds a whole run may still spend on waiting and on rounds that are thrown away."""

    def __init__(self, seconds: float) -> None:
        self.left = seconds


def quiet_reading(
    measure: Callable[[], dict[str, Any]],
    pid: int,
    patience: Patience,
    *,
    load: LoadReader = read_load,
    tries: int = TRIES,
    pause: float = PAUSE,
) -> Reading:
    """Measure until nobody disturbs it, while tries and patience last; else return the least disturbed round."""
    rounds: list[Reading] = []
    start = time.perf_counter()
    while True:
        spent = time.perf_counter() - start
        if rounds and (len(rounds) == tries or spent > patience.left):
            patience.left -= spent
            best = min(rounds, key=lambda reading: reading.foreign or 0.0)
            return Reading(best.value, best.calls, best.foreign, discarded=len(rounds) - 1)
        wait_for_quiet(pid, load, pause, WAITS if spent < patience.left else 1)
        before, began = load(pid), time.perf_counter()
        answer = measure()
        rounds.append(Reading(**answer, foreign=foreign_share(before, load(pid)), discarded=len(rounds)))
        if not rounds[-1].disturbed:
            patience.left -= max(0.0, began - start - pause)
            return rounds[-1]


def wait_for_quiet(pid: int, load: LoadReader, pause: float, waits: int = WAITS) -> None:
    """Sleep until nobody works, our last rival included, or until it has been long enough."""
    for _ in range(waits):
        before = load(pid)
        time.sleep(pause)
        share = foreign_share(before, load(pid))
        if share is None or share <= MOST_FOREIGN:
            return


def take_turns(sides: Sequence[str], turns: int, read: Callable[[str], Reading]) -> dict[str, list[Reading]]:
    """Let every side read once per turn, in the opposite order every other turn; return each side's readings."""
    readings: dict[str, list[Reading]] = {side: [] for side in sides}
    for turn in range(turns):
        for side in sides if turn % 2 == 0 else reversed(sides):
            readings[side].append(read(side))
    return readings
