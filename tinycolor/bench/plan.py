"""What is measured: the names of the cases, and the memory layouts in which PyTorch runs each."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

DEFAULT = "default"
CHANNELS_LAST = "channels_last"
BOTH = (DEFAULT, CHANNELS_LAST)

CONVOLUTIONS = (
    (16, 32, 64, 64, 32, 3, 1),
    (16, 64, 32, 32, 64, 3, 1),
    (16, 128, 16, 16, 128, 3, 1),
    (16, 256, 8, 8, 256, 3, 1),
    (8, 256, 28, 28, 512, 3, 1),
    (16, 3, 64, 64, 32, 3, 1),
    (1, 64, 128, 128, 128, 4, 2),
    (1, 512, 8, 8, 512, 4, 2),
    (32, 1, 28, 28, 8, 3, 1),
)
"""Pictures, channels, height, width, filters, kernel size, stride; the padding is always 1, and there is no bias."""

MEMORY_STEPS = 5
MEMORY_RUNS = 3


@dataclass(frozen=True)
class Case:
    """One thing to measure.

    Attributes
    ----------
    name : str
        What both workers know it by; no blanks. A convolution's numbers are in its name.
    group : str
        What it is chosen by.
    label : str
        How the report calls it.
    layouts : tuple of str
        PyTorch's variants.
    measure : {"time", "peak"}
        Seconds per call, or bytes of peak memory.
    """

    name: str
    group: str
    label: str
    layouts: tuple[str, ...] = BOTH
    measure: str = "time"


def _convolution(shape: tuple[int, ...]) -> Case:
    n, c, h, w, f, k, stride = shape
    label = f"convolution {n}x{h}x{w}x{c} to {f}, {k}x{k}, stride {stride}"
    return Case("conv:" + ",".join(map(str, shape)), "conv", label)


CASES: tuple[Case, ...] = (
    Case("color-unet", "color-unet", "ColorUNet training step, 64x64, batch 16"),
    Case("cross-circle", "cross-circle", "CrossCircleCNN training step, 28x28, batch 32", (DEFAULT,)),
    Case("pix2pix", "pix2pix", "pix2pix training step, 256x256, batch 1"),
    Case("pix2pix-inference", "pix2pix", "pix2pix inference, 256x256, batch 1"),
    *map(_convolution, CONVOLUTIONS),
    Case("color-unet", "memory", f"peak memory, {MEMORY_STEPS} ColorUNet steps", BOTH, "peak"),
)
if sys.platform == "win32":  # there Python cannot ask for the peak
    CASES = CASES[:-1]
GROUPS = tuple(dict.fromkeys(case.group for case in CASES))


def choose(wanted: Sequence[str] | None = None) -> list[Case]:
    """Return the cases of the wanted groups (or single convolutions, by name), in the order of the report.

    Raises
    ------
    ValueError
        A group or name is unknown.
    """
    return select(CASES, wanted)


def select(cases: Sequence[Case], wanted: Sequence[str] | None) -> list[Case]:
    """Return those of some cases that are wanted, see ``choose``."""
    if wanted is None:
        return list(cases)
    groups = tuple(dict.fromkeys(case.group for case in cases))
    convolutions = {case.name for case in cases if case.group == "conv"}
    unknown = [name for name in wanted if name not in (*groups, *convolutions)]
    if unknown or not wanted:
        raise ValueError(f"bench got the cases {unknown}, expected some of {', '.join(groups)}.")
    return [case for case in cases if case.group in wanted or (case.name in wanted and case.name in convolutions)]
