"""``tinycolor translate``, seen from outside: which files come out, and what is in them."""

import json

import numpy as np
import pytest
from PIL import Image

import tinycolor as tc
from tinycolor.networks import Pix2PixGenerator
from tinycolor.translate import translate as translate_one

SIZE = 16
WANTED = (
    "expected pictures of the same names in FOLDER/A and FOLDER/B, both of a pair side by side in one picture, or "
    "photos with label maps"
)
SETTINGS = {"task": "translate", "direction": "a-to-b", "pairs": "A and B", "ignored": [9], "size": SIZE}
OF_LABEL_MAPS = {**SETTINGS, "pairs": "label map and photo"}


@pytest.fixture(scope="session")
def network():
    network = Pix2PixGenerator(3, 3, 4, 2)
    for parameter in network.parameters():
        parameter.data = 10 * parameter.data  # so that what it is given shows in what comes out
    return network


@pytest.fixture(scope="session")
def translator(network, tmp_path_factory):
    path = tmp_path_factory.mktemp("translator") / "best.safetensors"
    tc.save_checkpoint(path, network, progress={"settings": SETTINGS})
    return path


@pytest.fixture
def translate(run, translator, tmp_path):
    """Return a function that translates pictures into a folder."""

    def call(*pictures, out=tmp_path / "out", code=0, options=(), checkpoint=translator):
        return run("translate", *pictures, "--checkpoint", checkpoint, "--out", out, *options, code=code)

    return call


@pytest.fixture
def taught(network, tmp_path):
    """Return a function that saves the network as one that was trained with some settings."""

    def save(settings):
        tc.save_checkpoint(tmp_path / "taught", network, progress={"settings": settings})
        return tmp_path / "taught"

    return save


@pytest.fixture
def pairs(tmp_path, save_photo):
    for number in range(5):
        save_photo(tmp_path / "pairs" / "A" / f"{number}.png", number)
        save_photo(tmp_path / "pairs" / "B" / f"{number}.jpg", number + 9)
    return tmp_path / "pairs"


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("mode", ["eval", "paper", "instance"])
def test_each_picture_becomes_one_of_its_own_size(translate, photos, network, tmp_path, mode):
    printed = translate(photos, options=["--mode", mode])
    assert names(tmp_path / "out") == names(photos)
    assert printed.startswith(f"{tmp_path}/out/0.png\n")
    assert printed.endswith("\n12 translated, 0 there already, 0 could not be used.\n")
    for name in ("3.png", "7.png"):
        before, after = tc.open_image(photos / name), tc.open_image(tmp_path / "out" / name)
        assert after.shape == before.shape == (20, 24, 3)
        np.testing.assert_array_equal(after, translate_one(before, network, mode=mode))


def test_what_has_learned_from_label_maps_is_given_label_maps(translate, taught, network, tmp_path):
    labels = np.random.default_rng(0).integers(0, 10, (12, 18), dtype=np.uint8)
    image = Image.fromarray(labels)
    image.putpalette(list(range(255, -1, -1)) * 3)
    image.save(tmp_path / "map.png")
    as_picture = translate_one(tc.open_image(tmp_path / "map.png"), network)
    labels[labels == 9] = 255
    as_labels = translate_one(labels, network)
    assert (as_labels != as_picture).any()
    back = {**OF_LABEL_MAPS, "direction": "b-to-a"}  # of photos it makes label maps
    for name, settings, wanted in (
        ("maps", OF_LABEL_MAPS, as_labels),
        ("back", back, as_picture),
        ("others", SETTINGS, as_picture),
    ):
        translate(tmp_path / "map.png", out=tmp_path / name, checkpoint=taught(settings))
        np.testing.assert_array_equal(tc.open_image(tmp_path / name / "map.png"), wanted)


def test_what_has_learned_from_label_maps_refuses_photos(translate, taught, photos, tmp_path):
    printed = translate(photos / "1.png", out=tmp_path / "maps", code=1, checkpoint=taught(OF_LABEL_MAPS))
    assert f"{photos}/1.png: is of mode RGB, expected L or P: an 8-bit class number per pixel\n" in printed
    assert not (tmp_path / "maps").exists()


def test_after_a_bad_file_it_goes_on(translate, photos, tmp_path):
    (photos / "0.png").write_text("no picture")
    printed = translate(photos, tmp_path / "missing.png", code=1)
    assert f"{photos}/0.png: no JPEG, PNG, WebP, BMP, TIFF or GIF\n" in printed
    assert f"{tmp_path}/missing.png: no such file\n" in printed
    assert printed.endswith("\n11 translated, 0 there already, 2 could not be used.\n")


def test_nothing_is_overwritten(translate, photos, contents, tmp_path):
    translate(photos / "3.png")
    (tmp_path / "out" / "4.png").write_text("the user has been here")
    before = contents(tmp_path / "out")
    assert translate(photos).endswith("10 translated, 2 there already, 0 could not be used.\n")
    assert before.items() <= contents(tmp_path / "out").items()
    before = contents(photos)
    printed = translate(photos / "3.png", out=photos, code=1)
    assert f"{photos}/3.png: would be overwritten by its own result: name another --out\n" in printed
    assert "results would be taken for photos" in translate(photos, out=photos / "new", code=2)
    assert contents(photos) == before


