"""tinycolor: deep learning written by hand, for learning how machines see and colour pictures.

y, backward = layer(x)
dx = backward(dy)
"""

from tinycolor import color, init, losses, networks, optim
from tinycolor.backend import array_module, keep_freed_memory, precision, to_device, to_numpy
from tinycolor.colorize import colorize
from tinycolor.data.photos import ImageError, open_image
from tinycolor.gradcheck import GradientError, gradcheck
from tinycolor.inspect import explain, receptive_field, remembered, summary
from tinycolor.layers.activation import LeakyReLU, Maxout, ReLU, Sigmoid, Softmax, Tanh
from tinycolor.layers.adaptive_pool import AdaptiveAvgPool2d
from tinycolor.layers.base import Backward, Layer, frozen, no_gradient_for
from tinycolor.layers.bilinear import BilinearConvTranspose2d
from tinycolor.layers.block import ConvNormAct
from tinycolor.layers.combine import Concat, Fusion, Residual, Sequential, Skip
from tinycolor.layers.conv import Conv2d, ConvTranspose2d
from tinycolor.layers.dropout import Dropout
from tinycolor.layers.linear import Flatten, Linear
from tinycolor.layers.norm import BatchNorm2d, InstanceNorm2d
from tinycolor.layers.parameter import Parameter
from tinycolor.layers.pool import AvgPool2d, MaxPool2d
from tinycolor.layers.upsample import Upsample
from tinycolor.random import Generator
from tinycolor.threads import lanes
from tinycolor.training.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from tinycolor.training.torch_weights import load_torch_state_dict

__version__ = "0.1.0"

__all__ = [
    "AdaptiveAvgPool2d",
    "AvgPool2d",
    "Backward",
    "BatchNorm2d",
    "BilinearConvTranspose2d",
    "CheckpointError",
    "Concat",
    "Conv2d",
    "ConvNormAct",
    "ConvTranspose2d",
    "Dropout",
    "Flatten",
    "Fusion",
    "Generator",
    "GradientError",
    "ImageError",
    "InstanceNorm2d",
    "Layer",
    "LeakyReLU",
    "Linear",
    "MaxPool2d",
    "Maxout",
    "Parameter",
    "ReLU",
    "Residual",
    "Sequential",
    "Sigmoid",
    "Skip",
    "Softmax",
    "Tanh",
    "Upsample",
    "array_module",
    "color",
    "colorize",
    "explain",
    "frozen",
    "gradcheck",
    "init",
    "lanes",
    "load_checkpoint",
    "load_torch_state_dict",
    "losses",
    "networks",
    "no_gradient_for",
    "open_image",
    "optim",
    "precision",
    "receptive_field",
    "remembered",
    "save_checkpoint",
    "summary",
    "to_device",
    "to_numpy",
]

keep_freed_memory()
