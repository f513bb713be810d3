"""What a training run leaves for people to look at: sheets of sample photos, and one page with curves and sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from tinycolor.data.photos import jpeg, open_image
from tinycolor.data.photos import png as photos_png
from tinycolor.figures import png
from tinycolor.files import write_whole
from tinycolor.page import columns, image, page, section, table
from tinycolor.training.curves import figure_of_loss, figure_of_report
from tinycolor.training.duel_page import duel_sections
from tinycolor.training.task import Task

SIDE, GAP, HEAD, ROWS = 192, 6, 30, 4  # of a sheet, in pixels; and photos below each other
ON_THE_SHEET = 8
MOST_SHEETS = 12

LOSS = (
    "Loss",
    "What every step pushes down: how wrong the answers to a batch are, on a logarithmic scale. It jumps, because "
    "every batch holds other photos; what counts is the trend. Of a long run, each point is a mean.",
)
SLIDER = """
<style>
input { width: 100%; max-width: 44rem; margin: 0 } figure { margin: 0; overflow-x: auto } figcaption { margin: .5rem 0 }
@media (max-width: 40rem) { figure img { max-width: none; min-width: 100%; zoom: .58 } }
</style>
<script>
const slider = document.getElementById("step"), sheets = document.querySelectorAll("figure")
slider.hidden = sheets.length < 2
slider.oninput = () => sheets.forEach((sheet, number) => { sheet.hidden = number != slider.value })
</script>
"""


def for_the_sheet(judged: np.ndarray) -> np.ndarray:
    """Return a few of what is judged, evenly spaced."""
    return judged[np.linspace(0, len(judged) - 1, min(ON_THE_SHEET, len(judged))).astype(int)]


def sheet(pictures: Mapping[str, np.ndarray]) -> bytes:
    """Return a PNG file that shows pictures side by side, such as photos in grey, as they are coloured, as they are.

    Parameters
    ----------
    pictures : mapping of str to uint8 array (N, H, W, 3)
        By heading; sRGB, all of one shape. Small ones are enlarged by a whole factor, large ones are made smaller;
        more than four rows stand in two blocks of four.
    """
    count, height, width = next(iter(pictures.values())).shape[:3]
    factor, resampling = max(height, width), Image.Resampling.LANCZOS
    across, down = SIDE * width // factor, SIDE * height // factor
    if factor <= SIDE:
        across, down = width * (SIDE // factor), height * (SIDE // factor)
        resampling = Image.Resampling.NEAREST
    blocks, rows = -(-count // ROWS), min(count, ROWS)
    block = len(pictures) * (across + GAP) + 3 * GAP
    whole = Image.new("RGB", (blocks * block - 4 * GAP, HEAD + rows * (down + GAP) - GAP), "white")
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 15)
    for column, (heading, some) in enumerate(pictures.items()):
        for number, picture in enumerate(some):
            left, top = number // ROWS * block + column * (across + GAP), number % ROWS * (down + GAP) + HEAD
            whole.paste(Image.fromarray(picture).resize((across, down), resampling), (left, top))
            if top == HEAD:
                ImageDraw.Draw(whole).text((left + across / 2, HEAD / 2), heading, "#222222", font, anchor="mm")
    return photos_png(np.asarray(whole))


def write(
    folder: Path,
    task: Task,
    settings: Mapping[str, Any],
    log: Sequence[Mapping[str, Any]],
    sheets: Sequence[tuple[int, Path]],
) -> None:
    """Write ``folder/index.html``: how far a run is, its sheets, curves and settings, and what they mean.

    Parameters
    ----------
    folder : Path
        The run's.
    task : Task
        What the network is trained for.
    settings : mapping
        By name; holds ``steps``, how many the run is to have.
    log : sequence of mappings
        The lines of ``log.jsonl``: ``step`` and ``loss``, or ``step``, ``validation`` and the baselines.
    sheets : sequence of (step, path)
        Sample sheets in the order of their steps; of many, twelve are shown, the first and the last among them.

    Raises
    ------
    OSError
        The page cannot be written; an older one is as it was.
    ImageError
        A sheet cannot be read.
    """
    losses = [line for line in log if "loss" in line]
    reports = [line for line in log if "validation" in line]
    curves, duel = [], []
    if losses:
        curves.append(section(*LOSS, image(png(figure_of_loss(losses)), "loss")))
    if losses and "adversarial" in losses[-1]:
        duel = duel_sections([line for line in losses if "adversarial" in line], reports)
    if reports:
        for key, curve in task.words.curves.items():
            picture = image(png(figure_of_report(reports, key, curve.label, curve.others)), curve.label)
            curves.append(section(curve.heading, curve.meaning, picture))
    rows = [
        (name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, tuple) else str(value))
        for name, value in settings.items()
        if value or name not in ("classes", "ignored", "direction", "pairs")  # which not every task has
    ]
    told = section("Settings", "What the training was started with.", table(rows))
    remarks = [section(*remark) for remark in task.words.remarks]
    pieces = [_slider(sheets, task.words.sheets), *duel, columns(*curves), *remarks, told]
    whole = page(task.words.title, _standing(task, settings["steps"], log, reports), *pieces)
    write_whole({folder / "index.html": whole})


def _standing(task: Task, steps: int, log: Sequence[Mapping[str, Any]], reports: Sequence[Mapping[str, Any]]) -> str:
    done = f"Step {log[-1]['step'] if log else 0:,} of {steps:,}"
    if not reports:
        return f"{done}; the first look at unseen photos is still to come."
    best = min(reports, key=lambda line: task.error(line["validation"]))
    return f"{done}. At its best, at step {best['step']:,}, {task.standing(best['validation'])}."


def _slider(sheets: Sequence[tuple[int, Path]], text: str) -> str:
    """Return the sheets as a piece of a page: the last one, and with a script a slider that shows the others."""
    if not sheets:
        return ""
    chosen = np.unique(np.linspace(0, len(sheets) - 1, MOST_SHEETS).round().astype(int))
    last = len(chosen) - 1
    slider = f'<input id="step" type="range" max="{last}" value="{last}" aria-label="step" autocomplete="off" hidden>'
    figures = [
        f"<figure hidden><figcaption>step {step:,}</figcaption>{image(picture, f'step {step}', 'jpeg')}</figure>"
        # Twelve sheets as JPEG are a page of a few MB.
        for step, picture in ((sheets[number][0], jpeg(open_image(sheets[number][1]))) for number in chosen)
    ]
    figures[-1] = figures[-1].replace(" hidden", "", 1)
    return section("Unseen photos", text, slider, *figures, SLIDER)
