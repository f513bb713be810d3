"""A run that learns what is at each pixel: photos of two colours, and label maps that name them."""

import hashlib
import json

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import tinycolor as tc
from tinycolor.cli import main
from tinycolor.data.dataset import open_pairs
from tinycolor.data.shrunk import NoPhotosError
from tinycolor.segment import judge, judge_commonest, predict_classes
from tinycolor.training import run as runs
from tinycolor.training import segmenting
from tinycolor.training.checkpoint import read_checkpoint
from tinycolor.training.segmenting import CLASS_COLOURS, Segmenting
from tinycolor.training.settings import Settings

COLOURS = np.array([[200, 60, 40], [40, 70, 210], [90, 200, 80]], np.uint8)
SETTINGS = Settings(
    7, task="segment", model="unet", classes=3, ignored=(9,), width=1 / 32, size=18, batch=3, loss="cross-entropy"
)


def save_pair(folder, number, shape=(36, 48)):
    """A photo of blocks in three colours, and their numbers; a column of them is of no class."""
    blocks = np.random.default_rng(number).integers(0, 3, (shape[0] // 12, shape[1] // 12)).astype(np.uint8)
    labels = blocks.repeat(12, 0).repeat(12, 1)
    photo = COLOURS[labels]
    labels[:, :12] = 9
    for name, pixels in (("photos", photo), ("labels", labels)):
        path = folder / name / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


@pytest.fixture
def folder(tmp_path):
    for number in range(14):
        save_pair(tmp_path / "streets", number)
    return tmp_path / "streets"


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(runs.report, "write", lambda *arguments: None)
    for name, steps in {"LOG_EVERY": 2, "SAVE_EVERY": 2, "REPORT_AFTER": 4}.items():
        monkeypatch.setattr(runs, name, steps)


def hash_of(path):
    checkpoint = read_checkpoint(path)
    states = checkpoint.network.state_dict() | {f"o {k}": v for k, v in checkpoint.optimizer_state.items()}
    return hashlib.sha256(b"".join(array.tobytes() for _, array in sorted(states.items()))).hexdigest()


def test_a_batch_is_the_photo_and_the_numbers_of_the_same_pixels(folder):
    task = Segmenting(open_pairs(folder), SETTINGS)
    assert task.photos.size == (18, 24)
    for x, target in task.batches(range(5)):
        assert (x.shape, x.dtype, target.shape) == ((3, 18, 24, 3), np.float32, (3, 18, 24))
        photo = x * [0.229, 0.224, 0.225] + [0.485, 0.456, 0.406]
        nearest = abs(photo[..., None, :] - COLOURS / 255).sum(-1).argmin(-1)
        known = target < 3
        assert (target[~known] == 255).all()
        # Six of 24 columns are of no class; where blocks meet, a shrunk pixel may be of either colour.
        assert 0.7 < known.mean() < 0.8
        assert (nearest == target)[known].mean() > 0.95


def test_stopped_anywhere_it_goes_on_to_the_same_bits(folder, tmp_path, quick):
    straight = runs.start(open_pairs(folder), tmp_path / "straight", SETTINGS)
    list(straight.steps())
    run = runs.start(open_pairs(folder), tmp_path / "stopped", SETTINGS)
    for stop in (3, 5, 7):
        for step in run.steps():
            if step.number == stop:
                break
        run.save()
        run = runs.resume(folder, tmp_path / "stopped")
    assert run.step == 7
    assert hash_of(tmp_path / "stopped" / "last.safetensors") == hash_of(tmp_path / "straight" / "last.safetensors")


def test_it_learns_what_is_there(folder, tmp_path, quick):
    settings = Settings(**{**SETTINGS.__dict__, "steps": 40, "learning_rate": 1e-2, "width": 1 / 8})
    run = runs.start(open_pairs(folder), tmp_path / "run", settings)
    *_, last = (step.scores for step in run.steps() if step.scores)
    assert last["mean_iou"] > 2 * run.task.baselines["commonest class"]["mean_iou"]
    assert last["pixel_accuracy"] > 0.8
    reports = [entry for entry in run.log() if "validation" in entry]
    best = max(entry["validation"]["mean_iou"] for entry in reports)
    kept = read_checkpoint(tmp_path / "run" / "best.safetensors")
    assert kept.progress["best"] == pytest.approx(1 - best)
    assert judge(kept.network, run.task.judged)["mean_iou"] == pytest.approx(best)


def test_the_sheet_shows_photo_prediction_and_truth_in_colours(folder, monkeypatch):
    monkeypatch.setattr(segmenting.report, "sheet", lambda pictures: pictures)
    task = Segmenting(open_pairs(folder), SETTINGS)
    sheet = task.sheet()
    assert list(sheet) == ["photo", "predicted", "truth"]
    labels = task.judged[..., 3]
    np.testing.assert_array_equal(
        sheet["truth"][labels == 1], np.broadcast_to(CLASS_COLOURS[1], ((labels == 1).sum(), 3))
    )
    assert not sheet["truth"][labels == 255].any()
    assert not sheet["predicted"][labels == 255].any()
    assert sheet["predicted"][labels != 255].any(-1).all()


def test_the_commonest_class_is_judged_as_any_network():
    pairs = np.zeros((2, 4, 4, 4), np.uint8)
    pairs[0, ..., 3], pairs[1, :2, :, 3], pairs[1, 2:, :2, 3], pairs[1, 2:, 2:, 3] = 2, 1, 0, 255
    figures = judge_commonest(pairs, 3)
    # Of 28 pixels 16 are of class 2, 8 of class 1, 4 of class 0.
    assert figures["pixel_accuracy"] == pytest.approx(16 / 28)
    assert figures["mean_accuracy"] == pytest.approx(1 / 3)
    assert figures["mean_iou"] == pytest.approx(16 / 28 / 3)
    assert figures["frequency_weighted_iou"] == pytest.approx((16 / 28) ** 2)


def test_a_network_is_judged_by_its_highest_scores(monkeypatch):
    network = tc.networks.UNet(3, 2, "same", width=1 / 32)
    photos = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 3), dtype=np.uint8)
    truth = (photos[..., 0] > 128).astype(np.uint8)
    # It answers class 1 where there is red, but for the left half, where it always says 0.
    right = np.arange(16) >= 8
    monkeypatch.setattr(
        network, "predict", lambda x, **how: np.stack([0 * x[..., 0], np.where(right, x[..., 0] - 0.07, -1)], -1)
    )
    predicted = predict_classes(network, photos)
    assert (predicted[..., :8] == 0).all()
    figures = judge(network, np.concatenate([photos, truth[..., None]], -1))
    assert figures["pixel_accuracy"] == pytest.approx((predicted == truth).mean())


