# %% [markdown]
# # Solution 7: im2col, and the convolution that follows from it
#
# 1. `im2col(picture, k)` lays every window of `k` x `k` dots out as one row. The windows come in reading order: from
#    left to right, then the next line. So do the numbers inside a window. Two loops will do.
# 2. `conv(picture, filters)` slides all filters over the picture with *one* matrix product, and no loop.
#
# A picture of H x W has (H - k + 1) * (W - k + 1) windows. (H and W are no variables yet. Begin with
# `H, W = picture.shape`. F is the number of filters, and `filters.shape` ends with it.)
#
# One way to do it.

# %%
import numpy as np

import tinycolor as tc


def im2col(picture, k):
    """Lay the windows of picture (H, W) out as rows: return ((H - k + 1) * (W - k + 1), k * k)."""
    height, width = picture.shape
    rows = []
    for i in range(height - k + 1):
        for j in range(width - k + 1):
            rows.append(picture[i : i + k, j : j + k].ravel())
    return np.array(rows)


def conv(picture, filters):
    """Convolve picture (H, W) with filters (k, k, F): return (H - k + 1, W - k + 1, F)."""
    k, _, count = filters.shape
    height, width = picture.shape
    answers = im2col(picture, k) @ filters.reshape(k * k, count)
    return answers.reshape(height - k + 1, width - k + 1, count)


# %% The check: do not change anything below this line
def run(function, hint, *arguments):
    """Call a function; if it stops with an error, say what to look at."""
    try:
        return function(*arguments)
    except (AttributeError, IndexError, NameError, TypeError, ValueError) as error:
        if isinstance(error, NameError):
            hint = "Make the names first: H, W = picture.shape, and in conv k, k, F = filters.shape."
        elif "reshape" in str(error):
            hint = f"A reshape must keep the number of numbers: multiply out the old shape and the new one. {hint}"
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        shapes = ", ".join(str(a.shape) if isinstance(a, np.ndarray) else str(a) for a in arguments)
        raise AssertionError(f"{function.__name__}({shapes}) stopped{where}: {error}\n{hint}") from None


picture = np.arange(20.0, dtype=np.float32).reshape(4, 5)  # each dot is a different number: nothing can hide
hint = (
    "Are all windows k x k dots? One that hangs over the edge comes out smaller: H - k + 1 lines, W - k + 1 dots in "
    "each, cut out as picture[lines, dots]."
)
columns = run(im2col, hint, picture, 2)
assert columns is not ..., "im2col() still returns `...`: collect one row per window, then make an array of them."
assert columns is not None, "im2col() returned None: does it end with `return`?"
assert isinstance(columns, np.ndarray), (
    f"im2col() should return an array, not a {type(columns).__name__}: np.array(rows)."
)
assert columns.dtype != object, "Your rows hold no numbers. Is there a .ravel without its brackets? Write .ravel()."
assert columns.shape != (48,), (
    "Your shape is (48,): one row, all windows strung together. np.array(rows), with a list of 12 rows, lays them one "
    "under the other; append adds one row to a list, extend and np.concatenate string together."
)
assert columns.shape not in {(4, 9), (12, 9)}, (
    f"Your shape is {columns.shape}: you have the 2 and the 3 of the lesson in your code. Use k and picture.shape."
)
assert columns.shape not in {(3, 4, 2, 2), (12, 2, 2), (24, 2)}, (
    f"Your shape is {columns.shape}: the windows are still squares. Lay each one out flat before you put it in a row."
)
assert columns.shape != (4, 12), "Your array is (4, 12): the windows stand upright. One *row* per window: (12, 4)."
assert columns.shape not in {(6, 4), (8, 4), (9, 4), (20, 4)}, (
    f"You have {len(columns)} windows, but there are 12. A window of 2 fits 3 times into 4 lines and 4 times "
    "into 5 dots: H - k + 1 and W - k + 1 places."
)
assert columns.shape != (4, 4), (
    "You have 4 windows, but there are 12: they overlap, each one dot further on. Is the 2 of the lesson in your loops?"
)
assert columns.shape == (12, 4), f"12 windows of 4 numbers make the shape (12, 4); yours is {columns.shape}."
expected = np.array([[p, p + 1, p + 5, p + 6] for p in (0, 1, 2, 3, 5, 6, 7, 8, 10, 11, 12, 13)])
by_column = expected.reshape(3, 4, 4).transpose(1, 0, 2).reshape(12, 4)
turned = expected.reshape(12, 2, 2).transpose(0, 2, 1).reshape(12, 4)
assert not (columns == columns[-1]).all(), (
    "All your rows are the same window. Does it move with both loops, and does each row have an array of its own?"
)
assert not np.array_equal(columns, by_column), (
    "All windows are there, but they come from top to bottom. Reading order goes along a line first: which of your two "
    "loops is the outer one?"
)
assert not np.array_equal(columns, turned), (
    "The windows come in the right order, but inside each the numbers go from top to bottom. Read a window as you read "
    f"a page: the first is {expected[0].astype(int)}, yours is {columns[0].astype(int)}."
)
assert not np.array_equal(columns, expected[:, ::-1]), (
    "Inside each window your numbers go backwards. Nothing is flipped."
)
wrong = np.flatnonzero((columns != expected).any(1))
assert wrong.size == 0, (
    f"{wrong.size} of 12 rows differ. The first wrong one is row {wrong[0]}, the window that starts in line "
    f"{wrong[0] // 4} at dot {wrong[0] % 4}: expected {expected[wrong[0]].astype(int)}, yours is {columns[wrong[0]]}."
)

