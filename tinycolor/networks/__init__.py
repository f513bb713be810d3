"""Networks: one paper, one file."""

from tinycolor.networks.color_unet import ColorUNet
from tinycolor.networks.cross_circle import CrossCircleCNN

__all__ = ["ColorUNet", "CrossCircleCNN"]
