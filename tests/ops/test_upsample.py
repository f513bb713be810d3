"""Upsampling against the textbook's formula for one pixel, and its gradients against their adjoints."""

import numpy as np
import pytest

from tinycolor.ops.shapes import Pair
from tinycolor.ops.upsample import (
    upsample_bilinear,
    upsample_bilinear_dx,
    upsample_nearest,
    upsample_nearest_dx,
)

import oracles

SHAPES = [(1, 1, 1, 1), (2, 1, 4, 3), (1, 3, 5, 2), (3, 4, 2, 1)]
SCALES = [(1, 1), (2, 2), (3, 2), (1, 4), (5, 3)]
sizes = pytest.mark.parametrize("x_shape", SHAPES)
scales = pytest.mark.parametrize("scale", SCALES)
corners = pytest.mark.parametrize("align_corners", [False, True])


def random(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def assert_adjoint(x: np.ndarray, y: np.ndarray, dx: np.ndarray, dy: np.ndarray) -> None:
    assert abs(np.vdot(y, dy) - np.vdot(x, dx)) <= 1e-10 * np.linalg.norm(y) * np.linalg.norm(dy)


@sizes
@scales
def test_nearest_agrees_with_loops(x_shape: tuple[int, ...], scale: Pair) -> None:
    x = random(x_shape)
    np.testing.assert_array_equal(upsample_nearest(x, scale), oracles.upsample_nearest(x, scale))


@pytest.mark.parametrize("x_shape", [*SHAPES, (2, 32, 33, 16)])
@scales
def test_nearest_gradient_is_the_adjoint(x_shape: tuple[int, ...], scale: Pair) -> None:
    x = random(x_shape)
    y = upsample_nearest(x, scale)
    dy = random(y.shape, seed=1)
    assert_adjoint(x, y, upsample_nearest_dx(dy, scale), dy)


def test_nearest_gradient_is_the_sum_over_the_copies() -> None:
    dy = np.arange(24.0).reshape(1, 4, 6, 1)
    dx = upsample_nearest_dx(dy, (2, 3))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[24, 42], [96, 114]])


@pytest.mark.parametrize("channels", [1, 4])
@sizes
@scales
def test_nearest_beside_another_map_is_the_concatenation(x_shape: tuple[int, ...], scale: Pair, channels: int) -> None:
    x = random(x_shape)
    repeated = oracles.upsample_nearest(x, scale)
    beside = random((*repeated.shape[:3], channels), seed=1)
    wanted = np.concatenate([repeated, beside], -1)
    np.testing.assert_array_equal(upsample_nearest(x, scale, beside), wanted)
    dy = random(wanted.shape, seed=2)
    dx = upsample_nearest_dx(dy, scale, x_shape[-1])
    assert dx.shape == x_shape
    for place in np.ndindex(x_shape):
        image, row, column, channel = place
        copies = dy[image, row * scale[0] :, column * scale[1] :, channel][: scale[0], : scale[1]]
        assert dx[place] == pytest.approx(copies.sum(), rel=1e-12, abs=1e-12)


@corners
@sizes
@scales
def test_bilinear_agrees_with_loops(x_shape: tuple[int, ...], scale: Pair, align_corners: bool) -> None:
    x = random(x_shape)
    wanted = oracles.upsample_bilinear(x, scale, align_corners)
    np.testing.assert_allclose(upsample_bilinear(x, scale, align_corners), wanted, rtol=1e-10, atol=1e-10)


@corners
@sizes
@scales
def test_bilinear_gradient_hears_of_every_pixel_it_went_into(
    x_shape: tuple[int, ...], scale: Pair, align_corners: bool
) -> None:
    """Light up one pixel of x after the other: its gradient is dy, weighted by what it lights up in y."""
    n, h, w, c = x_shape
    dy = random((n, h * scale[0], w * scale[1], c))
    wanted = np.zeros(x_shape)
    for place in np.ndindex(x_shape):
        light = np.zeros(x_shape)
        light[place] = 1
        wanted[place] = (oracles.upsample_bilinear(light, scale, align_corners) * dy).sum()
    np.testing.assert_allclose(upsample_bilinear_dx(dy, scale, align_corners), wanted, rtol=1e-10, atol=1e-10)


@corners
@scales
def test_bilinear_gradient_is_the_adjoint_at_a_larger_size(scale: Pair, align_corners: bool) -> None:
    x = random((2, 16, 17, 8))
    y = upsample_bilinear(x, scale, align_corners)
    dy = random(y.shape, seed=1)
    assert_adjoint(x, y, upsample_bilinear_dx(dy, scale, align_corners), dy)


@pytest.mark.parametrize(
    ("align_corners", "wanted"),
    [(False, [0, 0.25, 0.75, 1.25, 1.75, 2]), (True, [0, 0.4, 0.8, 1.2, 1.6, 2])],
)
def test_bilinear_draws_straight_lines(align_corners: bool, wanted: list[float]) -> None:
    row = np.arange(3.0).reshape(1, 1, 3, 1)
    np.testing.assert_allclose(upsample_bilinear(row, (1, 2), align_corners).ravel(), wanted, atol=1e-15)


@corners
def test_bilinear_keeps_a_plain_picture_plain(align_corners: bool) -> None:
    y = upsample_bilinear(np.full((1, 3, 4, 2), 7.0, np.float32), (3, 2), align_corners)
    np.testing.assert_allclose(y, np.full((1, 9, 8, 2), 7.0), rtol=1e-6)


@pytest.mark.parity
@corners
@sizes
@scales
def test_bilinear_agrees_with_torch(x_shape: tuple[int, ...], scale: Pair, align_corners: bool) -> None:
    torch = pytest.importorskip("torch")
    x = random(x_shape)
    size = x_shape[1] * scale[0], x_shape[2] * scale[1]
    theirs = torch.nn.functional.interpolate(
        torch.tensor(x).permute(0, 3, 1, 2), size, mode="bilinear", align_corners=align_corners
    )
    ours = upsample_bilinear(x, scale, align_corners)
    np.testing.assert_allclose(ours, theirs.permute(0, 2, 3, 1), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@scales
def test_inputs_may_be_read_only_and_scattered_and_stay_as_they_were(scale: Pair, dtype: str) -> None:
    original = random((2, 3, 5, 4)).astype(dtype)
    x = original.transpose(0, 2, 3, 1)
    x.flags.writeable = False
    in_one_piece = np.ascontiguousarray(x)
    beside = np.ones((2, 5 * scale[0], 4 * scale[1], 2), dtype)[:, ::-1, :, ::2]
    beside.flags.writeable = False
    for forward, backward in (
        (lambda x: upsample_nearest(x, scale), lambda dy: upsample_nearest_dx(dy, scale)),
        (lambda x: upsample_nearest(x, scale, beside), lambda dy: upsample_nearest_dx(dy, scale, 3)),
        (lambda x: upsample_bilinear(x, scale, False), lambda dy: upsample_bilinear_dx(dy, scale, False)),
    ):
        y = forward(x)
        np.testing.assert_allclose(y, forward(in_one_piece), rtol=1e-6)
        y.flags.writeable = False
        dx = backward(y)
        assert y.dtype == dx.dtype == dtype
        assert not np.shares_memory(x, y)
        assert not np.shares_memory(beside, y)
        assert not np.shares_memory(y, dx)
    np.testing.assert_array_equal(original, random((2, 3, 5, 4)).astype(dtype))
