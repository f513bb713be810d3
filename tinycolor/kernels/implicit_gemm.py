"""Launches chapters 3 and 4: both are products of tiles, and differ only in how a tile is multiplied.

The way back needs no kernel of its own. With stride 1, dx is a convolution of dy: each pixel looks at the places
that have read it, through the filter turned round (the steps from tap to tap become negative). With stride 2 the
even and the odd pixels were read through different taps, so there are two such convolutions along each side, each
with its own taps and each filling every second pixel of dx. With stride s there are s, and no product is wasted.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import gcd, prod
from typing import NamedTuple

import numpy as np

from tinycolor.backend import Array, array_module
from tinycolor.kernels import loader
from tinycolor.kernels.tile_sums import note, room_for_sums
from tinycolor.kernels.windows import places
from tinycolor.ops.conv import NONE, ONE
from tinycolor.ops.shapes import Pair

# What decides how sums are cut into slices (gather.cuh): shapes alone, so all GPUs add up in the same order.
BLOCKS_WANTED = 512  # a few for each multiprocessor of a large GPU
FEW_TILES = 128  # of y, dx: fewer than it has multiprocessors. For dw, whose sums are long, more tiles are few, too
LEAST_SLICE = 256  # terms that are worth a sheet of their own
ALIGNED = 16  # bytes: weights that begin elsewhere, in the midst of others, are moved, to be copied by four numbers


class Tile(NamedTuple):
    """What one block of threads works on."""

    rows: int
    filters: int
    threads: int
    constants: dict[str, int]


class Axis(NamedTuple):
    """One side of a convolution: place t has its tap i on pixel ``t * stride + start + i * tap``.

    Its answer goes to pixel ``to + t * step`` of the output. ``taps`` says which of the filter's taps take part.
    """

    places: int
    stride: int
    start: int
    tap: int
    taps: slice = slice(None)
    to: int = 0
    step: int = 1


def forward_axis(count: int, stride: int, padding: int, dilation: int) -> Axis:
    """Return the axis of y: ``count`` places, one after another."""
    return Axis(count, stride, -padding, dilation)


def backward_axes(size: int, kernel: int, stride: int, padding: int, dilation: int) -> list[Axis]:
    """Return the axes of dx, one for each remainder r: they fill the pixels r, r + stride, r + 2 stride ...

    Pixel q was read through tap i by place (q + padding - i * dilation) / stride, if that is a whole number.
    For the pixels of one remainder these are always the same taps, an even row of them.
    """
    together = gcd(stride, dilation)
    axes = []
    for remainder in range(min(stride, size)):
        taps = [i for i in range(kernel) if (remainder + padding - i * dilation) % stride == 0]
        start = (remainder + padding - taps[0] * dilation) // stride if taps else 0
        axes.append(
            Axis(
                places=-(-(size - remainder) // stride),
                stride=1,
                start=start,
                tap=-(dilation // together),
                taps=slice(taps[0], None, stride // together) if taps else slice(0),
                to=remainder,
                step=stride,
            )
        )
    return axes


def gather(
    x_shape: tuple[int, ...], y_shape: tuple[int, ...], kernel_size: tuple[int, ...], rows: Axis, columns: Axis
) -> np.ndarray:
    """Return the struct ``Gather`` of a convolution that reads pictures x and writes pictures y."""
    n, h, w, c = x_shape
    _, to_h, to_w, f = y_shape
    kh, kw = kernel_size
    return loader.struct(
        "Gather",
        **{"n": n, "h": h, "w": w, "c": c, "f": f, "kh": kh, "kw": kw, "to_h": to_h, "to_w": to_w},
        rows=rows.places,
        row_stride=rows.stride,
        row_start=rows.start,
        row_tap=rows.tap,
        to_row=rows.to,
        row_step=rows.step,
        columns=columns.places,
        column_stride=columns.stride,
        column_start=columns.start,
        column_tap=columns.tap,
        to_column=columns.to,
        column_step=columns.step,
    )


class ImplicitGemm:
    """The three directions of a convolution, by the kernels ``convolve`` and ``convolve_dw`` of one chapter.

    Parameters
    ----------
    chapter : str
        Name of the ``.cu`` file.
    tile : function
        From the rows of the product, the channels, the filters, and the arrays that tiles are copied from, to the Tile.
    notes_sums : bool
        Whether ``convolve`` can note the sums of its answers, see ``tile_sums``.
    """

    def __init__(self, chapter: str, tile: Callable[..., Tile], *, notes_sums: bool) -> None:
        self.chapter, self.tile, self.notes_sums = chapter, tile, notes_sums

    def conv2d(
        self,
        x: Array,
        weight: Array,
        bias: Array | None = None,
        *,
        stride: Pair = ONE,
        padding: Pair = NONE,
        dilation: Pair = ONE,
    ) -> Array:
        """Return y (N, Ho, Wo, F) of x (N, H, W, C), weight (kh, kw, C, F) and bias (F,)."""
        x, weight, bias = loader.floats(x, weight, bias)
        size = places(x.shape, weight.shape[:2], stride, padding, dilation)
        rows, columns = (forward_axis(*side) for side in zip(size, stride, padding, dilation, strict=True))
        return self._convolve(x, weight, bias, (len(x), *size, weight.shape[-1]), [(rows, columns)])

    def conv2d_dx(
        self,
        dy: Array,
        weight: Array,
        x_shape: tuple[int, ...],
        *,
        stride: Pair = ONE,
        padding: Pair = NONE,
        dilation: Pair = ONE,
    ) -> Array:
        """Return dx (N, H, W, C) of dy (N, Ho, Wo, F) and weight (kh, kw, C, F)."""
        dy, weight = loader.floats(dy, weight)
        sides = zip(x_shape[1:3], weight.shape[:2], stride, padding, dilation, strict=True)
        axes = list(product(*(backward_axes(*side) for side in sides)))
        return self._convolve(dy, weight.transpose(0, 1, 3, 2), None, x_shape, axes)

    def conv2d_dw(
        self,
        x: Array,
        dy: Array,
        kernel_size: Pair,
        *,
        stride: Pair = ONE,
        padding: Pair = NONE,
        dilation: Pair = ONE,
    ) -> Array:
        """Return dw (kh, kw, C, F) of x (N, H, W, C) and dy (N, Ho, Wo, F)."""
        x, dy = loader.floats(x, dy)
        channels, filters = x.shape[-1], dy.shape[-1]
        rows, columns = (forward_axis(*s) for s in zip(dy.shape[1:3], stride, padding, dilation, strict=True))
        numbers = prod(kernel_size) * channels
        tile = self.tile(numbers, channels, filters, x, dy)
        tiles = tiles_over(numbers, filters, tile)
        slices = slices_of(prod(dy.shape[:3]), prod(tiles))
        sheets = loader.empty(x, (slices, *kernel_size, channels, filters))
        sizes = gather(x.shape, dy.shape, kernel_size, rows, columns)
        sum_of = (x, dy, sheets, sizes)
        loader.launch(self.chapter, "convolve_dw", (*tiles, slices), tile.threads, sum_of, **tile.constants)
        return self._added(sheets, tile)

    def _convolve(
        self, x: Array, weight: Array, bias: Array | None, y_shape: tuple[int, ...], axes: list[tuple[Axis, ...]]
    ) -> Array:
        """Return y, of which each pair of axes fills its own pixels: on the same sheets, so in as many slices."""
        filters = weight.shape[3]
        parts = [array_module(x).ascontiguousarray(weight[rows.taps, columns.taps]) for rows, columns in axes]
        parts = [part if loader.address(part) % ALIGNED == 0 else part.copy() for part in parts]
        places_of = [len(x) * rows.places * columns.places for rows, columns in axes]
        tile = self.tile(max(places_of, default=0), weight.shape[2], filters, x, *parts)
        tiles = [tiles_over(count, filters, tile) for count in places_of]
        most_tiles = max(map(prod, tiles), default=0)
        most_terms = max((prod(part.shape[:3]) for part in parts), default=0)
        slices = slices_of(most_terms, most_tiles) if most_tiles <= FEW_TILES else 1
        sheets = loader.empty(x, (slices, *y_shape))
        whole = self.notes_sums and bias is None and len(axes) == slices == 1
        sums = room_for_sums(x, tiles[0][0], filters) if whole else None
        for part, (rows, columns), grid in zip(parts, axes, tiles, strict=True):
            sizes = gather(x.shape, y_shape, part.shape[:2], rows, columns)
            noted = (sums,) if self.notes_sums else ()
            sum_of = (x, part, bias, sheets, *noted, sizes)
            loader.launch(self.chapter, "convolve", (*grid, slices), tile.threads, sum_of, **tile.constants)
        y = self._added(sheets, tile)
        if sums is not None:
            note(y, sums)
        return y

    def _added(self, sheets: Array, tile: Tile) -> Array:
        """Return the sum of the sheets, which all have the shape of the answer."""
        if len(sheets) == 1:
            return sheets[0]
        total = loader.empty(sheets, sheets.shape[1:])
        sum_of = (sheets, total, np.int64(total.size), np.int32(len(sheets)))
        loader.launch_each(self.chapter, "add_slices", total.size, sum_of, **tile.constants)
        return total


def tiles_over(rows: int, filters: int, tile: Tile) -> Pair:
    """Return how many tiles cover a product of ``rows`` x ``filters`` numbers."""
    return -(-rows // tile.rows), -(-filters // tile.filters)


def slices_of(terms: int, tiles: int) -> int:
    """Return into how many slices sums of so many terms are cut, so that so many tiles keep a large GPU busy."""
    return max(1, min(BLOCKS_WANTED // max(1, tiles), terms // LEAST_SLICE))
