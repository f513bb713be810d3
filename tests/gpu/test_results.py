"""What a run on a real GPU writes down, with a pretended one; and that no other run writes anything."""

import json
from types import SimpleNamespace

import pytest
from gpu import results
from gpu.results import GpuRun


@pytest.fixture
def written(monkeypatch, tmp_path):
    """Return a function that reads what was written."""
    path = tmp_path / "gpu_results.json"
    monkeypatch.setattr(results, "RESULTS", path)
    return lambda: json.loads(path.read_text()) if path.exists() else None


def report(outcome="passed", when="call", marked=True, errors=()):
    return SimpleNamespace(
        outcome=outcome,
        passed=outcome == "passed",
        when=when,
        user_properties=[*([results.MARKED] if marked else []), *(("gpu error", error) for error in errors)],
    )


def seen(run, *reports):
    for one in reports:
        run.pytest_runtest_logreport(one)
    run.pytest_sessionfinish()


REPORTS = (
    report(when="setup"),
    report(errors=[("forward", "Conv2d", 1e-5)]),
    report(errors=[("forward", "Linear", 3e-5), ("gradients", "Linear", 1e-4)]),
    report(outcome="skipped", when="setup"),
    report(marked=False, errors=[("forward", "another", 1.0)]),
)


@pytest.mark.usefixtures("pretended")
def test_counts_and_worst_errors_are_written(written):
    seen(GpuRun(write=True), *REPORTS)
    tests = written()["tests"]
    assert tests["tests"] == {"passed": 2, "failed": 0, "skipped": 1}
    assert tests["worst_errors"] == {
        "forward": {"where": "Linear", "error": 3e-5},
        "gradients": {"where": "Linear", "error": 1e-4},
    }
    assert tests["device"] == "Pretended GPU"
    assert tests["versions"]["CuPy"] == "14.2.0"


def test_nothing_is_written_unasked_or_where_nothing_passed(written):
    seen(GpuRun(write=False), *REPORTS)
    seen(GpuRun(write=True), report(outcome="skipped", when="setup"))
    assert written() is None


def test_a_benchmark_stands_beside_the_tests(written, tmp_path):
    results.note("tests", {"kept": True})
    row = {"label": "a", "mode": "graph", "ratio": 2.5, "ours": []}
    saved = {"date": "today", "machine": {"GPU": "it"}, "geometric_means": {"best": 2.5}, "rows": [row], "turns": 5}
    (tmp_path / "bench.json").write_text(json.dumps(saved))
    results.note_bench(tmp_path / "bench.json")
    assert written() == {
        "tests": {"kept": True},
        "bench": {
            "date": "today",
            "machine": {"GPU": "it"},
            "geometric_means": {"best": 2.5},
            "times_faster": [{"label": "a", "mode": "graph", "ratio": 2.5}],
        },
    }
