"""Losses: values against formulas written out, gradients against differences, both against PyTorch."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinycolor import gradcheck, losses

Loss = Callable[..., tuple[np.ndarray, np.ndarray]]
SHAPES = [(1,), (3, 2), (2, 3, 5, 2)]
random_shape = st.lists(st.integers(1, 5), min_size=1, max_size=4).map(tuple)
seeds = st.integers(0, 10**6)
shapes = pytest.mark.parametrize("shape", SHAPES)
dtypes = pytest.mark.parametrize("dtype", ["float32", "float64"])


def draw(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape)


def probabilities(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 0.9, shape)


def class_numbers(shape: tuple[int, ...], classes: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, classes, shape)


def shares(shape: tuple[int, ...]) -> np.ndarray:
    """Shares of all classes that do not sum to 1 on purpose: nothing in the formula says that they do."""
    return probabilities(shape, seed=1)


def mean_of(f: Callable[..., float]) -> Callable[..., float]:
    """Turn a formula for one number and its target into the mean over two arrays, number by number."""
    return lambda y, target: sum(f(a, b) for a, b in zip(y.flat, target.flat, strict=True)) / y.size


def huber(y: float, target: float, beta: float) -> float:
    size = abs(y - target)
    return size**2 / (2 * beta) if size < beta else size - beta / 2


def cross_entropy_by_loops(logits: np.ndarray, target: np.ndarray, weight: np.ndarray) -> float:
    total = 0.0
    for place in np.ndindex(weight.shape):
        share = np.exp(logits[place]) / np.exp(logits[place]).sum()
        total -= weight[place] * (target[place] * np.log(share)).sum()
    return total / weight.size


ELEMENTWISE = {
    "mse": (losses.mse, mean_of(lambda y, t: (y - t) ** 2), draw),
    "l1": (losses.l1, mean_of(lambda y, t: abs(y - t)), draw),
    "smooth_l1": (losses.smooth_l1, mean_of(lambda y, t: huber(y, t, 1.0)), draw),
    "smooth_l1 of beta 0.3": (
        lambda y, t: losses.smooth_l1(y, t, beta=0.3),
        mean_of(lambda y, t: huber(y, t, 0.3)),
        draw,
    ),
    "bce": (losses.bce, mean_of(lambda y, t: -(t * np.log(y) + (1 - t) * np.log(1 - y))), probabilities),
    "bce_with_logits": (
        losses.bce_with_logits,
        mean_of(lambda z, t: t * np.log(1 + np.exp(-z)) + (1 - t) * np.log(1 + np.exp(z))),
        draw,
    ),
}
elementwise = pytest.mark.parametrize(("loss", "formula", "make"), ELEMENTWISE.values(), ids=ELEMENTWISE.keys())


@elementwise
@shapes
def test_value_agrees_with_its_formula(loss: Loss, formula: Callable, make: Callable, shape: tuple[int, ...]) -> None:
    y, target = make(shape), probabilities(shape, seed=1)
    np.testing.assert_allclose(loss(y, target)[0], formula(y, target), rtol=1e-12)


@elementwise
def test_gradient_agrees_with_differences(loss: Loss, formula: Callable, make: Callable, record_property, request):
    @given(random_shape, seeds)
    def check(shape: tuple[int, ...], seed: int) -> None:
        y, target = make(shape, seed), probabilities(shape, seed + 1)
        # Away from the kinks: of l1 where both are equal, of smooth_l1 where it turns straight.
        error = y - target
        for kink in (0, 0.3, 1):
            close = abs(abs(error) - kink) < 1e-3
            y[close] += 0.01
        record_property("gradient error", (request.node.callspec.id, gradcheck(lambda y: loss(y, target), y)))

    check()


@elementwise
@dtypes
def test_loss_is_one_number_in_the_dtype_of_y(loss: Loss, formula: Callable, make: Callable, dtype: str) -> None:
    y, target = make((2, 3)).astype(dtype), probabilities((2, 3), seed=1).astype(dtype)
    value, dy = loss(y, target)
    assert (value.shape, value.dtype) == ((), dtype)
    assert (dy.shape, dy.dtype) == (y.shape, dtype)


@elementwise
def test_inputs_may_be_read_only_and_stay_as_they_were(loss: Loss, formula: Callable, make: Callable) -> None:
    y, target = make((2, 4, 3)).transpose(2, 0, 1), probabilities((2, 4, 3), seed=1).transpose(2, 0, 1)
    y.flags.writeable = target.flags.writeable = False
    value, dy = loss(y, target)
    np.testing.assert_allclose(value, formula(y, target), rtol=1e-12)
    assert not np.shares_memory(dy, y)
    np.testing.assert_array_equal(y, make((2, 4, 3)).transpose(2, 0, 1))
    np.testing.assert_array_equal(target, probabilities((2, 4, 3), seed=1).transpose(2, 0, 1))


@elementwise
@pytest.mark.parametrize(
    ("shape", "dtype"), [((3, 1), "float64"), ((3,), "float64"), ((2, 3), "float64"), ((3, 2), "float32")]
)
def test_a_target_of_another_kind_is_refused(
    loss: Loss, formula: Callable, make: Callable, shape: tuple[int, ...], dtype: str
) -> None:
    with pytest.raises(ValueError, match=r"got y of shape \(3, 2\), float64 and a target of"):
        loss(make((3, 2)), probabilities(shape).astype(dtype))


def test_an_array_is_expected() -> None:
    with pytest.raises(TypeError, match="expected a NumPy or CuPy array"):
        losses.mse(draw((2,)), [1.0, 2.0])


# Binary cross-entropy at its ends.


@dtypes
def test_bce_holds_logarithms_at_minus_100(dtype: str) -> None:
    y, target = np.array([0, 1, 0, 1], dtype), np.array([1, 0, 0, 1], dtype)
    loss, dy = losses.bce(y, target)
    assert loss == 50
    assert np.isfinite(dy).all()
    assert np.sign(dy).tolist() == [-1, 1, 0, 0]


@dtypes
def test_bce_with_logits_is_right_far_out(dtype: str) -> None:
    logits = np.array([-1e4, -1e4, 1e4, 1e4, 0], dtype)
    target = np.array([0, 1, 0, 1, 0.5], dtype)
    loss, dy = losses.bce_with_logits(logits, target)
    np.testing.assert_allclose(loss, (2e4 + np.log(2)) / 5, rtol=1e-6)
    np.testing.assert_array_equal(dy, np.array([0, -1, 1, 0, 0], dtype) / 5)


def test_bce_with_logits_keeps_the_small_end() -> None:
    """log(1 + exp(-40)) is exp(-40), where 1 + exp(-40) rounds to 1."""
    loss, _ = losses.bce_with_logits(np.array([40.0]), np.array([1.0]))
    np.testing.assert_allclose(loss, np.exp(-40), rtol=1e-12)


# Cross-entropy: one class, or shares of all; a weight per pixel.

PIXELS = [(), (4,), (2, 3, 5)]
pixels = pytest.mark.parametrize("shape", PIXELS)


@pixels
@pytest.mark.parametrize("integer", ["int64", "int32", "uint8"])
def test_cross_entropy_of_class_numbers(shape: tuple[int, ...], integer: str) -> None:
    logits, target = draw((*shape, 3)), class_numbers(shape, 3)
    wanted = cross_entropy_by_loops(logits, np.eye(3)[target], np.ones(shape))
    np.testing.assert_allclose(losses.cross_entropy(logits, np.asarray(target, integer))[0], wanted, rtol=1e-12)


@pixels
def test_cross_entropy_of_shares(shape: tuple[int, ...]) -> None:
    logits, target = draw((*shape, 3)), shares((*shape, 3))
    wanted = cross_entropy_by_loops(logits, target, np.ones(shape))
    np.testing.assert_allclose(losses.cross_entropy(logits, target)[0], wanted, rtol=1e-12)


@pixels
def test_cross_entropy_weighs_pixels(shape: tuple[int, ...]) -> None:
    logits, target, weight = draw((*shape, 3)), shares((*shape, 3)), np.asarray(probabilities(shape, seed=2))
    wanted = cross_entropy_by_loops(logits, target, weight)
    np.testing.assert_allclose(losses.cross_entropy(logits, target, weight)[0], wanted, rtol=1e-12)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_cross_entropy_gradient_agrees_with_differences(soft: bool, weighted: bool, record_property):
    @given(random_shape, seeds)
    def check(shape: tuple[int, ...], seed: int) -> None:
        target = shares((*shape, 3)) if soft else np.asarray(class_numbers(shape, 3))
        weight = np.asarray(probabilities(shape, seed=2)) if weighted else None
        loss = gradcheck(lambda logits: losses.cross_entropy(logits, target, weight), draw((*shape, 3), seed))
        record_property("gradient error", ("cross_entropy", loss))

    check()


def test_weight_zero_leaves_a_pixel_out() -> None:
    logits, target = draw((2, 3, 5, 4)), class_numbers((2, 3, 5), 4)
    weight = np.ones((2, 3, 5))
    weight[1, 2] = 0
    loss, dz = losses.cross_entropy(logits, target, weight)
    logits[1, 2] += 100
    other_loss, other_dz = losses.cross_entropy(logits, target, weight)
    assert loss == other_loss
    np.testing.assert_array_equal(dz, other_dz)
    assert (dz[1, 2] == 0).all()


@dtypes
def test_cross_entropy_is_right_far_out(dtype: str) -> None:
    logits = np.array([[1e4, -1e4], [1e4, -1e4]], dtype)
    loss, dz = losses.cross_entropy(logits, np.array([0, 1]))
    assert loss == 1e4
    np.testing.assert_array_equal(dz, np.array([[0, 0], [0.5, -0.5]], dtype))


@dtypes
@pytest.mark.parametrize("weight", [None, "float32", "float64", "int64", "bool"])
def test_cross_entropy_is_one_number_in_the_dtype_of_the_logits(dtype: str, weight: str | None) -> None:
    weights = None if weight is None else np.array([1, 0], weight)
    loss, dz = losses.cross_entropy(draw((2, 3)).astype(dtype), np.array([2, 0]), weights)
    assert (loss.shape, loss.dtype) == ((), dtype)
    assert (dz.shape, dz.dtype) == ((2, 3), dtype)


def test_cross_entropy_leaves_its_inputs_alone() -> None:
    given = draw((2, 3, 5, 4)), shares((2, 3, 5, 4)), probabilities((2, 3, 5), seed=2)
    originals = [array.copy() for array in given]
    for array in given:
        array.flags.writeable = False
    losses.cross_entropy(*given)
    for array, original in zip(given, originals, strict=True):
        np.testing.assert_array_equal(array, original)


@pytest.mark.parametrize(
    ("target", "message"),
    [
        (np.array([0, 3]), "class numbers 0 to 2"),
        (np.array([-1, 0]), "class numbers 0 to 2"),
        (np.array([0, 255], "uint8"), "class numbers 0 to 2"),
        (np.zeros((2, 3), "float32"), "shares as float64"),
        (np.array([True, False]), "got a target of bool"),
        (np.array([0, 1, 2]), r"expected integers \(2,\) or shares \(2, 3\)"),
        (np.array([[0, 1]]), r"expected integers \(2,\) or shares \(2, 3\)"),
        (np.zeros((2, 4)), r"expected integers \(2,\) or shares \(2, 3\)"),
    ],
    ids=["too large", "negative", "255", "float32", "bool", "too many", "one axis more", "too many classes"],
)
def test_cross_entropy_refuses_a_target_that_does_not_fit(target: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        losses.cross_entropy(draw((2, 3)), target)


@pytest.mark.parametrize("shape", [(2, 1), (3,), ()])
def test_cross_entropy_refuses_weights_that_do_not_fit(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"expected one per pixel, \(2,\)"):
        losses.cross_entropy(draw((2, 3)), np.array([0, 1]), np.ones(shape))


# Against PyTorch.


def assert_agrees_with_torch(ours: Loss, theirs: Callable, y: np.ndarray, target: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    loss, dy = ours(y, target)
    y_there = torch.tensor(y, requires_grad=True)
    loss_there = theirs(torch.nn.functional, y_there, torch.tensor(target))
    loss_there.backward()
    np.testing.assert_allclose(loss, loss_there.detach(), rtol=1e-12)
    np.testing.assert_allclose(dy, y_there.grad, rtol=1e-8, atol=1e-12)  # their 1e-12 in bce is a float32


@pytest.mark.parity
@pytest.mark.parametrize(
    ("loss", "theirs", "make"),
    [
        (losses.mse, lambda f, y, t: f.mse_loss(y, t), draw),
        (losses.l1, lambda f, y, t: f.l1_loss(y, t), draw),
        (losses.smooth_l1, lambda f, y, t: f.smooth_l1_loss(y, t), draw),
        (lambda y, t: losses.smooth_l1(y, t, beta=0.3), lambda f, y, t: f.smooth_l1_loss(y, t, beta=0.3), draw),
        (losses.bce, lambda f, y, t: f.binary_cross_entropy(y, t), probabilities),
        (losses.bce, lambda f, y, t: f.binary_cross_entropy(y, t), lambda shape: probabilities(shape).round()),
        (losses.bce_with_logits, lambda f, y, t: f.binary_cross_entropy_with_logits(y, t), draw),
        (
            losses.bce_with_logits,
            lambda f, y, t: f.binary_cross_entropy_with_logits(y, t),
            lambda shape: 1e4 * draw(shape),
        ),
        (losses.cross_entropy, lambda f, z, t: f.cross_entropy(z.movedim(-1, 1), t.movedim(-1, 1)), draw),
    ],
    ids=["mse", "l1", "smooth_l1", "beta 0.3", "bce", "bce of 0 and 1", "logits", "far logits", "cross_entropy"],
)
def test_loss_agrees_with_torch(loss: Loss, theirs: Callable, make: Callable) -> None:
    shape = (2, 3, 5, 4)
    assert_agrees_with_torch(loss, theirs, make(shape), probabilities(shape, seed=1))


@pytest.mark.parity
def test_cross_entropy_of_class_numbers_agrees_with_torch() -> None:
    assert_agrees_with_torch(
        losses.cross_entropy,
        lambda f, z, t: f.cross_entropy(z.movedim(-1, 1), t),
        draw((2, 3, 5, 4)),
        class_numbers((2, 3, 5), 4),
    )


def test_a_class_that_is_ruled_out_costs_nothing_where_it_is_not_wanted() -> None:
    logits = np.array([[0.0, 0.0, -np.inf]])
    loss, dz = losses.cross_entropy(logits, np.array([1]))
    assert loss == pytest.approx(np.log(2))
    np.testing.assert_allclose(dz, [[0.5, -0.5, 0]])


def test_smooth_l1_without_a_smooth_part_is_refused() -> None:
    with pytest.raises(ValueError, match="smooth_l1 got beta=0, expected more than 0"):
        losses.smooth_l1(np.ones(2), np.ones(2), beta=0)


def test_losses_of_whole_numbers_or_of_nothing_are_refused() -> None:
    for y in (np.arange(3), np.ones((0, 2))):
        with pytest.raises(ValueError, match="float32 or float64, and at least one number"):
            losses.mse(y, y)


# What a generator minimises, by what the discriminator says of its fakes.

OBJECTIVES = {
    "non_saturating": (losses.non_saturating, lambda d: -np.log(d), lambda d: d - 1),
    "minimax": (losses.minimax, lambda d: np.log(1 - d), lambda d: -d),
}
objectives = pytest.mark.parametrize(("loss", "formula", "slope"), OBJECTIVES.values(), ids=OBJECTIVES.keys())


@objectives
@shapes
def test_a_generator_s_objective_agrees_with_its_formula(
    loss: Loss, formula: Callable, slope: Callable, shape: tuple[int, ...]
) -> None:
    logits = draw(shape)
    says_real = 1 / (1 + np.exp(-logits))
    value, dz = loss(logits)
    np.testing.assert_allclose(value, sum(map(formula, says_real.flat)) / logits.size, rtol=1e-12)
    np.testing.assert_allclose(dz, slope(says_real) / logits.size, rtol=1e-12)


@objectives
def test_a_generator_s_gradient_agrees_with_differences(
    loss: Loss, formula: Callable, slope: Callable, record_property, request
) -> None:
    @given(random_shape, seeds)
    def check(shape: tuple[int, ...], seed: int) -> None:
        record_property("gradient error", (request.node.callspec.id, gradcheck(loss, draw(shape, seed))))

    check()


@dtypes
def test_where_the_discriminator_is_sure_only_one_objective_still_teaches(dtype: str) -> None:
    """At D = 1e-8 minimax is flat, and the other has its full slope; where it is fooled it is the other way round."""
    found_out, fooled = np.full((4, 1), np.log(1e-8), dtype), np.full((4, 1), -np.log(1e-8), dtype)
    np.testing.assert_allclose(losses.minimax(found_out)[1], -1e-8 / 4, rtol=1e-5)
    np.testing.assert_allclose(losses.non_saturating(found_out)[1], -1 / 4, rtol=1e-5)
    np.testing.assert_allclose(losses.minimax(fooled)[1], -1 / 4, rtol=1e-5)
    assert abs(losses.non_saturating(fooled)[1]).max() < 1e-7


@objectives
@dtypes
def test_a_generator_s_objective_is_right_far_out(loss: Loss, formula: Callable, slope: Callable, dtype: str) -> None:
    value, dz = loss(np.array([-1e4, 1e4], dtype))
    sign = 1 if loss is losses.non_saturating else -1
    np.testing.assert_allclose(value, sign * 1e4 / 2, rtol=1e-6)
    np.testing.assert_array_equal(dz, np.array([-1, 0] if sign > 0 else [0, -1], dtype) / 2)
    assert (value.dtype, dz.dtype) == (dtype, dtype)
