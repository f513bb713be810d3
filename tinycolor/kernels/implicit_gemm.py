"""Launches chapters 3 and 4: both are products of tiles, and differ only in how a tile is multiplied."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from math import prod
from typing import NamedTuple

import numpy as np

from tinycolor.backend import Array
from tinycolor.kernels import loader, rounding
from tinycolor.kernels.sides import backward_side, bundles, forward_sides, gathers, most_places
from tinycolor.kernels.tile_sums import room_for_sums, sums_of_tiles
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


class ImplicitGemm:
    """The three directions of a convolution, by a chapter's kernels ``convolve``, ``convolve_dx`` and ``convolve_dw``.

    Parameters
    ----------
    chapter : str
        Name of the ``.cu`` file.
    tile : function
        From the rows of the product, the channels, the filters, whether both operands are rounded to TF32, and the
        operands themselves, to the Tile.
    tensor_cores : bool
        Whether it multiplies in TF32. Then weights may come rounded (``rounding``), and ``convolve`` can note the sums
        of its answers (``tile_sums``).
    """

    def __init__(self, chapter: str, tile: Callable[..., Tile], *, tensor_cores: bool) -> None:
        self.chapter, self.tile, self.tensor_cores = chapter, tile, tensor_cores

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
        rounded, x, weight = operands(x, self._as_multiplied(weight))
        (_, bias), (kh, kw, channels, filters) = loader.floats(x, bias), weight.shape
        sides = forward_sides((kh, kw), places(x.shape, (kh, kw), stride, padding, dilation), stride, padding, dilation)
        rows = len(x) * most_places(sides)
        tile = self.tile(rows, channels, filters, rounded, x, weight)
        tiles = tiles_over(rows, filters, tile)
        slices = slices_of(kh * kw * channels, prod(tiles)) if prod(tiles) <= FEW_TILES else 1
        sheets = loader.empty(x, (slices, len(x), *(side.parts[0].places for side in sides), filters))
        sums = room_for_sums(x, tiles[0], filters) if self.tensor_cores and bias is None and slices == 1 else None
        noted = (sums,) if self.tensor_cores else ()
        sum_of = (x, weight, bias, sheets, *noted, gathers(x.shape, sheets.shape[1:], kw, sides, slices))
        self._launch("convolve", (*tiles, slices), tile, sum_of)
        y = self._added(sheets, tile)
        if sums is not None:
            sums_of_tiles.add(y, sums)
        return y

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
        rounded, dy, weight = operands(dy, self._as_multiplied(weight))
        kh, kw, channels, filters = weight.shape
        height, width = zip(x_shape[1:3], (kh, kw), stride, padding, dilation, strict=True)
        sides = backward_side(*height), backward_side(*width)
        products = [prod(part.places for part in parts) for parts in product(*(side.parts for side in sides))]
        tile = self.tile(len(dy) * sum(products), filters, channels, rounded, dy, weight)
        tiles = sum(prod(tiles_over(len(dy) * count, channels, tile)) for count in products)
        most_taps = prod(max((part.taps for part in side.parts), default=0) for side in sides)
        slices = slices_of(most_taps * filters, tiles) if tiles <= FEW_TILES else 1
        sheets = loader.empty(dy, (slices, *x_shape))
        for some in product(*map(bundles, sides)):
            grid = tiles_over(len(dy) * most_places(some), channels, tile)
            layers = prod(len(side.parts) for side in some) * slices
            sum_of = (dy, weight, sheets, gathers(dy.shape, x_shape, kw, some, slices))
            self._launch("convolve_dx", (*grid, layers), tile, sum_of)
        return self._added(sheets, tile)

    def conv2d_dw(
        self,
        x: Array,
        dy: Array,
        kernel_size: Pair,
        *,
        stride: Pair = ONE,
        padding: Pair = NONE,
        dilation: Pair = ONE,
        onto: Array | None = None,
    ) -> Array:
        """Return dw (kh, kw, C, F) of x (N, H, W, C) and dy (N, Ho, Wo, F), or ``onto`` with dw added to it."""
        rounded, x, dy = operands(x, dy)
        channels, filters = x.shape[-1], dy.shape[-1]
        sides = forward_sides(kernel_size, dy.shape[1:3], stride, padding, dilation)
        numbers = prod(kernel_size) * channels
        tile = self.tile(numbers, channels, filters, rounded, x, dy)
        tiles = tiles_over(numbers, filters, tile)
        slices = slices_of(prod(dy.shape[:3]), prod(tiles))
        alone = onto is not None and slices == 1
        sheets = (
            onto[None] if onto is not None and alone else loader.empty(x, (slices, *kernel_size, channels, filters))
        )
        sum_of = (x, dy, sheets, np.bool_(alone), gathers(x.shape, dy.shape, kernel_size[1], sides, slices))
        self._launch("convolve_dw", (*tiles, slices), tile, sum_of)
        return sheets[0] if alone else self._added(sheets, tile, onto)

    def _as_multiplied(self, weight: Array) -> Array:
        return rounding.rounded_copy(weight) if self.tensor_cores else weight

    def _launch(self, kernel: str, grid: tuple[int, ...], tile: Tile, arguments: tuple) -> None:
        loader.launch(self.chapter, kernel, grid, tile.threads, arguments, **tile.constants)

    def _added(self, sheets: Array, tile: Tile, onto: Array | None = None) -> Array:
        """Return the sum of the sheets, which all have the shape of the answer."""
        if len(sheets) == 1 and onto is None:
            return sheets[0]
        total = loader.empty(sheets, sheets.shape[1:]) if onto is None else onto
        sum_of = (sheets, total, np.int64(total.size), np.int32(len(sheets)), np.bool_(onto is not None))
        loader.launch_each(self.chapter, "add_slices", total.size, sum_of, **tile.constants)
        return total


def operands(left: Array, right: Array) -> tuple[bool, Array, Array]:
    """Return whether both are rounded to TF32, and both as kernels read them."""
    rounded = rounding.is_rounded(left) and rounding.is_rounded(right)
    left, right = loader.floats(left, right)
    return rounded, left, right if loader.address(right) % ALIGNED == 0 else right.copy()


def tiles_over(rows: int, filters: int, tile: Tile) -> Pair:
    """Return how many tiles cover a product of ``rows`` x ``filters`` numbers."""
    return -(-rows // tile.rows), -(-filters // tile.filters)


def slices_of(terms: int, tiles: int) -> int:
    """Return into how many slices sums of so many terms are cut, so that so many tiles keep a large GPU busy."""
    return max(1, min(BLOCKS_WANTED // max(1, tiles), terms // LEAST_SLICE))
