"""The dashboard of a duel: both losses, what the discriminator finds out, and what to make of it.

Where a discriminator has no idea, every logit is 0: its two losses are log 2 each, and so is what the generator pays
to fool it. So these are the lines to look at: both networks learn as long as neither is far from them for long.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from tinycolor.figures import png
from tinycolor.page import columns, image, section
from tinycolor.training.curves import OTHERS, OURS, draw, empty_figure, thinned
from tinycolor.training.task import Curve

Lines = Sequence[Mapping[str, Any]]

LOOK_BACK = 25  # lines of the log that a verdict rests on
EARLY = 10  # lines without which there is none
SURE = 0.9  # accuracy, above which the discriminator is too strong
GUESSING = 0.55  # below which it guesses
FOOLED = 0.45  # below which it is worse than a coin
ALIKE = 0.1  # of the variety of the truths, below which the generator answers everything with the same

LOSSES = (
    "Two losses",
    "Of the discriminator, on real and fake together, and of the generator for not being taken for real. Dashed: what "
    "they are where the discriminator has no idea, 2 log 2 and log 2. They need not fall: when one network gets "
    "better, the other one's loss rises.",
)
FOUND = (
    "Accuracy of the discriminator",
    "The share of patches that it classifies rightly, of real pictures and of fakes. At one half it guesses; at 1 "
    "nothing escapes it.",
)
VARIETY = Curve(
    "Variety",
    "variety (1 is best)",
    "How much the answers differ from one question to the next, beside how much the truths do. Near 0, the network has "
    "collapsed: it gives the same answer to everything.",
    (),
)


def duel_sections(losses: Lines, reports: Lines) -> list[str]:
    """Return the dashboard, as pieces of a page.

    Parameters
    ----------
    losses : sequence of mappings
        The lines of the log that hold ``discriminator``, ``adversarial``, ``real_accuracy`` and ``fake_accuracy``.
    reports : sequence of mappings
        Those that hold ``validation``, and in it ``variety``.
    """
    title, text = verdict(losses, reports)
    return [
        section(f"Verdict: {title}", text),
        columns(
            section(*LOSSES, image(png(figure_of_losses(losses)), "losses of both networks")),
            section(*FOUND, image(png(figure_of_found(losses)), "accuracy of the discriminator")),
        ),
    ]


def verdict(losses: Lines, reports: Lines) -> tuple[str, str]:
    """Return how the duel stands, in a few words and in a few sentences."""
    if len(losses) < EARLY:
        return "too early to tell", "Both networks have only begun."
    last = losses[-LOOK_BACK:]
    adversarial = float(np.mean([line["adversarial"] for line in last]))
    found = float(np.mean([(line["real_accuracy"] + line["fake_accuracy"]) / 2 for line in last]))
    variety = reports[-1]["validation"]["variety"] if reports else 1.0
    told = f"Of late, {found:.0%} of the patches were classified rightly, at an adversarial loss of {adversarial:.2f}."
    if variety < ALIKE:
        return "collapse suspected", (
            f"The generator's answers to different pictures differ {variety:.2f} times as much as the truths do: it "
            f"may have found one answer that passes, and give it always. {told} A smaller learning rate helps."
        )
    if found > SURE:
        return "the discriminator is too strong", (
            f"Hardly anything escapes it, so it tells the generator little of what would be better. {told} If this "
            "lasts, the pictures stop getting better: a smaller learning rate helps, or more photos, for with few of "
            "them it learns the real ones by heart."
        )
    if found > GUESSING:
        return "balanced", (
            f"The discriminator is right more often than a coin, but not nearly always. {told} So both go on learning."
        )
    if found > FOOLED:
        return "the discriminator has no idea", (
            f"It does about as well as a coin. {told} Either the fakes are as good as real, which is rare, or it does "
            "not learn, and the reconstruction loss does all the work: wait, or try a larger learning rate."
        )
    return "the discriminator is fooled", (
        f"It is wrong more often than right. {told} The generator is a step ahead of it: wait, or if this lasts, try a "
        "smaller learning rate."
    )


def figure_of_losses(losses: Lines) -> Figure:
    """Draw both losses, and where they are if the discriminator has no idea."""
    figure, axis = empty_figure("loss")
    for key, name, colour, idea, value in (
        ("discriminator", "discriminator", OTHERS[1], "2 log 2", 2 * math.log(2)),
        ("adversarial", "generator", OURS, "log 2", math.log(2)),
    ):
        draw(axis, *thinned(losses, key), name, colour)
        axis.axhline(value, color=colour, linestyle="--", linewidth=1, label=idea)
    axis.set_ylim(bottom=0)
    axis.legend(fontsize=9, ncols=2)
    return figure


def figure_of_found(losses: Lines) -> Figure:
    """Draw the shares of real and of fake patches that are told rightly."""
    figure, axis = empty_figure("accuracy")
    draw(axis, *thinned(losses, "real_accuracy"), "real", OTHERS[1])
    draw(axis, *thinned(losses, "fake_accuracy"), "fake", OURS)
    axis.axhline(0.5, color=OTHERS[0], linestyle="--", linewidth=1, label="guessing")
    axis.set_ylim(0, 1.02)
    axis.legend(fontsize=9)
    return figure
