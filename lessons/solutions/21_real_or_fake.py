# %% [markdown]
# # Solution 21: the curve, its area, the balance, and how sure one can be
#
# 1. `curve(errors)`: the errors say how far off each dot is. For t = 0, 1, 2, up to 150 return the share of dots that
#    are within t, that is, at most t off.
# 2. `area(shares)`: the area under such a curve, divided by 150. Between two neighbours lies a strip that is 1 wide.
#    Its height is the mean of the two, as its top is slanted.
# 3. `balanced_curve(errors, kinds)`: each dot has a kind, the number of its colour. Now each kind is to count the same,
#    however few dots it has. That is the mean of the curves that the kinds have by themselves. (Weights as in the
#    lesson give the same. `np.unique(kinds)` lists the kinds; `errors[kinds == kind]` are the errors of one.)
# 4. `interval(fooled, draws)`: `fooled` has a row for each judge, True where she was fooled. `draws` has a row for each
#    study that might have been: the numbers of the judges drawn. Work out the rate of each such study, and return
#    between which two numbers the middle 95 % of them lie. (`np.quantile` takes shares from 0 to 1.)
#
# One way to do it.

# %%
import numpy as np

import tinycolor as tc
from tinycolor import metrics


def curve(errors):
    """Return shares (151,), 0 to 1, for errors (N,), each from 0 up."""
    return (errors[:, None] <= np.arange(151)).mean(0)


def area(shares):
    """Return one number, 0 to 1, for shares (151,), 0 to 1."""
    return ((shares[:-1] + shares[1:]) / 2).sum() / 150


def balanced_curve(errors, kinds):
    """Return shares (151,), 0 to 1, for errors (N,), each from 0 up, and kinds (N,), whole numbers."""
    return np.mean([curve(errors[kinds == kind]) for kind in np.unique(kinds)], axis=0)


def interval(fooled, draws):
    """Return low and high, 0 to 1, for fooled (judges, pairs), True or False, and draws (studies, judges)."""
    rates = fooled.mean(1)[draws].mean(1)
    return np.quantile(rates, [0.025, 0.975])


# %% The check: do not change anything below this line
HINTS = {
    "read-only": "Nobody writes into what was given: make a new array.",
    "broadcast": "Print both shapes. To compare each error with each t, give the errors a new axis: errors[:, None].",
    "range [0, 1]": "np.quantile takes shares: 2.5 % is 0.025.",
    "out of bounds": "draws holds numbers of judges, which are rows of fooled. Take a mean over each row first.",
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np, and your functions.",
    "boolean subtract": "True and False: take their mean first, that is the share of True.",
    "invalid value": "0/0: was the mean of nothing asked for? np.unique(kinds) lists the kinds that there are.",
    "invalid index": "That is one number, where all errors of a kind are wanted: errors[kinds == kind].",
}


def run(function, *given):
    """Call a function with arrays that cannot be changed; if it stops with an error, say what to look at."""
    name = function.__name__
    given = [array.copy() for array in given]
    for array in given:
        array.flags.writeable = False
    try:
        with np.errstate(divide="raise", invalid="raise"):
            answer = function(*given)
    except (AttributeError, FloatingPointError, IndexError, NameError, TypeError, ValueError) as error:
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), "Print the shapes just before.")
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert answer is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert answer is not None, f"{name}() returned None: does it end with `return`?"
    return np.asarray(answer)


def same(mine, wanted):
    """Say whether numbers are equal, but for the last digits."""
    return np.allclose(mine, wanted, atol=1e-9)


# 1. Five dots: 0 off, exactly 3 off, 3.5 off, 90 off, and one farther off than all thresholds.
FEW = np.array([3, 90, 0, 3.5, 200])
mine = run(curve, FEW)
assert mine.shape != (5,), "curve() gave one number for each dot. It is one for each t: the mean over the dots."
assert mine.shape != (150,), "curve() gave 150 shares. From 0 to 150, both included, there are 151: np.arange(151)."
assert mine.shape == (151,), f"curve() should give the shape (151,), a share for each t; yours is {mine.shape}."
assert not same(mine[[3, 4]], [2, 3]), "curve() gave counts. A share is the count divided by how many dots there are."
assert not same(mine[[3, 4]], [40, 60]), "curve() gave percent. A share goes from 0 to 1."
assert mine[0] <= mine[150], "Your curve falls: it is the share of dots that are *farther* off than t."
assert not same(mine[[0, 3, 4]], [0, 0.2, 0.6]), "Who is exactly 3 off is within 3: `<=`, not `<`."
assert not same(mine[150], 1), "One dot is 200 off. It is not within 150, so the curve of these five ends at 0.8."
wrong = [
    t for t, share in ((0, 0.2), (2, 0.2), (3, 0.4), (4, 0.6), (89, 0.6), (90, 0.8), (150, 0.8)) if mine[t] != share
]
assert not wrong, f"Of the errors {FEW.tolist()}, what share is at most {wrong[0]}? Not {mine[wrong[0]]}."

# 2. A step at 30, and a straight line.
STEP = (np.arange(151) >= 30).astype(float)
mine = run(area, STEP)
assert mine.ndim == 0, f"area() should return one number; yours has the shape {mine.shape}."
assert not same(mine, 120.5), "area() gave 120.5: the area is right. Divide it by 150."
assert not same(mine, 121 / 151), (
    "That is the mean of 151 numbers. But between them lie only 150 strips, with slanted tops."
)
assert not any(same(mine, flat) for flat in (121 / 150, 120 / 150)), (
    "Your strips have flat tops. The height of a strip is the mean of its two sides: shares[:-1] and shares[1:]."
)
assert not same(mine, 241 / 150), "Twice too much: the mean of two numbers is *half* of their sum."
assert not same(mine, 120.5 / 151), "Divide by 150: that many strips there are, and the whole area is 150 wide."
assert same(mine, 120.5 / 150), (
    f"A curve that is 0 before t = 30 and 1 from there on has the area 120.5/150, not {mine:.4f}."
)
assert same(run(area, np.arange(151) / 150), 0.5), "A straight line from 0 to 1 has the area 0.5."

