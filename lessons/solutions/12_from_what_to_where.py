# %% [markdown]
# # Solution 12: the weights of a fully connected layer as filters, and intersection over union
#
# 1. `as_filters(weight, side)`: a fully connected layer of this library takes maps of side x side with C channels,
#    flattened: row by row, in each row column by column, at each place all channels. Its weights are (side*side*C, F),
#    one column for each of F votes. Return the same numbers as filters, (side, side, C, F): rows, columns, channels,
#    filters. How many channels there are, you can work out.
# 2. `as_filters_from_elsewhere(weight, side)`: weights of another library, PyTorch. It flattens *channels first*: all
#    of channel 0, row by row, then all of channel 1, and so on. And it keeps one row for each vote: (F, C*side*side).
#    Return filters for this library, (side, side, C, F), as before. (First read the numbers in their own order, with
#    reshape. Then put the axes into ours. With three axes, `array.transpose(2, 0, 1)` is the same array with
#    the old axis 2 in front, then 0, then 1.)
# 3. `iou(named, truth, number)`: two arrays of class numbers, of the same shape, and one class. How many dots have it
#    in both, divided by how many have it in either?
#
# One way to do it.

# %%
import numpy as np

import tinycolor as tc


def as_filters(weight, side):
    """Return filters (side, side, C, F) from the weights (side*side*C, F) of a fully connected layer."""
    return weight.reshape(side, side, -1, weight.shape[1])


def as_filters_from_elsewhere(weight, side):
    """Return filters (side, side, C, F) from the weights (F, C*side*side) of a layer that flattens channels first."""
    return weight.reshape(len(weight), -1, side, side).transpose(2, 3, 1, 0)


def iou(named, truth, number):
    """Return intersection over union of one class, 0 to 1. Some dots have it, in one of the two at least."""
    says, is_one = named == number, truth == number
    return (says & is_one).sum() / (says | is_one).sum()


# %% The check: do not change anything below this line
HINTS = {
    "cannot reshape": "Print weight.shape. All sizes in reshape's brackets, multiplied, must give the number of "
    "weights; one of them may be -1, and is worked out.",
    "float": "Sizes are whole numbers: divide them with //.",
    "axes don't match": "Print the shape on the line before: transpose wants one number for each axis there is.",
    "repeated axis": "Each old axis comes up once in transpose.",
    "out of bounds": "Four axes are numbered 0 to 3.",
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np and tc.",
    "truth value": "`and` and `or` want one yes or no. For whole arrays it is & and |, with brackets around each side.",
    "read-only": "Nobody writes into what was given: make a new array.",
}


def run(function, *given):
    """Call a function with arrays that cannot be changed; if it stops with an error, say what to look at."""
    name = function.__name__
    for array in given:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    try:
        answer = function(*given)
    except (AttributeError, IndexError, NameError, TypeError, ValueError, ZeroDivisionError) as error:
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), "Print the shapes just before.")
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert answer is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert answer is not None, f"{name}() returned None: does it end with `return`?"
    return answer


def same_set(a, b):
    """Say whether two arrays hold the same numbers, in whatever order."""
    return np.array_equal(np.sort(a, None), np.sort(b, None))


# 1. Each weight here tells where it belongs: 1000 * row + 100 * column + 10 * channel + vote. Three rows, three
# columns, four channels, two votes; so no two sizes can be exchanged unseen, but for rows and columns.
SIDE, CHANNELS, VOTES = 3, 4, 2
rows, columns, channels, votes = np.indices((SIDE, SIDE, CHANNELS, VOTES))
telling = (1000.0 * rows + 100 * columns + 10 * channels + votes).astype(np.float32)
WORDS = ("row", "column", "channel", "vote")


def check_filters(name, mine):
    """Check filters made of weights that tell where they belong."""
    assert isinstance(mine, np.ndarray), f"{name}() should return an array, not a {type(mine).__name__}."
    assert mine.shape != telling.shape[::-1], (
        f"{name}(): {mine.shape} is votes, channels, rows, columns. We want rows, columns, channels, votes: transpose."
    )
    assert mine.shape == telling.shape, (
        f"{name}() should return (3, 3, 4, 2) here: 3 rows, 3 columns, 4 channels, 2 filters; yours is {mine.shape}."
    )
    assert same_set(mine, telling), (
        f"{name}() changed, lost or repeated numbers. Only their order and shape may change."
    )
    assert not np.array_equal(mine, telling.transpose(1, 0, 2, 3)), (
        f"{name}(): rows and columns are exchanged. The filters would look for the picture mirrored at its diagonal."
    )
    assert not np.array_equal(mine, telling[::-1, ::-1]), (
        f"{name}(): the filters are turned by half. No flip is needed."
    )
    if not np.array_equal(mine, telling):
        at = tuple(np.argwhere(mine != telling)[0].tolist())
        digits = f"{int(mine[at]):04}"
        is_of = ", ".join(f"{word} {digit}" for word, digit in zip(WORDS, digits, strict=True))
        place = ", ".join(f"{word} {index}" for word, index in zip(WORDS, at, strict=True))
        raise AssertionError(
            f"{name}(): at {place} lies a weight that belongs to {is_of}. In reshape's brackets the axis that changes "
            "slowest along the row of numbers comes first, the fastest last. Which order does the text say?"
        )


check_filters("as_filters", run(as_filters, telling.reshape(-1, VOTES).copy(), SIDE))

