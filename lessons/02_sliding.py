# %% [markdown]
# # 2. Sliding it: convolution, stride, feature maps, pooling
#
# In lesson 1 you laid a filter on three patches, and you chose the patches yourself. A computer does not know where to
# look, so it looks everywhere. That is all a convolution is: the same little filter, at every place of the picture.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data.shapes import CROSS, FEATURES

np.set_printoptions(precision=2, suppress=True)
cross = CROSS[:, :, 0]  # (9, 9)
falling = FEATURES[:, :, 0, 0]  # (3, 3)

# %% [markdown]
# ## Two loops
#
# Lay the filter on the upper left corner, take the match, move one dot to the right, take the match again. At the end
# of the row go one row down. A 3x3 filter fits into 9 dots at 7 places (the first begins at dot 0, the last at dot 6),
# so the matches form a new picture, 7x7. It is called a **feature map**: it shows *where* the feature is.

# %%
feature_map = np.zeros((7, 7), np.float32)
for row in range(7):
    for column in range(7):
        patch = cross[row : row + 3, column : column + 3]
        feature_map[row, column] = (patch * falling).mean()
print(feature_map)

# %% [markdown]
# Read it as a map. The line from the upper left to the lower right stands out, because there the cross has its falling
# arm: four perfect matches. In the middle is the 0.56 that you worked out in lesson 1. (In mathematics a convolution
# gives the filter half a turn first. Neural networks don't, and the name has stuck.)

# %%
places = np.argwhere(feature_map == 1)
print("perfect matches at (row, column):", places.tolist())

assert places.tolist() == [[1, 1], [2, 2], [4, 4], [5, 5]]
assert np.isclose(feature_map[3, 3], 5 / 9)

# %% [markdown]
# ## The same by the real layer
#
# `tc.Conv2d(1, 3, 3)` takes pictures with 1 channel (grey) and slides 3 filters of 3x3 over each. We give it the three
# pieces of a cross: a falling line, a small cross, a rising line. Layers work on many pictures at once, so the array
# has four axes: which picture, row, column, channel. (PyTorch puts channels before rows: pictures (1, 1, 9, 9), filters
# (3, 1, 3, 3).) `predict` only goes forward; going back is for learning, from lesson 4 on.

# %%
x = CROSS[None]  # [None] adds an axis in front, (1, 9, 9, 1): one picture, 9 rows, 9 columns, one channel
conv = tc.Conv2d(1, 3, 3, bias=False)
conv.weight.data = FEATURES  # (3, 3, 1, 3): filter rows, filter columns, channels in, filters
sums = conv.predict(x)  # (1, 7, 7, 3): one map per filter
print(tc.explain(conv, x, at=(0, 1, 1, 0)))  # picture 0, row 1, column 1, filter 0 (`0e+00` is a way to write 0)

assert sums.shape == (1, 7, 7, 3)
assert sums[0, 1, 1, 0] == 9

# %% [markdown]
# ## Sum or mean?
#
# The layer says 9 where we said 1: it adds the products and does not divide. Brandon Rohrer, whose explanation of
# networks by a cross and a circle is the model for these lessons, divides by the number of filter pixels, so that 1
# means "perfect". So does the survey this library follows (Y. Miyata, "Colorization With Convolutional Neural Network",
# 2018). Here is their version: divide the weights once, and every sum comes out divided.


# %%
def match_maps(pictures, weight):
    """Slide filters (rows, columns, channels, filters) over pictures, dividing by the number of filter pixels."""
    layer = tc.Conv2d(weight.shape[2], weight.shape[3], weight.shape[:2], bias=False)
    layer.weight.data = weight / weight[..., 0].size  # weight[..., 0] is one filter: 3 * 3 * 1 = 9 pixels
    return layer.predict(pictures)


maps = match_maps(x, FEATURES)
assert np.allclose(maps[0, :, :, 0], feature_map)  # the two loops and the layer agree

