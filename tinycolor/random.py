"""Random numbers without a hidden stream: a pure function of (seed, epoch, step) and the order of the draws.

A counter-based generator scrambles a counter with a key; there is no state to save, so a resumed run draws
exactly what the unbroken run would have drawn, and NumPy and CuPy give the same bits.

Source: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011,
Philox4x32 with ten rounds.
"""

from __future__ import annotations

from collections.abc import Iterator
from numbers import Integral
from types import ModuleType
from typing import Any

import numpy as np

from tinycolor.backend import Array

MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
KEY_STEPS = (0x9E3779B9, 0xBB67AE85)
ROUNDS = 10
LOW_WORD = 0xFFFFFFFF
PIECE = 1 << 16


def philox(counter: list[Array], key: tuple[int, int]) -> list[Array]:
    """Return four arrays of random 32-bit words, from four arrays of counter words and two key words.

    Words are kept in uint64, so that a product of two of them does not overflow.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(ROUNDS):
        product0, product1 = c0 * MULTIPLIERS[0], c2 * MULTIPLIERS[1]
        c0, c1, c2, c3 = (
            (product1 >> 32) ^ c1 ^ k0,
            product1 & LOW_WORD,
            (product0 >> 32) ^ c3 ^ k1,
            product0 & LOW_WORD,
        )
        k0, k1 = (k0 + KEY_STEPS[0]) & LOW_WORD, (k1 + KEY_STEPS[1]) & LOW_WORD
    return [c0, c1, c2, c3]


def pieces(count: int, xp: ModuleType = np) -> Iterator[slice]:
    """Yield slices of a long draw, so short that all that is made on the way to their numbers stays in the cache.

    A GPU draws all at once: there every call costs, and memory is fast.
    """
    length = PIECE if xp is np else max(count, 1)
    for first in range(0, count, length):
        yield slice(first, min(first + length, count))


class Generator:
    """Random numbers for one training step, drawn one after another.

    Two generators made from the same three numbers draw the same. Every draw takes the next draw number, so
    what a network draws depends on the order of its layers and on nothing else.

    Parameters
    ----------
    seed : int
        0 to 2**64 - 1: the run.
    epoch, step : int
        0 to 2**32 - 1: where in the run.

    Raises
    ------
    ValueError
        A number is no whole number in its range.
    """

    def __init__(self, seed: int, epoch: int = 0, step: int = 0) -> None:
        for name, value, limit in (("seed", seed, 2**64), ("epoch", epoch, 2**32), ("step", step, 2**32)):
            if not isinstance(value, Integral) or not 0 <= value < limit:
                raise ValueError(f"Generator got {name}={value}, expected a whole number from 0 to {limit - 1}.")
        self.seed, self.epoch, self.step = int(seed), int(epoch), int(step)
        self.draws = 0

    def __repr__(self) -> str:
        return f"Generator(seed={self.seed}, epoch={self.epoch}, step={self.step}), {self.draws} draws made"

    def bits(self, count: int, xp: ModuleType = np) -> Array:
        """Return ``count`` random 32-bit words as uint64, and go on to the next draw."""
        words = self._words(0, count, xp)
        self.draws += 1
        return words

    def _words(self, first: int, last: int, xp: ModuleType = np) -> Array:
        """Return the words of this draw from ``first`` up to and without ``last``."""
        blocks = xp.arange(first // 4, -(-last // 4), dtype=np.uint64)
        position = [xp.full_like(blocks, word) for word in (self.draws, self.step, self.epoch)]
        words = philox([blocks, *position], (self.seed & LOW_WORD, self.seed >> 32))
        return xp.stack(words, axis=1).reshape(-1)[first % 4 :][: last - first]

    def uniform(
        self, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0, dtype: Any = np.float32, xp: ModuleType = np
    ) -> Array:
        """Return numbers spread evenly over [low, high), 24 random bits each."""
        numbers = xp.empty(int(np.prod(shape)), dtype)
        for piece in pieces(numbers.size, xp):
            bits = self._words(piece.start, piece.stop, xp) >> 8
            numbers[piece] = low + (high - low) * (bits * 2.0**-24)
        self.draws += 1
        # Rounding may have reached the end that is excluded.
        return xp.minimum(numbers, np.nextafter(high, low, dtype=dtype), out=numbers).reshape(shape)

    def normal(
        self, shape: tuple[int, ...], mean: float = 0.0, std: float = 1.0, dtype: Any = np.float32
    ) -> np.ndarray:
        """Return normally distributed numbers (Box-Muller on pairs of uniform ones).

        Always drawn with NumPy: a logarithm's last bit may differ between devices.
        """
        count = int(np.prod(shape))
        half = -(-count // 2)
        pairs = np.empty((2, half), dtype)
        for piece in pieces(half):
            # In (0, 1]: the logarithm of zero is no number.
            radius = np.sqrt(-2 * np.log((self._words(piece.start, piece.stop) + 1) * 2.0**-32))
            angle = 2 * np.pi * (self._words(half + piece.start, half + piece.stop) * 2.0**-32)
            pairs[0, piece] = mean + std * (radius * np.cos(angle))
            pairs[1, piece] = mean + std * (radius * np.sin(angle))
        self.draws += 1
        return pairs.reshape(-1)[:count].reshape(shape)

    def integers(self, low: int, high: int, shape: tuple[int, ...]) -> np.ndarray:
        """Return whole numbers from ``low`` up to and without ``high``, as int64.

        Raises
        ------
        ValueError
            There is no number in the range, or more than 2**32.
        """
        if not 0 < high - low <= 2**32:
            raise ValueError(f"integers got the range {low} to {high}, expected 1 to 2**32 numbers in it.")
        bits = self.bits(int(np.prod(shape))).reshape(shape)
        return low + (bits * np.uint64(high - low) >> np.uint64(32)).astype(np.int64)

    def permutation(self, count: int) -> np.ndarray:
        """Return 0 ... count - 1 in random order, as int64."""
        keys = self.bits(2 * count)
        return np.argsort(keys[:count] << np.uint64(32) | keys[count:], kind="stable")
