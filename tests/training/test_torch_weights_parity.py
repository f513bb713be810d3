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
