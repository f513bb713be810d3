"""Does the GPU wait for photos? Images per second from photos, over images per second on a batch that is there already.

python -m tinycolor.bench.gpu_feed
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from itertools import repeat
from statistics import median

import numpy as np

import tinycolor as tc
from tinycolor.backend import Array
from tinycolor.color import lab_of
from tinycolor.data.batches import Batches
from tinycolor.data.feed import feed
from tinycolor.training.loop import train

PHOTOS, SIZE, BATCH = 20_000, 32, 128
STEPS, TURNS = 200, 5


class Noise:
    """Photos that are decoded already; unless they are ``all_kept``, their crops are sent anew in every step."""

    def __init__(self, count: int, side: int, all_kept: bool) -> None:
        self.pixels = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8)
        self.all_kept = all_kept

    def __len__(self) -> int:
        return len(self.pixels)

    def __getitem__(self, number: int) -> np.ndarray:
        return self.pixels[number]

    def why_none(self) -> str:
        return "noise can always be used."


def share(
    all_kept: bool,
    *,
    photos: int = PHOTOS,
    size: int = SIZE,
    batch: int = BATCH,
    steps: int = STEPS,
    turns: int = TURNS,
    network: tc.networks.ColorUNet | None = None,
) -> float:
    """Return images per second of a ColorUNet that learns from photos, over those on a fixed batch.

    1 where the GPU never waits. The median of some turns of so many steps each; the first epoch, in which photos would
    be opened, comes before them.

    Raises
    ------
    ModuleNotFoundError, RuntimeError
        There is no CuPy, or no GPU.
    """
    network = network or tc.networks.ColorUNet(size=size)

    def prepare(crops: Array) -> tuple[Array, Array]:
        lab = lab_of(crops)
        return network.question(lab[..., :1]), network.target(lab[..., 1:])

    batches = Batches(Noise(photos, size * 9 // 8, all_kept), size=size, batch=batch, seed=0)
    warm_up = batches.steps_per_epoch + steps
    fed = losses(network, feed(batches, range(warm_up + turns * steps), prepare, "gpu"))
    fixed = losses(network, repeat(prepare(tc.to_device(batches[0], "gpu"))))
    seconds(fed, warm_up)
    seconds(fixed, steps)
    return median(seconds(fixed, steps) / seconds(fed, steps) for _ in range(turns))


def losses(network: tc.Layer, batches: Iterable[tuple[Array, Array]]) -> Iterator[float]:
    """Return the losses of a copy of a network, one step each."""
    twin = tc.to_device(network, "gpu")
    return train(twin, tc.optim.Adam(twin.parameters(), 1e-4), batches, tc.losses.mse)


def seconds(made: Iterator[float], count: int) -> float:
    """Return how long it takes to make some more losses."""
    start = time.perf_counter()
    for _ in range(count):
        next(made)
    return time.perf_counter() - start


if __name__ == "__main__":
    print(f"ColorUNet, {SIZE}x{SIZE}, batch {BATCH}: images/s from {PHOTOS:,} photos, over those on a fixed batch")
    for way, all_kept in (("photos kept on the GPU", True), ("crops sent in every step", False)):
        print(f"{way}: {share(all_kept):.3f}")
