"""Every colorizer by the commands alone: trained, stopped, resumed to the same bits, and used."""

import numpy as np
import pytest
from PIL import Image

from tinycolor.training import run as runs
from tinycolor.training.checkpoint import read_checkpoint
from tinycolor.training.recipes import COLORIZERS

SMALL = ["--width=0.03", "--size=32", "--batch=2"]


@pytest.fixture
def scenes(tmp_path):
    """Photos in one folder per kind of scene, which Iizuka's network learns from too."""
    for scene in ("beach", "forest"):
        for number in range(4):
            colours = np.random.default_rng(number).integers(0, 256, (44, 48, 3)) * [1, scene == "beach", 0.5]
            path = tmp_path / "photos" / scene / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(colours.astype(np.uint8)).save(path)
    return tmp_path / "photos"


def state(folder):
    checkpoint = read_checkpoint(folder / runs.LAST)
    assert checkpoint.progress["step"] == 3
    return {
        name: array.tobytes()
        for arrays in (checkpoint.network.state_dict(), checkpoint.optimizer_state)
        for name, array in arrays.items()
    } | {
        f"discriminator {name}": array.tobytes()
        for arrays in (
            checkpoint.discriminator.state_dict() if checkpoint.discriminator else {},
            checkpoint.discriminator_optimizer_state,
        )
        for name, array in arrays.items()
    }


@pytest.mark.parametrize("model", COLORIZERS)
def test_it_learns_goes_on_to_the_same_bits_and_colours(run, scenes, tmp_path, monkeypatch, model):
    monkeypatch.setattr(runs.report, "write", lambda *arguments: None)
    command = ["train", scenes, "--model", model, *SMALL, "--steps=3"]
    run(*command, "--out", tmp_path / "straight")
    # As if killed after step 1: nothing but its checkpoint and its log are there.
    monkeypatch.setattr(runs, "SAVE_EVERY", 1)

    def killed(run):
        if run.step == 2:
            raise KeyboardInterrupt
        return keep(run)

    keep = runs.Run._keep
    monkeypatch.setattr(runs.Run, "_keep", killed)
    run(*command, "--out", tmp_path / "stopped", code=130)
    assert read_checkpoint(tmp_path / "stopped" / runs.LAST).progress["step"] == 1
    monkeypatch.setattr(runs.Run, "_keep", keep)
    run("train", scenes, "--out", tmp_path / "stopped", "--resume")
    assert state(tmp_path / "stopped") == state(tmp_path / "straight")

    best = tmp_path / "straight" / runs.BEST
    assert "network" in run("evaluate", scenes, "--checkpoint", best)
    Image.fromarray((np.arange(37 * 61) % 256).astype(np.uint8).reshape(37, 61)).save(tmp_path / "old.png")
    run("colorize", tmp_path / "old.png", "--checkpoint", best, "--out", tmp_path / "coloured")
    with Image.open(tmp_path / "coloured" / "old.png") as coloured:
        assert coloured.size == (61, 37)
        assert coloured.mode == "RGB"


def test_only_iizukas_network_is_told_the_scenes(run, scenes, tmp_path, monkeypatch):
    monkeypatch.setattr(runs.report, "write", lambda *arguments: None)
    for model, classes in (("iizuka", 2), ("iizuka-baseline", 0)):
        run("train", scenes, "--model", model, *SMALL, "--steps=1", "--out", tmp_path / model)
        assert read_checkpoint(tmp_path / model / runs.LAST).progress["settings"]["classes"] == classes
    assert read_checkpoint(tmp_path / "iizuka" / runs.LAST).network.options["scene_classes"] == 2
    # In a folder without folders there are no kinds of scenes.
    run("train", scenes / "beach", "--model=iizuka", *SMALL, "--steps=1", "--out", tmp_path / "one")
    assert read_checkpoint(tmp_path / "one" / runs.LAST).network.options["scene_classes"] is None


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--model=zhang", "--loss=mse"], "--model zhang got --loss mse, expected one of rebalanced, cross-entropy."),
        (["--model=fcn8s"], "--task colorize got --model fcn8s, expected one of color-unet, unet"),
        (["--model=iizuka", "--size=36"], "Iizuka got size=36, expected a multiple of 8."),
    ],
)
def test_what_does_not_go_together_is_one_sentence(run, scenes, tmp_path, options, sentence):
    said = run("train", scenes, *SMALL, *options, "--steps=1", "--out", tmp_path / "run", code=1)
    assert said.splitlines()[-1].startswith(f"Error: {sentence}")
    assert not (tmp_path / "run").exists()
