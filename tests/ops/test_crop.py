"""Cropping, and its way back."""

import numpy as np
import pytest

from tinycolor.ops.crop import crop, crop_dx


@pytest.mark.parametrize(("offset", "size"), [(0, (6, 7)), (2, (3, 1)), (1, (5, 6))])
def test_there_and_back(offset, size, rng):
    x, dy = rng.standard_normal((2, 6, 7, 3)), rng.standard_normal((2, *size, 3))
    y, dx = crop(x, offset, size), crop_dx(dy, offset, x.shape)
    for i in range(6):
        for j in range(7):
            inside = 0 <= i - offset < size[0] and 0 <= j - offset < size[1]
            np.testing.assert_array_equal(dx[:, i, j], dy[:, i - offset, j - offset] if inside else 0)
            if inside:
                np.testing.assert_array_equal(y[:, i - offset, j - offset], x[:, i, j])
    assert y.shape == dy.shape
    assert not np.shares_memory(x, y)
