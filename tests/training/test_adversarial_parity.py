"""A step of both networks against PyTorch, from equal weights, batches and dropout masks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.training.adversarial import Duel

from fixtures.formulas import noise, relative_error, set_weights
from fixtures.make_pix2pix import BETAS, COMPETITORS, RATE, duel, pair, state_of

pytest.importorskip("torch")
import torch
from networks.test_pix2pix_parity import DiscriminatorTwin, GeneratorTwin
from torch import nn

from torch_twins import load, to_nchw, to_ours

pytestmark = pytest.mark.parity
AS_WIDE_AS_8 = (1, 2, 8, 8), (3, 3, 8)
cross_entropy = nn.functional.binary_cross_entropy_with_logits


class DuelTwin:
    """The step as the authors' optimize_parameters has it, but that what is real comes before what is fake."""

    def __init__(self, ours: Duel, twins: tuple[nn.Module, nn.Module], make: Callable[..., torch.optim.Optimizer]):
        self.ours = ours
        self.generator, self.discriminator = (
            load(twin, network.state_dict())
            for twin, network in zip(twins, (ours.generator, ours.discriminator), strict=True)
        )
        self.optimizers = make(self.generator.parameters()), make(self.discriminator.parameters())

    def step(self, condition: tuple, noise: tuple, real: np.ndarray) -> dict[str, float]:
        condition, noise, real = tuple(map(to_nchw, condition)), tuple(map(to_nchw, noise)), to_nchw(real)
        of_generator, of_discriminator = self.optimizers
        fake = self.generator(torch.cat([*condition, *noise], 1))

        self.discriminator.requires_grad_(True)
        of_discriminator.zero_grad()
        on_real = self.judged(condition, real)
        on_fake = self.judged(condition, fake.detach())
        loss_d = cross_entropy(on_real, torch.ones_like(on_real)) + cross_entropy(on_fake, torch.zeros_like(on_fake))
        (self.ours.discriminator_weight * loss_d).backward()
        of_discriminator.step()

        self.discriminator.requires_grad_(False)
        of_generator.zero_grad()
        again = self.judged(condition, fake)
        if self.ours.objective is tc.losses.minimax:
            adversarial = torch.log(1 - torch.sigmoid(again)).mean()
        else:
            adversarial = -torch.log(torch.sigmoid(again)).mean()
        figures = {"adversarial": adversarial.item(), "discriminator": loss_d.item()}
        loss = adversarial
        if self.ours.reconstruction is not None:
            reconstruction = (fake - real).abs().mean()
            figures["reconstruction"] = reconstruction.item()
            loss = adversarial + self.ours.reconstruction_weight * reconstruction
        loss.backward()
        of_generator.step()
        return figures | {
            "loss": loss.item(),
            "real_accuracy": (on_real > 0).double().mean().item(),
            "fake_accuracy": (on_fake < 0).double().mean().item(),
        }

    def judged(self, condition: tuple[torch.Tensor, ...], sample: torch.Tensor) -> torch.Tensor:
        return self.discriminator(torch.cat([*condition, sample], 1))

    def state(self) -> dict[str, np.ndarray]:
        """Return all weights and running statistics of both, under our names."""
        result = {}
        for who, twin in (("generator", self.generator), ("discriminator", self.discriminator)):
            state = twin.state_dict()
            result |= {f"{who}.{ours}": to_ours(state[theirs].numpy()) for ours, theirs in twin.names()}
        return result


def pix2pix(dtype: str, competitors: tuple = COMPETITORS, **changes: object) -> tuple[Duel, DuelTwin]:
    ours = duel(dtype, competitors, **changes)
    twins = GeneratorTwin(ours.generator), DiscriminatorTwin(ours.discriminator)
    return ours, DuelTwin(ours, twins, lambda parameters: torch.optim.Adam(parameters, RATE, BETAS))


def errors(ours: Duel, theirs: DuelTwin) -> dict[str, float]:
    """Return the largest error of each array of weights and running statistics."""
    mine, others = state_of(ours), theirs.state()
    assert mine.keys() == others.keys()
    return {name: relative_error(mine[name], others[name]) for name in mine}


