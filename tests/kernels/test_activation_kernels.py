"""Activations and their ways back: rectifiers bit for bit, what squashes against formulas in float64."""

import numpy as np
import pytest

from tinycolor.kernels import activation, rounding

SHAPES = [(1,), (256,), (2, 3, 5, 11)]  # a number, a block exactly, two blocks of which the last has fewer
SLOPES = [-0.5, 0.0, 0.2, 3.0]
ENDS = [np.nan, np.inf, -np.inf, 0.0, -0.0, 1e38, -1e38, 1e4, -1e4, 100, -100, 30, -30, 1e-9, -1e-9]

shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def draw(shape, seed=0):
    """Return float32 numbers, those at the ends of all numbers among them, where there is room."""
    numbers = 3 * np.random.default_rng(seed).standard_normal(shape).astype("float32")
    numbers.flat[seed : seed + len(ENDS)] = ENDS[: max(0, numbers.size - seed)]
    return numbers


def assert_same_bits(got, wanted):
    np.testing.assert_array_equal(got, wanted)
    signed = ~np.isnan(wanted)
    np.testing.assert_array_equal(np.signbit(got)[signed], np.signbit(wanted)[signed])


def check_relu(device, shape=SHAPES[-1]):
    x, dy = draw(shape), draw(shape, seed=4)
    y, on = device.run(activation.relu, x)
    assert_same_bits(y, np.maximum(x, 0))
    assert on.dtype == bool
    np.testing.assert_array_equal(on, x > 0)
    with np.errstate(invalid="ignore"):  # 0 times infinity
        assert_same_bits(device.run(activation.relu_dx, dy, on), dy * (x > 0))


def check_leaky_relu(device, shape=SHAPES[-1]):
    x, dy = draw(shape), draw(shape, seed=4)
    for slope in SLOPES:
        y, on = device.run(activation.leaky_relu, x, slope)
        with np.errstate(invalid="ignore"):
            assert_same_bits(y, np.where(x > 0, x, x * np.float32(slope)))
            assert_same_bits(
                device.run(activation.leaky_relu_dx, dy, on, slope), np.where(x > 0, dy, dy * np.float32(slope))
            )
        np.testing.assert_array_equal(on, x > 0)


@np.errstate(over="ignore")
def check_sigmoid(device, shape=SHAPES[-1]):
    x = draw(shape)
    y = device.run(activation.sigmoid, x)
    tiny = {"rtol": 1e-6, "atol": 1e-37}  # below that floats lose digits
    np.testing.assert_allclose(y, 1 / (1 + np.exp(-x.astype("float64"))), **tiny)
    dy = np.linspace(-2, 3, x.size, dtype="float32").reshape(shape)
    wanted = dy * (y.astype("float64") * (1 - y.astype("float64")))
    np.testing.assert_allclose(device.run(activation.sigmoid_dx, dy, y), wanted, **tiny)


def check_tanh(device, shape=SHAPES[-1]):
    x = draw(shape)
    y = device.run(activation.tanh, x)
    np.testing.assert_allclose(y, np.tanh(x.astype("float64")), rtol=1e-6)
    dy = np.linspace(-2, 3, x.size, dtype="float32").reshape(shape)
    wanted = dy * (1 - y.astype("float64") ** 2)
    np.testing.assert_allclose(device.run(activation.tanh_dx, dy, y), wanted, rtol=1e-6, atol=4e-7)


CHECKS = [check_relu, check_leaky_relu, check_sigmoid, check_tanh]


@shapes
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_agrees_with_its_formula(device, check, shape):
    check(device, shape)


def test_each_way_is_one_launch_and_inputs_may_be_scattered(cpu):
    x = draw((3, 5, 4, 6))[..., ::2]
    x.flags.writeable = False
    y, on = activation.relu(x)
    np.testing.assert_array_equal(y, np.maximum(x, 0))
    activation.relu_dx(x, on)
    assert [kernel for _, kernel, *_ in cpu.launched] == ["relu", "rectifier_dx"]
    np.testing.assert_array_equal(activation.sigmoid_dx(x, x), activation.sigmoid_dx(x.copy(), x.copy()))


@pytest.mark.usefixtures("cpu")
def test_relu_alone_leaves_rounded_numbers_rounded():
    x = rounding.mark(draw((5,)))
    assert rounding.is_rounded(activation.relu(x)[0])
    assert not rounding.is_rounded(activation.relu(x.copy())[0])
    assert not rounding.is_rounded(activation.leaky_relu(x, 0.2)[0])


# Those of one row are planted together, and compiled once: each is seen by its own check.
FAULTS = [
    {
        check_relu: ("number <= 0 ? 0.0f : number", "number > 0 ? number : 0.0f"),
        check_leaky_relu: ("number > 0 ? number : slope", "number * slope < number ? number : slope"),
        check_sigmoid: ("expf(-fabsf(x[i]))", "expf(-x[i])"),
        check_tanh: ("tanhf(x[i])", "1 - 2 / (expf(2 * x[i]) + 1)"),
    },
    {
        check_relu: ("number <= 0 ?", "number < 0 ?"),
        check_leaky_relu: ("on[i] ? 1.0f : slope", "on[i] ? 1.0f : 0.2f"),
        check_sigmoid: ("y[i] * (1 - y[i])", "y[i] - y[i] * 1"),
        check_tanh: ("1 - y[i] * y[i]", "1 - y[i]"),
    },
]


@pytest.mark.parametrize("faults", FAULTS)
@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_planted_faults_show(cpu, faults):
    def planted(text):
        for old, new in faults.values():
            assert old in text
            text = text.replace(old, new)
        return text

    cpu.edit = planted
    for check in faults:
        with pytest.raises(AssertionError, match=r"Arrays are not equal|Not equal to tolerance"):
            check(cpu)
