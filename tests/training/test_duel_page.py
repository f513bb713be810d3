"""The dashboard of two networks: what it draws, and what it says of the duel."""

import numpy as np
import pytest

from tinycolor.training.duel_page import duel_sections, figure_of_found, figure_of_losses, verdict


def line(found=0.7, *, fake=None, adversarial=0.8, step=20, discriminator=1.3):
    fake = found if fake is None else fake
    return {
        "step": step,
        "discriminator": discriminator,
        "adversarial": adversarial,
        "real_accuracy": found,
        "fake_accuracy": fake,
    }


def report(variety):
    return {"step": 20, "validation": {"variety": variety}}


# --- what is drawn ---------------------------------------------------------------------------------------------

LINES = [
    line(0.25, fake=0.75, adversarial=0.5, discriminator=2.0, step=20),
    line(0.5, fake=1.0, adversarial=4.0, discriminator=0.125, step=40),
]


def drawn(figure):
    """Return the points of each line, those of a level one as its height, by the name in the legend."""
    axis = figure.axes[0]
    names = [text.get_text() for text in axis.get_legend().get_texts()]
    handles = dict(zip(names, axis.get_legend().legend_handles, strict=True))
    found = {}
    for one in axis.lines:
        assert one.get_color() == handles[one.get_label()].get_color()
        level = one.get_transform() == axis.get_yaxis_transform(which="grid")
        assert one.get_linestyle() == ("--" if level else "-")
        found[one.get_label()] = one.get_ydata()[0] if level else one.get_xydata().tolist()
    assert list(found) == names
    return found


def test_both_losses_are_drawn_beside_what_they_are_where_nothing_is_known():
    assert drawn(figure_of_losses(LINES)) == {
        "discriminator": [[20, 2.0], [40, 0.125]],
        "2 log 2": pytest.approx(1.386294, abs=1e-6),
        "generator": [[20, 0.5], [40, 4.0]],
        "log 2": pytest.approx(0.693147, abs=1e-6),
    }


def test_each_reference_has_the_colour_of_its_curve():
    discriminator, its_own, generator, and_its = figure_of_losses(LINES).axes[0].lines
    assert discriminator.get_color() == its_own.get_color() != generator.get_color() == and_its.get_color()


def test_what_is_found_is_drawn_beside_guessing():
    assert drawn(figure_of_found(LINES)) == {
        "real": [[20, 0.25], [40, 0.5]],
        "fake": [[20, 0.75], [40, 1.0]],
        "guessing": 0.5,
    }


def test_nothing_that_is_drawn_lies_outside():
    losses, found = (figure.axes[0] for figure in (figure_of_losses(LINES), figure_of_found(LINES)))
    assert losses.get_ylim()[0] == 0
    assert losses.get_ylim()[1] > 4
    assert found.get_ylim()[0] == 0
    assert found.get_ylim()[1] > 1


# --- what is said ----------------------------------------------------------------------------------------------

TOO_STRONG, NO_IDEA, FOOLED = (f"the discriminator {how}" for how in ("is too strong", "has no idea", "is fooled"))


@pytest.mark.parametrize(
    ("of_late", "says", "why"),
    [
        # However sure it is, and whether it knows the real ones or the fakes the better.
        (line(1.0, adversarial=2.9, discriminator=0.15), TOO_STRONG, "Hardly anything escapes it"),
        (line(1.0, fake=0.88, adversarial=9.0), TOO_STRONG, "Hardly anything escapes it"),
        (line(0.88, fake=1.0, adversarial=1.0), TOO_STRONG, "Hardly anything escapes it"),
        (line(0.91), TOO_STRONG, "Hardly anything escapes it"),
        (line(0.89), "balanced", "more often than a coin, but not nearly always"),
        (line(0.56), "balanced", "more often than a coin, but not nearly always"),
        (line(0.54), NO_IDEA, "about as well as a coin"),
        (line(0.9, fake=0.1), NO_IDEA, "about as well as a coin"),
        (line(0.46), NO_IDEA, "about as well as a coin"),
        (line(0.44), FOOLED, "wrong more often than right"),
        (line(0.1), FOOLED, "wrong more often than right"),
        (line(0.0, adversarial=0.01), FOOLED, "wrong more often than right"),
    ],
)
def test_the_verdict_hangs_on_how_much_is_found_out(of_late, says, why):
    title, text = verdict([of_late] * 25, [report(0.8)])
    assert title == says
    assert why in text
    assert text.endswith(".")
    assert verdict([of_late] * 25, [])[0] == says


def test_the_page_begins_with_it():
    assert duel_sections([line(0.7)] * 25, [])[0].startswith("<section><h2>Verdict: balanced</h2><p>The discriminator")


@pytest.mark.parametrize("found", [0.0, 0.5, 0.7, 1.0])
def test_a_collapse_goes_before_all_else_and_the_last_report_counts(found):
    title, text = verdict([line(found)] * 25, [report(0.8), report(0.05)])
    assert title == "collapse suspected"
    assert "differ 0.05 times as much as the truths do" in text
    assert verdict([line(found)] * 25, [report(0.05), report(0.11)])[0] != title


def test_it_rests_on_the_last_25_lines_all_alike():
    old, late = [line(0.0, adversarial=99)] * 10, [line(1.0, adversarial=2.5)] * 13 + [line(0.5, adversarial=1.0)] * 12
    found, adversarial = np.mean([1.0] * 13 + [0.5] * 12), np.mean([2.5] * 13 + [1.0] * 12)
    assert f"Of late, {found:.0%} of the patches were classified rightly" in verdict(old + late, [])[1]
    assert f"at an adversarial loss of {adversarial:.2f}." in verdict(old + late, [])[1]


def test_of_a_run_that_has_only_begun_nothing_is_said():
    assert verdict([line(1.0)] * 9, [report(0.0)])[0] == "too early to tell"
    assert verdict([line(1.0)] * 10, [])[0] == TOO_STRONG
