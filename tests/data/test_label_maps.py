import math
import zlib
from fractions import Fraction

import numpy as np
import pytest
from PIL import Image

from tinycolor.data import label_maps, shrunk
from tinycolor.data.batches import Batches
from tinycolor.data.label_maps import LabelledPhotos, find_pairs, label_map_of, open_label_map, picture_input
from tinycolor.data.photos import ImageError
from tinycolor.data.shrunk import NoPhotosError, crop

CLASSES = 5


def photo(height=12, width=16, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def labels(height=12, width=16, seed=1):
    return np.random.default_rng(seed).integers(0, CLASSES, (height, width), dtype=np.uint8)


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def told():
    return {}


@pytest.fixture
def pairs(tmp_path, told):
    """Save photos and label maps, either of them by name, and return them as a source of pairs."""

    def make(photos, maps, size=12, **options):
        (tmp_path / "road_seg").mkdir(exist_ok=True)
        for name, pixels in photos.items():
            save(tmp_path / "road" / name, pixels)
        for name, pixels in maps.items():
            save(tmp_path / "road_seg" / name, pixels)
        found = find_pairs(tmp_path / "road", told.__setitem__)
        return LabelledPhotos(found, size, **{"classes": CLASSES, **options})

    return make


# --- which belong together -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "photos", "maps"),
    [("X", "X", "X_seg"), ("X", "X/photos", "X/labels"), ("X/photos", "X/photos", "X/labels")],
)
def test_photos_and_label_maps_lie_beside_each_other(tmp_path, told, given, photos, maps):
    for number, name in enumerate(("b", "a.b", "more/a")):
        save(tmp_path / photos / f"{name}.jpg", photo())
        save(tmp_path / maps / f"{name}.png", labels(seed=number))
    found = find_pairs(tmp_path / given, told.__setitem__)
    assert [found.name(number) for number in range(3)] == [b"a.b.jpg", b"b.jpg", b"more/a.jpg"]
    assert label_map_of(found[0], found.folder) == tmp_path / maps / "a.b.png"
    assert not told
    some = LabelledPhotos(found, 12, classes=CLASSES)
    for number, seed in enumerate((1, 0, 2)):
        np.testing.assert_array_equal(some[number][..., 3], labels(seed=seed))


def test_the_folder_where_one_stands(tmp_path, told, monkeypatch):
    save(tmp_path / "X" / "a.png", photo())
    save(tmp_path / "X_seg" / "a.png", labels())
    monkeypatch.chdir(tmp_path / "X")
    for folder in (".", "../X/", "../X/../X"):
        assert LabelledPhotos(find_pairs(folder, told.__setitem__), 12, classes=CLASSES)[0].shape == (12, 16, 4)


def test_what_has_no_partner_is_told(pairs, told, tmp_path):
    alone = {"b.jpg": photo(), "deep/a.jpg": photo()}
    some = pairs({"a.jpg": photo(), **alone}, {"a.png": labels(), "c.png": labels(), "b.jpg": photo()})
    assert len(some) == 1
    assert told == {
        tmp_path / "road/b.jpg": f"it has no label map {tmp_path}/road_seg/b.png",
        tmp_path / "road/deep/a.jpg": f"it has no label map {tmp_path}/road_seg/deep/a.png",
        tmp_path / "road_seg/c.png": "it belongs to no photo",
        tmp_path / "road_seg/b.jpg": "it belongs to no photo",
    }


def test_names_need_not_be_text(pairs, told):
    some = pairs({b"\xff.jpg".decode(errors="surrogateescape"): photo()}, {})
    assert len(some) == 0
    assert [reason.rsplit("/", 1)[1] for reason in told.values()] == ["\\xff.png"]
    assert len(pairs({}, {b"\xff.png".decode(errors="surrogateescape"): labels()})) == 1


def test_no_label_maps_at_all_is_one_sentence(tmp_path, told):
    save(tmp_path / "X" / "a.png", photo())
    with pytest.raises(NoPhotosError, match=r"^the photos in .*X have no label maps: expected .*X_seg, or a folder"):
        find_pairs(tmp_path / "X", told.__setitem__)
    with pytest.raises(NotADirectoryError, match="is no folder"):
        find_pairs(tmp_path / "Y", told.__setitem__)


# --- what comes out --------------------------------------------------------------------------------------------


def naive_nearest(numbers, height, width):
    """The number at the centre of each new pixel, one by one, in exact fractions."""
    half, (rows, columns) = Fraction(1, 2), numbers.shape
    down = [math.floor((i + half) * Fraction(rows, height)) for i in range(height)]
    across = [math.floor((j + half) * Fraction(columns, width)) for j in range(width)]
    return [[numbers[i, j] for j in across] for i in down]


