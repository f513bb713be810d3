"""Losses and their gradients in one sweep, against formulas in float64."""

import itertools

import numpy as np
import pytest

from tinycolor import losses
from tinycolor.kernels import loader, loss

SHAPES = [
    (1,),
    (3, 1),
    (2, 3, 5, 3),
    (1024,),  # a block exactly
    (1, 41, 25, 1),  # a block, and one number more
    (3, 40, 37, 2),  # nine blocks, the last with fewer numbers
]
BETA = 0.3


def squared(y, t):
    return (y - t) ** 2, 2 * (y - t)


def absolute(y, t):
    return abs(y - t), np.sign(y - t)


def huber(y, t, beta=1.0):
    size = abs(y - t)
    return (
        np.where(size < beta, size**2 / (2 * beta), size - beta / 2),
        np.where(size < beta, (y - t) / beta, np.sign(y - t)),
    )


def huber_of_beta(y, t):
    return huber(y, t, BETA)


def entropy(y, t):
    return -(t * np.log(y) + (1 - t) * np.log1p(-y)), (y - t) / (y * (1 - y))


def entropy_of_logits(z, t):
    """log(1 + exp(z)) is what a 0 costs."""
    return t * np.logaddexp(0, -z) + (1 - t) * np.logaddexp(0, z), 1 / (1 + np.exp(-z)) - t


def smooth_l1_of_beta(y, target):
    return loss.smooth_l1(y, target, beta=BETA)


FORMULAS = {
    loss.mse: squared,
    loss.l1: absolute,
    loss.smooth_l1: huber,
    smooth_l1_of_beta: huber_of_beta,
    loss.bce: entropy,
    loss.bce_with_logits: entropy_of_logits,
}
every_loss = pytest.mark.parametrize("kernel", FORMULAS, ids=lambda kernel: kernel.__name__)
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def draw(kernel, shape, seed=0):
    """Return y and target in float32: probabilities, logits, or anything; some errors are 0."""
    rng = np.random.default_rng(seed)
    y, target = 2 * rng.standard_normal(shape), rng.random(shape)
    if kernel is loss.bce:
        y = rng.uniform(1e-4, 1 - 1e-4, shape)
    y, target = y.astype("float32"), target.astype("float32")
    y.flat[2::7] = target.flat[2::7]
    return y, target


def expected(kernel, y, target):
    """Return the mean, and the gradient, in float64."""
    terms, slopes = FORMULAS[kernel](y.astype("float64"), target.astype("float64"))
    return terms.mean(), slopes / y.size


def assert_close(got, wanted):
    (value, dy), (exact, exact_dy) = got, wanted
    assert (value.shape, value.dtype) == ((), "float32")
    assert (dy.shape, dy.dtype) == (exact_dy.shape, "float32")
    np.testing.assert_allclose(value, exact, rtol=1e-6)
    # A sigmoid that is nearly right has few digits left of its difference from the target.
    np.testing.assert_allclose(dy, exact_dy, rtol=1e-6, atol=2e-7 / dy.size)


def assert_same_bits(one, other):
    for mine, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@every_loss
@shapes
def test_agrees_with_its_formula(device, kernel, shape):
    given = draw(kernel, shape)
    assert_close(device.run(kernel, *given), expected(kernel, *given))


@every_loss
def test_blocks_are_no_more_than_wanted(cpu, monkeypatch, kernel):
    """Where a GPU is full, threads add up more; slices need not come out even."""
    monkeypatch.setattr(loss, "BLOCKS_WANTED", 3)
    given = draw(kernel, (61, 67, 3))
    assert_close(cpu.run(kernel, *given), expected(kernel, *given))
    assert [grid for *_, grid, _ in cpu.launched] == [(3, 1, 1), (1, 1, 1)]


def test_blocks_may_be_more_than_threads(cpu, monkeypatch):
    monkeypatch.setattr(loss, "LEAST_SUM", 1)
    given = draw(loss.mse, (257 * 256 - 1,))
    assert_close(cpu.run(loss.mse, *given), expected(loss.mse, *given))
    assert cpu.launched[0][2] == (257, 1, 1)


@every_loss
def test_takes_two_launches_of_its_own_build(cpu, kernel):
    cpu.run(kernel, *draw(kernel, (5,)))
    name = "smooth_l1" if kernel is smooth_l1_of_beta else kernel.__name__
    assert [(chapter, step, made) for chapter, step, _, made in cpu.launched] == [
        ("loss", "sum_terms", {"LOSS": name}),
        ("loss", "mean", {"LOSS": name}),
    ]


def test_where_both_are_equal_nothing_is_pulled(device):
    y = np.array([-1.5, 0, -0.0, 2], "float32")
    for kernel in (loss.mse, loss.l1, loss.smooth_l1):
        assert_same_bits(device.run(kernel, y, y.copy()), (0, np.zeros(4)))


@pytest.mark.parametrize("target", [0, 0.25, 1 - 2**-20, 1])
def test_logits_far_out(device, target):
    for z in (-1e4, -100, -30, 0, 30, 100, 1e4):
        given = np.full(3, z, "float32"), np.full(3, target, "float32")
        with np.errstate(over="ignore"):  # exp(1e4), of which the formula takes the inverse
            wanted = expected(loss.bce_with_logits, *given)
        value, dz = device.run(loss.bce_with_logits, *given)
        np.testing.assert_allclose(value, wanted[0], rtol=1e-6, atol=1e-37)  # below that floats lose digits
        np.testing.assert_allclose(dz, wanted[1], rtol=1e-6, atol=1e-7)