# %% [markdown]
# What a network *can* do does not depend on that division. (How long its steps should be while it learns does: lesson
# 4.) All numbers shrink by the same 9, so the largest stays where it is; and whoever wants the smaller numbers can have
# them by making the *weights* nine times smaller, as we just did. Weights are what a network learns, so real layers
# leave the division out. They add something else instead, one number per filter called the bias: lesson 3.

# %%
print("largest sum:", sums.max(), " largest mean:", maps.max().round(2))

assert np.allclose(sums / 9, maps)
assert np.array_equal(sums > 8.99, maps > 0.999)  # the perfect matches are where they were

# %% [markdown]
# ## How large is the map? Stride and padding
#
# The step from one place to the next is the **stride**. A frame of zeros around the picture (0 is neither drawing nor
# ground) is the **padding**. For a side of n dots, a kernel (that is, a filter) of k, a stride of s and a padding of p
# on each side, the map's side is $\lfloor (n + 2p - k) / s \rfloor + 1$, in Python `(n + 2*p - k) // s + 1`: how many
# whole steps fit, plus the place where you begin. The brackets without a top, and `//`, mean: round down.

# %%
for n, k, s, p in [(9, 3, 1, 0), (9, 3, 2, 0), (9, 3, 3, 0), (9, 3, 1, 1), (8, 3, 2, 0)]:
    size = (n + 2 * p - k) // s + 1
    layer = tc.Conv2d(1, 1, k, stride=s, padding=p)
    print(f"picture {n}, kernel {k}, stride {s}, padding {p}: map {size}")
    assert layer.predict(np.zeros((1, n, n, 1), np.float32)).shape == (1, size, size, 1)

# %% [markdown]
# In the last line the third step would leave the picture: with 8 dots the last column is never seen. In the line before
# it, one ring of padding keeps 9 dots at 9.
#
# Neighbouring places share `k - s` columns, so they overlap whenever the stride is smaller than the kernel. The survey
# calls overlap "more efficient". It is more work, as there are more places; what it buys is that less is missed. A
# larger stride has fewer numbers to compute, and may step over what you look for. With stride 3 all four perfect
# matches fall between the steps:

# %%
by_two = feature_map[::2, ::2]  # stride 2: every second place
by_three = feature_map[::3, ::3]  # stride 3: no overlap at all
print("best match with stride 1, 2, 3:", feature_map.max(), by_two.max(), by_three.max())

strided = tc.Conv2d(1, 3, 3, stride=2, bias=False)
strided.weight.data = FEATURES / 9
assert np.allclose(strided.predict(x)[0, :, :, 0], by_two)
assert by_two.max() == 1
assert by_three.max() < 0.8

# %% [markdown]
# ## Below zero is zero: the ReLU layer
#
# A negative match says "here is rather the opposite". For finding a cross, "not there" is enough. So everything below 0
# becomes 0. The layer for it has a long name, *rectified linear unit*, and a short formula, `max(x, 0)`.

# %%
found = tc.ReLU().predict(maps)
print("numbers below 0, before and after:", (maps < 0).sum(), (found < 0).sum())

assert np.array_equal(found, np.maximum(maps, 0))

# %% [markdown]
# ## Pooling: is it somewhere around here?
#
# Does it matter whether the arm ends at dot 1 or at dot 2? Not to you. **Max-pooling** cuts the map into windows of 2x2
# and keeps the largest number of each. Seven is odd, so the last window of a row sticks out. `ceil_mode=True` keeps
# such windows and takes the largest of what is inside; rounding down would throw the last row and column away.

# %%
pool = tc.MaxPool2d(2, ceil_mode=True)  # 2x2 windows, stride 2
pooled = pool.predict(found)  # (1, 4, 4, 3)
twice = pool.predict(pooled)  # (1, 2, 2, 3)
print(pooled[0, :, :, 0])
print(twice[0, :, :, 0])

assert pooled.shape == (1, 4, 4, 3)
assert twice.shape == (1, 2, 2, 3)
assert tc.MaxPool2d(2).predict(found).shape == (1, 3, 3, 3)  # without ceil_mode, floor(7 / 2) = 3

