# %% [markdown]
# # 7. The same convolution, fast: loops, im2col, blocks
#
# A convolution is multiplying and adding, nothing else. But there are many ways to go about the same sums, and some
# take very much longer than others. Here are four, each giving the same numbers. At the end you time them on *your*
# machine. That is why you find no times in this text: they would be those of another machine.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.ops import conv as plain
from tinycolor.ops.fast import blocked, choose, winograd
from tinycolor.ops.fast.blocks import cut
from tinycolor.ops.im2col import pad

# %% [markdown]
# ## How much work is it?
#
# Lesson 6 asked how many multiplications its training took. Every number of a feature map costs one multiplication per
# weight of its filter. And the way back costs about twice as much again: once for the weights, once for the picture.

# %%
first = 32 * 28 * 28 * 8 * (7 * 7 * 1)  # drawings x places x filters x (weights of a filter)
second = 32 * 14 * 14 * 16 * (3 * 3 * 8)
print(f"one forward: {first + second:,} multiplications; the training: {200 * 3 * (first + second):,}")
assert first + second == 17_059_840

# %% [markdown]
# ## One: seven loops
#
# Straight from the definition. For every picture, every place (row and column), every filter: multiply each dot and
# channel of the window by its weight, and add up. That makes seven loops, one inside the other. The pictures get a
# border of zeros first, so that the result is as large as the picture.


# %%
def conv_by_loops(x, weight):
    """Convolve x (N, H, W, C), border included, by weight (kh, kw, C, F)."""
    kh, kw, channels, filters = weight.shape
    y = np.zeros((len(x), x.shape[1] - kh + 1, x.shape[2] - kw + 1, filters), x.dtype)
    for n in range(y.shape[0]):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                for f in range(filters):
                    for di in range(kh):
                        for dj in range(kw):
                            for c in range(channels):
                                y[n, i, j, f] += x[n, i + di, j + dj, c] * weight[di, dj, c, f]
    return y


rng = tc.Generator(7)
small_x, small_weight = rng.normal((1, 12, 12, 8)), rng.normal((3, 3, 8, 8), std=0.1)
start = time.perf_counter()
small_y = conv_by_loops(pad(small_x, (1, 1)), small_weight)
loop_seconds = time.perf_counter() - start
small_products = small_y.size * 3 * 3 * 8
print(f"{small_products:,} multiplications in {loop_seconds:.3f} s: {loop_seconds / small_products * 1e9:.0f} ns each")

# %% [markdown]
# Nothing is wrong with these loops. But Python looks up names, checks types and makes a new number object for every
# single multiplication, and that takes far longer than the multiplication. And to take one number out of a NumPy array
# costs even more: arrays are made for being used whole.
#
# ## Two: im2col, and one matrix product
#
# In a **matrix product**, `left @ right`, each row of the left table meets each column of the right one: multiply
# number by number, add up, and write the sum where row and column cross. It is a great heap of "multiply and add up",
# and for it there are programs that people have polished for decades. So bring the convolution into that form: copy
# every window out of the picture and lay it down as one row. On a picture of 4x4 with a filter of 3x3 you can follow
# every number.

# %%
picture = np.arange(1, 17).reshape(4, 4)
print(picture)

rows = []
for i in range(2):
    for j in range(2):  # a window of 3 fits twice into 4
        rows.append(picture[i : i + 3, j : j + 3].ravel())
columns = np.array(rows)
print(columns)
assert columns.shape == (4, 9)  # 4 windows, 9 numbers in each

# %% [markdown]
# Look at the second row: it begins 2, 3, 4, then 6, 7, 8. It is the window that starts one dot to the right. Lay the
# filter down in the same order, as one column of 9 numbers. Now *all* answers come from one product. (People call this
# trick im2col, "image to columns"; whether they lie or stand is a matter of taste.)

# %%
falling = np.eye(3, dtype=int)  # the falling line of lesson 1, here with 0 for the ground
answers = (columns @ falling.reshape(9)).reshape(2, 2)
print(answers)

assert answers[0, 1] == 2 + 7 + 12  # the falling line of the second window
assert (answers == conv_by_loops(picture[None, :, :, None], falling[:, :, None, None])[0, :, :, 0]).all()

# %% [markdown]
# More filters? Lay each down as a column of its own, side by side. Then every row of windows meets every filter, and it
# is still one product. (`reshape` never moves a number, it only cuts the same row of numbers differently.)

# %%
left_line = np.array([[1, 0, 0], [1, 0, 0], [1, 0, 0]])
filters = np.stack([falling, left_line], axis=-1)  # (3, 3, 2): the filters come last, as in the whole library
two_columns = filters.reshape(9, 2)  # column 0 is the falling line, column 1 the left line
products_of_two = columns @ two_columns  # (4, 9) @ (9, 2) -> (4, 2): 4 windows, 2 filters
two_maps = products_of_two.reshape(2, 2, 2)  # row, column, filter
print(two_columns)
print(products_of_two)

