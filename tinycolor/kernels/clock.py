"""What changes from step to step, in the memory of a GPU: a captured step reads it there anew at every replay."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array, array_module


class Clock:
    """The learning rate, and how many steps were made.

    Attributes
    ----------
    learning_rate : float64 array of 1
    steps : int64 array of 1
        Whoever uses it counts it up.
    """

    def __init__(self, like: Array) -> None:
        xp = array_module(like)
        self.learning_rate, self.steps = xp.zeros(1, np.float64), xp.zeros(1, np.int64)
        self._written: float | None = None

    def set(self, steps: int, learning_rate: float) -> None:
        """Write down the steps made so far, and the learning rate of the next one."""
        self.steps.fill(steps)
        if learning_rate != self._written:  # each writing costs a launch
            self.learning_rate.fill(learning_rate)
            self._written = learning_rate
