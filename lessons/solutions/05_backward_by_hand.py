# %% [markdown]
# # Solution 5: the backward of a small layer
#
# `PairSum` is a convolution in one direction. It slides a filter of two weights along a row of L pixels, so that each
# number of y comes from a pair of neighbours: `x[i] * weight[0] + x[i + 1] * weight[1] + bias`.
#
# Its forward is given; y has one number less than x. Write what goes back, in three functions:
#
# 1. `pair_dx(dy, weight)`: each dy goes back to the two pixels it came from. The first and the last pixel get one dy
#    back, those between get two.
# 2. `pair_dw(x, dy)`: each weight gets every dy back, times the pixel that it was multiplied by there.
# 3. `pair_db(dy)`: the bias is added to every y.
#
# For a start, write out the three numbers of y for a row of four pixels, as in lesson 5. Loops are fine.
# One way to do it.

# %%
import numpy as np

import tinycolor as tc


def pair_dx(dy, weight):
    """Return dx, (L,), from dy, (L - 1,), and weight, (2,), where L is len(dy) + 1."""
    dx = np.zeros(len(dy) + 1, dy.dtype)
    for i in range(len(dy)):
        dx[i] += weight[0] * dy[i]
        dx[i + 1] += weight[1] * dy[i]
    return dx


def pair_dw(x, dy):
    """Return dw, (2,), from x, (L,), and dy, (L - 1,), where L is len(x)."""
    return np.array([(x[:-1] * dy).sum(), (x[1:] * dy).sum()])


def pair_db(dy):
    """Return db, one number, from dy, (L - 1,)."""
    return dy.sum()


class PairSum(tc.Layer):
    """One filter of two weights that slides along a row: x (L,) to y (L - 1,)."""

    def __init__(self):
        self.weight = tc.Parameter(np.array([2, -3], np.float32))
        self.bias = tc.Parameter(np.array([1], np.float32))

    def forward(self, x, *, mode, rng):
        weight, bias = self.weight, self.bias
        y = x[:-1] * weight.data[0] + x[1:] * weight.data[1] + bias.data[0]

        def backward(dy):
            weight.grad += pair_dw(x, dy)
            bias.grad += pair_db(dy)
            return pair_dx(dy, weight.data)

        return y, backward


# %% The check: do not change anything below this line
x, weight, bias = np.array([3.0, 1.0, 5.0, -2.0]), np.array([2.0, -3.0]), np.array([1.0])
dy = np.array([1.0, 5.0, -2.0])


def result_of(function, shape, *arguments):
    """Return what the learner's function returns, or say why it cannot be right."""
    name = function.__name__
    given = [argument.copy() for argument in arguments]
    try:
        result = function(*given)
    except (AttributeError, IndexError, NameError, TypeError, ValueError) as error:
        inside = error.__traceback__.tb_next
        where = f"in line {inside.tb_lineno}" if inside else "before its first line"
        hint = (
            "dy has one number less than x. If i counts the dy, the pixels are i and i + 1; without a loop, weight[0] "
            "met all pixels but the last, x[:-1], and weight[1] all but the first, x[1:]."
        )
        if isinstance(error, NameError):
            hint = "It knows only what stands in its brackets and what it makes itself. L is no variable: use len()."
        raise AssertionError(f"{name} stopped {where}: {error}. {hint}") from None
    assert result is not None, f"{name} returned None: is there a return at its end?"
    assert result is not ..., f"{name} still returns '...': that is where your code goes."
    assert isinstance(result, np.ndarray) or shape == (), f"{name} should return an array: begin with np.zeros."
    assert np.shape(result) == shape, (
        f"{name} should return {f'the shape {shape}' if shape else 'one number'}; yours has the shape "
        f"{np.shape(result)}. Is something not added up yet, or is dy taken for as long as x?"
    )
    zeros = "np.zeros(len(dy) + 1, dy.dtype)" if name == "pair_dx" else "np.zeros(2, dy.dtype)"
    assert shape == () or result.dtype == np.float64, f"{name} holds {result.dtype}, but was given float64: {zeros}."
    for before, after in zip(arguments, given, strict=True):
        assert np.array_equal(before, after), f"{name} wrote into an array that it was given: make a new one instead."
    return result


def total(x, weight, bias):
    """Return the last number of the calculation: all y, each counted as dy says."""
    return (dy * (x[:-1] * weight[0] + x[1:] * weight[1] + bias)).sum()


def compare(name, mine, truth):
    """Say both numbers, with the row that they belong to."""
    return (
        f"With x = {x.tolist()}, weight = {weight.tolist()} and dy = {dy.tolist()}, nudging says {name} = "
        f"{np.round(truth, 3).tolist()}; yours is {np.round(mine, 3).tolist()}.\n"
    )


# Everything here is straight, nothing bends: a nudge by 1 is exact.
true_dx = np.array([total(x + nudge, weight, bias) - total(x, weight, bias) for nudge in np.eye(4)])
true_dw = np.array([total(x, weight + nudge, bias) - total(x, weight, bias) for nudge in np.eye(2)])
true_db = total(x, weight, bias + 1) - total(x, weight, bias)

dx = result_of(pair_dx, (4,), dy, weight)
what = compare("dx", dx, true_dx)
exchanged = result_of(pair_dx, (4,), dy, weight[::-1])
assert not np.allclose(exchanged, true_dx), what + "The weights are exchanged: y[0] has x[0] times weight[0]."
ends_are_right = np.allclose(dx[[0, 3]], true_dx[[0, 3]])
assert np.allclose(dx[1:3], true_dx[1:3]) or not ends_are_right, what + (
    "Both ends are right. The pixels between get two dy back each, which add up: does one overwrite the other, or "
    "stand next to the wrong weight?"
)
assert np.allclose(dx, true_dx), what + "Which y does x[0] stand in, next to which weight? Then x[1], then the last."

dw = result_of(pair_dw, (2,), x, dy)
what = compare("dw", dw, true_dw)
assert not np.allclose(dw[::-1], true_dw), what + "The right two numbers, in the wrong order: weight[0] met x[0] first."
assert not np.allclose(dw * 3, true_dw), what + "That is the mean. A weight that is used three times gets the sum."
assert not np.allclose(dw, result_of(pair_dw, (2,), x, np.ones(3))), what + "It forgets dy: each y counts differently."
assert np.allclose(dw, true_dw), what + "Which pixel did weight[0] meet in y[0], in y[1], in y[2]? Each times its dy."

db = result_of(pair_db, (), dy)
what = compare("db", db, true_db)
assert db != 3, what + "That is how many dy there are. But each y counts as much as its dy says."
assert not np.isclose(db * 3, true_db), what + "That is the mean. The bias is added to every y, so it gets the sum."
assert np.isclose(db, true_db), what + "The bias is added to every y: what comes back to it?"

names = {"input 0": "pair_dx", "weight": "pair_dw", "bias": "pair_db"}
for length in (9, 2):
    try:
        worst = tc.gradcheck(PairSum(), np.random.default_rng(length).normal(size=length))
    except (tc.GradientError, IndexError, NameError, TypeError, ValueError) as error:
        culprit = names.get(str(error).split(":")[0], "one of the three")
        raise AssertionError(
            f"Four pixels are right, {length} are not, because of {culprit}. Is a length, a weight or a pixel written "
            f"down as a number? Take them from what the function is given.\n{type(error).__name__}: {error}"
        ) from None
print(f"Right. dx, dw and db pass the check that can't be fooled: the worst relative error is {worst:.0e}.")
