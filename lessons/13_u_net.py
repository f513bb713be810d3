# %% [markdown]
# # 13. U-Net: where two cells touch
#
# What if a finer map handed over everything that it knows? O. Ronneberger, P. Fischer and T. Brox did that in 2015, for
# pictures from the microscope, where all hangs on outlines. Where two cells touch, a thin line decides whether they are
# one cell or two. And they had few pictures to learn from, in one of their tasks thirty.
#
# Three ideas of theirs: a U that makes up no pixel, a map of what counts, and tiles without seams.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data.border_weights import border_weights, nearest_two
from tinycolor.ops.mirror import mirror

# %% [markdown]
# ## Down and up
#
# You know the U from lesson 10: down to see what the picture shows, up again to say where, and skips across. But there
# each 3x3 filter got a border of zeros to stand on, and those zeros are in no picture. This U does without padding: a
# filter answers only where its whole window lies on the picture. So each convolution makes the sides 2 shorter.
#
# Walk the paper's way down: 572 pixels; two convolutions and a pooling, four times; two convolutions at the bottom. The
# real net has 64 filters at first, twice as many on each level below, 1024 at the bottom. For the sizes, one will do.

# %%
convolve, pool = tc.Conv2d(1, 1, 3), tc.MaxPool2d(2)
x = np.zeros((1, 572, 572, 1), np.float32)
across = []  # what will go across, from each level
for level in range(4):
    across.append(convolve.predict(convolve.predict(x)))
    print(f"down, level {level}: from {x.shape[1]} to {across[level].shape[1]}")
    x = pool.predict(across[level])
bottom = convolve.predict(convolve.predict(x))
print(f"bottom:        from {x.shape[1]} to {bottom.shape[1]}")

assert [maps.shape[1] for maps in across] == [568, 280, 136, 64]
assert bottom.shape[1] == 28

# %% [markdown]
# Up again: lesson 8's stamps, 2x2 with a stride of 2, so that none overlap. 28 becomes 56. From across comes a map of
# 64. That doesn't fit, so it is **cropped**: 4 pixels off at each edge. Then the two are **joined** as channels, and
# two convolutions make one of both.

# %%
enlarge, mix = tc.ConvTranspose2d(1, 1, 2, stride=2), tc.Conv2d(2, 1, 3)  # into mix, two channels come
x, cut_off = bottom, []
for level in (3, 2, 1, 0):
    up = enlarge.predict(x)
    cut = (across[level].shape[1] - up.shape[1]) // 2
    joined = np.concatenate([across[level][:, cut:-cut, cut:-cut], up], -1)
    x = convolve.predict(mix.predict(joined))
    print(f"up, level {level}: {cut:2} off from what came across, joined {joined.shape}, then {x.shape[1]}")
    cut_off.append(cut)

assert cut_off == [4, 16, 40, 88]
assert x.shape[1] == 388  # the paper's answer for 572

# %% [markdown]
# 572 in, 388 out: the outer 92 pixels at each edge get no answer, but each answer rests on real pixels alone. The
# library's `UNet`, here with one filter in place of each 64, says the same. (One more layer, 1x1, makes the scores of
# two classes, *ground* and *cell*.)

# %%
paper = tc.networks.UNet(width=1 / 64)
scores = paper.predict(np.zeros((1, 572, 572, 1), np.float32))
print("UNet:", scores.shape, " border:", paper.border)

assert scores.shape == (1, 388, 388, 2)
assert 388 + 2 * paper.border == 572

# %% [markdown]
# **Joined, not added.** Lesson 12's FCN *adds* scores to scores of the same class. The U joins maps, before anything is
# decided, and the next filters have a weight for each. They can add as well: a 1x1 filter with weights 1 and 1 is the
# sum. With 1 and -1 it is the difference: *here, but not there*. Which one is wanted is learned. (What a network loses
# without any way across, you saw in lesson 8.)

# %%
sum_or_difference = tc.Conv2d(2, 2, 1, bias=False)
sum_or_difference.weight.data = np.array([[1, 1], [1, -1]], np.float32).reshape(1, 1, 2, 2)  # (1, 1, in, out)
two = tc.Generator(13).normal((1, 3, 3, 2))  # one map from across, one from below
mixed = sum_or_difference.predict(two)