assert products_of_two.shape == (4, 2)
assert (two_columns[:, 1] == left_line.ravel()).all()
assert (two_maps[:, :, 0] == answers).all()
assert two_maps[0, 1, 1] == 2 + 6 + 10  # the left line of the second window

# %% [markdown]
# `tinycolor.ops.conv` does just this for many pictures, channels and filters. Step into it: it is short. From here
# on we use a layer of a size that real networks have: two pictures of 128x128 with 64 channels, 64 filters of 3x3.

# %%
assert np.allclose(plain.conv2d(small_x, small_weight, padding=(1, 1)), small_y, atol=1e-5)

x, weight = rng.normal((2, 128, 128, 64)), rng.normal((3, 3, 64, 64), std=0.1)
y = plain.conv2d(x, weight, padding=(1, 1))
products = y.size * 3 * 3 * 64
print(f"{y.shape}: {products:,} multiplications, {products / small_products:,.0f} times those of the loops above")

# %% [markdown]
# ## Three: by blocks
#
# im2col has a price. Neighbouring windows overlap, so nearly every dot is copied nine times: the columns are `k*k`
# times as large as the picture. They are written out to the main memory and read back. But a processor is fast only
# with what lies in its **cache**, a small store right beside it, of a few megabytes. (Lesson 4's `cache` was a name in
# a program. This one is a part of the machine.)

# %%
column_bytes = x.nbytes * 3 * 3
print(f"picture {x.nbytes / 1e6:.1f} MB, columns {column_bytes / 1e6:.1f} MB")

