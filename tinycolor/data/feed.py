"""Batches to where the network learns: on the CPU as they are, to a GPU along the shorter of two ways.

In the first epoch of a run photos are being opened for the first time. Threads do that, crop them, and send the crops
to the GPU (``pinned``). Then, if the CPU had room to keep all of them (``shrunk.ROOM``) and the GPU has too
(``photos_on_gpu.SHARE``), all photos move there, and what is left for the CPU to say of a batch is three numbers for
each crop. Both ways give the same bytes, so it makes no difference to what is learned where one of them ends, such as
after a run went on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tinycolor.backend import Array
from tinycolor.data.batches import Batches, Prepared, made_ahead
from tinycolor.data.photos_on_gpu import photos_on_gpu
from tinycolor.data.pinned import through_pinned_memory


def feed(batches: Batches, steps: range, prepare: Callable[[Array], Prepared], device: str) -> Iterator[Prepared]:
    """Yield ``prepare(batch)`` for each of the steps, on the ``"cpu"`` or the ``"gpu"``.

    What is yielded on a GPU can be used on the current stream, until the next is asked for.
    """
    return batches.ahead(steps, prepare) if device == "cpu" else map(prepare, _crops_on_gpu(batches, steps))


def _crops_on_gpu(batches: Batches, steps: range) -> Iterator[Array]:
    first, rest = steps[: batches.steps_per_epoch], steps[batches.steps_per_epoch :]
    yield from _sent(batches, first)
    photos = photos_on_gpu(batches) if rest and batches.pictures.all_kept else None
    if photos is None:
        yield from _sent(batches, rest)
    else:
        yield from map(photos.crops, made_ahead(photos.cuts, rest))


def _sent(batches: Batches, steps: range) -> Iterator[Array]:
    return through_pinned_memory(made_ahead(batches.__getitem__, steps))
