"""``tinycolor colorize``, seen from outside: which files come out, and what they look like."""

import importlib
import os

import numpy as np
import pytest
from PIL import Image
from skimage.color import rgb2lab

import tinycolor as tc
from tinycolor.data.scenes import draw
from tinycolor.networks import ColorUNet

module = importlib.import_module("tinycolor.cli.colorize")  # its name in tinycolor.cli is that of the command

PAINTED = np.array([0.15, 0.4]) * 110


@pytest.fixture
def colorize(run, checkpoint, tmp_path):
    """Return a function that colours photos into a folder."""

    def call(*photos, out=tmp_path / "out", code=0, options=()):
        return run("colorize", *photos, "--checkpoint", checkpoint, "--out", out, *options, code=code)

    return call


@pytest.fixture
def scene(tmp_path):
    """A photo with dark and bright parts, 48 x 40 pixels."""
    pixels = draw(1, 48, tc.Generator(3)).photo[0, 4:44]
    Image.fromarray(pixels).save(tmp_path / "scene.png")
    return tmp_path / "scene.png"


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def lab_of(path):
    return rgb2lab(tc.open_image(path))


def test_lightness_stays_and_the_networks_colour_comes(colorize, scene, tmp_path):
    printed = colorize(scene)
    before, after = lab_of(scene), lab_of(tmp_path / "out" / "scene.png")
    assert before.shape == after.shape == (40, 48, 3)
    assert abs(after[..., 0] - before[..., 0]).max() <= 1
    # Where L* has room for it, the colour is the network's own.
    middling = (before[..., 0] > 60) & (before[..., 0] < 75)
    assert middling.sum() > 20
    np.testing.assert_allclose(after[middling][:, 1:].mean(0), PAINTED, atol=3)
    path, _, share = printed.splitlines()[0].partition(" (")
    assert path == str(tmp_path / "out" / "scene.png")
    assert 0 < float(share.partition("%")[0]) < 100


@pytest.mark.parametrize(("saturation", "factor"), [("0", 0.0), ("0.5", 0.5)])
def test_saturation_is_the_strength_of_the_colour(colorize, scene, tmp_path, saturation, factor):
    colorize(scene, options=["--saturation", saturation])
    before, after = lab_of(scene), lab_of(tmp_path / "out" / "scene.png")
    assert abs(after[..., 0] - before[..., 0]).max() <= 1
    middling = (before[..., 0] > 60) & (before[..., 0] < 75)
    np.testing.assert_allclose(after[middling][:, 1:].mean(0), factor * PAINTED, atol=1.5)
    if saturation == "0":
        assert np.ptp(tc.open_image(tmp_path / "out" / "scene.png").astype(int), axis=-1).max() <= 1


@pytest.mark.parametrize("saturation", ["-1", "11", "x"])
def test_a_saturation_that_cannot_be_is_named(colorize, scene, saturation):
    assert "Invalid value for '--saturation'" in colorize(scene, code=2, options=["--saturation", saturation])


def test_a_photo_that_lies_on_its_side_comes_out_upright(colorize, tmp_path):
    lying = np.zeros((20, 30, 3), np.uint8)
    lying[:, :15] = 160  # what is on the left belongs to the top
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(lying).save(tmp_path / "lying.jpg", exif=exif, quality=95)
    colorize(tmp_path / "lying.jpg")
    with Image.open(tmp_path / "out" / "lying.png") as result:
        assert (result.format, result.size) == ("PNG", (20, 30))
        assert 0x0112 not in result.getexif()
        lightness = rgb2lab(np.asarray(result))[..., 0]
    assert lightness[:13].min() > 60
    assert lightness[17:].max() < 10


def test_folders_are_mirrored_and_files_stand_on_top(colorize, save_photo, tmp_path):
    for number, name in enumerate(("a.png", "below/a.jpg", "below/deeper/b.webp", ".hidden/c.png", "note.txt")):
        save_photo(tmp_path / "album" / name, number) if name != "note.txt" else (tmp_path / "album" / name).touch()
    save_photo(tmp_path / "elsewhere" / "single.bmp", 7)
    printed = colorize(tmp_path / "album", tmp_path / "elsewhere" / "single.bmp")
    assert names(tmp_path / "out") == ["a.png", "below/a.png", "below/deeper/b.png", "single.png"]
    assert printed.endswith("4 coloured, 0 there already, 0 could not be used.\n")


def test_two_photos_that_differ_in_the_ending_alone_keep_it(colorize, save_photo, tmp_path):
    for number, name in enumerate(("a.jpg", "a.png", "b.jpg", "below/a.png")):
        save_photo(tmp_path / "album" / name, number)
    colorize(tmp_path / "album")
    assert names(tmp_path / "out") == ["a.jpg.png", "a.png.png", "b.png", "below/a.png"]
    for name in ("a.jpg", "a.png"):
        before, after = lab_of(tmp_path / "album" / name), lab_of(tmp_path / "out" / f"{name}.png")
        assert abs(after[..., 0] - before[..., 0]).max() <= 1


@pytest.mark.parametrize("pair", [("x/a.jpg", "y/a.jpg"), ("a.jpg", "a.png", "a.jpg.png")], ids=["folders", "endings"])
def test_two_results_of_one_name_are_refused_before_anything_is_done(colorize, save_photo, tmp_path, pair):
    paths = [tmp_path / name for name in pair]
    for number, path in enumerate(paths):
        save_photo(path, number)
    printed = colorize(*paths, code=2)
    assert f"{paths[0]} and {paths[-1]} would both become {tmp_path}/out/a.jpg.png: give each an --out" in printed
    assert not (tmp_path / "out").exists()


