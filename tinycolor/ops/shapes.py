"""Sizes of sliding windows, shared by convolution and pooling."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral

Pair = tuple[int, int]


def pair(value: int | Pair, name: str, least: int) -> Pair:
    """Return ``(height, width)`` from one number for both or from two.

    Raises
    ------
    ValueError
        Not one or two whole numbers of at least ``least``.
    """
    both = tuple(value) if isinstance(value, Sequence) else (value, value)
    if len(both) != 2 or not all(isinstance(number, Integral) and number >= least for number in both):
        raise ValueError(f"{name} got {value!r}, expected one or two whole numbers of at least {least}.")
    return int(both[0]), int(both[1])


def positive(value: int, name: str) -> int:
    """Return a whole number of at least 1, or raise a ValueError that names it."""
    if not isinstance(value, Integral) or value < 1:
        raise ValueError(f"{name} got {value!r}, expected a whole number of at least 1.")
    return int(value)


def window_count(size: int, kernel: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    """Return how many windows fit along one side: ``floor((size + 2*padding - extent) / stride) + 1``.

    ``extent = dilation * (kernel - 1) + 1`` is what one window spans; 0 if not even one fits.
    """
    extent = dilation * (kernel - 1) + 1
    return max(0, (size + 2 * padding - extent) // stride + 1)


def taps(kernel_size: Pair) -> list[Pair]:
    """Return the (row, column) of every position in a window, in reading order."""
    return [(i, j) for i in range(kernel_size[0]) for j in range(kernel_size[1])]