@pytest.mark.parametrize("shape", [(40, 61), (61, 40), (33, 33), (12, 99)])
@pytest.mark.parametrize("size", [12, (10, 14), (50, 70)])
def test_photo_and_numbers_are_shrunk_together(pairs, shape, size):
    rgb, numbers = photo(*shape), labels(*shape)
    (pair,) = pairs({"a.png": rgb}, {"a.png": numbers}, size).some()
    scale = 12 / min(shape)
    height, width = (round(scale * side) for side in shape) if size == 12 else size
    assert (pair.shape, pair.dtype) == ((height, width, 4), np.uint8)
    wanted = Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(pair[..., :3], wanted)
    np.testing.assert_array_equal(pair[..., 3], naive_nearest(numbers, height, width))


def test_an_edge_in_the_photo_is_an_edge_in_the_numbers(pairs):
    """Were one of the two shifted by half a pixel, it would show at 5 to 1."""
    numbers = np.zeros((60, 60), np.uint8)
    numbers[:, 25:] = numbers[35:] = 1
    (pair,) = pairs({"a.png": np.dstack([200 * numbers] * 3)}, {"a.png": numbers}, 12).some()
    np.testing.assert_array_equal(pair[..., 0] > 100, pair[..., 3] == 1)


def test_a_smaller_photo_keeps_its_size(pairs):
    (pair,) = pairs({"a.png": photo(9, 20)}, {"a.png": labels(9, 20)}).some()
    np.testing.assert_array_equal(pair, np.dstack([photo(9, 20), labels(9, 20)]))


def test_grey_photos_are_as_good_as_any(pairs):
    assert len(list(pairs({"a.png": photo()[..., 0]}, {"a.png": labels()}).some())) == 1


@pytest.mark.parametrize(("colours", "stored_as"), [(256, "P"), (16, "P;4")])
def test_numbers_of_a_palette_are_numbers_and_no_colours(tmp_path, colours, stored_as):
    image = Image.fromarray(labels())
    image.putpalette(list(range(255, 255 - colours, -1)) * 3)
    image.save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as saved:
        assert saved.tile[0][3] == stored_as
    np.testing.assert_array_equal(open_label_map(tmp_path / "a.png", (12, 16)), labels())


def test_ignored_numbers_come_out_as_255(pairs):
    numbers = labels()
    numbers[0, :4] = 11, 255, 2, 0
    (pair,) = pairs({"a.png": photo()}, {"a.png": numbers}, ignored=(11, 0)).some()
    wanted = [[255 if number in (0, 11) else number for number in row] for row in numbers.tolist()]
    np.testing.assert_array_equal(pair[..., 3], wanted)


def test_batches_crop_and_mirror_all_four_channels(pairs):
    rows, columns = np.mgrid[:12, :16]
    where = np.dstack([rows, columns, rows]).astype(np.uint8)
    some = pairs({"a.png": where}, {"a.png": (rows * 16 + columns).astype(np.uint8)}, classes=255)
    np.testing.assert_array_equal(crop(some[0], 8), some[0][2:10, 4:12])
    batches = Batches(some, size=(6, 8), batch=20, seed=0)
    batch = batches[0]
    assert batch.shape == (20, 6, 8, 4)
    np.testing.assert_array_equal(batch[..., 3], batch[..., 0] * 16 + batch[..., 1])
    assert len({picture.tobytes() for picture in batch}) > 15
    assert 0 < sum(picture[0, 0, 1] > picture[0, 1, 1] for picture in batch) < 20


# --- what cannot be used ---------------------------------------------------------------------------------------


def bad_pairs(folder):
    """Save a pair of every unusable kind, and return what should be said of each."""
    said = {}

    def pair(name, reason, rgb=photo(), numbers=labels(), suffix="png", **options):  # noqa: B008
        said[f"{name}.{suffix}"] = reason
        save(folder / "road" / f"{name}.{suffix}", rgb)
        path = folder / "road_seg" / f"{name}.png"
        save(path, numbers)
        if options:
            Image.fromarray(numbers).save(path, **options)
        return path

    pair("broken_photo", "no JPEG, PNG, WebP, BMP, TIFF or GIF").with_name("x")
    (folder / "road" / "broken_photo.png").write_text("no photo")
    pair("broken_map", "is no PNG, or damaged").write_text("no label map")
    path = pair("cut_off", "is no PNG, or damaged", photo(64, 64), labels(64, 64))
    path.write_bytes(path.read_bytes()[:500])
    Image.fromarray(labels()).save(pair("jpeg", "is no PNG, or damaged"), "JPEG")
    pair("misfit", "has 16 x 13 pixels, the photo 16 x 12", numbers=labels(13, 16))
    pair("colours", "is of mode RGB, expected L or P", numbers=photo())
    pair("deep", "is of mode I;16.*, expected L or P", numbers=labels().astype(np.uint16))
    Image.fromarray(labels() > 0).save(pair("bits", "is of mode 1, expected L or P"))
    pair("number", "has class 5, expected 0 to 4, or 255 where there is none", numbers=labels() + np.uint8(1))
    pair("small", "16 x 7 pixels, smaller than 8", photo(7, 16), labels(7, 16))
    return said


