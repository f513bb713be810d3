"""Bad input gets one clear sentence, and nothing is lost."""

import errno
import json
import os
import pickle
from pathlib import Path

import pytest
from PIL import Image

import tinycolor as tc
from tinycolor.data import photos as reading
from tinycolor.training.checkpoint import save_checkpoint

STRANGE = [
    "two\nlines.png",
    os.fsdecode(b"caf\xe9.png"),
    "[bold]red.png",
    ":car:.png",
    "photo 1'.png",
    "\u5199\u771f.png",
]


@pytest.fixture
def folder(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    return path


@pytest.fixture
def command(run, train, checkpoint, tmp_path):
    """Return a function that has one of the commands work on a folder of photos."""

    def call(name, folder, code=0):
        if name == "train":
            return train(folder, code=code)
        rest = ["--out", tmp_path / "coloured"] if name == "colorize" else []
        return run(name, folder, "--checkpoint", checkpoint, *rest, code=code)

    return call


def refused(printed):
    """Return the one sentence, which is the last line, and nothing but the count of photos is before it."""
    *before, sentence = printed.splitlines()
    assert all(line.startswith(("Photos: ", "One photo has to do")) for line in before)
    assert sentence.startswith("Error: ")
    assert sentence.endswith((".", "only"))
    assert not sentence.endswith("..")
    return sentence


COMMANDS = pytest.mark.parametrize("name", ["train", "colorize", "evaluate"])
LEARNING = pytest.mark.parametrize("name", ["train", "evaluate"])


@COMMANDS
@pytest.mark.parametrize("inside", ["nothing", "no photos", "a folder named photo.png"])
def test_no_photos(command, folder, contents, tmp_path, name, inside):
    if inside == "no photos":
        (folder / "readme.txt").write_text("no photo")
    elif inside != "nothing":
        (folder / "photo.png").mkdir()
    before = contents(tmp_path)
    assert f"there are no photos in {folder}: name" in refused(command(name, folder, code=1))
    assert contents(tmp_path) == before


def save_text(folder, save_photo):
    (folder / "text.jpg").write_text("no photo")
    return "text.jpg", "no JPEG, PNG, WebP, BMP, TIFF or GIF"


def save_grey(folder, save_photo):
    for number in range(3):
        Image.new("RGB", (30, 30), (90 * number,) * 3).save(folder / f"{number}.png")
    return "0.png", "grey: there is no colour to learn from"


def save_tiny(folder, save_photo):
    for width, height in ((1, 1), (1, 5000), (5000, 1)):
        save_photo(folder / f"{width}x{height}.png", shape=(height, width))
    return "1x1.png", "1 x 1 pixels, smaller than 16"


@LEARNING
@pytest.mark.parametrize("save", [save_text, save_grey, save_tiny])
def test_no_photo_that_can_be_used(command, folder, save_photo, contents, tmp_path, name, save):
    example, reason = save(folder, save_photo)
    before = contents(tmp_path)
    sentence = refused(command(name, folder, code=1))
    assert sentence.startswith(f"Error: of the photos in {folder}, ")
    assert sentence.endswith(f"{example}, for one: {reason}.")
    assert contents(tmp_path) == before


def test_text_is_not_coloured(command, folder, save_photo, tmp_path):
    save_text(folder, save_photo)
    printed = command("colorize", folder, code=1)
    assert printed.splitlines() == [
        f"{folder}/text.jpg: no JPEG, PNG, WebP, BMP, TIFF or GIF",
        "0 coloured, 0 there already, 1 could not be used.",
    ]
    assert not (tmp_path / "coloured").exists()


@pytest.mark.parametrize("save", [save_grey, save_tiny])
def test_grey_and_tiny_photos_are_coloured(command, folder, save_photo, tmp_path, save):
    save(folder, save_photo)
    assert "3 coloured, 0 there already, 0 could not be used." in command("colorize", folder)
    for path in folder.iterdir():
        assert tc.open_image(tmp_path / "coloured" / path.name).shape == tc.open_image(path).shape


@COMMANDS
def test_one_photo_is_enough(command, folder, save_photo, name):
    save_photo(folder / "only.png", 1)
    printed = command(name, folder)
    if name == "train":
        assert "One photo has to do for both" in printed


@LEARNING
@pytest.mark.parametrize("kind", ["nothing", "a file"])
def test_no_folder(command, tmp_path, name, kind):
    path = tmp_path / "no folder"
    if kind == "a file":
        path.write_text("no folder")
    assert refused(command(name, path, code=1)) == f"Error: {path} is no folder: name one with photos in it."


@pytest.mark.parametrize("name", ["nowhere.jpg", "x" * 300])
def test_colouring_what_is_not_there(command, tmp_path, name):
    printed = command("colorize", tmp_path / name, code=1)
    assert "no such file" in printed or "cannot be read (File name too long)" in printed
    assert printed.endswith("\n0 coloured, 0 there already, 1 could not be used.\n")


@pytest.fixture(params=["the file", "its folder"])
def unreadable(photos, request, monkeypatch):
    """A photo that may not be read. Root may read everything, so the refusal is played."""
    secret, is_file, image_open = photos / "3.png", Path.is_file, Image.open

    def refuse(path):
        if os.fspath(path) == os.fspath(secret):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

    if request.param == "the file":
        monkeypatch.setattr(reading.Image, "open", lambda path, **rest: refuse(path) or image_open(path, **rest))
    else:
        monkeypatch.setattr(Path, "is_file", lambda path: refuse(path) or is_file(path))
    return secret


@COMMANDS
def test_an_unreadable_photo_is_passed_over(command, photos, unreadable, tmp_path, name):
    reason = "cannot be read (Permission denied)"
    printed = command(name, photos, code=1 if name == "colorize" else 0)
    if name == "train":
        listed = (tmp_path / "run" / "skipped.jsonl").read_text()
        assert json.loads(listed) == {"file": str(unreadable), "reason": reason}
        assert f"Photos that could not be used: 1; {tmp_path}/run/skipped.jsonl says why." in printed
    else:
        assert f"{unreadable}: {reason}\n" in printed
    if name == "colorize":
        assert printed.endswith("11 coloured, 0 there already, 1 could not be used.\n")


@COMMANDS
def test_strange_names(command, folder, save_photo, tmp_path, name):
    for number, strange in enumerate(STRANGE):
        save_photo(folder / strange, number)
        save_photo(folder / "below" / strange, number + 20)
        (folder / f"no photo {strange}").write_text("no photo")
    printed = command(name, folder, code=1 if name == "colorize" else 0)
    if name == "colorize":
        written = {path.relative_to(tmp_path / "coloured") for path in (tmp_path / "coloured").rglob("*.png")}
        assert written == {Path(place) / strange for strange in STRANGE for place in (".", "below")}
    if name == "train":
        lines = (tmp_path / "run" / "skipped.jsonl").read_text().splitlines()
        assert {json.loads(line)["file"] for line in lines} == {f"{folder}/no photo {strange}" for strange in STRANGE}
    else:
        for strange in ("two\\nlines", "caf\\xe9", "[bold]red", ":car:", "photo 1'", "\u5199\u771f"):
            assert f"{folder}/no photo {strange}.png: no JPEG" in printed


@COMMANDS
def test_strange_folders(command, train, save_photo, tmp_path, name):
    for strange in STRANGE:
        folder = tmp_path / strange / "photos"
        for number in range(2):
            save_photo(folder / f"{number}.png", number)
        if name == "train":
            assert train(folder, steps=1, out=tmp_path / strange / "run").count("\n") == 4
            assert (tmp_path / strange / "run" / "last.safetensors").exists()
        else:
            command(name, folder)


def test_a_folder_that_holds_another_run_is_left_alone(train, photos, contents, tmp_path):
    train(photos)
    before = contents(tmp_path)
    printed = refused(train(photos, code=1))
    assert f"{tmp_path}/run holds a run already (last.safetensors): go on with it by --resume, or name" in printed
    assert contents(tmp_path) == before


@pytest.mark.parametrize("out", ["photos", "photos/new", "photos/../photos/new", "link/new"])
def test_results_do_not_go_among_the_photos(train, run, photos, checkpoint, contents, tmp_path, out):
    (tmp_path / "link").symlink_to(photos)
    before = contents(tmp_path)
    assert "lies among the photos" in refused(train(photos, out=tmp_path / out, code=1))
    printed = run("colorize", photos, "--checkpoint", checkpoint, "--out", tmp_path / out, code=2)
    assert f"{tmp_path / out} lies inside {photos}: results would be taken for photos" in printed
    assert contents(tmp_path) == before


@pytest.mark.parametrize("out", ["taken", "taken/below"])
def test_a_folder_that_cannot_be_made(train, run, photos, checkpoint, contents, tmp_path, out):
    (tmp_path / "taken").write_text("a file, not a folder")
    before = contents(tmp_path)
    sentence = f"Error: could not write to {tmp_path / out}: "
    assert refused(train(photos, out=tmp_path / out, code=1)).startswith(sentence)
    assert run("colorize", photos, "--checkpoint", checkpoint, "--out", tmp_path / out, code=1).startswith(sentence)
    assert contents(tmp_path) == before


def flip_a_bit(content):
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 4]) + content[middle + 1 :]


