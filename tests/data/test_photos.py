import io
import os
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms

from tinycolor.data import photos
from tinycolor.data.photos import ImageError, open_image

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
PICTURE = Image.fromarray(PIXELS)
SMOOTH = Image.fromarray(np.add.outer(np.arange(48), np.arange(64)).astype(np.uint8)[..., None].repeat(3, -1))


@pytest.fixture
def saved(tmp_path):
    """Save a picture and return its path."""

    def save(image, name="photo.png", **options):
        image.save(tmp_path / name, **options)
        return tmp_path / name

    return save


@pytest.mark.parametrize("name", ["photo.png", "photo.bmp", "photo.tif", "photo.tiff"])
def test_lossless_formats_give_the_pixels(saved, name):
    pixels = open_image(saved(PICTURE, name))
    assert pixels.dtype == np.uint8
    assert pixels.flags.writeable
    np.testing.assert_array_equal(pixels, PIXELS)


@pytest.mark.parametrize(("name", "options"), [("a.jpg", {"quality": 95}), ("a.webp", {"quality": 95})])
def test_lossy_formats_give_nearly_the_pixels(saved, name, options):
    pixels = open_image(saved(SMOOTH, name, **options))
    assert abs(pixels.astype(int) - np.asarray(SMOOTH)).max() < 12


def test_webp_without_loss(saved):
    np.testing.assert_array_equal(open_image(saved(PICTURE, "a.webp", lossless=True)), PIXELS)


def test_of_a_gif_the_first_frame(saved):
    red, blue = (Image.new("RGB", (8, 6), colour) for colour in ("red", "blue"))
    path = saved(red, "a.gif", save_all=True, append_images=[blue])
    np.testing.assert_array_equal(open_image(path), np.asarray(red))


def test_grey_palette_and_one_bit(saved):
    grey = PICTURE.convert("L")
    np.testing.assert_array_equal(open_image(saved(grey)), np.asarray(grey)[..., None].repeat(3, -1))
    palette = PICTURE.quantize(16)
    np.testing.assert_array_equal(open_image(saved(palette)), np.asarray(palette.convert("RGB")))
    bits = PICTURE.convert("1")
    assert set(np.unique(open_image(saved(bits)))) <= {0, 255}


