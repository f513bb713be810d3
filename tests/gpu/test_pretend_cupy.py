"""The pretended CuPy pretends nothing that CuPy does not have, and refuses what CuPy refuses."""

import inspect

import numpy as np
import pretend_cupy
import pytest
from pretend_array import ndarray
from pretend_cuda import CUDARuntimeError, OutOfMemoryError, RaceError, machine

OWN = {"numbers", "memory", "cupy"}  # of its arrays


@pytest.fixture
def cupy():
    return pretend_cupy.make()


@pytest.fixture
def a(cupy):
    return cupy.asarray(np.arange(6, dtype="float32").reshape(2, 3))


def names(thing):
    return {name for name in vars(thing) if not name.startswith("_")}


def test_it_offers_nothing_that_cupy_has_not(cupy):
    real = pytest.importorskip("cupy", exc_type=ImportError)
    assert names(cupy) <= set(dir(real)) | {"cuda"}
    assert names(cupy.cuda) <= set(dir(real.cuda))
    assert names(cupy.cuda.runtime) <= set(dir(real.cuda.runtime))
    operators = {name for name in vars(ndarray) if name.startswith("__")} - {"__dict__", "__weakref__", "__module__"}
    assert names(ndarray) - OWN <= set(dir(real.ndarray))
    assert operators - {"__firstlineno__", "__static_attributes__"} <= set(dir(real.ndarray))
    for pretended, genuine in (
        (cupy.cuda.Stream(non_blocking=True), real.cuda.Stream),
        (cupy.cuda.Event(), real.cuda.Event),
        (cupy.cuda.MemoryPool(), real.cuda.MemoryPool),
        (cupy.cuda.Device(), real.cuda.Device),
    ):
        methods = {name for name, _ in inspect.getmembers(type(pretended)) if not name.startswith("_")}
        assert methods - {"begin", "check", "fresh", "now", "take"} <= set(dir(genuine))


@pytest.mark.parametrize(
    "mixed",
    [
        lambda a: a + np.ones(3),
        lambda a: np.ones(3) + a,
        lambda a: a @ np.ones(3),
        lambda a: a * [1, 2, 3],
        np.asarray,
        lambda a: np.zeros((2, 3)).__setitem__(slice(None), a),
        lambda a: np.concatenate([a, np.ones((2, 3))]),
        lambda a: a.cupy.maximum(a, np.ones(3)),
        lambda a: a.cupy.where(np.ones(3, bool), a, a),
    ],
)
def test_numpy_arrays_are_refused(a, mixed):
    with pytest.raises(TypeError, match=r"Unsupported type|Implicit conversion"):
        mixed(a)


def test_numpy_arrays_cannot_be_assigned(a):
    with pytest.raises(ValueError, match="cannot be used for fill"):
        a[...] = np.ones((2, 3))


def test_numpys_scalars_and_functions_are_taken(cupy, a):
    for result in (np.float32(2) * a, a * np.float32(2), np.sqrt(a), np.concatenate([a, a]), a.sum(), a[0, 0], -a):
        assert type(result) is cupy.ndarray
    assert np.shape(a) == (2, 3)
    assert (a[0, 0].shape, a.sum().shape, float(a.sum())) == ((), (), 15)


def test_types_follow_numpy(a):
    for result, dtype in ((a * 2.5, "float32"), (a * np.float64(2), "float64"), (a > 1, "bool"), (1 / a, "float32")):
        assert result.dtype == dtype


def test_parts_are_views_whose_base_is_the_whole(a):
    part = a[1:].reshape(-1)[1:]
    assert part.base is a
    part += 10
    assert a.get().tolist() == [[0, 1, 2], [3, 14, 15]]


def test_empty_arrays_are_poisoned(cupy):
    assert np.isnan(cupy.empty(3, "float32").get()).all()


class TestStreams:
    def test_a_reader_must_wait_for_the_writer(self, cupy, a):
        stream = cupy.cuda.Stream(non_blocking=True)
        with stream, pytest.raises(RaceError, match="stream 1 does not wait for what stream 0 does"):
            a + 1

    def test_a_writer_must_wait_for_the_reader(self, cupy, a):
        stream = cupy.cuda.Stream(non_blocking=True)
        stream.wait_event(cupy.cuda.get_current_stream().record())
        with stream:
            a + 1
        with pytest.raises(RaceError):
            a += 1

    @pytest.mark.parametrize("how", ["event", "synchronize"])
    def test_whoever_waits_may(self, cupy, a, how):
        stream, here = cupy.cuda.Stream(non_blocking=True), cupy.cuda.get_current_stream()
        if how == "event":
            stream.wait_event(here.record())
        else:
            here.synchronize()
        with stream:
            b = a + 1
        stream.synchronize()
        assert float(b.sum()) == 21


