"""What a run needs to know of the task that it trains a network for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from tinycolor.backend import Array
from tinycolor.data.dataset import Dataset
from tinycolor.networks.network import Network
from tinycolor.training.loop import Loss

Scores = dict[str, float]


class Curve(NamedTuple):
    """A score that the page draws over the steps.

    Attributes
    ----------
    heading, label, meaning : str
        Above it, along its axis, and what it tells.
    others : tuple of str
        Which baselines are drawn beside the network's.
    """

    heading: str
    label: str
    meaning: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """What the page of a run says about the task.

    Attributes
    ----------
    title : str
        Of the page.
    sheets : str
        What the sample sheets show.
    curves : dict
        By the score that is drawn.
    remarks : tuple of (heading, text)
        What else a learner should know.
    """

    title: str
    sheets: str
    curves: dict[str, Curve]
    remarks: tuple[tuple[str, str], ...]


class Task(Protocol):
    """What a network is trained for: the batches that it learns from, and how its answers are judged.

    Attributes
    ----------
    dataset : Dataset
        What it learns from and is judged on.
    network : Network
        What is trained.
    discriminator : Network or None
        What it learns against, if it does.
    loss : Loss
        ``loss, dy = loss(y, target)``.
    steps_per_epoch : int
        Batches in which every picture comes once.
    baselines : dict
        Scores of what costs no learning, and of the truth, by name.
    words : Words
        For the page.
    """

    dataset: Dataset
    network: Network
    discriminator: Network | None
    loss: Loss
    steps_per_epoch: int
    baselines: dict[str, Scores]
    words: Words

    def batches(self, steps: range, device: str = "cpu") -> Iterator[tuple[Array, Any]]:
        """Yield ``(x, target)`` of these steps, made in the background, on a device; see ``feed``."""

    def judge(self) -> Scores:
        """Return how good the network's answers are to pictures that it does not learn from."""

    def question(self) -> Array:
        """Return what the network is given when it is judged, to look for NaN in."""

    def error(self, scores: Scores) -> float:
        """Return the one number by which the best network is chosen, the smaller the better."""

    def sentence(self, scores: Scores) -> str:
        """Return the scores in a few words, beside the baselines'."""

    def standing(self, scores: Scores) -> str:
        """Return a sentence for the page on the best scores so far."""

    def sheet(self) -> bytes:
        """Return a PNG file with samples."""

    def skipped(self) -> dict[Path, str]:
        """Return the pictures that could not be used so far, and why not."""
