"""A run that learns to paint streets of their maps: drawn ones, so that the truth is known."""

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import tinycolor as tc
from tinycolor.cli import main
from tinycolor.data import dataset
from tinycolor.data.dataset import open_picture_pairs
from tinycolor.data.scenes import draw
from tinycolor.data.shrunk import NoPhotosError
from tinycolor.networks import PatchDiscriminator, Pix2PixGenerator
from tinycolor.training import run as runs
from tinycolor.training.checkpoint import read_checkpoint
from tinycolor.training.learners import Adversarial
from tinycolor.training.settings import Settings
from tinycolor.training.translating import Translating
from tinycolor.translate import predict

SETTINGS = Settings(
    100,
    task="translate",
    model="pix2pix",
    loss="l1+cgan",
    direction="a-to-b",
    width=1 / 8,
    size=16,
    batch=4,
    learning_rate=2e-3,
    optimizer="adam-gan",
)


def changed(**said):
    return Settings(**{**vars(SETTINGS), **said})


@pytest.fixture
def streets(tmp_path, monkeypatch):
    """A folder with 36 maps in A and their streets in B, by day alone: so they are learned in a few steps."""
    monkeypatch.setattr(dataset, "JUDGING_SHARE", 0.3)
    scenes = draw(80, 20, tc.Generator(0))
    for name, pictures in (("A", scenes.map), ("B", scenes.photo)):
        (tmp_path / "streets" / name).mkdir(parents=True)
        for number, pixels in enumerate(pictures[scenes.kind == 0]):
            Image.fromarray(pixels).save(tmp_path / "streets" / name / f"{number}.png")
    return tmp_path / "streets"


def test_a_batch_is_the_map_and_the_street_of_the_same_pixels(streets):
    task = Translating(open_picture_pairs(streets), SETTINGS)
    back = Translating(open_picture_pairs(streets), changed(direction="b-to-a"))
    batches = list(task.batches(range(2)))
    for (x, target), (other_x, other_target) in zip(batches, back.batches(range(2)), strict=True):
        assert x.shape == target.shape == (4, 16, 16, 3)
        assert x.dtype == target.dtype == np.float32
        np.testing.assert_array_equal(x, other_target)
        np.testing.assert_array_equal(target, other_x)
    x, target = batches[0]
    pairs = np.stack(list(task.pairs))
    assert pairs.shape[1:] == (18, 18, 6)  # 286 / 256 of 16
    places = [
        (flip, top, left, number)
        for flip in (1, -1)
        for top in range(3)
        for left in range(3)
        for number, pair in enumerate(pairs)
        for one, other in zip(x, target, strict=True)
        if same(one, pair[top : top + 16, left : left + 16][:, ::flip, :3])
        and same(other, pair[top : top + 16, left : left + 16][:, ::flip, 3:])
    ]
    assert len(places) == 4


def same(x, rgb):
    return np.allclose(x, rgb / 127.5 - 1, atol=1e-6)


def test_a_few_steps_against_each_other_paint_streets(streets):
    task = Translating(open_picture_pairs(streets), SETTINGS)
    assert isinstance(task.network, Pix2PixGenerator)
    assert isinstance(task.discriminator, PatchDiscriminator)
    before = task.judge()
    learner = runs.learner(task, SETTINGS, "cpu")
    assert isinstance(learner, Adversarial)
    figures = list(learner.learn(task.batches(range(100))))
    after, mean = task.judge(), task.baselines["mean picture"]
    assert figures[-1]["reconstruction"] < figures[0]["reconstruction"] / 2
    assert after["l1"] < 0.85 * mean["l1"] < before["l1"]
    assert after["variety"] > 0.5
    assert task.error(after) < task.error(before)
    assert f"L1 {after['l1']:.1f} of 255 (mean picture {mean['l1']:.1f})" in task.sentence(after)
    assert f"{after['l1']:.1f} of 255 grey levels" in task.standing(after)


def test_without_an_adversary_there_is_none(streets):
    assert Translating(open_picture_pairs(streets), changed(loss="l1")).discriminator is None


def test_what_is_judged_is_not_learned_from_and_not_cropped(streets):
    pairs = open_picture_pairs(streets)
    task = Translating(pairs, SETTINGS)
    names = [pairs.judging[number].name for number in range(len(pairs.judging))]
    assert not set(names) & {pairs.learning[number].name for number in range(len(pairs.learning))}
    for name, pair in zip(names, task.judged, strict=True):
        for folder, pixels in (("A", pair[..., :3]), ("B", pair[..., 3:])):
            with Image.open(streets / folder / name) as image:
                np.testing.assert_array_equal(pixels, image.resize((16, 16), Image.Resampling.LANCZOS))
    np.testing.assert_allclose(task.question(), task.judged[..., :3] / 127.5 - 1, atol=1e-6)


def test_the_sheet_shows_input_answer_and_truth(streets, monkeypatch):
    shown = {}
    monkeypatch.setattr("tinycolor.training.report.sheet", lambda pictures: shown.update(pictures) or b"PNG")
    task = Translating(open_picture_pairs(streets), SETTINGS)
    assert task.sheet() == b"PNG"
    assert list(shown) == ["input", "predicted", "truth"]
    some = task.judged[np.linspace(0, len(task.judged) - 1, 8).astype(int)]
    np.testing.assert_array_equal(shown["input"], some[..., :3])
    np.testing.assert_array_equal(shown["predicted"], predict(task.network, some[..., :3]))
    np.testing.assert_array_equal(shown["truth"], some[..., 3:])