class TestCapture:
    @pytest.fixture
    def stream(self, cupy):
        pool, stream = cupy.cuda.MemoryPool(), cupy.cuda.Stream(non_blocking=True)
        cupy.cuda.get_current_stream().synchronize()
        with cupy.cuda.using_allocator(pool.malloc), stream:
            yield stream

    def test_what_is_captured_runs_at_each_launch(self, a, stream):
        factor = 2.0
        b = (a * factor).sum()
        a += 0
        stream.begin_capture()
        c = (a * factor).sum()
        a += 0
        graph = stream.end_capture()
        assert np.isnan(float(c))
        factor = 3.0  # a number of Python's own was taken down as it was
        for _ in range(2):
            graph.launch()
            assert float(c) == float(b) == 30
        a.fill(1)
        graph.launch()
        assert float(c) == 12

    @pytest.mark.parametrize(
        "refused",
        [
            lambda a: a.get(),
            lambda a: a.set(np.ones((2, 3), "float32")),
            lambda a: a.cupy.asarray(np.ones(2)),
            lambda a: float(a.sum()),
            lambda a: bool(a.all()),
        ],
    )
    def test_there_is_no_way_to_the_host_nor_from_it(self, a, stream, refused):
        refused(a)
        stream.begin_capture()
        with pytest.raises(RuntimeError, match=r"capturing, so .* transfers are disallowed"):
            refused(a)
        stream.end_capture()

    @pytest.mark.parametrize("product", [lambda a: a @ a.T, lambda a: a.cupy.dot(a, a.T), lambda a: a.T.dot(a)])
    def test_there_is_no_cublas(self, a, stream, product):
        product(a)
        stream.begin_capture()
        with pytest.raises(NotImplementedError, match="cuBLAS"):
            product(a)
        stream.end_capture()

    @pytest.mark.parametrize("product", [lambda a: a[0] @ a[0], lambda a: np.dot(a[0], a[0])])
    def test_a_product_that_is_a_single_number_needs_none(self, a, stream, product):
        product(a)
        stream.begin_capture()
        square = product(a)
        stream.end_capture().launch()
        assert float(square) == 5

    def test_nothing_is_compiled(self, a, stream):
        stream.begin_capture()
        with pytest.raises(CUDARuntimeError, match="compiled"):
            a * 2
        stream.end_capture()

    def test_there_is_no_memory_of_the_default_pool(self, cupy, a, stream):
        a * 2
        stream.begin_capture()
        with (
            cupy.cuda.using_allocator(cupy.get_default_memory_pool().malloc),
            pytest.raises(AssertionError, match="memory of its own"),
        ):
            a * 2
        stream.end_capture()

    def test_memory_of_a_graph_must_not_be_freed(self, cupy, a, stream):
        a * 2
        stream.begin_capture()
        a * 2
        graph = stream.end_capture()
        graph.launch()
        machine.pool.free_all_blocks()
        with pytest.raises(AssertionError, match="was freed"):
            graph.launch()

    def test_memory_of_a_graph_is_for_nobody_else(self, a, stream):
        a * 2
        stream.begin_capture()
        a * 2
        graph = stream.end_capture()
        with pytest.raises(AssertionError, match="a graph's"):
            a * 2
        del graph
        a * 2


def test_what_a_bare_copy_reads_must_stay_until_it_is_read(cupy, a):
    batch, copied = (np.ones((2, 3), "float32") for _ in range(2))
    a.set(batch)
    b = cupy.asarray(copied)
    copied.fill(2)  # it was copied to memory of CuPy's own first
    assert float(b.sum()) == 6
    a.set(batch)
    batch.fill(2)
    with pytest.raises(RaceError, match="refilled without waiting"):
        float(a.sum())


def test_a_pool_that_is_dropped_keeps_its_memory(cupy):
    def keeps(free, in_use):
        pool, before = cupy.cuda.MemoryPool(), machine.held()
        with cupy.cuda.using_allocator(pool.malloc):
            cupy.zeros(100, "float32")
            part = cupy.zeros(in_use, "float32")
        if free:
            pool.free_all_blocks()
        del pool, part
        return machine.held() - before

    assert (keeps(free=True, in_use=0), keeps(free=False, in_use=0), keeps(free=True, in_use=1)) == (0, 400, 400)


def test_memory_ends_and_can_be_freed(cupy):
    machine.limit = 1000
    half = cupy.zeros(125, "float32")
    with pytest.raises(OutOfMemoryError):
        cupy.zeros(126, "float32")
    pool = cupy.cuda.MemoryPool()
    del half
    with cupy.cuda.using_allocator(pool.malloc):  # the default pool keeps what it was given back
        with pytest.raises(MemoryError):
            cupy.zeros(126, "float32")
        cupy.get_default_memory_pool().free_all_blocks()
        cupy.zeros(126, "float32")
