"""Convolution: the plain path against naive loops, the fast paths against the same loops and their adjoints."""

import inspect
from collections.abc import Callable
from functools import cache
from random import Random
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pytest

from tinycolor import lanes
from tinycolor.ops import conv as plain
from tinycolor.ops.conv import NONE, ONE
from tinycolor.ops.fast import blocked, turned, winograd
from tinycolor.ops.fast.blocks import cut, rectangle
from tinycolor.ops.fast.choose import conv2d_algorithm
from tinycolor.ops.shapes import Pair

import oracles

FUNCTIONS = ("conv2d", "conv2d_dx", "conv2d_dw")
MODULES = (plain, blocked, turned, winograd)
NEVER, ALWAYS = 0, 1000


class Case(NamedTuple):
    x_shape: tuple[int, int, int, int]
    weight_shape: tuple[int, int, int, int]
    stride: Pair = ONE
    padding: Pair = NONE
    dilation: Pair = ONE

    @property
    def steps(self) -> dict[str, Pair]:
        return {"stride": self.stride, "padding": self.padding, "dilation": self.dilation}

    @property
    def y_shape(self) -> tuple[int, int, int, int]:
        size = oracles.conv2d_size(self.x_shape[1:3], self.weight_shape[:2], **self.steps)
        return (self.x_shape[0], *size, self.weight_shape[-1])

    def __str__(self) -> str:
        sizes = ("x".join(map(str, shape)) for shape in self)
        return "{}-{}-s{}-p{}-d{}".format(*sizes)


class Numbers(NamedTuple):
    """What goes into a convolution and its gradients."""

    x: np.ndarray
    weight: np.ndarray
    bias: np.ndarray
    dy: np.ndarray


def random_cases(count: int, seed: int) -> list[Case]:
    rng = Random(seed)
    return [random_case(rng) for _ in range(count)]


def random_case(rng: Random) -> Case:
    kernel, outputs = pick(rng, 1, 4), pick(rng, 1, 5)
    stride, padding = pick(rng, 1, 3), pick(rng, 0, 2)
    dilation = ONE if stride != ONE and rng.random() < 0.8 else pick(rng, 1, 3)
    size = [input_size(rng, *side) for side in zip(outputs, kernel, stride, padding, dilation, strict=True)]
    channels, filters = rng.choice((1, 2, 3, 5, 8)), rng.choice((1, 3, 4, 8))
    return Case((rng.randint(1, 3), *size, channels), (*kernel, channels, filters), stride, padding, dilation)


def pick(rng: Random, least: int, most: int) -> Pair:
    return rng.randint(least, most), rng.randint(least, most)


def input_size(rng: Random, output: int, kernel: int, stride: int, padding: int, dilation: int) -> int:
    """A size that gives this output, or a little more; some pixels may be left over behind the last window."""
    unused = rng.randint(0, stride - 1)
    return max(1, (output - 1) * stride + (kernel - 1) * dilation + 1 + unused - 2 * padding)


def random_winograd_cases(count: int, seed: int) -> list[Case]:
    rng = Random(seed)
    cases = []
    for _ in range(count):
        padding = pick(rng, 0, 2)
        size = [max(1, rng.randint(1, 11) + 2 - 2 * border) for border in padding]
        channels, filters = rng.randint(1, 4), rng.randint(1, 4)
        cases.append(Case((rng.randint(1, 3), *size, channels), (3, 3, channels, filters), padding=padding))
    return cases


def takes(module: ModuleType, case: Case) -> bool:
    """Whether a module may be asked: blocked takes no stride and dilation together, winograd 3x3 and neither.

    turned takes no stride, nor a padding as wide as the window.
    """
    if module is turned:
        extent = [d * (side - 1) for d, side in zip(case.dilation, case.weight_shape[:2], strict=True)]
        return case.stride == ONE and all(border <= most for border, most in zip(case.padding, extent, strict=True))
    if module is winograd:
        return case.weight_shape[:2] == (3, 3) and case.stride == case.dilation == ONE and max(case.padding) <= 2
    return module is plain or ONE in (case.stride, case.dilation)


def label(value: object) -> str:
    return value.__name__.rpartition(".")[2] if isinstance(value, ModuleType) else str(value)


