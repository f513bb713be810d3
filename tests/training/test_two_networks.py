"""A run of two networks: what it saves, that it resumes to the same bits, and what its page makes of the duel."""

import json
import math
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.numpy import save

import tinycolor as tc
from tinycolor.data import scenes
from tinycolor.data.dataset import open_dataset, open_picture_pairs
from tinycolor.networks import PatchDiscriminator, Pix2PixGenerator
from tinycolor.training import checkpoint as checkpoints
from tinycolor.training import run as runs
from tinycolor.training.checkpoint import CheckpointError, read_checkpoint, save_checkpoint
from tinycolor.training.loop import NotFiniteError
from tinycolor.training.recipes import settings_for
from tinycolor.training.settings import Settings

SETTINGS = Settings(
    steps=12,
    model="pix2pix",
    width=1 / 32,
    size=16,
    batch=2,
    learning_rate=2e-4,
    schedule="linear",
    optimizer="adam-gan",
    loss="l1+cgan",
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    for number, photo in enumerate(scenes.draw(41, 24, tc.Generator(0)).photo):
        Image.fromarray(photo).save(folder / f"{number}.png")
    return folder


def start(photos, out, settings=SETTINGS):
    return runs.start(open_dataset(photos), out, settings)


def changed(**said):
    return Settings(**{**vars(SETTINGS), **said})


def learner(photos, settings):
    return runs.learner(runs.Colorizing(open_dataset(photos), settings), settings, "cpu")


def advance(run, until=None):
    for step in run.steps():
        if step.number == until:
            break
    return run


def states(run):
    """All that both networks and both optimizers hold."""
    learner = run.learner
    parts = (learner.generator, learner.discriminator, learner.optimizer, learner.discriminator_optimizer)
    return [{name: np.asarray(array) for name, array in part.state_dict().items()} for part in parts]


def assert_same_bits(ours, theirs):
    for one, other in zip(ours, theirs, strict=True):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.fixture(scope="module")
def straight(photos, tmp_path_factory):
    return advance(start(photos, tmp_path_factory.mktemp("straight") / "run"))


@pytest.mark.parametrize("stop", [1, 2, 5, 7, 11])
def test_stopped_anywhere_it_goes_on_to_the_same_bits_of_both_networks(photos, tmp_path, straight, stop):
    run = advance(start(photos, tmp_path / "run"), stop)
    run.save()
    resumed = runs.resume(photos, tmp_path / "run")
    assert resumed.step == stop
    assert_same_bits(states(resumed), states(run))
    assert_same_bits(states(advance(resumed)), states(straight))


def test_both_networks_learn_and_another_seed_gives_others(photos, tmp_path, straight):
    fresh = states(start(photos, tmp_path / "fresh"))
    for before, after in zip(fresh[:2], states(straight)[:2], strict=True):
        assert all((before[name] != after[name]).any() for name in before)
    other = states(advance(start(photos, tmp_path / "other", changed(seed=1))))
    assert all((other[0][name] != states(straight)[0][name]).any() for name in other[0])


def test_one_file_holds_all_that_is_needed_and_the_best_one_the_generator_alone(straight):
    last = read_checkpoint(straight.out / "last.safetensors")
    assert type(last.network) is Pix2PixGenerator
    assert type(last.discriminator) is PatchDiscriminator
    assert last.optimizer_state["steps"] == last.discriminator_optimizer_state["steps"] == SETTINGS.steps
    best = read_checkpoint(straight.out / "best.safetensors")
    assert type(best.network) is Pix2PixGenerator
    assert best.discriminator is None
    assert not best.discriminator_optimizer_state


def test_the_log_holds_the_figures_of_the_duel(photos, tmp_path, monkeypatch):
    monkeypatch.setattr(runs, "LOG_EVERY", 4)
    run = advance(start(photos, tmp_path / "run"))
    lines = [json.loads(line) for line in (run.out / "log.jsonl").read_text().splitlines()]
    losses, reports = [line for line in lines if "loss" in line], [line for line in lines if "validation" in line]
    assert [line["step"] for line in losses] == [4, 8, 12]
    for line in losses:
        assert line["loss"] == pytest.approx(line["adversarial"] + 100 * line["reconstruction"], rel=1e-5)
        assert 0 <= line["real_accuracy"] <= 1
        assert 0 <= line["fake_accuracy"] <= 1
    assert abs(losses[0]["discriminator"] - 2 * math.log(2)) < 0.5
    assert abs(losses[0]["adversarial"] - math.log(2)) < 0.5
    assert 0 <= reports[-1]["validation"]["variety"] < 1
    page = (run.out / "index.html").read_text()
    for text in ("Two losses", "Accuracy of the discriminator", "Verdict: ", "2 log 2"):
        assert text in page


def test_without_a_discriminator_the_same_generator_learns_from_l1_alone(photos, tmp_path):
    run = advance(start(photos, tmp_path / "run", changed(loss="l1")))
    assert read_checkpoint(run.out / "last.safetensors").discriminator is None
    assert "Verdict" not in (run.out / "index.html").read_text()


def test_a_generator_whose_discriminator_is_gone_does_not_go_on(photos, tmp_path):
    run = advance(start(photos, tmp_path / "run"), 2)
    save_checkpoint(
        run.out / "last.safetensors", run.task.network, optimizer=run.learner.optimizer, progress=run._progress()
    )
    with pytest.raises(ValueError, match="holds no discriminator"):
        runs.resume(photos, tmp_path / "run")


def test_nan_stops_the_duel_and_leaves_the_last_file_whole(photos, tmp_path):
    run = advance(start(photos, tmp_path / "run"), 3)
    run.save()
    before = (run.out / "last.safetensors").read_bytes()
    run.learner.discriminator.parameters()[0].data *= np.float32(np.nan)
    with pytest.raises(NotFiniteError, match="step 4, PatchDiscriminator"):
        advance(run)
    assert (run.out / "last.safetensors").read_bytes() == before


def test_every_bit_of_the_file_counts(photos, tmp_path):
    run = advance(start(photos, tmp_path / "run"), 1)
    run.save()
    path = run.out / "last.safetensors"
    content = bytearray(path.read_bytes())
    for place in np.random.default_rng(0).integers(0, len(content), 40):
        changed = bytearray(content)
        changed[place] ^= 1
        path.write_bytes(changed)
        with pytest.raises(CheckpointError):
            read_checkpoint(path)


def forged(path, **texts):
    """Write a file anew with other texts; its digest is right."""
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        held = {**file.metadata(), **texts}
    del held["digest"]
    path.write_bytes(save(tensors, {**held, "digest": checkpoints._digest(held, tensors)}))


@pytest.mark.parametrize(
    ("texts", "says"),
    [
        ({"discriminator": "Nobody"}, "holds 'Nobody', expected one of"),
        ({"discriminator": "ColorUNet"}, "holds no ColorUNet that can be built"),
        ({"discriminator_options": "{"}, "holds no PatchDiscriminator that can be built"),
        ({"discriminator_options": '{"in_channels": 3, "layers": 900000000}'}, "holds no PatchDiscriminator"),
        ({"discriminator_options": '{"in_channels": 4}'}, "holds no PatchDiscriminator that can be built"),
        ({"options": '{"levels": 900000000}'}, "holds no Pix2PixGenerator that can be built"),
        ({"progress": "[1"}, "tells nothing of its progress"),
    ],
)
def test_a_forged_file_is_refused(photos, tmp_path, texts, says):
    run = start(photos, tmp_path / "run")
    run.save()
    forged(run.out / "last.safetensors")
    read_checkpoint(run.out / "last.safetensors")
    forged(run.out / "last.safetensors", **texts)
    with pytest.raises(CheckpointError, match=re.escape(says)):
        read_checkpoint(run.out / "last.safetensors")


def test_a_run_does_not_write_among_the_other_pictures_of_its_pairs(photos, tmp_path):
    for side in "AB":
        shutil.copytree(photos, tmp_path / side)
    settings = changed(task="translate", direction="a-to-b")
    for out in (tmp_path / "A" / "run", tmp_path / "B" / "run"):
        with pytest.raises(runs.RunError, match="lies among the photos"):
            runs.start(open_picture_pairs(tmp_path), out, settings)


@pytest.mark.parametrize(
    "change", [{"task": "foo"}, {"model": "foo"}, {"optimizer": "foo"}, {"steps": "9"}, {"batch": 0}]
)
def test_a_forged_setting_is_one_sentence(photos, tmp_path, change):
    run = start(photos, tmp_path / "run")
    run.save()
    progress = run._progress()
    forged(run.out / "last.safetensors", progress=json.dumps(progress | {"settings": progress["settings"] | change}))
    with pytest.raises(runs.RunError, match="was not saved by a training run of this version"):
        runs.resume(photos, tmp_path / "run")


def test_what_is_no_line_of_a_log_is_passed_over(photos, tmp_path):
    run = start(photos, tmp_path / "run")
    (run.out / "log.jsonl").write_bytes(b'5\n{"loss": 1}\n\xff\n{"step": 0, "loss": 2.0}\n')
    assert run.log() == [{"step": 0, "loss": 2.0}]


def test_a_run_whose_page_cannot_be_written_makes_its_report_again(photos, tmp_path, monkeypatch):
    write = runs.report.write

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(runs.report, "write", full)
    run = start(photos, tmp_path / "run")
    run.save()
    with pytest.raises(OSError, match="No space"):
        advance(run)
    monkeypatch.setattr(runs.report, "write", write)
    advance(runs.resume(photos, tmp_path / "run"))
    assert (run.out / "index.html").exists()


@pytest.mark.parametrize("loss", ["l1+cgan", "l1"])
def test_in_the_place_of_the_last_file_the_best_one_is_named_for_what_it_is(photos, tmp_path, loss):
    run = advance(start(photos, tmp_path / "run", changed(loss=loss)))
    shutil.copy(run.out / "best.safetensors", run.out / "last.safetensors")
    with pytest.raises(runs.RunError) as error:
        runs.resume(photos, tmp_path / "run")
    assert str(error.value) == (
        f"{run.out}/last.safetensors holds the network alone, as best.safetensors does, and not what it learned with: "
        "put the last.safetensors back that the run wrote, or start a new run."
    )


def test_the_page_draws_the_variety_that_the_verdict_rests_on(photos, tmp_path, straight):
    page = (straight.out / "index.html").read_text()
    assert "<h2>Variety</h2>" in page
    assert '<img alt="variety (1 is best)"' in page
    alone = advance(start(photos, tmp_path / "alone", changed(loss="l1")))
    assert "Variety" not in (alone.out / "index.html").read_text()


def test_the_best_network_alone_is_no_run_to_go_on_with(photos, tmp_path):
    run = advance(start(photos, tmp_path / "run"))
    (run.out / "last.safetensors").unlink()
    with pytest.raises(runs.RunError, match=r"best\.safetensors\): it cannot go on, for last\.safetensors is missing"):
        start(photos, tmp_path / "run")


def test_only_a_network_of_the_library_can_be_saved_as_the_other_one(tmp_path):
    generator = Pix2PixGenerator(1, 2, 2, 2)
    with pytest.raises(ValueError, match="got a Linear"):
        save_checkpoint(tmp_path / "a", generator, discriminator=tc.Linear(2, 1))
    broken = PatchDiscriminator(3, 1, 2)
    broken.parameters()[0].data += np.float32(np.inf)
    with pytest.raises(ValueError, match="NaN or infinity in discriminator/"):
        save_checkpoint(tmp_path / "a", generator, discriminator=broken)
    assert not list(tmp_path.iterdir())


def test_the_recipe_is_the_papers(photos):
    said = dict.fromkeys(("batch", "learning_rate", "schedule", "optimizer", "loss", "direction", "classes"))
    settings = settings_for(
        open_dataset(photos), 10, 20, task="colorize", model="pix2pix", size=64, width=1.0, ignored=(), seed=0, **said
    )
    assert (settings.loss, settings.learning_rate, settings.schedule) == ("l1+cgan", 2e-4, "linear")
    run = learner(photos, SETTINGS)
    assert run.optimizer.betas == run.discriminator_optimizer.betas == (0.5, 0.999)
    assert (run.duel.reconstruction_weight, run.duel.discriminator_weight) == (100, 0.5)


def test_the_rates_of_both_stay_for_half_the_run_and_then_fall_in_a_line(photos):
    run = learner(photos, changed(steps=200))
    for optimizer in (run.optimizer, run.discriminator_optimizer):
        rates = [optimizer.schedule(step) for step in (0, 99, 100, 120, 150, 180, 199, 200)]
        np.testing.assert_allclose(rates, 2e-4 * np.array([1, 1, 1, 0.8, 0.5, 0.2, 0.01, 0]), atol=1e-18)


@pytest.mark.parametrize("size", [8, 24, 50, 100])
def test_a_size_that_cannot_be_halved_often_enough_is_refused(photos, tmp_path, size):
    with pytest.raises(ValueError, match=f"pix2pix got --size {size}"):
        start(photos, tmp_path / "run", changed(size=size))
