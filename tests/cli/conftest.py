"""What the tests of the commands share: a way to run one, a few photos, and a small network that colours them."""

import errno
import os
import stat

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

import tinycolor as tc
from tinycolor.cli import main
from tinycolor.training import recipes
from tinycolor.training import run as runs
from tinycolor.training.checkpoint import save_checkpoint

SIZE = 16
ORANGE = 0.15, 0.4  # a* and b*, of 110


@pytest.fixture
def run():
    """Return a function that runs a command, and returns what a person would have read."""

    def call(*arguments, code=0):
        result = CliRunner().invoke(main, [os.fspath(argument) for argument in arguments])
        assert result.exc_info[0] in (None, SystemExit), result.exc_info[1]
        assert result.exit_code == code, result.output
        assert all(letter.isprintable() or letter == "\n" for letter in result.output)
        return result.output

    return call


@pytest.fixture
def train(run, tmp_path, monkeypatch):
    """Return a function that trains a network of a few hundred weights, for ten steps if nothing else is said."""

    def network(settings):
        return tc.networks.ColorUNet(widths=(4, 8), size=settings.size, seed=settings.seed)

    monkeypatch.setitem(recipes.COLORIZERS, "color-unet", recipes.Recipe(network, recipes.PLAIN))
    monkeypatch.setattr(runs.report, "write", lambda *arguments: None)

    def call(folder, *options, out=tmp_path / "run", steps=10, code=0):
        return run("train", folder, "--out", out, f"--steps={steps}", "--size=16", "--batch=2", *options, code=code)

    return call


@pytest.fixture
def save_photo():
    """Return a function that saves random colours, of another kind in every photo."""

    def save(path, number=0, shape=(20, 24), **options):
        mix = np.array([1, number % 3 / 2, number % 5 / 4])
        pixels = np.random.default_rng(number).integers(0, 256, (*shape, 3)) * mix
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path, **options)

    return save


@pytest.fixture
def photos(tmp_path, save_photo):
    """A folder with twelve photos."""
    for number in range(12):
        save_photo(tmp_path / "photos" / f"{number}.png", number)
    return tmp_path / "photos"


@pytest.fixture(scope="session")
def painter():
    """A network that paints everything in some kind of orange."""
    network = tc.networks.ColorUNet(widths=(4, 8), size=SIZE)
    network.head.bias.data[:] = ORANGE
    return network


@pytest.fixture(scope="session")
def checkpoint(painter, tmp_path_factory):
    path = tmp_path_factory.mktemp("trained") / "best.safetensors"
    save_checkpoint(path, painter)
    return path


@pytest.fixture
def contents():
    """Return a function that gives every file below a folder with its bytes, and every folder."""
    return lambda folder: {path: path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


@pytest.fixture
def full_disk(monkeypatch):
    """Return a function that lets so many more files reach the disk, and no other."""
    really = os.fsync

    def after(files):
        left = iter(range(files))

        def fsync(file):
            if not stat.S_ISDIR(os.fstat(file).st_mode) and next(left, None) is None:
                raise OSError(errno.ENOSPC, "No space left on device")
            really(file)

        monkeypatch.setattr(os, "fsync", fsync)

    return after
