"""pix2pix against PyTorch, from equal weights and dropout masks: outputs and every gradient, in all its forms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.networks import PatchDiscriminator, Pix2PixGenerator

from fixtures.formulas import one_step, relative_error
from fixtures.make_pix2pix import discriminator, generator, pictures

pytest.importorskip("torch")
import torch
from torch import nn

from torch_twins import Kept, load, to_nchw
from torch_twins import one_step as their_one_step

pytestmark = pytest.mark.parity
# float64, and float32: outputs and gradients.
PRECISIONS = {"float64": (1e-9, 1e-9), "float32": (1e-5, 1e-4)}
every_precision = pytest.mark.parametrize("dtype", PRECISIONS)
FACTORS = (1, 2, 4, 8, 8, 8, 8, 8)


class GeneratorTwin(nn.Module):
    """e1, e2, ... down and d1, d2, ... up, one after the other as in the authors' models.lua; ours is nested."""

    def __init__(self, network: Pix2PixGenerator):
        super().__init__()
        form = network.options
        self.levels, self.skips = form["levels"], form["skips"]
        norm = nn.BatchNorm2d if form["norm"] == "batch" else nn.InstanceNorm2d
        widths = [factor * form["base_width"] for factor in FACTORS[: self.levels]]
        self.e, self.e_norm, self.d, self.d_norm = (nn.ModuleDict() for _ in range(4))
        inputs = form["in_channels"]
        for number, width in enumerate(widths, start=1):
            self.e[str(number)] = nn.Conv2d(inputs, width, 4, 2, 1, bias=False)
            self.e_norm[str(number)] = norm(width) if 1 < number < self.levels else nn.Identity()
            inputs = width
        for number, width in enumerate([*widths[-2::-1], form["out_channels"]], start=1):
            last = number == self.levels
            self.d[str(number)] = nn.ConvTranspose2d(inputs, width, 4, 2, 1, bias=last)
            self.d_norm[str(number)] = nn.Identity() if last else norm(width)
            inputs = 2 * width if self.skips else width
        masks = [layer.mask for _, layer in network.walk() if isinstance(layer, tc.Dropout)]
        dropped = range(2, self.levels - 3) if form["dropout_style"] == "pytorch" else range(1, min(4, self.levels))
        self.kept = {str(number): Kept(mask) for number, mask in zip(dropped, masks, strict=True)}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps = []
        for number, conv in self.e.items():
            x = self.e_norm[number](conv(nn.functional.leaky_relu(x, 0.2) if maps else x))
            maps.append(x)
        x = maps.pop()
        for number, conv in self.d.items():
            x = self.d_norm[number](conv(torch.relu(x)))
            if self.training and number in self.kept:
                x = self.kept[number](x)
            if maps:
                across = maps.pop()
                x = torch.cat([across, x], 1) if self.skips else x
        return torch.tanh(x)

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (our name, their name) of every parameter and running statistic."""
        inside = "deeper." if self.skips else ""
        places = {"e.1": "layers.0", f"d.{self.levels}": "layers.3"}
        for number in range(2, self.levels + 1):
            level = f"layers.1.{inside}" + f"3.{inside}" * (number - 2)
            places |= {f"e.{number}": f"{level}1", f"e_norm.{number}": f"{level}2"}
            up, place = self.levels + 1 - number, 5 if number < self.levels else 3
            places |= {f"d.{up}": f"{level}{place}", f"d_norm.{up}": f"{level}{place + 1}"}
        yield from names_of(self, places)


class DiscriminatorTwin(nn.Sequential):
    """A list of layers, as the authors' defineD_n_layers and defineD_pixelGAN have it, without the sigmoid."""

    def __init__(self, network: PatchDiscriminator):
        form = network.options
        n, ndf = form["layers"], form["base_width"]
        window = {"kernel_size": 4, "padding": 1} if n else {"kernel_size": 1}
        layers = [nn.Conv2d(form["in_channels"], ndf, stride=2 if n else 1, **window), nn.LeakyReLU(0.2)]
        self.places = {"0": "blocks.0.conv"}
        inputs, last = ndf, max(n, 1)
        for number in range(1, last + 1):
            width, place = ndf * min(2**number, 8), len(layers)
            layers.append(nn.Conv2d(inputs, width, stride=2 if number < n else 1, bias=False, **window))
            layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2)]
            self.places |= {f"{place}": f"blocks.{number}.conv", f"{place + 1}": f"blocks.{number}.norm"}
            inputs = width
        self.places[f"{len(layers)}"] = f"blocks.{last + 1}"
        super().__init__(*layers, nn.Conv2d(inputs, 1, **window))

    def names(self) -> Iterator[tuple[str, str]]:
        """Yield (our name, their name) of every parameter and running statistic."""
        yield from names_of(self, self.places)


