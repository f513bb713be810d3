"""The generator: the published answers of Philox, and draws that are where, and as even, as they should be."""

import tracemalloc

import numpy as np
import pytest

from tinycolor import Generator
from tinycolor.random import PIECE, philox

MANY = 1 << 18


@pytest.mark.parametrize(
    ("counter", "key", "wanted"),
    [
        (["00000000"] * 4, ["00000000"] * 2, "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        (["ffffffff"] * 4, ["ffffffff"] * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        (
            ["243f6a88", "85a308d3", "13198a2e", "03707344"],
            ["a4093822", "299f31d0"],
            "d16cfe09 94fdcceb 5001e420 24126ea1",
        ),
    ],
    ids=["zeros", "ones", "digits of pi"],
)
def test_philox_gives_the_published_answers(counter: list[str], key: list[str], wanted: str) -> None:
    """The known answers for philox4x32-10 that come with its authors' library, Random123."""
    words = philox([np.array([int(word, 16)], np.uint64) for word in counter], tuple(int(word, 16) for word in key))
    assert " ".join(f"{int(word.item()):08x}" for word in words) == wanted


def test_seed_epoch_step_and_draw_are_the_words_of_counter_and_key() -> None:
    """Word 0 counts the blocks of four within a draw, 1 to 3 are draw, step and epoch; the key is the seed."""
    rng = Generator(seed=0x1111111122222222, epoch=3, step=4)
    rng.bits(1)
    got = rng.bits(6)
    position = [np.full(2, word, np.uint64) for word in (1, 4, 3)]
    words = philox([np.arange(2, dtype=np.uint64), *position], (0x22222222, 0x11111111))
    assert got.tolist() == np.stack(words).T.ravel()[:6].tolist()


def draws(rng: Generator) -> list[list[float]]:
    return [
        rng.bits(9).tolist(),
        rng.uniform((3, 3)).ravel().tolist(),
        rng.normal((3, 3)).ravel().tolist(),
        rng.integers(0, 1000, (9,)).tolist(),
        rng.permutation(9).tolist(),
    ]


def test_equal_generators_draw_equal_numbers() -> None:
    assert draws(Generator(7, epoch=1, step=2)) == draws(Generator(7, epoch=1, step=2))


@pytest.mark.parametrize(
    "other",
    [
        Generator(8, epoch=1, step=2),
        Generator(7 + 2**32, epoch=1, step=2),
        Generator(7, epoch=2, step=2),
        Generator(7, epoch=1, step=3),
        Generator(7, epoch=2, step=1),
    ],
    ids=["seed", "high half of the seed", "epoch", "step", "epoch and step exchanged"],
)
def test_another_seed_epoch_or_step_draws_other_numbers(other: Generator) -> None:
    ours = Generator(7, epoch=1, step=2).bits(100)
    assert not np.intersect1d(ours, Generator(other.seed, other.epoch, other.step).bits(100)).size


def test_one_draw_after_another_is_different() -> None:
    rng = Generator(0)
    assert not np.intersect1d(rng.bits(100), rng.bits(100)).size
    assert rng.draws == 2


def test_a_longer_draw_begins_with_the_shorter() -> None:
    assert Generator(0).bits(10).tolist() == Generator(0).bits(100)[:10].tolist()


def test_what_comes_later_does_not_depend_on_how_much_was_drawn_before() -> None:
    few, many = Generator(0), Generator(0)
    few.uniform((1,))
    many.uniform((50,))
    assert few.bits(8).tolist() == many.bits(8).tolist()


def test_bits_are_32_bit_words_with_every_bit_even() -> None:
    """Each bit is 1 in half of the words, to five standard deviations."""
    bits = Generator(0).bits(MANY)
    assert bits.dtype == np.uint64
    assert bits.max() < 2**32
    shares = [((bits >> np.uint64(place)) & np.uint64(1)).mean() for place in range(32)]
    np.testing.assert_allclose(shares, 0.5, atol=5 * 0.5 / MANY**0.5)


def test_uniform_is_even_between_its_ends() -> None:
    """Mean, spread and the filling of 64 bins, each to five standard deviations."""
    drawn = Generator(0).uniform((MANY,), dtype="float64")
    assert 0 <= drawn.min() < 1e-3
    assert 1 - 1e-3 < drawn.max() < 1
    assert abs(drawn.mean() - 0.5) < 5 / (12 * MANY) ** 0.5
    assert abs(drawn.var() - 1 / 12) < 5 / (180 * MANY) ** 0.5
    filled, _ = np.histogram(drawn, 64, (0, 1))
    np.testing.assert_allclose(filled, MANY / 64, atol=5 * (MANY / 64) ** 0.5)


def test_neighbours_are_not_correlated() -> None:
    drawn = Generator(0).uniform((MANY,), -1, 1, dtype="float64")
    for lag in (1, 2, 3, 4, 64):
        assert abs((drawn[:-lag] * drawn[lag:]).mean()) < 5 / 3 / MANY**0.5


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-0.25, 0.25), (2.0, 8.0), (100.0, 101.0)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_stays_below_its_upper_end(low: float, high: float, dtype: str) -> None:
    drawn = Generator(0).uniform((1 << 20,), low, high, dtype)
    assert drawn.dtype == dtype
    assert low <= drawn.min()
    assert drawn.max() < high


