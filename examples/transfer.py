"""Colour from another photo, without a network (Welsh 2002): where it works, where it fails, and what swatches do.

It works where the same lightness and roughness means the same colour: the cat takes the wood of a room, the sunset the
sky and the grass of another day, but for the upper sky, which is no lighter than the mountain there. It fails where it
means another: around the flower all that is dark is teal, and so is now dark fur. The method knows of no cats.

To the pagoda's sky the clouds and the snow are nearest, so it stays pale. Two swatches say that it is sky, and that
bushes are grass. Now it is blue where it is dark enough: what is nearly white has no room for colour. Every other
pixel takes the nearer of the two, and so the pagoda becomes a bush.

python examples/transfer.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont, ImageOps

import tinycolor as tc
from tinycolor.color.rectangles import Rectangle
from tinycolor.data.photos import png
from tinycolor.data.shipped import FOLDER, attributions
from tinycolor.evaluate import grey_photos
from tinycolor.files import write_whole

PAIRS = {
    "works": ("lomiri-sunset_by_Aitzol_Berasategi.jpg", "lomiri-aitzgorri_by_Aitzol_Berasategi.jpg"),
    "works too": ("skimage-chelsea.jpg", "lomiri-Wine_by_Jakkub_Mede.jpg"),
    "fails": ("skimage-chelsea.jpg", "sklearn-flower.jpg"),
}
PAGODA, PEAKS = "sklearn-china.jpg", "lomiri-picosdeeuropa_by_Aitzol_Berasategi.jpg"
SIZE = WIDTH, HEIGHT = 216, 144  # of every picture
SWATCHES = {
    "#ff4d4d": (Rectangle(167, 16, 36, 24), Rectangle(76, 9, 36, 18)),  # sky
    "#ffd000": (Rectangle(155, 115, 58, 26), Rectangle(7, 81, 40, 24)),  # bushes, grass
}
GAP, LINE = 4, 24


def photo(name: str) -> np.ndarray:
    """Return the middle of a photo, shrunk."""
    whole = Image.fromarray(tc.open_image(FOLDER / name))
    return np.asarray(ImageOps.fit(whole, SIZE, Image.Resampling.LANCZOS))


def grey(name: str) -> np.ndarray:
    """Return a photo without its colour."""
    return grey_photos(photo(name)[None])[0]


def framed(picture: np.ndarray, place: int) -> np.ndarray:
    """Return a picture with a frame around each of its swatches, the first or the second of every pair."""
    image = Image.fromarray(picture)
    for colour, pair in SWATCHES.items():
        left, top, width, height = pair[place]
        box = left - 2, top - 2, left + width + 1, top + height + 1
        ImageDraw.Draw(image).rectangle(box, outline=colour, width=2)
    return np.asarray(image)


def rows() -> list[dict[str, np.ndarray]]:
    """Return the pictures by their headings: three pairs of photos, and one with swatches."""
    all_rows = []
    for verdict, (name, reference) in PAIRS.items():
        coloured = tc.color.transfer(grey(name), photo(reference))
        all_rows.append(
            {"grey": grey(name), "reference": photo(reference), f"result: {verdict}": coloured, "truth": photo(name)}
        )
    before, colours = grey(PAGODA), photo(PEAKS)
    swatches = list(SWATCHES.values())
    all_rows.append(
        {
            "grey, with swatches": framed(before, 0),
            "reference": framed(colours, 1),
            "result without the swatches": tc.color.transfer(before, colours),
            "result with them": tc.color.transfer(before, colours, swatches=swatches),
        }
    )
    return all_rows


def sheet(all_rows: list[dict[str, np.ndarray]], credit: str) -> np.ndarray:
    """Lay out rows of pictures below their headings, and the credit below all."""
    size = len(all_rows[0]) * (WIDTH + GAP) - GAP, len(all_rows) * (LINE + HEIGHT) + LINE
    whole = Image.new("RGB", size, "white")
    font = font_manager.findfont("DejaVu Sans")

    def write(text: str, middle: tuple[float, float], height: int, colour: str) -> None:
        ImageDraw.Draw(whole).text(middle, text, colour, ImageFont.truetype(font, height), anchor="mm")

    for number, row in enumerate(all_rows):
        top = number * (LINE + HEIGHT)
        for column, (heading, picture) in enumerate(row.items()):
            left = column * (WIDTH + GAP)
            write(heading, (left + WIDTH / 2, top + LINE / 2), 12, "#222222")
            whole.paste(Image.fromarray(picture), (left, top + LINE))
    write(credit, (size[0] / 2, size[1] - LINE / 2), 10, "#666666")
    return np.asarray(whole)


def credit() -> str:
    """Return who made the photos, and under which licences they may be shown."""
    names = dict.fromkeys([name for pair in PAIRS.values() for name in pair] + [PAGODA, PEAKS])
    authors = (f"{made.author.split(' (')[0]} ({made.licence})" for made in map(attributions().get, names))
    return f"Photos: {', '.join(dict.fromkeys(authors))}"


if __name__ == "__main__":
    path = Path("out/examples/transfer.png")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole({path: png(sheet(rows(), credit()))})
    print(path)
