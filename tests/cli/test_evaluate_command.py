"""``tinycolor evaluate``, seen from outside: the table, the file, and what could not be judged."""

import importlib
import json

import numpy as np
import pytest
from skimage.color import rgb2lab

import tinycolor as tc
from tinycolor.data.shrunk import crop, shrink

module = importlib.import_module("tinycolor.cli.evaluate")  # its name in tinycolor.cli is that of the command

COLUMNS = ["ab_mae", "psnr", "auc", "balanced_auc", "accuracy_2", "accuracy_5", "colourfulness", "ssim_ab"]
ROWS = ["network", "grey", "mean colour", "truth"]


@pytest.fixture
def evaluate(run, checkpoint):
    return lambda *arguments, code=0: run("evaluate", *arguments, "--checkpoint", checkpoint, code=code)


def table(printed):
    """Return the rows of numbers by name, as shown."""
    rows = {}
    for line in printed.splitlines():
        name = next((name for name in ROWS if line.strip().startswith(f"{name} ")), None)
        if name:
            rows[name] = line.strip().removeprefix(name).split()
    return rows


def test_the_table_has_four_rows_and_the_file_the_same_figures(evaluate, photos, tmp_path):
    printed = evaluate(photos, "--json", tmp_path / "figures.json")
    rows, figures = table(printed), json.loads((tmp_path / "figures.json").read_text())
    assert list(rows) == ROWS
    assert list(figures) == ["size", *ROWS]
    assert "Photos: 12, 16 x 16" in printed
    assert figures["size"] == 16
    for name, row in rows.items():
        assert figures[name]["photos"] == 12
        for key, shown in zip(COLUMNS, row, strict=True):
            value, digits = figures[name][key], len(shown.rstrip("%").partition(".")[2])
            assert float(shown.rstrip("%")) == pytest.approx(
                100 * value if shown.endswith("%") else value, abs=0.51 * 10**-digits
            )


def test_the_whole_table_fits_into_eighty_columns(evaluate, photos):
    printed = evaluate(photos)
    assert "\u2026" not in printed
    assert max(map(len, printed.splitlines())) <= 80
    for word in ("balanced", "colourfulness", "mean colour", "100.0%"):
        assert word in printed


def test_grey_and_truth_are_what_they_must_be(evaluate, photos, tmp_path):
    evaluate(photos, "--json", tmp_path / "figures.json")
    figures = json.loads((tmp_path / "figures.json").read_text())
    # 24 x 20 pixels, shrunk to a height of 16, and cut to the middle.

    true = np.stack([rgb2lab(crop(shrink(tc.open_image(path), 16), 16))[..., 1:] for path in photos.iterdir()])
    assert figures["grey"]["ab_mae"] == pytest.approx(abs(true).mean(), rel=1e-3)
    mean = true.mean((0, 1, 2))
    assert figures["mean colour"]["ab_mae"] == pytest.approx(abs(true - mean).mean(), rel=1e-3)
    assert figures["grey"]["colourfulness"] < 1 < figures["mean colour"]["colourfulness"]
    assert figures["truth"]["colourfulness"] > figures["mean colour"]["colourfulness"]
    assert figures["truth"]["ab_mae"] < 1e-3
    for name in ("network", "grey", "mean colour"):
        assert figures[name]["psnr"] < figures["truth"]["psnr"]
        assert figures[name]["auc"] < figures["truth"]["auc"]


def test_another_size(evaluate, photos, tmp_path):
    assert "Photos: 12, 13 x 13" in evaluate(photos, "--size", "13", "--json", tmp_path / "figures.json")
    assert json.loads((tmp_path / "figures.json").read_text())["size"] == 13
    printed = evaluate(photos, "--size", "32", code=1)
    assert printed.startswith(f"Error: of the photos in {photos}, 12 were looked at and none can be used; ")
    assert printed.endswith(".png, for one: 24 x 20 pixels, smaller than 32.\n")


def test_what_is_not_judged_is_listed(evaluate, photos, save_photo, tmp_path):
    (photos / "text.jpg").write_text("no photo")
    save_photo(photos / "small.png", shape=(15, 40))
    save_photo(tmp_path / "elsewhere.png")
    (photos / "link.png").symlink_to(tmp_path / "elsewhere.png")
    printed = evaluate(photos)
    assert "Photos: 12, 16 x 16" in printed
    assert printed.splitlines()[-3:] == [
        f"not judged: {photos}/link.png: a link that leads out of the folder",
        f"not judged: {photos}/small.png: 40 x 15 pixels, smaller than 16",
        f"not judged: {photos}/text.jpg: no JPEG, PNG, WebP, BMP, TIFF or GIF",
    ]


def test_a_file_that_cannot_be_written_leaves_the_table_and_the_older_file(evaluate, photos, tmp_path, full_disk):
    path = tmp_path / "figures.json"
    path.write_text("older figures")
    full_disk(0)
    printed = evaluate(photos, "--json", path, code=1)
    assert list(table(printed)) == ROWS
    assert printed.endswith(f"\nError: could not write {path}: No space left on device.\n")
    assert path.read_text() == "older figures"
    printed = evaluate(photos, "--json", tmp_path / "no" / "figures.json", code=1)
    assert printed.endswith(f"\nError: could not write {tmp_path}/no/figures.json: No such file or directory.\n")


def test_ctrl_c(evaluate, photos, monkeypatch):
    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "evaluate_on", stopped)
    assert evaluate(photos, code=130) == "Stopped.\n"
