"""Winograd's convolution F(4x4, 3x3): the same 3x3 convolution with a quarter of the multiplications.

The same three functions as ``ops/conv.py``, for NumPy, 3x3 filters with stride 1. A 3x3 filter over a 6x6 tile
of the picture makes 4x4 outputs: 144 multiplications. Seen as polynomials, rows and columns are products that
6 points determine, so 36 multiplications are enough, between numbers that cheap linear transforms make:

    V = B^T tile B        U = G filter G^T        y = A^T (U * V) A

Summed over channels, each of the 36 products is a matrix product over all tiles. Each two-sided transform is
one product too, with the Kronecker product of its matrix with itself: few, large calls let the lanes run free.

The 6 points are free to choose. Whole numbers (0, 1, -1, 2, -2 and infinity, as in the paper) make transforms that
need no multiplication; ours are matrix products anyway, so the points are those with the smallest rounding error
that a search over fractions found, two to three times smaller: about three times that of the blocked path.

Source: A. Lavin, S. Gray, "Fast algorithms for convolutional neural networks", CVPR 2016, section 4; the gradient
for the weight transposes the same three transforms. The matrices are Cook and Toom's.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from tinycolor.ops.conv import NONE, ONE
from tinycolor.ops.fast.blocks import Block, cut, rectangle
from tinycolor.ops.shapes import Pair
from tinycolor.threads import in_lanes, one_blas_thread, scratch, sum_in_lanes

TILE = 4
FINITE_POINTS = (0, 5 / 8, -5 / 8, 3 / 2, -3 / 2)  # and infinity
POINTS = 36  # 6 x 6, both ways


def cook_toom(points: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return B^T (6, 6), G (6, 3) and A^T (4, 6) for five finite points and infinity.

    G evaluates a filter, as a polynomial of degree 2, at every point (at infinity: its last coefficient), and
    divides by what Lagrange's formula divides by. A does the same for 4 outputs, and B interpolates.
    """
    others = [[q for q in points if q != p] for p in points]
    b_t = np.zeros((6, 6))
    b_t[:5, :5] = [np.poly(rest)[::-1] for rest in others]
    b_t[5] = np.poly(points)[::-1]
    g, a_t = np.zeros((6, 3)), np.zeros((4, 6))
    g[:5] = [[p**k / np.prod(np.subtract(p, rest)) for k in range(3)] for p, rest in zip(points, others, strict=True)]
    a_t[:, :5] = [[p**k for p in points] for k in range(TILE)]
    g[5, 2] = a_t[3, 5] = 1
    return b_t, g, a_t


