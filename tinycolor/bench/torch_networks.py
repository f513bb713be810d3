"""The networks of the benchmark as one writes them in PyTorch, with their parameters in the same order as ours."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Skip(nn.Module):
    """What the inner layers make of x, and x itself beside it."""

    def __init__(self, *inner: nn.Module, x_first: bool = False) -> None:
        super().__init__()
        self.inner, self.x_first = nn.Sequential(*inner), x_first

    def forward(self, x: Tensor) -> Tensor:
        """Return both, side by side."""
        y = self.inner(x)
        return torch.cat([x, y] if self.x_first else [y, x], 1)


class ColorUNet(nn.Module):
    """The twin of ``tinycolor.networks.ColorUNet``."""

    def __init__(self, widths: tuple[int, ...] = (32, 64, 128, 256)) -> None:
        super().__init__()
        self.levels = level(1, widths)
        self.head = nn.Conv2d(widths[0], 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return a*b* (N, 2, H, W) for L* (N, 1, H, W)."""
        return self.head(self.levels(x))


def level(in_channels: int, widths: tuple[int, ...]) -> nn.Module:
    """Return one level of the U with all that lies below it."""
    width, below = widths[0], widths[1:]
    if not below:
        return two_blocks(in_channels, width)
    around = Skip(nn.MaxPool2d(2), level(width, below), nn.Upsample(scale_factor=2))
    return nn.Sequential(two_blocks(in_channels, width), around, two_blocks(below[0] + width, width))


def two_blocks(in_channels: int, width: int) -> nn.Sequential:
    """Return two 3x3 convolutions, each with batch norm and ReLU."""
    layers: list[nn.Module] = []
    for channels in (in_channels, width):
        layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
    return nn.Sequential(*layers)


def cross_circle() -> nn.Sequential:
    """Return the twin of ``tinycolor.networks.CrossCircleCNN``."""
    first = (nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    second = (nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
    return nn.Sequential(*first, *second, nn.Flatten(), nn.Linear(16 * 7 * 7, 2), nn.Sigmoid())


def pix2pix_generator(levels: int = 8, width: int = 64) -> nn.Sequential:
    """Return the twin of ``tinycolor.networks.Pix2PixGenerator``; activations in place, as its authors have them."""
    widths = [width * min(2**depth, 8) for depth in range(levels)]
    return nn.Sequential(
        nn.Conv2d(1, width, 4, 2, 1, bias=False),
        pix2pix_level(widths, 1, dropped=range(4, levels - 1)),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(2 * width, 2, 4, 2, 1),
        nn.Tanh(),
    )


def pix2pix_level(widths: Sequence[int], depth: int, dropped: range) -> nn.Module:
    """Return one level of that U with all that lies below it."""
    above, width = widths[depth - 1], widths[depth]
    down: list[nn.Module] = [nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(above, width, 4, 2, 1, bias=False)]
    inputs = width
    if depth < len(widths) - 1:
        down += [nn.BatchNorm2d(width), pix2pix_level(widths, depth + 1, dropped)]
        inputs = 2 * width
    up = [nn.ReLU(inplace=True), nn.ConvTranspose2d(inputs, above, 4, 2, 1, bias=False), nn.BatchNorm2d(above)]
    return Skip(*down, *up, *([nn.Dropout(0.5)] if depth in dropped else []), x_first=True)


def patch_discriminator(layers: int = 3, width: int = 64) -> nn.Sequential:
    """Return the twin of ``tinycolor.networks.PatchDiscriminator``, for L* and a*b* as three channels."""
    blocks: list[nn.Module] = [nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, inplace=True)]
    for number in range(1, layers + 1):
        wider = width * 2 if number <= 3 else width
        stride = 2 if number < layers else 1
        blocks += [nn.Conv2d(width, wider, 4, stride, 1, bias=False), nn.BatchNorm2d(wider)]
        blocks += [nn.LeakyReLU(0.2, inplace=True)]
        width = wider
    return nn.Sequential(*blocks, nn.Conv2d(width, 1, 4, 1, 1))


def pix2pix_weights(module: nn.Module) -> None:
    """Give a layer of pix2pix its first weights, N(0, 0.02**2): ``network.apply(pix2pix_weights)``."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1, 0.02)


class Iizuka(nn.Module):
    """The twin of ``tinycolor.networks.Iizuka``, for pictures that are seen as a whole themselves."""

    def __init__(self, width: float = 1.0, size: int = 224, scene_classes: int = 205) -> None:
        super().__init__()
        c32, c64, c128, c256, c512, c1024 = (int(channels * width) for channels in (32, 64, 128, 256, 512, 1024))
        self.low = nn.Sequential(
            *(*block(1, c64, 2), *block(c64, c128), *block(c128, c128, 2)),
            *(*block(c128, c256), *block(c256, c256, 2), *block(c256, c512)),
        )
        self.mid = nn.Sequential(*block(c512, c512), *block(c512, c256))
        self.colour = nn.Sequential(
            *(*block(c256, c128), nn.Upsample(scale_factor=2), *block(c128, c64), *block(c64, c64)),
            *(nn.Upsample(scale_factor=2), *block(c64, c32), nn.Conv2d(c32, 2, 3, padding=1), nn.Sigmoid()),
        )
        self.scene = nn.Sequential(
            *(*block(c512, c512, 2), *block(c512, c512), *block(c512, c512, 2), *block(c512, c512), nn.Flatten()),
            *(nn.Linear(c512 * (size // 32) ** 2, c1024), nn.ReLU(), nn.Linear(c1024, c512), nn.ReLU()),
        )
        self.vector = nn.Sequential(nn.Linear(c512, c256), nn.ReLU())
        self.fusion = nn.Sequential(nn.Conv2d(2 * c256, c256, 1), nn.ReLU())
        self.classifier = nn.Sequential(nn.Linear(c512, c256), nn.ReLU(), nn.Linear(c256, scene_classes))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return a*b* (N, 2, H/2, W/2) and the scores of scenes for L* (N, 1, H, W)."""
        low = self.low(x)
        mid, scene = self.mid(low), self.scene(low)
        everywhere = self.vector(scene)[:, :, None, None].expand(-1, -1, *mid.shape[2:])
        return self.colour(self.fusion(torch.cat([mid, everywhere], 1))), self.classifier(scene)


def block(in_channels: int, out_channels: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    """Return a 3x3 convolution and its ReLU."""
    return nn.Conv2d(in_channels, out_channels, 3, stride, 1), nn.ReLU()
