"""``tinycolor demo``: a network learns to tell a cross from a circle before your eyes, and shows how it does it."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from tinycolor.data.shapes import draw
from tinycolor.demo import pictures
from tinycolor.demo.figure1 import figure1
from tinycolor.demo.figure2 import figure2
from tinycolor.demo.page import png, write_page
from tinycolor.demo.training import BATCH, SIZE
from tinycolor.inspect import explain
from tinycolor.networks import CrossCircleCNN
from tinycolor.random import Generator


def save(net: CrossCircleCNN, curve: list[float], summary: str, folder: Path, seed: int) -> list[Path]:
    """Write what a trained network shows, as PNG files and one page, and return their paths, the page first.

    Raises
    ------
    OSError
        The folder or a file cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sections = _sections(net, curve, seed)
    paths = [folder / f"{name}.png" for name in sections]
    for path, (_, _, figure) in zip(paths, sections.values(), strict=True):
        path.write_bytes(png(figure))
    write_page(folder / "index.html", "Cross or circle?", summary, list(sections.values()))
    return [folder / "index.html", *paths]


def _sections(net: CrossCircleCNN, curve: list[float], seed: int) -> dict[str, tuple[str, str, Figure]]:
    x, _ = draw(12, SIZE, Generator(seed, epoch=2))
    surest = net.predict(x).argmax(0)
    middle = SIZE // 2
    return {
        "figure1": (
            "Looking for pieces (the survey's Figure 1)",
            "A filter is a small picture of what to look for. It is laid on every patch of the picture.",
            figure1(),
        ),
        "figure2": (
            "Voting (the survey's Figure 2)",
            "Pooling keeps the best match of each corner. Each of these twelve numbers votes for cross and circle.",
            figure2(),
        ),
        "learning": (
            "Learning",
            "Nobody draws the filters of a real network. They start as noise; every step corrects them a little.",
            pictures.figure_of_curve(curve, BATCH),
        ),
        "what_it_sees": (
            "What it looks for now",
            "The filters that it found for itself, and where each finds its pattern in a cross and in a circle.",
            pictures.figure_of_maps(net, x[surest]),
        ),
        "votes": ("Unseen drawings", "None of these took part in the learning.", pictures.figure_of_votes(net, x)),
        "one_number": (
            "One number of the first feature map",
            "Nothing is hidden: this is all the arithmetic behind one dot.",
            explain(net.stages[0], x[surest[:1]], (0, middle, middle, 0)).figure(),
        ),
    }
