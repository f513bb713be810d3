"""Networks: one paper, one file."""

from tinycolor.networks.color_unet import ColorUNet
from tinycolor.networks.cross_circle import CrossCircleCNN
from tinycolor.networks.fcn import FCN8s, FCN16s, FCN32s
from tinycolor.networks.iizuka import Iizuka, IizukaBaseline
from tinycolor.networks.unet import UNet
from tinycolor.networks.vgg import VGG16
from tinycolor.networks.zhang import Zhang, ZhangL2

__all__ = [
    "VGG16",
    "ColorUNet",
    "CrossCircleCNN",
    "FCN8s",
    "FCN16s",
    "FCN32s",
    "Iizuka",
    "IizukaBaseline",
    "UNet",
    "Zhang",
    "ZhangL2",
]
