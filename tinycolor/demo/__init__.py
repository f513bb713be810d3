"""``tinycolor demo``: a network learns to tell a cross from a circle before your eyes, and shows how it does it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from matplotlib.figure import Figure

from tinycolor.data.shapes import draw
from tinycolor.demo import pictures
from tinycolor.demo.figure1 import figure1
from tinycolor.demo.figure2 import figure2
from tinycolor.demo.training import BATCH, SIZE
from tinycolor.figures import png
from tinycolor.files import write_whole
from tinycolor.inspect import explain
from tinycolor.networks import CrossCircleCNN
from tinycolor.page import image, page, section
from tinycolor.random import Generator


def make_folder(folder: Path) -> None:
    """Make a folder, if it is not there, and find out whether files can be written in it.

    Raises
    ------
    OSError
        They cannot.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def save(net: CrossCircleCNN, curve: list[float], summary: str, folder: Path, seed: int) -> list[Path]:
    """Write what a trained network shows, as PNG files and one page, and return their paths, the page first.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    sections = {
        folder / f"{name}.png": (heading, text, png(figure))
        for name, (heading, text, figure) in _sections(net, curve, seed).items()
    }
    pieces = [section(heading, text, image(picture, heading)) for heading, text, picture in sections.values()]
    files = {folder / "index.html": page("Cross or circle?", summary, *pieces)}
    files |= {path: picture for path, (_, _, picture) in sections.items()}
    write_whole(files)
    return list(files)


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
