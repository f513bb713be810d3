import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from tinycolor.data.photos import ImageError
from tinycolor.training import curves, report
from tinycolor.training.colorizing import WORDS, Colorizing

SETTINGS = {"photos": "<i>holidays</i>", "size": 64, "steps": 2400, "learning_rate": 0.001}
GREY, PREDICTED, TRUTH = (120, 130, 140), (200, 60, 20), (0, 90, 220)


TASK = Colorizing.__new__(Colorizing)  # without photos: for a page it is only asked what to say
TASK.baselines = {"grey": {"ab_mae": 8.45}}
TASK.words = WORDS


def sheet_of(grey, predicted, truth):
    return report.sheet({"grey": grey, "predicted": predicted, "truth": truth})


def step(number, loss=0.01):
    return {"step": number, "loss": loss, "learning_rate": 0.0004, "images_per_second": 31.2}


def judged(number, ab_mae):
    return {
        "step": number,
        "epoch": 1,
        "validation": {"ab_mae": ab_mae, "psnr": 25.1, "colourfulness": 12.0},
        "grey": {"ab_mae": 8.45, "psnr": 24.5, "colourfulness": 0.0},
        "truth": {"colourfulness": 33.1},
    }


def photos(colour, count, size):
    return np.full((count, size, size, 3), colour, np.uint8)


def opened(picture):
    return np.asarray(Image.open(io.BytesIO(picture)).convert("RGB")).astype(int)


@pytest.fixture
def page(tmp_path):
    """Write a page, and return its text without the pictures."""

    def write(log, sheets=()):
        report.write(tmp_path, TASK, SETTINGS, log, sheets)
        return re.sub(r"base64,[^\"]*", "base64,", (tmp_path / "index.html").read_text())

    return write


@pytest.fixture
def sheets(tmp_path):
    """Return sheets, each of one grey of its own, so that they can be told from each other in the page."""

    def make(count):
        made = []
        for number in range(count):
            path = tmp_path / f"{number:06d}.png"
            Image.new("RGB", (8, 8), (number,) * 3).save(path)
            made.append((100 * number + 1, path))
        return made

    return make


class TestSheet:
    @pytest.mark.parametrize(("size", "side"), [(16, 192), (64, 192), (97, 97), (192, 192), (512, 192)])
    @pytest.mark.parametrize("count", [1, 4, 5, 8])
    def test_each_photo_has_its_place_and_the_sheet_is_modest(self, size, side, count):
        numbers = np.arange(count, dtype=np.uint8)[:, None, None, None]
        sheet = opened(sheet_of(*(photos(colour, count, size) + numbers for colour in (GREY, PREDICTED, TRUTH))))
        assert sheet.shape[1] <= 1200
        for number in range(count):
            places = [np.argwhere((sheet == np.array(colour) + number).all(-1)) for colour in (GREY, PREDICTED, TRUTH)]
            assert [len(place) for place in places] == [side**2] * 3
            (top, left), predicted, truth = (place[0] for place in places)
            assert predicted.tolist() == [top, left + side + report.GAP]
            assert truth.tolist() == [top, left + 2 * (side + report.GAP)]
            assert top == report.HEAD + number % 4 * (side + report.GAP)
            assert (left == 0) == (number < 4)

    def test_small_photos_are_enlarged_without_blurring(self):
        rng = np.random.default_rng(0)
        truth = rng.integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
        sheet = opened(sheet_of(photos(GREY, 1, 64), photos(PREDICTED, 1, 64), truth))
        assert np.array_equal(sheet[-192:, -192:], np.kron(truth[0], np.ones((3, 3, 1))))

    def test_above_every_column_stands_what_it_shows(self):
        sheet = opened(sheet_of(photos(GREY, 5, 64), photos(PREDICTED, 5, 64), photos(TRUTH, 5, 64)))
        head, first = sheet[: report.HEAD], sheet[report.HEAD]
        for colour in (GREY, PREDICTED, TRUTH):
            columns = np.nonzero((first == colour).all(-1))[0]
            assert len(columns) == 2 * 192
            assert all((head[:, part] < 100).any() for part in np.split(columns, 2))
        assert not np.array_equal(head[:, :192], head[:, 198:390])


