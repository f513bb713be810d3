"""The receptive field: how much of the input one output pixel can see.

One question, asked from the last layer back to the first: *to compute these rows, which rows does the layer
read?* Each kind of layer has its rule below. Rows and columns never mix, so each axis is followed on its own.
Positions are those in a picture without end: borders only ever cut a field off.

A layer of your own gets a rule like this::

    from tinycolor.inspect.field import reads

    @reads.register
    def _(layer: MyLayer, rows: np.ndarray, axis: int) -> np.ndarray:
        return around(rows, before=1, after=1)
"""

from __future__ import annotations

import math
from functools import singledispatch

import numpy as np

from tinycolor.layers.activation import LeakyReLU, Maxout, ReLU, Sigmoid, Softmax, Tanh
from tinycolor.layers.base import Layer
from tinycolor.layers.block import ConvNormAct
from tinycolor.layers.combine import Concat, Fusion, Residual, Sequential, Skip
from tinycolor.layers.conv import Conv2d, ConvTranspose2d
from tinycolor.layers.dropout import Dropout
from tinycolor.layers.linear import Flatten, Linear
from tinycolor.layers.norm import BatchNorm2d, InstanceNorm2d
from tinycolor.layers.pool import AvgPool2d, MaxPool2d
from tinycolor.layers.upsample import Upsample
from tinycolor.networks.color_unet import ColorUNet
from tinycolor.networks.cross_circle import CrossCircleCNN
