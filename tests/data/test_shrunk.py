import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tinycolor.data import shrunk
from tinycolor.data.folder import find_photos
from tinycolor.data.photos import ImageError, open_image
from tinycolor.data.shrunk import ShrunkPhotos, crop, is_grey, shrink, why_none


def colours(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path):
    """Save arrays as PNG files, by name, and return them as a dataset."""

    def save(side=16, smallest=16, **arrays):
        for name, pixels in arrays.items():
            Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        return ShrunkPhotos(find_photos(tmp_path, print), side, smallest)

    return save


@pytest.fixture
def opened(monkeypatch):
    """Count how often each file is opened."""
    names = []

    def count(path, **options):
        names.append(path.name)
        return open_image(path, **options)

    monkeypatch.setattr(shrunk, "open_image", count)
    return names


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((40, 60), (16, 24)),
        ((60, 40), (24, 16)),
        ((17, 17), (16, 16)),
        ((33, 501), (16, 243)),
        ((501, 33), (243, 16)),
        ((1000, 17), (941, 16)),
    ],
)
def test_the_shorter_side_is_exact_and_the_longer_in_proportion(shape, wanted):
    photo = colours(*shape)
    small = shrink(photo, 16)
    assert small.shape == (*wanted, 3)
    by_hand = [Image.fromarray(photo[..., c]).resize(wanted[::-1], Image.Resampling.LANCZOS) for c in range(3)]
    np.testing.assert_array_equal(small, np.stack(by_hand, -1))


@pytest.mark.parametrize("shape", [(16, 16), (16, 99), (15, 99), (1, 1), (1, 5000), (5000, 1)])
def test_a_photo_is_never_enlarged(shape):
    photo = colours(*shape)
    np.testing.assert_array_equal(shrink(photo, 16), photo)


@pytest.mark.parametrize("shorter", range(17, 300, 7))
def test_no_size_misses_the_side_by_rounding(shorter):
    for side in (16, 18, 64, 72, 127):
        assert min(shrink(np.zeros((shorter, 3 * shorter, 3), np.uint8), side).shape[:2]) == min(side, shorter)


def grey_with(coloured, difference, pixels=2000):
    photo = np.full((1, pixels, 3), 100, np.uint8)
    photo[0, :coloured, 2] += difference
    return photo


def test_grey_is_what_hardly_has_colour_but_for_a_few_pixels():
    assert is_grey(np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3))
    assert is_grey(grey_with(2000, 10))
    assert not is_grey(grey_with(2000, 11))
    assert is_grey(grey_with(9, 100))
    assert not is_grey(grey_with(12, 100))
    # The difference must not wrap around: 255 less 3 is 252.
    assert not is_grey(np.full((4, 4, 3), (3, 255, 3), np.uint8))


def test_what_cannot_be_used_is_remembered_and_not_opened_twice(photos, opened, tmp_path):
    (tmp_path / "broken.jpg").write_text("no photo")
    some = photos(colour=colours(20, 30), grey=np.full((40, 40, 3), 7, np.uint8), small=colours(15, 90))
    for _ in range(3):
        for number, reason in ((0, "no JPEG"), (2, "grey: there is no colour"), (3, "90 x 15 pixels, smaller than 16")):
            with pytest.raises(ImageError, match=reason) as error:
                some[number]
            assert error.value.path == some.folder[number]
        assert some[1].shape == (16, 24, 3)
    assert sorted(opened) == ["broken.jpg", "colour.png", "grey.png", "small.png"]
    assert {path.name: reason for path, reason in some.skipped.items()} == {
        "broken.jpg": "no JPEG, PNG, WebP, BMP, TIFF or GIF",
        "grey.png": "grey: there is no colour to learn from",
        "small.png": "90 x 15 pixels, smaller than 16",
    }
    assert len(list(some.some())) == 1


def test_a_photo_between_smallest_and_side_keeps_its_size(photos):
    some = photos(18, 16, a=colours(16, 40), b=colours(17, 17), c=colours(18, 19), d=colours(20, 18))
    assert [photo.shape[:2] for photo in some.some()] == [(16, 40), (17, 17), (18, 19), (20, 18)]


def test_what_there_is_room_for_is_kept_and_the_rest_opened_again(photos, opened, monkeypatch):
    # Three of these are 16 x 16, and the first takes twice the room.
    monkeypatch.setattr(shrunk, "ROOM", 3 * 16 * 16 * 3)
    some = photos(a=colours(16, 32), b=colours(16, 16), c=colours(16, 16), d=colours(16, 16))
    first = [photo.copy() for photo in some.some()]
    for _ in range(2):
        for photo, before in zip(some.some(), first, strict=True):
            np.testing.assert_array_equal(photo, before)
    assert sorted(opened) == ["a.png", "b.png", *(["c.png"] * 3), *(["d.png"] * 3)]


