"""Normalisation: the plain ops and the fused block against batch norm by loops."""

from collections.abc import Callable

import numpy as np
import pytest

from tinycolor import lanes
from tinycolor.ops import norm
from tinycolor.ops.fast import norm_act

import oracles

EPS = 1e-5
SHAPES = [(1, 1, 2, 1), (2, 3, 5, 3), (1, 7, 7, 2), (3, 4, 4, 8)]
SLOPES = [0.0, 0.2, 1.0]
sizes = pytest.mark.parametrize("shape", SHAPES)
slopes = pytest.mark.parametrize("slope", SLOPES)


def draw(shape: tuple[int, ...], mean: float = 0.5) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return x, dy, weight and bias; some weights are below zero."""
    rng = np.random.default_rng(0)
    x, dy = mean + rng.standard_normal(shape), rng.standard_normal(shape)
    return x, dy, rng.standard_normal(shape[-1]), rng.standard_normal(shape[-1])


def assert_close(got: np.ndarray, wanted: np.ndarray) -> None:
    np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-10)


def expected(
    x: np.ndarray, dy: np.ndarray, weight: np.ndarray, bias: np.ndarray, slope: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return y, dx, dweight and dbias by loops."""
    z = oracles.batch_norm(x, weight, bias, EPS)
    dz = np.where(z > 0, dy, slope * dy)
    return oracles.leaky_relu(z, slope), *oracles.batch_norm_backward(dz, x, weight, EPS)


