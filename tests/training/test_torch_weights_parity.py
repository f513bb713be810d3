"""Weights out of PyTorch: the published modules, built here by their definitions, and ours give the same answers."""

from __future__ import annotations

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.color.ab_bins import AB_BINS

from fixtures.formulas import noise, relative_error

pytest.importorskip("torch")
import torch
from safetensors.torch import save_file
from torch import nn

from torch_twins import VGG16Twin, to_nchw, to_nhwc

pytestmark = pytest.mark.parity


class Double(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        layers = []
        for channels in (inputs, outputs):
            layers += [nn.Conv2d(channels, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), Double(inputs, outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.up = nn.ConvTranspose2d(inputs, inputs // 2, 2, stride=2)
        self.conv = Double(inputs, outputs)

    def forward(self, x: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        x = self.up(x)
        rows, columns = skip.shape[2] - x.shape[2], skip.shape[3] - x.shape[3]
        x = nn.functional.pad(x, [columns // 2, columns - columns // 2, rows // 2, rows - rows // 2])
        return self.conv(torch.cat([skip, x], 1))


class Out(nn.Module):
    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class MilesialUNet(nn.Module):
    """github.com/milesial/Pytorch-UNet with ``bilinear=False``; ``first`` is 64 there."""

    def __init__(self, classes: int, first: int):
        super().__init__()
        self.inc, self.outc = Double(3, first), Out(first, classes)
        for number in (1, 2, 3, 4):
            setattr(self, f"down{number}", Down(first << number - 1, first << number))
            setattr(self, f"up{number}", Up(first << 5 - number, first << 4 - number))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = [self.inc(x)]
        for number in (1, 2, 3, 4):
            maps.append(getattr(self, f"down{number}")(maps[-1]))
        x = maps.pop()
        for number in (1, 2, 3, 4):
            x = getattr(self, f"up{number}")(x, maps.pop())
        return self.outc(x)


class ECCV16(nn.Module):
    """github.com/richzhang/colorization, colorizers/eccv16.py; ``first`` is 64 there. L* in, a*b* out."""

    def __init__(self, first: int):
        super().__init__()
        one, two, four, eight = (first * factor for factor in (1, 2, 4, 8))
        self.model1 = self.block(1, one, 2, stride=2)
        self.model2 = self.block(one, two, 2, stride=2)
        self.model3 = self.block(two, four, 3, stride=2)
        self.model4 = self.block(four, eight, 3)
        self.model5 = self.block(eight, eight, 3, dilation=2)
        self.model6 = self.block(eight, eight, 3, dilation=2)
        self.model7 = self.block(eight, eight, 3)
        self.model8 = nn.Sequential(
            nn.ConvTranspose2d(eight, four, 4, stride=2, padding=1), nn.ReLU(),
            nn.Conv2d(four, four, 3, padding=1), nn.ReLU(),
            nn.Conv2d(four, four, 3, padding=1), nn.ReLU(),
            nn.Conv2d(four, 313, 1),
        )  # fmt: skip
        self.model_out = nn.Conv2d(313, 2, 1, bias=False)
        self.model_out.weight.data = torch.tensor(AB_BINS.T[:, :, None, None] / 110)

    @staticmethod
    def block(inputs: int, outputs: int, convolutions: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
        layers: list[nn.Module] = []
        for number in range(convolutions):
            step = stride if number == convolutions - 1 else 1
            layers += [nn.Conv2d(inputs, outputs, 3, step, dilation, dilation), nn.ReLU()]
            inputs = outputs
        return nn.Sequential(*layers, nn.BatchNorm2d(outputs))

    def forward(self, lightness: torch.Tensor) -> torch.Tensor:
        x = (lightness - 50) / 100
        for number in range(1, 9):
            x = getattr(self, f"model{number}")(x)
        shares = torch.softmax(x, 1)
        return 110 * nn.functional.interpolate(self.model_out(shares), scale_factor=4, mode="bilinear")


class UnetSkipConnectionBlock(nn.Module):
    """junyanz's models/networks.py: a level with all that lies deeper, and before it the channels that it was given."""

    def __init__(
        self, outer: int, inner: int, deeper: nn.Module | None, inputs: int | None = None, dropout: bool = False
    ):
        super().__init__()
        self.outermost = inputs is not None
        norms = not self.outermost
        layers: list[nn.Module] = [nn.LeakyReLU(0.2, True)] if norms else []
        layers.append(nn.Conv2d(inputs or outer, inner, 4, 2, 1, bias=False))
        if deeper is not None:
            layers += [nn.BatchNorm2d(inner), deeper] if norms else [deeper]
        layers.append(nn.ReLU(True))
        layers.append(nn.ConvTranspose2d(inner if deeper is None else 2 * inner, outer, 4, 2, 1, bias=not norms))
        layers.append(nn.BatchNorm2d(outer) if norms else nn.Tanh())
        self.model = nn.Sequential(*layers, *([nn.Dropout(0.5)] if dropout else []))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x) if self.outermost else torch.cat([x, self.model(x)], 1)


class UnetGenerator(nn.Module):
    """junyanz's unet_256 for 8 levels, unet_128 for 7; ``first`` is 64 there."""

    def __init__(self, inputs: int, outputs: int, levels: int, first: int):
        super().__init__()
        block = UnetSkipConnectionBlock(8 * first, 8 * first, None)
        for _ in range(levels - 5):
            block = UnetSkipConnectionBlock(8 * first, 8 * first, block, dropout=True)
        for factor in (4, 2, 1):
            block = UnetSkipConnectionBlock(factor * first, 2 * factor * first, block)
        self.model = UnetSkipConnectionBlock(outputs, first, block, inputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


class NLayerDiscriminator(nn.Module):
    """junyanz's basic discriminator for 3 layers, else n_layers; ``first`` is 64 there."""

    def __init__(self, inputs: int, layers: int, first: int):
        super().__init__()
        sequence: list[nn.Module] = [nn.Conv2d(inputs, first, 4, 2, 1), nn.LeakyReLU(0.2, True)]
        widths = [first * min(2**number, 8) for number in range(layers + 1)]
        for number in range(1, layers + 1):
            stride = 2 if number < layers else 1
            sequence.append(nn.Conv2d(widths[number - 1], widths[number], 4, stride, 1, bias=False))
            sequence += [nn.BatchNorm2d(widths[number]), nn.LeakyReLU(0.2, True)]
        self.model = nn.Sequential(*sequence, nn.Conv2d(widths[-1], 1, 4, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.model(x)


def trained(module: nn.Module) -> nn.Module:
    """Give every weight and statistic its formula, and what was published stays: the colours of Zhang."""
    state = module.float().state_dict()
    for number, (name, tensor) in enumerate(state.items()):
        values = noise(tuple(tensor.shape), 1000 * (number + 1))
        if tensor.ndim > 1 and name != "model_out.weight":
            tensor.copy_(torch.tensor(values * 2 / np.sqrt(values[0].size)))
        elif name.endswith(("running_var", "weight")) and tensor.ndim == 1:
            tensor.copy_(torch.tensor(1 + 0.3 * values))
        elif tensor.ndim == 1:
            tensor.copy_(torch.tensor(0.2 * values))
    return module.eval()


def answer(module: nn.Module, x: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return to_nhwc(module(to_nchw(x)))


def published_vgg16(batch_norm: bool) -> nn.Module:
    return trained(VGG16Twin([np.ones((1, 128))] * 2, 5, 1 / 32, batch_norm))


@pytest.mark.parametrize("batch_norm", [False, True])
def test_vgg16_votes_as_torchvision_s(batch_norm):
    network, published = tc.networks.VGG16(5, batch_norm, 1 / 32), published_vgg16(batch_norm)
    tc.load_torch_state_dict(network, published.state_dict())
    x = noise((2, 97, 64, 3), 1).astype(np.float32)
    assert relative_error(network.predict(x), answer(published, x)) <= 1e-5


def test_unet_scores_as_milesial_s():
    network = tc.networks.UNet(3, 2, "same", batch_norm=True, width=1 / 16)
    published = trained(MilesialUNet(2, first=4))
    tc.load_torch_state_dict(network, published.state_dict() | {"mask_values": [0, 255]})
    x = noise((2, 45, 70, 3), 1).astype(np.float32)
    assert relative_error(network.predict(x), answer(published, x)) <= 1e-5


def test_zhang_paints_as_richzhang_s():
    network, published = tc.networks.Zhang(1 / 16, temperature=1), trained(ECCV16(first=4))
    tc.load_torch_state_dict(network, published.state_dict())
    lightness = 50 + 50 * noise((2, 40, 64, 1), 1).astype(np.float32)
    assert relative_error(network.paint(lightness), answer(published, lightness)) <= 1e-5


@pytest.mark.parametrize(("levels", "channels"), [(8, (1, 2)), (7, (3, 3))], ids=["unet_256", "unet_128"])
def test_pix2pix_draws_as_junyanz_s(levels, channels):
    network, published = (
        tc.networks.Pix2PixGenerator(*channels, levels, 4),
        trained(UnetGenerator(*channels, levels, 4)),
    )
    tc.load_torch_state_dict(network, published.state_dict())
    x = noise((2, network.size, network.size, channels[0]), 1).astype(np.float32)
    assert relative_error(network.predict(x), answer(published, x)) <= 1e-5
    # As the authors ran it, but that no unit is dropped: with the batch's statistics.
    for ours in (layer for _, layer in network.walk() if isinstance(layer, tc.Dropout)):
        ours.p = 0.0
    for theirs in (layer for layer in published.train().modules() if isinstance(layer, nn.Dropout)):
        theirs.p = 0.0
    ours = network.predict(x, mode="paper", rng=tc.Generator(0))
    assert relative_error(ours, answer(published, x)) <= 2e-5


@pytest.mark.parametrize("layers", [3, 1, 5])
def test_patches_are_judged_as_by_junyanz_s(layers):
    network, published = tc.networks.PatchDiscriminator(6, layers, 8), trained(NLayerDiscriminator(6, layers, 8))
    tc.load_torch_state_dict(network, published.state_dict())
    xs = [noise((2, 128, 96, 3), phase).astype(np.float32) for phase in (1, 2)]
    assert relative_error(network.predict(*xs), answer(published, np.concatenate(xs, -1))) <= 1e-5


def test_a_module_that_learns_and_a_file_of_it_are_read(tmp_path):
    published = published_vgg16(True)
    save_file(published.state_dict(), tmp_path / "vgg16_bn.safetensors")
    from_module, from_file = (tc.networks.VGG16(5, True, 1 / 32) for _ in range(2))
    tc.load_torch_state_dict(from_module, dict(published.named_parameters()) | dict(published.named_buffers()))
    tc.load_torch_state_dict(from_file, tmp_path / "vgg16_bn.safetensors")
    ours, theirs = from_module.state_dict(), from_file.state_dict()
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs)


def test_a_pth_is_never_opened(tmp_path):
    torch.save(published_vgg16(False).state_dict(), tmp_path / "vgg16.pth")
    with pytest.raises(tc.CheckpointError, match=r"a \.pth is a pickle, which can run code and is never opened"):
        tc.load_torch_state_dict(tc.networks.VGG16(5, width=1 / 32), tmp_path / "vgg16.pth")