assert np.allclose(mixed[..., 0], two[..., 0] + two[..., 1], atol=1e-6)
assert np.allclose(mixed[..., 1], two[..., 0] - two[..., 1], atol=1e-6)

# %% [markdown]
# ## Cells that touch
#
# Now cells. These are drawn: bright on dark, pressed together, with a line between them that is a little darker than
# they are, and noise over all. `cells` has a number for each cell, and 0 for ground; the lines are ground too.


# %%
def draw_cells(side, rng):
    """Return a picture (side, side, 1) and the number of the cell at each pixel (side, side), 0 for none."""
    spots = np.mgrid[0 : side + 20 : 20, 0 : side + 20 : 20].reshape(2, -1).T  # a cell every 20 pixels, ...
    centres = spots + 12 * rng.uniform(spots.shape) - 6  # ... but not quite
    rows, columns = np.mgrid[:side, :side]  # the row and the column of each pixel
    away = np.hypot(rows - centres[:, 0, None, None], columns - centres[:, 1, None, None])  # (cells, side, side)
    nearest, second = np.sort(away, 0)[:2]
    inside, between = nearest < 12, second - nearest < 1.4
    cells = np.where(inside & ~between, away.argmin(0) + 1, 0)
    grey = np.where(inside, 0.5, -0.5) - 0.4 * (inside & between) + 0.3 * rng.normal((side, side))
    return grey.astype(np.float32)[..., None], cells


drawn = [draw_cells(64, tc.Generator(13, epoch=0, step=number)) for number in range(16)]
pictures = np.stack([picture for picture, _ in drawn])  # (16, 64, 64, 1): all there is to learn from
target = np.stack([cells > 0 for _, cells in drawn]).astype(int)  # (16, 64, 64): 1 cell, 0 ground
print(f"cell: {target.mean():.0%} of all pixels")

# %% [markdown]
# At a faint spot a network can't be sure. Say that of ten such pixels three are line and seven are cell. If each counts
# the same, *cell* is the better answer, all ten times: the majority wins, as in lesson 10. But a gap in the line makes
# one cell of two.
#
# So not every pixel shall count the same. The paper gives each one a weight, with `d1` and `d2` its distances to the
# nearest cell and to the second nearest:
#
#     weight of a pixel = balance of its class + 10 * exp(-(d1 + d2)^2 / (2 * 5^2))
#
# `exp(x)`, lesson 12's e to the power of x, is 1 for x = 0 and below 0.01 for x = -5. So where both cells are near,
# nearly 10 is added; where one is far, next to nothing. The balance lets cells and ground count the same in total. (Our
# `border_weights` adds the second part on the ground only.)

# %%
for d1, d2 in ((1, 1), (2, 3), (5, 10)):
    print(f"d1 = {d1:2}, d2 = {d2:2}: {10 * np.exp(-((d1 + d2) ** 2) / (2 * 5**2)):.2f} more")

strip = np.array([[1] * 9 + [0] + [2] * 10])  # two cells and one pixel of ground
weight = border_weights(strip)
print("weights:", weight[0, 8:11].round(2))  # half of the weight of 20 pixels is 10: shared by 19 cell pixels, or by 1

assert np.isclose(weight[0, 9], 10 / 1 + 10 * np.exp(-4 / 50))  # balance, and what the border adds
assert np.isclose(weight[0, 8], 10 / 19)

# %% [markdown]
# Back to the ten pixels, with mean weights from our 16 pictures. Three times the one, or seven times the other?

# %%
weights = np.stack([border_weights(cells) for _, cells in drawn])
on_line = np.stack([(cells == 0) & (nearest_two(cells, 30).sum(0) <= 4) for _, cells in drawn])  # d1 + d2 up to 4
line_weight, cell_weight = weights[on_line].mean(), weights[target == 1].mean()
print(f"three lines weigh {3 * line_weight:.1f}, seven cells {7 * cell_weight:.1f}")

assert 3 * line_weight > 5 * 7 * cell_weight