# Both together: with errors that lie halfway between thresholds, the area is exactly 1 - mean / 150.
halves = tc.Generator(21).integers(0, 150, (1000,)) + 0.5
assert same(run(area, run(curve, halves)), 1 - halves.mean() / 150), "Each was right alone. Does one keep something?"
# And with the library, on a photo of noise.
true_ab, off = tc.Generator(22).uniform((20, 30, 2), -60, 60), tc.Generator(23).normal((20, 30, 2), 0, 40)
distance = np.linalg.norm((true_ab + off).astype(float) - true_ab, axis=-1).ravel()
library = metrics.auc(true_ab + off, true_ab)
assert abs(run(area, run(curve, distance)) - library) < 1e-6, "Your AuC of a picture differs from the library's."

# 3. Eight dots of road, 0 off, a red and a blue one, 60 off. The kinds have any numbers, in any order.
kinds = np.array([7, 7, 40, 7, 7, 7, 3, 7, 7, 7])
errors = np.where(kinds == 7, 0.0, 60.0)
mine = run(balanced_curve, errors, kinds)
assert mine.shape != (3,), "balanced_curve() gave a number for each kind. A curve has 151: take the mean over axis 0."
assert mine.shape != (3, 151), "balanced_curve() gave a curve for each kind. Take the mean of them: over axis 0."
assert mine.shape == (151,), f"balanced_curve() should give the shape (151,), as curve(); yours is {mine.shape}."
assert not same(mine[0], 0.8), (
    "At t = 0 you have 0.8: as if each dot counted the same. One kind in three is within 0: 1/3."
)
assert not same(mine[[0, 60]], [1, 3]), "You have the sum of the curves. Take their mean."
assert not same(mine[[0, 60]], [0.1, 0.3]), "Divide by the number of kinds, not by that of dots."
assert not mine[60] < 0.9, (
    f"From t = 60 on every dot is near enough: 1, and yours is {mine[60]:.3f}. Are all kinds in it?"
)
assert same(mine[[0, 59, 60]], [1 / 3, 1 / 3, 1]), (
    f"One kind of three is 0 off, two are 60 off: up to t = 59 the share is 1/3, then 1. Yours: {mine[[0, 59, 60]]}."
)
many_kinds, many_errors = tc.Generator(24).integers(0, 6, (500,)) ** 2, tc.Generator(25).uniform((500,), 0, 170)
weight = 1 / np.array([(many_kinds == kind).sum() for kind in many_kinds])
wanted = [(weight * (many_errors <= t)).sum() / weight.sum() for t in range(151)]
assert same(run(balanced_curve, many_errors, many_kinds), wanted), (
    "With 500 dots it differs from weights of 1 / how often."
)

# 4. Three judges, two pairs each, and four studies that might have been; then a study as in the lesson.
FOOLED = np.array([[True, True], [False, False], [True, False]])  # their rates: 1, 0, 1/2
DRAWS = np.array([[0, 0, 1], [1, 1, 2], [0, 1, 2], [2, 2, 0]])
rates = np.array([4, 1, 3, 4]) / 6  # of the four studies
mine = run(interval, FOOLED, DRAWS)
assert mine.shape != (4,), (
    "interval() gave the rate of each study. Return between which two numbers the middle 95 % lie."
)
assert mine.shape == (2,), f"interval() should return two numbers, low and high; yours has the shape {mine.shape}."
assert mine[0] <= mine[1], "interval() gave the higher number first."
assert not same(mine, 100 * np.quantile(rates, [0.025, 0.975])), "interval() gave percent. Rates go from 0 to 1."
assert not same(mine, [1 / 6, 4 / 6]), (
    "That is all of them, from the least to the largest. The middle 95 % leaves 2.5 % at either end."
)
assert not same(mine, np.quantile(rates, [0.05, 0.95])), "You cut 5 % off either end, which leaves 90 %. Cut off 2.5 %."
assert not same(mine, np.quantile(FOOLED.mean(1), [0.025, 0.975])), (
    "That is how much the judges differ. How much do the *studies* differ? Each row of draws says who judges in one."
)
assert not same(mine, np.quantile(FOOLED.ravel()[DRAWS].mean(1), [0.025, 0.975])), (
    "You drew answers. Each number in draws is that of a judge, who comes with all her answers."
)
assert same(mine, np.quantile(rates, [0.025, 0.975])), (
    f"The four studies have the rates 4/6, 1/6, 3/6, 4/6, each the mean over its judges. Print yours. You gave {mine}."
)
rng = tc.Generator(26)
chances = rng.normal((40,), 0.32, 0.12).clip(0.02, 0.98)
fooled = rng.uniform((40, 30)) < chances[:, None]
draws = tc.Generator(27).integers(0, 40, (2000, 40))
low, high = run(interval, fooled, draws)
library = metrics.paired_bootstrap(fooled.mean(1), np.zeros(40), tc.Generator(27))  # the same draws, against 0
assert same([low, high], [library.low, library.high]), f"The library has {library}; yours: {low:.4g} to {high:.4g}."
formula = 1.96 * fooled.mean(1).std(ddof=1) / 40**0.5
assert abs((high - low) / 2 - formula) < 0.2 * formula, f"Half of the interval should be near {formula:.3f}."
print(f"Right. 1,200 answers say {fooled.mean():.1%}, and mean: somewhere between {low:.0%} and {high:.0%}.")
