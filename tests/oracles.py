"""The definitions, as loops: far too slow to use, too plain to be wrong. What the fast code is tested against.

Pictures are (N, H, W, C), filters (kh, kw, C, F), everything is float64. ``stride``, ``padding``, ``dilation``,
``kernel_size`` and ``scale`` are (height, width).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import floor, sqrt

import numpy as np

Pair = tuple[int, int]
Shape = tuple[int, ...]


# Convolution: one list of who meets whom, and three sums over it.


def conv2d_size(size: Shape, kernel_size: Shape, stride: Pair, padding: Pair, dilation: Pair) -> Pair:
    """Count the places of a window along the height and the width, by trying one after another."""
    counts = []
    for side, kernel, step, border, spread in zip(size, kernel_size, stride, padding, dilation, strict=True):
        count = 0
        while count * step + (kernel - 1) * spread < side + 2 * border:
            count += 1
        counts.append(count)
    return counts[0], counts[1]


def meetings(
    x_shape: Shape, kernel_size: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Iterator[tuple[int, int, int, int, int, int, int]]:
    """Yield (image, output row, output column, tap row, tap column, input row, input column) wherever they meet."""
    n, h, w, _ = x_shape
    ho, wo = conv2d_size((h, w), kernel_size, stride, padding, dilation)
    for image, i, j, a, b in product(range(n), range(ho), range(wo), *map(range, kernel_size)):
        row = i * stride[0] + a * dilation[0] - padding[0]
        column = j * stride[1] + b * dilation[1] - padding[1]
        if 0 <= row < h and 0 <= column < w:
            yield image, i, j, a, b, row, column


def conv2d(
    x: np.ndarray,
    weight: np.ndarray,
    bias: np.ndarray | None = None,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> np.ndarray:
    kh, kw, channels, filters = weight.shape
    y = np.zeros((len(x), *conv2d_size(x.shape[1:3], (kh, kw), stride, padding, dilation), filters))
    for n, i, j, a, b, row, column in meetings(x.shape, (kh, kw), stride, padding, dilation):
        for c, f in product(range(channels), range(filters)):
            y[n, i, j, f] += x[n, row, column, c] * weight[a, b, c, f]
    return y if bias is None else y + bias


def conv2d_dx(
    dy: np.ndarray,
    weight: np.ndarray,
    x_shape: Shape,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> np.ndarray:
    kh, kw, channels, filters = weight.shape
    dx = np.zeros(x_shape)
    for n, i, j, a, b, row, column in meetings(x_shape, (kh, kw), stride, padding, dilation):
        for c, f in product(range(channels), range(filters)):
            dx[n, row, column, c] += dy[n, i, j, f] * weight[a, b, c, f]
    return dx


def conv2d_dw(
    x: np.ndarray,
    dy: np.ndarray,
    kernel_size: Pair,
    *,
    stride: Pair = (1, 1),
    padding: Pair = (0, 0),
    dilation: Pair = (1, 1),
) -> np.ndarray:
    channels, filters = x.shape[-1], dy.shape[-1]
    dw = np.zeros((*kernel_size, channels, filters))
    for n, i, j, a, b, row, column in meetings(x.shape, kernel_size, stride, padding, dilation):
        for c, f in product(range(channels), range(filters)):
            dw[a, b, c, f] += x[n, row, column, c] * dy[n, i, j, f]
    return dw


def conv_transpose2d(x: np.ndarray, weight: np.ndarray, *, stride: Pair = (1, 1), padding: Pair = (0, 0)) -> np.ndarray:
    """Stamp: every pixel of x (N, H, W, C), times its filter (kh, kw, F, C), is added to a large picture.

    ``padding`` then cuts a border off that picture.
    """
    n, h, w, channels = x.shape
    kh, kw, filters, _ = weight.shape
    large = np.zeros((n, (h - 1) * stride[0] + kh, (w - 1) * stride[1] + kw, filters))
    for image, i, j, c, a, b, f in product(*map(range, (n, h, w, channels, kh, kw, filters))):
        large[image, i * stride[0] + a, j * stride[1] + b, f] += x[image, i, j, c] * weight[a, b, f, c]
    return large[:, padding[0] : large.shape[1] - padding[0], padding[1] : large.shape[2] - padding[1]]


# Pooling: walk over the windows.


def window_starts(size: int, kernel: int, stride: int, ceil_mode: bool) -> list[int]:
    """List where windows begin: all that lie inside; with ``ceil_mode`` one more if it finds uncovered pixels."""
    starts = [start for start in range(0, size, stride) if start + kernel <= size]
    following = len(starts) * stride
    covered = following - stride + kernel
    if ceil_mode and covered < size and following < size:
        starts.append(following)
    return starts


def pool_windows(
    x: np.ndarray, kernel_size: Pair, stride: Pair, ceil_mode: bool
) -> Iterator[tuple[Shape, list[Shape]]]:
    """Yield, for every number of the output, its place and the places in x that lie in its window."""
    n, h, w, channels = x.shape
    tops = window_starts(h, kernel_size[0], stride[0], ceil_mode)
    lefts = window_starts(w, kernel_size[1], stride[1], ceil_mode)
    for image, (i, top), (j, left), c in product(range(n), enumerate(tops), enumerate(lefts), range(channels)):
        rows = range(top, min(top + kernel_size[0], h))
        columns = range(left, min(left + kernel_size[1], w))
        yield (image, i, j, c), [(image, row, column, c) for row in rows for column in columns]


def pooled_shape(x: np.ndarray, kernel_size: Pair, stride: Pair, ceil_mode: bool) -> Shape:
    h, w = (len(window_starts(x.shape[1 + a], kernel_size[a], stride[a], ceil_mode)) for a in (0, 1))
    return len(x), h, w, x.shape[-1]


def max_pool2d(x: np.ndarray, kernel_size: Pair, stride: Pair, ceil_mode: bool = False) -> np.ndarray:
    y = np.zeros(pooled_shape(x, kernel_size, stride, ceil_mode))
    for place, window in pool_windows(x, kernel_size, stride, ceil_mode):
        y[place] = max(x[pixel] for pixel in window)
    return y


def max_pool2d_dx(
    dy: np.ndarray, x: np.ndarray, kernel_size: Pair, stride: Pair, ceil_mode: bool = False
) -> np.ndarray:
    """Give all of each dy to the first maximum of its window, in reading order."""
    dx = np.zeros(x.shape)
    for place, window in pool_windows(x, kernel_size, stride, ceil_mode):
        strongest = window[0]
        for pixel in window:
            if x[pixel] > x[strongest]:
                strongest = pixel
        dx[strongest] += dy[place]
    return dx


def avg_pool2d(x: np.ndarray, kernel_size: Pair, stride: Pair) -> np.ndarray:
    y = np.zeros(pooled_shape(x, kernel_size, stride, ceil_mode=False))
    for place, window in pool_windows(x, kernel_size, stride, ceil_mode=False):
        y[place] = sum(x[pixel] for pixel in window) / len(window)
    return y


# Upsampling: ask every pixel of the large picture where in the small one it lies.


def upsample_nearest(x: np.ndarray, scale: Pair) -> np.ndarray:
    n, h, w, channels = x.shape
    y = np.zeros((n, h * scale[0], w * scale[1], channels))
    for i, j in product(range(y.shape[1]), range(y.shape[2])):
        y[:, i, j] = x[:, i // scale[0], j // scale[1]]
    return y


def neighbours(target: int, size: int, scale: int, align_corners: bool) -> tuple[int, int, float]:
    """Return the two pixels that a place lies between, and how far it is on the way to the second, 0 to 1."""
    if align_corners:
        place = target * (size - 1) / (size * scale - 1) if size * scale > 1 else 0.0
    else:
        place = max((target + 0.5) / scale - 0.5, 0.0)
    left = floor(place)
    return left, min(left + 1, size - 1), place - left


def upsample_bilinear(x: np.ndarray, scale: Pair, align_corners: bool) -> np.ndarray:
    n, h, w, channels = x.shape
    y = np.zeros((n, h * scale[0], w * scale[1], channels))
    for i, j in product(range(y.shape[1]), range(y.shape[2])):
        top, bottom, down = neighbours(i, h, scale[0], align_corners)
        left, right, across = neighbours(j, w, scale[1], align_corners)
        above = (1 - across) * x[:, top, left] + across * x[:, top, right]
        below = (1 - across) * x[:, bottom, left] + across * x[:, bottom, right]
        y[:, i, j] = (1 - down) * above + down * below
    return y


# Batch normalisation, channel by channel, and the chain rule through each of its three lines.


def batch_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> np.ndarray:
    y = np.zeros(x.shape)
    for c in range(x.shape[-1]):
        mean, variance = mean_and_variance(x[..., c])
        for place in np.ndindex(x.shape[:-1]):
            y[(*place, c)] = weight[c] * (x[(*place, c)] - mean) / sqrt(variance + eps) + bias[c]
    return y


def batch_norm_backward(
    dy: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return dx, dweight and dbias."""
    dx, dweight, dbias = np.zeros(x.shape), np.zeros(weight.shape), np.zeros(weight.shape)
    for c in range(x.shape[-1]):
        mean, variance = mean_and_variance(x[..., c])
        std = sqrt(variance + eps)
        places = [(*place, c) for place in np.ndindex(x.shape[:-1])]
        d_mean = d_variance = 0.0
        for place in places:
            centred = x[place] - mean
            dweight[c] += dy[place] * centred / std
            dbias[c] += dy[place]
            d_mean -= dy[place] * weight[c] / std
            d_variance -= dy[place] * weight[c] * centred / (2 * std**3)
        for place in places:
            straight = dy[place] * weight[c] / std
            through_variance = d_variance * 2 * (x[place] - mean) / len(places)
            dx[place] = straight + through_variance + d_mean / len(places)
    return dx, dweight, dbias


def mean_and_variance(values: np.ndarray) -> tuple[float, float]:
    total = 0.0
    for value in values.flat:
        total += value
    mean = total / values.size
    squares = 0.0
    for value in values.flat:
        squares += (value - mean) ** 2
    return mean, squares / values.size


def leaky_relu(z: np.ndarray, slope: float) -> np.ndarray:
    y = np.zeros(z.shape)
    for place in np.ndindex(z.shape):
        y[place] = z[place] if z[place] > 0 else slope * z[place]
    return y