def test_bad_pairs_are_skipped_and_listed(tmp_path):
    said = bad_pairs(tmp_path)
    save(tmp_path / "road" / "good.png", photo())
    save(tmp_path / "road_seg" / "good.png", labels())
    some = LabelledPhotos(find_pairs(tmp_path / "road", print), 12, 8, classes=CLASSES)
    assert len(some) == len(said) + 1
    assert len(list(some.some())) == 1
    reasons = {path.name: reason for path, reason in some.skipped.items()}
    assert reasons.keys() == said.keys()
    for number in range(len(some)):
        name = some.folder[number].name
        if name != "good.png":
            with pytest.raises(ImageError, match=said[name]) as error:
                some[number]
            assert error.value.path == tmp_path / "road" / name
            assert error.value.reason == reasons[name]
            about_the_map = name not in ("broken_photo.png", "small.png")
            assert reasons[name].startswith(f"its label map {tmp_path}/road_seg/{name} ") == about_the_map


def test_grey_of_less_than_8_bits_is_refused(tmp_path):
    """Pillow would make 17 of a 1, without a word."""
    header = b"\x89PNG\r\n\x1a\n"
    path = tmp_path / "a.png"
    path.write_bytes(header + chunk(b"IHDR", bytes([0, 0, 0, 2, 0, 0, 0, 2, 4, 0, 0, 0, 0])) + four_bit_pixels())
    with Image.open(path) as image:
        np.testing.assert_array_equal(image, [[17, 34], [51, 0]])
    with pytest.raises(ImageError, match="is of mode L;4, expected L or P: an 8-bit class number per pixel"):
        open_label_map(path, (2, 2))


def chunk(kind, content):
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def four_bit_pixels():
    return chunk(b"IDAT", zlib.compress(bytes([0, 0x12, 0, 0x30]))) + chunk(b"IEND", b"")


def test_what_cannot_be_used_is_not_opened_twice_and_the_rest_is_kept(pairs, monkeypatch):
    some = pairs({"a.png": photo(), "b.png": photo()}, {"a.png": labels(), "b.png": labels(11)})
    assert len(list(some.some())) == 1
    opened = []
    monkeypatch.setattr(label_maps, "open_image", opened.append)
    assert len(list(some.some())) == 1
    assert not opened


def test_no_more_is_kept_than_there_is_room(pairs, monkeypatch):
    monkeypatch.setattr(shrunk, "ROOM", 12 * 16 * 4)
    names = ("a.png", "b.png")
    some = pairs(dict.fromkeys(names, photo()), dict.fromkeys(names, labels()))
    assert len(list(some.some())) == 2
    monkeypatch.delattr(Image, "open")
    np.testing.assert_array_equal(some[0], np.dstack([photo(), labels()]))
    with pytest.raises(ImageError):
        some[1]


def test_no_usable_pair_is_one_sentence(pairs):
    some = pairs({"a.png": photo()}, {"a.png": labels(11)})
    with pytest.raises(NoPhotosError, match=r"none can be used; a.png, for one: its label map .* has 16 x 11 pixels"):
        Batches(some, size=8, batch=2, seed=0)[0]


# --- into the network ------------------------------------------------------------------------------------------


def test_picture_input_is_what_the_published_weights_expect():
    rgb = np.array([[[[0, 0, 0], [255, 255, 255], [124, 116, 104]]]], np.uint8)
    x = picture_input(rgb)
    assert (x.shape, x.dtype) == ((1, 1, 3, 3), np.float32)
    # (0 - 0.485) / 0.229 and so on, and the mean in bytes: 123.675, 116.28, 103.53.
    black, white = (-2.11790, -2.03571, -1.80444), (2.24891, 2.42857, 2.64)
    np.testing.assert_allclose(x[0, 0], [black, white, (0.00557, -0.0049, 0.00819)], atol=2e-5)
