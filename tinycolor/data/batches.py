"""Photos on their way to the network: opened, shrunk, cropped and mirrored in the background while it learns.

What a batch holds is a function of (seed, step) and of the photos alone. Nothing is remembered from batch to batch,
so a run that stops and goes on sees exactly what the unbroken run would have seen.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TypeVar

import numpy as np

from tinycolor.data.folder import PhotoFolder
from tinycolor.data.photos import ImageError
from tinycolor.data.shrunk import NoPhotosError, ShrunkPhotos, crop, why_none
from tinycolor.random import Generator
from tinycolor.threads import cores

Prepared = TypeVar("Prepared")

JITTER = 9 / 8  # pix2pix shrinks to 286 pixels and crops 256 of them
AHEAD = 4  # batches that are made before they are asked for
DATA_STREAM = 0x9E3779B97F4A7C15  # keeps the draws here apart from the network's, which start from the seed itself


class Batches:
    """Batches of crops, uint8 (batch, size, size, 3), for every step of a run.

    Each epoch goes through the photos in a new order. Where a photo cannot be used, the next one of that order takes
    its place.

    Parameters
    ----------
    folder : PhotoFolder
        The photos.
    size : int
        Height and width of the crops.
    batch : int
        Crops in a batch.
    seed : int
        Of the order, the crops and the mirror images.
    """

    def __init__(self, folder: PhotoFolder, *, size: int, batch: int, seed: int) -> None:
        self.photos = ShrunkPhotos(folder, round(size * JITTER), smallest=size)
        self.size, self.batch = size, batch
        self.seed = (seed + DATA_STREAM) % 2**64
        self.steps_per_epoch = max(1, len(folder) // batch)
        self._order = lru_cache(maxsize=2)(lambda epoch: Generator(self.seed, epoch).permutation(len(folder)))

    def __getitem__(self, step: int) -> np.ndarray:
        """Return the batch of a step, 0, 1, 2, ..."""
        epoch, turn = divmod(step, self.steps_per_epoch)
        # Turn + 1: the draw of the order has the epoch's turn 0.
        chances = Generator(self.seed, epoch, turn + 1).uniform((self.batch, 3))
        return np.stack([self._crop(epoch, turn * self.batch + slot, *chances[slot]) for slot in range(self.batch)])

    def _crop(self, epoch: int, place: int, down: float, across: float, mirror: float) -> np.ndarray:
        pixels = crop(self._photo(epoch, place), self.size, down, across)
        return pixels[:, ::-1] if mirror < 0.5 else pixels

    def _photo(self, epoch: int, place: int) -> np.ndarray:
        order = self._order(epoch)
        for _ in range(len(order)):
            try:
                return self.photos[order[place % len(order)]]
            except ImageError:
                place += 1
        raise NoPhotosError(why_none(self.photos.folder.folder, self.photos.skipped))

    def ahead(self, steps: range, prepare: Callable[[np.ndarray], Prepared]) -> Iterator[Prepared]:
        """Yield ``prepare(batch)`` for each of the steps, made in the background a few steps ahead."""

        def make(step: int) -> Prepared:
            return prepare(self[step])

        waiting: deque[Future[Prepared]] = deque()
        pool = ThreadPoolExecutor(min(AHEAD, cores()), thread_name_prefix="tinycolor-photos")
        try:
            for step in steps:
                waiting.append(pool.submit(make, step))
                if len(waiting) > AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
