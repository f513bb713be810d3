# %% [markdown]
# # 1. An image is numbers, a filter is a picture of what you look for
#
# A computer has never seen anything. What it gets is a grid of numbers, one for each dot of the picture. In this
# lesson a handful of numbers will recognise a piece of a cross, and you can check every sum with a pencil.
#
# Step through this file line by line: put a breakpoint on the first line of code, run it in your debugger, and look
# at the variables as they come. (`lessons/README.md` says how in your editor.)

# %%
import matplotlib.pyplot as plt
import numpy as np

from tinycolor import figures
from tinycolor.data.shapes import CIRCLE, CROSS, FEATURES

# %% [markdown]
# ## The picture
#
# Here is a cross, nine dots high and nine dots wide. A dot of the drawing is +1, a dot of the ground is -1. (Why not
# 1 and 0? You will see in a moment: with +1 and -1, *ground where ground should be* counts as a match too.)

# %%
cross = CROSS[:, :, 0]  # (9, 9): rows from the top, columns from the left (the 0 picks the only channel; lesson 2)
print(cross.astype(int))

assert cross.shape == (9, 9)
assert set(cross.ravel()) == {1, -1}

# %% [markdown]
# Any dot can be named by its row and its column, counted from 0: `cross[1, 1]` is the upper left end of the cross.

# %%
assert cross[1, 1] == 1  # drawing
assert cross[0, 0] == -1  # ground

# %% [markdown]
# ## The filter
#
# To find a cross, look for its pieces. One piece is a short line that falls from left to right. Draw it, three dots
# by three, in the same +1 and -1: that little picture *is* the filter.

# %%
falling = FEATURES[:, :, 0, 0]  # (3, 3) (the zeros pick the only channel and the first filter; lesson 2)
print(falling.astype(int))

# %% [markdown]
# ## Do they match?
#
# Cut a patch of the same size out of the picture, lay the filter on it, and multiply dot by dot. Where both agree
# (drawing on drawing, or ground on ground) the product is +1, because `-1 * -1 = +1`. Where they differ, it is -1.

# %%
patch = cross[1:4, 1:4]  # rows 1, 2, 3 and columns 1, 2, 3: the upper left arm of the cross
products = patch * falling
print(products.astype(int))

# %% [markdown]
# Nine products, all +1: it fits everywhere. Their mean is a good measure of the match. It is 1 for a perfect match,
# near 0 if about as many dots agree as differ, and -1 for the photographic negative.

# %%
match = products.mean()
print("match at the upper left arm:", match)

assert match == 1
assert (patch * -falling).mean() == -1

# %% [markdown]
# Two more patches. In the middle, where the two arms meet, the falling line is there, but so is a rising one: seven of
# nine dots agree. At the upper right arm the line rises: the filter looks for something else.

# %%
middle = cross[3:6, 3:6]
upper_right = cross[1:4, 5:8]
match_middle = (middle * falling).mean()
match_upper_right = (upper_right * falling).mean()
print("match in the middle:        ", round(float(match_middle), 2))
print("match at the upper right:   ", round(float(match_upper_right), 2))

assert np.isclose(match_middle, 5 / 9)  # 7 agree, 2 differ: (7 - 2) / 9
assert np.isclose(match_upper_right, 1 / 9)  # 5 agree, 4 differ: (5 - 4) / 9

# %% [markdown]
# **Look again at that +1 and -1.** With 1 and 0 instead, ground times anything is 0. So where the filter has ground, it
# could not tell ground (right) from drawing (wrong): both give 0. The arm and the middle would match equally well.

# %%
line = falling > 0  # True and False: in sums they count as 1 and 0
assert (line * (patch > 0)).sum() == (line * (middle > 0)).sum() == 3

# %% [markdown]
# ## The figure
#
# Everything above in one picture: the cross, three patches, the filter, the products. The number under each is the
# match.

# %%
patches = {"upper left": (1, 1), "middle": (3, 3), "upper right": (1, 5)}
figure, axes = plt.subplots(3, 4, figsize=(8, 6.2), layout="constrained")
for row, (name, (top, left)) in enumerate(patches.items()):
    piece = cross[top : top + 3, left : left + 3]
    titles = [f"{name} patch", "filter", "products", "in the picture"]
    for axis, values, title in zip(axes[row], [piece, falling, piece * falling, cross], titles, strict=True):
        axis.imshow(values, cmap="gray", vmin=-1.6, vmax=1.2)
        axis.set_title(title if row == 0 or title == titles[0] else "", fontsize=10)
        axis.set_xticks([])
        axis.set_yticks([])
        if values.size == 9:
            for (i, j), value in np.ndenumerate(values):
                axis.text(j, i, f"{value:+.0f}", ha="center", va="center", color="white" if value < 0 else "black")
    axes[row, 2].set_xlabel(f"match {(piece * falling).mean():.2f}", fontsize=11)
    frame = plt.Rectangle((left - 0.5, top - 0.5), 3, 3, fill=False, edgecolor="#e67e22", linewidth=2.5)
    axes[row, 3].add_patch(frame)
figure.suptitle("patch x filter = products; their mean is the match")
figures.save(figure, "01_image_and_filter")

# %% [markdown]
# ## What you know now
#
# - A picture is a grid of numbers.
# - A filter is a small picture of what you look for.
# - Multiply dot by dot and take the mean: 1 is a perfect match, -1 the exact opposite.
#
# And one thing to wonder about: we *cut out the right patch by hand*. How does the computer know where to look? It
# doesn't. It looks everywhere: lesson 2.
#
# **Now you**: `lessons/exercises/01_image_and_filter.py`. You draw the filter that answers to a circle's left side.

# %%
assert CIRCLE.shape == CROSS.shape
figures.show()
