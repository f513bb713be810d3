"""What our layers are called where the networks were published for PyTorch.

torchvision: vgg16, vgg16_bn                         VGG16, VGG16(batch_norm=True)
    features.0, 1, 2, ...                              the layers of all blocks, numbered through
    classifier.0, 3, 6                                 the three fully connected layers
github.com/milesial/Pytorch-UNet, not bilinear       UNet(3, padding="same", batch_norm=True)
    inc, down1.maxpool_conv.1, ... down4               on the way down; in each .double_conv.0, 1, 3, 4
    up1.up, up1.conv, ... up4                          on the way up, the deepest first
    outc.conv                                          the scores
github.com/richzhang/colorization: eccv16            Zhang
    model1.0, 2, 4, ... model8.4                       the eight blocks
    model8.6                                           the scores
    model_out                                          the 313 colours, which are no layer of ours
github.com/junyanz/pytorch-CycleGAN-and-pix2pix
  unet_256, unet_128                                 Pix2PixGenerator, Pix2PixGenerator(levels=7)
    model.model.0, 3                                   the outermost convolution and its transpose
    model.model.1.model.1, 2, 5, 6                     the next level in, with norms; then model.model.1.model.3.model
  basic, n_layers                                    PatchDiscriminator(6), PatchDiscriminator(6, layers)
    model.0, 2, 3, 5, 6, ...                           all layers, numbered through
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tinycolor.layers.base import Layer
from tinycolor.networks.network import Network
from tinycolor.networks.pix2pix import PatchDiscriminator, Pix2PixGenerator
from tinycolor.networks.unet import CopyAndCrop, UNet
from tinycolor.networks.vgg import VGG16
from tinycolor.networks.zhang import Zhang

Named = Iterator[tuple[str, Layer]]


def published_layers(network: Network) -> Named:
    """Yield their name of each layer of ours, also of those that have no weights.

    Raises
    ------
    ValueError
        Nobody has published such a network under names that are known here.
    """
    match network:
        case VGG16():
            return vgg16(network)
        case UNet(options={"padding": "same", "batch_norm": True, "upsample": "deconv"}):
            return unet(network)
        case Zhang():
            return eccv16(network)
        case Pix2PixGenerator(options={"skips": True, "norm": "batch"}):
            return nested("model.model", network.layers)
        case PatchDiscriminator(options={"layers": layers}) if layers:
            return patch_gan(network)
    raise ValueError(
        f"load_torch_state_dict got {network.name}, expected VGG16, Zhang, UNet with padding='same', batch_norm=True "
        "and upsample='deconv', Pix2PixGenerator with skips=True and norm='batch', or PatchDiscriminator with "
        "layers=1 or more: no published names of others are known."
    )


def vgg16(network: VGG16) -> Named:
    """Yield torchvision's name of each layer."""
    yield from numbered("features", [layer for block in parts(network.blocks) for layer in parts(block)])
    _pooling, _flatten, *classifier = parts(network.head)
    yield from numbered("classifier", classifier)


def unet(network: UNet) -> Named:
    """Yield milesial's name of each layer."""
    level: Layer = network.levels
    way_down = "inc"
    for depth in (1, 2, 3, 4):
        first, across, second = parts(level)
        (deeper,) = parts(across)
        _pooling, level, enlarge = parts(deeper)
        yield from double_conv(way_down, first)
        yield f"up{5 - depth}.up", enlarge
        yield from double_conv(f"up{5 - depth}.conv", second)
        way_down = f"down{depth}.maxpool_conv.1"
    yield from double_conv(way_down, level)
    yield "outc.conv", network.head


def double_conv(name: str, two: Layer) -> Named:
    """Yield the names of twice convolution, batch norm, ReLU."""
    return numbered(f"{name}.double_conv", [layer for block in parts(two) for layer in parts(block)])


def eccv16(network: Zhang) -> Named:
    """Yield the authors' name of each layer."""
    *blocks, last = [parts(block) for block in parts(network.blocks)]
    for number, block in enumerate([*blocks, [*last, network.head]], start=1):
        yield from numbered(f"model{number}", block)


def nested(name: str, level: Layer) -> Named:
    """Yield the names of a level, of which one is the next level, and so on to the innermost."""
    for place, layer in numbered(name, parts(level)):
        yield place, layer
        if isinstance(layer, CopyAndCrop):
            yield from nested(f"{place}.model", layer.deeper)


def patch_gan(network: PatchDiscriminator) -> Named:
    """Yield the authors' name of each layer."""
    *blocks, last = parts(network.blocks)
    return numbered("model", [*(layer for block in blocks for layer in parts(block)), last])


def parts(layer: Layer) -> list[Layer]:
    """Return the layers of which a layer is made."""
    return [part for _, part in layer.children()]


def numbered(name: str, layers: Iterable[Layer]) -> Named:
    """Yield the names that layers have in a ``torch.nn.Sequential`` of this name."""
    return ((f"{name}.{number}", layer) for number, layer in enumerate(layers))
