"""Launches chapter 3, ``conv_tiled.cu``: true float32. The functions are those of ``ops/conv.py``."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.kernels.implicit_gemm import ImplicitGemm, Tile


def tile(rows: int, channels: int, filters: int, rounded: bool, *arrays: Array) -> Tile:
    """Return the chapter's one tile."""
    return Tile(rows=64, filters=64, threads=256, constants={})


_gemm = ImplicitGemm("conv_tiled", tile, tensor_cores=False)
conv2d, conv2d_dx, conv2d_dw = _gemm.conv2d, _gemm.conv2d_dx, _gemm.conv2d_dw