def composition(
    x: np.ndarray, dy: np.ndarray, weight: np.ndarray, bias: np.ndarray, slope: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return y, dx, dweight and dbias by the plain ops."""
    axes = (0, 1, 2)
    mean, variance = norm.moments(x, axes)
    inv_std = norm.inverse_std(variance, EPS)
    x_hat = norm.normalize(x, mean, inv_std)
    z = weight * x_hat + bias
    dz = np.where(z > 0, dy, slope * dy)
    dx = norm.normalize_dx(dz * weight, x_hat, inv_std, axes)
    return np.where(z > 0, z, slope * z), dx, (dz * x_hat).sum(axes), dz.sum(axes)


def fused(
    x: np.ndarray, dy: np.ndarray, weight: np.ndarray, bias: np.ndarray, slope: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return y, dx, dweight and dbias by the fast path."""
    y, statistics = norm_act.batch_norm_act(x, weight, bias, EPS, slope)
    return y, *norm_act.batch_norm_act_dx(dy, x, y, weight, statistics, slope)


Way = Callable[..., tuple[np.ndarray, ...]]
ways = pytest.mark.parametrize("way", [composition, fused])


@sizes
def test_moments_are_those_of_the_loops(shape: tuple[int, ...]) -> None:
    x, *_ = draw(shape)
    mean, variance = norm.moments(x, (0, 1, 2))
    wanted = np.array([oracles.mean_and_variance(x[..., c]) for c in range(shape[-1])])
    assert_close(mean.ravel(), wanted[:, 0])
    assert_close(variance.ravel(), wanted[:, 1])


@sizes
@slopes
def test_plain_composition_agrees_with_loops(shape: tuple[int, ...], slope: float) -> None:
    given = draw(shape)
    for got, wanted in zip(composition(*given, slope), expected(*given, slope), strict=True):
        assert_close(got, wanted)


@sizes
def test_each_picture_by_itself_is_batch_norm_of_a_batch_of_one(shape: tuple[int, ...]) -> None:
    x, dy, *_ = draw(shape)
    one, zero = np.ones(shape[-1]), np.zeros(shape[-1])
    mean, variance = norm.moments(x, (1, 2))
    inv_std = norm.inverse_std(variance, EPS)
    x_hat = norm.normalize(x, mean, inv_std)
    dx = norm.normalize_dx(dy, x_hat, inv_std, (1, 2))
    for n in range(len(x)):
        picture = slice(n, n + 1)
        assert_close(x_hat[picture], oracles.batch_norm(x[picture], one, zero, EPS))
        assert_close(dx[picture], oracles.batch_norm_backward(dy[picture], x[picture], one, EPS)[0])


@sizes
@slopes
def test_fused_agrees_with_loops(shape: tuple[int, ...], slope: float) -> None:
    given = draw(shape)
    for got, wanted in zip(fused(*given, slope), expected(*given, slope), strict=True):
        assert_close(got, wanted)


@sizes
@slopes
@pytest.mark.parametrize("block", [1, 16])
def test_fused_agrees_with_loops_in_several_blocks(
    shape: tuple[int, ...], slope: float, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(norm_act, "BLOCK_NUMBERS", block)
    monkeypatch.setattr(norm_act, "ROW_NUMBERS", 4)
    given = draw(shape)
    for got, wanted in zip(fused(*given, slope), expected(*given, slope), strict=True):
        assert_close(got, wanted)


@slopes
@pytest.mark.parametrize("shape", [(2, 64, 64, 33), (3, 61, 67, 16), (16, 32, 32, 32)])
def test_fused_agrees_with_the_composition_at_real_sizes(shape: tuple[int, ...], slope: float) -> None:
    given = draw(shape)
    for got, wanted in zip(fused(*given, slope), composition(*given, slope), strict=True):
        assert_close(got, wanted)


@pytest.mark.parametrize("shape", [(3, 61, 67, 16), (2, 8, 8, 3)])
def test_fused_statistics_are_those_of_the_batch(shape: tuple[int, ...]) -> None:
    x, _, weight, bias = draw(shape)
    _, (mean, variance, inv_std) = norm_act.batch_norm_act(x, weight, bias, EPS, 0.0)
    assert_close(mean, x.mean((0, 1, 2)))
    assert_close(variance, x.var((0, 1, 2)))
    assert_close(inv_std, (x.var((0, 1, 2)) + EPS) ** -0.5)


@slopes
@ways
def test_float32_bears_a_mean_far_from_zero(way: Way, slope: float) -> None:
    """With a mean of 1000 and a spread of 1, mean(x**2) - mean(x)**2 would lose the variance altogether."""
    x, dy, weight, bias = (array.astype("float32") for array in draw((4, 32, 32, 8), mean=1e3))
    z, *_ = composition(*(array.astype("float64") for array in (x, dy, weight, bias)), slope=1.0)
    dy[abs(z) < 1e-2] = 0  # at the kink rounding decides which side a pixel is on
    wanted = composition(*(array.astype("float64") for array in (x, dy, weight, bias)), slope)
    for got, double in zip(way(x, dy, weight, bias, slope), wanted, strict=True):
        assert got.dtype == "float32"
        assert abs(got - double).max() < 5e-4 * abs(double).max()


@slopes
def test_lanes_do_not_change_a_bit(slope: float) -> None:
    given = tuple(array.astype("float32") for array in draw((5, 61, 67, 16)))
    with lanes(1):
        alone = fused(*given, slope)
    for count in (2, 3):
        with lanes(count):
            for got, wanted in zip(fused(*given, slope), alone, strict=True):
                np.testing.assert_array_equal(got, wanted)


@slopes
@ways
def test_inputs_may_be_read_only_and_scattered_and_stay_as_they_were(way: Way, slope: float) -> None:
    given = draw((3, 5, 4, 6))
    scattered = tuple(np.repeat(array, 2, axis=-1)[..., ::2] for array in given)
    for array in scattered:
        array.flags.writeable = False
    for got, wanted in zip(way(*scattered, slope), expected(*given, slope), strict=True):
        assert_close(got, wanted)
    for array, original in zip(scattered, given, strict=True):
        np.testing.assert_array_equal(array, original)


@ways
def test_a_flat_picture_stays_finite(way: Way) -> None:
    x, dy, weight, bias = draw((2, 4, 4, 3))
    y, dx, dweight, dbias = way(np.full_like(x, 0.1), dy, weight, bias, 1.0)
    assert_close(y, np.broadcast_to(bias, y.shape))
    assert np.isfinite(dx).all()
    assert_close(dweight, np.zeros(3))
    assert_close(dbias, dy.sum((0, 1, 2)))
