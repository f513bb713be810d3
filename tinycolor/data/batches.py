"""Photos on their way to the network: opened, shrunk, cropped and mirrored in the background while it learns.

What a batch holds is a function of (seed, step) and of the photos alone. Nothing is remembered from batch to batch,
so a run that stops and goes on sees exactly what the unbroken run would have seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import Protocol, TypeVar

import numpy as np

from tinycolor.data.photos import ImageError
from tinycolor.data.shrunk import NoPhotosError, crop
from tinycolor.random import Generator
from tinycolor.threads import cores

Prepared = TypeVar("Prepared")

AHEAD = 4  # batches that are made before they are asked for
DATA_STREAM = 0x9E3779B97F4A7C15  # keeps the draws here apart from the network's, which start from the seed itself


class Pictures(Protocol):
    """Photos by number, or anything that is cropped and mirrored like them, uint8 (H, W, C).

    Attributes
    ----------
    all_kept : bool
        Whether there was room to keep every picture that was asked for so far.
    """

    @property
    def all_kept(self) -> bool: ...

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> np.ndarray:
        """Return a picture, or raise an ImageError that says why it cannot be used."""

    def why_none(self) -> str:
        """Return a sentence that says why not one of them can be used."""


class Batches:
    """Batches of crops, uint8 (batch, height, width, C), for every step of a run.

    Each epoch goes through the pictures in a new order. Where one cannot be used, the next one of that order takes
    its place.

    Parameters
    ----------
    pictures : Pictures
        None of them smaller than the crops; larger ones are cropped at random.
    size : int or (int, int)
        Height and width of the crops.
    batch : int
        Crops in a batch.
    seed : int
        Of the order, the crops and the mirror images.
    """

    def __init__(self, pictures: Pictures, *, size: int | tuple[int, int], batch: int, seed: int) -> None:
        self.pictures = pictures
        self.size, self.batch = (size, size) if isinstance(size, int) else size, batch
        self.seed = (seed + DATA_STREAM) % 2**64
        self.steps_per_epoch = max(1, len(pictures) // batch)
        self.order = lru_cache(maxsize=2)(lambda epoch: Generator(self.seed, epoch).permutation(len(pictures)))

    def __getitem__(self, step: int) -> np.ndarray:
        """Return the batch of a step, 0, 1, 2, ..."""
        epoch, first, chances = self.draw(step)
        return np.stack([self._crop(epoch, first + slot, *chances[slot]) for slot in range(self.batch)])

    def draw(self, step: int) -> tuple[int, int, np.ndarray]:
        """Return what chance says of a step: its epoch, where in the order of that epoch it begins, and its crops.

        Of each crop, (batch, 3), 0..1: how far down and how far across it lies, and whether it is mirrored, below 0.5.
        """
        epoch, turn = divmod(step, self.steps_per_epoch)
        # Turn + 1: the draw of the order has the epoch's turn 0.
        return epoch, turn * self.batch, Generator(self.seed, epoch, turn + 1).uniform((self.batch, 3))

    def _crop(self, epoch: int, place: int, down: float, across: float, mirror: float) -> np.ndarray:
        pixels = crop(self._picture(epoch, place), self.size, down, across)
        return pixels[:, ::-1] if mirror < 0.5 else pixels

    def _picture(self, epoch: int, place: int) -> np.ndarray:
        order = self.order(epoch)
        for _ in range(len(order)):
            try:
                return self.pictures[order[place % len(order)]]
            except ImageError:
                place += 1
        raise NoPhotosError(self.pictures.why_none())

    def ahead(self, steps: range, prepare: Callable[[np.ndarray], Prepared]) -> Iterator[Prepared]:
        """Yield ``prepare(batch)`` for each of the steps, made in the background a few steps ahead."""
        return made_ahead(lambda step: prepare(self[step]), steps)


def made_ahead(make: Callable[[int], Prepared], numbers: range) -> Iterator[Prepared]:
    """Yield ``make(number)`` for each of the numbers, made by threads before it is asked for, a few at a time."""
    waiting: deque[Future[Prepared]] = deque()
    pool = ThreadPoolExecutor(min(AHEAD, cores()), thread_name_prefix="tinycolor-photos")
    try:
        for number in numbers:
            waiting.append(pool.submit(make, number))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
