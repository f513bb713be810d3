"""Batches on their way to the GPU, the next one while the network learns from the last.

A GPU fetches from pinned memory by itself, which the system never moves, on a stream beside the one that computes. Who
uses what memory when is then nobody's order but ours. So there are two places for batches and no more, each with both
its memories, and all that happens to a place waits for what happened to it before:

    pinned memory is refilled       when the copy out of it is done: the CPU waits for ``sent``
    the copy writes to the GPU      when the step with what lies there is done: the copying stream waits for ``used``
    the network reads what came     when the copy is done: the computing stream waits for ``sent``

CuPy's pool would give no such order: it hands freed memory on at once, without a look at what other streams do to it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import cycle
from typing import Any

import numpy as np

from tinycolor.backend import Array, gpu

PLACES = 2  # one batch is learned from, one is on its way


class Place:
    """Room for one batch, on the CPU in pinned memory and on the GPU; see above."""

    def __init__(self, batch: np.ndarray) -> None:
        cupy = gpu()
        memory = cupy.cuda.alloc_pinned_memory(batch.nbytes)
        self.pinned = np.frombuffer(memory, batch.dtype, batch.size).reshape(batch.shape)
        self.on_gpu = cupy.empty(batch.shape, batch.dtype)
        # The computing stream may still be at work on what its pool gave us here.
        self.sent = self.used = cupy.cuda.get_current_stream().record()

    def send(self, batch: np.ndarray, copying: Any) -> None:
        """Begin to copy a batch to the GPU."""
        self.sent.synchronize()
        self.pinned[...] = batch
        copying.wait_event(self.used)
        with copying:
            self.on_gpu.set(self.pinned)
        self.sent = copying.record()


def through_pinned_memory(batches: Iterable[np.ndarray]) -> Iterator[Array]:
    """Yield batches of one shape on the GPU, each to be used on the current stream until the next is asked for."""
    computing, copying = gpu().cuda.get_current_stream(), gpu().cuda.Stream(non_blocking=True)
    places: Iterator[Place] | None = None
    under_way: deque[Place] = deque()

    def arrived() -> Iterator[Array]:
        place = under_way.popleft()
        computing.wait_event(place.sent)
        yield place.on_gpu
        place.used = computing.record()

    try:
        for batch in batches:
            places = places or cycle([Place(batch) for _ in range(PLACES)])
            under_way.append(next(places))
            under_way[-1].send(batch, copying)
            if len(under_way) == PLACES:
                yield from arrived()
        while under_way:
            yield from arrived()
    finally:
        copying.synchronize()  # now others may be given the memory of the places
