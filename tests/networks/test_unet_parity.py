"""U-Net against PyTorch, from equal weights: outputs and every gradient, in all its forms."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import tinycolor as tc

from fixtures.formulas import one_step, relative_error
from fixtures.make_unet import FORMS, fixed

pytest.importorskip("torch")
import torch
from torch import nn

from torch_twins import load
from torch_twins import one_step as their_one_step

pytestmark = pytest.mark.parity
NARROW = 1 / 8
# float64, and float32: outputs and gradients.
PRECISIONS = {"float64": (1e-9, 1e-9), "float32": (1e-5, 1e-4)}


class DoubleConv(nn.Module):
    def __init__(self, inputs: int, outputs: int, between: int, padding: int, batch_norm: bool):
        super().__init__()
        layers: list[nn.Module] = []
        for c, f in ((inputs, between), (between, outputs)):
            layers.append(nn.Conv2d(c, f, 3, padding=padding, bias=not batch_norm))
            layers += [nn.BatchNorm2d(f), nn.ReLU()] if batch_norm else [nn.ReLU()]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.double_conv(x)


class Down(nn.Module):
    def __init__(self, double: DoubleConv):
        super().__init__()
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), double)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.maxpool_conv(x)


class Up(nn.Module):
    def __init__(self, enlarge: nn.Module, double: DoubleConv):
        super().__init__()
        self.up, self.conv = enlarge, double

    def forward(self, below: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        enlarged = self.up(below)
        missing = [theirs - own for theirs, own in zip(skip.shape[2:], enlarged.shape[2:], strict=True)]
        if max(missing) > 1:  # without padding: what the convolutions took from the borders
            top, left = missing[0] // 2, missing[1] // 2
            skip = skip[:, :, top : top + enlarged.shape[2], left : left + enlarged.shape[3]]
        else:
            enlarged = nn.functional.pad(enlarged, [0, missing[1], 0, missing[0]])
        return self.conv(torch.cat([skip, enlarged], 1))


class OutConv(nn.Module):
    def __init__(self, inputs: int, classes: int):
        super().__init__()
        self.conv = nn.Conv2d(inputs, classes, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x)


class UNetTwin(nn.Module):
    """Parts and names as in github.com/milesial/Pytorch-UNet; and without padding or norm as in the paper.

    Theirs is a list of levels down and one up; ours is nested. Their interpolation keeps the corners' centres in place.
    """

    def __init__(
        self, in_channels: int, classes: int, padding: str, batch_norm: bool, upsample: str, width: float = NARROW
    ):
        super().__init__()
        c1, c2, c3, c4, c5 = (int(channels * width) for channels in (64, 128, 256, 512, 1024))
        learned = upsample == "deconv"

        def double(inputs: int, outputs: int, between: int | None = None) -> DoubleConv:
            return DoubleConv(inputs, outputs, between or outputs, 1 if padding == "same" else 0, batch_norm)

        def up(inputs: int, outputs: int) -> Up:
            if learned:
                return Up(nn.ConvTranspose2d(inputs, inputs // 2, 2, stride=2), double(inputs, outputs))
            corners = {"align_corners": False} if upsample == "bilinear" else {}
            return Up(nn.Upsample(scale_factor=2, mode=upsample, **corners), double(inputs, outputs, inputs // 2))

        self.inc = double(in_channels, c1)
        self.down1, self.down2, self.down3 = Down(double(c1, c2)), Down(double(c2, c3)), Down(double(c3, c4))
        self.down4 = Down(double(c4, c5 if learned else c5 // 2))
        self.up1, self.up2 = up(c5, c4 if learned else c4 // 2), up(c4, c3 if learned else c3 // 2)
        self.up3, self.up4 = up(c3, c2 if learned else c2 // 2), up(c2, c1)
        self.outc = OutConv(c1, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x1 = self.inc(x)
        x2 = self.down1(x1)
        x3 = self.down2(x2)
        x4 = self.down3(x3)
        x = self.up1(self.down4(x4), x4)
        x = self.up2(x, x3)
        x = self.up3(x, x2)
        return self.outc(self.up4(x, x1))

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (our name, their name) of every parameter and running statistic."""
        yield from self._double("levels.0.", "inc.")
        for level in range(1, 5):
            inside = "levels." + "1.deeper.1." * level
            yield from self._double(inside + ("0." if level < 4 else ""), f"down{level}.maxpool_conv.1.")
        for level in range(4):
            inside = "levels." + "1.deeper.1." * level
            theirs = f"up{4 - level}."
            if isinstance(self.up1.up, nn.ConvTranspose2d):
                for part in ("weight", "bias"):
                    yield f"{inside}1.deeper.2.{part}", f"{theirs}up.{part}"
            yield from self._double(f"{inside}2.", f"{theirs}conv.")
        for part in ("weight", "bias"):
            yield f"head.{part}", f"outc.conv.{part}"

    def _double(self, ours: str, theirs: str) -> Iterator[tuple[str, str]]:
        layers = self.get_submodule(f"{theirs}double_conv")
        number = -1
        for place, layer in enumerate(layers):
            number += isinstance(layer, nn.Conv2d)
            kind = "conv" if isinstance(layer, nn.Conv2d) else "norm"
            for part in layer.state_dict():
                if part != "num_batches_tracked":
                    yield f"{ours}{number}.{kind}.{part}", f"{theirs}double_conv.{place}.{part}"


every_form = pytest.mark.parametrize("form", FORMS)


@every_form
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_every_gradient(form, dtype):
    network, batch = fixed(form, NARROW)
    network, batch = network.astype(dtype), tuple(array.astype(dtype) for array in batch)
    twin = load(UNetTwin(*FORMS[form]), network.state_dict())
    ours, theirs = one_step(network, *batch, tc.losses.mse), their_one_step(twin, *batch, tc.losses.mse)
    assert ours.keys() == theirs.keys()
    errors = {name: relative_error(ours[name], theirs[name]) for name in ours.keys() - {"loss"}}
    of_output, of_gradients = PRECISIONS[dtype]
    assert errors.pop("y") <= of_output
    assert max(errors.values()) <= of_gradients, errors


def test_it_predicts_the_same_with_running_statistics():
    network, batch = fixed("milesial", NARROW)
    twin = load(UNetTwin(*FORMS["milesial"]), network.state_dict()).eval()
    theirs = their_one_step(twin, *batch, tc.losses.mse)["y"]
    assert relative_error(network.predict(batch[0]), theirs) <= 1e-10
