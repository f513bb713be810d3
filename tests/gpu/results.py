"""``tests/gpu_results.json``: what the last run on a real GPU gave. Nothing but such a run writes it.

python tests/gpu/results.py out/gpu_bench.json      puts the ratios of a benchmark beside the tests' figures
"""

import json
import platform
import sys
from datetime import datetime
from pathlib import Path

import numpy as np

MARKED = ("runs on a real gpu", True)
RESULTS = Path(__file__).parents[1] / "gpu_results.json"


def note(name, figures):
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps({**results, name: figures}, indent=2, sort_keys=True) + "\n")


def note_tests(counts, errors):
    """Write down how many tests passed, and the worst error of each kind: {kind: (where, error)}."""
    import cupy  # noqa: PLC0415 (only where there is a GPU)

    runtime = cupy.cuda.runtime
    figures = {
        "date": datetime.now().astimezone().isoformat(" ", "seconds"),
        "device": runtime.getDeviceProperties(0)["name"].decode(),
        "versions": {
            "CUDA of the driver": runtime.driverGetVersion(),
            "CUDA of CuPy": runtime.runtimeGetVersion(),
            "CuPy": cupy.__version__,
            "NumPy": np.__version__,
            "Python": platform.python_version(),
        },
        "tests": counts,
        "worst_errors": {kind: {"where": where, "error": error} for kind, (where, error) in sorted(errors.items())},
    }
    note("tests", figures)


def note_bench(path):
    """Write down a benchmark's ratios, PyTorch's time / tinycolor's."""
    saved = json.loads(Path(path).read_text())
    rows = [{name: row[name] for name in ("label", "mode", "ratio")} for row in saved["rows"]]
    note("bench", {name: saved[name] for name in ("date", "machine", "geometric_means")} | {"times_faster": rows})


class GpuRun:
    """Counts the tests on a real GPU, and gathers their worst errors."""

    def __init__(self, write):
        self.write = write
        self.counts = dict.fromkeys(("passed", "failed", "skipped"), 0)
        self.errors = {}

    def pytest_itemcollected(self, item):
        if item.get_closest_marker("gpu"):
            item.user_properties.append(MARKED)

    def pytest_runtest_logreport(self, report):
        if MARKED not in report.user_properties or (report.when != "call" and report.passed):
            return
        self.counts[report.outcome] += 1
        for key, value in report.user_properties:
            if key == "gpu error":
                kind, where, error = value
                self.errors[kind] = max(self.errors.get(kind, ("", 0.0)), (where, error), key=lambda pair: pair[1])

    def pytest_terminal_summary(self, terminalreporter):
        if not sum(self.counts.values()):
            return
        terminalreporter.section("gpu")
        terminalreporter.line(", ".join(f"{count} {outcome}" for outcome, count in self.counts.items()))
        for kind, (where, error) in sorted(self.errors.items()):
            terminalreporter.line(f"worst {kind}: {error:.1e} ({where})")

    def pytest_sessionfinish(self):
        if self.write and self.counts["passed"]:
            note_tests(self.counts, self.errors)


if __name__ == "__main__":
    note_bench(sys.argv[1])
