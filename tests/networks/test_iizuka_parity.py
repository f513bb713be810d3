"""Iizuka and its baseline against PyTorch, from equal weights: answers, every gradient, colours, and Adadelta."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.networks.iizuka import colour_and_scene_loss

from fixtures.formulas import relative_error
from fixtures.make_iizuka import FORMS, LIGHTNESS, SIDE, Pictures, Target, fixed, step

pytest.importorskip("torch")
import torch
from torch import nn
from torch.nn import functional

from torch_twins import gradients, load, to_nchw, to_nhwc

pytestmark = pytest.mark.parity
NARROW = 1 / 8
# float64, and float32: answers and gradients.
PRECISIONS = {"float64": (1e-9, 1e-9), "float32": (1e-5, 1e-4)}
every_form = pytest.mark.parametrize("form", FORMS)


def chain(c: int, *table: tuple[int, int], batch_norm: bool) -> nn.Sequential:
    cells = []
    for channels, stride in table:
        norm = [nn.BatchNorm2d(channels)] if batch_norm else []
        cells.append(nn.Sequential(nn.Conv2d(c, channels, 3, stride, 1, bias=not batch_norm), *norm, nn.ReLU()))
        c = channels
    return nn.Sequential(*cells)


class IizukaTwin(nn.Module):
    """After the paper's table 1: channels and strides line by line; without ``scenes`` (0) the baseline."""

    def __init__(self, scenes: int | None, batch_norm: bool, width: float):
        super().__init__()

        def cells(c: int, *table: tuple[int, int]) -> nn.Sequential:
            return chain(c, *((int(channels * width), stride) for channels, stride in table), batch_norm=batch_norm)

        c64, c128, c256, c512 = (int(channels * width) for channels in (64, 128, 256, 512))
        self.scenes = scenes
        self.low = cells(1, (64, 2), (128, 1), (128, 2), (256, 1), (256, 2), (512, 1))
        self.mid = cells(c512, (512, 1), (256, 1))
        self.fusion = nn.Conv2d(c256 if scenes == 0 else 2 * c256, c256, 1)
        self.colour1, self.colour2 = cells(c256, (128, 1)), cells(c128, (64, 1), (64, 1))
        self.colour3, self.out = cells(c64, (32, 1)), nn.Conv2d(int(32 * width), 2, 3, 1, 1)
        if scenes != 0:
            self.scene = cells(c512, (512, 2), (512, 1), (512, 2), (512, 1))
            self.fc1, self.fc2 = nn.Linear((SIDE // 32) ** 2 * c512, 2 * c512), nn.Linear(2 * c512, c512)
            self.fc3 = nn.Linear(c512, c256)
            self.flattened = {"fc1.weight": (SIDE // 32, SIDE // 32, c512)}
        if scenes:
            self.class1, self.class2 = nn.Linear(c512, c256), nn.Linear(c256, scenes)

    def forward(self, x: torch.Tensor, x_global: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        mid, scores = self.mid(self.low(x)), None
        if self.scenes != 0:
            whole = self.scene(self.low(x if x_global is None else x_global)).flatten(1)
            tap = torch.relu(self.fc2(torch.relu(self.fc1(whole))))
            vector = torch.relu(self.fc3(tap))
            mid = torch.cat([mid, vector[:, :, None, None].expand(-1, -1, *mid.shape[2:])], 1)
            if self.scenes:
                scores = self.class2(torch.relu(self.class1(tap)))
        y = self.colour1(torch.relu(self.fusion(mid)))
        y = self.colour2(functional.interpolate(y, scale_factor=2, mode="nearest"))
        y = self.colour3(functional.interpolate(y, scale_factor=2, mode="nearest"))
        return torch.sigmoid(self.out(y)), scores

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (our name, their name) of every parameter and running statistic."""
        ours = {"low": "low", "mid": "mid", "scene": "scene", "colour1": "colour.0", "colour3": "colour.5"}
        single = {"fusion": "fusion.0" + (".conv" if self.scenes != 0 else ""), "out": "colour.6.conv"}
        single |= {"fc1": "scene.5", "fc2": "scene.7", "fc3": "vector.0"}
        single |= {"class1": "classifier.0", "class2": "classifier.2"}
        for name in self.state_dict():
            whose, *places, part = name.split(".")
            if part == "num_batches_tracked":
                continue
            if whose in single:
                yield f"{single[whose]}.{part}", name
                continue
            cell, kind = int(places[0]), "conv" if places[1] == "0" else "norm"
            path = f"colour.{2 + cell}" if whose == "colour2" else ours[whose]
            path += f".{cell}" if whose in ("low", "mid", "scene") else ""
            yield f"{path}.{kind}.{part}", name


def twin_of(form: str, network: tc.Layer) -> IizukaTwin:
    scenes, batch_norm, _ = FORMS[form]
    return load(IizukaTwin(scenes, batch_norm, network.options["width"]), network.state_dict())


def their_loss(twin: IizukaTwin, inputs: list[torch.Tensor], target: Target) -> tuple[dict, torch.Tensor]:
    ab, scores = twin(*inputs)
    loss = functional.mse_loss(ab, to_nchw(target[0]))
    if scores is None:
        return {"ab": ab}, loss
    return {"ab": ab, "scores": scores}, loss + functional.cross_entropy(scores, torch.from_numpy(target[1])) / 300


def their_step(twin: IizukaTwin, pictures: Pictures, target: Target) -> dict[str, np.ndarray]:
    inputs = [to_nchw(x).requires_grad_() for x in pictures]
    answers, loss = their_loss(twin, inputs, target)
    twin.zero_grad()
    loss.backward()
    result = {name: to_nhwc(y) for name, y in answers.items()} | {"loss": loss.detach().numpy()}
    return result | {f"dx{number}": to_nhwc(x.grad) for number, x in enumerate(inputs)} | gradients(twin)


def painted(twin: IizukaTwin, lightness: np.ndarray) -> np.ndarray:
    """Colour a picture of any size that is squeezed for the global features."""
    x = to_nchw(lightness) / 50 - 1
    ab = twin(x, functional.adaptive_avg_pool2d(x, SIDE))[0]
    return to_nhwc(functional.interpolate(220 * ab - 110, scale_factor=2, mode="bilinear"))


@every_form
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_every_gradient(form, dtype):
    network, pictures, target = fixed(form, NARROW)
    network, pictures = network.astype(dtype), tuple(x.astype(dtype) for x in pictures)
    target = target[0].astype(dtype), target[1]
    twin = twin_of(form, network)
    ours, theirs = step(network, pictures, target), their_step(twin, pictures, target)
    assert ours.keys() == theirs.keys()
    errors = {name: relative_error(ours[name], theirs[name]) for name in ours}
    of_answers, of_gradients = PRECISIONS[dtype]
    assert max(errors.pop(name) for name in ("ab", "scores", "loss") if name in errors) <= of_answers
    assert max(errors.values()) <= of_gradients, errors


@every_form
def test_it_paints_the_same(form):
    network = fixed(form, NARROW)[0]
    assert relative_error(network.paint(LIGHTNESS), painted(twin_of(form, network).eval(), LIGHTNESS)) <= 1e-9


def test_ten_steps_of_adadelta():
    network, pictures, target = fixed("two pictures", NARROW)
    twin = twin_of("two pictures", network)
    adadelta = tc.optim.Adadelta(network.parameters())
    theirs = torch.optim.Adadelta(twin.parameters(), lr=1.0, rho=0.95, eps=1e-6)
    inputs = [to_nchw(x) for x in pictures]
    first = network.state_dict()
    for _ in range(10):
        y, backward = network(*pictures)
        loss, dy = colour_and_scene_loss(y, target)
        backward(*dy)
        adadelta.step()
        network.zero_grad()
        theirs.zero_grad()
        _, their_value = their_loss(twin, inputs, target)
        their_value.backward()
        theirs.step()
        assert abs(float(loss) - their_value.item()) <= 1e-9
    moved = [abs(array - first[name]).max() for name, array in network.state_dict().items()]
    assert min(moved) > 1e-3
    mine = twin_of("two pictures", network).state_dict()
    for name, their in twin.state_dict().items():
        assert float((mine[name] - their).abs().max()) <= 1e-6, name
