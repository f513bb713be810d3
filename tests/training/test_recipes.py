import numpy as np
import pytest

import tinycolor as tc
from tinycolor import losses
from tinycolor.data.dataset import Dataset
from tinycolor.data.folder import PhotoFolder
from tinycolor.layers.norm import BatchNorm2d, InstanceNorm2d
from tinycolor.training.recipes import COLORIZERS, MODELS, SEGMENTERS, discriminator_for, settings_for
from tinycolor.training.settings import OPTIMIZERS, SCHEDULES, Settings, thirds

EVERY_LOSS = [(model, loss) for model, recipe in COLORIZERS.items() for loss in recipe.losses]
SAMPLE = np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), dtype=np.uint8)


@pytest.fixture
def dataset(tmp_path):
    names = [f"{folder}/{number}.png".encode() for folder in ("day", "dusk", "night") for number in range(30)]
    return Dataset(PhotoFolder(tmp_path, names[:80]), PhotoFolder(tmp_path, names[80:]), {})


def test_zhangs_schedule_falls_to_a_third_and_to_a_tenth():
    # The paper: 3e-5, from 200,000 of 450,000 steps on 1e-5, from 375,000 on 3e-6.
    schedule = thirds(3e-5, 450_000)
    rates = [schedule(step) for step in (0, 199_999, 200_000, 374_999, 375_000, 449_999)]
    np.testing.assert_allclose(rates, [3e-5, 3e-5, 1e-5, 1e-5, 3e-6, 3e-6])


