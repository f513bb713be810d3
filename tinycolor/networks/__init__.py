"""Networks: one paper, one file."""

from tinycolor.networks.cgan import CGANDiscriminator, CGANGenerator
from tinycolor.networks.color_unet import ColorUNet
from tinycolor.networks.cross_circle import CrossCircleCNN
from tinycolor.networks.fcn import FCN8s, FCN16s, FCN32s
from tinycolor.networks.gan import GANDiscriminator, GANGenerator
from tinycolor.networks.iizuka import Iizuka, IizukaBaseline
from tinycolor.networks.pix2pix import PatchDiscriminator, Pix2PixGenerator
from tinycolor.networks.unet import UNet
from tinycolor.networks.vgg import VGG16
from tinycolor.networks.zhang import Zhang, ZhangL2

__all__ = [
    "VGG16",
    "CGANDiscriminator",
    "CGANGenerator",
    "ColorUNet",
    "CrossCircleCNN",
    "FCN8s",
    "FCN16s",
    "FCN32s",
    "GANDiscriminator",
    "GANGenerator",
    "Iizuka",
    "IizukaBaseline",
    "PatchDiscriminator",
    "Pix2PixGenerator",
    "UNet",
    "Zhang",
    "ZhangL2",
]
