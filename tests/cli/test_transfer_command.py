"""``tinycolor transfer``, seen from outside: one picture comes out, or one sentence, and nothing is lost."""

import importlib
import os

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

import tinycolor as tc
from tinycolor.data.scenes import draw

module = importlib.import_module("tinycolor.cli.transfer")  # its name in tinycolor.cli is that of the command


@pytest.fixture
def grey(tmp_path):
    pixels = draw(1, 48, tc.Generator(3)).photo[0, 4:44].mean(-1)
    Image.fromarray(pixels.astype(np.uint8)).save(tmp_path / "grey.png")
    return tmp_path / "grey.png"


@pytest.fixture
def colours(tmp_path):
    Image.fromarray(draw(1, 64, tc.Generator(4)).photo[0]).save(tmp_path / "colours.png")
    return tmp_path / "colours.png"


@pytest.fixture
def transfer(run, grey, colours, tmp_path):
    """Return a function that colours the one from the other."""

    def call(*options, grey=grey, colours=colours, out=tmp_path / "out.png", code=0):
        return run("transfer", grey, colours, "--out", out, *options, code=code)

    return call


def refused(printed):
    """Return the sentence, which is all there is but for the line of usage."""
    *_, sentence = printed.splitlines()
    assert sentence.startswith("Error: ")
    assert sentence.endswith(".")
    assert not sentence.endswith("..")
    return sentence


def test_colours_come_and_lightness_stays(transfer, grey, colours, tmp_path):
    assert transfer() == f"{tmp_path}/out.png\n"
    with Image.open(tmp_path / "out.png") as image:
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (48, 40))
    picture, photo = tc.open_image(tmp_path / "out.png"), tc.open_image(grey)
    assert abs(rgb2lab(picture)[..., 0] - rgb2lab(photo)[..., 0]).max() < 0.34
    np.testing.assert_array_equal(picture, tc.color.transfer(photo, tc.open_image(colours)))
    assert np.ptp(picture.astype(int), axis=-1).max() > 30


def test_swatches_are_handed_on(transfer, grey, colours, tmp_path):
    transfer("--swatch", "1,2,10,12=30,3,20,11", "--swatch=20,20,9,9=5,40,9,9")
    pairs = [((1, 2, 10, 12), (30, 3, 20, 11)), ((20, 20, 9, 9), (5, 40, 9, 9))]
    expected = tc.color.transfer(tc.open_image(grey), tc.open_image(colours), swatches=pairs)
    np.testing.assert_array_equal(tc.open_image(tmp_path / "out.png"), expected)


@pytest.mark.parametrize(
    "swatch",
    ["", "=", "1,2,3,4", "1,2,9,9=1,2,9", "1,2,9,9=1,2,9,x", "1,2,9,9=1,2,9,9=1,2,9,9", "1,2,9.5,9=1,2,9,9"],
)
def test_a_swatch_that_is_none(transfer, tmp_path, swatch):
    sentence = refused(transfer("--swatch", swatch, code=2))
    assert f"{swatch!r} is not left,top,width,height=left,top,width,height in whole pixels, such as 10," in sentence
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize(
    ("swatch", "said"),
    [
        ("1,2,0,9=1,2,9,9", "swatch 2 in the grey photo is 0 x 9 pixels, expected 5 x 5 or more."),
        ("1,2,9,9=1,2,9,4", "swatch 2 in the reference is 9 x 4 pixels, expected 5 x 5 or more."),
        (
            "1,2,48,9=1,2,9,9",
            "swatch 2 in the grey photo reaches from 1,2 to 49,11, out of the picture, which has 48 x 40",
        ),
        (
            "1,2,9,9=-1,2,9,9",
            "swatch 2 in the reference reaches from -1,2 to 8,11, out of the picture, which has 64 x 64",
        ),
    ],
)
def test_a_swatch_that_does_not_fit(transfer, tmp_path, swatch, said):
    sentence = refused(transfer("--swatch", "0,0,9,9=0,0,9,9", "--swatch", swatch, code=1))
    assert sentence.startswith(f"Error: {said}")
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("kind", ["a file", "a folder", "the grey photo", "a link that leads nowhere"])
def test_what_is_there_stays(transfer, grey, contents, tmp_path, kind):
    out = grey if kind == "the grey photo" else tmp_path / "there.png"
    if kind == "a file":
        out.write_text("the user has been here")
    elif kind == "a folder":
        out.mkdir()
    elif kind != "the grey photo":
        out.symlink_to(tmp_path / "nowhere.png")
    before = contents(tmp_path)
    sentence = refused(transfer(out=out, code=1))
    assert sentence == f"Error: {out} is there already, and stays as it is: name another --out."
    assert contents(tmp_path) == before


