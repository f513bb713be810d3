"""The figures of ``explain``: pictures, windows and numbers side by side, as on a blackboard.

Colours are read with the numbers beside them, so nothing is lost in a grey print: numbers carry their sign, the
chosen pixels a frame, and places outside the picture a hatching.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import ArrayLike

from tinycolor.inspect.numerals import decimals_for, numeral

if TYPE_CHECKING:
    from tinycolor.inspect.windows import ConvolutionExplained, MaximumExplained

TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
BELOW, ABOVE = "#24527a", "#ee9a2e"
SIGNED = LinearSegmentedColormap.from_list("signed", [BELOW, "#ffffff", ABOVE])
FRAME = "#c1121f"
MOST_NUMBERS = 10
FEW_PIXELS = 5
WIDTH = 12.0
LARGEST_PANEL = 2.4


def convolution(e: ConvolutionExplained) -> Figure:
    """Picture, window x filter = products, and the feature map that the sum goes into."""
    image, row, column, unit = e.at
    channel, channels = int(e.strongest[0]), len(e.strongest)
    middle = 1.0 if max(e.inside.shape) <= FEW_PIXELS else 1.35
    arrow = "sum" if e.bias is None else "sum,\n+ bias"
    figure, axes = _panels(
        f"One number of a convolution: {e.name}", (1.25, middle, middle, middle, 1.25), ("", TIMES, "=", f"{arrow}\n→")
    )
    window = f"the window\n{e.where()}".replace("-", MINUS)
    picture, features = np.asarray(e.x[image, :, :, channel]), np.asarray(e.y[image, :, :, unit])
    _picture(axes[0], picture, f"the picture\nx[{image}, :, :, {channel}]")
    _show_window(axes[0], picture.shape, e.rows, e.columns)
    _grid(axes[1], e.pixels[..., channel], window, like=picture, inside=e.inside)
    _grid(axes[2], e.weight[..., channel], f"filter {unit}\nweight[:, :, {channel}, {unit}]")
    _grid(axes[3], e.products[..., channel], f"the products\nwindow {TIMES} filter")
    _picture(axes[4], features, f"the feature map\ny[{image}, :, :, {unit}]", signed=True)
    _frame(axes[4], row, column, 1, 1)
    terms = [("products" if channels == 1 else f"channel {channel}:", e.channel_sums[channel])]
    if channels > 1:
        others = "the other channel:" if channels == 2 else f"the {channels - 1} other channels:"
        terms.append((others, e.channel_sums.sum() - e.channel_sums[channel]))
    if e.bias is not None:
        terms.append(("bias", e.bias))
    notes = ["blue (darker): below zero; orange (lighter): above"]
    if channels > 1:
        notes.append(f"shown is channel {channel} of {channels}, which counts most")
    if not e.inside.all():
        notes.append("hatched: outside the picture, zero")
    _caption(figure, _sum(terms, e.name, e.computed()), "; ".join(notes))
    return figure


def maximum(e: MaximumExplained) -> Figure:
    """Picture, window with its largest pixel framed, and the pooled map."""
    image, row, column, channel = e.at
    figure, axes = _panels(f"One number of a max-pool: {e.name}", (1.25, 1, 1.25), ("", "largest\n→"))
    window = f"the window\n{e.where()}".replace("-", MINUS)
    picture, pooled = np.asarray(e.x[image, :, :, channel]), np.asarray(e.y[image, :, :, channel])
    _picture(axes[0], picture, f"the picture\nx[{image}, :, :, {channel}]")
    _show_window(axes[0], picture.shape, e.rows, e.columns)
    _grid(
        axes[1],
        np.where(e.inside, e.pixels, 0),
        window,
        like=picture,
        inside=e.inside,
    )
    _frame(axes[1], *e.winner, 1, 1)
    _picture(axes[2], pooled, f"the pooled map\ny[{image}, :, :, {channel}]", like=picture)
    _frame(axes[2], row, column, 1, 1)
    value = printed(e.computed(), _few_decimals(picture))
    note = "" if e.inside.all() else "hatched: outside the picture, never the largest"
    _caption(figure, f"the largest of {int(e.inside.sum())} pixels  =  {value}  =  {e.name}", note)
    return figure


def printed(value: float, decimals: int) -> str:
    """Return a number with a true minus sign, as books have it."""
    return numeral(value, decimals).replace("-", MINUS)


def _few_decimals(values: ArrayLike) -> int:
    """Two decimals, unless whole numbers need none or small ones need more."""
    return min(decimals_for(values), max(2, decimals_for(values, digits=2)))


def _panels(title: str, widths: tuple[float, ...], signs: tuple[str, ...]) -> tuple[Figure, list[Axes]]:
    """Return a figure with square panels in a row, and a sign in each gap between them."""
    gap, margin, top, bottom = 0.55, 0.3, 1.25, 0.95
    side = (WIDTH - 2 * margin - gap * (len(widths) - 1)) / sum(widths)
    side = min(side, LARGEST_PANEL)
    width = 2 * margin + gap * (len(widths) - 1) + side * sum(widths)
    height = top + bottom + side * max(widths)
    figure = Figure(figsize=(width, height), facecolor="white")
    figure.suptitle(title, fontsize=15, y=1 - 0.3 / height)
    axes, left, middle = [], margin, bottom + side * max(widths) / 2
    for number, relative in enumerate(widths):
        size = side * relative
        axes.append(figure.add_axes((left / width, (middle - size / 2) / height, size / width, size / height)))
        left += size
        if number < len(signs):
            *words, sign = signs[number].split("\n")
            x, y = (left + gap / 2) / width, middle / height
            figure.text(x, y, sign, fontsize=20, ha="center", va="center")
            figure.text(x, y + 0.17 / height, "\n".join(words), fontsize=9, ha="center", va="bottom")
        left += gap
    return figure, axes


def _picture(
    axes: Axes, values: np.ndarray, title: str, *, signed: bool = False, like: np.ndarray | None = None
) -> None:
    """Draw a whole picture, with numbers if there is room for them."""
    if values.shape[0] <= MOST_NUMBERS and values.shape[1] <= MOST_NUMBERS:
        _grid(axes, values, title, like=None if signed else (values if like is None else like))
    else:
        _colour(axes, values, None if signed else (values if like is None else like))
        axes.set_title(title, fontsize=10)


def _colour(axes: Axes, values: np.ndarray, like: np.ndarray | None) -> np.ndarray:
    """Colour the cells; greys for what is never below zero in the picture ``like``. Return how light each is."""
    everything = values if like is None else like
    limit = float(np.abs(everything).max()) or 1.0
    grey = like is not None and everything.min() >= 0
    image = axes.imshow(values, cmap="gray" if grey else SIGNED, vmin=0 if grey else -limit, vmax=limit)
    axes.set_xticks([])
    axes.set_yticks([])
    return image.to_rgba(values)[..., :3] @ np.array([0.299, 0.587, 0.114])


def _grid(
    axes: Axes,
    values: np.ndarray,
    title: str,
    *,
    like: np.ndarray | None = None,
    inside: np.ndarray | None = None,
) -> None:
    """Draw cells with their numbers in them."""
    light = _colour(axes, values, like)
    axes.set_title(title, fontsize=10)
    decimals = _few_decimals(values)
    texts = [[printed(value, decimals) for value in row] for row in values]
    longest = max(len(text) for row in texts for text in row)
    # The panel as it was laid out, before it shrinks to the window's own proportions.
    panel = axes.get_position(original=True).width * cast(Figure, axes.figure).get_figwidth()
    inches = panel / max(values.shape)
    size = min(12.0, 72 * inches / (0.76 * longest))
    for (i, j), value in np.ndenumerate(light):
        axes.add_patch(Rectangle((j - 0.5, i - 0.5), 1, 1, fill=False, edgecolor="#b0b0b0", linewidth=0.6))
        if inside is not None and not inside[i, j]:
            _hatch(axes, i, j)
        elif max(values.shape) <= MOST_NUMBERS:
            colour = "black" if value > 0.5 else "white"
            axes.text(j, i, texts[i][j], ha="center", va="center", fontsize=size, color=colour)


def _show_window(axes: Axes, size: tuple[int, int], rows: np.ndarray, columns: np.ndarray) -> None:
    """Frame the window in the picture; make room where it sticks out."""
    top, left = int(rows[0]), int(columns[0])
    height, width = int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
    axes.set_ylim(max(size[0], top + height) - 0.5, min(0, top) - 0.5)
    axes.set_xlim(min(0, left) - 0.5, max(size[1], left + width) - 0.5)
    axes.set_frame_on(False)
    axes.add_patch(Rectangle((-0.5, -0.5), size[1], size[0], fill=False, edgecolor="black", linewidth=1))
    for i in rows:
        for j in columns:
            if not (0 <= i < size[0] and 0 <= j < size[1]):
                _hatch(axes, i, j)
    if len(rows) < height or len(columns) < width:
        for i in rows:
            for j in columns:
                axes.plot([j], [i], "o", color=FRAME, markersize=3, markeredgecolor="white", markeredgewidth=0.5)
    _frame(axes, top, left, height, width)


def _hatch(axes: Axes, row: int, column: int) -> None:
    """Mark a cell as lying outside the picture."""
    place = (column - 0.5, row - 0.5)
    axes.add_patch(Rectangle(place, 1, 1, facecolor="white", edgecolor="#909090", hatch="////", linewidth=0.6))


def _frame(axes: Axes, top: int, left: int, height: int, width: int) -> None:
    """Outline some cells so that it shows on light and dark ground."""
    frame = Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor=FRAME, linewidth=2.2, zorder=5)
    frame.set_path_effects([withStroke(linewidth=4.4, foreground="white")])
    frame.set_clip_on(False)
    axes.add_patch(frame)


def _sum(terms: list[tuple[str, float]], name: str, total: float) -> str:
    """Write a sum out in words and numbers: "products 3.00 + bias (−0.03) = 2.97 = y[...]"."""
    decimals = _few_decimals([number for _, number in terms] + [total])
    numbers = [printed(number, decimals) for _, number in terms]
    written = [
        f"{term} ({number})" if number.startswith(MINUS) else f"{term} {number}"
        for (term, _), number in zip(terms, numbers, strict=True)
    ]
    return f"{'  +  '.join(written)}  =  {printed(total, decimals)}  =  {name}"


def _caption(figure: Figure, line: str, note: str) -> None:
    height = figure.get_figheight()
    figure.text(0.5, 0.58 / height, line, ha="center", va="center", fontsize=13)
    figure.text(0.5, 0.25 / height, note, ha="center", va="center", fontsize=9, color="#505050")
