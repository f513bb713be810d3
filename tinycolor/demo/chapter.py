"""A part of the demo's page."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

Watch = Callable[[Iterable[float], int, str], list[float]]
"""Goes through the losses of a training, ``watch(losses, total, description)``, and shows how far it is."""


@dataclass(frozen=True)
class Chapter:
    """A heading, what came out in one sentence, what it means, and the pieces of HTML that show it.

    Attributes
    ----------
    heading, result, text : str
        As they stand on the page.
    pieces : list of str
        From ``tinycolor.page``.
    files : dict of str to bytes
        Pictures that are also kept as files of their own, by name.
    """

    heading: str
    result: str
    text: str
    pieces: list[str]
    files: dict[str, bytes] = field(default_factory=dict)