def assert_same_figures(mine: dict[str, float], theirs: dict[str, float], tolerance: float) -> None:
    assert mine.keys() == theirs.keys()
    for name, value in theirs.items():
        assert mine[name] == pytest.approx(value, rel=tolerance), name


@pytest.mark.parametrize("competitors", [COMPETITORS, AS_WIDE_AS_8], ids=["small", "ngf = ndf = 8"])
def test_new_weights_after_a_step_of_both_networks(competitors):
    ours, theirs = pix2pix("float64", competitors)
    before = state_of(ours)
    x, y = pair(side=ours.generator.size)
    assert_same_figures(ours.step((x,), (), y), theirs.step((x,), (), y), 1e-9)
    of_arrays = errors(ours, theirs)
    assert max(of_arrays.values()) <= 1e-9, of_arrays
    after = state_of(ours)
    assert all((before[name] != after[name]).any() for name in before)


@pytest.mark.parametrize("competitors", [COMPETITORS, AS_WIDE_AS_8], ids=["small", "ngf = ndf = 8"])
def test_new_weights_in_float32(competitors):
    """Adam's first step is as long as the rate, whatever the gradient; where that is no more than rounding, its
    direction is chance, here as in PyTorch. That is so where the exact step is shorter: at less than 1 % of weights.
    """
    ours, theirs = pix2pix("float32", competitors)
    exact = duel("float64", competitors)
    before = state_of(exact)
    x, y = pair(side=ours.generator.size)
    exact.step((x,), (), y)
    x, y = x.astype("float32"), y.astype("float32")
    assert_same_figures(ours.step((x,), (), y), theirs.step((x,), (), y), 1e-5)
    mine, others, numbers, chances = state_of(ours), theirs.state(), 0, 0
    for name, moved in state_of(exact).items():
        step = abs(moved - before[name])
        chance = (step > 0) & (step < 0.99 * RATE) & ("running" not in name)
        difference = abs(mine[name] - others[name])
        assert (difference[~chance] <= 1e-5 * abs(others[name]).max()).all(), name
        assert (difference <= 2.01 * RATE).all() or "running" in name, name
        numbers, chances = numbers + chance.size, chances + chance.sum()
    assert chances < 0.01 * numbers


def in_midst(competitors: tuple) -> tuple[Duel, DuelTwin]:
    """Return a duel in float32 and its twin after three steps, with equal memories of past gradients."""
    exact, ours = duel("float64", competitors), duel("float32", competitors)
    for number in range(3):
        x, y = pair(number, exact.generator.size)
        exact.step((x,), (), y)
    of_twin = []
    for who, twin in (("generator", GeneratorTwin), ("discriminator", DiscriminatorTwin)):
        network, before = getattr(ours, who), getattr(exact, who).state_dict()
        network.load_state_dict({name: array.astype("float32") for name, array in before.items()})
        optimizer = getattr(ours, f"{who}_optimizer")
        state = getattr(exact, f"{who}_optimizer").state_dict()
        memories = {name: state[name].astype("float32") for name in optimizer.memories}
        optimizer.load_state_dict(state | memories)
        of_twin.append([by_twin(twin(network), network, memory) for memory in memories.values()])
    twins = GeneratorTwin(ours.generator), DiscriminatorTwin(ours.discriminator)
    theirs = DuelTwin(ours, twins, lambda parameters: torch.optim.Adam(parameters, RATE, BETAS))
    for optimizer, (m, v) in zip(theirs.optimizers, of_twin, strict=True):
        for parameter, *memory in zip(optimizer.param_groups[0]["params"], m, v, strict=True):
            step = torch.tensor(float(exact.steps))
            optimizer.state[parameter] = {"step": step, "exp_avg": memory[0], "exp_avg_sq": memory[1]}
    return ours, theirs


def by_twin(twin: nn.Module, network: tc.Layer, memory: np.ndarray) -> list[torch.Tensor]:
    """Return an optimizer's memory, which has a number for each weight, as PyTorch lays out the weights."""
    state, start = network.state_dict(), 0
    for name, parameter in network.named_parameters():
        state[name] = memory[start : start + parameter.data.size].reshape(parameter.data.shape)
        start += parameter.data.size
    return [parameter.detach() for parameter in load(twin, state).parameters()]