@pytest.mark.parametrize("name", ["deep.png", "deep.tif"])
def test_sixteen_bits_become_eight(saved, name):
    deep = np.linspace(0, 65535, 240).astype(np.uint16).reshape(12, 20)
    pixels = open_image(saved(Image.fromarray(deep), name))
    np.testing.assert_array_equal(pixels[..., 0], deep // 257)


def test_alpha_is_laid_on_white(saved):
    clear = Image.new("RGBA", (4, 3), (255, 0, 0, 0))
    half = Image.new("LA", (4, 3), (0, 128))
    np.testing.assert_array_equal(open_image(saved(clear)), 255)
    assert abs(open_image(saved(half)).astype(int) - 127).max() <= 1


def test_a_transparent_palette_colour_is_laid_on_white(saved):
    picture = Image.new("P", (4, 3), 0)
    picture.putpalette([255, 0, 0, 0, 255, 0])
    np.testing.assert_array_equal(open_image(saved(picture, "a.png", transparency=0)), 255)


def test_cmyk(saved):
    pixels = open_image(saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "a.tif"))
    np.testing.assert_array_equal(pixels, np.full((8, 8, 3), (255, 0, 0)))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_the_photo_upright(saved, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    turned = {
        1: PIXELS,
        2: PIXELS[:, ::-1],
        3: PIXELS[::-1, ::-1],
        4: PIXELS[::-1],
        5: PIXELS.transpose(1, 0, 2),
        6: np.rot90(PIXELS, -1),
        7: np.rot90(PIXELS, 2).transpose(1, 0, 2),
        8: np.rot90(PIXELS),
    }
    np.testing.assert_array_equal(open_image(saved(PICTURE, "a.png", exif=exif)), turned[orientation])


def test_a_colour_profile_is_converted_and_a_broken_one_passed_over(saved):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert abs(open_image(saved(PICTURE, icc_profile=srgb)).astype(int) - PIXELS).max() <= 1
    np.testing.assert_array_equal(open_image(saved(PICTURE, icc_profile=b"no profile")), PIXELS)
    # The same profile with red and blue primaries exchanged must exchange the channels.
    exchanged = srgb.replace(b"rXYZ", b"????").replace(b"bXYZ", b"rXYZ").replace(b"????", b"bXYZ")
    swapped = open_image(saved(PICTURE, icc_profile=exchanged))
    assert abs(swapped.astype(int) - PIXELS[..., ::-1]).max() <= 2


def refused(path):
    with pytest.raises(ImageError) as caught:
        open_image(path)
    assert caught.value.path == path
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_text_named_jpg(tmp_path):
    path = tmp_path / "notes.jpg"
    path.write_text("not a photo")
    assert refused(path).endswith("notes.jpg: no JPEG, PNG, WebP, BMP, TIFF or GIF")


def test_a_format_that_is_not_on_the_list(saved):
    assert "no JPEG" in refused(saved(PICTURE, "a.ppm"))


def test_an_empty_file_a_folder_and_nothing(tmp_path):
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    assert "no JPEG" in refused(tmp_path / "empty.png")
    assert "is a folder" in refused(tmp_path / "folder.png")
    assert "no such file" in refused(tmp_path / "nothing.png")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_a_truncated_file(saved, name):
    path = saved(SMOOTH, name)
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged" in refused(path) or "no JPEG" in refused(path)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(saved):
    path = saved(PICTURE)
    data = bytearray(path.read_bytes())
    data[16:24] = struct.pack(">II", 9000, 9000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    path.write_bytes(data)
    assert "9000 x 9000 pixels, expected at most" in refused(path)


def test_names_with_line_breaks_and_bytes_that_are_no_text(tmp_path):
    for name in (b"two\nlines.jpg", b"caf\xe9.jpg"):
        path = tmp_path / os.fsdecode(name)
        path.write_text("no photo")
        assert refused(path).isascii()


def test_floating_point_pixels(saved):
    assert "floating-point" in refused(saved(Image.fromarray(np.ones((4, 4), np.float32)), "a.tif"))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif"])
def test_a_photo_of_several_strips_is_the_same(saved, monkeypatch, name):
    exif = Image.Exif()
    exif[274] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    path = saved(SMOOTH, name, exif=exif, icc_profile=profile)
    whole = open_image(path)
    for pixels in (1, 48 * 5, 48 * 64 - 1):
        monkeypatch.setattr(photos, "STRIP", pixels)
        np.testing.assert_array_equal(open_image(path), whole)


def test_a_file_that_may_not_be_read_is_not_called_damaged(saved, monkeypatch):
    # Root may read everything, so the refusal is played.
    path = saved(PICTURE)

    def refuse(*arguments, **options):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(photos.Image, "open", refuse)
    assert refused(path).endswith("photo.png: cannot be read (Permission denied)")


def test_a_name_that_the_system_does_not_take(tmp_path):
    assert "cannot be read (File name too long)" in refused(tmp_path / ("a" * 300 + ".jpg"))


def test_for_a_small_copy_a_large_jpeg_comes_smaller_but_never_too_small(saved):
    large = SMOOTH.resize((640, 480))
    for at_least, wanted in ((481, 480), (480, 480), (241, 480), (240, 240), (100, 120), (60, 60), (1, 60)):
        assert open_image(saved(large, "a.jpg"), at_least=at_least).shape == (wanted, wanted * 4 // 3, 3)
    for name in ("a.png", "a.webp", "a.tif", "a.bmp", "a.gif"):
        assert open_image(saved(large, name), at_least=60).shape == (480, 640, 3)


@pytest.mark.parametrize("at_least", [None, 10])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF"])
@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it can mend
def test_hundreds_of_damaged_files_give_pixels_or_the_one_error(kind, at_least, tmp_path):
    buffer = io.BytesIO()
    SMOOTH.save(buffer, kind)
    whole, rng = buffer.getvalue(), random.Random(kind)
    path = tmp_path / "damaged"
    outcomes = set()
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 8)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        path.write_bytes(data[: rng.randint(1, len(data))] if rng.random() < 0.3 else data)
        try:
            pixels = open_image(path, at_least=at_least)
        except ImageError:
            outcomes.add("refused")
        else:
            assert pixels.ndim == 3
            assert pixels.shape[2] == 3
            outcomes.add("opened")
    assert "refused" in outcomes