def test_pictures_of_another_shape_are_stretched_to_that_of_the_first(folder):
    first = open_pairs(folder).learning[0]
    for number in (20, 21, 22):
        save_pair(folder, number, (48, 36))
    task = Segmenting(open_pairs(folder), SETTINGS)
    assert open_pairs(folder).learning[0] == first
    assert {pair.shape for pair in task.photos.some()} == {(18, 24, 4)}
    assert task.judged.shape[1:] == (18, 24, 4)


def test_where_no_pair_that_was_kept_for_judging_can_be_used_others_are_judged(folder):
    dataset = open_pairs(folder)
    for number in range(len(dataset.judging)):
        dataset.judging[number].write_text("no photo")
    task = Segmenting(dataset, SETTINGS)
    assert len(task.judged) == len(dataset.learning)
    assert {path.name for path in task.skipped()} == {dataset.judging[n].name for n in range(len(dataset.judging))}


def test_where_no_pair_can_be_used_there_is_no_run(folder, tmp_path):
    for path in (folder / "labels").iterdir():
        path.write_text("no picture")
    with pytest.raises(NoPhotosError, match="none can be used"):
        runs.start(open_pairs(folder), tmp_path / "run", SETTINGS)
    assert not (tmp_path / "run").exists()


def test_the_commands_train_and_evaluate(folder, tmp_path):
    said = ["--task=segment", "--classes=3", "--ignore=9", "--width=0.05", "--size=18", "--steps=2", "--batch=2"]
    result = CliRunner().invoke(main, ["train", str(folder), f"--out={tmp_path / 'run'}", *said])
    assert result.exit_code == 0, result.output
    assert "mean IoU" in result.output
    page = (tmp_path / "run" / "index.html").read_text()
    assert "Learning what is where" in page
    assert "intersection over union" in page
    figures = tmp_path / "figures.json"
    judged = ["evaluate", str(folder), f"--checkpoint={tmp_path / 'run' / 'last.safetensors'}", f"--json={figures}"]
    result = CliRunner().invoke(main, judged)
    assert result.exit_code == 0, result.output
    results = json.loads(figures.read_text())
    assert results["photos"] == 14
    assert set(results["network"]) == {"pixel_accuracy", "mean_accuracy", "mean_iou", "frequency_weighted_iou"}
    refused = CliRunner().invoke(main, ["train", str(folder), f"--out={tmp_path / 'other'}", "--task=segment"])
    assert "--task segment got no --classes" in refused.output
