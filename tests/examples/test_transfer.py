"""The sheet of Welsh's method says which results work: the figures agree."""

import importlib.util
from pathlib import Path

import numpy as np

from tinycolor.color import lab_of

SPEC = importlib.util.spec_from_file_location("transfer", Path(__file__).parents[2] / "examples/transfer.py")
example = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(example)


def error(row, result):
    return abs(lab_of(row[result])[..., 1:] - lab_of(row["truth"])[..., 1:]).mean()


def test_what_is_said_to_work_beats_what_is_said_to_fail_and_all_is_on_the_sheet():
    works, works_too, fails, pagoda = rows = example.rows()
    assert error(works_too, "result: works too") < error(works_too, "grey")
    assert error(fails, "result: fails") > 1.5 * error(fails, "grey")
    assert "result: works" in works
    without, with_them = pagoda["result without the swatches"], pagoda["result with them"]
    yellow = [lab_of(picture)[..., 2].mean() for picture in (without, with_them)]
    assert abs(yellow[1] - yellow[0]) > 1
    sheet = example.sheet(rows, "who")
    height, width = example.SIZE[::-1]
    assert sheet.shape == (4 * (height + example.LINE) + example.LINE, 4 * width + 3 * example.GAP, 3)
    assert (sheet[example.LINE : example.LINE + height, :width] == works["grey"]).all()
    assert len(np.unique(sheet[-example.LINE :])) > 1
