# %% [markdown]
# # Exercise 2: slide a filter over a picture
#
# 1. `output_size(n, kernel, stride, padding)` returns at how many places a filter fits along one side.
# 2. `slide(picture, filter, stride)` lays the filter on all these places (no padding here) and returns the feature map:
#    at each place the mean of the products, as in lesson 1. Two loops will do.
#
# Replace the two `...` and run this file. It checks itself.

# %%
import numpy as np

from tinycolor.data.shapes import CIRCLE, CROSS, FEATURES


def output_size(n, kernel, stride, padding):
    """Return a whole number: how many places there are along a side of n dots, padded on both ends."""
    return ...


def slide(picture, filter, stride):
    """Return the feature map, a 2-D array, of a picture (height, width) and a filter, kh high and kw wide."""
    return ...


# %% The check: do not change anything below this line
def call(function, *arguments):
    """Call one of the functions above, and say so if it uses a name that it was not given."""
    try:
        return function(*arguments)
    except NameError as error:
        known = function.__code__.co_varnames[: function.__code__.co_argcount]
        raise AssertionError(
            f"{function.__name__}() stopped: {error}. It is given {', '.join(known)}; any other name needs a line "
            "above that says what it is."
        ) from error


size = call(output_size, 9, 3, 1, 0)
assert size is not ..., "output_size() still returns `...`: put the formula of lesson 2 there."
assert size is not None, "output_size() returned None: does the function end with `return`?"
assert isinstance(size, int | np.integer), f"A size counts places, so it is whole; yours is {size!r}. Use //, not /."
assert size != 6, "output_size(9, 3, 1, 0) gave 6. That is the number of steps; the place you begin at counts too: + 1."
assert size == 7, f"A 3x3 filter fits into 9 dots at 7 places, beginning at 0, 1, ..., 6; output_size() says {size}."
size = call(output_size, 9, 3, 1, 1)
assert size != 8, "With padding 1 you gave 8: the padding is added at both ends, so the side grows by 2 * padding."
assert size == 9, f"With padding 1, 9 dots become 11, and a 3x3 filter fits at 9 places; output_size() says {size}."
size = call(output_size, 9, 3, 2, 0)
assert size != 9, "With stride 2 you gave 9. Brackets? // comes before + and -, as in 7 + 4 // 2, which is 9."
assert size != 3, "With stride 2 you gave 3. Divide the room, n + 2 * padding - kernel, first; add the 1 afterwards."
assert size == 4, f"With stride 2 the filter begins at dots 0, 2, 4, 6: 4 places; output_size() says {size}."
size = call(output_size, 8, 3, 2, 0)
assert size == 3, f"With 8 dots and stride 2 it begins at 0, 2, 4, and 6 would stick out: 3 places, not {size}."
size = call(output_size, 224, 7, 2, 3)
assert size == 112, f"224 dots, kernel 7, stride 2, padding 3: (224 + 6 - 7) // 2 + 1 = 112, not {size}."


def sliding(picture, filter, stride):
    """Call slide(), and say what an error in it is likely to mean."""
    try:
        return call(slide, picture, filter, stride)
    except (ValueError, IndexError, TypeError) as error:
        advice = (
            "Write no fixed 7, 9 or 3: ask output_size() how many rows and how many columns there are, with the "
            "filter's own height and width, or a patch sticks out."
        )
        if picture.shape[0] != picture.shape[1] or filter.shape[0] != filter.shape[1]:
            advice += " Are rows and columns exchanged somewhere? Rows come first: in shapes, in cuts, in the map."
        if stride > 1:
            advice += (
                " Or do you write into the map at the dot's number instead of the place's? Does the patch end at "
                "begin + kh?"
            )
        raise AssertionError(
            f"slide() stopped for a picture {picture.shape}, a filter {filter.shape} and stride {stride}: {error}. "
            f"{advice}"
        ) from error


