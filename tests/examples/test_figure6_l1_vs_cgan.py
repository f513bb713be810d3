"""What an adversary adds to L1: briefly that it shows already, at length that it holds for every seed."""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tinycolor.data import scenes

from test_soak import note

NAME = "figure6_l1_vs_cgan"
SPEC = importlib.util.spec_from_file_location(NAME, Path(__file__).parents[2] / f"examples/{NAME}.py")
example = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(example)


@pytest.fixture(scope="module")
def brief():
    return example.compare(example.Plan(size=32, steps=150, width=12), seed=1)


def test_the_adversary_adds_detail_before_it_adds_colours(brief):
    assert brief.gains["energy"].low > 0
    assert brief.energies["cGAN"].mean() > 3 * brief.energies["L1"].mean()
    assert brief.gains["energy"].estimate == pytest.approx(
        brief.energies["L1 + cGAN"].mean() - brief.energies["L1"].mean()
    )
    assert brief.gains["intersection"].estimate == pytest.approx(
        brief.intersections["L1 + cGAN"] - brief.intersections["L1"]
    )


def test_pixels_of_all_judged_streets_are_pooled(brief):
    made, true = (brief.histograms[name].sum(0) for name in ("L1", "ground truth"))
    assert (made.sum(-1) == example.JUDGED * 32 * 32).all()
    by_hand = [sum(min(p, q) for p, q in zip(made[c] / 1e5, true[c] / 1e5, strict=True)) for c in range(2)]
    assert brief.intersections["L1"] == pytest.approx(np.mean(by_hand) * 1e5 / made[0].sum())
    assert example.shared(example.beside_truth(brief.histograms, "ground truth")) == pytest.approx(1)


def test_surfaces_are_mottled_within_what_they_are():
    plain = scenes.draw(40, 32, example.tc.Generator(3))
    drawn = example.draw(40, 32, example.tc.Generator(3))
    np.testing.assert_array_equal(drawn.maps, plain.map)
    assert drawn.photos.shape == (40, 32, 32, 3)
    ab, plain_ab = (example.lab_of(photos)[..., 1:] for photos in (drawn.photos, plain.photo))
    grass = plain.labels == scenes.LABELS.index("grass")
    assert ab[grass].std(0).min() > plain_ab[grass].std(0).max() / 2
    assert (abs(ab[grass] - plain_ab[grass]).mean(0) > 4).all()
    np.testing.assert_allclose(ab[grass].mean(0), plain_ab[grass].mean(0), atol=4)


def test_it_is_plotted(brief):
    figure = example.plot([brief, brief, brief])
    titles = [axis.get_title() for axis in figure.subfigs[0].get_axes()]
    assert [title for title in titles if title] == ["input", "ground truth", "L1", "cGAN", "L1 + cGAN"]


def write_pairs(folder, count):
    """Write photos and label maps; the number of a photo is its red."""
    for place in (folder, folder.with_name(f"{folder.name}_seg")):
        place.mkdir()
    for number in range(count):
        photo = np.full((30, 40, 3), number, np.uint8)
        Image.fromarray(photo).save(folder / f"{number:02}.png")
        labels = np.full((30, 40), number % 12, np.uint8)
        Image.fromarray(labels).save(folder.with_name(f"{folder.name}_seg") / f"{number:02}.png")


def test_the_last_fifth_of_photos_is_judged(tmp_path):
    write_pairs(tmp_path / "town", 20)
    known, new = example.read(tmp_path / "town", 32)
    assert known.photos.shape == known.maps.shape == (16, 32, 32, 3)
    assert list(new.photos[:, 0, 0, 0]) == [16, 17, 18, 19]
    assert (known.maps[11] == 0).all()  # no class
    assert (new.maps[0] == known.maps[4]).all()  # class 4, both


def test_photos_from_the_command_line(tmp_path, monkeypatch, capsys):
    write_pairs(tmp_path / "town", 20)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(example, "CAMVID", example.Plan(size=32, steps=2, width=4))
    monkeypatch.setattr(example, "SEEDS", (0,))
    example.main(["--camvid", "town"])
    assert (tmp_path / "out/examples/figure6_l1_vs_cgan_camvid.png").exists()
    assert "seed 0: high-frequency energy" in capsys.readouterr().out


@pytest.mark.slow
def test_every_seed_has_more_detail_and_more_of_the_true_colours_with_an_adversary():
    started = time.perf_counter()
    outcomes = [example.compare(example.FULL, seed) for seed in example.SEEDS]
    note(
        "L1 + cGAN against L1",
        minutes=round((time.perf_counter() - started) / 60, 1),
        **{f"energy of {name}": [round(o.energies[name].mean(), 1) for o in outcomes] for name in outcomes[0].energies},
        **{f"colours of {loss}": [round(o.intersections[loss], 3) for o in outcomes] for loss in example.LOSSES},
        **{f"more {name}": [str(o.gains[name]) for o in outcomes] for name in example.GAINS},
    )
    for outcome in outcomes:
        assert outcome.gains["energy"].low > 0
        assert outcome.gains["intersection"].low > 0
