"""What a person calls, on the pretend GPU: the same as on the CPU but for rounding, and its files go anywhere."""

import numpy as np
import pytest
from PIL import Image

import tinycolor as tc
from tinycolor.data.dataset import open_dataset
from tinycolor.evaluate import judge
from tinycolor.networks.colorizer import Colorizer
from tinycolor.training import recipes
from tinycolor.training import run as runs
from tinycolor.training.checkpoint import read_checkpoint
from tinycolor.training.loop import NotFiniteError
from tinycolor.training.settings import Settings

SETTINGS = Settings(steps=5, size=16, batch=2, learning_rate=1e-2)
DUEL = Settings(
    steps=4, model="pix2pix", width=1 / 32, size=16, batch=2, learning_rate=2e-4, optimizer="adam-gan", loss="l1+cgan"
)
BOTH = pytest.mark.parametrize("settings", [SETTINGS, DUEL], ids=["alone", "duel"])


@pytest.fixture(autouse=True)
def small(monkeypatch):
    def network(settings):
        return tc.networks.ColorUNet(widths=(4, 8), size=settings.size, seed=settings.seed)

    monkeypatch.setitem(recipes.COLORIZERS, "color-unet", recipes.Recipe(network, recipes.PLAIN))
    monkeypatch.setattr(runs.report, "write", lambda *arguments: None)


@pytest.fixture
def photos(tmp_path):
    for number in range(7):
        pixels = np.random.default_rng(number).integers(0, 256, (20, 24, 3)) * [1, 0.5, number % 2]
        path = tmp_path / "photos" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return tmp_path / "photos"


def losses(run, until=99):
    found = []
    for step in run.steps():
        found.append(step.loss)
        if step.number == until:
            break
    return found


@BOTH
@pytest.mark.usefixtures("cupy")
def test_a_run_learns_the_same_on_both_devices(photos, tmp_path, settings):
    with tc.precision("fp32"):
        there = runs.start(open_dataset(photos), tmp_path / "gpu", settings, "gpu")
        assert tc.array_module(there.learner.optimizer.data) is not np
        on_gpu = losses(there)
    on_cpu = losses(runs.start(open_dataset(photos), tmp_path / "cpu", settings))
    np.testing.assert_allclose(on_gpu, on_cpu, rtol=1e-3)
    scores = [run.log()[-1]["validation"]["ab_mae"] for run in (there, runs.resume(photos, tmp_path / "cpu"))]
    assert scores[0] == pytest.approx(scores[1], rel=1e-2)


@BOTH
@pytest.mark.usefixtures("cupy")
def test_a_run_goes_on_on_the_other_device(photos, tmp_path, settings):
    straight = losses(runs.start(open_dataset(photos), tmp_path / "straight", settings))
    begun = runs.start(open_dataset(photos), tmp_path / "run", settings)
    first = losses(begun, until=2)
    begun.save()
    with tc.precision("fp32"):
        rest = losses(runs.resume(photos, tmp_path / "run", "gpu"))
    np.testing.assert_allclose(first + rest, straight, rtol=1e-3)
    for array in read_checkpoint(tmp_path / "run" / runs.LAST).network.state_dict().values():
        assert isinstance(array, np.ndarray)


@BOTH
@pytest.mark.usefixtures("cupy")
def test_stopped_on_the_gpu_it_goes_on_there_to_the_same_bits(photos, tmp_path, settings):
    straight = runs.start(open_dataset(photos), tmp_path / "straight", settings, "gpu")
    losses(straight)
    begun = runs.start(open_dataset(photos), tmp_path / "run", settings, "gpu")
    losses(begun, until=3)
    begun.save()
    losses(runs.resume(photos, tmp_path / "run", "gpu"))
    one, other = (read_checkpoint(tmp_path / name / runs.LAST) for name in ("straight", "run"))
    for name, array in one.network.state_dict().items():
        np.testing.assert_array_equal(array, other.network.state_dict()[name])
    if settings is DUEL:
        assert all(plan.graph is not None for plan in straight.learner.duel.gpu.plans.values())
        for name, array in one.discriminator.state_dict().items():
            np.testing.assert_array_equal(array, other.discriminator.state_dict()[name])


@pytest.mark.usefixtures("cupy")
def test_a_rate_that_blows_up_is_named_there_too(photos, tmp_path):
    settings = Settings(steps=9, size=16, batch=2, learning_rate=1e20, schedule="constant")
    run = runs.start(open_dataset(photos), tmp_path / "run", settings, "gpu")
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError, match=r"step \d+: .*smaller learning rate"):
        losses(run)


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize(
    "make",
    [
        lambda: tc.networks.ColorUNet(widths=(4, 8), size=16),
        lambda: tc.networks.UNet(1, 2, "same", width=1 / 32, size=16),
        lambda: tc.networks.Zhang(1 / 32, size=16),
        lambda: tc.networks.Iizuka(3, 1 / 32, global_size=32, size=16),
        lambda: tc.networks.Pix2PixGenerator(1, 2, 4, 4),
    ],
    ids=["ColorUNet", "UNet", "Zhang", "Iizuka", "Pix2Pix"],
)
def test_photos_are_coloured_and_judged_there(make):
    network: Colorizer = make()
    twin = tc.to_device(network, "gpu")
    photo = np.random.default_rng(0).integers(0, 256, (21, 30, 3), dtype=np.uint8)
    with tc.precision("fp32"):
        assert abs(tc.colorize(photo, twin).astype(int) - tc.colorize(photo, network)).max() <= 1
        photos = [photo[:16, :16], photo[4:20, 8:24]]
        assert judge(twin, photos)["ab_mae"] == pytest.approx(judge(network, photos)["ab_mae"], rel=1e-3)
