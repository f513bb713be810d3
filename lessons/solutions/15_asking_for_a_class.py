# %% [markdown]
# # Solution 15: the soft target, the annealed mean, and what is rare
#
# 1. `soft_code(colour, bins)` returns the share of each bin in one colour, in the order of `bins`. The five nearest
#    bins get shares: e to the power of `-distance**2 / (2 * 5**2)` for each, divided by the sum of the five. All others
#    get 0. (If two are equally far, take either. `argsort()` gives the places, that of the smallest number first.)
# 2. `annealed_mean(shares, bins, temperature)` makes one colour of shares: sharpen them by the power of
#    1 / temperature, let them add up to 1 again, and take the mean of the bins by them.
# 3. `rare_weights(p)`: p says how often each of Q colours comes, in all 1. Return how much each is to count,
#    `1 / ((1 - lambda) * p + lambda / Q)` with a lambda of 1/2, all multiplied by one number, so that the mean weight
#    of a dot is 1: p times weight, added up over the colours. (`lambda` is a word of Python: choose another name.)
#
# One way to do it.

# %%
import numpy as np

import tinycolor as tc
from tinycolor.color import soft_encode
from tinycolor.color.ab_bins import AB_BINS
from tinycolor.data.scenes import COLOUR_A, COLOUR_B
from tinycolor.ops.softmax import softmax


def soft_code(colour, bins):
    """Return the share of each bin, (K,), 0 to 1 and in all 1, for a colour (2,) and bins (K, 2), all a* and b*."""
    distance = np.linalg.norm(bins - colour, axis=1)
    nearest = distance.argsort()[:5]
    shares = np.zeros(len(bins))
    shares[nearest] = np.exp(-(distance[nearest] ** 2) / (2 * 5**2))
    return shares / shares.sum()


def annealed_mean(shares, bins, temperature):
    """Return a* and b* (2,), for shares (K,), in all 1 and some of them 0, bins (K, 2), a temperature 0.05 to 1."""
    sharpened = shares ** (1 / temperature)
    return sharpened / sharpened.sum() @ bins


def rare_weights(p):
    """Return the weight of each colour, (Q,), for how often each comes, p (Q,), in all 1 and some of them 0."""
    weights = 1 / (0.5 * p + 0.5 / len(p))
    return weights / (p * weights).sum()


# %% The check: do not change anything below this line
HINTS = {
    "read-only": "Nobody writes into what was given: make a new array, such as np.zeros(len(bins)).",
    "broadcast": "Print both shapes. bins is (K, 2), a* and b* in each row; shares is (K,).",
    "matmul": "Print both shapes. In (K,) @ (K, 2) the two K meet.",
    "out of bounds": "Print the shapes on the line before. There are K bins, numbered from 0 to K - 1.",
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np and tc.",
    "used as indices": "Places are whole numbers: `.argsort()` and `.argmin()` give them, `np.sort` gives the values.",
    "'float' object": "That is one number, where you use it as an array: which sum went over everything?",
    "divide by zero": "A share, or how often a colour comes, may be 0. It has no logarithm, and 1/0 is no number.",
    "overflow": "A power grew beyond all numbers: is a minus missing?",
    "invalid value": "Something like 0/0 or infinity times 0 was asked for. Print the line before.",
}


def run(function, *given):
    """Call a function with arrays that cannot be changed; if it stops with an error, say what to look at."""
    name = function.__name__
    given = [array.copy() if isinstance(array, np.ndarray) else array for array in given]
    for array in given:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    try:
        with np.errstate(divide="raise", invalid="raise", over="raise"):
            answer = function(*given)
    except (AttributeError, FloatingPointError, IndexError, NameError, TypeError, ValueError) as error:
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), "Print the shapes just before.")
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert answer is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert answer is not None, f"{name}() returned None: does it end with `return`?"
    answer = np.asarray(answer)
    assert np.isfinite(answer).all(), f"{name}() gave nan or infinity, which is no number: is something divided by 0?"
    return answer


