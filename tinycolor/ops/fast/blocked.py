"""Convolution by blocks: im2col a few rows at a time, so that the columns never leave the cache.

The same three functions as ``ops/conv.py``, for NumPy. The plain path writes all columns of the batch to main
memory and reads them back: kh*kw times the picture. Here each lane copies a few megabytes of columns into its
scratch, multiplies at once, and goes on to the next block.
"""

from __future__ import annotations

import math

import numpy as np

from tinycolor.ops import conv as plain
from tinycolor.ops.conv import NONE, ONE
from tinycolor.ops.fast.blocks import Block, cut, rectangle
from tinycolor.ops.im2col import windows
from tinycolor.ops.shapes import Pair, taps, window_count
from tinycolor.threads import in_lanes, scratch, sum_in_lanes

COLUMN_BYTES = 1 << 22
# Below this length of a window's row (kw * C numbers) a copy row by row costs more than one tap by tap.
SHORT_RUN = 16
# With no more input channels than this, dx is scattered.
FEW_CHANNELS = 4
# With no more pixels than this for each filter, dx is left to the plain path.
PIXELS_PER_FILTER = 2
# Scattering needs the columns of a whole image at once.
LARGEST_SCATTER = 4 * COLUMN_BYTES


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> np.ndarray:
    """Return y (N, Ho, Wo, F), as ``ops.conv.conv2d``."""
    kh, kw, c, f = weight.shape
    n, ho, wo = _output_shape(x, (kh, kw), stride, padding, dilation)
    y = np.empty((n, ho, wo, f), x.dtype)
    matrix = weight.reshape(kh * kw * c, f)

    def convolve(block: Block) -> None:
        columns = _columns(x, block, wo, (kh, kw), stride, padding, dilation)
        rows = y[block.images, block.first : block.last].reshape(-1, f)
        np.matmul(columns, matrix, out=rows)
        if bias is not None:
            rows += bias

    in_lanes(convolve, _blocks(x, n, ho, wo, (kh, kw)))
    return y