def test_a_photo_that_is_named_twice_is_coloured_once(colorize, photos, tmp_path):
    printed = colorize(photos / "3.png", photos)
    assert printed.endswith("12 coloured, 0 there already, 0 could not be used.\n")
    assert names(tmp_path / "out") == names(photos)


def test_what_is_done_is_left_alone(colorize, photos, contents, tmp_path):
    colorize(photos / "3.png", photos / "4.png")
    (tmp_path / "out" / "4.png").write_text("the user has been here")
    before = contents(tmp_path / "out")
    printed = colorize(photos)
    assert printed.endswith("10 coloured, 2 there already, 0 could not be used.\n")
    assert f"{tmp_path}/out/4.png is there already\n" in printed
    assert before.items() <= contents(tmp_path / "out").items()
    assert colorize(photos).endswith("0 coloured, 12 there already, 0 could not be used.\n")


@pytest.mark.parametrize("way", ["its folder", "a link to its folder", "a link to the file"])
def test_a_photo_is_never_overwritten(colorize, photos, contents, tmp_path, way):
    out = photos
    if way == "a link to its folder":
        out = tmp_path / "link"
        out.symlink_to(photos)
    elif way == "a link to the file":
        out = tmp_path / "links"
        out.mkdir()
        (out / "3.png").symlink_to(photos / "3.png")
    before = contents(photos)
    printed = colorize(photos / "3.png", out=out, code=1)
    assert f"{photos}/3.png: would be overwritten by its own result: name another --out\n" in printed
    assert contents(photos) == before


def test_in_the_folder_of_the_photo_a_result_stands_beside_it(colorize, save_photo, tmp_path):
    save_photo(tmp_path / "album" / "a.jpg")
    before = (tmp_path / "album" / "a.jpg").read_bytes()
    colorize(tmp_path / "album" / "a.jpg", out=tmp_path / "album")
    assert names(tmp_path / "album") == ["a.jpg", "a.png"]
    assert (tmp_path / "album" / "a.jpg").read_bytes() == before


def test_after_a_bad_file_it_goes_on(colorize, photos, tmp_path):
    (photos / "0.png").write_bytes((photos / "0.png").read_bytes()[:-200])
    (photos / "11.png").write_text("no photo")
    (tmp_path / "elsewhere.png").write_bytes((photos / "1.png").read_bytes())
    (photos / "link.png").symlink_to(tmp_path / "elsewhere.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "gone.png").touch()
    printed = colorize(tmp_path / "missing.png", tmp_path / "gone.jpg", photos, code=1)
    assert f"{tmp_path}/missing.png: no such file\n" in printed
    assert f"{tmp_path}/out/gone.png is there already\n" in printed
    assert f"{photos}/0.png: damaged" in printed
    assert f"{photos}/11.png: no JPEG, PNG, WebP, BMP, TIFF or GIF\n" in printed
    assert f"{photos}/link.png: a link that leads out of the folder\n" in printed
    assert printed.endswith("\n10 coloured, 1 there already, 4 could not be used.\n")
    assert names(tmp_path / "out") == sorted([*(f"{number}.png" for number in range(1, 11)), "gone.png"])


def test_a_full_disk_leaves_what_is_done_and_no_half_file(colorize, photos, tmp_path, full_disk):
    full_disk(2)
    printed = colorize(photos, code=1)
    assert printed.splitlines()[-1] == f"Error: could not write to {tmp_path}/out: No space left on device."
    assert names(tmp_path / "out") == ["0.png", "1.png"]
    full_disk(100)
    assert colorize(photos).endswith("10 coloured, 2 there already, 0 could not be used.\n")


def test_ctrl_c_while_it_writes_leaves_no_half_file(colorize, photos, tmp_path, monkeypatch):
    really, calls = os.fsync, []

    def fsync(file):
        calls.append(file)
        if len(calls) == 3:  # the second picture: each is a file and its folder
            raise KeyboardInterrupt
        really(file)

    monkeypatch.setattr(os, "fsync", fsync)
    assert colorize(photos, code=130).endswith("\nStopped.\n")
    assert names(tmp_path / "out") == ["0.png"]


def test_too_large_for_the_memory_is_one_sentence(colorize, photos, monkeypatch):
    def too_large(*arguments, **rest):
        raise MemoryError

    monkeypatch.setattr(module, "colorize_and_count", too_large)
    assert colorize(photos, code=1) == (
        "Error: there is not enough memory for this: try smaller pictures or batches.\n"
    )


def test_a_network_straight_from_training_colours(run, train, photos, tmp_path):
    train(photos)
    run("colorize", photos, "--checkpoint", tmp_path / "run" / "best.safetensors", "--out", tmp_path / "out")
    network = tc.load_checkpoint(tmp_path / "run" / "best.safetensors", ColorUNet)
    np.testing.assert_array_equal(
        tc.open_image(tmp_path / "out" / "5.png"), tc.colorize(tc.open_image(photos / "5.png"), network)
    )


def test_a_network_that_was_spoilt_in_training_colours_nothing(run, photos, tmp_path):
    network = ColorUNet(widths=(4, 8), size=16)
    network.head.bias.data[:] = 3e38  # times 110 it is more than float32 can hold
    tc.save_checkpoint(tmp_path / "spoilt", network)
    with np.errstate(over="ignore"):
        printed = run("colorize", photos, "--checkpoint", tmp_path / "spoilt", "--out", tmp_path / "out", code=1)
    assert printed.startswith("Error: the network's colours are NaN or infinite: ")
    assert not (tmp_path / "out").exists()