def test_a_full_disk_leaves_no_half_file(translate, photos, tmp_path, full_disk):
    full_disk(2)
    printed = translate(photos, code=1)
    assert printed.splitlines()[-1] == f"Error: could not write to {tmp_path}/out: No space left on device."
    assert names(tmp_path / "out") == ["0.png", "1.png"]


def test_each_command_refuses_the_networks_of_the_other(run, translate, photos, checkpoint, translator, tmp_path):
    def refused(name, path):
        printed = run(name, photos, "--checkpoint", path, "--out", tmp_path / "out", code=1)
        assert printed.startswith("Error: ")
        assert printed.count("\n") == 1
        assert not (tmp_path / "out").exists()
        return printed

    assert "holds 'ColorUNet', expected one of Pix2PixGenerator; needed is" in refused("translate", checkpoint)
    tc.save_checkpoint(tmp_path / "colorizer", Pix2PixGenerator(1, 2, 4, 2))
    sentence = refused("translate", tmp_path / "colorizer")
    assert "has 1 inputs and 2 answers, expected 3 and 3 to translate pictures" in sentence
    assert "has 3 inputs and 3 answers, expected L*" in refused("colorize", translator)


# --- evaluate --------------------------------------------------------------------------------------------------


def test_evaluate_judges_pairs(run, translator, network, pairs, tmp_path):
    Image.fromarray(np.zeros((20, 23, 3), np.uint8)).save(pairs / "A" / "4.png")
    (pairs / "B" / "alone.png").write_bytes((pairs / "B" / "3.jpg").read_bytes())
    printed = run("evaluate", pairs, "--checkpoint", translator, "--json", tmp_path / "figures.json")
    assert "Pairs: 4, 16 x 16" in printed
    assert f"not judged: {pairs}/A/4.png: A has 23 x 20 pixels, B 24 x 20, expected equally many\n" in printed
    assert f"not judged: {pairs}/B/alone.png: it has no partner in {pairs}/A\n" in printed
    assert max(map(len, printed.splitlines()[:8])) <= 80
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["size"], figures["pairs"]) == (16, 4)
    assert list(figures) == ["size", "pairs", "network", "mean picture", "unchanged"]

    def squares(folder, ending):
        for number in range(4):
            with Image.open(pairs / folder / f"{number}.{ending}") as image:
                yield np.asarray(image.resize((SIZE, SIZE), Image.Resampling.LANCZOS))

    inputs, truths = np.stack(list(squares("A", "png"))), np.stack(list(squares("B", "jpg")))
    answers = np.stack([translate_one(one, network) for one in inputs])
    for name, given in (("network", answers), ("mean picture", np.rint(truths.mean(0))), ("unchanged", inputs)):
        assert figures[name]["l1"] == pytest.approx(abs(given.astype(float) - truths).mean(), rel=1e-3)
        assert f"{figures[name]['l1']:.2f}" in printed


def test_evaluate_takes_the_direction_it_was_trained_in(run, taught, translator, pairs, tmp_path):
    figures = []
    for path in (translator, taught({**SETTINGS, "direction": "b-to-a"})):
        run("evaluate", pairs, "--checkpoint", path, "--json", tmp_path / "figures.json")
        figures.append(json.loads((tmp_path / "figures.json").read_text()))
    assert figures[0]["unchanged"]["l1"] == figures[1]["unchanged"]["l1"]
    assert figures[0]["mean picture"]["l1"] != figures[1]["mean picture"]["l1"]


@pytest.mark.parametrize(("taught_on", "names"), [(SETTINGS, ("labels", "photos")), (OF_LABEL_MAPS, ("A", "B"))])
def test_evaluate_refuses_to_take_label_maps_for_pictures_or_pictures_for_them(run, taught, tmp_path, taught_on, names):
    for name in names:
        (tmp_path / "pairs" / name).mkdir(parents=True)
        Image.fromarray(np.eye(20, dtype=np.uint8)).save(tmp_path / "pairs" / name / "a.png")
    printed = run("evaluate", tmp_path / "pairs", "--checkpoint", taught(taught_on), code=1)
    held, wanted = ("A and B", "label map and photo")[:: -1 if taught_on is SETTINGS else 1]
    assert printed == (
        f"Error: {tmp_path}/pairs holds pairs of {held}, expected {wanted}: from these the network has learned.\n"
    )
    run("evaluate", tmp_path / "pairs", "--checkpoint", taught({**taught_on, "pairs": held}))


def test_evaluate_refuses_in_one_sentence(run, translator, photos, tmp_path):
    def refused(*arguments):
        printed = run("evaluate", *arguments, "--checkpoint", translator, code=1)
        assert printed.count("\n") == 1
        return printed

    (tmp_path / "empty").mkdir()
    assert f"there are no pairs of pictures in {tmp_path}/empty: {WANTED}." in refused(tmp_path / "empty")
    halves = f".png, for one: left and right half have 12 x 20 pixels each, smaller than 16; {WANTED}.\n"
    assert refused(photos).endswith(halves)
    printed = run("train", photos, "--task=translate", "--size=16", "--out", tmp_path / "run", code=1)
    assert printed.endswith(halves)
    (photos / "A").mkdir()
    assert "has a folder A and no folder B" in refused(photos)