@pytest.mark.parametrize("competitors", [COMPETITORS, AS_WIDE_AS_8], ids=["small", "ngf = ndf = 8"])
def test_new_weights_in_float32_in_the_midst_of_a_training(competitors):
    """With a past, Adam's step is no matter of signs: every weight is PyTorch's."""
    ours, theirs = in_midst(competitors)
    before = state_of(ours)
    x, y = (array.astype("float32") for array in pair(3, ours.generator.size))
    assert_same_figures(ours.step((x,), (), y), theirs.step((x,), (), y), 1e-5)
    of_arrays = errors(ours, theirs)
    assert max(of_arrays.values()) <= 1e-5, of_arrays
    after = state_of(ours)
    assert all((before[name] != after[name]).any() for name in before)


@pytest.mark.parametrize("objective", [tc.losses.non_saturating, tc.losses.minimax])
def test_three_steps(objective):
    ours, theirs = pix2pix("float64", objective=objective)
    for number in range(3):
        x, y = pair(number)
        assert_same_figures(ours.step((x,), (), y), theirs.step((x,), (), y), 1e-9)
    of_arrays = errors(ours, theirs)
    assert max(of_arrays.values()) <= 1e-9, of_arrays


# --- without pictures: a pair of dense networks, with any condition and noise ------------------------------------


class DenseTwin(nn.Sequential):
    """What ``dense`` makes, in PyTorch; what ours joins, comes joined."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(nn.Identity(), nn.Linear(inputs, 7), nn.Tanh(), nn.Linear(7, outputs))

    def names(self) -> Iterator[tuple[str, str]]:
        yield from ((name, name) for name in self.state_dict())


def dense(inputs: int, outputs: int, phase: int) -> tc.Layer:
    layers = tc.Concat(), tc.Linear(inputs, 7), tc.Tanh(), tc.Linear(7, outputs)
    return set_weights(tc.Sequential(*layers), phase)


OPTIMIZERS = {
    "SGD": (tc.optim.SGD, torch.optim.SGD, 0.05),
    "Adam": (tc.optim.Adam, torch.optim.Adam, 0.01),
}


def dense_pair(optimizer: str, condition: int = 0, **changes: object) -> tuple[Duel, DuelTwin]:
    make, make_theirs, rate = OPTIMIZERS[optimizer]
    sizes = (condition + 3, 2), (condition + 2, 1)
    networks = [dense(*size, phase) for phase, size in enumerate(sizes)]
    ours = Duel(*networks, *(make(network.parameters(), rate) for network in networks), **changes)
    twins = tuple(DenseTwin(*size) for size in sizes)
    return ours, DuelTwin(ours, twins, lambda parameters: make_theirs(parameters, rate))


def rows(number: int, *widths: int) -> tuple[np.ndarray, ...]:
    return tuple(noise((5, width), 20 + 7 * number + place) for place, width in enumerate(widths))


@pytest.mark.parametrize("widths", [(), (4,), (3, 1)], ids=["no condition", "a condition", "a condition of two arrays"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("objective", [tc.losses.non_saturating, tc.losses.minimax])
def test_any_condition_and_noise(widths, optimizer, objective):
    ours, theirs = dense_pair(optimizer, sum(widths), objective=objective, discriminator_weight=0.5)
    for number in range(5):
        *condition, z, real = rows(number, *widths, 3, 2)
        batch = tuple(condition), (z,), real
        assert_same_figures(ours.step(*batch), theirs.step(*batch), 1e-9)
    assert max(errors(ours, theirs).values()) <= 1e-9


def test_the_weight_of_the_discriminator_s_loss_matters_but_not_under_adam():
    def after(optimizer: str, weight: float) -> np.ndarray:
        ours, theirs = dense_pair(optimizer, discriminator_weight=weight)
        for number in range(5):
            z, real = rows(number, 3, 2)
            ours.step((), (z,), real)
            theirs.step((), (z,), real)
        assert max(errors(ours, theirs).values()) <= 1e-9
        return np.concatenate([array.ravel() for array in state_of(ours).values()])

    assert abs(after("SGD", 0.5) - after("SGD", 1)).max() > 1e-2
    # Only eps tells the sizes of gradients apart.
    assert abs(after("Adam", 0.5) - after("Adam", 1)).max() < 1e-6
