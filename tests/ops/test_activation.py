"""Activations and softmax against closed forms, and far out where a careless formula overflows."""

from collections.abc import Callable

import numpy as np
import pytest

from tinycolor.ops import activation as ops
from tinycolor.ops.softmax import log_softmax, softmax, softmax_dx

X = np.array([-30.0, -3.0, -0.5, -1e-9, 0.0, 1e-9, 0.5, 3.0, 30.0])
DY = np.array([1.0, -2.0, 3.0, -4.0, 5.0, -6.0, 7.0, -8.0, 9.0])
FAR = np.array([-1e4, -1e2, 0.0, 1e2, 1e4])
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def test_relu_is_zero_below_zero() -> None:
    y, on = ops.relu(X)
    np.testing.assert_array_equal(y, [0, 0, 0, 0, 0, 1e-9, 0.5, 3, 30])
    np.testing.assert_array_equal(on, [False] * 5 + [True] * 4)


def test_relu_gradient_passes_only_above_zero() -> None:
    np.testing.assert_array_equal(ops.relu_dx(DY, X > 0), [0, 0, 0, 0, 0, -6, 7, -8, 9])


def test_leaky_relu_is_flatter_below_zero() -> None:
    wanted = [-7.5, -0.75, -0.125, -2.5e-10, 0, 1e-9, 0.5, 3, 30]
    y, on = ops.leaky_relu(X, 0.25)
    np.testing.assert_allclose(y, wanted, rtol=1e-15)
    np.testing.assert_array_equal(on, [False] * 5 + [True] * 4)


def test_leaky_relu_gradient_is_smaller_below_zero() -> None:
    np.testing.assert_array_equal(ops.leaky_relu_dx(DY, X > 0, 0.25), [0.25, -0.5, 0.75, -1, 1.25, -6, 7, -8, 9])


@pytest.mark.parametrize("slope", [-0.5, 0.0, 0.1, 1.0, 3.0])
@dtypes
def test_leaky_relu_keeps_every_bit_on_either_side(slope: float, dtype: str) -> None:
    x, dy = X.astype(dtype), DY.astype(dtype)
    below = np.array(slope, dtype)
    np.testing.assert_array_equal(ops.leaky_relu(x, slope)[0], [value if value > 0 else value * below for value in x])
    wanted = [value if on else value * below for value, on in zip(dy, x > 0, strict=True)]
    np.testing.assert_array_equal(ops.leaky_relu_dx(dy, x > 0, slope), wanted)


@dtypes
def test_leaky_relu_gradient_of_infinity_is_infinite(dtype: str) -> None:
    dy = np.array([np.inf, -np.inf, np.inf, -np.inf], dtype)
    mask = np.array([True, True, False, False])
    np.testing.assert_array_equal(ops.leaky_relu_dx(dy, mask, 0.2), dy)


def test_sigmoid_agrees_with_its_formula() -> None:
    np.testing.assert_allclose(ops.sigmoid(X), 1 / (1 + np.exp(-X)), rtol=1e-12)


def test_sigmoid_gradient_agrees_with_its_formula() -> None:
    wanted = DY * np.exp(-X) / (1 + np.exp(-X)) ** 2
    np.testing.assert_allclose(ops.sigmoid_dx(DY, ops.sigmoid(X)), wanted, rtol=1e-10, atol=1e-14)


def test_tanh_agrees_with_its_formula() -> None:
    wanted = (np.exp(X) - np.exp(-X)) / (np.exp(X) + np.exp(-X))
    np.testing.assert_allclose(ops.tanh(X), wanted, rtol=1e-10, atol=1e-16)


def test_tanh_gradient_agrees_with_its_formula() -> None:
    np.testing.assert_allclose(ops.tanh_dx(DY, ops.tanh(X)), DY / np.cosh(X) ** 2, rtol=1e-10, atol=1e-14)


@dtypes
def test_sigmoid_does_not_overflow(dtype: str) -> None:
    y = ops.sigmoid(FAR.astype(dtype))
    np.testing.assert_allclose(y, [0, np.exp(-100), 0.5, 1, 1], rtol=1e-6, atol=np.finfo(dtype).tiny)


