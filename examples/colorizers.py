"""All colorizers on the same photos: python examples/colorizers.py PHOTOS OTHER_PHOTOS.

Each learns from PHOTOS for about ten minutes on two cores, is judged on OTHER_PHOTOS, and colours the photos that come
with the library. The papers' networks have a quarter of their channels; all are trained alike, with Adam and one cycle
of the learning rate, because the papers' own rates are meant for days. One that was stopped goes on where it was.
"""

import json
import sys
from pathlib import Path

import numpy as np
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

import tinycolor as tc
from tinycolor.data.dataset import open_dataset
from tinycolor.data.photos import jpeg
from tinycolor.data.shipped import shipped_photos
from tinycolor.data.shrunk import shrink
from tinycolor.evaluate import JudgedPhotos, baselines, grey_photos, judge
from tinycolor.files import write_whole
from tinycolor.networks.colorizer import Colorizer
from tinycolor.training import run as runs
from tinycolor.training.recipes import settings_for

# As many steps as two cores make in ten minutes.
STEPS = {"color-unet": 900, "zhang": 1500, "zhang-l2": 1700, "iizuka": 3600, "iizuka-baseline": 4400}
WIDTH = 1 / 4  # of the papers' networks; ColorUNet is small as it is
SIZE, BATCH = 64, 16
OUT = Path("out/examples/colorizers")

FIGURES = {
    "ab_mae": ("ab MAE", "{:.2f}"),
    "psnr": ("PSNR", "{:.2f}"),
    "auc": ("AuC", "{:.4f}"),
    "balanced_auc": ("balanced AuC", "{:.4f}"),
    "colourfulness": ("colourfulness", "{:.1f}"),
}
TILE, GAP, HEAD = 128, 4, 26  # of the sheets, in pixels


def learn(model: str, photos: Path, out: Path, steps: int) -> Colorizer:
    """Train a model, or go on with it, and return the network that judged best on the way."""
    if (out / runs.LAST).exists():
        run = runs.resume(photos, out)
    else:
        dataset = open_dataset(photos)
        settings = settings_for(
            dataset,
            steps,
            0,
            task="colorize",
            model=model,
            width=1.0 if model == "color-unet" else WIDTH,
            size=SIZE,
            batch=BATCH,
            optimizer="adam",
            schedule="one-cycle",
            learning_rate=1e-3,
        )
        run = runs.start(dataset, out, settings)
    for step in run.steps():
        if step.scores:
            print(f"{model}, step {step.number:,} of {steps:,}: {run.task.sentence(step.scores)}", flush=True)
    return tc.load_checkpoint(out / runs.BEST, Colorizer)


def table(results: dict[str, dict[str, float]]) -> str:
    """Return the figures of every method as a table in Markdown."""
    rows = [["", *(heading for heading, _ in FIGURES.values())], ["---", *["---:"] * len(FIGURES)]]
    for method, scores in results.items():
        rows.append([method, *(form.format(scores[name]) for name, (_, form) in FIGURES.items())])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def sheet(photos: list[np.ndarray], networks: dict[str, Colorizer]) -> bytes:
    """Return a JPEG file: a row for every photo, in grey, as every network colours it, and as it is."""
    columns = ["grey", *networks, "truth"]
    pitch = TILE + GAP
    whole = Image.new("RGB", (len(columns) * pitch - GAP, HEAD + len(photos) * pitch - GAP), "white")
    font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), 13)
    for column, heading in enumerate(columns):
        ImageDraw.Draw(whole).text((column * pitch + TILE / 2, HEAD / 2), heading, "#222222", font, anchor="mm")
    for row, photo in enumerate(photos):
        pictures = [grey_photos(photo[None])[0], *(tc.colorize(photo, net) for net in networks.values()), photo]
        for column, picture in enumerate(pictures):
            small = Image.fromarray(middle(picture)).resize((TILE, TILE), Image.Resampling.LANCZOS)
            whole.paste(small, (column * pitch, HEAD + row * pitch))
    return jpeg(np.asarray(whole))


def middle(photo: np.ndarray) -> np.ndarray:
    """Return the largest square in the middle of a photo."""
    side = min(photo.shape[:2])
    top, left = (photo.shape[0] - side) // 2, (photo.shape[1] - side) // 2
    return photo[top : top + side, left : left + side]


def compare(photos: Path, others: Path, out: Path, steps: dict[str, int]) -> dict[str, dict[str, float]]:
    """Train and judge all; write the table, the figures and two sheets of the library's photos into ``out``."""
    networks = {model: learn(model, photos, out / model, count) for model, count in steps.items()}
    judged = list(JudgedPhotos(others, SIZE))
    results = baselines(judged)
    truth = results.pop("truth")
    results |= {model: judge(network, judged) for model, network in networks.items()} | {"truth": truth}
    ours = [shrink(tc.open_image(path), 2 * TILE) for path in shipped_photos()]
    half = len(ours) // 2
    write_whole(
        {
            out / "table.md": f"{table(results)}\n".encode(),
            out / "figures.json": json.dumps(results, indent=2).encode(),
            out / "sheet_1.jpg": sheet(ours[:half], networks),
            out / "sheet_2.jpg": sheet(ours[half:], networks),
        }
    )
    return results


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python examples/colorizers.py PHOTOS OTHER_PHOTOS")
    OUT.mkdir(parents=True, exist_ok=True)
    print(table(compare(Path(sys.argv[1]), Path(sys.argv[2]), OUT, STEPS)))
    print(OUT)
