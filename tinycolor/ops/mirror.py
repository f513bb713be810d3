"""Mirroring: beyond its edges a picture goes on as in a mirror."""

from __future__ import annotations

from tinycolor.backend import Array, array_module
from tinycolor.ops.shapes import Pair


def mirror(x: Array, before: int, size: Pair) -> Array:
    """Return ``size`` pixels of x (N, H, W, C), its mirror images around it, from ``before`` rows and columns early.

    The outermost pixels are the mirror, and are not repeated. A picture that is smaller than its border is mirrored
    again and again.
    """
    after = [side - before - own for side, own in zip(size, x.shape[1:3], strict=True)]
    return array_module(x).pad(x, ((0, 0), (before, after[0]), (before, after[1]), (0, 0)), mode="reflect")
