"""Bilinear interpolation as a transposed convolution whose filters are given, not learned."""

from __future__ import annotations

from tinycolor.backend import Array
from tinycolor.layers.base import Closure, Layer
from tinycolor.ops import bilinear as ops
from tinycolor.ops.shapes import Pair, pair
from tinycolor.random import Generator


class BilinearConvTranspose2d(Layer):
    """A ConvTranspose2d of each channel alone, by one fixed tent, x (N, H, W, C) to y (N, Ho, Wo, C).

    Forward: every pixel stamps the tent ``(1 - |i - centre| / factor) * (1 - |j - centre| / factor)``,
    ``factor = floor((kernel_size + 1) / 2)``, into y: ``Ho = (H - 1) * stride + kernel_size``. With a kernel of
    twice the stride this is bilinear interpolation, but for the outermost pixels, which fade out.
    Backward: every pixel of x gathers dy from its window, weighted by the same tent.

    Parameters
    ----------
    kernel_size, stride : int or (int, int)
        Of the convolution that it turns round.

    Source: J. Long, E. Shelhamer, T. Darrell, "Fully convolutional networks", CVPR 2015, section 3.3.
    """

    def __init__(self, kernel_size: int | Pair, stride: int | Pair = 1) -> None:
        self.kernel_size = pair(kernel_size, "BilinearConvTranspose2d kernel_size", least=1)
        self.stride = pair(stride, "BilinearConvTranspose2d stride", least=1)

    def describe(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}"

    def forward(self, x: Array, *, mode: str, rng: Generator | None) -> tuple[Array, Closure]:
        self.check_shape(x, "N", "H", "W", "C")
        size = x.shape[1:3]

        def backward(dy: Array) -> Array:
            return ops.bilinear_transpose_dx(dy, size, self.kernel_size, self.stride)

        return ops.bilinear_transpose(x, self.kernel_size, self.stride), backward