def test_maxout_keeps_the_largest_of_neighbouring_channels() -> None:
    x = np.array([[1.0, 5, 3, 9, 7, 8]])
    assert ops.maxout(x, 2)[0].tolist() == [[5, 9, 8]]
    assert ops.maxout(x, 3)[0].tolist() == [[5, 9]]


def test_maxout_gradient_goes_to_the_first_maximum() -> None:
    x = np.array([[1.0, 5, 5, -1, -1, -1]])
    _, winner = ops.maxout(x, 3)
    assert winner.dtype == np.uint8
    assert ops.maxout_dx(np.array([[10.0, 20.0]]), winner, 3).tolist() == [[0, 10, 0, 20, 0, 0]]


def test_maxout_of_more_than_256_pieces() -> None:
    x = np.arange(600.0).reshape(1, 600)
    y, winner = ops.maxout(x, 300)
    assert y.tolist() == [[299, 599]]
    assert np.flatnonzero(ops.maxout_dx(np.ones((1, 2)), winner, 300)).tolist() == [299, 599]


@pytest.mark.parametrize("shape", [(5,), (3, 4), (2, 3, 1, 7), (1, 1)])
def test_softmax_agrees_with_its_formula(shape: tuple[int, ...]) -> None:
    x = 3 * np.random.default_rng(0).standard_normal(shape)
    wanted = np.exp(x) / np.exp(x).sum(-1, keepdims=True)
    np.testing.assert_allclose(softmax(x), wanted, rtol=1e-12)
    np.testing.assert_allclose(log_softmax(x), np.log(wanted), rtol=1e-12, atol=1e-14)


@dtypes
def test_softmax_does_not_overflow(dtype: str) -> None:
    x = np.array([[1e4, -1e4, 0], [1e4, 1e4, -1e4], [-1e4, -1e4, -1e4]], dtype)
    np.testing.assert_allclose(softmax(x), [[1, 0, 0], [0.5, 0.5, 0], [1 / 3] * 3], rtol=1e-6)


@dtypes
def test_log_softmax_is_finite_where_softmax_is_zero(dtype: str) -> None:
    x = np.array([[1e4, -1e4, 0], [1e4, 1e4, -1e4]], dtype)
    wanted = [[0, -2e4, -1e4], [-np.log(2), -np.log(2), -2e4 - np.log(2)]]
    np.testing.assert_allclose(log_softmax(x), wanted, rtol=1e-6)


def test_softmax_does_not_care_for_a_common_offset() -> None:
    x = np.random.default_rng(0).standard_normal((3, 5))
    np.testing.assert_allclose(softmax(x + 1000), softmax(x), rtol=1e-12)


def test_softmax_gradient_is_the_whole_jacobian() -> None:
    rng = np.random.default_rng(0)
    x, dy = rng.standard_normal(6), rng.standard_normal(6)
    share = np.exp(x) / np.exp(x).sum()
    jacobian = np.diag(share) - np.outer(share, share)
    np.testing.assert_allclose(softmax_dx(dy, softmax(x)), jacobian @ dy, rtol=1e-12)


@dtypes
@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (lambda x: ops.relu(x)[0], lambda dy, y: ops.relu_dx(dy, y > 0)),
        (lambda x: ops.leaky_relu(x, 0.2)[0], lambda dy, y: ops.leaky_relu_dx(dy, y > 0, 0.2)),
        (ops.sigmoid, ops.sigmoid_dx),
        (ops.tanh, ops.tanh_dx),
        (softmax, softmax_dx),
        (log_softmax, softmax_dx),
    ],
    ids=["relu", "leaky_relu", "sigmoid", "tanh", "softmax", "log_softmax"],
)
def test_inputs_may_be_read_only_and_scattered_and_the_dtype_stays(
    forward: Callable[[np.ndarray], np.ndarray], backward: Callable[[np.ndarray, np.ndarray], np.ndarray], dtype: str
) -> None:
    original = np.random.default_rng(0).standard_normal((4, 3, 2)).astype(dtype)
    x = original.transpose(1, 2, 0)
    x.flags.writeable = False
    y = forward(x)
    np.testing.assert_allclose(y, forward(np.ascontiguousarray(x)), rtol=1e-5)
    y.flags.writeable = False
    dx = backward(x, y)
    assert y.dtype == dx.dtype == dtype
    assert y.shape == dx.shape == x.shape
    assert not np.shares_memory(x, y)