def test_where_no_pair_that_was_kept_for_judging_can_be_used_others_are_judged(streets):
    pairs = open_picture_pairs(streets)
    bad = [pairs.judging[number] for number in range(len(pairs.judging))]
    for path in bad:
        path.write_text("no picture")
    task = Translating(pairs, SETTINGS)
    assert len(task.judged) == len(pairs.learning)
    assert set(task.skipped()) == set(bad)


def test_where_no_pair_can_be_used_there_is_no_run(streets, tmp_path):
    for path in (streets / "B").iterdir():
        path.write_text("no picture")
    with pytest.raises(NoPhotosError, match=r"none can be used; .*, for one: its partner .*: no JPEG"):
        runs.start(open_picture_pairs(streets), tmp_path / "run", SETTINGS)
    assert not (tmp_path / "run").exists()


def test_a_run_that_was_stopped_ends_in_the_same_bits(streets, tmp_path, monkeypatch):
    monkeypatch.setattr(runs.report, "write", lambda *arguments: None)
    settings = changed(steps=6)
    for _ in runs.start(open_picture_pairs(streets), tmp_path / "straight", settings).steps():
        pass
    stopped = runs.start(open_picture_pairs(streets), tmp_path / "stopped", settings)
    steps = stopped.steps()
    for _ in range(3):
        next(steps)
    steps.close()
    stopped.save()
    for _ in runs.resume(streets, tmp_path / "stopped").steps():
        pass
    one, other = (read_checkpoint(tmp_path / name / runs.LAST) for name in ("straight", "stopped"))
    for network in ("network", "discriminator"):
        states = [getattr(checkpoint, network).state_dict() for checkpoint in (one, other)]
        for name, array in states[0].items():
            np.testing.assert_array_equal(array, states[1][name])


@pytest.mark.parametrize("other", ["halves", "label maps", "partners that end differently"])
def test_with_other_pairs_of_the_same_names_a_run_does_not_go_on(streets, tmp_path, monkeypatch, other):
    monkeypatch.setattr(runs.report, "write", lambda *arguments: None)
    run = runs.start(open_picture_pairs(streets), tmp_path / "run", changed(steps=6))
    run.save()
    assert runs.resume(streets, tmp_path / "run").step == 0
    given = streets
    if other == "halves":
        given = (streets / "A").rename(tmp_path / "halves")
    elif other == "label maps":
        (streets / "A").rename(streets / "photos")
        (streets / "B").rename(streets / "labels")
    else:
        for path in list((streets / "B").iterdir()):
            path.rename(path.with_suffix(".bmp"))
    with pytest.raises(runs.RunError, match=r"the photos in .* are not those that .*run began with: put them back, or"):
        runs.resume(given, tmp_path / "run")


@pytest.mark.parametrize("given", ["direction", "b-to-a"])
def test_what_is_taught_on_label_maps_takes_class_numbers_where_they_are_the_input(streets, tmp_path, given):
    (streets / "B").rename(streets / "photos")
    (streets / "A").rename(streets / "labels")
    for path in (streets / "labels").iterdir():
        with Image.open(path) as image:
            image.convert("L").point(lambda grey: grey // 32).save(path)
    options = ["--task=translate", "--width=0.05", "--size=16", "--steps=1", "--batch=2"]
    if given == "b-to-a":
        options.append("--direction=b-to-a")
    result = CliRunner().invoke(main, ["train", str(streets), f"--out={tmp_path / 'run'}", *options])
    assert result.exit_code == 0, result.output
    assert "<td>pairs</td><td>label map and photo</td>" in (tmp_path / "run" / "index.html").read_text()
    for folder in ("labels", "photos"):
        said = [str(streets / folder), f"--checkpoint={tmp_path / 'run' / runs.BEST}", f"--out={tmp_path / folder}"]
        result = CliRunner().invoke(main, ["translate", *said])
        refused = folder == "photos" and given != "b-to-a"
        assert f"{0 if refused else 36} translated, 0 there already" in result.output
        assert ("expected L or P: an 8-bit class number per pixel" in result.output) == refused


def test_the_commands_train_translate_and_evaluate(streets, tmp_path):
    said = ["--task=translate", "--width=0.05", "--size=16", "--steps=2", "--batch=2", "--direction=b-to-a"]
    result = CliRunner().invoke(main, ["train", str(streets), f"--out={tmp_path / 'run'}", *said])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Pairs of A and B: 24 to learn from, 12 kept for judging.\n")
    assert "L1 " in result.output
    page = (tmp_path / "run" / "index.html").read_text()
    assert "Learning to make one picture of another" in page
    assert "overlap of colours" in page
    said = [f"--checkpoint={tmp_path / 'run' / runs.BEST}"]
    result = CliRunner().invoke(main, ["translate", str(streets / "B"), *said, f"--out={tmp_path / 'maps'}"])
    assert "36 translated, 0 there already, 0 could not be used." in result.output
    result = CliRunner().invoke(main, ["evaluate", str(streets), *said])
    assert "Pairs: 36, 16 x 16" in result.output
