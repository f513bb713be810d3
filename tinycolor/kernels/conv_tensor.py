"""Launches chapter 4, ``conv_tensor.cu``: TF32 products, float32 sums. The functions are those of ``ops/conv.py``.

Needs a GPU of compute capability 8.0 or later.
"""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.kernels.implicit_gemm import ImplicitGemm, Tile
from tinycolor.kernels.loader import address

WARP = 32  # threads
ROWS, COLUMNS = 64, 32  # of a tile; or twice as many
ENOUGH_TILES = 264  # two for each multiprocessor of a large GPU: then they may as well be larger


def tile(rows: int, channels: int, filters: int, rounded: bool, *arrays: Array) -> Tile:
    """Return a tile that is narrower where there are few filters, and lower where a GPU would have too few.

    Copies go by four numbers, 16 bytes, where each run of channels and each array begins at a multiple of 16; else
    the tile is low, too, and its warps round what they read also where that was done.
    """
    across = COLUMNS if filters <= COLUMNS else 2 * COLUMNS
    aligned = all(address(array) % 16 == 0 for array in arrays)
    width = 4 if channels % 4 == filters % 4 == 0 and aligned else 1
    large_tiles = -(-rows // (2 * ROWS)) * -(-filters // across)
    down = 2 * ROWS if large_tiles >= ENOUGH_TILES and width == 4 else ROWS
    constants = {"TILE_M": down, "TILE_N": across, "WIDTH": width, "ROUNDED": int(rounded and width == 4)}
    return Tile(down, across, threads=2 * (across // COLUMNS) * WARP, constants=constants)


_gemm = ImplicitGemm("conv_tensor", tile, tensor_cores=True)
conv2d, conv2d_dx, conv2d_dw = _gemm.conv2d, _gemm.conv2d_dx, _gemm.conv2d_dw
