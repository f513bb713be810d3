"""Lanes: every block once, errors after all have stopped, sums equal bit by bit, BLAS held and let go."""

import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import tinycolor as tc
from tinycolor import lanes, threads
from tinycolor.threads import blas_threads, in_lanes, lane_count, one_blas_thread, scratch, sum_in_lanes

PATIENCE = 10.0
counts = pytest.mark.parametrize("count", [1, 2, 3, 4])


@pytest.fixture(autouse=True)
def lanes_as_they_were() -> Iterator[None]:
    before = lane_count()
    yield
    lanes(before)


# How many lanes.


def test_lanes_is_a_statement() -> None:
    lanes(3)
    assert lane_count() == 3


def test_lanes_is_a_context_that_nests() -> None:
    before = lane_count()
    with lanes(5):
        with lanes(1):
            assert lane_count() == 1
        assert lane_count() == 5
    assert lane_count() == before


def test_lanes_are_put_back_after_an_error() -> None:
    before = lane_count()
    with pytest.raises(KeyError), lanes(before + 1):
        raise KeyError
    assert lane_count() == before


@pytest.mark.parametrize("count", [0, -1])
def test_less_than_one_lane_is_refused(count: int) -> None:
    before = lane_count()
    with pytest.raises(ValueError, match=f"lanes got {count}, expected a whole number of at least 1"):
        lanes(count)
    assert lane_count() == before


# Blocks.


@counts
@pytest.mark.parametrize("blocks", [0, 1, 2, 3, 7, 100])
def test_every_block_is_done_once(count: int, blocks: int) -> None:
    done: list[int] = []
    with lanes(count):
        in_lanes(done.append, range(blocks))
    assert sorted(done) == list(range(blocks))


def test_one_lane_works_in_order_in_the_callers_thread() -> None:
    done: list[tuple[int, int]] = []
    with lanes(1):
        in_lanes(lambda block: done.append((block, threading.get_ident())), range(5))
    assert done == [(block, threading.get_ident()) for block in range(5)]


def test_two_lanes_run_at_once() -> None:
    """Each block waits for the other; the caller's thread is the first lane."""
    meeting = threading.Barrier(2)
    thread_of: dict[int, int] = {}

    def meet(block: int) -> None:
        meeting.wait(PATIENCE)
        thread_of[block] = threading.get_ident()

    with lanes(2):
        in_lanes(meet, [0, 1])
    assert thread_of[0] == threading.get_ident() != thread_of[1]


def test_a_call_inside_a_lane_runs_in_that_lane() -> None:
    done: list[tuple[int, bool]] = []

    def outer(block: int) -> None:
        here = threading.get_ident()
        in_lanes(lambda inner: done.append((10 * block + inner, threading.get_ident() == here)), range(4))

    with lanes(2):
        in_lanes(outer, range(2))
    assert sorted(done) == [(10 * block + inner, True) for block in range(2) for inner in range(4)]


@pytest.mark.parametrize("failing", [0, 1])
def test_an_error_is_raised_after_all_lanes_have_stopped(failing: int) -> None:
    """One lane fails at once, while the other has a long product before it (in which Python runs on)."""
    matrix = np.ones((1000, 1000))
    about_to_fail = threading.Event()
    done: list[int] = []

    def body(block: int) -> None:
        if block == failing:
            about_to_fail.set()
            raise KeyError(block)
        assert about_to_fail.wait(PATIENCE)
        matrix @ matrix
        done.append(block)

    with lanes(2), pytest.raises(KeyError, match=str(failing)):
        in_lanes(body, [0, 1])
    assert done == [1 - failing]


@counts
def test_lanes_can_be_used_again_after_an_error(count: int) -> None:
    def fail(block: int) -> None:
        raise KeyError(block)

    done: list[int] = []
    with lanes(count):
        with pytest.raises(KeyError):
            in_lanes(fail, range(4))
        in_lanes(done.append, range(4))
    assert sorted(done) == [0, 1, 2, 3]


# Sums.


@pytest.mark.parametrize("blocks", [1, 2, 3, 8, 9])
def test_sums_are_equal_bit_by_bit_for_any_number_of_lanes(blocks: int) -> None:
    rng = np.random.default_rng(0)
    parts = rng.standard_normal((blocks, 50, 3)) * 10.0 ** rng.integers(-4, 5, (blocks, 50, 3))
    parts = parts.astype(np.float32)

    def body(block: int, matrix: np.ndarray, row: np.ndarray) -> None:
        matrix[...] = parts[block]
        row[...] = parts[block, 0]

    results = []
    for count in (1, 2, 3):
        with lanes(count):
            results.append(sum_in_lanes(body, range(blocks), [(50, 3), (3,)], np.float32))
    for matrix, row in results:
        np.testing.assert_array_equal(matrix, results[0][0])
        np.testing.assert_array_equal(row, results[0][1])
        np.testing.assert_array_equal(row, matrix[0])
    exact = np.array([math.fsum(column) for column in parts.reshape(blocks, -1).T]).reshape(50, 3)
    np.testing.assert_allclose(results[0][0], exact, atol=1e-6 * abs(parts).sum(0).max())


# BLAS.