class TestStanding:
    def test_nothing_yet(self, page):
        text = page([])
        assert "Step 0 of 2,400; the first look at unseen photos is still to come." in text
        assert "<img" not in text
        assert "slider" not in text

    def test_one_line(self, page):
        text = page([step(20)])
        assert "Step 20 of 2,400; the first look" in text
        assert text.count("<img") == 1

    def test_the_best_report_and_not_the_last(self, page):
        text = page([judged(121, 8.9), judged(242, 6.7), step(260), judged(363, 7.25)])
        assert "Step 363 of 2,400." in text
        assert "at step 242, the network colours unseen photos with an error (ab MAE) of 6.70;" in text
        assert "leaving them grey has one of 8.45." in text
        assert text.count("<img") == 4

    def test_settings_are_there_and_are_no_tags(self, page):
        text = page([])
        assert "<td>&lt;i&gt;holidays&lt;/i&gt;</td>" in text
        assert "<tr><td>learning rate</td><td>0.001</td></tr>" in text

    def test_settings_that_a_task_has_not_are_left_out(self, tmp_path):
        report.write(tmp_path, TASK, {"steps": 3, "seed": 0, "classes": 0, "ignored": ()}, [], [])
        text = (tmp_path / "index.html").read_text()
        assert "<td>seed</td><td>0</td>" in text
        assert "classes" not in text
        assert "ignored" not in text
        report.write(tmp_path, TASK, {"steps": 3, "classes": 11, "ignored": (9, 11)}, [], [])
        assert "<td>ignored</td><td>9, 11</td>" in (tmp_path / "index.html").read_text()

    def test_nothing_comes_from_elsewhere(self, page, sheets):
        text = page([step(20), judged(121, 7.9)], sheets(3))
        assert "http" not in text
        assert all(source.startswith("data:image/") for source in re.findall(r'(?:src|href)="([^"]*)', text))
        assert not re.search(r"\b(nan|inf|None)\b", text)


class TestSheetsOnThePage:
    @pytest.mark.parametrize(("count", "steps"), [(1, [1]), (2, [1, 101]), (12, [*range(1, 1200, 100)])])
    def test_few_are_all_shown(self, page, sheets, count, steps):
        assert steps_shown(page([], sheets(count))) == steps

    def test_many_are_thinned_evenly_with_the_first_and_the_last(self, page, sheets):
        steps = steps_shown(page([], sheets(200)))
        assert len(steps) == 12
        assert (steps[0], steps[-1]) == (1, 19901)
        assert set(np.diff(steps)) <= {1800, 1900}

    def test_without_a_script_the_latest_is_seen_and_no_slider(self, page, sheets):
        text = page([], sheets(3))
        assert re.findall(r"<figure([^>]*)>", text) == [" hidden", " hidden", ""]
        assert re.search(r'<input [^>]*max="2" value="2"[^>]* hidden>', text)

    def test_each_step_has_its_own_sheet(self, tmp_path, page, sheets):
        page([], sheets(30))
        whole = (tmp_path / "index.html").read_text()
        for number, data in re.findall(r"step ([\d,]+)</figcaption><img[^>]*base64,([^\"]*)", whole):
            shade = (int(number.replace(",", "")) - 1) // 100
            assert abs(opened(base64.b64decode(data)) - shade).max() <= 1

    def test_a_damaged_sheet_is_named_and_the_older_page_stays(self, tmp_path, page, sheets):
        older = page([])
        (tmp_path / "000001.png").write_bytes(b"no picture")
        with pytest.raises(ImageError, match=r"000001\.png"):
            page([], [(1, tmp_path / "000001.png")])
        assert "<figure" not in older
        assert "<figure" not in (tmp_path / "index.html").read_text()


class TestCurves:
    def test_one_line_each_with_its_references(self):
        figure = curves.figure_of_report([judged(121, 8.9), judged(242, 6.7)], "ab_mae", "ab MAE", ("grey",))
        network, grey = figure.axes[0].lines
        assert network.get_xydata().tolist() == [[121, 8.9], [242, 6.7]]
        assert list(grey.get_ydata()) == [8.45, 8.45]
        assert grey.get_linestyle() == "--"
        assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == [
            "network, now 6.70",
            "grey, 8.45",
        ]

    def test_colourfulness_stands_between_grey_and_truth(self):
        figure = curves.figure_of_report([judged(121, 8.9)], "colourfulness", "colourfulness", ("grey", "truth"))
        assert [line.get_ydata()[0] for line in figure.axes[0].lines] == [12.0, 0.0, 33.1]

    def test_a_single_point_can_be_seen(self):
        for figure in (
            curves.figure_of_loss([step(20)]),
            curves.figure_of_report([judged(121, 8.9)], "psnr", "PSNR", ("grey",)),
        ):
            assert figure.axes[0].lines[0].get_marker() == "."

    def test_the_loss_is_logarithmic(self):
        axis = curves.figure_of_loss([step(20, 0.1), step(40, 0.01)]).axes[0]
        assert axis.get_yscale() == "log"
        assert axis.lines[0].get_xydata().tolist() == [[20, 0.1], [40, 0.01]]

    def test_of_a_long_run_each_point_is_a_mean(self):
        losses = [step(20 * number, 1.0 if number % 2 else 3.0) for number in range(1, 2001)]
        points = curves.figure_of_loss(losses).axes[0].lines[0].get_xydata()
        assert len(points) == curves.MOST_POINTS
        assert np.allclose(points[:, 1], 2)
        assert points[-1, 0] == 40_000


def steps_shown(text):
    return [int(number.replace(",", "")) for number in re.findall(r"<figcaption>step ([\d,]+)", text)]
