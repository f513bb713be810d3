"""How the fast convolutions cut their work: blocks of output rows whose columns fit into a core's cache."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import numpy as np

from tinycolor.threads import scratch


class Block(NamedTuple):
    """Rows ``first`` to ``last`` of the images ``images``; several images only if all their rows are in."""

    images: slice
    first: int
    last: int


def cut(images: int, rows: int, bytes_per_row: int, target: int) -> list[Block]:
    """Return blocks of about ``target`` bytes, an even number of equal ones if possible, so that lanes balance.

    Half of that or less stays in one piece: waking another lane would cost more than it saves. A pure function of
    the shape: how work is cut decides how sums round.
    """
    if images * rows * bytes_per_row <= target // 2:
        return [Block(slice(0, images), 0, rows)]
    rows_per_block = max(1, target // bytes_per_row)
    if rows_per_block >= rows and images > 1:
        count = -(-images // (rows_per_block // rows))
        count = min(images, count + count % 2)
        edges = [images * i // count for i in range(count + 1)]
        return [Block(slice(a, b), 0, rows) for a, b in pairwise(edges)]
    count = -(-rows // rows_per_block)
    count = min(rows, count + count % 2)
    edges = [rows * i // count for i in range(count + 1)]
    pairs = list(pairwise(edges))
    return [Block(slice(n, n + 1), a, b) for n in range(images) for a, b in pairs]


def rectangle(x: np.ndarray, images: slice, top: int, left: int, height: int, width: int) -> np.ndarray:
    """Return the pixels from (top, left) on of some images, (n, height, width, C), with zeros outside x.

    ``top`` and ``left`` may be negative. A view where x covers all of it, else this thread's scratch.
    """
    n, (h, w, c) = images.stop - images.start, x.shape[1:]
    # Where the rectangle and the picture overlap, in the rectangle's own coordinates.
    r0, r1 = min(max(-top, 0), height), max(min(h - top, height), 0)
    c0, c1 = min(max(-left, 0), width), max(min(w - left, width), 0)
    if (r0, r1, c0, c1) == (0, height, 0, width):
        return x[images, top : top + height, left : left + width]
    out = scratch("rectangle", (n, height, width, c), x.dtype)
    if r1 <= r0 or c1 <= c0:
        out[...] = 0
        return out
    out[:, :r0] = 0
    out[:, r1:] = 0
    out[:, r0:r1, :c0] = 0
    out[:, r0:r1, c1:] = 0
    out[:, r0:r1, c0:c1] = x[images, top + r0 : top + r1, left + c0 : left + c1]
    return out
