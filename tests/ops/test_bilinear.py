"""The fixed bilinear deconvolution against the authors' formula, and against a learned layer that was given it."""

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.ops.bilinear import bilinear_transpose, bilinear_transpose_dx, tent

STEPS = [((4, 4), (2, 2)), ((64, 64), (32, 32)), ((3, 5), (2, 1)), ((1, 2), (3, 2)), ((4, 16), (2, 8))]


@pytest.mark.parametrize("size", [*range(1, 9), 16, 32, 64])
def test_the_tent_is_that_of_the_release(size):
    factor = (size + 1) // 2
    centre = factor - 1 if size % 2 == 1 else factor - 0.5
    np.testing.assert_array_equal(tent(size), [1 - abs(i - centre) / factor for i in range(size)])


@pytest.mark.parametrize(("kernel_size", "stride"), STEPS)
def test_it_is_a_transposed_convolution_of_each_channel_alone(kernel_size, stride, rng):
    x = rng.standard_normal((2, 3, 5, 2))
    whole = tc.ConvTranspose2d(2, 2, kernel_size, stride=stride, bias=False).astype("float64")
    filters = np.zeros((*kernel_size, 2, 2))
    for channel in range(2):
        filters[:, :, channel, channel] = np.outer(*map(tent, kernel_size))
    whole.weight.data = filters
    y, backward = tc.BilinearConvTranspose2d(kernel_size, stride)(x)
    expected, expected_backward = whole(x)
    np.testing.assert_allclose(y, expected, rtol=0, atol=1e-12)
    dy = rng.standard_normal(y.shape)
    np.testing.assert_allclose(backward(dy), expected_backward(dy), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("kernel_size", "stride"), STEPS)
def test_its_gradient_is_its_transpose(kernel_size, stride, rng):
    x = rng.standard_normal((2, 3, 5, 2))
    y = bilinear_transpose(x, kernel_size, stride)
    dy = rng.standard_normal(y.shape)
    dx = bilinear_transpose_dx(dy, (3, 5), kernel_size, stride)
    assert np.vdot(y, dy) == pytest.approx(np.vdot(x, dx), rel=1e-10)


@pytest.mark.parametrize("stride", [2, 8, 16, 32])
def test_inside_it_draws_straight_lines(stride):
    slope = np.arange(6.0)[None, :, None, None].repeat(6, 2)
    y = tc.BilinearConvTranspose2d(2 * stride, stride).predict(slope)
    inner = y[0, 2 * stride : -2 * stride, 3 * stride, 0]
    np.testing.assert_allclose(np.diff(inner), 1 / stride, rtol=1e-9)