def test_normal_has_the_moments_of_a_normal_distribution() -> None:
    """The first four, each to five standard deviations of its estimate."""
    drawn = Generator(0).normal((MANY,), dtype="float64")
    for power, moment, variance in ((1, 0, 1), (2, 1, 2), (3, 0, 15), (4, 3, 96)):
        assert abs((drawn**power).mean() - moment) < 5 * (variance / MANY) ** 0.5


def test_normal_draws_every_number_by_itself() -> None:
    """Box and Muller make two numbers of two: no number comes twice, and the two are not correlated."""
    first, second = Generator(0).normal((2, MANY), dtype="float64")
    assert np.unique([first, second]).size == 2 * MANY
    assert abs((first * second).mean()) < 5 / MANY**0.5
    assert abs((first**2 * second**2).mean() - 1) < 5 * (8 / MANY) ** 0.5


def test_normal_has_a_mean_and_a_spread() -> None:
    standard = Generator(0).normal((100,), dtype="float64")
    np.testing.assert_allclose(Generator(0).normal((100,), 5, 0.1, "float64"), 5 + 0.1 * standard, rtol=1e-12)


LONG = [PIECE, 2 * PIECE + 1, 2 * PIECE + 2, 4 * PIECE + 7, 5 * PIECE - 3]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("count", LONG)
def test_a_long_draw_is_one_row_of_words_whatever_its_pieces(count: int, dtype: type) -> None:
    rng, words = Generator(3, epoch=1), Generator(3, epoch=1)
    half = (count + 1) // 2
    even = -2 + 5 * ((words.bits(count) >> 8) * 2.0**-24)
    np.testing.assert_array_equal(rng.uniform((count,), -2, 3, dtype), even.astype(dtype))
    first, second = words.bits(2 * half).reshape(2, half) * 2.0**-32
    radius = np.sqrt(-2 * np.log(first + 2.0**-32))
    pairs = radius * np.stack([np.cos(2 * np.pi * second), np.sin(2 * np.pi * second)])
    np.testing.assert_array_equal(rng.normal((count,), 0.5, 2, dtype), (0.5 + 2 * pairs).ravel()[:count].astype(dtype))
    assert rng.draws == words.draws


@pytest.mark.parametrize("draw", ["uniform", "normal"])
def test_a_long_draw_needs_little_memory_beside_its_numbers(draw: str) -> None:
    rng, count = Generator(0), 64 * PIECE
    tracemalloc.start()
    numbers = getattr(rng, draw)((count,))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < numbers.nbytes + 128 * PIECE


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (4, 0), (3, 1, 2)])
def test_draws_have_the_shape_asked_for(shape: tuple[int, ...]) -> None:
    rng = Generator(0)
    assert rng.uniform(shape).shape == rng.normal(shape).shape == rng.integers(0, 9, shape).shape == shape
    assert rng.uniform(shape).dtype == rng.normal(shape).dtype == np.float32
    assert rng.integers(0, 9, shape).dtype == np.int64


@pytest.mark.parametrize(("low", "high"), [(0, 2), (-3, 4), (5, 6), (0, 1000)])
def test_integers_are_even_from_low_up_to_without_high(low: int, high: int) -> None:
    drawn = Generator(0).integers(low, high, (MANY,))
    expected = MANY / (high - low)
    counts = np.bincount(drawn - low, minlength=high - low)
    assert len(counts) == high - low
    np.testing.assert_allclose(counts, expected, atol=5 * expected**0.5)


@pytest.mark.parametrize(("low", "high"), [(3, 3), (3, 2), (0, 2**32 + 1)])
def test_integers_of_a_range_that_cannot_be_drawn_are_refused(low: int, high: int) -> None:
    with pytest.raises(ValueError, match="integers"):
        Generator(0).integers(low, high, (4,))


@pytest.mark.parametrize("count", [0, 1, 2, 5, 1000])
def test_permutation_has_every_number_once(count: int) -> None:
    order = Generator(0).permutation(count)
    assert order.dtype == np.int64
    assert sorted(order.tolist()) == list(range(count))


def test_every_order_of_three_is_as_likely() -> None:
    orders = [tuple(Generator(0, step=step).permutation(3).tolist()) for step in range(3000)]
    counts = [orders.count(order) for order in sorted(set(orders))]
    assert len(counts) == 6
    np.testing.assert_allclose(counts, 500, atol=5 * 500**0.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": -1}, "seed=-1, expected a whole number from 0 to 18446744073709551615"),
        ({"seed": 2**64}, "seed=18446744073709551616"),
        ({"seed": 0, "epoch": -1}, "epoch=-1, expected a whole number from 0 to 4294967295"),
        ({"seed": 0, "epoch": 2**32}, "epoch=4294967296"),
        ({"seed": 0, "step": 2**32}, "step=4294967296"),
    ],
)
def test_numbers_out_of_range_are_refused(given: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Generator(**given)


def test_the_largest_numbers_are_taken() -> None:
    assert Generator(2**64 - 1, epoch=2**32 - 1, step=2**32 - 1).bits(4).max() < 2**32


def test_repr_says_where_it_stands() -> None:
    rng = Generator(1, epoch=2, step=3)
    rng.bits(1)
    assert repr(rng) == "Generator(seed=1, epoch=2, step=3), 1 draws made"