class Blas:
    """A library as threadpoolctl shows it."""

    def __init__(self, threads: int) -> None:
        self.threads = threads

    def get_num_threads(self) -> int:
        return self.threads

    def set_num_threads(self, threads: int) -> None:
        self.threads = threads


@pytest.fixture
def libraries(monkeypatch: pytest.MonkeyPatch) -> list[Blas]:
    found = [Blas(7), Blas(3)]
    monkeypatch.setattr(threads, "_blas_libraries", lambda: found)
    return found


def thread_numbers(libraries: list[Blas]) -> list[int]:
    return [library.threads for library in libraries]


def test_blas_is_held_to_one_thread_and_let_go(libraries: list[Blas]) -> None:
    with one_blas_thread():
        assert thread_numbers(libraries) == [1, 1]
        with one_blas_thread():
            assert thread_numbers(libraries) == [1, 1]
        assert thread_numbers(libraries) == [1, 1]
    assert thread_numbers(libraries) == [7, 3]


def test_blas_is_let_go_by_the_last_one_out(libraries: list[Blas]) -> None:
    with ExitStack() as first, ExitStack() as second:
        first.enter_context(one_blas_thread())
        second.enter_context(one_blas_thread())
        first.close()
        assert thread_numbers(libraries) == [1, 1]
        second.close()
        assert thread_numbers(libraries) == [7, 3]


def test_blas_is_let_go_after_an_error(libraries: list[Blas]) -> None:
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert thread_numbers(libraries) == [7, 3]


@counts
def test_blas_has_one_thread_in_every_lane(count: int, libraries: list[Blas]) -> None:
    seen: list[list[int]] = []
    with lanes(count):
        in_lanes(lambda block: seen.append(thread_numbers(libraries)), range(4))
    assert seen == [[1, 1]] * 4
    assert thread_numbers(libraries) == [7, 3]


def test_the_real_blas_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    find_again = threads._blas_libraries.__wrapped__  # libraries may have been loaded since the first look
    monkeypatch.setattr(threads, "_blas_libraries", find_again)

    def real_numbers() -> set[int]:
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    with threadpool_limits(2, user_api="blas"):
        before = real_numbers()
        with one_blas_thread():
            assert real_numbers() == {1}
        assert real_numbers() == before


# Scratch.


def test_scratch_is_kept_and_only_grows() -> None:
    large = scratch("test", (10, 10), np.float32)
    small = scratch("test", (3, 4), np.float32)
    larger = scratch("test", (20, 20), np.float32)
    assert (large.shape, small.shape, larger.shape) == ((10, 10), (3, 4), (20, 20))
    assert np.shares_memory(large, small)
    assert not np.shares_memory(large, larger)
    assert np.shares_memory(larger, scratch("test", (10, 10), np.float32))


def test_scratch_of_another_purpose_or_dtype_is_another() -> None:
    one = scratch("test", (5,), np.float32)
    assert not np.shares_memory(one, scratch("other", (5,), np.float32))
    assert not np.shares_memory(one, scratch("test", (5,), np.float64))
    assert scratch("test", (5,), "float64").dtype == np.float64


def test_scratch_belongs_to_its_thread() -> None:
    meeting = threading.Barrier(2)
    arrays: dict[int, np.ndarray] = {}

    def take(block: int) -> None:
        arrays[block] = scratch("test", (5,), np.float32)
        meeting.wait(PATIENCE)

    with lanes(2):
        in_lanes(take, [0, 1])
    assert not np.shares_memory(arrays[0], arrays[1])


def test_another_python_thread_gets_the_same_bits_and_gives_blas_back() -> None:
    """The real OpenBLAS: from a second thread it must be held to one thread just as well."""
    before = [threads for _, threads in blas_threads()]
    rng = np.random.default_rng(0)
    layer = tc.Conv2d(32, 32, 3, padding=1)
    x = rng.standard_normal((4, 64, 64, 32), dtype=np.float32)
    wanted = layer.predict(x)
    with ThreadPoolExecutor(1) as pool:
        got = pool.submit(layer.predict, x).result()
        held = pool.submit(_threads_while_held).result()
    np.testing.assert_array_equal(got, wanted)
    assert set(held) == {1}
    assert [threads for _, threads in blas_threads()] == before


def _threads_while_held() -> list[int]:
    with one_blas_thread():
        return [threads for _, threads in blas_threads()]


FORK = """
import os, signal, sys
import numpy as np
import tinycolor as tc
layer = tc.Conv2d(32, 32, 3, padding=1)
x = np.ones((4, 64, 64, 32), np.float32)
wanted = layer.predict(x)
child = os.fork()
if child == 0:
    signal.alarm(60)
    os._exit(0 if (layer.predict(x) == wanted).all() else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_has_lanes_of_its_own() -> None:
    assert subprocess.run([sys.executable, "-c", FORK], check=False).returncode == 0


@pytest.mark.parametrize("count", [1.5, True, "2"])
def test_lanes_that_are_no_whole_number_are_refused(count: object) -> None:
    with pytest.raises(ValueError, match="expected a whole number of at least 1"):
        lanes(count)


def test_lanes_take_any_whole_number() -> None:
    with lanes(np.int64(2)):
        assert lane_count() == 2
