"""Crops are cut by slicing, one by one; colours are those of float64."""

import numpy as np
import pytest
from shim import fenced

from tinycolor.color import lab_of, rgb_to_lab
from tinycolor.color.spaces import LINEAR, RGB_TO_SHARES
from tinycolor.kernels import photos


def random_bytes(shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def pictures_and_crops(size, channels, count, seed=0):
    """Return pictures of random sizes, the cuts out of them, and the crops that slicing gives."""
    rng = np.random.default_rng(seed)
    height, width = size
    shapes = rng.integers(0, 5, (7, 2)) + size
    pictures = [random_bytes((*shape, channels), seed=number) for number, shape in enumerate(shapes)]
    begins = np.cumsum([0, *(picture.size for picture in pictures)])
    cuts, crops = [], []
    for slot in range(count):
        number = rng.integers(len(pictures))
        picture = pictures[number]
        top, left = rng.integers(0, picture.shape[0] - height + 1), rng.integers(0, picture.shape[1] - width + 1)
        crop = picture[top : top + height, left : left + width]
        column = left if slot % 2 else left + width - 1
        below, right = picture.shape[1] * channels, channels if slot % 2 else -channels
        cuts.append([begins[number] + top * below + column * channels, below, right])
        crops.append(crop if slot % 2 else crop[:, ::-1])
    return np.concatenate([picture.ravel() for picture in pictures]), np.array(cuts, np.int64), np.stack(crops)


@pytest.mark.parametrize("channels", [1, 3, 4, 6])
@pytest.mark.parametrize(
    ("size", "count"), [((1, 1), 1), ((1, 1), 70_001), ((5, 3), 9), ((8, 13), 31), ((1, 9), 2), ((2, 100), 3)]
)
def test_crops_are_what_slicing_gives(device, size, count, channels):
    joined, cuts, wanted = pictures_and_crops(size, channels, count)
    crops = device.run(photos.crop, joined, cuts, (*size, channels))
    assert crops.dtype == np.uint8
    np.testing.assert_array_equal(crops, wanted)


def test_a_crop_of_all_of_the_last_photo_reads_nothing_behind_it(cpu):
    photo = random_bytes((4, 5, 3))
    for cut, wanted in (((0, 15, 3), photo), ((12, 15, -3), photo[:, ::-1])):
        crops = cpu.run(photos.crop, fenced(photo.ravel()), np.array([cut], np.int64), photo.shape)
        np.testing.assert_array_equal(crops[0], wanted)


def test_photos_may_lie_beyond_2_gb(cpu):
    """Where a crop begins takes 64 bits; the memory here is never touched, but for the last few bytes."""
    far = (1 << 31) + 5
    whole = np.zeros(far + 12, np.uint8)
    whole[far:] = np.arange(12)
    crops = cpu.run(photos.crop, whole, np.array([[far, 6, 3]], np.int64), (2, 2, 3))
    np.testing.assert_array_equal(crops.ravel(), np.arange(12))


def lab_there(device, rgb):
    return device.run(photos.lab_of, rgb, LINEAR, RGB_TO_SHARES)


@pytest.fixture
def colours():
    """Every fifth byte of red, green and blue, with 0 and 255, and all dark colours: there the curve has its bend."""
    some, dark = (np.stack(np.meshgrid(each, each, each), -1) for each in (np.arange(0, 256, 5), np.arange(24)))
    return np.concatenate([some.reshape(-1, 3), dark.reshape(-1, 3)]).astype(np.uint8)


def test_lab_is_that_of_float64(device, colours):
    lab = lab_there(device, colours)
    assert (lab.dtype, lab.shape) == (np.float32, colours.shape)
    assert np.isfinite(lab).all()
    assert abs(lab - rgb_to_lab(colours / 255)).max() <= 1e-4


def test_lab_is_that_of_the_cpu(cpu, colours):
    assert abs(lab_there(cpu, colours) - lab_of(colours)).max() <= 1e-4


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (3,), (2, 5, 7, 3), (257, 3), (0, 4, 4, 3)])
def test_lab_has_the_shape_of_the_photos(device, shape):
    rgb = random_bytes(shape)
    lab = lab_there(device, rgb)
    assert lab.shape == shape
    np.testing.assert_allclose(lab, rgb_to_lab(rgb / 255), rtol=0, atol=1e-4)


def test_lab_of_the_first_three_of_four_channels(device):
    batch = random_bytes((2, 3, 5, 4))
    wanted = rgb_to_lab(batch[..., :3] / 255)
    got = device.run(lambda batch, *tables: photos.lab_of(batch[..., :3], *tables), batch, LINEAR, RGB_TO_SHARES)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-4)


def test_floats_are_no_bytes(device):
    with pytest.raises(ValueError, match="lab_of got float32, expected uint8, the bytes of a photo"):
        lab_there(device, np.zeros((2, 3), "float32"))