layer = tc.Conv2d(1, 6, 2)  # the real layer; its biases start at 0
filters = layer.weight.data[:, :, 0]  # (2, 2, 6)
hint = "Print the shapes on the line before. A matrix product (n, m) @ (m, f) needs the same m on both sides."
answers = run(conv, hint, picture, filters)
assert answers is not ..., "im2col() is right. conv() still returns `...`: columns @ filters, each in the right shape."
assert answers is not None, "conv() returned None: does it end with `return`?"
assert np.shape(answers) != (12, 6), "(12, 6): the product is there. Lay its 12 rows out as the picture they came from."
assert np.shape(answers) != (6, 3, 4), "(6, 3, 4): the filters are in front. In this library they come last: (3, 4, 6)."
assert np.shape(answers) != (4, 3, 6), "(4, 3, 6): height and width are exchanged. Three lines of four: (3, 4, 6)."
assert np.shape(answers) == (3, 4, 6), f"Three lines, four dots, six filters: (3, 4, 6). Yours is {np.shape(answers)}."
wanted = layer.predict(picture[None, :, :, None])[0]
right_sums = columns @ filters.reshape(4, 6)
assert not np.allclose(answers, wanted / 4, atol=1e-4), "You took the mean. A convolution adds up: a plain product."
assert not np.allclose(answers, columns.reshape(3, 4, 4) @ filters.reshape(6, 4).T, atol=1e-4), (
    "The shapes fit, the numbers don't: filters.reshape(6, 4) mixes the filters, because reshape never moves a number. "
    "In (2, 2, 6) the six filters are last; keep them last."
)
assert not np.allclose(answers, right_sums.T.reshape(3, 4, 6), atol=1e-4), (
    "The sums are right, but a transposed product was reshaped, and that mixes filters and places. Reshape never moves "
    "a number: start from (12, 6), one row per window."
)
assert not np.allclose(answers, right_sums.reshape(4, 3, 6).transpose(1, 0, 2), atol=1e-4), (
    "The sums are right, but they lie in the wrong places: the 12 rows are three lines of four, not four of three."
)
assert np.allclose(answers, wanted, atol=1e-4), (
    f"Upper left, first filter: your number is {answers[0, 0, 0]:.4f}, the layer's is {wanted[0, 0, 0]:.4f}. The "
    f"row is {columns[0]}, the filter {filters[..., 0].ravel().round(3)}: are both in the same order?"
)

# Another size, in case a 2 or a 4 was left standing in your code.
layer = tc.Conv2d(1, 5, 3)
picture = tc.Generator(7).normal((9, 7))
answers = run(conv, "Is a size written as a number somewhere in your code?", picture, layer.weight.data[:, :, 0])
wanted = layer.predict(picture[None, :, :, None])[0]
fits = np.shape(answers) == wanted.shape and np.allclose(answers, wanted, atol=1e-4)
assert fits, (
    "Right for a picture of 4x5 and filters of 2x2, but not for 9x7 and 3x3. Is a size written as a number somewhere?"
)
print("Right. Your convolution gives the numbers of tc.Conv2d, for any size, with one matrix product.")
