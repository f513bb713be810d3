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
    """Return a (3, 3) array of +1 and -1."""
    return np.array([[-1, 1, -1], [-1, 1, -1], [-1, 1, -1]])


def match(patch, filter):
    """Return the mean of the products, a number from -1 to 1."""
    return (patch * filter).mean()


# %% The check: do not change anything below this line
circle, cross = CIRCLE[:, :, 0], CROSS[:, :, 0]
patch = circle[3:6, 0:3]
mine = left_side()
assert isinstance(mine, np.ndarray), "left_side() should return an array: np.array([[...], [...], [...]])."
assert mine.shape == (3, 3), f"A filter for a 3x3 patch is 3x3 itself; yours has the shape {mine.shape}."
assert set(np.unique(mine)) <= {-1, 1}, f"A filter dot is +1 (drawing) or -1 (ground); yours holds {np.unique(mine)}."
wrong = int((mine != patch).sum())
assert wrong == 0, (
    f"{wrong} of 9 dots differ from the patch. The stroke is in the middle column, ground is left and right of it:\n"
    f"{patch.astype(int)}"
)
value = match(patch, mine)
assert isinstance(value, float | np.floating), f"match() should return one number; yours returned {value!r}."
assert value != 9, "match() gave 9: that is the sum of the products. Divide by how many there are, or take the mean."
assert value == 1, f"A filter laid on its own picture should match with 1; match() says {value}."
assert match(patch, -mine) == -1, f"The photographic negative should match with -1; match() says {match(patch, -mine)}."
somewhere = match(cross[1:4, 1:4], mine)
assert np.isclose(somewhere, 1 / 9), f"On the cross's upper left arm 5 dots agree and 4 differ: 1/9, not {somewhere}."
print("Right. Your filter finds the left side of a circle, and shrugs at an arm of a cross.")
