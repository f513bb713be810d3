"""GAN and conditional GAN against PyTorch, from equal weights and dropout masks: outputs and every gradient."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import numpy as np
import pytest

import tinycolor as tc

from fixtures.formulas import relative_error
from fixtures.make_gan import CASES, fixed, there_and_back

pytest.importorskip("torch")
import torch
from torch import nn

from torch_twins import gradients, load

pytestmark = pytest.mark.parity


class Twin(nn.Module):
    """A stack of ``nn.Linear`` under the papers' names; ``masks`` say what stays, and with it by how much it grows."""

    places: ClassVar[dict[str, str]]

    def __init__(self, network: tc.Layer):
        super().__init__()
        ours = dict(network.walk())
        for name, place in self.places.items():
            self.add_module(name, nn.Linear(*ours[f"{place}."].weight.data.shape))
        dropouts = [layer for layer in ours.values() if isinstance(layer, tc.Dropout)]
        self.masks = [torch.from_numpy(layer.mask / (1 - layer.p)) for layer in dropouts]

    def kept(self, number: int, x: torch.Tensor) -> torch.Tensor:
        return x * self.masks[number].to(x.dtype)

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (our name, their name) of every parameter."""
        for name, place in self.places.items():
            for part in ("weight", "bias"):
                yield f"{place}.{part}", f"{name}.{part}"


def maxout(x: torch.Tensor, pieces: int) -> torch.Tensor:
    return torch.stack([x[:, number::pieces] for number in range(pieces)]).max(0).values


class GANGenerator(Twin):
    places: ClassVar = {"h0": "layers.0", "h1": "layers.2", "y": "layers.4"}

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self.y(torch.relu(self.h1(torch.relu(self.h0(z))))))


class GANDiscriminator(Twin):
    places: ClassVar = {"h0": "layers.1", "h1": "layers.4", "y": "layers.7"}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h0 = maxout(self.h0(self.kept(0, x)), 5)
        h1 = maxout(self.h1(self.kept(1, h0)), 5)
        return self.y(self.kept(2, h1))


class CGANGenerator(Twin):
    places: ClassVar = {"of_y": "layers.0.0.0", "of_z": "layers.0.1.0", "joint": "layers.2", "x": "layers.5"}

    def forward(self, y: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
        both = torch.cat([torch.relu(self.of_y(y)), torch.relu(self.of_z(z))], 1)
        joint = torch.relu(self.joint(self.kept(0, both)))
        return torch.sigmoid(self.x(self.kept(1, joint)))


class CGANDiscriminator(Twin):
    places: ClassVar = {"of_y": "layers.0.0.0", "of_x": "layers.0.1.0", "joint": "layers.2", "logit": "layers.5"}

    def forward(self, y: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        both = torch.cat([maxout(self.of_y(y), 5), maxout(self.of_x(x), 5)], 1)
        return self.logit(self.kept(1, maxout(self.joint(self.kept(0, both)), 4)))


def theirs(kind: str, network: tc.Layer, inputs: tuple[np.ndarray, ...], dy: np.ndarray) -> dict[str, np.ndarray]:
    """Return what PyTorch gives where ``there_and_back`` gives ours."""
    twin = load(globals()[kind](network), network.state_dict())
    xs = [torch.from_numpy(x).requires_grad_() for x in inputs]
    y = twin(*xs)
    y.backward(torch.from_numpy(dy))
    result = {"y": y.detach().numpy()} | {f"dx{number}": x.grad.numpy() for number, x in enumerate(xs)}
    return result | gradients(twin)


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize(("dtype", "of_outputs", "of_gradients"), [("float64", 1e-9, 1e-9), ("float32", 1e-5, 1e-4)])
def test_outputs_and_every_gradient(kind, dtype, of_outputs, of_gradients):
    network, inputs, dy = fixed(kind)
    network, inputs, dy = network.astype(dtype), tuple(x.astype(dtype) for x in inputs), dy.astype(dtype)
    expected = theirs(kind, network, inputs, dy)
    ours = there_and_back(network, inputs, dy)
    assert ours.keys() == expected.keys()
    errors = {name: relative_error(ours[name], expected[name]) for name in ours}
    assert errors.pop("y") <= of_outputs
    assert max(errors.values()) <= of_gradients, errors
