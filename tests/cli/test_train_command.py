"""``tinycolor train``: in a process of its own where it is stopped, in this one where it is not."""

import math
import os
import signal
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.training import colorizing, recipes
from tinycolor.training import run as runs
from tinycolor.training.checkpoint import read_checkpoint

STEPS, STOP = 30, 13
LAST = "last.safetensors"

# The command with a small network. Where there is a file "hold", the loss of step 13 waits until there is a file "go".
COMMAND = f"""#!{sys.executable}
import itertools, signal, time
from pathlib import Path
import tinycolor as tc
from tinycolor.cli import main
from tinycolor.training import recipes
from tinycolor.training import run as runs

def mse(y, target, calls=itertools.count(1)):
    if next(calls) == {STOP} and Path("hold").exists():
        print("holding", flush=True)
        while not Path("go").exists():
            time.sleep(0.01)
    return tc.losses.mse(y, target)

def network(settings):
    return tc.networks.ColorUNet(widths=(4, 8), size=settings.size, seed=settings.seed)

recipes.COLORIZERS["color-unet"] = recipes.Recipe(network, {{**recipes.PLAIN, "mse": lambda photos: mse}})
# In the background, where a shell may have put all of this, it would be ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
runs.REPORT_AFTER = 8
runs.report.write = lambda *arguments: None
main(prog_name="tinycolor")
"""


def weights(run):
    return {name: array.tobytes() for name, array in read_checkpoint(run / LAST).network.state_dict().items()}


