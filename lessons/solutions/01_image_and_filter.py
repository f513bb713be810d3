# %% [markdown]
# # Solution 1: draw the filter that answers to the left side of a circle
#
# The left side of our 9x9 circle, rows 3 to 5 and columns 0 to 2, is a straight stroke: ground, drawing, ground.
#
# 1. `left_side()` returns a 3x3 filter of +1 and -1 that matches that patch perfectly.
# 2. `match(patch, filter)` returns how well a patch and a filter of the same size agree: 1 for a perfect match, -1 for
#    the opposite.
#
# One way to do it.

# %%
import numpy as np

from tinycolor.data.shapes import CIRCLE, CROSS


def left_side():
    """Return a (3, 3) array of +1 and -1: np.array with a list of three lists."""
    return np.array([[-1, 1, -1], [-1, 1, -1], [-1, 1, -1]])


def match(patch, filter):
    """Return the mean of the products, a number from -1 to 1."""
    return (patch * filter).mean()


# %% The check: do not change anything below this line
circle, cross = CIRCLE[:, :, 0], CROSS[:, :, 0]
patch = circle[3:6, 0:3]
mine = left_side()
assert mine is not ..., "left_side() still returns `...`: put an array of three rows of three dots there."
assert mine is not None, "left_side() returned None: does it end with `return`?"
assert isinstance(mine, np.ndarray), "left_side() should return an array: write np.array( ) around your list of rows."
assert mine.shape == (3, 3), f"A filter for a 3x3 patch is 3x3 itself; yours has the shape {mine.shape}."
assert set(np.unique(mine)) <= {-1, 1}, f"A filter dot is +1 (drawing) or -1 (ground); yours holds {np.unique(mine)}."
wrong = np.argwhere(mine != patch).tolist()
assert len(wrong) < 9, "That is the photographic negative: the stroke is drawing, +1, and beside it is ground, -1."
assert not np.array_equal(mine, patch.T), "Your stroke lies on its side. The inner lists are the rows, from the top."
assert not wrong, (
    f"{len(wrong)} of 9 dots differ from the patch; the first is at (row, column) {tuple(wrong[0])}. Each row of the "
    "patch reads ground, drawing, ground: which of them is +1?"
)
value = match(patch, mine)
assert value is not ..., "match() still returns `...`: multiply the two dot by dot, and take the mean."
assert value is not None, "match() returned None: does it end with `return`?"
assert np.ndim(value) == 0, (
    f"match() should return one number; yours returned {np.size(value)}. Multiply with `*` (not `@`), then take the "
    "mean of the whole product: (...).mean(), with brackets around it."
)
assert isinstance(value, float | np.floating | int | np.integer), f"match() should return a number, not {value!r}."
assert value != 9, "match() gave 9: that is the sum of the products. Divide by how many there are, or take the mean."
assert not np.isclose(value, (patch @ mine).mean()), "`*` multiplies dot by dot, `@` does something else: use `*`."
assert value == 1, f"A filter laid on its own picture should match with 1; match() says {value}."
assert match(patch, -mine) == -1, f"The photographic negative should match with -1; match() says {match(patch, -mine)}."
somewhere = match(cross[1:4, 1:4], mine)
assert np.isclose(somewhere, 1 / 9), f"On the cross's upper left arm 5 dots agree and 4 differ: 1/9, not {somewhere}."
print("Right. Your filter finds the left side of a circle, and shrugs at an arm of a cross.")