# With a real layer, at one place; and then sliding over a larger map, against every window alone.
linear, sliding = tc.Linear(5 * 5 * 6, 3), tc.Conv2d(6, 3, 5)
linear.bias.data = sliding.bias.data = np.array([1, -2, 3], np.float32)
mine = run(as_filters, linear.weight.data.copy(), 5)
assert mine.shape == (5, 5, 6, 3), (
    f"as_filters(): right for 3x3 with 4 channels and 2 votes; for 5x5 with 6 and 3 it gives {mine.shape}. Is a size "
    "written as a number in your code?"
)
sliding.weight.data = mine
large = tc.Generator(12).normal((1, 11, 8, 6))
answers = sliding.predict(large)[0]  # (7, 4, 3)
window_by_window = [[large[:, i : i + 5, j : j + 5] for j in range(4)] for i in range(7)]
by_linear = np.array([[linear.predict(window.reshape(1, -1))[0] for window in row] for row in window_by_window])
assert np.allclose(answers[0, 0], by_linear[0, 0], atol=1e-4), (
    f"as_filters(): on one window Linear says {by_linear[0, 0]}, your filters say {answers[0, 0]}."
)
assert np.allclose(answers, by_linear, atol=1e-4), "as_filters(): right at the first place, but not at all the others."

# 2. The same weights as they would come from elsewhere.
theirs = np.array([[telling[..., c, f].ravel() for c in range(CHANNELS)] for f in range(VOTES)]).reshape(VOTES, -1)
check_filters("as_filters_from_elsewhere", run(as_filters_from_elsewhere, theirs.copy(), SIDE))
their_weight = tc.Generator(12, step=1).normal((3, 6 * 5 * 5))
mine = run(as_filters_from_elsewhere, their_weight.copy(), 5)
assert mine.shape == (5, 5, 6, 3), (
    f"as_filters_from_elsewhere(): right for 3x3 with 4 channels and 2 votes; for 5x5 with 6 and 3 it gives "
    f"{mine.shape}. Is a size written as a number in your code?"
)
sliding.weight.data = mine
flattened = np.concatenate([large[0, :5, :5, channel].ravel() for channel in range(6)])  # channels first
their_votes = their_weight @ flattened + sliding.bias.data
assert np.allclose(sliding.predict(large)[0, 0, 0], their_votes, atol=1e-4), (
    f"as_filters_from_elsewhere(): their layer says {their_votes}, your filters {sliding.predict(large)[0, 0, 0]}."
)

# 3. Two label maps, counted by hand: class 2 is named at 6 dots, and is at 5, 4 of them the same.
NAMED = np.array([[0, 0, 2, 2, 1], [0, 2, 2, 2, 1], [0, 0, 2, 1, 1], [0, 1, 1, 0, 0]])
TRUTH = np.array([[0, 0, 0, 2, 1], [0, 0, 2, 2, 2], [0, 0, 2, 0, 1], [0, 1, 0, 0, 0]])
value = run(iou, NAMED.copy(), TRUTH.copy(), 2)
assert np.ndim(value) == 0, f"iou() should return one number; yours has the shape {np.shape(value)}. Count: .sum()."
counted = "Class 2 is named at 6 dots, it is at 5, and 4 of them are the same"
likely = {
    4 / 5: "That is the share of its dots that were found. Whoever names every dot class 2 would get 1 there.",
    4 / 6: "That is the share of the dots named so that are right. Whoever names one dot only may get 1 there.",
    4 / 11: "The dots in both were counted twice in the union: 6 + 5 has them in each.",
    8 / 11: "That is another measure (Dice): twice the intersection over the sum. Divide by the dots in either.",
    4 / 20: "You divided by all dots. The union has only those with the class in one of the two, or in both.",
    17 / 20: "You counted the dots as well that have it in neither. They belong to no part of the ratio.",
    15 / 20: "That is the share of all dots where both agree, whichever class. Look at dots of the one class alone.",
    4 / 3: "In either: that means the dots in both, too. Is there a ^ where a | should be?",
    4: "That is the intersection. Divide it by the union.",
    7: "That is the union. Divide the intersection by it.",
    7 / 4: "Upside down: it is intersection over union.",
    0: "A whole-number division, //, leaves nothing of it. Divide by /.",
}
for wrong, advice in likely.items():
    assert not np.isclose(value, wrong), f"iou() gives {value:.4g}. {counted}. {advice}"
assert np.isclose(value, 4 / 7), f"iou() gives {value:.4g}. {counted}: 4 in both, and 6 + 5 - 4 = 7 in either."
other = run(iou, NAMED.copy(), TRUTH.copy(), 1)
assert not np.isclose(other, 4 / 7), "iou() gives the same for class 1 as for class 2: is the 2 written in your code?"
assert np.isclose(other, 3 / 6), f"iou(): class 1 is named at 6 dots and it is at 3 of them: 3/6, not {other:.4g}."
zero = run(iou, NAMED.copy(), TRUTH.copy(), 0)
assert np.isclose(zero, 8 / 12), (
    f"iou(): class 0 is named at 8 dots, all of them right, and it is at 12: 8/12, not {zero:.4g}."
)
pile = run(iou, np.stack([NAMED, TRUTH]), np.stack([TRUTH, TRUTH]), 2)
assert not np.isclose(pile, (4 / 7 + 1) / 2), "iou(): a pile counts as one large map: count all its dots, divide once."
assert np.isclose(pile, 9 / 12), (
    f"iou(): a pile of two maps has 4 + 5 dots in both and 7 + 5 in either; not {pile:.4g}."
)
print(
    "Right. Your filters give 7x4 answers on a map of 11x8, where the fully connected layer takes 5x5 and nothing else."
)
