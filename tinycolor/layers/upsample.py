"""Going back up: a larger picture out of a smaller one, without weights."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.layers.base import Closure, Layer
from tinycolor.ops import upsample as ops
from tinycolor.ops.fast.choose import twin
from tinycolor.ops.shapes import Pair, pair
from tinycolor.random import Generator


class Upsample(Layer):
    """Enlarge pictures, x (N, H, W, C) to y (N, H*scale, W*scale, C).

    Forward: ``nearest`` repeats every pixel; ``bilinear`` draws straight lines between neighbours.
    Backward: the transpose: every pixel of x gathers dy from the pixels it went into, with the same shares.

    Parameters
    ----------
    scale_factor : int or (int, int)
        How many times higher and wider.
    mode : {"nearest", "bilinear"}
        How to fill in.
    align_corners : bool
        For bilinear: keep the outermost pixel centres in place (True) or the outermost edges (False).
    """

    def __init__(self, scale_factor: int | Pair, mode: str = "nearest", align_corners: bool = False) -> None:
        if mode not in ("nearest", "bilinear"):
            raise ValueError(f"Upsample got mode={mode!r}, expected 'nearest' or 'bilinear'.")
        if align_corners and mode == "nearest":
            raise ValueError("Upsample got align_corners=True with mode='nearest', expected mode='bilinear'.")
        self.scale_factor = pair(scale_factor, "Upsample scale_factor", least=1)
        self.mode = mode
        self.align_corners = align_corners

    def describe(self) -> str:
        return f"{self.scale_factor}, mode={self.mode!r}, align_corners={self.align_corners}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", "H", "W", "C")
        scale, corners = self.scale_factor, self.align_corners
        if self.mode == "nearest":
            nearest = twin(ops, x)
            return nearest.upsample_nearest(x, scale), lambda dy: nearest.upsample_nearest_dx(dy, scale)
        y = ops.upsample_bilinear(x, scale, corners)
        return y, lambda dy: ops.upsample_bilinear_dx(dy, scale, corners)