# Pictures, rows in each, bytes of columns for one row, and how many bytes a block may have.
blocks = cut(2, 128, column_bytes // (2 * 128), blocked.COLUMN_BYTES)
print(f"{len(blocks)} blocks of {column_bytes / len(blocks) / 1e6:.1f} MB; the first: rows 0 to {blocks[0].last - 1}")

# %% [markdown]
# So do a few rows at a time: lay out their windows, multiply while they are still warm, go on. They are the same sums,
# in smaller portions. And portions can be shared out: each core of your processor takes its part. (The one great
# product of im2col may use several cores too, but not the copying before it. With `tc.lanes(1)` everything stays in one
# thread, so that your breakpoints land where you stand.)

# %%
assert np.allclose(blocked.conv2d(x, weight, padding=(1, 1)), y, atol=1e-4)

# %% [markdown]
# ## Four: Winograd, or how to multiply less
#
# Until now we did the same multiplications in a better order. Can one do with fewer? Take a filter of three numbers
# that slides over four. It has two answers, of three products each: six multiplications.

# %%
d, g = [5, 1, 4, 2], [2, 1, 3]
direct = [d[0] * g[0] + d[1] * g[1] + d[2] * g[2], d[1] * g[0] + d[2] * g[1] + d[3] * g[2]]
print("six multiplications: ", direct)

# %% [markdown]
# Shmuel Winograd found that four are enough. Two sums of the filter are prepared; they are made once and then serve for
# the whole picture. After that: four products, and additions, which are cheap.

# %%
g_plus, g_minus = (g[0] + g[1] + g[2]) / 2, (g[0] - g[1] + g[2]) / 2  # once for each filter: 3 and 2
m1 = (d[0] - d[2]) * g[0]
m2 = (d[1] + d[2]) * g_plus
m3 = (d[2] - d[1]) * g_minus
m4 = (d[1] - d[3]) * g[2]
print("four multiplications:", [m1 + m2 + m3, m2 - m3 - m4], "from", [m1, m2, m3, m4])

assert direct == [m1 + m2 + m3, m2 - m3 - m4] == [23, 12]

# %% [markdown]
# Why does it work? Write out `m2 + m3`: most of it cancels, and `d1*g1`, `d2*g0` and `d2*g2` are left. Then `m1` adds
# `d0*g0` and takes `d2*g0`, which does not belong there, away again.
#
# In two directions, and with larger tiles, the gain grows. `tinycolor.ops.fast.winograd` makes 4x4 answers at once:
# 36 multiplications instead of 16 * 9 = 144, a quarter. The price: the additions, and a little rounding.

# %%
y_winograd = winograd.conv2d(x, weight, padding=(1, 1))
print(f"largest answer {abs(y).max():.1f}, largest difference {abs(y_winograd - y).max():.6f}")
assert np.allclose(y_winograd, y, atol=1e-3)

# %% [markdown]
# ## Which one does the library take?
#
# `tc.Conv2d` asks `conv2d_algorithm`, which looks at the shapes and at nothing else (so the same run gives the same
# numbers). Below about a million multiplications: plain, where you can step through it. 3x3 with 32 channels or more:
# Winograd. Nearly all the rest goes by blocks: with few channels Winograd's additions would cost more than it saves,
# and it works with stride 1 only.

# %%
chosen = []
for name, x_shape, weight_shape, stride, padding in [
    ("the small one above", small_x.shape, small_weight.shape, (1, 1), (1, 1)),
    ("lesson 6, first layer", (32, 28, 28, 1), (7, 7, 1, 8), (1, 1), (3, 3)),
    ("lesson 6, second layer", (32, 14, 14, 8), (3, 3, 8, 16), (1, 1), (1, 1)),
    ("the large one above", x.shape, weight.shape, (1, 1), (1, 1)),
    ("the same, stride 2", x.shape, weight.shape, (2, 2), (1, 1)),
]:
    chosen.append(choose.conv2d_algorithm(x_shape, weight_shape, stride=stride, padding=padding))
    choice = chosen[-1].__name__.rpartition(".")[2]
    print(f"{name:22} {x_shape!s:20} {weight_shape!s:15} {'plain' if choice == 'conv' else choice}")

assert chosen == [plain, blocked, blocked, winograd, blocked]
assert small_products < choose.SMALL_PRODUCTS < second < first
assert 1_000_000 < choose.SMALL_PRODUCTS < 1_100_000
assert choose.WINOGRAD_CHANNELS == 32

# %% [markdown]
# ## The race, on your machine
#
# The best of five runs each. A slower run was disturbed by something else; no run is faster than the work allows. We
# don't wait for the loops: their time is worked out from what one multiplication took above.

# %%
seconds = {"seven loops, estimated": loop_seconds / small_products * products}
for name, algorithm in {"im2col": plain, "blocks": blocked, "Winograd": winograd}.items():
    runs = []
    for _ in range(5):
        start = time.perf_counter()
        algorithm.conv2d(x, weight, padding=(1, 1))
        runs.append(time.perf_counter() - start)
    seconds[name] = min(runs)
times = {name: f"{t:,.0f} s" if t >= 10 else f"{t * 1000:,.0f} ms" for name, t in seconds.items()}
for name, t in seconds.items():
    print(f"{name:22} {times[name]:>10}   {products / t / 1e6:12,.0f} million products a second")
print(f"the loops take {seconds['seven loops, estimated'] / seconds['im2col']:,.0f} times as long as im2col")

# %% [markdown]
# Winograd's "products a second" are a little unfair: they count what the definition asks for, and it does only a
# quarter of them.
#
# The picture below: im2col on the left, where the orange window becomes the orange row. The race on the right. Mind
# the scale: each line of the grid is *ten times* the one before.

# %%
mosaic = [["picture", "filter", "answers", "race"], ["columns", "columns", "columns", "race"]]
figure, axes = plt.subplot_mosaic(
    mosaic, figsize=(11, 4.8), layout="constrained", width_ratios=[4, 3, 2.6, 11], height_ratios=[1, 1.1]
)
grids = {"picture": picture, "filter": falling, "answers": answers, "columns": columns}
titles = ["picture", "filter", "answers", "columns: each window is one row; columns @ filter = answers"]
for (name, values), title in zip(grids.items(), titles, strict=True):
    axis = axes[name]
    axis.imshow(np.zeros(values.shape), cmap="gray_r", vmin=0, vmax=1)
    axis.set_xticks(np.arange(values.shape[1] + 1) - 0.5, labels=[])
    axis.set_yticks(np.arange(values.shape[0] + 1) - 0.5, labels=[])
    axis.grid(color="#cccccc")
    axis.tick_params(length=0)
    for (i, j), value in np.ndenumerate(values):
        axis.text(j, i, str(value), ha="center", va="center", fontsize=10)
    axis.set_title(title, fontsize=10)
for name, corner, width, height in [("picture", (1, 0), 3, 3), ("columns", (0, 1), 9, 1), ("answers", (1, 0), 1, 1)]:
    frame = plt.Rectangle((corner[0] - 0.5, corner[1] - 0.5), width, height, facecolor="#fad7a0", edgecolor="#e67e22")
    axes[name].add_patch(frame)

race = axes["race"]
race.barh([name.replace(", ", "\n") for name in seconds], seconds.values(), 0.6, color="#2471a3")
for row, (name, t) in enumerate(seconds.items()):
    race.text(t, row, f" {times[name]}", va="center", fontsize=11)
race.set_xscale("log")
race.set_xlim(min(seconds.values()) / 10, max(seconds.values()) * 15)
race.invert_yaxis()
race.xaxis.set_major_formatter(lambda t, _: f"{t:g}")
race.set_xlabel("seconds")
race.set_title(f"One convolution of {products / 1e6:,.0f} million multiplications, four ways", fontsize=10)
race.grid(axis="x", alpha=0.4)
race.set_axisbelow(True)
figures.save(figure, "07_fast")

# %% [markdown]
# ## What you know now
#
# - The same sums can be done in many orders. The numbers stay the same, but for a little rounding.
# - im2col lays every window out as one row. The convolution is then one matrix product, at `k*k` times the memory.
# - Blocks keep that memory small enough for the cache.
# - Winograd does with fewer multiplications, and pays with additions.
#
# And one thing to wonder about: all our convolutions and poolings keep a picture's size or shrink it. To colour a
# picture, we must get back to full size. How does one go up again? That is for a later lesson.
#
# **Now you**: `lessons/exercises/07_fast.py`. You write im2col, and the convolution that follows from it.

# %%
figures.show()