def another_network(path):
    save_checkpoint(path, tc.networks.CrossCircleCNN())


DAMAGES = {
    "another network": (another_network, "holds 'CrossCircleCNN', expected one of ColorUNet"),
    "cut in half": (lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]), "damaged or cut off"),
    "bit flipped": (lambda path: path.write_bytes(flip_a_bit(path.read_bytes())), "damaged"),
    "pickle in disguise": (lambda path: path.write_bytes(pickle.dumps({"a": 1})), "a pickle or a zip of one"),
    "empty": (lambda path: path.write_bytes(b""), "no safetensors file"),
    "folder": (lambda path: path.unlink() or path.mkdir(), "is a folder, not a checkpoint"),
    "missing": (Path.unlink, "no such file"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_checkpoint_that_cannot_be_used(run, train, photos, contents, tmp_path, damage):
    spoil, reason = DAMAGES[damage]
    train(photos, steps=1)
    path = tmp_path / "run" / "last.safetensors"
    spoil(path)
    before = contents(tmp_path)
    for name, rest in (("evaluate", []), ("colorize", ["--out", tmp_path / "coloured"])):
        sentence = refused(run(name, photos, "--checkpoint", path, *rest, code=1))
        assert sentence.startswith(f"Error: {path}: {reason}")
        assert sentence.endswith("; needed is a network that tinycolor train has saved, such as RUN/best.safetensors.")
    sentence = refused(run("train", photos, "--out", tmp_path / "run", "--resume", code=1))
    if damage == "another network":
        assert sentence == f"Error: {path} was not saved by a training run of this version: it cannot go on."
        return
    assert sentence.startswith(f"Error: {path}: {reason}")
    assert sentence.endswith("; without it no run can go on: begin one in another folder.")
    assert contents(tmp_path) == before
