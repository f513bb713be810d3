"""The receptive field: how much of the input one output pixel can see.

One question, asked from the last layer back to the first: *to compute these rows, which rows does the layer
read?* Each kind of layer has its rule below. Rows and columns never mix, so each axis is followed on its own.
Positions are those in a picture without end: borders only ever cut a field off.

A layer of your own gets a rule like this::

    from tinycolor.inspect.field import reads

    @reads.register
    def _(layer: MyLayer, rows: np.ndarray, axis: int) -> np.ndarray:
        return windows(rows, stride=1, start=-1, taps=np.arange(3))
"""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np

from tinycolor.layers.activation import LeakyReLU, Maxout, ReLU, Sigmoid, Softmax, Tanh
from tinycolor.layers.adaptive_pool import AdaptiveAvgPool2d
from tinycolor.layers.base import Layer
from tinycolor.layers.bilinear import BilinearConvTranspose2d
from tinycolor.layers.block import ConvNormAct
from tinycolor.layers.combine import Concat, Fusion, Residual, Sequential, Skip
from tinycolor.layers.conv import Conv2d, ConvTranspose2d
from tinycolor.layers.dropout import Dropout
from tinycolor.layers.linear import Flatten, Linear
from tinycolor.layers.norm import BatchNorm2d, InstanceNorm2d
from tinycolor.layers.pool import AvgPool2d, MaxPool2d
from tinycolor.layers.upsample import Upsample
from tinycolor.networks.cgan import CGANDiscriminator, CGANGenerator
from tinycolor.networks.color_unet import ColorUNet
from tinycolor.networks.cross_circle import CrossCircleCNN
from tinycolor.networks.fcn import FCN, AddScores
from tinycolor.networks.gan import GANDiscriminator, GANGenerator
from tinycolor.networks.iizuka import Iizuka, IizukaBaseline
from tinycolor.networks.pix2pix import PatchDiscriminator, Pix2PixGenerator
from tinycolor.networks.unet import CopyAndCrop, UNet
from tinycolor.networks.vgg import VGG16
from tinycolor.networks.zhang import EightBlocks


def receptive_field(net: Layer) -> tuple[int, int]:
    """Return how many input pixels one output pixel can see, as (height, width).

    With upsampling the field depends on where the output pixel lies; this is the largest.

    Parameters
    ----------
    net : Layer
        A layer, combinator or network from pictures to pictures.

    Returns
    -------
    (int, int)
        Height and width of the smallest rectangle with all these pixels in it.

    Raises
    ------
    ValueError
        A layer sees the whole picture (Linear, Flatten, AdaptiveAvgPool2d, InstanceNorm2d, Fusion), or has no rule.
    """
    height, width = (
        max(_extent(reads(net, np.array([row]), axis)) for row in range(_period(net, axis))) for axis in (0, 1)
    )
    return height, width


@singledispatch
def reads(layer: Layer, rows: np.ndarray, axis: int) -> np.ndarray:
    """Return the input rows (columns for axis 1) that a layer reads to compute some output rows, sorted.

    Register a rule for your own layer with ``@reads.register``.
    """
    raise ValueError(
        f"receptive_field got {layer.name}, which has no rule: register one with tinycolor.inspect.field.reads."
    )


@reads.register(ReLU | LeakyReLU | Sigmoid | Tanh | Softmax | Maxout | Dropout | BatchNorm2d)
def _(layer: Layer, rows: np.ndarray, axis: int) -> np.ndarray:
    return rows


@reads.register
def _(layer: Conv2d, rows: np.ndarray, axis: int) -> np.ndarray:
    taps = layer.dilation[axis] * np.arange(layer.kernel_size[axis])
    return windows(rows, layer.stride[axis], -layer.padding[axis], taps)


@reads.register(MaxPool2d | AvgPool2d)
def _(layer: MaxPool2d | AvgPool2d, rows: np.ndarray, axis: int) -> np.ndarray:
    return windows(rows, layer.stride[axis], 0, np.arange(layer.kernel_size[axis]))


@reads.register
def _(layer: ConvTranspose2d, rows: np.ndarray, axis: int) -> np.ndarray:
    return stampers(rows + layer.padding[axis], layer.kernel_size[axis], layer.stride[axis])


@reads.register
def _(layer: BilinearConvTranspose2d, rows: np.ndarray, axis: int) -> np.ndarray:
    return stampers(rows, layer.kernel_size[axis], layer.stride[axis])


