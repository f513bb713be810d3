"""Launches chapter 4, ``conv_tensor.cu``: TF32 products, float32 sums. The functions are those of ``ops/conv.py``.

Needs a GPU of compute capability 8.0 or later.
"""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.kernels.implicit_gemm import ImplicitGemm, Tile
from tinycolor.kernels.loader import address

ROWS = 64
WARP = 32  # threads, and the side of the square of answers that they share


def tile(channels: int, filters: int, *arrays: Array) -> Tile:
    """Return a tile that is narrower where there are few filters.

    Copies go by four numbers, 16 bytes, where each run of channels and each array begins at a multiple of 16.
    """
    across = WARP if filters <= WARP else 2 * WARP
    aligned = all(address(array) % 16 == 0 for array in arrays)
    width = 4 if channels % 4 == filters % 4 == 0 and aligned else 1
    threads = (ROWS // WARP) * (across // WARP) * WARP
    return Tile(ROWS, across, threads, {"TILE_M": ROWS, "TILE_N": across, "WIDTH": width})


_gemm = ImplicitGemm("conv_tensor", tile, notes_sums=True)
conv2d, conv2d_dx, conv2d_dw = _gemm.conv2d, _gemm.conv2d_dx, _gemm.conv2d_dw
