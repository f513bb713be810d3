"""The sheet of Welsh's method says which results work: the figures agree."""

import importlib.util
from pathlib import Path

import numpy as np

from tinycolor.color import lab_of, transfer_lab

SPEC = importlib.util.spec_from_file_location("transfer", Path(__file__).parents[2] / "examples/transfer.py")
example = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(example)


def error(row, result):
    return abs(lab_of(row[result])[..., 1:] - lab_of(row["truth"])[..., 1:]).mean()


def test_what_is_said_to_work_beats_what_is_said_to_fail_and_all_is_on_the_sheet():
    works, works_too, fails, pagoda = rows = example.rows()
    assert error(works_too, "result: works too") < 0.7 * error(works_too, "grey")
    assert error(fails, "result: fails") > 1.7 * error(fails, "grey")
    assert "result: works" in works
    reference = lab_of(example.photo(example.PEAKS))
    grey, colours = example.grey(example.PAGODA), example.photo(example.PEAKS)
    swatches = list(example.SWATCHES.values())
    asked = [transfer_lab(grey, colours), transfer_lab(grey, colours, swatches=swatches)]
    for here, there in swatches:
        colour = reference[there.part][..., 1:].mean((0, 1))
        without, with_them = (np.linalg.norm(lab[here.part][..., 1:].mean((0, 1)) - colour) for lab in asked)
        assert with_them < 0.25 * without
    # A sky nearly white has no room for all of that blue; its left is darker.
    left = [
        lab_of(pagoda[result])[:60, :60, 2].mean() for result in ("result without the swatches", "result with them")
    ]
    assert left[1] < left[0] - 3
    sheet = example.sheet(rows, "who")
    height, width = example.SIZE[::-1]
    assert sheet.shape == (4 * (height + example.LINE) + example.LINE, 4 * width + 3 * example.GAP, 3)
    assert (sheet[example.LINE : example.LINE + height, :width] == works["grey"]).all()
    assert len(np.unique(sheet[-example.LINE :])) > 1
