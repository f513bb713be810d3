"""Two networks teach each other: one learns to tell what is real from what is made, the other to make what passes.

    for every batch:
        the generator makes fake pictures
        the discriminator learns: real is 1, fake is 0
        the generator learns: what the discriminator would have called 1

This is algorithm 1 of the paper with k = 1, but that the generator learns from the fakes that the discriminator has
just learned from, as in pix2pix, and by the objective of section 3. The condition, if there is any, is what both are
given: a label, or the picture to be coloured. The noise is what only the generator is given.

Source: I. Goodfellow et al., "Generative adversarial nets", NIPS 2014; conditions: M. Mirza, S. Osindero, "Conditional
generative adversarial nets", 2014; with a reconstruction loss: P. Isola et al., "Image-to-image translation with
conditional adversarial networks", CVPR 2017, section 3.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from tinycolor.backend import Array, array_module, beside, on_gpu
from tinycolor.kernels.rounding import rounded_weights
from tinycolor.layers.base import Layer, frozen, no_gradient_for
from tinycolor.losses import bce_with_logits, non_saturating
from tinycolor.optim import Optimizer
from tinycolor.random import Generator
from tinycolor.training.gpu_duel import GpuDuel
from tinycolor.training.loop import OVERFLOW, Loss, NotFiniteError, find_not_finite
from tinycolor.training.safe_step import begun, move_if_finite

Arrays = tuple[Array, ...]
Figures = dict[str, float]


@dataclass
class Duel:
    """A generator and a discriminator, and how they learn from each other.

    Attributes
    ----------
    generator : Layer
        ``generator(*condition, *noise)`` gives fakes.
    discriminator : Layer
        ``discriminator(*condition, sample)`` gives logits, above 0 for "real".
    generator_optimizer, discriminator_optimizer : Optimizer
        One for each, over all its parameters; the generator's counts the steps of the duel.
    objective : function
        ``loss, dlogits = objective(logits)`` of fakes: ``losses.non_saturating`` or ``losses.minimax``.
    reconstruction : function, optional
        ``loss, dfake = reconstruction(fake, real)``, such as ``losses.l1``, for fakes that have a truth of their own.
    reconstruction_weight : float
        What it is multiplied by: 100 in pix2pix.
    discriminator_weight : float
        What the discriminator's objective is multiplied by: pix2pix halves it, to slow the discriminator down. (Under
        Adam, which divides by the size of gradients, it changes nothing.)
    seed : int
        Of the dropout in both.
    """

    generator: Layer
    discriminator: Layer
    generator_optimizer: Optimizer
    discriminator_optimizer: Optimizer
    objective: Callable[[Array], tuple[Array, Array]] = non_saturating
    reconstruction: Loss | None = None
    reconstruction_weight: float = 100.0
    discriminator_weight: float = 1.0
    seed: int = 0
    gpu: GpuDuel | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self.gpu = GpuDuel(self) if on_gpu(self.generator_optimizer.data) else None

    @property
    def steps(self) -> int:
        """How many were made."""
        return self.generator_optimizer.steps

    def step(self, condition: Arrays, noise: Arrays, real: Array) -> Figures:
        """Teach both with one batch.

        Parameters
        ----------
        condition, noise : tuple of arrays
            What the generator is given; the discriminator is given the condition alone. Either may be ().
        real : array
            As the generator's answers should be.

        Returns
        -------
        dict
            ``loss``: the generator's, all together; ``adversarial`` and ``reconstruction``: its parts, unweighted.
            ``discriminator``: its loss on real and on fake, added, unweighted: 2 log 2 where it has no idea.
            ``real_accuracy``, ``fake_accuracy``: the shares of real and of fake logits with the right sign, 0..1.

        Raises
        ------
        NotFiniteError
            A loss or a gradient became NaN or infinite: names the step and the first layer that gave one. The network
            at fault was not moved, or on a GPU by momentum alone; the discriminator may have been, if the fault is the
            generator's.
        MemoryError
            On a GPU: the batch is too large for it; says which may fit. Nobody was moved.
        """
        if self.gpu is not None:
            figures = self.gpu(condition, noise, real)
        else:
            with begun(self.generator_optimizer, self.discriminator_optimizer):
                figures = self.teach(condition, noise, real, Generator(self.seed, step=self.steps - 1))
        figures = {name: float(figure) for name, figure in figures.items()}
        if not math.isfinite(figures["loss"]):
            self._stop(condition, noise, real, figures)
        return figures

    def teach(self, condition: Arrays, noise: Arrays, real: Array, rng: Generator) -> dict[str, Array]:
        """Do what a step does once it was begun, without a look at any number: the lines that a GPU plays back.

        Return the figures; ``discriminator`` is NaN where the discriminator was not moved, ``loss`` where the generator
        was not.
        """
        with rounded_weights(self.generator_optimizer.data):
            with no_gradient_for(*condition, *noise):
                fake, generator_backward = self.generator(*condition, *noise, rng=rng)

            with rounded_weights(self.discriminator_optimizer.data):
                figures = self.discriminator_gradient(condition, real, fake, rng)
            discriminator_loss = self._move(self.discriminator_optimizer, figures["discriminator"])

            with rounded_weights(self.discriminator_optimizer.data):  # which have moved
                dfake, more_figures = self.generator_gradient(condition, real, fake, rng)
            generator_backward(dfake)
        generator_loss = self._move(self.generator_optimizer, more_figures["loss"], discriminator_loss)

        return figures | more_figures | {"discriminator": discriminator_loss, "loss": generator_loss}

    def discriminator_gradient(self, condition: Arrays, real: Array, fake: Array, rng: Generator) -> dict[str, Array]:
        """Gather the gradients that lead the discriminator to 1 for real and 0 for fake; return its figures."""
        xp = array_module(real)
        with no_gradient_for(*condition, real, fake):
            real_logits, real_backward = self.discriminator(*condition, real, rng=rng)
            fake_logits, fake_backward = self.discriminator(*condition, fake, rng=rng)
        real_loss, dreal = bce_with_logits(real_logits, xp.ones_like(real_logits))
        fake_loss, dfake = bce_with_logits(fake_logits, xp.zeros_like(fake_logits))
        real_backward(self.discriminator_weight * dreal)
        fake_backward(self.discriminator_weight * dfake)
        return {
            "discriminator": real_loss + fake_loss,
            "real_accuracy": (real_logits > 0).mean(),
            "fake_accuracy": (fake_logits < 0).mean(),
        }

    def generator_gradient(
        self, condition: Arrays, real: Array, fake: Array, rng: Generator
    ) -> tuple[Array, dict[str, Array]]:
        """Return the gradient that goes back into the generator, through a discriminator at rest; and its figures."""
        with frozen(self.discriminator):
            logits, discriminator_backward = self.discriminator(*condition, fake, rng=rng)
        adversarial, dlogits = self.objective(logits)
        dinputs = discriminator_backward(dlogits)
        dfake = dinputs[-1] if condition else dinputs
        if self.reconstruction is None:
            return dfake, {"adversarial": adversarial, "loss": adversarial}
        reconstruction, dreconstruction = self.reconstruction(fake, real)
        loss = adversarial + self.reconstruction_weight * reconstruction
        figures = {"adversarial": adversarial, "reconstruction": reconstruction, "loss": loss}
        return dfake + self.reconstruction_weight * dreconstruction, figures

    def _move(self, optimizer: Optimizer, *losses: Array) -> Array:
        """Make the move of one network, and forget its gradients; return its loss, or NaN if it was not moved."""
        loss = move_if_finite(optimizer, *losses)
        optimizer.grad.fill(0)
        return loss

    def _stop(self, condition: Arrays, noise: Arrays, real: Array, figures: Figures) -> NoReturn:
        """Take back the steps that were not made, and raise an error that says why."""
        has_moved = math.isfinite(figures["discriminator"])
        self.generator_optimizer.steps -= 1
        if not has_moved:
            self.discriminator_optimizer.steps -= 1
        if self.gpu is not None:
            self.gpu.free()  # to look for the fault takes memory, too
        weights = self.generator_optimizer.data
        condition, noise = (tuple(beside(array, weights) for array in arrays) for arrays in (condition, noise))
        blame = self._blame(condition, noise, beside(real, weights), has_moved)
        for optimizer in (self.generator_optimizer, self.discriminator_optimizer):
            optimizer.grad.fill(0)
        raise NotFiniteError(f"step {self.steps + 1}, {blame}: try a smaller learning rate.")

    def _blame(self, condition: Arrays, noise: Arrays, real: Array, has_moved: bool) -> str:
        """Return where the first NaN or infinity comes from: the half of the step that failed is gone through again."""
        rng = Generator(self.seed, step=self.steps)
        fake, generator_backward = self.generator(*condition, *noise, rng=rng)
        of_generator = (self.generator, (*condition, *noise))
        of_discriminator = ((self.discriminator, (*condition, real)), (self.discriminator, (*condition, fake)))
        if has_moved:
            generator_backward(self.generator_gradient(condition, real, fake, rng)[0])
            # Where the discriminator has made its move already, the generator's answers were finite before it.
            at_fault, calls = self.generator, (*of_discriminator, of_generator)
        else:
            self.discriminator_gradient(condition, real, fake, rng)
            at_fault, calls = self.discriminator, (of_generator, *of_discriminator)
        for network, xs in calls:
            found = find_not_finite(network, *xs)
            if found:
                return f"{type(network).__name__}: {found}"
        return f"{type(at_fault).__name__}: {OVERFLOW}"