def same(mine, wanted):
    """Say whether numbers are equal, but for the last digits."""
    return np.allclose(mine, wanted, atol=1e-4)


# 1. Nine bins in no order, and the colour (3, 4). The squares of the distances are 85, 185, 25, 205, 45, 65, 205, 325
# and 305. The five smallest: 25, 45, 65, 85, 185. So the powers of e are -0.5, -0.9, -1.3, -1.7 and -3.7: 0.6065,
# 0.4066, 0.2725, 0.1827 and 0.0247. They add up to 1.4930.
BINS = np.array([[10.0, 10], [-10, 0], [0, 0], [0, -10], [0, 10], [10, 0], [-10, 10], [20, 10], [10, 20]])
wanted = np.array([0.1224, 0.0166, 0.4062, 0, 0.2723, 0.1825, 0, 0, 0])
near = wanted > 0
mine = run(soft_code, np.array([3.0, 4]), BINS)
assert mine.shape != (5,), (
    "soft_code() gave the five shares alone. Whose are they? One share for each of the nine bins, in their order; 0 "
    "for those that are not near."
)
assert mine.shape != (9, 2), "soft_code() gave two numbers for each bin: a distance joins a* and b*. Which axis to add?"
assert mine.shape != (2,), "soft_code() gave a* and b*. Wanted is the share of each of the nine bins."
assert mine.shape == (9,), f"soft_code() should give one share for each of nine bins, (9,); yours gave {mine.shape}."
assert mine.min() >= 0, f"soft_code(): no share is below 0. Yours goes down to {mine.min():.2f}."
count = (mine > 0).sum()
assert count != 9, "soft_code(): all nine bins got a share. Only the five nearest do: set the others to 0."
assert count == 5, (
    f"soft_code(): five bins get a share; with you it is {count}. Is there one distance for each bin? And brackets "
    "around 2 * 5**2? (Without them powers become so small that the computer takes them for 0.)"
)
assert not same(np.sort(mine), np.sort(wanted)) or same(mine, wanted), (
    f"soft_code(): the shares are right, but they lie in the wrong places: {mine.round(3)}. The bin nearest to (3, 4) "
    "is (0, 0), number 2 from 0. argsort says which places are meant."
)
assert mine[2] > 0, (
    "soft_code(): the bin (0, 0) is the nearest to (3, 4), and got nothing. Are yours the farthest five?"
)
assert (mine[near] > 0).all(), (
    f"soft_code(): bins {np.flatnonzero(mine).tolist()} have shares, wanted are {np.flatnonzero(near).tolist()}, "
    "counted from 0. A distance joins both differences, a* and b*, squared before they are added."
)
assert not same(mine, 1.4930 * wanted), "soft_code(): the shares add up to 1.49. Divide them by their sum."
assert np.isclose(mine.sum(), 1, atol=1e-3), (
    f"soft_code(): the shares add up to {mine.sum():.4f}, not 1. Divide by the sum of the five, not of all nine."
)
squares = np.array([85, 185, 25, 205, 45, 65, 205, 325, 305])
likely = {
    "Each of the five got the same. The nearer, the more.": 0 * squares,
    "The 2 in 2 * 5**2 is missing.": -squares / 25,
    "It is divided by 2 * 5, and not by 2 * 5**2: the 5 is squared.": -squares / 10,
    "a / 2 * b is (a / 2) * b. Put brackets around 2 * 5**2.": -squares / 2 * 25,
    "The distance itself stands there, and not its square.": -np.sqrt(squares) / 50,
    "The distance was squared twice.": -(squares.astype(float) ** 2) / 50,
    "The farther, the more: in the power of e a minus is missing, or was squared as well.": squares / 50,
    "It is 5 units, and not 10.": -squares / 200,
}
for advice, powers in likely.items():
    wrong = np.exp(np.maximum(powers - powers[near].max(), -700)) * near
    assert not same(mine, wrong / wrong.sum()), f"soft_code() gave {mine[near].round(4)} for the five. {advice}"