CASES = random_cases(300, seed=0)
BLOCKED_CASES = [case for case in CASES if takes(blocked, case)]
TURNED_CASES = [case for case in CASES if takes(turned, case)]
WINOGRAD_CASES = random_winograd_cases(200, seed=1)
REAL_CASES = [
    Case((4, 32, 32, 32), (3, 3, 32, 64), padding=(1, 1)),
    Case((4, 32, 32, 32), (4, 4, 32, 64), stride=(2, 2), padding=(1, 1)),
    Case((2, 31, 33, 3), (5, 3, 3, 16), stride=(2, 3), padding=(2, 0)),
    Case((2, 32, 32, 32), (3, 3, 32, 32), padding=(2, 2), dilation=(2, 2)),
    Case((2, 31, 33, 64), (4, 4, 64, 1), padding=(1, 1)),
]
REAL_RUNS = [(module, case) for module in MODULES for case in REAL_CASES if takes(module, case)]
BLOCKED_WAYS = {
    "gather, window by window": {"FEW_CHANNELS": NEVER, "PIXELS_PER_FILTER": NEVER, "SHORT_RUN": NEVER},
    "gather, tap by tap": {"FEW_CHANNELS": NEVER, "PIXELS_PER_FILTER": NEVER, "SHORT_RUN": ALWAYS},
    "scatter": {"FEW_CHANNELS": ALWAYS},
    "plain": {"FEW_CHANNELS": NEVER, "PIXELS_PER_FILTER": ALWAYS},
}


@cache
def numbers(case: Case) -> Numbers:
    rng = np.random.default_rng(0)
    shapes = (case.x_shape, case.weight_shape, case.weight_shape[-1:], case.y_shape)
    return Numbers(*(read_only(rng.standard_normal(shape)) for shape in shapes))