def conv2d_dw(
    x: np.ndarray,
    dy: np.ndarray,
    kernel_size: Pair,
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> np.ndarray:
    """Return dw (kh, kw, C, F), as ``ops.conv.conv2d_dw``: one product per block, summed in a fixed order."""
    kh, kw = kernel_size
    n, ho, wo, f = dy.shape
    c = x.shape[-1]

    def multiply(block: Block, out: np.ndarray) -> None:
        columns = _columns(x, block, wo, kernel_size, stride, padding, dilation)
        np.matmul(columns.T, dy[block.images, block.first : block.last].reshape(-1, f), out=out)

    (dw,) = sum_in_lanes(multiply, _blocks(x, n, ho, wo, kernel_size), [(kh * kw * c, f)], x.dtype)
    return dw.reshape(kh, kw, c, f)


def conv2d_dx(
    dy: np.ndarray,
    weight: np.ndarray,
    x_shape: tuple[int, ...],
    *,
    stride: Pair = ONE,
    padding: Pair = NONE,
    dilation: Pair = ONE,
) -> np.ndarray:
    """Return dx (N, H, W, C), as ``ops.conv.conv2d_dx``; needs stride 1 or dilation 1 (``choose`` sees to it).

    Gathering copies kh*kw*F numbers per pixel, scattering kh*kw*C: with few input channels it is the cheaper.
    Gathering also lays the filters out anew. With few pixels that takes longer than the product, and the plain path,
    which leaves them as they are, is the faster.
    """
    c, f = weight.shape[2:]
    pixels = dy[..., 0].size
    bytes_per_image = pixels // len(dy) * math.prod(weight.shape[:3]) * dy.itemsize
    if c <= FEW_CHANNELS and bytes_per_image <= LARGEST_SCATTER:
        return _scattered_dx(dy, weight, x_shape, stride, padding, dilation)
    if pixels <= PIXELS_PER_FILTER * f:
        return plain.conv2d_dx(dy, weight, x_shape, stride=stride, padding=padding, dilation=dilation)
    return _gathered_dx(dy, weight, x_shape, stride, padding, dilation)


def _scattered_dx(
    dy: np.ndarray, weight: np.ndarray, x_shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    """The plain path, a few images at a time and tap by tap: every dy adds to all pixels of its window."""
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    (n, h, w, c), (kh, kw, _, f), (ho, wo) = x_shape, weight.shape, dy.shape[1:3]
    matrix = weight.reshape(kh * kw * c, f)
    dx = np.zeros((n, h + 2 * ph, w + 2 * pw, c), dy.dtype)

    def scatter(block: Block) -> None:
        some = dy[block.images]
        by_tap = scratch("columns", (kh, kw, c, *some.shape[:3]), dy.dtype)
        np.matmul(matrix, some.reshape(-1, f).T, out=by_tap.reshape(kh * kw * c, -1))
        for i, j in taps((kh, kw)):
            rows = slice(i * dh, i * dh + sh * ho, sh)
            cols = slice(j * dw, j * dw + sw * wo, sw)
            for channel in range(c):
                dx[block.images, rows, cols, channel] += by_tap[i, j, channel]

    # One image at the least: rows of one image add to the same pixels.
    in_lanes(scatter, cut(n, 1, ho * wo * kh * kw * c * dy.itemsize, COLUMN_BYTES))
    return dx[:, ph : ph + h, pw : pw + w]


def _gathered_dx(
    dy: np.ndarray, weight: np.ndarray, x_shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    """Every pixel hears from all windows that it lay in: a convolution of dy with stride 1.

    Pixel h, counted from the padding, hears ``weight[i]`` from ``dy[(h - i) / stride]`` for every i that divides
    evenly. With h = stride*m + r those are i = r + stride*j, j = 0, 1, ...: for each of the ``stride`` phases r
    a small filter over dy[m - j]. One convolution gives all phases of all m, as channels; laid side by side
    they are dx. With stride 1 there is one phase, and the filter is simply the old one flipped.
    """
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    kh, kw = weight.shape[:2]
    n, h, w, c = x_shape
    small = math.ceil(kh / sh), math.ceil(kw / sw)
    matrix = _phase_filters(weight, stride, small).reshape(-1, sh * sw * c)
    first_m = ph // sh, pw // sw
    count_m = (ph + h - 1) // sh - first_m[0] + 1, (pw + w - 1) // sw - first_m[1] + 1
    # The window of output m begins at dy[m - dilation * (small - 1)].
    border = dh * (small[0] - 1) - first_m[0], dw * (small[1] - 1) - first_m[1]
    dx = np.empty((n, count_m[0], sh, count_m[1], sw, c), dy.dtype)

    def convolve(block: Block) -> None:
        columns = _columns(dy, block, count_m[1], small, ONE, border, dilation)
        shape = (block.images.stop - block.images.start, block.last - block.first, count_m[1], sh, sw, c)
        target = dx[block.images, block.first : block.last]
        if stride == ONE:
            np.matmul(columns, matrix, out=target.reshape(-1, c))
            return
        phases = scratch("phases", (len(columns), sh * sw * c), dy.dtype)
        np.matmul(columns, matrix, out=phases)
        target[...] = phases.reshape(shape).transpose(0, 1, 3, 2, 4, 5)

    in_lanes(convolve, _blocks(dy, n, *count_m, small))
    top, left = ph - sh * first_m[0], pw - sw * first_m[1]
    return dx.reshape(n, count_m[0] * sh, count_m[1] * sw, c)[:, top : top + h, left : left + w]


def _phase_filters(weight: np.ndarray, stride: Pair, small: Pair) -> np.ndarray:
    """Sort a filter's taps by phase: (jh, jw, F, sh, sw, C), its last tap first, with zeros where it has ended."""
    (sh, sw), (kh, kw, c, f) = stride, weight.shape
    whole = np.zeros((small[0] * sh, small[1] * sw, c, f), weight.dtype)
    whole[:kh, :kw] = weight
    by_phase = whole.reshape(small[0], sh, small[1], sw, c, f)[::-1, :, ::-1]
    return np.ascontiguousarray(by_phase.transpose(0, 2, 5, 1, 3, 4))


def _output_shape(
    x: np.ndarray, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> tuple[int, int, int]:
    ho, wo = (window_count(x.shape[1 + a], kernel_size[a], stride[a], padding[a], dilation[a]) for a in (0, 1))
    return len(x), ho, wo


def _blocks(x: np.ndarray, n: int, rows: int, width: int, kernel_size: Pair) -> list[Block]:
    bytes_per_row = width * kernel_size[0] * kernel_size[1] * x.shape[-1] * x.itemsize
    return cut(n, rows, bytes_per_row, COLUMN_BYTES)


def _columns(
    x: np.ndarray, block: Block, width: int, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    """im2col of one block: (windows, kh*kw*C), in scratch. Negative padding leaves out a border."""
    (kh, kw), (sh, sw), (dh, dw) = kernel_size, stride, dilation
    rows = block.last - block.first
    pixels = rectangle(
        x,
        block.images,
        block.first * sh - padding[0],
        -padding[1],
        (rows - 1) * sh + (kh - 1) * dh + 1,
        (width - 1) * sw + (kw - 1) * dw + 1,
    )
    view = windows(pixels, kernel_size, stride, dilation)
    n, _, _, _, _, c = view.shape
    if (kernel_size, stride) == (ONE, ONE):
        return pixels.reshape(-1, c)
    if kw * c < SHORT_RUN:
        # Tap by tap: each row of this array runs along a row of the picture. BLAS takes it transposed.
        by_tap = scratch("columns", (kh, kw, c, n, rows, width), x.dtype)
        np.copyto(by_tap, view.transpose(3, 4, 5, 0, 1, 2))
        return by_tap.reshape(kh * kw * c, -1).T
    columns = scratch("columns", view.shape, x.dtype)
    np.copyto(columns, view)
    return columns.reshape(-1, kh * kw * c)
