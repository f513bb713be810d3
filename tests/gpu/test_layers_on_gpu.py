"""Every layer of the table on a GPU: right gradients in float64, and what the CPU gives in float32."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

import tinycolor as tc

from table import ROWS

FORWARD, BACKWARD = 1e-4, 1e-3  # ||gpu - cpu|| / ||cpu|| in float32, with precision("fp32")
OF_DY = 1 << 32  # a seed that no x has: a normalisation would undo all but rounding of a dy that equals x
LARGE = ("Conv2d-blocked", "Conv2d-winograd")
QUIETLY = {"suppress_health_check": list(HealthCheck), "deadline": None}

every_row = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])


def is_small(row):
    """Small enough for kernels that a CPU pretends to be a GPU for: no whole network, no large picture."""
    return not hasattr(tc.networks, row.name.partition("-")[0]) and row.name not in LARGE


def examples(cupy, row):
    """The pretended GPU is slow."""
    return 2 if hasattr(cupy.ndarray, "cupy") else max(2, row.examples // 5)


def on_gpu(*arrays):
    return [tc.to_device(array, "gpu") for array in arrays]


@every_row
def test_gradients_agree_with_differences(cupy, row, record_property):
    if hasattr(cupy.ndarray, "cupy") and not is_small(row):
        pytest.skip("too large for a pretended GPU")
    worst = 0.0

    @settings(max_examples=examples(cupy, row), **QUIETLY)
    @given(row.pairs)
    def check(pair):
        nonlocal worst
        layer, xs = pair
        for mode in row.modes:
            worst = max(worst, tc.gradcheck(*on_gpu(layer, *xs), mode=mode, tolerance=row.tolerance))

    check()
    record_property("gpu error", ("float64 gradients", row.name, float(worst)))


def there_and_back(layer, xs, mode):
    """Return the outputs, and all gradients, on the CPU."""
    device = "cpu" if tc.array_module(*xs) is np else "gpu"
    y, backward = layer(*xs, mode=mode, rng=tc.Generator(7))
    ys = y if isinstance(y, tuple) else (y,)
    rng = np.random.default_rng(OF_DY)
    dx = backward(*(tc.to_device(rng.standard_normal(y.shape).astype(y.dtype), device) for y in ys))
    dxs = dx if isinstance(dx, tuple) else (dx,)
    grads = [parameter.grad for parameter in layer.parameters()]
    return [tc.to_numpy(y) for y in ys], [tc.to_numpy(array) for array in (*dxs, *grads)]


def distance(ours, theirs):
    """Of all the arrays together: where a gradient is zero but for rounding, there is nothing to compare with."""
    difference = sum(float(((one - other) ** 2).sum()) for one, other in zip(ours, theirs, strict=True))
    return np.sqrt(difference / max(1e-30, sum(float((other**2).sum()) for other in theirs)))


@every_row
def test_float32_is_what_the_cpu_gives(cupy, row, record_property):
    if hasattr(cupy.ndarray, "cupy") and not is_small(row):
        pytest.skip("too large for a pretended GPU")
    worst = [0.0, 0.0]

    @settings(max_examples=examples(cupy, row), **QUIETLY)
    @given(row.pairs)
    def check(pair):
        layer, xs = pair[0].astype("float32"), [x.astype("float32") for x in pair[1]]
        for mode in row.modes:
            twin, *xs_there = on_gpu(layer, *xs)
            layer.zero_grad()
            with tc.precision("fp32"):
                got, wanted = there_and_back(twin, xs_there, mode), there_and_back(layer, xs, mode)
            for number in (0, 1):
                assert [array.dtype for array in got[number]] == [array.dtype for array in wanted[number]]
                worst[number] = max(worst[number], distance(got[number], wanted[number]))

    check()
    record_property("gpu error", ("float32 forward", row.name, float(worst[0])))
    record_property("gpu error", ("float32 gradients", row.name, float(worst[1])))
    assert worst[0] < FORWARD
    assert worst[1] < BACKWARD
