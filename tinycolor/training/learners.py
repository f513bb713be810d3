"""Who learns in a run: one network by itself, or two against each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol

from tinycolor.layers.base import Layer
from tinycolor.losses import non_saturating
from tinycolor.networks.network import Network
from tinycolor.optim import Optimizer
from tinycolor.training.adversarial import Duel, Figures
from tinycolor.training.checkpoint import Checkpoint
from tinycolor.training.loop import Loss, train


class Learner(Protocol):
    """What a run trains.

    Attributes
    ----------
    optimizer : Optimizer
        Of the network that the run is for; its steps are those of the run.
    """

    optimizer: Optimizer

    def learn(self, batches: Iterable[tuple[Any, Any]]) -> Iterator[Figures]:
        """Make a step with each ``(x, target)``; yield its figures, of which ``loss`` is one."""

    def saved(self) -> dict[str, Any]:
        """Return what ``save_checkpoint`` is to keep beside the network."""

    def restore(self, checkpoint: Checkpoint) -> None:
        """Go on from where a checkpoint was saved."""


class Supervised:
    """One network that learns from what its answers should be; see ``Learner``."""

    def __init__(self, network: Network, optimizer: Optimizer, loss: Loss, seed: int) -> None:
        self.network, self.optimizer, self.loss, self.seed = network, optimizer, loss, seed

    def learn(self, batches: Iterable[tuple[Any, Any]]) -> Iterator[Figures]:
        for loss in train(self.network, self.optimizer, batches, self.loss, seed=self.seed):
            yield {"loss": loss}

    def saved(self) -> dict[str, Any]:
        return {"optimizer": self.optimizer}

    def restore(self, checkpoint: Checkpoint) -> None:
        copy_state(self.network, checkpoint.network)
        self.optimizer.load_state_dict(checkpoint.optimizer_state)


class Adversarial:
    """A generator that learns from its truths and, as pix2pix does, from a discriminator; see ``Learner``."""

    def __init__(
        self, generator: Network, discriminator: Network, optimizers: tuple[Optimizer, Optimizer], loss: Loss, seed: int
    ) -> None:
        self.generator, self.discriminator = generator, discriminator
        self.optimizer, self.discriminator_optimizer = optimizers
        self.duel = Duel(
            generator,
            discriminator,
            *optimizers,
            non_saturating,
            reconstruction=loss,
            discriminator_weight=0.5,
            seed=seed,
        )

    def learn(self, batches: Iterable[tuple[Any, Any]]) -> Iterator[Figures]:
        for x, target in batches:
            yield self.duel.step((x,), (), target)

    def saved(self) -> dict[str, Any]:
        return {
            "optimizer": self.optimizer,
            "discriminator": self.discriminator,
            "discriminator_optimizer": self.discriminator_optimizer,
        }

    def restore(self, checkpoint: Checkpoint) -> None:
        if checkpoint.discriminator is None:
            raise ValueError(
                "the checkpoint holds no discriminator, expected the one that its generator learned against."
            )
        copy_state(self.generator, checkpoint.network)
        copy_state(self.discriminator, checkpoint.discriminator)
        self.optimizer.load_state_dict(checkpoint.optimizer_state)
        self.discriminator_optimizer.load_state_dict(checkpoint.discriminator_optimizer_state)


def copy_state(layer: Layer, saved: Layer) -> None:
    """Give a layer the weights and running statistics of another."""
    layer.load_state_dict(saved.state_dict())