def names_of(twin: nn.Module, places: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yield (our name, their name) of all numbers that layers have, from (their layer, our layer)."""
    for theirs, ours in places.items():
        for part in twin.get_submodule(theirs).state_dict():
            if part != "num_batches_tracked":
                yield f"{ours}.{part}", f"{theirs}.{part}"


def assert_same_step(network: tc.Layer, twin: nn.Module, batch: tuple[np.ndarray, np.ndarray], dtype: str) -> None:
    """Compare y, dx, all gradients and the running statistics after them; none of the gradients is nothing."""
    network, (x, target) = network.astype(dtype), (array.astype(dtype) for array in batch)
    load(twin, network.state_dict())
    ours, theirs = one_step(network, x, target, tc.losses.mse), their_one_step(twin, x, target, tc.losses.mse)
    assert ours.keys() == theirs.keys()
    errors = {name: relative_error(ours[name], theirs[name]) for name in ours.keys() - {"loss"}}
    of_output, of_gradients = PRECISIONS[dtype]
    assert errors.pop("y") <= of_output
    assert max(errors.values()) <= of_gradients, errors
    # No bias stands before a norm, so the list of gradients that are zero by nature is empty.
    sizes = {name: np.linalg.norm(ours[name]) for name, _ in network.named_parameters()}
    assert min(sizes.values()) > 1e-6 * np.median([*sizes.values()]), sizes
    state, buffers = network.state_dict(), dict(twin.named_buffers())
    for mine, other in twin.names():
        if other in buffers:
            assert relative_error(state[mine], buffers[other].numpy()) <= of_output, mine


GENERATORS = {
    "256": (1, 2, 8, 8),
    "256 of three colours, lua": (3, 3, 8, 8, True, "batch", "lua"),
    "128": (1, 2, 7, 8),
    "encoder-decoder": (1, 2, 8, 8, False),
    "encoder-decoder, lua": (3, 3, 6, 5, False, "batch", "lua"),
    "32": (1, 2, 5, 8),
    "of two levels": (5, 1, 2, 3, True, "batch", "lua"),
    "instance": (2, 3, 6, 8, True, "instance", "lua"),
    "instance without skips": (1, 2, 6, 7, False, "instance"),
}


@pytest.mark.parametrize("form", GENERATORS.values(), ids=GENERATORS)
@every_precision
def test_every_gradient_of_the_generator(form, dtype):
    network = generator(*form)
    assert_same_step(network, GeneratorTwin(network), pictures(network, network.size), dtype)


@pytest.mark.parametrize(
    ("form", "side"),
    [
        ((3, 0, 8), 20),
        ((6, 1, 8), 34),
        ((3, 2, 8), 47),
        ((6, 3, 8), 96),
        ((3, 4, 8), 80),
        ((4, 5, 8), 128),
        ((5, 3, 3), 33),
    ],
)
@every_precision
def test_every_gradient_of_the_discriminator(form, side, dtype):
    network = discriminator(*form)
    assert_same_step(network, DiscriminatorTwin(network), pictures(network, side), dtype)


@pytest.mark.parametrize("form", [GENERATORS["256"], GENERATORS["encoder-decoder, lua"]])
def test_a_rectangle_gets_the_same_answer_with_running_statistics(form):
    network = generator(*form)
    twin = load(GeneratorTwin(network), network.state_dict()).eval()
    x = pictures(network, network.size)[0]
    x = np.concatenate([x, x[:, ::-1]], 2)
    theirs = twin(to_nchw(x)).detach().permute(0, 2, 3, 1).numpy()
    assert relative_error(network.predict(x), theirs) <= 1e-10
