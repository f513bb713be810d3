import errno
import hashlib
import json
import os
import random
import shutil
import stat

import numpy as np
import pytest
from PIL import Image

import tinycolor as tc
from tinycolor.data.dataset import open_dataset
from tinycolor.data.shrunk import NoPhotosError
from tinycolor.training import colorizing, recipes
from tinycolor.training import run as runs
from tinycolor.training.checkpoint import CheckpointError, read_checkpoint, save_checkpoint
from tinycolor.training.colorizing import BOLD, BROWN
from tinycolor.training.loop import NotFiniteError
from tinycolor.training.settings import SCHEDULES, Settings

SETTINGS = Settings(steps=23, size=16, batch=2, learning_rate=1e-2, seed=3)
PHOTOS = 12
PER_EPOCH = 5  # of 12 photos one is kept for judging, and 11 make 5 batches of 2


def small_color_unet(settings):
    return tc.networks.ColorUNet(widths=(4, 8), size=settings.size, seed=settings.seed)


@pytest.fixture(autouse=True, scope="module")
def small():
    """A network whose step takes milliseconds, something to log, save and report every few steps, and no curves."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(recipes.COLORIZERS, "color-unet", recipes.Recipe(small_color_unet, recipes.PLAIN))
        patch.setattr(runs.report, "write", lambda *arguments: None)
        for name, steps in {"LOG_EVERY": 2, "SAVE_EVERY": 4, "REPORT_AFTER": 8}.items():
            patch.setattr(runs, name, steps)
        yield


def save_photo(path, number, shape=(20, 24)):
    """Save random colours, of another kind in every photo."""
    pixels = np.random.default_rng(number).integers(0, 256, (*shape, 3)) * np.array([1, number % 3 / 2, number % 5 / 4])
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.astype(np.uint8)).save(path)


def save_photos(folder):
    for number in range(PHOTOS):
        save_photo(folder / f"{number}.png", number)
    return folder


@pytest.fixture
def photos(tmp_path):
    return save_photos(tmp_path / "photos")


@pytest.fixture
def begin(photos, tmp_path):
    """Return a function that begins a run in a folder of its own."""

    def start(name="run", settings=SETTINGS):
        return runs.start(open_dataset(photos), tmp_path / name, settings)

    return start


@pytest.fixture
def go_on(photos, tmp_path):
    """Return a function that resumes a run as another process would, from the files alone."""
    return lambda name="run": runs.resume(photos, tmp_path / name)


def advance(run, until=None):
    """Go on up to a step, or to the end."""
    for step in run.steps():
        if step.number == until:
            break
    return run


def hash_of(run):
    """SHA-256 of all weights and running statistics, and of all that the optimizer remembers."""
    states = run.task.network.state_dict() | {
        f"Adam {name}": array for name, array in run.learner.optimizer.state_dict().items()
    }
    digest = hashlib.sha256()
    for name, array in sorted(states.items()):
        digest.update(name.encode() + array.tobytes())
    return digest.hexdigest()


def lines(run, *names):
    log = [json.loads(line) for line in (run.out / "log.jsonl").read_text().splitlines()]
    return [tuple(line[name] for name in names) for line in log if all(name in line for name in names)]


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    """A run that never stopped, on photos of the same names in another folder."""
    folder = tmp_path_factory.mktemp("straight")
    dataset = open_dataset(save_photos(folder / "photos"))
    return advance(runs.start(dataset, folder / "run", SETTINGS))


STOPS = random.Random(4).sample(range(1, SETTINGS.steps), 10)


def test_stopped_at_ten_random_steps_it_goes_on_to_the_same_bits(begin, go_on, straight):
    before = hash_of(begin("never begun"))
    assert straight.step == SETTINGS.steps
    assert sum(stop % PER_EPOCH != 0 for stop in STOPS) > 5
    for stop in STOPS:
        run = advance(begin(f"stopped at {stop}"), stop)
        run.save()
        assert hash_of(run) not in (hash_of(straight), before)
        resumed = go_on(f"stopped at {stop}")
        assert resumed.step == stop
        assert hash_of(resumed) == hash_of(run)
        assert hash_of(advance(resumed)) == hash_of(straight)
    written = [read_checkpoint(run.out / "last.safetensors") for run in (straight, resumed)]
    for name, array in written[0].network.state_dict().items():
        np.testing.assert_array_equal(array, written[1].network.state_dict()[name])
        np.testing.assert_array_equal(array, straight.task.network.state_dict()[name])


def test_a_run_that_is_stopped_after_every_step_comes_to_the_same_bits(begin, go_on, straight):
    run = begin()
    run.save()
    for step in range(1, SETTINGS.steps + 1):
        run = advance(go_on(), step)
        run.save()
    assert hash_of(run) == hash_of(straight)


@pytest.mark.parametrize("crash", [5, 7, 11, 22])
def test_after_a_crash_it_goes_on_from_the_last_save_and_logs_everything_once(begin, go_on, straight, crash):
    run = advance(begin(), crash)
    with (run.out / "log.jsonl").open("a") as file:
        file.write('{"step": 8, "loss": 0.0')
    resumed = go_on()
    assert resumed.step == {5: 4, 7: 4, 11: 10, 22: 20}[crash]
    assert max(step for (step,) in lines(resumed, "step")) <= resumed.step
    assert hash_of(advance(resumed)) == hash_of(straight)
    for names in (("step", "loss", "learning_rate"), ("step", "epoch", "validation", "grey", "truth")):
        assert lines(resumed, *names) == lines(straight, *names)


def test_what_is_logged_is_the_mean_loss_and_the_rate_of_the_last_step(begin):
    run = begin()
    losses = [step.loss for step in run.steps()]
    schedule = tc.optim.one_cycle(SETTINGS.learning_rate, SETTINGS.steps)
    wanted = [(step, np.mean(losses[step - 2 : step]), schedule(step - 1)) for step in range(2, SETTINGS.steps, 2)]
    np.testing.assert_allclose(lines(run, "step", "loss", "learning_rate"), wanted, rtol=1e-12)
    assert [line["step"] for line in run.log()] == [step for (step,) in lines(run, "step")]


def test_it_saves_and_reports_when_it_should(begin, monkeypatch):
    saved, page = [], []
    monkeypatch.setattr(runs.report, "write", lambda *arguments: page.append(arguments))
    monkeypatch.setattr(
        runs,
        "save_checkpoint",
        lambda path, network, progress, **rest: saved.append((path.name, progress["step"], *rest)),
    )
    monkeypatch.setattr(colorizing, "judge", lambda network, photos: {"ab_mae": 5.0})
    reported = [step.number for step in begin().steps() if step.scores]
    # An epoch has 5 steps, and there are at least 8 between two reports.
    assert reported == [10, 20, 23]
    assert [step for name, step, *_ in saved if name == "last.safetensors"] == [4, 8, 10, 12, 16, 20, 23]
    assert [step for name, step, *_ in saved if name == "best.safetensors"] == [10]
    assert [sorted(path.name for _, path in sheets) for *_, sheets in page] == [
        ["0000010.png"],
        ["0000010.png", "0000020.png"],
        ["0000010.png", "0000020.png", "0000023.png"],
    ]
    assert [log[-1]["step"] for *_, log, _ in page] == [10, 20, 23]


def test_a_sheet_shows_the_judged_photos_in_grey_as_predicted_and_as_they_are(begin, monkeypatch):
    drawn = {}

    def sheet(pictures):
        drawn.update(pictures)
        return b""

    monkeypatch.setattr(colorizing.report, "sheet", sheet)
    run = advance(begin())
    judged = [run.task.dataset.judging[number] for number in range(len(run.task.dataset.judging))]
    middles = [np.asarray(Image.open(path).resize((19, 16), Image.Resampling.LANCZOS))[:, 2:18] for path in judged]
    np.testing.assert_array_equal(drawn["truth"], middles)
    assert drawn["grey"].shape == drawn["predicted"].shape == drawn["truth"].shape
    assert np.ptp(drawn["grey"].astype(int), axis=-1).max() <= 1
    assert np.ptp(drawn["predicted"].astype(int), axis=-1).max() > 1


def test_best_is_the_best(begin, go_on, monkeypatch):
    scores, weights = iter([7.0, 6.0, 6.5, 7.0, 6.0, 6.5]), []

    def judge(network, photos):
        weights.append(network.state_dict())
        return {"ab_mae": next(scores)}

    monkeypatch.setattr(colorizing, "judge", judge)
    run = advance(begin())
    best = read_checkpoint(run.out / "best.safetensors")
    assert (best.progress["step"], best.progress["best"]) == (20, 6.0)
    for name, array in best.network.state_dict().items():
        np.testing.assert_array_equal(array, weights[1][name])
    assert any((array != weights[2][name]).any() for name, array in best.network.state_dict().items())

    # What was best is remembered when the run goes on.
    run = advance(begin("stopped"), 21)
    run.save()
    run = advance(go_on("stopped"))
    assert len(weights) == 6
    assert read_checkpoint(run.out / "best.safetensors").progress["step"] == 20


def test_a_run_that_is_done_has_nothing_left_to_do(begin, go_on):
    run = advance(begin())
    before = contents(run.out)
    resumed = go_on()
    assert list(resumed.steps()) == []
    assert contents(run.out) == before


def test_a_run_is_reproducible_and_hangs_on_its_seed(begin):
    settings = Settings(steps=3, size=16, batch=2)
    first, second = advance(begin("a", settings)), advance(begin("b", settings))
    other = advance(begin("c", Settings(steps=3, size=16, batch=2, seed=1)))
    assert hash_of(first) == hash_of(second)
    assert hash_of(first) != hash_of(other)


@pytest.mark.parametrize("loss", recipes.PLAIN)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("steps", [1, 2])
def test_every_loss_and_schedule_trains_even_for_a_step(begin, loss, schedule, steps):
    run = begin(settings=Settings(steps, size=16, batch=2, loss=loss, schedule=schedule))
    assert all(np.isfinite(step.loss) for step in run.steps())
    assert run.step == steps


@pytest.mark.parametrize(
    ("name", "way"),
    [("last.safetensors", "go on with it by --resume"), ("best.safetensors", "cannot"), ("log.jsonl", "cannot")],
)
def test_a_folder_that_holds_another_run_is_left_alone(begin, tmp_path, name, way):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_text("another run")
    with pytest.raises(runs.RunError, match=rf"holds a run already \({name}\): .*{way}"):
        begin()
    assert contents(tmp_path / "run") == {tmp_path / "run" / name: b"another run"}


@pytest.mark.parametrize("out", ["photos", "photos/run", "photos/../photos/run", "link/run"])
def test_a_run_among_the_photos_is_refused(photos, tmp_path, out):
    (tmp_path / "link").symlink_to(photos)
    before = contents(tmp_path)
    with pytest.raises(runs.RunError, match="lies among the photos"):
        runs.start(open_dataset(photos), tmp_path / out, SETTINGS)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("change", ["one more", "one less", "renamed"])
def test_other_photos_are_no_way_to_go_on(begin, go_on, photos, change):
    run = advance(begin(), 6)
    run.save()
    learned = run.task.dataset.learning[0]
    if change == "one more":
        # Some names go to the photos for judging: the first that does not.
        for number in range(100):
            save_photo(photos / f"new{number}.png", number)
            if len(open_dataset(photos).learning) > len(run.task.dataset.learning):
                break
    elif change == "one less":
        learned.unlink()
    else:
        learned.rename(photos / "another.png")
    before = contents(run.out)
    with pytest.raises(runs.RunError, match=r"the photos in .* are not those that .* began with"):
        go_on()
    assert contents(run.out) == before


def test_there_must_be_a_checkpoint_of_a_run_to_go_on(go_on, tmp_path):
    path = tmp_path / "run" / "last.safetensors"
    with pytest.raises(CheckpointError, match="no such file"):
        go_on()
    path.parent.mkdir()
    save_checkpoint(path, tc.networks.ColorUNet(widths=(4, 8)))
    with pytest.raises(runs.RunError, match="was not saved by a training run"):
        go_on()


def test_what_a_killed_process_left_is_swept(begin, go_on):
    run = advance(begin(), 4)
    orphans = [run.out / "last.safetensors.part", run.out / "sheets" / "0000010.png.part"]
    for orphan in orphans:
        orphan.write_text("half")
    go_on()
    assert not any(orphan.exists() for orphan in orphans)


def refuse(file):
    if not stat.S_ISDIR(os.fstat(file).st_mode):
        raise OSError(errno.ENOSPC, "No space left on device")


def test_on_a_full_disk_the_last_checkpoint_survives(begin, go_on, straight, monkeypatch):
    run = advance(begin(), 6)
    before = (run.out / "last.safetensors").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        for save in (run.save, lambda: advance(run)):
            with pytest.raises(OSError, match="No space left"):
                save()
    assert (run.out / "last.safetensors").read_bytes() == before
    assert not list(run.out.rglob("*.part"))
    assert hash_of(advance(go_on())) == hash_of(straight)


def test_photos_that_cannot_be_used_are_listed(photos, begin, tmp_path):
    (photos / "text\n.jpg").write_text("no photo")
    (photos / os.fsdecode(b"caf\xe9.jpg")).touch()
    Image.new("RGB", (30, 30), (9, 9, 9)).save(photos / "grey.png")
    save_photo(photos / "small.png", 1, (15, 40))
    save_photo(tmp_path / "elsewhere.png", 1)
    (photos / "link.png").symlink_to(tmp_path / "elsewhere.png")
    (photos / "gone.png").symlink_to(photos / "nowhere.png")
    (photos / "folder.png").mkdir()
    run = begin()
    assert "a link that leads out" in (run.out / "skipped.jsonl").read_text()
    advance(run)
    listed = [json.loads(line) for line in (run.out / "skipped.jsonl").read_text().splitlines()]
    reasons = {line["file"].removeprefix(f"{photos}/"): line["reason"] for line in listed}
    assert reasons == {
        "text\n.jpg": "no JPEG, PNG, WebP, BMP, TIFF or GIF",
        "caf\udce9.jpg": "no JPEG, PNG, WebP, BMP, TIFF or GIF",
        "grey.png": "grey: there is no colour to learn from",
        "small.png": "40 x 15 pixels, smaller than 16",
        "link.png": "a link that leads out of the folder",
        "gone.png": "no such file",
    }


@pytest.mark.parametrize(
    ("model", "loss", "heading"),
    [("color-unet", "l1", BROWN[0]), ("zhang", "rebalanced", BOLD[0]), ("zhang", "cross-entropy", BOLD[0])],
)
def test_the_page_explains_what_the_loss_leads_to(photos, model, loss, heading):
    settings = Settings(steps=1, size=16, batch=2, model=model, loss=loss, width=1 / 32)
    task = colorizing.Colorizing(open_dataset(photos), settings)
    assert [remark[0] for remark in task.words.remarks] == [heading]


def test_one_photo_has_to_do_for_both(tmp_path):
    save_photo(tmp_path / "photos" / "only.png", 1)
    run = advance(runs.start(open_dataset(tmp_path / "photos"), tmp_path / "run", SETTINGS))
    assert run.step == SETTINGS.steps
    assert run.task.judged.shape == (1, 16, 16, 3)


def test_where_no_photo_that_was_kept_for_judging_can_be_used_others_are_judged(photos, begin):
    judging = open_dataset(photos).judging
    for number in range(len(judging)):
        judging[number].write_text("no photo")
    run = begin()
    assert len(run.task.judged) == PHOTOS - len(judging)


def test_without_a_photo_that_can_be_used_there_is_no_run(photos, begin, tmp_path):
    for path in photos.iterdir():
        Image.new("RGB", (30, 30), (9, 9, 9)).save(path)
    with pytest.raises(NoPhotosError, match=r"12 were looked at and none can be used; .*grey: there is no colour"):
        begin()
    shutil.rmtree(photos)
    with pytest.raises(NotADirectoryError, match="is no folder"):
        begin()
    photos.mkdir()
    with pytest.raises(NoPhotosError, match=r"there are no photos in .*photos: name"):
        begin()
    assert not (tmp_path / "run").exists()


def test_a_folder_whose_name_is_no_text_is_named_in_letters(tmp_path):
    folder = tmp_path / os.fsdecode(b"caf\xe9\n")
    with pytest.raises(NotADirectoryError, match=r"caf.*n is no folder") as error:
        open_dataset(folder)
    assert str(error.value).isascii()
    folder.mkdir()
    with pytest.raises(NoPhotosError, match=r"no photos in .*caf") as error:
        open_dataset(folder)
    assert str(error.value).isascii()


def test_nan_stops_it_and_what_is_on_the_disk_is_from_before(begin, go_on, straight, monkeypatch):
    really, seen = colorizing.Colorizing.prepare, []

    def poisoned(task, photos):
        x, target = really(task, photos)
        seen.append(1)
        return (x * np.float32(np.nan), target) if len(seen) == 7 else (x, target)

    monkeypatch.setattr(colorizing.Colorizing, "prepare", poisoned)
    monkeypatch.setattr(
        colorizing.Batches, "ahead", lambda batches, steps, prepare: (prepare(batches[s]) for s in steps)
    )
    run = begin()
    with pytest.raises(NotFiniteError, match="step 7: the batch holds NaN"):
        advance(run)
    assert run.step == 6
    assert go_on().step == 4
    monkeypatch.setattr(colorizing.Colorizing, "prepare", really)
    assert hash_of(advance(go_on())) == hash_of(straight)


@pytest.mark.parametrize("rate", [1e8, 1e20, 1e38])
@pytest.mark.parametrize("steps", [1, 9])
def test_a_learning_rate_that_blows_up_is_named_whenever_it_shows(begin, rate, steps):
    run = begin(settings=Settings(steps, size=16, batch=2, learning_rate=rate, schedule="constant"))
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError, match=r"step \d+: .*smaller learning rate"):
        advance(run)
    for path in run.out.glob("*.safetensors"):
        read_checkpoint(path)