def read_only(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array


@cache
def expected(case: Case) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return all_three(oracles, case, numbers(case))


def all_three(module: ModuleType, case: Case, given: Numbers) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return (
        module.conv2d(given.x, given.weight, given.bias, **case.steps),
        module.conv2d_dx(given.dy, given.weight, case.x_shape, **case.steps),
        module.conv2d_dw(given.x, given.dy, case.weight_shape[:2], **case.steps),
    )


def assert_agrees(module: ModuleType, case: Case) -> None:
    for name, got, wanted in zip(FUNCTIONS, all_three(module, case, numbers(case)), expected(case), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-10, err_msg=f"{module.__name__}.{name}")


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every output row a block of its own."""
    monkeypatch.setattr(blocked, "COLUMN_BYTES", 1)
    monkeypatch.setattr(winograd, "BLOCK_BYTES", 1)


@pytest.fixture(params=list(BLOCKED_WAYS))
def blocked_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in BLOCKED_WAYS[request.param].items():
        monkeypatch.setattr(blocked, name, value)


# Against the loops.


@pytest.mark.parametrize("case", CASES, ids=str)
def test_plain_agrees_with_loops(case: Case) -> None:
    assert_agrees(plain, case)


@pytest.mark.parametrize("case", BLOCKED_CASES, ids=str)
def test_blocked_agrees_with_loops(case: Case) -> None:
    assert_agrees(blocked, case)


@pytest.mark.usefixtures("small_blocks", "blocked_way")
@pytest.mark.parametrize("case", BLOCKED_CASES, ids=str)
def test_blocked_agrees_with_loops_in_several_blocks_each_way(case: Case) -> None:
    assert_agrees(blocked, case)


@pytest.mark.parametrize("case", TURNED_CASES, ids=str)
def test_turned_agrees_with_loops(case: Case) -> None:
    assert_agrees(turned, case)


@pytest.mark.parametrize("case", WINOGRAD_CASES, ids=str)
def test_winograd_agrees_with_loops(case: Case) -> None:
    assert_agrees(winograd, case)


@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("case", WINOGRAD_CASES, ids=str)
def test_winograd_agrees_with_loops_in_several_blocks(case: Case) -> None:
    assert_agrees(winograd, case)


@pytest.mark.parametrize(
    "hard",
    [
        lambda case: case.x_shape[0] == 1,
        lambda case: case.y_shape[1:3] == ONE,
        lambda case: case.x_shape[1] != case.x_shape[2] and case.weight_shape[0] != case.weight_shape[1],
        lambda case: max(case.stride) > 1 and case.dilation == ONE,
        lambda case: max(case.dilation) > 1 and case.stride == ONE,
        lambda case: max(case.stride) > max(case.weight_shape[:2]),
        lambda case: min(case.padding) >= max(case.weight_shape[:2]),
        lambda case: case.stride[0] != case.stride[1],
        lambda case: case.padding[0] != case.padding[1],
        lambda case: case.dilation[0] != case.dilation[1],
    ],
    ids=[
        "batch of one",
        "one-pixel output",
        "picture and kernel not square",
        "stride",
        "dilation",
        "stride beyond the kernel",
        "padding beyond the kernel",
        "two strides",
        "two paddings",
        "two dilations",
    ],
)
def test_random_cases_include(hard: Callable[[Case], bool]) -> None:
    assert sum(map(hard, BLOCKED_CASES)) >= 3


def test_at_least_200_shapes_are_compared() -> None:
    assert len(set(CASES)) >= 200
    assert len(set(BLOCKED_CASES) | set(WINOGRAD_CASES)) >= 200
    assert len(set(TURNED_CASES)) >= 20


@pytest.mark.parametrize("module", [plain, blocked], ids=label)
@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1)])
@pytest.mark.parametrize("kernel", [(4, 4), (3, 2)])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (0, 1)])
def test_conv2d_dx_is_the_transposed_convolution(module: ModuleType, stride: Pair, kernel: Pair, padding: Pair) -> None:
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 3, 4, 5)), rng.standard_normal((*kernel, 2, 5))
    wanted = oracles.conv_transpose2d(x, weight, stride=stride, padding=padding)
    y = module.conv2d_dx(x, weight, wanted.shape, stride=stride, padding=padding)
    np.testing.assert_allclose(y, wanted, rtol=1e-10, atol=1e-10)


# Real sizes: no loops, but identities that only the right gradient fulfils.


@pytest.mark.parametrize(("module", "case"), REAL_RUNS, ids=label)
def test_gradients_are_the_adjoints_of_the_convolution(module: ModuleType, case: Case) -> None:
    x, weight, _, dy = numbers(case)
    y, dx, dw = all_three(module, case, numbers(case)._replace(bias=np.zeros(case.weight_shape[-1])))
    scale = np.linalg.norm(y) * np.linalg.norm(dy)
    assert abs(np.vdot(y, dy) - np.vdot(x, dx)) < 1e-10 * scale
    assert abs(np.vdot(y, dy) - np.vdot(weight, dw)) < 1e-10 * scale


@pytest.mark.parametrize(
    ("module", "tolerance"), [(plain, 2e-6), (blocked, 2e-6), (turned, 2e-6), (winograd, 2e-5)], ids=label
)
def test_float32_stays_near_the_loops(module: ModuleType, tolerance: float) -> None:
    """Largest error by largest output: up to 6e-7 was measured for direct sums, up to 8e-6 for Winograd's."""
    case = Case((2, 9, 11, 8), (3, 3, 8, 6), padding=(1, 1))
    single = Numbers(*(array.astype("float32") for array in numbers(case)))
    for got, wanted in zip(all_three(module, case, single), expected(case), strict=True):
        assert got.dtype == "float32"
        assert abs(got - wanted).max() < tolerance * abs(wanted).max()


@pytest.mark.parametrize(("module", "case"), REAL_RUNS, ids=label)
def test_float32_stays_near_float64_at_real_sizes(module: ModuleType, case: Case) -> None:
    single = Numbers(*(array.astype("float32") for array in numbers(case)))
    for got, wanted in zip(all_three(module, case, single), all_three(plain, case, numbers(case)), strict=True):
        assert abs(got - wanted).max() < 2e-5 * abs(wanted).max()


# The three modules are one to their callers.


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("module", [blocked, winograd, oracles], ids=label)
def test_signature_is_that_of_the_plain_path(module: ModuleType, function: str) -> None:
    assert arguments(module, function) == arguments(plain, function)


def arguments(module: ModuleType, function: str) -> list[tuple[str, object, object]]:
    parameters = inspect.signature(getattr(module, function)).parameters.values()
    return [(p.name, p.kind, p.default) for p in parameters]


@pytest.mark.parametrize(
    ("module", "x_shape", "weight_shape", "steps"),
    [
        (winograd, (16, 64, 64, 32), (3, 3, 32, 32), {"padding": (1, 1)}),
        (winograd, (16, 8, 8, 256), (3, 3, 256, 256), {"padding": (0, 2)}),
        (blocked, (16, 64, 64, 31), (3, 3, 31, 32), {"padding": (1, 1)}),
        (blocked, (16, 64, 64, 32), (3, 3, 32, 31), {"padding": (1, 1)}),
        (blocked, (16, 64, 64, 32), (3, 3, 32, 32), {"padding": (3, 1)}),
        (blocked, (16, 64, 64, 32), (3, 3, 32, 32), {"stride": (1, 2)}),
        (blocked, (16, 64, 64, 32), (3, 3, 32, 32), {"dilation": (2, 1)}),
        (blocked, (16, 64, 64, 32), (5, 3, 32, 32), {}),
        (blocked, (16, 64, 64, 32), (1, 1, 32, 32), {}),
        (turned, (1, 31, 31, 512), (4, 4, 512, 1), {"padding": (1, 1)}),
        (turned, (16, 64, 64, 32), (3, 3, 32, 4), {"padding": (2, 1), "dilation": (1, 2)}),
        (blocked, (16, 64, 64, 32), (3, 3, 32, 4), {"padding": (3, 1)}),
        (blocked, (16, 64, 64, 32), (3, 3, 32, 5), {"padding": (1, 1)}),
        (blocked, (16, 64, 64, 4), (3, 3, 4, 4), {"padding": (1, 1)}),
        (blocked, (16, 64, 64, 32), (1, 1, 32, 4), {}),
        (blocked, (1, 65, 65, 512), (4, 4, 512, 1), {"stride": (2, 2)}),
        (blocked, (1, 128, 128, 64), (4, 4, 64, 128), {"stride": (2, 2), "padding": (1, 1)}),
        (plain, (16, 64, 64, 32), (3, 3, 32, 32), {"stride": (2, 2), "dilation": (2, 2)}),
        (plain, (1, 8, 8, 512), (4, 4, 512, 512), {"stride": (2, 2), "padding": (1, 1)}),
        (plain, (1, 15, 17, 512), (3, 3, 512, 512), {"padding": (1, 1)}),
        (winograd, (1, 16, 16, 512), (3, 3, 512, 512), {"padding": (1, 1)}),
        (blocked, (32, 28, 28, 1), (3, 3, 1, 8), {"padding": (1, 1)}),
        (plain, (8, 28, 28, 1), (3, 3, 1, 8), {"padding": (1, 1)}),
        (blocked, (32, 32, 32, 1), (1, 1, 1, 32), {}),
        (plain, (32, 32, 32, 1), (1, 1, 1, 31), {}),
    ],
    ids=label,
)
def test_algorithm_follows_from_the_shapes(
    module: ModuleType, x_shape: tuple[int, ...], weight_shape: tuple[int, ...], steps: dict[str, Pair]
) -> None:
    assert conv2d_algorithm(x_shape, weight_shape, **steps) is module
    with lanes(1):
        assert conv2d_algorithm(x_shape, weight_shape, **steps) is module


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("way", [*BLOCKED_WAYS, "winograd"])
@pytest.mark.parametrize("block_bytes", [1, 1 << 14])
def test_lanes_do_not_change_a_bit(function: str, way: str, block_bytes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    module = winograd if way == "winograd" else blocked
    monkeypatch.setattr(module, "BLOCK_BYTES" if module is winograd else "COLUMN_BYTES", block_bytes)
    for name, value in BLOCKED_WAYS.get(way, {}).items():
        monkeypatch.setattr(blocked, name, value)
    case = Case((3, 13, 11, 8), (3, 3, 8, 16), padding=(1, 1))
    single = Numbers(*(array.astype("float32") for array in numbers(case)))
    which = FUNCTIONS.index(function)
    with lanes(1):
        alone = all_three(module, case, single)[which]
    for count in (2, 3):
        with lanes(count):
            together = all_three(module, case, single)[which]
        np.testing.assert_array_equal(together, alone)


# Arrays as they come: read-only, and not in one piece.


def every_other(array: np.ndarray) -> np.ndarray:
    """The same numbers, two apart on every axis."""
    spread = np.full([2 * size for size in array.shape], np.nan)
    places = tuple(slice(None, None, 2) for _ in array.shape)
    spread[places] = array
    return spread[places]


def axes_reversed(array: np.ndarray) -> np.ndarray:
    """The same numbers, in the opposite order in memory."""
    return np.asfortranarray(array)


def backwards(array: np.ndarray) -> np.ndarray:
    """The same numbers, read from the end of the memory."""
    return np.flip(np.flip(array).copy())


@pytest.mark.parametrize("layout", [every_other, axes_reversed, backwards])
@pytest.mark.parametrize(
    ("module", "case"),
    [
        (plain, Case((2, 6, 5, 3), (2, 3, 3, 4), stride=(2, 1), padding=(1, 0))),
        (plain, Case((2, 6, 5, 3), (1, 1, 3, 4))),
        (blocked, Case((2, 6, 5, 3), (2, 3, 3, 4), stride=(2, 1), padding=(1, 0))),
        (blocked, Case((2, 6, 5, 3), (1, 1, 3, 4))),
        (blocked, Case((2, 6, 5, 8), (3, 3, 8, 4))),
        (blocked, Case((2, 6, 5, 1), (3, 3, 1, 4))),
        (winograd, Case((2, 6, 7, 3), (3, 3, 3, 4), padding=(1, 0))),
        (winograd, Case((2, 6, 6, 3), (3, 3, 3, 4))),
    ],
    ids=label,
)
def test_inputs_may_be_read_only_and_scattered_and_stay_as_they_were(
    module: ModuleType, case: Case, layout: Callable[[np.ndarray], np.ndarray]
) -> None:
    given = Numbers(*(read_only(layout(array)) for array in numbers(case)))
    for got, wanted in zip(all_three(module, case, given), expected(case), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-10)
    for array, original in zip(given, numbers(case), strict=True):
        np.testing.assert_array_equal(array, original)


@pytest.mark.parametrize("module", MODULES, ids=label)
def test_outputs_are_fresh(module: ModuleType) -> None:
    case = Case((1, 6, 6, 8), (3, 3, 8, 8), padding=(1, 1))
    first, second = (all_three(module, case, numbers(case)) for _ in range(2))
    for array, other in zip(first, second, strict=True):
        assert array.flags.writeable
        assert not any(np.shares_memory(array, given) for given in (*numbers(case), other))


# What the fast paths are cut from.


@pytest.mark.parametrize("target", [1, 100, 1000, 10**6])
@pytest.mark.parametrize(("images", "rows"), [(1, 1), (1, 7), (5, 1), (3, 8), (16, 64)])
def test_blocks_cover_every_row_once(images: int, rows: int, target: int) -> None:
    seen = np.zeros((images, rows), int)
    for block in cut(images, rows, bytes_per_row=10, target=target):
        assert (block.first, block.last) == (0, rows) or block.images.stop - block.images.start == 1
        seen[block.images, block.first : block.last] += 1
    assert (seen == 1).all()


@pytest.mark.parametrize(
    ("images", "rows", "target", "count"),
    [(16, 64, 6400, 2), (16, 64, 640, 16), (1, 64, 320, 2), (1, 64, 300, 4), (1, 64, 640, 2)],
)
def test_blocks_are_of_even_number(images: int, rows: int, target: int, count: int) -> None:
    assert len(cut(images, rows, bytes_per_row=10, target=target)) == count


@pytest.mark.parametrize("top", [-7, -2, 0, 1, 3, 6])
@pytest.mark.parametrize("left", [-8, -1, 0, 2, 5, 9])
@pytest.mark.parametrize("size", [(1, 2), (4, 5), (9, 12)])
def test_rectangle_is_zero_outside_the_picture(top: int, left: int, size: Pair) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4, 5, 2))
    border = 20
    large = np.pad(x, ((0, 0), (border, border), (border, border), (0, 0)))
    wanted = large[1:3, border + top : border + top + size[0], border + left : border + left + size[1]]
    np.testing.assert_array_equal(rectangle(x, slice(1, 3), top, left, *size), wanted)
