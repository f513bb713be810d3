"""Which pixels the windows of a convolution lie on, forward and back: what ``gather.cuh`` is told.

The way back needs little of its own. With stride 1, dx is a convolution of dy: each pixel looks at the places that have
read it, through the filter turned round (the steps from tap to tap become negative). With stride 2 the even and the odd
pixels were read through different taps, so there are two such convolutions along each side, each with its own taps and
each filling every second pixel of dx. With stride s there are s, no product is wasted, and one launch makes them all.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np

from tinycolor.kernels import loader
from tinycolor.ops.shapes import Pair

MOST_PARTS = 32  # convolutions along each side that one launch makes at most, as struct Gathers has room for


class Part(NamedTuple):
    """One of the convolutions along a side: place t has its tap i on pixel ``t * stride + start + i * tap``.

    Its taps are those numbered ``first``, ``first + tap_step`` ... of the filter. Its answer goes to pixel
    ``to + t * step`` of the output.
    """

    places: int
    taps: int
    start: int
    first: int
    to: int


class Side(NamedTuple):
    """The height, or the width, of all convolutions of one launch."""

    stride: int
    tap: int
    step: int
    tap_step: int
    parts: list[Part]


def forward_sides(kernel_size: Pair, size: Pair, stride: Pair, padding: Pair, dilation: Pair) -> tuple[Side, Side]:
    """Return the sides of y (Ho, Wo) = ``size``: so many places, one after another."""
    height, width = (
        Side(step, apart, 1, 1, [Part(count, taps, -border, 0, 0)])
        for taps, count, step, border, apart in zip(kernel_size, size, stride, padding, dilation, strict=True)
    )
    return height, width


def backward_side(size: int, kernel: int, stride: int, padding: int, dilation: int) -> Side:
    """Return the side of dx, with a part for each remainder r: it fills the pixels r, r + stride, r + 2 stride ...

    Pixel q was read through tap i by place (q + padding - i * dilation) / stride, if that is a whole number.
    For the pixels of one remainder these are always the same taps, an even row of them.
    """
    together = gcd(stride, dilation)
    parts = []
    for remainder in range(min(stride, size)):
        taps = [i for i in range(kernel) if (remainder + padding - i * dilation) % stride == 0]
        first = taps[0] if taps else 0
        start = (remainder + padding - first * dilation) // stride
        parts.append(Part(-(-(size - remainder) // stride), len(taps), start, first, remainder))
    return Side(1, -(dilation // together), stride, stride // together, parts)


def gathers(
    x_shape: tuple[int, ...], y_shape: tuple[int, ...], filter_columns: int, sides: tuple[Side, ...], slices: int
) -> np.ndarray:
    """Return the struct ``Gathers`` of convolutions that read pictures x and write pictures y."""
    n, h, w, c = x_shape
    _, to_h, to_w, f = y_shape
    values: dict[str, Any] = {"n": n, "h": h, "w": w, "c": c, "f": f, "to_h": to_h, "to_w": to_w, "slices": slices}
    for axis, taps, side in zip(("row", "column"), ("kh", "kw"), sides, strict=True):
        counts, kernel, start, first, to = zip(*side.parts, strict=True)
        values |= {f"{axis}s": counts, taps: kernel, f"{axis}_start": start, f"filter_{axis}": first, f"to_{axis}": to}
        values |= {f"{axis}_stride": side.stride, f"{axis}_tap": side.tap, f"{axis}_step": side.step}
        values |= {f"filter_{axis}_step": side.tap_step, f"{axis}_parts": len(side.parts)}
    return loader.struct("Gathers", filter_columns=filter_columns, **values)


def bundles(side: Side) -> list[Side]:
    """Cut a side with more parts than a launch takes into several."""
    return [side._replace(parts=side.parts[i : i + MOST_PARTS]) for i in range(0, len(side.parts), MOST_PARTS)]


def most_places(sides: Iterable[Side]) -> int:
    """Return how many places per picture there are in the largest of their products."""
    return prod(max(part.places for part in side.parts) for side in sides)