# %% [markdown]
# Two networks learn from the same 16 pictures and begin with the same weights. For one all pixels count the same, for
# the other as `weights` says; lesson 12's `cross_entropy` takes one weight per pixel. (To save time both have an eighth
# of the filters, and two things that the paper has not: batch norm, and padding, so that small pictures will do.)

# %%
steps = 60
networks = {}
for name, counts in {"all the same": np.ones_like(weights), "border weights": weights}.items():
    net = tc.networks.UNet(padding="same", batch_norm=True, width=1 / 8, size=64, seed=13)
    optimizer = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(2e-2, steps))
    for step in range(steps):
        pair = slice(step % 8 * 2, step % 8 * 2 + 2)  # two pictures at a time
        y, backward = net(pictures[pair])
        loss, dy = tc.losses.cross_entropy(y, target[pair], counts[pair])
        net.zero_grad()
        backward(dy)
        optimizer.step()
    networks[name] = net
    print(f"{name:14}: loss of the last step {loss:.3f}")

# %% [markdown]
# (The two losses weigh differently: don't compare them.) The exam is a new picture. How many cells does each network
# see? Pixels of cell that touch side by side belong together.


# %%
def count_cells(is_cell):
    """Return how many pieces of at least 10 pixels there are in is_cell (H, W)."""
    numbers = is_cell * np.arange(1, is_cell.size + 1).reshape(is_cell.shape)  # first, each pixel has its own number
    while True:  # each takes the largest number from itself and its four neighbours, until nothing changes
        around = np.pad(numbers, 1)
        shifted = [around[1:-1, 1:-1], around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]]
        largest = is_cell * np.max(shifted, 0)
        if np.array_equal(largest, numbers):
            return (np.unique(numbers[numbers > 0], return_counts=True)[1] >= 10).sum()
        numbers = largest


exam, true_cells = draw_cells(100, tc.Generator(13, epoch=1))
there_are = count_cells(true_cells > 0)
lines = (true_cells == 0) & (nearest_two(true_cells, 30).sum(0) <= 4)
print(f"there are {there_are} cells")
answers, counted = {}, {}
for name, net in networks.items():
    answers[name] = net.predict(exam[None])[0].argmax(-1)  # (100, 100): 1 cell, 0 ground
    counted[name] = count_cells(answers[name])
    ground = answers[name] == 0
    print(f"{name:14}: {counted[name]} cells, {ground[lines].mean():.0%} of the lines' pixels found, ", end="")
    print(f"{ground[true_cells > 0].mean():.0%} of the cells' lost")

plain, weighted = counted.values()
assert plain < 0.6 * there_are
assert abs(weighted - there_are) < 0.2 * there_are

figure, axes = plt.subplots(1, 5, figsize=(13, 3.1), layout="constrained")
colours = plt.colormaps["tab20"](np.arange(true_cells.max() + 1) * 7 % 20)
colours[0] = 1
titles = ["the picture", f"the truth:\n{there_are} cells", "how much each pixel counts"]
titles += [f"{name}:\n{counted[name]} cells" for name in answers]
axes[0].imshow(exam[..., 0], cmap="gray")
axes[1].imshow(colours[true_cells])
figure.colorbar(axes[2].imshow(border_weights(true_cells), cmap="magma"), ax=axes[2], shrink=0.7)
for axis, answer in zip(axes[3:], answers.values(), strict=True):
    axis.imshow(answer, cmap="gray")
for axis, title in zip(axes, titles, strict=True):
    axis.set_title(title, fontsize=11)
    axis.set(xticks=[], yticks=[])
figures.save(figure, "13_cells")

# %% [markdown]
# With all pixels equal the lines have gaps. With the border weights nearly every line is whole. That has a price: in
# doubt it says *line*, and the cells get thinner. To count them, that is the better mistake. (How much of this does the
# balance alone? Try `border_weights(cells, w0=0)`.)
#
# ## A large picture, piece by piece
#
# A picture may be too large for the memory. So cut it into tiles, and answer one after the other. But a pixel at the
# edge of a tile needs what lies beyond it. Here the U without padding pays off: hand in a *piece*, 92 pixels larger at
# each edge than the tile that you ask for, and the answer knows nothing of the cut. Only beyond the edge of the whole
# picture there is nothing; there the paper puts its mirror image.
#
# First the whole, 100x100, in one go. The learned weights serve the U without padding too: the filters are the same.

