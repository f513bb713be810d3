"""What all tests share: fixed examples, a few fixtures, and the block of figures at the end of a run."""

import gc
import itertools
import tracemalloc

import numpy as np
import pytest
from gpu.results import GpuRun
from hypothesis import settings

import tinycolor as tc

settings.register_profile("fixed", derandomize=True, max_examples=50, deadline=None, database=None)
settings.load_profile("fixed")


@pytest.fixture(autouse=True)
def same_first_weights(monkeypatch):
    """Number the layers anew for every test: their weights do not depend on which tests ran before, and where."""
    monkeypatch.setattr(tc.init, "_layers_made", itertools.count())


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def no_garbage_collector():
    """What is freed now is freed because nobody refers to it."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def traced():
    """Return a function that says how many bytes NumPy took and kept since the last time it was asked."""
    numpy_alone = tracemalloc.DomainFilter(inclusive=True, domain=np.lib.tracemalloc_domain)
    tracemalloc.start()
    last = 0

    def since_last_time():
        nonlocal last
        arrays = tracemalloc.take_snapshot().filter_traces([numpy_alone])
        now = sum(trace.size for trace in arrays.traces)
        taken, last = now - last, now
        return taken

    yield since_last_time
    tracemalloc.stop()


class Figures:
    """Gathers what tests recorded and prints it at the end, also when the tests ran in other processes."""

    def __init__(self):
        self.errors = {}
        self.planted = self.caught = 0

    def pytest_runtest_logreport(self, report):
        if report.when != "call":
            return
        for key, value in report.user_properties:
            if key == "gradient error":
                layer, error = value
                self.errors[layer] = max(error, self.errors.get(layer, 0.0))
            elif key == "planted fault":
                self.planted += 1
                self.caught += report.passed

    def pytest_terminal_summary(self, terminalreporter):
        if not self.errors and not self.planted:
            return
        terminalreporter.section("gradients")
        if self.errors:
            worst = max(self.errors, key=self.errors.get)
            terminalreporter.line(f"layers checked: {len(self.errors)} ({', '.join(sorted(self.errors))})")
            terminalreporter.line(f"worst gradient error: {self.errors[worst]:.1e} ({worst})")
        if self.planted:
            terminalreporter.line(f"planted faults caught: {self.caught} of {self.planted}")


def pytest_addoption(parser):
    parser.addoption("--write-gpu-results", action="store_true", help="write tests/gpu_results.json, on a real GPU")


def pytest_collection_finish():
    """Spare the garbage collector the thousands of tests, which it would look through again and again."""
    gc.collect()
    gc.freeze()


def pytest_configure(config):
    config.pluginmanager.register(Figures(), "figures")
    config.pluginmanager.register(GpuRun(config.getoption("--write-gpu-results")), "gpu-run")
