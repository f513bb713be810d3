import numpy as np
import pytest

from tinycolor.color.pixels import as_rgb, is_picture


@pytest.mark.parametrize("shape", [(1, 1), (4, 5), (1, 1, 3), (4, 5, 3)])
def test_bytes_in_one_or_three_channels_are_a_picture(shape):
    assert is_picture(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("shape", [(), (3,), (0, 5), (4, 0, 3), (4, 5, 1), (4, 5, 2), (4, 5, 4), (1, 4, 5, 3)])
def test_other_shapes_are_none(shape):
    assert not is_picture(np.zeros(shape, np.uint8))


@pytest.mark.parametrize("dtype", ["bool", "int8", "uint16", "int64", "float32"])
def test_other_numbers_are_none(dtype):
    assert not is_picture(np.zeros((4, 5, 3), dtype))


def test_grey_is_as_much_red_as_green_as_blue():
    grey = np.arange(20, dtype=np.uint8).reshape(4, 5)
    rgb = as_rgb(grey)
    assert rgb.shape == (4, 5, 3)
    for channel in range(3):
        np.testing.assert_array_equal(rgb[..., channel], grey)
    assert as_rgb(rgb) is rgb