# %%
valid = tc.networks.UNet(padding="valid", batch_norm=True, width=1 / 8)
valid.load_state_dict(networks["border weights"].state_dict())
framed = mirror(exam[None], 92, (284, 284))  # 92 + 100 + 92
whole = valid.predict(framed)
print("framed:", framed.shape, " answer:", whole.shape)

# %% [markdown]
# Now four pieces of 236. Each answers for 52, and the next begins 48 further on: 48 is three times 16, so that the four
# poolings pair the same pixels as in the whole.

# %%
tiled = np.zeros_like(whole)
for top in (0, 48):
    for left in (0, 48):
        piece = framed[:, top : top + 236, left : left + 236]
        tiled[:, top : top + 52, left : left + 52] = valid.predict(piece)
difference = abs(tiled - whole).max()
print(f"largest difference: {difference:.0e}, where the scores go up to {abs(whole).max():.1f}")

assert difference < 1e-4

# %% [markdown]
# The same numbers, but for the last digits. Now do it wrongly: cut the picture itself in four, and mirror each quarter
# at its own edges. At the cuts it has to make up what its neighbour knows. (And 50 is no multiple of 16.)

# %%
quarters = np.zeros_like(whole)
for top in (0, 50):
    for left in (0, 50):
        alone = mirror(exam[None, top : top + 50, left : left + 50], 92, (236, 236))  # 92 + 50 + 92 doesn't fit
        quarters[:, top : top + 50, left : left + 50] = valid.predict(alone)[:, :50, :50]
off = abs(quarters - whole).max(-1)[0]
near, far = off[46:54].mean(), off[:8, :8].mean()
print(f"quarters: largest difference {off.max():.1f}, mean near the cut {near:.2f}, far from it {far:.3f}")

assert off.max() > 1000 * difference
assert near > 10 * far

figure, axes = plt.subplots(1, 3, figsize=(11, 4), layout="constrained")
axes[0].imshow(framed[0, ..., 0], cmap="gray")
for side, corner, colour in ((236, 0, "#2b8cbe"), (52, 92, "#fec44f")):
    axes[0].add_patch(plt.Rectangle((corner, corner), side, side, fill=False, edgecolor=colour, linewidth=2.5))
axes[0].add_patch(plt.Rectangle((92, 92), 100, 100, fill=False, edgecolor="white", linewidth=1, linestyle="--"))
axes[0].set_title("for the yellow tile it needs the blue piece;\nbeyond the white edge: mirrored", fontsize=11)
for axis, values, title in zip(axes[1:], (tiled, quarters), ("four overlapping pieces", "four quarters"), strict=True):
    shown = axis.imshow(abs(values - whole).max(-1)[0], cmap="Reds", vmin=0, vmax=off.max())
    axis.set_title(f"{title}:\nhow far from the whole", fontsize=11)
figure.colorbar(shown, ax=axes[2], shrink=0.8)
for axis in axes:
    axis.set(xticks=[], yticks=[])
figures.save(figure, "13_tiles")

# %% [markdown]
# (For any size: `predict_in_tiles` in `tinycolor/overlap_tiles.py`. One more idea of the paper: it bent its few
# pictures at random, like rubber, and so had many. Cells bend too. The survey of lesson 2 says that a U-Net is an FCN
# with more skips, and ends at half the size. It joins where FCN adds, and ends at full size but for the margin.)
#
# ## What you know now
#
# - Without padding each 3x3 convolution takes 2 off the side: 572 becomes 388, and no answer rests on made-up zeros.
# - U-Net crops what goes across and joins it as channels; how to mix them is learned.
# - Few pixels may decide everything, such as the line between two cells. Then let each of them weigh more.
# - A piece that is larger than its tile by all that the tile can see gives the numbers of the whole, without a seam.
#
# And one thing to wonder about: so far every network needed pictures to learn from. Could you colour a grey photo
# without any learning, if you had one other photo, similar and in colour? Lesson 14.
#
# **Now you**: `lessons/exercises/13_u_net.py`. You say which sizes fit, weigh a border, and lay tiles without a seam.

# %%
figures.show()
