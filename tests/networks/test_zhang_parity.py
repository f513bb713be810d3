"""Zhang and its L2 baseline against PyTorch, from equal weights: outputs, every gradient, and the colours painted."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import tinycolor as tc
from tinycolor.color.ab_bins import AB_BINS

from fixtures.formulas import relative_error
from fixtures.make_zhang import KINDS, LIGHTNESS, fixed

pytest.importorskip("torch")
import torch
from torch import nn

from torch_twins import load, one_step, to_nchw, to_nhwc

pytestmark = pytest.mark.parity
NARROW = 1 / 8
every_kind = pytest.mark.parametrize("kind", KINDS)


def convolutions(*channels: int, stride: int = 1, dilation: int = 1) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for number in range(1, len(channels)):
        step = stride if number == len(channels) - 1 else 1
        layers += [nn.Conv2d(channels[number - 1], channels[number], 3, step, dilation, dilation), nn.ReLU()]
    return layers


class ZhangTwin(nn.Module):
    """Parts and names as in colorizers/eccv16.py of github.com/richzhang/colorization; 2 outputs for the baseline."""

    def __init__(self, outputs: int, width: float = NARROW):
        super().__init__()
        a, b, c, d = (int(channels * width) for channels in (64, 128, 256, 512))
        self.model1 = nn.Sequential(*convolutions(1, a, a, stride=2), nn.BatchNorm2d(a))
        self.model2 = nn.Sequential(*convolutions(a, b, b, stride=2), nn.BatchNorm2d(b))
        self.model3 = nn.Sequential(*convolutions(b, c, c, c, stride=2), nn.BatchNorm2d(c))
        self.model4 = nn.Sequential(*convolutions(c, d, d, d), nn.BatchNorm2d(d))
        self.model5 = nn.Sequential(*convolutions(d, d, d, d, dilation=2), nn.BatchNorm2d(d))
        self.model6 = nn.Sequential(*convolutions(d, d, d, d, dilation=2), nn.BatchNorm2d(d))
        self.model7 = nn.Sequential(*convolutions(d, d, d, d), nn.BatchNorm2d(d))
        up = nn.ConvTranspose2d(d, c, 4, stride=2, padding=1)
        self.model8 = nn.Sequential(up, nn.ReLU(), *convolutions(c, c, c), nn.Conv2d(c, outputs, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for number in range(1, 9):
            x = self.get_submodule(f"model{number}")(x)
        return x

    def paint(self, lightness: torch.Tensor, temperature: float) -> torch.Tensor:
        """Decode as the port does: softmax, a 1x1 convolution that holds the bins, four times as large."""
        y = self((lightness - 50) / 100)
        if y.shape[1] == 2:
            ab = 110 * y
        else:
            bins = torch.from_numpy(AB_BINS).T[:, :, None, None]
            ab = nn.functional.conv2d(torch.softmax(y / temperature, 1), bins)
        return nn.Upsample(scale_factor=4, mode="bilinear")(ab)

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (our name, their name) of every parameter and running statistic."""
        for number in range(8):
            for place, layer in enumerate(self.get_submodule(f"model{number + 1}")):
                ours = "head" if (number, place) == (7, 6) else f"blocks.{number}.{place}"
                for part in layer.state_dict():
                    if part != "num_batches_tracked":
                        yield f"{ours}.{part}", f"model{number + 1}.{place}.{part}"


def errors(kind: str, dtype: str, mode: str) -> dict[str, float]:
    """Return how far y, dx and every gradient of a step are from PyTorch's, as a share of its largest number."""
    network, (x, target) = fixed(kind, NARROW)
    network, x, target = network.astype(dtype), x.astype(dtype), target.astype(dtype)
    twin = load(ZhangTwin(network.answers), network.state_dict()).train(mode == "train")
    y, backward = network(x, mode=mode)
    dx = backward(tc.losses.mse(y, target)[1])
    ours = {"y": y, "dx": dx} | {name: parameter.grad for name, parameter in network.named_parameters()}
    theirs = one_step(twin, x, target, tc.losses.mse)
    assert ours.keys() == theirs.keys() - {"loss"}
    return {name: relative_error(ours[name], theirs[name]) for name in ours}


@every_kind
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_every_gradient(kind, mode):
    found = errors(kind, "float64", mode)
    assert max(found.values()) <= 1e-9, found


@every_kind
def test_every_gradient_in_single_precision(kind):
    found = errors(kind, "float32", "eval")
    assert found.pop("y") <= 1e-5
    assert max(found.values()) <= 1e-4, found


@every_kind
def test_outputs_of_train_mode_in_single_precision(kind):
    """A random network makes pixels ever more alike, and by what is left each of seven batch norms divides.

    So rounding grows: PyTorch's own outputs are about 1e-5 away from those in double precision, as ours are.
    """
    assert errors(kind, "float32", "train")["y"] <= 1e-4


@every_kind
def test_it_paints_the_same_with_running_statistics(kind):
    network, _ = fixed(kind, NARROW)
    twin = load(ZhangTwin(network.answers), network.state_dict()).eval()
    if kind == "Zhang":
        network.temperature = 0.5
    assert relative_error(network.paint(LIGHTNESS), to_nhwc(twin.paint(to_nchw(LIGHTNESS), 0.5))) <= 1e-10