# Of V and the products, per block: larger than a cache, because each NumPy call has its price.
BLOCK_BYTES = 1 << 22


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> np.ndarray:
    """Return y (N, Ho, Wo, F), as ``ops.conv.conv2d``; 3x3, stride 1, dilation 1."""
    n, h, w, c = x.shape
    f = weight.shape[-1]
    ho, wo = h + 2 * padding[0] - 2, w + 2 * padding[1] - 2
    high, wide = -(-ho // TILE), -(-wo // TILE)
    _, from_filter, to_output = _transforms(x.dtype.str)
    with one_blas_thread():
        u = (from_filter @ weight.reshape(9, c * f)).reshape(POINTS, c, f)
    # Whole tiles; what they cover beyond the output is cut off at the end.
    y = np.empty((n, high, TILE, wide, TILE, f), x.dtype)

    # Two work arrays take turns: tiles and then products are in "a", V and then outputs in "b".
    def convolve(block: Block) -> None:
        v = _tiles_at_points(x, block, wide, padding)
        tiles = v.shape[1]
        products = scratch("a", (POINTS, tiles, f), x.dtype)
        np.matmul(v, u, out=products)
        outputs = scratch("b", (TILE * TILE, tiles * f), x.dtype)
        np.matmul(to_output, products.reshape(POINTS, tiles * f), out=outputs)
        target = y[block.images, block.first : block.last].transpose(2, 4, 0, 1, 3, 5)
        if bias is None:
            target[...] = outputs.reshape(target.shape)
        else:
            np.add(outputs.reshape(target.shape), bias, out=target)

    in_lanes(convolve, _blocks(n, high, wide, c + f, x.itemsize))
    whole = y.reshape(n, high * TILE, wide * TILE, f)
    return whole if whole.shape[1:3] == (ho, wo) else np.ascontiguousarray(whole[:, :ho, :wo])


def conv2d_dx(
    dy: np.ndarray,
    weight: np.ndarray,
    x_shape: tuple[int, ...],
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> np.ndarray:
    """Return dx (N, H, W, C), as ``ops.conv.conv2d_dx``: a convolution of dy with the flipped filters."""
    flipped = weight[::-1, ::-1].transpose(0, 1, 3, 2)
    return conv2d(dy, flipped, padding=(2 - padding[0], 2 - padding[1]))


def conv2d_dw(
    x: np.ndarray,
    dy: np.ndarray,
    kernel_size: Pair,
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> np.ndarray:
    """Return dw (3, 3, C, F), as ``ops.conv.conv2d_dw``: ``dw = G^T (sum over tiles of V * A dy A^T) G``."""
    n, ho, wo, f = dy.shape
    c = x.shape[-1]
    high, wide = -(-ho // TILE), -(-wo // TILE)
    _, from_filter, to_output = _transforms(x.dtype.str)

    def multiply(block: Block, out: np.ndarray) -> None:
        v = _tiles_at_points(x, block, wide, padding)
        tiles = v.shape[1]
        images = block.images.stop - block.images.start
        pixels = rectangle(dy, block.images, block.first * TILE, 0, (block.last - block.first) * TILE, wide * TILE)
        outputs = scratch("c", (TILE, TILE, images, block.last - block.first, wide, f), x.dtype)
        outputs[...] = pixels.reshape(images, -1, TILE, wide, TILE, f).transpose(2, 4, 0, 1, 3, 5)
        d = scratch("a", (POINTS, tiles * f), x.dtype)
        np.matmul(to_output.T, outputs.reshape(TILE * TILE, tiles * f), out=d)
        np.matmul(v.transpose(0, 2, 1), d.reshape(POINTS, tiles, f), out=out)

    (du,) = sum_in_lanes(multiply, _blocks(n, high, wide, c + f, x.itemsize), [(POINTS, c, f)], x.dtype)
    with one_blas_thread():
        return (from_filter.T @ du.reshape(POINTS, c * f)).reshape(3, 3, c, f)


@cache
def _transforms(dtype: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The three two-sided transforms as one matrix each: (36, 36), (36, 9) and (16, 36)."""
    to_points, from_filter, to_output = (np.kron(m, m).astype(dtype) for m in cook_toom(FINITE_POINTS))
    return to_points, from_filter, to_output


def _blocks(n: int, high: int, wide: int, channels: int, itemsize: int) -> list[Block]:
    return cut(n, high, POINTS * channels * wide * itemsize, BLOCK_BYTES)


def _tiles_at_points(x: np.ndarray, block: Block, wide: int, padding: Pair) -> np.ndarray:
    """V of one block of tile rows: (36, tiles, C), in scratch."""
    rows, c = block.last - block.first, x.shape[-1]
    pixels = rectangle(x, block.images, block.first * TILE - padding[0], -padding[1], rows * TILE + 2, wide * TILE + 2)
    image, row, column, channel = pixels.strides
    shape = (6, 6, len(pixels), rows, wide, c)
    tiles = scratch("a", shape, x.dtype)
    tiles[...] = np.lib.stride_tricks.as_strided(
        pixels, shape, (row, column, image, TILE * row, TILE * column, channel)
    )
    to_points, _, _ = _transforms(x.dtype.str)
    v = scratch("b", (POINTS, tiles.size // POINTS), x.dtype)
    np.matmul(to_points, tiles.reshape(POINTS, -1), out=v)
    return v.reshape(POINTS, -1, c)
