"""im2col: lay every window of a picture out as one row, so that a convolution becomes one matrix product."""

from __future__ import annotations

from tinycolor.backend import Array, array_module
from tinycolor.ops.shapes import Pair, taps, window_count


def pad(x: Array, padding: Pair) -> Array:
    """Return x (N, H, W, C) with a border of zeros, (N, H + 2*ph, W + 2*pw, C); x itself if there is none."""
    ph, pw = padding
    if ph == pw == 0:
        return x
    n, h, w, c = x.shape
    padded = array_module(x).zeros((n, h + 2 * ph, w + 2 * pw, c), x.dtype)
    padded[:, ph : ph + h, pw : pw + w] = x
    return padded


def windows(x: Array, kernel_size: Pair, stride: Pair, dilation: Pair) -> Array:
    """Return all windows of x (N, H, W, C) as a view, (N, Ho, Wo, kh, kw, C): no number is copied.

    Only strides change: one step to the next window is ``stride`` pixels, one step inside a window is
    ``dilation`` pixels.
    """
    n, h, w, c = x.shape
    (kh, kw), (sh, sw), (dh, dw) = kernel_size, stride, dilation
    ho, wo = window_count(h, kh, sh, 0, dh), window_count(w, kw, sw, 0, dw)
    image, row, column, channel = x.strides
    return array_module(x).lib.stride_tricks.as_strided(
        x,
        (n, ho, wo, kh, kw, c),
        (image, sh * row, sw * column, dh * row, dw * column, channel),
    )


def im2col(x: Array, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """Copy every window of x (N, H, W, C) into columns (N, Ho, Wo, kh, kw, C).

    Images stay images: with channels last, a window's row is one run of kw*C numbers.
    """
    view = windows(pad(x, padding), kernel_size, stride, dilation)
    return array_module(x).ascontiguousarray(view)


def col2im(columns: Array, x_shape: tuple[int, ...], stride: Pair, padding: Pair, dilation: Pair) -> Array:
    """Add columns (N, Ho, Wo, kh, kw, C) back where im2col took them from: its transpose, (N, H, W, C).

    A pixel that lay in several windows gets the sum. One tap at a time: all its targets are different pixels,
    so no two additions meet.
    """
    n, h, w, c = x_shape
    ho, wo, kh, kw = columns.shape[1:5]
    (sh, sw), (ph, pw), (dh, dw) = stride, padding, dilation
    padded = array_module(columns).zeros((n, h + 2 * ph, w + 2 * pw, c), columns.dtype)
    for i, j in taps((kh, kw)):
        rows = slice(i * dh, i * dh + sh * ho, sh)
        cols = slice(j * dw, j * dw + sw * wo, sw)
        padded[:, rows, cols] += columns[:, :, :, i, j]
    return padded[:, ph : ph + h, pw : pw + w]