@reads.register
def _(layer: Upsample, rows: np.ndarray, axis: int) -> np.ndarray:
    scale = layer.scale_factor[axis]
    if layer.mode == "nearest":
        return np.unique(rows // scale)
    if layer.align_corners:
        raise ValueError(
            f"receptive_field got {layer.name}: with align_corners the neighbours depend on the picture's size, "
            "expected align_corners=False."
        )
    # Pixel centres: output row o lies at (o + 1/2) / scale - 1/2, mostly between two input rows.
    left, beyond = np.divmod(2 * rows + 1 - scale, 2 * scale)
    return np.union1d(left, left[beyond > 0] + 1)


@reads.register
def _(layer: Sequential, rows: np.ndarray, axis: int) -> np.ndarray:
    for part in reversed(layer.layers):
        rows = reads(part, rows, axis)
    return rows


@reads.register(Skip | Residual)
def _(layer: Skip | Residual, rows: np.ndarray, axis: int) -> np.ndarray:
    return np.union1d(reads(layer.inner, rows, axis), rows)


@reads.register
def _(layer: Concat, rows: np.ndarray, axis: int) -> np.ndarray:
    return np.unique(np.concatenate([reads(branch, rows, axis) for branch in layer.branches] or [rows]))


@reads.register
def _(layer: ConvNormAct, rows: np.ndarray, axis: int) -> np.ndarray:
    for part in filter(None, (layer.activation, layer.norm, layer.conv)):
        rows = reads(part, rows, axis)
    return rows


@reads.register(ColorUNet | UNet)
def _(layer: ColorUNet | UNet, rows: np.ndarray, axis: int) -> np.ndarray:
    return reads(layer.levels, reads(layer.head, rows, axis), axis)


@reads.register
def _(layer: CopyAndCrop, rows: np.ndarray, axis: int) -> np.ndarray:
    return np.union1d(reads(layer.deeper, rows, axis), rows + layer.offset)


@reads.register
def _(layer: CrossCircleCNN, rows: np.ndarray, axis: int) -> np.ndarray:
    return reads(layer.stages, rows, axis)


@reads.register
def _(layer: VGG16, rows: np.ndarray, axis: int) -> np.ndarray:
    return reads(layer.blocks, reads(layer.head, rows, axis), axis)


@reads.register
def _(layer: EightBlocks, rows: np.ndarray, axis: int) -> np.ndarray:
    return reads(layer.blocks, reads(layer.head, rows, axis), axis)


@reads.register
def _(layer: FCN, rows: np.ndarray, axis: int) -> np.ndarray:
    return reads(layer.scores, rows + layer.offset, axis)


@reads.register
def _(layer: AddScores, rows: np.ndarray, axis: int) -> np.ndarray:
    return np.union1d(reads(layer.deeper, rows, axis), reads(layer.score, rows + layer.offset, axis))


@reads.register
def _(layer: Pix2PixGenerator, rows: np.ndarray, axis: int) -> np.ndarray:
    return reads(layer.layers, rows, axis)


@reads.register
def _(layer: PatchDiscriminator, rows: np.ndarray, axis: int) -> np.ndarray:
    return reads(layer.blocks, rows, axis)


@reads.register
def _(layer: IizukaBaseline, rows: np.ndarray, axis: int) -> np.ndarray:
    return reads(layer.local, rows, axis)


@reads.register(GANGenerator | GANDiscriminator | CGANGenerator | CGANDiscriminator)
def _(
    layer: GANGenerator | GANDiscriminator | CGANGenerator | CGANDiscriminator, rows: np.ndarray, axis: int
) -> np.ndarray:
    return reads(layer.layers, rows, axis)


@reads.register(Linear | Flatten | AdaptiveAvgPool2d | InstanceNorm2d | Fusion | Iizuka)
def _(layer: Layer, rows: np.ndarray, axis: int) -> np.ndarray:
    raise ValueError(
        f"receptive_field got {layer.name}, which sees the whole picture: ask for the layers before it alone."
    )


def windows(rows: np.ndarray, stride: int, start: int, taps: np.ndarray) -> np.ndarray:
    """Return all rows ``row * stride + start + tap``, sorted, each once."""
    return np.unique(np.add.outer(rows * stride + start, taps))


def stampers(rows: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """Return all input rows of a transposed convolution that stamp these rows: i stamps ``i * stride + tap``."""
    first_stamped = windows(rows, 1, 0, -np.arange(kernel))
    return first_stamped[first_stamped % stride == 0] // stride


def _extent(rows: np.ndarray) -> int:
    return int(rows[-1] - rows[0]) + 1 if len(rows) else 0


def _period(net: Layer, axis: int) -> int:
    """After how many output rows everything repeats: what all enlargements together amount to."""
    layers = [layer for _, layer in net.walk()]
    scales = [layer.scale_factor[axis] for layer in layers if isinstance(layer, Upsample)]
    strides = [layer.stride[axis] for layer in layers if isinstance(layer, ConvTranspose2d | BilinearConvTranspose2d)]
    return math.prod(scales + strides)