# %% [markdown]
# The falling line has become two ones and two 0.56: "found in the upper left and in the lower right, less so in the
# other corners". From 81 dots to four numbers. (Seven places don't halve: twice pooled, windows hold 0 to 3 and 4 to 6.
# So the small cross, in the middle at place 3, is found "in the upper left".)

# %%
assert maps[0, 3, 3, 1] == maps[0, :, :, 1].max()  # the small cross, filter 1, in the middle
assert twice[0, :, :, 1].argmax() == 0  # the first of the four: upper left

# %% [markdown]
# What is it good for? Move the cross by one dot to the right and ask how much each stage notices.

# %%
moved = np.roll(x, 1, axis=2)  # every dot one place along axis 2, the columns; what leaves comes in at the left
moved_found = tc.ReLU().predict(match_maps(moved, FEATURES))
moved_pooled = pool.predict(moved_found)
moved_twice = pool.predict(moved_pooled)
stages = {"feature maps": (found, moved_found), "pooled": (pooled, moved_pooled), "pooled twice": (twice, moved_twice)}
changes = {}
for name, (before, after) in stages.items():
    changes[name] = abs(after - before).mean()
    different = (abs(after - before) > 0.01).sum()
    print(f"{name}: {different} of {before.size} numbers differ, by {changes[name]:.2f} on average")

assert (abs(moved_twice - twice) > 0.01).sum() == 2
assert changes["pooled twice"] < changes["pooled"] < changes["feature maps"]
assert changes["pooled twice"] < changes["feature maps"] / 5

# %% [markdown]
# The feature maps have changed almost everywhere. Pooled twice, 10 of the 12 numbers are still the same. Pooling
# forgets exactly *where*, and remembers *that*. (When we colour photos we will want the "where" back: a later lesson.)
#
# ## The figure
#
# From left to right: the cross, three filters, their feature maps (before ReLU), and what pooling leaves of them (after
# ReLU). The lighter, the better the match.

# %%
figure, axes = plt.subplots(3, 5, figsize=(11.4, 8.4), layout="constrained", width_ratios=[1.1, 0.65, 1.25, 1, 0.65])
names = ["falling line", "small cross", "rising line"]
titles = ["filter", "feature map, 7x7", "pooled, 4x4", "pooled twice, 2x2"]
for row, name in enumerate(names):
    titles[0] = name
    grids = [FEATURES[:, :, 0, row], maps[0, :, :, row], pooled[0, :, :, row], twice[0, :, :, row]]
    for axis, values, title in zip(axes[row, 1:], grids, titles, strict=True):
        axis.pcolormesh(values, cmap="gray", vmin=-1.8, vmax=1.05, edgecolors="#555555", linewidth=0.5)
        axis.set(xticks=[], yticks=[], aspect="equal")
        axis.set_title(title, fontsize=10)
        axis.invert_yaxis()  # row 0 on top
        for (i, j), value in np.ndenumerate(values):
            text = f"{value:+.0f}" if title == name else f"{value:.2f}"
            color = "white" if value < -0.5 else "black"
            axis.text(j + 0.5, i + 0.5, text, ha="center", va="center", fontsize=8, color=color)
    axes[row, 0].set_axis_off()
axes[1, 0].imshow(cross, cmap="gray", vmin=-1.8, vmax=1.05)
axes[1, 0].set_title("the picture, 9x9", fontsize=10)
figure.suptitle("One picture, three filters, three maps: each shows where its feature is")
figures.save(figure, "02_sliding")

# %% [markdown]
# ## What you know now
#
# - A convolution lays the same filter on every place; the matches form a feature map.
# - Its side is `(n + 2*p - k) // s + 1`. Places overlap when the stride is smaller than the kernel.
# - Real layers add up and do not divide; the weights can take care of that.
# - ReLU turns "the opposite" into "not there".
# - Max-pooling keeps that something was found and forgets exactly where.
#
# Three filters, pooled twice, leave twelve numbers. How do twelve numbers become one answer: *cross* or *circle*? They
# vote: lesson 3.
#
# **Now you**: `lessons/exercises/02_sliding.py`. You write the size formula, and the two loops with a stride.

# %%
figures.show()
