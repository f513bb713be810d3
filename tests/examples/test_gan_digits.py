"""The example of the GAN that is told nothing: it writes all ten digits, each in many ways, and none by heart."""

import importlib.util
import time
from pathlib import Path

import numpy as np
import pytest

from tinycolor import figures

from test_soak import note

SPEC = importlib.util.spec_from_file_location("gan_digits", Path(__file__).parents[2] / "examples/gan_digits.py")
example = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(example)

TINY = example.Plan(size=16, drawings=200, generator=24, discriminator=8, steps=20, reading=30)


def moment(made, digits):
    return example.Moment(0, made, np.eye(10)[digits], made[:0])


def test_the_distance_is_the_mean_over_all_pairs(rng):
    pictures = rng.random((7, 5, 4, 1))
    pairs = [(a, b) for a in range(7) for b in range(a)]
    expected = np.mean([np.linalg.norm(pictures[a] - pictures[b]) for a, b in pairs])
    assert example.distance(pictures) == pytest.approx(expected)
    assert example.distance(pictures[:1]) == example.distance(pictures[:0]) == 0


def test_the_nearest_drawing_is_found(rng):
    pictures, drawings = rng.random((6, 5, 4, 1)), rng.random((9, 5, 4, 1))
    drawings[4] = pictures[2]
    found, far = example.nearest(pictures, drawings)
    for picture, like, length in zip(pictures, found, far, strict=True):
        lengths = [np.linalg.norm(picture - drawing) for drawing in drawings]
        assert length == pytest.approx(min(lengths), abs=1e-7)
        np.testing.assert_array_equal(like, drawings[np.argmin(lengths)])


def test_what_the_reader_says_is_summed_up():
    read = np.zeros((4, 10))
    read[[0, 1, 2, 3], [3, 3, 7, 9]] = 1, 0.8, 0.6, 0.4
    read[3, 0] = 0.3
    moment = example.Moment(0, None, read, None)
    assert moment.sure == pytest.approx(0.7)
    np.testing.assert_allclose(moment.shares, [0, 0, 0, 0.5, 0, 0, 0, 0.25, 0, 0.25])


def test_digits_by_heart_have_no_variety_and_drawings_have_all():
    x, digit = example.draw(3000, example.tc.Generator(5), TINY.size)
    digit = digit.argmax(1)
    np.testing.assert_allclose(example.variety(moment(x, digit)), 1, atol=0.1)
    by_heart = x[[np.argmax(digit == number) for number in digit]]
    assert example.variety(moment(by_heart, digit)).max() < 1e-3
    without_sevens = example.variety(moment(x[digit != 7], digit[digit != 7]))
    assert without_sevens.argmin() == 7
    assert without_sevens[7] == 0


def test_what_was_learned_by_heart_is_found_out():
    drawings, unseen = example.draw_both(TINY)
    others, _ = example.draw(500, example.tc.Generator(6), TINY.size)
    assert example.farness(drawings, drawings, unseen) < 1e-3
    assert example.farness(others, drawings, unseen) == pytest.approx(1, abs=0.05)
    assert example.farness(1 - others, drawings, unseen) > 3
    half = np.concatenate([np.resize(drawings, others.shape), others])
    assert example.by_heart(half, drawings, unseen) == pytest.approx(0.505, abs=0.01)


def test_two_drawings_in_one_have_the_ink_of_both():
    _, unseen = example.draw_both(TINY)
    both = example.laid_over(unseen)
    assert both.shape == unseen.shape
    assert (both >= unseen).all()
    assert both.mean() > 1.3 * unseen.mean()


def test_pixels_begin_as_dark_as_in_the_data(rng):
    generator = example.GANGenerator(5, (8,), 6)
    for parameter in generator.parameters():
        parameter.data = np.zeros_like(parameter.data)
    real = rng.random((50, 6), dtype=np.float32)
    real[:, 2] = 0
    example.begin_with_mean_ink(generator, real)
    begun = generator.predict(rng.random((3, 5), dtype=np.float32))
    np.testing.assert_allclose(begun, np.tile(real.mean(0), (3, 1)), atol=0.002)


def test_ways_are_straight_and_lead_somewhere(rng, monkeypatch):
    monkeypatch.setattr(example, "JUDGED", 10)

    class Linear:
        """Makes sums of its noise."""

        sums = rng.random((example.NOISE, 256), dtype=np.float32)

        def predict(self, noise):
            return noise @ self.sums

    reader = example.learn_to_read(TINY._replace(reading=1))
    walks = example.judge(0, Linear(), reader, TINY).walks
    steps = np.diff(walks, axis=1)
    assert abs(steps).mean() > 0.1
    np.testing.assert_allclose(steps, np.broadcast_to(steps.mean(1, keepdims=True), steps.shape), atol=1e-3)


def test_some_seconds_of_it_run(tmp_path, monkeypatch):
    monkeypatch.setattr(example, "JUDGED", 100)
    reader = example.learn_to_read(TINY)
    drawings, unseen = example.draw_both(TINY)
    first, *_, last = moments = list(example.play(0, reader, drawings, TINY))
    assert [moment.step for moment in moments] == list(range(2, 21, 2))
    again = list(example.play(0, reader, drawings, TINY))[-1]
    np.testing.assert_array_equal(again.made, last.made)
    other_seed = next(example.play(1, reader, drawings, TINY))
    assert abs(other_seed.made - first.made).mean() > 0.01
    assert abs(last.made - first.made).mean() > 0.003
    path = figures.save(example.plot([moments], reader, drawings, unseen), "gan_digits", tmp_path)
    assert path.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_all_ten_digits_are_written_in_many_ways_and_none_by_heart():
    started = time.perf_counter()
    reader = example.learn_to_read(example.FULL)
    drawings, unseen = example.draw_both(example.FULL)
    ends = [list(example.play(seed, reader, drawings, example.FULL))[-1] for seed in example.SEEDS]
    spread = [example.variety(end) for end in ends]
    apart = [example.farness(end.made, drawings, unseen) for end in ends]
    copied = [example.by_heart(end.made, drawings, unseen) for end in ends]
    two_in_one = example.laid_over(unseen)
    note(
        "GAN, drawn digits",
        minutes=round((time.perf_counter() - started) / 60, 1),
        reader_is_sure_of_drawings=round(example.sureness(reader, unseen), 3),
        reader_is_sure_of_two_drawings_in_one=round(example.sureness(reader, two_in_one), 3),
        reader_is_sure_of_made=[round(end.sure, 3) for end in ends],
        share_of_the_rarest_digit=[round(float(end.shares.min()), 3) for end in ends],
        share_of_the_most_frequent_digit=[round(float(end.shares.max()), 3) for end in ends],
        variety_of_drawings_1=[round(float(of_digits.mean()), 2) for of_digits in spread],
        variety_of_the_least_varied_digit=[round(float(of_digits.min()), 2) for of_digits in spread],
        nearest_drawing_from_unseen_1=[round(far, 2) for far in apart],
        nearest_drawing_from_two_in_one=round(example.farness(two_in_one, drawings, unseen), 2),
        share_nearer_than_99_percent_of_unseen=copied,
    )
    for end, of_digits, far, close in zip(ends, spread, apart, copied, strict=True):
        assert end.shares.min() >= 0.03
        assert end.shares.max() <= 0.2
        assert end.sure >= 0.88
        assert of_digits.min() > 0.8
        assert 1 < far < 1.5
        assert close <= 0.01