@pytest.fixture
def place(tmp_path, photos, monkeypatch):
    """A folder to work in: the names there are such as a shell would take apart, and the command is at hand."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "tinycolor").write_text(COMMAND)
    (tmp_path / "bin" / "tinycolor").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.chdir(tmp_path)
    photos.rename("[all] my photos :car:")
    return tmp_path


@pytest.fixture
def held(place):
    """A run in another process that waits within step 13."""
    (place / "hold").touch()
    settings = [f"--steps={STEPS}", "--size=16", "--batch=2"]
    command = ["tinycolor", "train", "[all] my photos :car:", "--out", "it's a run", *settings]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as child:
        late = threading.Timer(120, child.kill)
        late.start()
        child.said = read_until(child, "holding")
        yield child
        child.kill()
        late.cancel()


def read_until(child, line):
    said = []
    while not said or line not in said[-1]:
        said.append(child.stdout.readline())
        assert said[-1], said
    return said


def stop(child, place, number):
    """Send a signal into step 13, let the step end, and return the last line."""
    child.send_signal(number)
    read_until(child, "Finishing this step. Once more stops at once.")
    (place / "go").touch()
    said = child.communicate()[0]
    assert all(letter.isprintable() or letter == "\n" for letter in "".join(child.said) + said)
    assert read_checkpoint(place / "it's a run" / LAST).progress["step"] == STOP
    return said.splitlines()[-1]


def test_after_ctrl_c_the_command_that_it_prints_goes_on_to_the_same_weights(held, train, place):
    saved, _, command = stop(held, place, signal.SIGINT).partition(" To go on: ")
    assert held.returncode == 130
    assert saved == f"Saved at step {STOP}."
    resumed = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=120, check=False)
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert resumed.stderr == ""
    train("[all] my photos :car:", out=place / "straight", steps=STEPS)
    assert read_checkpoint(place / "it's a run" / LAST).progress["step"] == STEPS
    assert weights(place / "it's a run") == weights(place / "straight")


def test_sigterm_saves_as_well(held, place):
    assert stop(held, place, signal.SIGTERM).startswith(f"Saved at step {STOP}. To go on: tinycolor train ")
    assert held.returncode == 143


def test_a_second_ctrl_c_stops_at_once_and_leaves_what_was_saved_before(held, place):
    held.send_signal(signal.SIGINT)
    read_until(held, "Finishing this step")
    held.send_signal(signal.SIGINT)
    said = held.communicate()[0]
    assert held.returncode == 130
    assert said.endswith("Stopped.\n")
    assert "Traceback" not in said
    assert read_checkpoint(place / "it's a run" / LAST).progress["step"] == 10
    assert not list(place.rglob("*.part"))


def test_ctrl_c_before_the_first_step_has_nothing_to_save(train, photos, tmp_path, monkeypatch):
    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(colorizing, "baselines", stopped)
    assert train(photos, code=130).endswith("\nStopped.\n")
    assert not (tmp_path / "run").exists()


def test_it_tells_how_well_it_colours_and_leaves_a_run(train, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "REPORT_AFTER", 6)
    (photos / "text.jpg").write_text("no photo")
    first, report, second, bar, skipped, done = train(photos).splitlines()
    assert first == "Photos: 12 to learn from, 1 kept for judging."
    assert report.startswith("step 6: ab MAE ")
    assert second.startswith("step 10: ab MAE ")
    assert bar.startswith("step 10/10 ")
    assert "nan" not in bar
    assert skipped == f"Photos that could not be used: 1; {tmp_path}/run/skipped.jsonl says why."
    assert (
        done
        == f"Done. The best network: {tmp_path}/run/best.safetensors. Curves and samples: {tmp_path}/run/index.html"
    )
    assert {path.name for path in (tmp_path / "run").iterdir()} == {
        "best.safetensors",
        "last.safetensors",
        "log.jsonl",
        "sheets",
        "skipped.jsonl",
    }


def test_epochs_or_steps_say_how_long(run, train, photos, tmp_path):
    train(photos, steps=3, out=tmp_path / "steps")
    assert read_checkpoint(tmp_path / "steps" / LAST).progress["settings"]["steps"] == 3
    settings = ["--size=16", "--batch=2"]
    run("train", photos, "--out", tmp_path / "epochs", "--epochs=2", *settings)
    assert read_checkpoint(tmp_path / "epochs" / LAST).progress["settings"]["steps"] == 10
    printed = run("train", photos, "--out", tmp_path / "both", "--epochs=2", "--steps=3", *settings, code=2)
    assert "--epochs and --steps both say how long: give one of them." in printed
    assert not (tmp_path / "both").exists()


def test_a_run_goes_on_with_the_options_that_it_began_with(run, train, photos, tmp_path):
    train(photos, "--seed=3")
    printed = train(photos, "--resume", code=2)
    assert "leave out --steps, --size, --batch." in printed
    assert "Done." in run("train", photos, "--out", tmp_path / "run", "--resume")
    assert read_checkpoint(tmp_path / "run" / LAST).progress["settings"]["seed"] == 3


@pytest.mark.parametrize(
    "option",
    [
        "--size=7",
        "--steps=0",
        "--batch=0",
        "--learning-rate=0",
        "--learning-rate=nan",
        "--learning-rate=inf",
        "--loss=x",
    ],
)
def test_an_option_that_cannot_be_is_named(train, photos, tmp_path, option):
    assert f"Invalid value for '{option.partition('=')[0]}'" in train(photos, option, code=2)
    assert not (tmp_path / "run").exists()


def test_help_says_how_a_batch_of_one_is_normalised(run):
    assert "Of 1, pix2pix normalises each picture by itself (instance norm)." in " ".join(
        run("train", "--help").split()
    )


def test_a_size_that_the_network_cannot_halve_is_named(train, photos, tmp_path):
    assert "size=17, expected a multiple of 2." in train(photos, "--size=17", code=1)
    assert not (tmp_path / "run").exists()


def test_photos_that_have_changed_are_no_way_to_go_on(run, train, photos, save_photo, contents, tmp_path):
    train(photos)
    for number in range(30):
        save_photo(photos / f"new{number}.png", number)
    before = contents(tmp_path)
    printed = run("train", photos, "--out", tmp_path / "run", "--resume", code=1)
    assert (
        f"the photos in {photos} are not those that {tmp_path}/run began with: put them back, or start a new" in printed
    )
    assert contents(tmp_path) == before


def test_on_a_full_disk_the_checkpoint_survives_and_the_run_can_go_on(
    run, train, photos, tmp_path, monkeypatch, full_disk
):
    train(photos, out=tmp_path / "straight")
    monkeypatch.setattr(runs, "SAVE_EVERY", 4)
    full_disk(2)  # there is room for skipped.jsonl and for the checkpoint of step 4
    printed = train(photos, code=1)
    assert printed.endswith(f"\nError: could not write to {tmp_path}/run: No space left on device.\n")
    assert read_checkpoint(tmp_path / "run" / LAST).progress["step"] == 4
    assert not list(tmp_path.rglob("*.part"))
    full_disk(100)
    run("train", photos, "--out", tmp_path / "run", "--resume")
    assert weights(tmp_path / "run") == weights(tmp_path / "straight")


def test_numbers_that_are_too_large_are_named_by_layer_and_step_and_warned_of_by_nobody(train, photos, tmp_path):
    printed = train(photos, "--learning-rate=1e30", "--schedule=constant", code=1)
    *_, sentence = printed.splitlines()
    assert sentence.startswith("Error: step 2: layer levels.0.")
    assert sentence.endswith(" gave NaN or infinity: try a smaller learning rate.")
    assert "Warning" not in printed
    assert not list(tmp_path.rglob("*.safetensors"))


def test_after_nan_the_checkpoint_from_before_is_named_and_whole(train, photos, tmp_path, monkeypatch):
    train(photos, out=tmp_path / "short", steps=4, code=0)

    def poisoned(y, target):
        loss, dy = tc.losses.mse(y, target)
        steps.append(loss)
        return (np.float32(math.nan), dy * np.float32(math.nan)) if len(steps) == 7 else (loss, dy)

    steps = []
    monkeypatch.setitem(recipes.PLAIN, "mse", lambda photos: poisoned)
    monkeypatch.setattr(runs, "SAVE_EVERY", 4)
    *_, sentence = train(photos, code=1).splitlines()
    assert sentence.startswith("Error: step 7: ")
    assert sentence.endswith(f": try a smaller learning rate. {tmp_path}/run/last.safetensors is from before it.")
    assert read_checkpoint(tmp_path / "run" / LAST).progress["step"] == 4
    for array in read_checkpoint(tmp_path / "run" / LAST).network.state_dict().values():
        assert np.isfinite(array).all()


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        ((), "this"),
        (("Unable to allocate 137. GiB",), "this (Unable to allocate 137. GiB)"),
        (("8 inputs are too many: about 5 at a time would fit.",), "this (8 inputs are too many: about 5 at a time "
         "would fit)"),
    ],
)  # fmt: skip
def test_too_large_for_the_memory_is_one_sentence_with_its_cause(train, photos, monkeypatch, cause, said):
    def too_large(*arguments, **rest):
        raise MemoryError(*cause)

    monkeypatch.setattr(colorizing, "Batches", partial(too_large))
    assert train(photos, code=1).endswith(
        f"\nError: there is not enough memory for {said}: try smaller pictures or batches.\n"
    )
