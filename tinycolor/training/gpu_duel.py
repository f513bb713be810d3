"""The step of two networks on a GPU, recorded once and played back, as ``graph`` does it for one."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from tinycolor.backend import Array, gpu
from tinycolor.inspect.overview import summary
from tinycolor.random import Generator
from tinycolor.training.graph import RecordedStep

if TYPE_CHECKING:
    from tinycolor.training.adversarial import Arrays, Duel, Figures


class GpuDuel(RecordedStep):
    """Makes the steps of a duel on a GPU.

    Parameters
    ----------
    duel : Duel
        Of networks on the GPU. A change of its attributes is seen: its step is then recorded anew.
    """

    def __init__(self, duel: Duel) -> None:
        self.duel = duel
        self.names: list[str] = []
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Record steps of the duel as it is now."""
        duel = self.duel
        networks = duel.generator, duel.discriminator
        super().__init__(networks, (duel.generator_optimizer, duel.discriminator_optimizer), duel.seed)
        self.settings = self._settings()

    def _settings(self) -> tuple[Any, ...]:
        return tuple(getattr(self.duel, field.name) for field in fields(self.duel) if field.init)

    def __call__(self, condition: Arrays, noise: Arrays, real: Array) -> Figures:
        """Make a step; return its figures, which are read at once.

        Raises
        ------
        MemoryError
            As ``play`` does.
        """
        if self._settings() != self.settings:
            self.free()
            self._begin_anew()
        numbers = self.play(condition, noise, real)
        return dict(zip(self.names, numbers.tolist(), strict=True))

    def work(self, condition: Arrays, noise: Arrays, real: Array, *, rng: Generator) -> Array:
        figures = self.duel.teach(condition, noise, real, rng)
        self.names = list(figures)
        numbers = gpu().empty(len(figures), np.float64)
        for place, figure in enumerate(figures.values()):
            numbers[place] = figure
        return numbers

    def changed(self) -> list[Array]:
        """Return also what the discriminator has learnt: it has made its move when the generator needs memory."""
        optimizer = self.duel.discriminator_optimizer
        return [*super().changed(), optimizer.data, *(getattr(optimizer, name) for name in optimizer.memories)]

    def megabytes(self, condition: Arrays, noise: Arrays, real: Array) -> float:
        def of_one(arrays: Arrays) -> list[tuple[int, ...]]:
            return [(1, *array.shape[1:]) for array in arrays]

        generator = summary(self.duel.generator, of_one((*condition, *noise)))
        discriminator = summary(self.duel.discriminator, of_one((*condition, real)))
        return generator.megabytes + 2 * discriminator.megabytes  # at work on real and on fake