cross, falling = CROSS[:, :, 0], FEATURES[:, :, 0, 0]
mine = sliding(cross, falling, 1)
assert mine is not ..., "slide() still returns `...`: make an array of zeros, fill it in two loops, return it."
assert mine is not None, "slide() returned None: does it end with `return`, outside the loops?"
assert isinstance(mine, np.ndarray), f"slide() should return an array (begin with np.zeros); yours is {type(mine)}."
assert mine.shape != (9, 9), "The map is as large as the picture, 9x9. The filter may not stick out: use output_size()."
assert mine.shape == (7, 7), f"The 9x9 picture and a 3x3 filter should give a 7x7 map; yours has shape {mine.shape}."
assert mine.dtype.kind == "f", f"The matches have decimals, but your array holds {mine.dtype}: use np.zeros(shape)."
first = float(mine[0, 0])
assert not np.isclose(first, 7), "At the upper left you gave 7, the sum of the products. Take their mean."
assert np.isclose(first, 7 / 9), f"At the upper left 8 dots agree and 1 differs: (8 - 1) / 9 = 0.78, not {first:.2f}."
filled = int((mine != 0).sum())
assert filled == 49, f"{filled} of 49 places are filled. Do both loops run over all 7, and is `return` outside of them?"

tall, rising = CIRCLE[:, :6, 0], FEATURES[:, :, 0, 2]  # 9 rows, 6 columns: a picture need not be square
mine = sliding(tall, rising, 1)
assert mine.shape != (4, 7), "Rows and columns are swapped: a picture of 9 rows and 6 columns gives a map (7, 4)."
assert mine.shape == (7, 4), f"A picture of 9 rows and 6 columns should give a map (7, 4), not {mine.shape}."
best = tuple(int(place) for place in np.unravel_index(mine.argmax(), mine.shape))
assert best == (1, 1), (
    "Are rows and columns exchanged somewhere? Cut picture[row : row + kh, column : column + kw], the row first, and "
    "do not turn the filter. (The circle's rising stroke is best at row 1, column 1, with 1; your best is at "
    f"{best}, with {mine[best]:.2f}.)"
)

by_two = sliding(cross, falling, 2)
assert by_two.shape != (7, 7), "With stride 2 you still visit every place: the stride is the step between two places."
assert by_two.shape == (4, 4), f"With stride 2 the map of the cross should be 4x4, not {by_two.shape}."
last = by_two[3, 3]
assert not np.isclose(last, 5 / 9), (
    "With stride 2 the last place begins at dot (6, 6), and yours seems to begin at (3, 3). Cut the patch at "
    "row * stride and column * stride."
)
assert np.isclose(last, 7 / 9), f"With stride 2, map[3, 3] should be map[6, 6] of stride 1, 0.78; yours is {last:.2f}."
corner = sliding(cross, np.array([[1, 0], [0, 0]]), 1)[0, 0]
assert not np.isclose(corner, 1 / 4), (
    "Your filter is turned upside down: its upper left belongs on the patch's upper left."
)
assert not np.isclose(corner, -1 / 9), "You divide by 9, but this filter has 2 * 2 = 4 pixels: take the mean."
assert np.isclose(corner, -1 / 4), f"This filter looks at the upper left dot alone: -1 / 4, and yours is {corner:.2f}."
wide = sliding(cross, np.ones((2, 4)), 3)
assert wide.shape == (3, 2), (
    f"A filter of 2 rows and 4 columns fits with stride 3 at 3x2 places; your map has the shape {wide.shape}. "
    "Take both sizes from filter.shape: the height for the rows, the width for the columns."
)
middle = wide[1, 1]
assert np.isclose(middle, -2 / 8), (
    f"In rows 3 and 4, columns 3 to 6 of the cross, 3 dots are drawn and 5 are not; with a filter of ones the mean of "
    f"the products is (3 - 5) / 8 = -0.25, and yours is {middle:.2f}."
)
print("Right. Those two loops are a convolution: a network that looks at pictures does this millions of times.")
