"""What a training run leaves for people to look at: sheets of sample photos, and one page with curves and sheets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageDraw, ImageFont

from tinycolor.data.photos import jpeg, open_image
from tinycolor.data.photos import png as photos_png
from tinycolor.figures import png
from tinycolor.files import write_whole
from tinycolor.page import columns, image, page, section, table

SIDE, GAP, HEAD, ROWS = 192, 6, 30, 4  # of a sheet, in pixels; and photos below each other
MOST_SHEETS, MOST_POINTS = 12, 200
COLOURS = {"network": "#2471a3", "grey": "#777777", "truth": "#d35400"}

CURVES = {
    "ab_mae": (
        "Colour error",
        "ab MAE (lower is better)",
        "ab MAE is how far the colours are from the true ones, on average over all pixels of photos that the network "
        "does not learn from, in the units of a* and b* of CIE Lab. Dashed: the error of leaving the photos grey.",
    ),
    "psnr": (
        "Likeness",
        "PSNR in dB (higher is better)",
        "PSNR is how like the true photo the result is in red, green and blue, in decibels: 3 dB more is half the "
        "squared error. Grey starts high, because the brightness of every pixel is already right.",
    ),
    "colourfulness": (
        "Colourfulness",
        "colourfulness",
        "How strong and varied the colours are, right or wrong (Hasler and Suesstrunk): 0 is grey, 33 moderate, above "
        "80 vivid. Best is what the true photos have; below it, the results look pale.",
    ),
}
LOSS = (
    "Loss",
    "What every step pushes down: how wrong the colours of a batch are, on a logarithmic scale. It jumps, because "
    "every batch holds other photos; what counts is the trend. Of a long run, each point is a mean.",
)
BROWN = (
    "Why does it turn brown?",
    "Grey does not tell whether a shirt is red or blue. The squared error punishes one bold mistake more than many "
    "timid ones, so a network that cannot know answers with the mean of all colours it has seen in such a place, and "
    "the mean of many colours is a dull brown. This is no fault of the training: it is what the loss asks for. Longer "
    "training helps where the photo does hold a clue, such as for sky and grass.",
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


def sheet(grey: np.ndarray, predicted: np.ndarray, truth: np.ndarray) -> bytes:
    """Return a PNG file that shows photos in grey, as the network colours them, and as they are, side by side.

    Parameters
    ----------
    grey, predicted, truth : uint8 arrays (N, S, S, 3)
        sRGB. Small ones are enlarged by a whole factor, large ones are made smaller; more than four photos stand in
        two blocks of four rows.
    """
    size = grey.shape[1]
    side, resampling = size * (SIDE // size), Image.Resampling.NEAREST
    if size > SIDE:
        side, resampling = SIDE, Image.Resampling.LANCZOS
    step = side + GAP
    blocks, rows = -(-len(grey) // ROWS), min(len(grey), ROWS)
    block = 3 * step + 3 * GAP
    whole = Image.new("RGB", (blocks * block - 4 * GAP, HEAD + rows * step - GAP), "white")
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 15)
    for column, (heading, photos) in enumerate({"grey": grey, "predicted": predicted, "truth": truth}.items()):
        for number, photo in enumerate(photos):
            left, top = number // ROWS * block + column * step, number % ROWS * step + HEAD
            whole.paste(Image.fromarray(photo).resize((side, side), resampling), (left, top))
            if top == HEAD:
                ImageDraw.Draw(whole).text((left + side / 2, HEAD / 2), heading, "#222222", font, anchor="mm")
    return photos_png(np.asarray(whole))


def write(
    folder: Path, settings: Mapping[str, Any], log: Sequence[Mapping[str, Any]], sheets: Sequence[tuple[int, Path]]
) -> None:
    """Write ``folder/index.html``: how far a run is, its sheets, curves and settings, and what they mean.

    Parameters
    ----------
    folder : Path
        The run's.
    settings : mapping
        By name; holds ``steps``, how many the run is to have.
    log : sequence of mappings
        The lines of ``log.jsonl``: ``step`` and ``loss``, or ``step``, ``validation``, ``grey`` and ``truth``.
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
    curves = []
    if losses:
        curves.append(section(*LOSS, image(png(_figure_of_loss(losses)), "loss")))
    if reports:
        for key, (heading, label, text) in CURVES.items():
            curves.append(section(heading, text, image(png(_figure_of_report(reports, key, label)), label)))
    rows = [(name.replace("_", " "), str(value)) for name, value in settings.items()]
    told = section("Settings", "What the training was started with.", table(rows))
    pieces = [_slider(sheets), columns(*curves), section(*BROWN), told]
    whole = page("Learning to colour photos", _standing(settings["steps"], log, reports), *pieces)
    write_whole({folder / "index.html": whole})


def _standing(steps: int, log: Sequence[Mapping[str, Any]], reports: Sequence[Mapping[str, Any]]) -> str:
    done = f"Step {log[-1]['step'] if log else 0:,} of {steps:,}"
    if not reports:
        return f"{done}; the first look at unseen photos is still to come."
    best = min(reports, key=lambda line: line["validation"]["ab_mae"])
    return (
        f"{done}. At its best, at step {best['step']:,}, the network colours unseen photos with an error (ab MAE) of "
        f"{best['validation']['ab_mae']:.2f}; leaving them grey has one of {best['grey']['ab_mae']:.2f}."
    )


def _slider(sheets: Sequence[tuple[int, Path]]) -> str:
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
    text = "Photos that the network does not learn from: in grey, as it colours them, and as they are."
    return section("Unseen photos", text, slider, *figures, SLIDER)


def _figure_of_loss(losses: Sequence[Mapping[str, Any]]) -> Figure:
    figure, axis = _empty_figure("loss")
    axis.set_yscale("log")
    parts = np.array_split([(line["step"], line["loss"]) for line in losses], min(len(losses), MOST_POINTS))
    _draw(axis, [part[-1, 0] for part in parts], [part[:, 1].mean() for part in parts], "")
    return figure


def _figure_of_report(reports: Sequence[Mapping[str, Any]], key: str, label: str) -> Figure:
    """Draw one figure of all reports, and a dashed line for what it is of grey and of true photos."""
    figure, axis = _empty_figure(label)
    values = [line["validation"][key] for line in reports]
    _draw(axis, [line["step"] for line in reports], values, f"network, now {values[-1]:.2f}")
    # The truth has no error to draw: only how colourful it is says something.
    for name in ("grey", "truth") if key == "colourfulness" else ("grey",):
        value = reports[-1][name][key]
        axis.axhline(value, color=COLOURS[name], linestyle="--", label=f"{name}, {value:.2f}")
    axis.legend(fontsize=9)
    return figure


def _empty_figure(label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(5, 3.2), layout="constrained")
    axis = figure.subplots()
    axis.set_xlabel("step")
    axis.set_ylabel(label)
    axis.grid(alpha=0.3)
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    return figure, axis


def _draw(axis: Axes, steps: Sequence[int], values: Sequence[float], label: str) -> None:
    axis.plot(steps, values, color=COLOURS["network"], linewidth=1, marker="." if len(steps) < 50 else "", label=label)
    axis.set_xlim(0, 1.02 * steps[-1])