def test_many_threads_get_the_same_photos_and_fill_the_room_to_the_last_byte(photos, opened, monkeypatch):
    monkeypatch.setattr(shrunk, "ROOM", 5 * 16 * 16 * 3)
    arrays = {f"p{number}": colours(16, 16, number) for number in range(8)}
    some, barrier = photos(**arrays), threading.Barrier(8)

    def read(thread):
        barrier.wait()
        return [some[(thread + number) % 8] for number in range(8)]

    with ThreadPoolExecutor(8) as pool:
        for thread, got in enumerate(pool.map(read, range(8))):
            for number, photo in enumerate(got):
                np.testing.assert_array_equal(photo, arrays[f"p{(thread + number) % 8}"])
    opened.clear()
    assert len(list(some.some())) == 8
    assert len(opened) == 3


@pytest.mark.parametrize(
    ("most", "wanted"), [(None, range(9)), (20, range(9)), (9, range(9)), (3, (0, 3, 6)), (1, (0,))]
)
def test_of_many_photos_some_are_spread_evenly(photos, most, wanted):
    arrays = {f"p{number}": colours(16, 16, number) for number in range(9)}
    for photo, number in zip(photos(**arrays).some(most), wanted, strict=True):
        np.testing.assert_array_equal(photo, arrays[f"p{number}"])


def test_a_photo_that_many_threads_open_at_once_takes_its_room_once(photos, opened, monkeypatch):
    monkeypatch.setattr(shrunk, "ROOM", 2 * 16 * 16 * 3)
    some, barrier, really = photos(a=colours(16, 16), b=colours(16, 16)), threading.Barrier(8), shrunk.open_image

    def together(path, **options):
        barrier.wait()
        return really(path, **options)

    monkeypatch.setattr(shrunk, "open_image", together)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(some.__getitem__, [0] * 8))
    monkeypatch.setattr(shrunk, "open_image", really)
    for _ in range(3):
        list(some.some())
    assert sorted(opened) == ["a.png"] * 8 + ["b.png"]


def test_a_large_jpeg_is_nearly_what_it_would_be_had_all_of_it_been_read(tmp_path):
    fine = Image.fromarray(colours(60, 80)).resize((640, 480), Image.Resampling.BICUBIC)
    fine.save(tmp_path / "a.jpg", quality=95)
    small = ShrunkPhotos(find_photos(tmp_path, print), 48, 48)[0]
    assert small.shape == (48, 64, 3)
    # Read at twice the size it is off by 1.4 on average, read at the size itself by 3.5.
    assert abs(small.astype(int) - shrink(np.asarray(fine), 48)).mean() < 2


LAST = float(np.nextafter(np.float32(1), np.float32(0)))


@pytest.mark.parametrize(
    ("down", "across", "top", "left"),
    [
        (0.0, 0.0, 0, 0),
        (0.9999, 0.9999, 5, 9),
        (LAST, 0.0, 5, 0),
        (0.0, LAST, 0, 9),
        (0.5, 0.5, 3, 5),
        (0.34, 0.1, 2, 1),
    ],
)
def test_crop_takes_the_right_pixels(down, across, top, left):
    photo = colours(21, 25)
    wanted = [[photo[top + i, left + j] for j in range(16)] for i in range(16)]
    np.testing.assert_array_equal(crop(photo, 16, np.float32(down), np.float32(across)), wanted)


def test_crop_never_leaves_the_photo_and_reaches_every_place():
    for height in (*range(16, 40), 4099, 70_001):
        photo = np.broadcast_to(np.arange(height, dtype=np.int32)[:, None, None], (height, 16, 3))
        assert crop(photo, 16, np.float32(LAST))[-1, 0, 0] == height - 1
        assert crop(photo, 16, np.float32(LAST)).shape == (16, 16, 3)
    tops = [int(crop(photo[:20], 16, np.float32(down))[0, 0, 0]) for down in np.linspace(0, LAST, 1000)]
    assert [tops.count(top) for top in range(5)] == [200] * 5


def test_crop_takes_the_middle_if_nothing_is_said():
    photo = colours(30, 40)
    np.testing.assert_array_equal(crop(photo, 10), photo[10:20, 15:25])


def test_why_none_is_one_sentence(tmp_path):
    assert why_none(tmp_path, {}).startswith("there are no photos in ")
    sentence = why_none(tmp_path / "a\nb", {tmp_path / "c\nd.jpg": "grey", tmp_path / "e.jpg": "broken"})
    assert sentence.startswith("of the photos in ")
    assert sentence.endswith("a\\nb, 2 were looked at and none can be used; c\\nd.jpg, for one: grey.")
    assert "\n" not in sentence
