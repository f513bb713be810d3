"""What came out: rows of readings, as a table to paste into a README and as JSON with every raw figure."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from statistics import geometric_mean, median
from typing import Any, Self

from tinycolor.bench.load import MOST_FOREIGN
from tinycolor.bench.machine import SLOWING
from tinycolor.bench.markdown import amount, spread, table
from tinycolor.bench.plan import MEMORY_RUNS
from tinycolor.bench.turns import Reading

LAYOUTS = {"default": "default (NCHW)", "channels_last": "channels_last"}
NO_TORCH = "PyTorch is not installed, so these are tinycolor's own figures alone: `pip install torch` to compare."


@dataclass(frozen=True)
class Row:
    """One case against one of PyTorch's layouts; turn i of ours belongs to turn i of theirs.

    Without PyTorch ``theirs`` is empty. ``measure`` is "time" (readings in seconds) or "peak" (in bytes).
    """

    group: str
    label: str
    layout: str
    measure: str
    ours: list[Reading]
    theirs: list[Reading]

    @property
    def ratios(self) -> list[float]:
        """Of each turn: tinycolor's / PyTorch's."""
        if not self.theirs:
            return []
        return [ours.value / theirs.value for ours, theirs in zip(self.ours, self.theirs, strict=True)]

    @property
    def ratio(self) -> float | None:
        """The median of the turns' ratios, below 1 where tinycolor is better; None without PyTorch."""
        return median(self.ratios) if self.theirs else None

    @property
    def disturbed(self) -> bool:
        """Whether a reading never got quiet."""
        return any(reading.disturbed for reading in (*self.ours, *self.theirs))

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> Self:
        """Return the row that ``Report.to_json`` wrote; what follows from the readings is worked out anew."""
        ours, theirs = ([Reading(**one) for one in saved[side]] for side in ("ours", "theirs"))
        return cls(saved["group"], saved["label"], saved["layout"], saved["measure"], ours, theirs)


@dataclass(frozen=True)
class Report:
    """All rows of a run, and what they were measured on.

    ``str(report)`` is Markdown. ``discarded`` counts the disturbed rounds that were thrown away, ``kept`` the
    readings that never got quiet; both None where nothing could be watched.
    """

    date: str
    machine: dict[str, str]
    environment: dict[str, str]
    threads: int
    turns: int
    seconds: float
    torch: bool
    discarded: int | None
    kept: int | None
    rows: list[Row] = field(default_factory=list)

    def geometric_means(self) -> dict[str, float]:
        """Return, for each of PyTorch's layouts, the geometric mean of the convolutions' ratios, if several."""
        ratios: dict[str, list[float]] = {}
        for row in self.rows:
            if row.group == "conv" and row.ratio is not None:
                ratios.setdefault(row.layout, []).append(row.ratio)
        return {layout: geometric_mean(several) for layout, several in ratios.items() if len(several) > 1}

    def to_json(self) -> str:
        """Return everything, with each turn's raw figures (seconds, bytes) and what follows from them."""
        saved = asdict(self)
        for row, to_save in zip(self.rows, saved["rows"], strict=True):
            to_save |= {"ratios": row.ratios, "ratio": row.ratio}
        return json.dumps(saved | {"geometric_means": self.geometric_means()}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the report that ``to_json`` wrote."""
        saved = json.loads(text)
        saved.pop("geometric_means")
        return cls(**saved | {"rows": [Row.from_dict(row) for row in saved["rows"]]})

    def __str__(self) -> str:
        facts = [f"{name}: {value}" for name, value in self.machine.items()]
        n = self.threads
        facts.append(f"threads: tinycolor {n} lanes of one BLAS thread, outside of lanes {n} BLAS threads")
        if self.torch:
            facts.append(f"threads: PyTorch {n}")
        facts.append("environment: " + (", ".join(f"`{k}={v}`" for k, v in self.environment.items()) or "none set"))
        lists = ["\n".join(f"- {line}" for line in lines) for lines in (facts, self._remarks()) if lines]
        return "\n\n".join([f"tinycolor bench, {self.date}", self._meaning(), self._table(), *lists]) + "\n"

    def _meaning(self) -> str:
        how = f"{self.turns} turns of {self.seconds:g} s, float32"
        if not self.torch:
            return f"Medians of {how}. {NO_TORCH}"
        return (
            f"Ratio = tinycolor / PyTorch: below 1, tinycolor is faster (or takes less memory). Medians of {how}; "
            "separate processes taking turns. Convolutions: forward, dx and dw, padding 1, no bias. Memory: growth of "
            f"the peak over what the imports took, in {MEMORY_RUNS} fresh processes at most."
        )

    def _table(self) -> str:
        if not self.torch:
            lines = [[row.label, amount(row.ours, row.measure), spread(row.ours, row.measure)] for row in self.rows]
            return table(["case", "tinycolor", "min to max"], lines)
        lines = [_line(row) for row in self.rows]
        for layout, mean in self.geometric_means().items():
            count = sum(row.group == "conv" and row.layout == layout for row in self.rows)
            star = "\\*" if any(row.disturbed for row in self.rows if row.group == "conv") else ""
            lines.append([f"geometric mean of {count} convolutions", LAYOUTS[layout], "", "", f"{mean:.2f}{star}", ""])
        return table(["case", "PyTorch's layout", "tinycolor", "PyTorch", "ratio", "min to max"], lines)

    def _remarks(self) -> list[str]:
        remarks = []
        if self.discarded is None:
            remarks.append(
                "The load of this machine could not be watched (no /proc): disturbed rounds are not filtered."
            )
        else:
            remarks.append(f"{self.discarded} rounds disturbed by other processes were discarded and run again.")
        if self.kept:
            remarks.append(
                f"**Disturbed (\\*)**: {self.kept} readings never got quiet, others took over {MOST_FOREIGN:.0%} of a "
                "core; the least disturbed was kept. Do not quote these rows."
            )
        if self.turns < 5:
            remarks.append("**Fewer than 5 turns**: a look, not a measurement.")
        slowing = [name for name in SLOWING if name in self.environment]
        if slowing:
            remarks.append(
                f"**Set: {', '.join(slowing)}**. NumPy was told how to multiply matrices, so these figures do not "
                "show what this machine can do."
            )
        return remarks


def _line(row: Row) -> list[str]:
    star = "\\*" if row.disturbed else ""
    low_to_high = f"{min(row.ratios):.2f} to {max(row.ratios):.2f}"
    ours, theirs = (amount(readings, row.measure) for readings in (row.ours, row.theirs))
    return [row.label, LAYOUTS[row.layout], ours, theirs, f"{row.ratio:.2f}{star}", low_to_high]