@pytest.mark.parametrize("model", COLORIZERS)
def test_a_colorizer_gets_its_own_settings_where_nothing_is_said(dataset, model):
    settings = settings_for(dataset, None, 3, task="colorize", model=model, loss=None, batch=None, seed=1)
    recipe = COLORIZERS[model]
    assert settings.model == model
    assert settings.loss == next(iter(recipe.losses))
    assert settings.optimizer == recipe.optimizer in OPTIMIZERS
    assert settings.schedule == recipe.schedule in SCHEDULES
    assert (settings.learning_rate, settings.batch) == (recipe.learning_rate, recipe.batch)
    assert settings.steps == 3 * max(1, 80 // recipe.batch)
    assert settings.classes == (3 if recipe.scenes else 0)


def test_what_is_said_goes_before(dataset):
    said = {"task": "colorize", "model": "zhang-l2", "loss": "l1", "batch": 7, "optimizer": "sgd", "learning_rate": 0.5}
    settings = settings_for(dataset, 11, 3, **said)
    assert settings == Settings(11, schedule="thirds", **said)


def test_colorunet_is_what_colours_and_a_unet_what_segments(dataset):
    assert settings_for(dataset, 1, 1, task="colorize", model=None) == Settings(1)
    assert settings_for(dataset, 1, 1, task="segment", model=None, classes=4).model == "unet"


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"task": "segment", "model": "zhang", "classes": 3}, "--task segment got --model zhang, expected one of unet"),
        ({"task": "colorize", "model": "fcn8s"}, "--task colorize got --model fcn8s, expected one of color-unet"),
        ({"task": "colorize", "model": "zhang", "loss": "mse"}, "--model zhang got --loss mse, expected one of rebal"),
        ({"task": "segment", "model": None, "classes": None}, "--task segment got no --classes: say how many"),
        ({"task": "colorize", "model": None, "classes": 3}, "--task colorize got --classes, which is for --task segm"),
        ({"task": "translate", "model": None, "classes": 3}, "got --classes, which is for --task segment: leave it"),
        ({"task": "colorize", "model": None, "ignored": (7,)}, "got --ignore, which is for --task segment or transl"),
        ({"task": "segment", "classes": 3, "direction": "b-to-a"}, "got --direction, which is for --task translate"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(dataset, said, sentence):
    with pytest.raises(ValueError, match=sentence):
        settings_for(dataset, 1, 1, **said)


@pytest.mark.parametrize(("model", "loss"), EVERY_LOSS)
def test_every_colorizer_learns_from_a_batch_with_every_loss_of_its(model, loss):
    """One step of plain descent along its gradient, small enough, makes the loss of the same batch smaller."""
    recipe = COLORIZERS[model]
    settings = Settings(1, model=model, width=1 / 32, size=32, classes=3 if recipe.scenes else 0)
    network = recipe.network(settings).astype("float64")
    lab = np.random.default_rng(1).uniform((0, -50, -50), (100, 50, 50), (2, 32, 32, 3))
    x, target = network.question(lab[..., :1]), network.target(lab[..., 1:])
    if recipe.scenes:
        target = target, np.array([0, 2])
    loss_function = recipe.losses[loss](lambda: SAMPLE)

    def step():
        y, backward = network(x)
        value, dy = loss_function(y, target)
        backward(*dy) if isinstance(dy, tuple) else backward(dy)
        return float(value)

    before = step()
    length = sum((parameter.grad**2).sum() for parameter in network.parameters())
    assert length > 0
    for parameter in network.parameters():
        parameter.data -= 1e-8 / length * parameter.grad
    # To first order the loss falls by the 1e-8 that was asked for.
    assert before - step() == pytest.approx(1e-8, rel=0.05)


def test_only_known_pixels_count_in_segmentation():
    rng = np.random.default_rng(2)
    logits, labels = rng.normal(size=(2, 5, 4, 3)), rng.integers(0, 3, (2, 5, 4)).astype(np.uint8)
    labels[0, :3], labels[1, 0, 0] = 255, 3
    known = labels < 3
    loss, dy = SEGMENTERS["unet"].losses["cross-entropy"](lambda: SAMPLE)(logits, labels)
    wanted, wanted_dy = losses.cross_entropy(logits[known], labels[known])
    assert loss == pytest.approx(wanted)
    np.testing.assert_allclose(dy[known], wanted_dy)
    assert not dy[~known].any()


def test_where_no_pixel_is_known_nothing_is_learned():
    loss, dy = SEGMENTERS["unet"].losses["cross-entropy"](lambda: SAMPLE)(
        np.ones((1, 4, 4, 3), np.float32), np.full((1, 4, 4), 255, np.uint8)
    )
    assert loss == 0
    assert not dy.any()


@pytest.mark.parametrize("model", SEGMENTERS)
def test_every_segmenter_gives_scores_of_the_classes(model):
    network = SEGMENTERS[model].network(Settings(1, task="segment", model=model, classes=5, width=1 / 32, size=32))
    assert network.predict(np.zeros((1, 36, 40, 3), np.float32)).shape == (1, 36, 40, 5)


@pytest.mark.parametrize("task", ["colorize", "translate"])
@pytest.mark.parametrize(
    ("size", "levels", "layers", "patch"),
    [
        (512, 8, 3, 70),
        (256, 8, 3, 70),  # the paper's U-Net-256 and 70 x 70 discriminator
        (128, 7, 2, 34),
        (192, 6, 2, 34),
        (64, 6, 1, 16),
        (96, 5, 1, 16),
        (32, 5, 1, 16),
        (16, 4, 1, 16),
    ],
)
def test_pix2pix_is_as_deep_as_the_pictures_are_large(task, size, levels, layers, patch):
    settings = Settings(1, task=task, model="pix2pix", loss="l1+cgan", size=size, width=1 / 64)
    recipe = MODELS[task]["pix2pix"]
    generator, discriminator = recipe.network(settings), discriminator_for(recipe, settings)
    given, answered = (1, 2) if task == "colorize" else (3, 3)
    assert generator.options["levels"] == levels
    assert (generator.in_channels, generator.options["out_channels"], generator.size) == (given, answered, size)
    assert (discriminator.options["layers"], discriminator.in_channels) == (layers, given + answered)
    assert tc.receptive_field(discriminator) == (patch, patch)


@pytest.mark.parametrize(("batch", "norm"), [(1, InstanceNorm2d), (2, BatchNorm2d), (4, BatchNorm2d)])
def test_pix2pix_in_batches_of_one_normalises_each_picture_by_itself(batch, norm):
    generator = COLORIZERS["pix2pix"].network(Settings(1, model="pix2pix", size=16, width=1 / 64, batch=batch))
    found = {type(layer) for _, layer in generator.walk()}
    assert found & {BatchNorm2d, InstanceNorm2d} == {norm}


def test_what_kind_of_pairs_they_are_is_kept_with_the_settings(tmp_path):
    for name in ("photos", "labels", "A", "B"):
        (tmp_path / name).mkdir()
    for name, kind in (("photos", "label map and photo"), ("A", "A and B"), ("plain", "left and right half")):
        pairs = Dataset(*[PhotoFolder(tmp_path / name, [b"a.png"])] * 2, {})
        assert settings_for(pairs, 1, 1, task="translate").pairs == kind
        assert settings_for(pairs, 1, 1, task="colorize").pairs == ""


def test_models_have_names_of_their_own_task():
    assert set(MODELS) == {"colorize", "segment", "translate"}
    assert all(recipe.losses for table in MODELS.values() for recipe in table.values())
