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
from dataclasses import dataclass

from tinycolor.backend import Array, array_module
from tinycolor.layers.base import Layer, frozen
from tinycolor.losses import bce_with_logits, non_saturating
from tinycolor.optim import Optimizer
from tinycolor.random import Generator
from tinycolor.training.loop import OVERFLOW, Loss, NotFiniteError, find_not_finite

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
            at fault was not moved; the discriminator may have been, if the fault is the generator's.
        """
        rng = Generator(self.seed, step=self.steps)
        fake, generator_backward = self.generator(*condition, *noise, rng=rng)
        try:
            figures = self.teach_discriminator(condition, real, fake, rng)
            dfake, more_figures = self.generator_gradient(condition, real, fake, rng)
            generator_backward(dfake)
            self._move(self.generator, self.generator_optimizer, more_figures["loss"])
        except NotFiniteError as error:
            blame = self._blame(condition, noise, real, fake) or f"{error}: {OVERFLOW}"
            for network in (self.generator, self.discriminator):
                network.zero_grad()
            raise NotFiniteError(f"step {self.steps + 1}, {blame}: try a smaller learning rate.") from error
        return figures | more_figures

    def teach_discriminator(self, condition: Arrays, real: Array, fake: Array, rng: Generator) -> Figures:
        """Move the discriminator towards 1 for what is real and 0 for what is fake; return its figures."""
        xp = array_module(real)
        real_logits, real_backward = self.discriminator(*condition, real, rng=rng)
        fake_logits, fake_backward = self.discriminator(*condition, fake, rng=rng)
        real_loss, dreal = bce_with_logits(real_logits, xp.ones_like(real_logits))
        fake_loss, dfake = bce_with_logits(fake_logits, xp.zeros_like(fake_logits))
        real_backward(self.discriminator_weight * dreal)
        fake_backward(self.discriminator_weight * dfake)
        loss = float(real_loss + fake_loss)
        self._move(self.discriminator, self.discriminator_optimizer, loss)
        found = {"real_accuracy": (real_logits > 0).mean(), "fake_accuracy": (fake_logits < 0).mean()}
        return {"discriminator": loss, **{name: float(share) for name, share in found.items()}}

    def generator_gradient(self, condition: Arrays, real: Array, fake: Array, rng: Generator) -> tuple[Array, Figures]:
        """Return the gradient that goes back into the generator, through a discriminator at rest; and its figures."""
        with frozen(self.discriminator):
            logits, discriminator_backward = self.discriminator(*condition, fake, rng=rng)
        adversarial, dlogits = self.objective(logits)
        dinputs = discriminator_backward(dlogits)
        dfake = dinputs[-1] if condition else dinputs
        if self.reconstruction is None:
            return dfake, {"adversarial": float(adversarial), "loss": float(adversarial)}
        reconstruction, dreconstruction = self.reconstruction(fake, real)
        loss = adversarial + self.reconstruction_weight * reconstruction
        figures = {"adversarial": float(adversarial), "reconstruction": float(reconstruction), "loss": float(loss)}
        return dfake + self.reconstruction_weight * dreconstruction, figures

    def _move(self, network: Layer, optimizer: Optimizer, loss: float) -> None:
        """Make a step of one network, or raise a NotFiniteError before its weights are spoilt."""
        if not (math.isfinite(loss) and math.isfinite(optimizer.grad @ optimizer.grad)):
            raise NotFiniteError(type(network).__name__)
        optimizer.step()
        network.zero_grad()

    def _blame(self, condition: Arrays, noise: Arrays, real: Array, fake: Array) -> str | None:
        """Return where the first number that is NaN or infinite comes from, or None where all are finite."""
        of_generator = (self.generator, (*condition, *noise))
        of_discriminator = ((self.discriminator, (*condition, real)), (self.discriminator, (*condition, fake)))
        # Where the discriminator has made its step already, the generator's answers were finite before it.
        has_moved = self.discriminator_optimizer.steps > self.generator_optimizer.steps
        calls = (*of_discriminator, of_generator) if has_moved else (of_generator, *of_discriminator)
        for network, xs in calls:
            found = find_not_finite(network, *xs)
            if found:
                return f"{type(network).__name__}: {found}"
        return None