def test_probabilities_at_their_ends(device):
    """Logarithms are held at -100, the division at 1e-12."""
    y, target = np.array([0, 1, 0, 1], "float32"), np.array([1, 0, 0, 1], "float32")
    assert_same_bits(device.run(loss.bce, y, target), (50, np.array([-2.5e11, 2.5e11, 0, 0], "float32")))


NO_NUMBERS = {np.nan, np.inf, -np.inf}


@pytest.mark.parametrize("name", ["mse", "l1", "smooth_l1", "bce", "bce_with_logits"])
def test_what_is_no_number_shows_as_in_the_plain_lines(device, name):
    for pair in itertools.product((0.5, *NO_NUMBERS), (0, 0.25, *NO_NUMBERS)):
        given = [np.full(1, number, "float32") for number in pair]
        with np.errstate(all="ignore"):
            wanted = getattr(losses, name)(*given)
        for mine, theirs in zip(device.run(getattr(loss, name), *given), wanted, strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-6, err_msg=str(pair))


@every_loss
@pytest.mark.parametrize("spoilt", [0, 1], ids=["y", "target"])
def test_nan_shows_in_the_loss_and_stays_at_its_place_in_the_gradient(device, kernel, spoilt):
    given = draw(kernel, (3, 40, 37, 2))
    _, clean = device.run(kernel, *given)
    given[spoilt][1, 2, 3, 1] = np.nan
    value, dy = device.run(kernel, *given)
    assert np.isnan(value)
    assert np.argwhere(np.isnan(dy)).tolist() == [[1, 2, 3, 1]]
    np.testing.assert_array_equal(dy[~np.isnan(dy)], clean[~np.isnan(dy)])


@every_loss
def test_the_order_of_threads_changes_no_bit(cpu, kernel):
    given = draw(kernel, (2, 33, 31, 5))
    rising = cpu.run(kernel, *given)
    cpu.falling = True
    assert_same_bits(rising, cpu.run(kernel, *given))


@every_loss
def test_twice_the_same_bits(device, kernel):
    given = draw(kernel, (2, 33, 31, 5))
    assert_same_bits(*(device.run(kernel, *given) for _ in range(2)))


@every_loss
@pytest.mark.usefixtures("cpu")
def test_inputs_may_be_read_only_and_scattered_and_stay_as_they_were(kernel):
    given = draw(kernel, (3, 5, 4, 6))
    wanted = kernel(*given)
    scattered = tuple(np.repeat(array, 2, axis=-1)[..., ::2] for array in given)
    for array in scattered:
        array.flags.writeable = False
    assert_same_bits(kernel(*scattered), wanted)
    assert_same_bits(scattered, given)


FAULTS = {
    "half the error": (loss.mse, "2 * error}", "error}"),
    "not squared": (loss.mse, "{error * error,", "{error,"),
    "no zero": (loss.l1, "number < 0 ? -1.0f : number", "-1.0f"),
    "the sign turned": (loss.l1, "number > 0 ? 1.0f", "number > 0 ? -1.0f"),
    "beta is 1": (smooth_l1_of_beta, "fabsf(error) < beta", "fabsf(error) < 1"),
    "a step at beta": (loss.smooth_l1, " - 0.5f * beta", ""),
    "log(1 - y)": (loss.bce, "log1pf(at_least(-1.0f, -y))", "logf(1 - y)"),
    "one class alone": (loss.bce, "(1 - t) * log_no", "0 * log_no"),
    "rounded twice": (loss.bce_with_logits, "fmaf(-z, t, at_least(0.0f, z))", "(at_least(0.0f, z) - z * t)"),
    "log(1 + small)": (loss.bce_with_logits, "log1pf(small)", "logf(1 + small)"),
    "no large logits": (loss.bce_with_logits, "(z >= 0 ? 1.0f : small)", "small"),
    "nobody waits": (loss.mse, "__syncthreads();", ""),
    "two halves": (loss.mse, "half = THREADS / 2; half > 0", "half = THREADS / 2; half > 1"),
    "half the threads": (loss.mse, "half = THREADS / 2; half > 0", "half = THREADS / 4; half > 0"),
    "one block's sum": (loss.mse, "block < blocks;", "block < 1;"),
    "a number too few": (loss.mse, "first + each : count", "first + each : count - 1"),
    "sums in float32": (loss.mse, "double sum = 0.0", "float sum = 0.0f"),
    "a sum for a mean": (loss.mse, "sum / count", "sum"),
    "the whole slope": (loss.mse, "term.slope * share", "term.slope"),
}


# Numbers whose terms lose their digits, or whose sum does, unless care is taken.
HARD = {
    loss.mse: [(0.1, 0)],
    loss.bce: [(1e-4, 0)],
    loss.bce_with_logits: [(1000.1, 1 - 2**-20), (10, 1)],
}


def cases(kernel):
    yield draw(kernel, (500,))
    for y, target in HARD.get(kernel, []):
        yield np.full(300_000, y, "float32"), np.full(300_000, target, "float32")


def check_cases(cpu, kernel):
    for given in cases(kernel):
        assert_close(cpu.run(kernel, *given), expected(kernel, *given))


@pytest.fixture
def few_blocks(monkeypatch):
    """Each thread adds up hundreds."""
    monkeypatch.setattr(loss, "BLOCKS_WANTED", 2)


@every_loss
@pytest.mark.usefixtures("few_blocks")
def test_hard_numbers_keep_their_digits(cpu, kernel):
    check_cases(cpu, kernel)


@pytest.mark.parametrize(("kernel", "old", "new"), FAULTS.values(), ids=FAULTS)
@pytest.mark.usefixtures("few_blocks")
def test_a_planted_fault_shows(cpu, kernel, old, new):
    assert old in loader.source("loss")
    cpu.edit = lambda text: text.replace(old, new)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        check_cases(cpu, kernel)