@pytest.mark.parametrize("name", ["out.jpg", "out", "out.png.txt"])
def test_the_result_has_to_be_named_as_the_png_that_it_is(transfer, tmp_path, name):
    sentence = refused(transfer(out=tmp_path / name, code=2))
    assert sentence == f"Error: {tmp_path}/{name} would hold a PNG file: give --out a name that ends in .png."
    assert not (tmp_path / name).exists()


def test_folders_on_the_way_are_made(transfer, tmp_path):
    transfer(out=tmp_path / "new" / "deeper" / "out.PNG")
    assert (tmp_path / "new" / "deeper" / "out.PNG").exists()


def test_a_folder_that_cannot_be_made(transfer, tmp_path):
    (tmp_path / "taken").write_text("a file, not a folder")
    sentence = refused(transfer(out=tmp_path / "taken" / "out.png", code=1))
    assert sentence.startswith(f"Error: could not write {tmp_path}/taken/out.png: ")


@pytest.mark.parametrize("which", ["grey", "colours"])
def test_a_file_that_is_no_photo(transfer, tmp_path, which):
    (tmp_path / "text.jpg").write_text("no photo")
    sentence = refused(transfer(**{which: tmp_path / "text.jpg"}, code=1))
    assert sentence == f"Error: {tmp_path}/text.jpg: no JPEG, PNG, WebP, BMP, TIFF or GIF."
    sentence = refused(transfer(**{which: tmp_path / "missing.jpg"}, code=1))
    assert sentence == f"Error: {tmp_path}/missing.jpg: no such file."
    sentence = refused(transfer(**{which: tmp_path}, code=1))
    assert sentence == f"Error: {tmp_path}: is a folder, not a photo."
    assert not (tmp_path / "out.png").exists()


def test_the_wrong_way_round_is_said(transfer, grey, colours, tmp_path):
    sentence = refused(transfer(grey=colours, colours=grey, code=1))
    assert sentence == f"Error: {grey} is grey: the second photo has to be the one in colour."
    assert not (tmp_path / "out.png").exists()


@pytest.mark.parametrize("mode", ["CMYK", "I;16", "P", "LA", "RGBA", "1"])
def test_photos_of_any_kind(transfer, grey, tmp_path, mode):
    with Image.open(grey) as image:
        path = tmp_path / f"other.{'tif' if mode == 'CMYK' else 'png'}"
        if mode == "I;16":
            Image.fromarray(np.asarray(image).astype(np.uint16) * 257).save(path)
        else:
            image.convert(mode).save(path)
    transfer(grey=path)
    picture = rgb2lab(tc.open_image(tmp_path / "out.png"))
    assert abs(picture[..., 0] - rgb2lab(tc.open_image(path))[..., 0]).max() < 0.34


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 1)])
def test_tiny_photos(transfer, tmp_path, size):
    Image.new("RGB", size, (200, 100, 50)).save(tmp_path / "tiny.png")
    for which in ("grey", "colours"):
        transfer(**{which: tmp_path / "tiny.png"}, out=tmp_path / f"{which}_out.png")
        assert tc.open_image(tmp_path / f"{which}_out.png").shape[:2] == (size[::-1] if which == "grey" else (40, 48))


def test_a_full_disk_leaves_no_half_file(transfer, tmp_path, full_disk, contents):
    full_disk(0)
    before = contents(tmp_path)
    assert refused(transfer(code=1)) == f"Error: could not write {tmp_path}/out.png: No space left on device."
    assert contents(tmp_path) == before


@pytest.mark.parametrize("moment", ["while it matches", "while it writes"])
def test_ctrl_c_leaves_no_half_file(transfer, tmp_path, contents, monkeypatch, moment):
    def stop(*arguments, **options):
        raise KeyboardInterrupt

    before = contents(tmp_path)
    monkeypatch.setattr(*((module, "coloured_from") if moment == "while it matches" else (os, "fsync")), stop)
    assert transfer(code=130) == "Stopped.\n"
    assert contents(tmp_path) == before


def test_too_large_for_the_memory_is_one_sentence(transfer, monkeypatch):
    def too_large(*arguments, **options):
        raise MemoryError

    monkeypatch.setattr(module, "coloured_from", too_large)
    assert refused(transfer(code=1)).startswith("Error: there is not enough memory for this: try smaller pictures")


def test_strange_names(transfer, grey, tmp_path):
    for name in ("two\nlines.png", "[bold]red.png", ":car:.png"):
        (tmp_path / name).write_bytes(grey.read_bytes())
        printed = transfer(grey=tmp_path / name, out=tmp_path / "out" / name)
        assert printed == f"{tmp_path}/out/{name}\n".replace("two\n", "two\\n")