assert same(mine, wanted), (
    f"soft_code(): the five shares should be {wanted[near]}, in the order of the bins; yours: {mine[near].round(4)}. "
    "Bin (0, 0) has the distance 5, so the power is -25/50."
)
# The 313 bins of the paper, and 200 colours from all over, against the library.
colours = 0.9 * AB_BINS[(7 * np.arange(200)) % 313] + tc.Generator(15).uniform((200, 2)) * [4.9, 4.7]
off = [abs(run(soft_code, one, AB_BINS) - soft_encode(one, neighbours=5)).max() for one in colours]
assert max(off) < 1e-6, (
    f"soft_code(): right for nine bins, but with the 313 a share is {max(off):.2g} off, at {colours[np.argmax(off)]}. "
    "Is a number from the small test typed in?"
)

# 2. Three bins with the shares 0.5, 0.3, 0.2. At T = 0.5 they are squared: 0.25, 0.09, 0.04, in all 0.38. So a* is
# (0.25 * 60 - 0.09 * 40) / 0.38 = 30, and b* is (0.25 * 40 + 0.09 * 40 - 0.04 * 20) / 0.38 = 33.684.
THREE = np.array([[60.0, 40], [-40, 40], [0, -20]])
shares = np.array([0.5, 0.3, 0.2])
mine = run(annealed_mean, shares, THREE, 0.5)
assert mine.shape != (3,), "annealed_mean() gave one number for each bin: shares. Now the mean of the bins, by them."
assert mine.shape != (3, 2), "annealed_mean() gave one colour for each bin: add them up, over the bins."
assert mine.shape == (2,), f"annealed_mean() should give one a* and one b*, (2,); yours gave {mine.shape}."
likely = {
    "That is the plain mean. What does the temperature do? (a ** 1 / b is (a ** 1) / b.)": (18, 28),
    "That is the mode, the bin with the largest share. The others count a little, too.": (60, 40),
    "The sharpened shares add up to 0.38. Divide them by their sum.": (11.4, 12.8),
    "The shares were divided by the temperature. It belongs into the power.": (36, 56),
    "The shares were multiplied by the temperature. It belongs into the power.": (9, 14),
    "You took the plain mean of the three bins; the shares say how much each counts.": (20 / 3, 20),
    "That is a third of it: the shares add up to 1 already, so add up, and divide no more.": (10, 33.684 / 3),
}
roots = shares**0.5 / (shares**0.5).sum()
likely["The shares became more alike, and not sharper. The power is 1 / temperature."] = roots @ THREE
likely["That power was e's: softmax is for scores. You have shares."] = softmax(shares / 0.5) @ THREE
for advice, wrong in likely.items():
    assert not np.allclose(mine, wrong, atol=0.01), f"annealed_mean() gave {mine.round(2)} at T = 0.5. {advice}"
assert np.allclose(mine, [30, 33.684], atol=0.01), (
    f"annealed_mean(): for shares {shares} at T = 0.5 wanted are 30 and 33.684; yours: {mine.round(3)}. Sharpened they "
    "are 0.25, 0.09 and 0.04, each over 0.38."
)
for temperature, colour in {1: (18, 28), 0.25: (47.4515, 38.6704), 0.05: (59.9963, 40.0)}.items():
    mine = run(annealed_mean, shares, THREE, temperature)
    assert np.allclose(mine, colour, atol=0.01), (
        f"annealed_mean(): right at T = 0.5; at T = {temperature} it gives {mine.round(2)}, wanted is {colour}. Is the "
        "power a number in your code?"
    )
mine = run(annealed_mean, np.array([0.7, 0, 0.3]), THREE, 0.5)
assert np.allclose(mine, [29.4 / 0.58, 17.8 / 0.58], atol=0.01), (
    f"annealed_mean(): for shares 0.7, 0, 0.3 at T = 0.5 it gives {mine.round(2)}. What has the share 0 keeps it."
)

