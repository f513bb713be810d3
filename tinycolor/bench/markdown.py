"""Readings in words and tables, for people and for a README."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from tinycolor.bench.turns import Reading


def amount(readings: Sequence[Reading], measure: str) -> str:
    """Return the median of the readings, in ms or MB."""
    return _with_unit(median(reading.value for reading in readings), measure)


def spread(readings: Sequence[Reading], measure: str) -> str:
    """Return the smallest and the largest reading, in ms or MB."""
    values = [reading.value for reading in readings]
    return f"{_with_unit(min(values), measure)} to {_with_unit(max(values), measure)}"


def _with_unit(value: float, measure: str) -> str:
    if measure == "peak":
        return f"{value / 1e6:.0f} MB"
    ms = value * 1e3
    return f"{ms:.0f} ms" if ms >= 100 else f"{ms:.1f} ms" if ms >= 10 else f"{ms:.2f} ms"


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table whose columns also line up as plain text.

    What begins with a digit stands to the right, except in the first column.
    """
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]

    def joined(cells: Sequence[str]) -> str:
        padded = [
            cell.rjust(w) if column > 0 and cell[:1] in "0123456789" else cell.ljust(w)
            for column, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    return "\n".join([joined(head), joined(["-" * w for w in widths]), *map(joined, lines)])
