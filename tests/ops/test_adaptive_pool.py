"""Adaptive average pooling against its formula, written as loops."""

from math import ceil, floor

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.ops.adaptive_pool import adaptive_avg_pool2d, adaptive_avg_pool2d_dx

SIZES = [((7, 7), (7, 7)), ((14, 21), (7, 7)), ((10, 9), (7, 4)), ((2, 3), (7, 5)), ((5, 1), (1, 3))]


def by_loops(x, output_size):
    n, h, w, c = x.shape
    ho, wo = output_size
    y = np.zeros((n, ho, wo, c))
    for i in range(ho):
        for j in range(wo):
            rows = range(floor(i * h / ho), ceil((i + 1) * h / ho))
            columns = range(floor(j * w / wo), ceil((j + 1) * w / wo))
            y[:, i, j] = sum(x[:, row, column] for row in rows for column in columns) / (len(rows) * len(columns))
    return y


@pytest.mark.parametrize(("size", "output_size"), SIZES)
def test_it_is_the_mean_of_each_window(size, output_size, rng):
    x = rng.standard_normal((2, *size, 3))
    np.testing.assert_allclose(adaptive_avg_pool2d(x, output_size), by_loops(x, output_size), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("size", "output_size"), SIZES)
def test_its_gradient_is_its_transpose(size, output_size, rng):
    x, dy = rng.standard_normal((2, *size, 3)), rng.standard_normal((2, *output_size, 3))
    there = np.vdot(adaptive_avg_pool2d(x, output_size), dy)
    assert there == pytest.approx(np.vdot(x, adaptive_avg_pool2d_dx(dy, x.shape)), rel=1e-10)


@pytest.mark.parametrize("size", [0, (7, 0), 1.5])
def test_no_windows_are_one_sentence(size):
    with pytest.raises(ValueError, match=r"AdaptiveAvgPool2d output_size got .* expected one or two whole numbers"):
        tc.AdaptiveAvgPool2d(size)


@pytest.mark.parity
@pytest.mark.parametrize(("size", "output_size"), SIZES)
def test_it_is_pytorch_s(size, output_size, rng):
    torch = pytest.importorskip("torch")
    x = rng.standard_normal((2, *size, 3))
    theirs = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(x).permute(0, 3, 1, 2), output_size)
    np.testing.assert_allclose(adaptive_avg_pool2d(x, output_size), theirs.permute(0, 2, 3, 1).numpy(), rtol=1e-12)