# 3. Four colours. (1 - 1/2) * p + 1/2 / 4 is 0.375, 0.275, 0.2, 0.15. One over that: 2.667, 3.636, 5, 6.667. Times p,
# in all: 3.5076. Divided by this, the weights are those below.
p = np.array([0.5, 0.3, 0.15, 0.05])
wanted = np.array([0.76025, 1.03670, 1.42547, 1.90063])
mine = run(rare_weights, p)
assert mine.shape == (4,), f"rare_weights() should give one weight for each of four colours, (4,); yours: {mine.shape}."
inverse = 1 / np.array([0.375, 0.275, 0.2, 0.15])
likely = {
    "So far it is right. Now multiply all by one number, so that p times weight adds up to 1.": inverse,
    "These add up to 1. What should: p times weight, added up.": inverse / inverse.sum(),
    "Their plain mean is 1. But common colours have more dots: p times weight is to add up to 1.": (
        inverse / inverse.mean()
    ),
    "That is 1 / p alone, as with a lambda of 0: the rarest counts for far too much.": 0.25 / p,
    "All count alike, as with a lambda of 1.": np.ones(4),
    "What is common counts most: one *over* the sum is wanted.": 1 / inverse / (p / inverse).sum(),
    "That is p itself, in some measure: one *over* it all.": p / (p * p).sum(),
}
for divisor, advice in {
    1: "lambda is not divided by Q, the number of colours: len(p).",
    313: "There are four colours here: Q is len(p), not 313.",
}.items():
    other = 1 / (0.5 * p + 0.5 / divisor)
    likely[advice] = other / (p * other).sum()
    likely[advice + " And p times weight should add up to 1."] = other
for advice, wrong in likely.items():
    assert not np.allclose(mine, wrong, atol=1e-3), f"rare_weights() gave {mine.round(3)}. {advice}"
assert np.isclose((p * mine).sum(), 1, atol=1e-3), (
    f"rare_weights(): p times weight adds up to {(p * mine).sum():.3f}, and should to 1. Divide all by that sum."
)
assert np.allclose(mine, wanted, atol=1e-3), (
    f"rare_weights(): for p {p} wanted are {wanted.round(3)}; yours are {mine.round(3)}. Before they are scaled, the "
    "first is 1 / 0.375. Are there brackets around all that stands below the 1?"
)
mine = run(rare_weights, np.array([0.75, 0.25, 0]))
assert np.allclose(mine, np.array([24 / 13, 24 / 7, 6]) / (18 / 13 + 6 / 7), atol=1e-3), (
    f"rare_weights(): right for four colours; for p 0.75, 0.25, 0 it gives {mine.round(3)}. Is a 4 in your code?"
)

# And now for real: one dot of an apple and its 313 scores. All begin at 0, and learn from ten apples, 7 red and 3
# green, by your soft targets. (One dot, always the same grey: no network is needed.)
targets = np.stack([run(soft_code, np.array(one), AB_BINS) for one in [COLOUR_A] * 7 + [COLOUR_B] * 3])
scores = np.zeros(313)
for _ in range(500):
    _, dz = tc.losses.cross_entropy(np.tile(scores, (10, 1)), targets)
    scores -= 2 * dz.sum(0)
learned = softmax(scores)
is_red = learned[AB_BINS[:, 0] > 20].sum()
print(f"the share of all reds: {is_red:.3f}")
answers = {temperature: run(annealed_mean, learned, AB_BINS, temperature) for temperature in (1, 0.38, 0.05)}
for temperature, ab in answers.items():
    print(f"T = {temperature:4}: a* and b* {ab.round(1)}, strength {np.linalg.norm(ab):.0f}")
alone = "Each function was right alone. Does one keep something from call to call?"
assert abs(is_red - 0.7) < 0.02, alone
assert np.allclose(answers[1], [31.4, 42.6], atol=2), alone
assert answers[1][0] + 15 < answers[0.38][0] < answers[0.05][0], alone
print("Right. The same shares, 0.7 and 0.3, give brown at T = 1, and a strong red at T = 0.38.")
