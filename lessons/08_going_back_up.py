# %% [markdown]
# # 8. Going back up: upsampling, checkerboards, skip connections
#
# Cross or circle: one answer for a whole picture. On the way to it, pooling threw away *where*, and that was welcome.
# But a network that paints needs a number for every pixel. So it must go back up to full size. There are three usual
# ways up, one of them with a trap; and something has been lost below that no way up can bring back.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data.shapes import draw
from tinycolor.ops.conv import conv2d, conv2d_dx

np.set_printoptions(precision=2, suppress=True)

# %% [markdown]
# ## Up by repeating, up by straight lines
#
# Four pixels are to become sixteen. The plainest way is to repeat each pixel, twice to the right and twice down. It is
# called **nearest**, because each new pixel takes the value of the nearest old one. **Bilinear** draws straight lines
# between the old pixels instead. From 0 to 4 that gives 0, 1, 3, 4: two new pixels lie between the old ones, at a
# quarter and at three quarters of the way. (Beyond the outermost pixels there is nothing to draw a line to, so they are
# repeated.)

# %%
small = np.array([[0, 4], [8, 12]], np.float32)
nearest = tc.Upsample(2, "nearest").predict(small.reshape(1, 2, 2, 1))[0, :, :, 0]
bilinear = tc.Upsample(2, "bilinear").predict(small.reshape(1, 2, 2, 1))[0, :, :, 0]
print(nearest)
print(bilinear)

assert nearest[0].tolist() == [0, 0, 4, 4]
assert bilinear[0].tolist() == [0, 1, 3, 4]

# %% [markdown]
# Neither has weights, so there is nothing to learn. And going back? With nearest, one pixel went to four places, so
# four dy come back to it, and what is used more than once adds up (lesson 5).
#
# ## Up by stamping
#
# The third way has weights. A convolution lays its filter on a window and *reads* one number from it. Turn that round:
# each pixel takes the filter as a stamp, multiplies it by its own value, and *adds* it to the result. Where stamps
# overlap, they add up. Here are three pixels in a row, a filter of three weights, and a stride of 2: each stamp lands
# two places to the right of the one before. The digits show who has stamped what: 102 is 1 * 100 from the first pixel
# and 2 * 1 from the second.

# %%
pixels, filter = np.array([1, 2, 3], np.float32), np.array([1, 10, 100], np.float32)
row = np.zeros(7, np.float32)
for number, pixel in enumerate(pixels):
    stamp = np.zeros(7, np.float32)
    stamp[2 * number : 2 * number + 3] = pixel * filter
    row += stamp
    print("stamp:", stamp)
print("sum:  ", row)

assert row.tolist() == [1, 10, 102, 20, 203, 30, 300]

# %% [markdown]
# You have written this before. In lesson 5 each dy went back to the window that it came from, times the filter:
# `dx[i : i + 2, j : j + 2] += weight.data * dy[i, j]`. It is the same line. The **transposed convolution**,
# `tc.ConvTranspose2d`, is a convolution's way back, used as a way forward. (And its own way back is a convolution.)

# %%
stamp_layer = tc.ConvTranspose2d(1, 1, (1, 3), stride=(1, 2), bias=False)  # one row high: all in one line
stamp_layer.weight.data = filter.reshape(1, 3, 1, 1)
x = pixels.reshape(1, 1, 3, 1)
by_layer = stamp_layer.predict(x)
by_way_back = conv2d_dx(x, stamp_layer.weight.data, (1, 1, 7, 1), stride=(1, 2))

assert np.array_equal(by_layer.ravel(), row)
assert np.array_equal(by_way_back.ravel(), row)

# %% [markdown]
# How do the two belong together? Lesson 5 again. If the pixels move by v, backward promises that the error moves by the
# sum of dx * v. And dx, as you have just seen, is dy *stamped*. Forward, a convolution without bias only multiplies and
# adds: if its input moves by v, its result moves by conv(v), and the error by the sum of dy * conv(v). Both tell of the
# same move, so for any v and any dy
#
#     sum of dy * conv(v)  =  sum of stamped(dy) * v
#
# That is what *transposed* means. Try it: let v be seven numbers, and take our three pixels for dy.

# %%
v = np.array([3, 1, 4, 1, 5, 9, 2], np.float32)
read = conv2d(v.reshape(1, 1, 7, 1), filter.reshape(1, 3, 1, 1), stride=(1, 2)).ravel()
print("conv(v):", read, " sums:", (read * pixels).sum(), (row * v).sum())

assert (read * pixels).sum() == (row * v).sum() == 2326

# %% [markdown]
# It does not *undo* the convolution, although many call it "deconvolution". Seven numbers become three and then seven
# again, but they are others: the shape comes back, the numbers do not. (The survey of lesson 2 calls upsampling an
# inverse, something that undoes. None of the three ways up does.)

# %%
there_and_back = stamp_layer.predict(read.reshape(1, 1, 3, 1)).ravel()
print("v:", v, " there and back:", there_and_back)

assert there_and_back.shape == v.shape
assert not np.allclose(there_and_back, v)

# %% [markdown]
# ## Checkerboards
#
# Now the trap. Look at the row of stamps once more: some places were stamped twice, others once. Take a sheet of ones
# and a filter of ones, so that every result *counts the stamps*. With a filter of 3 and a stride of 2 the counts go
# 1, 2, 1, 2 along a row; in two directions they multiply: 1, 2, 4. An even sheet has become a checkerboard. With a
# filter of 4, the stride goes into it twice, and away from the edges each place gets four stamps.
#
# Or do it in two steps: nearest first, then an ordinary convolution. There every window sees the same nine ones.

# %%
sheet = np.ones((1, 5, 5, 1), np.float32)
ways = {
    "filter of 3, stride 2": tc.ConvTranspose2d(1, 1, 3, stride=2, bias=False),
    "filter of 4, stride 2": tc.ConvTranspose2d(1, 1, 4, stride=2, bias=False),
    "nearest, then filter of 3": tc.Sequential(tc.Upsample(2), tc.Conv2d(1, 1, 3, bias=False)),
}
counts = {}
for name, layer in ways.items():
    weight = layer.parameters()[0]
    weight.data = np.ones_like(weight.data)
    counts[name] = layer.predict(sheet)[0, :, :, 0]
    print(f"{name}:")
    print(counts[name][2:4].astype(int))  # two rows from the inside

inside = {name: np.unique(values[2:-2, 2:-2]).tolist() for name, values in counts.items()}
assert list(inside.values()) == [[1, 2, 4], [4], [9]]

# %% [markdown]
# (Places at the edges get fewer stamps in any case.)
#
# Real filters are not all ones. Draw them at random, as a network does when it begins. Now the filter of 4 shows a
# pattern as well: each place gets four stamps, but its neighbour gets four *other* weights. The pattern goes only if
# the weights of all such groups have the same sum, and a network has to learn that. After nearest, a convolution is
# even from the start, *whatever* its weights. (The figure shows both, the counts above, the random weights below.)

# %%
patterns = {}
for name, layer in ways.items():
    weight = layer.parameters()[0]
    weight.data = tc.Generator(8).normal(weight.data.shape)
    patterns[name] = layer.predict(sheet)[0, :, :, 0]
    inner = patterns[name][2:-2, 2:-2]
    print(f"{name:25}: from {inner.min():.2f} to {inner.max():.2f}")

spread = [np.ptp(values[2:-2, 2:-2]) for values in patterns.values()]  # np.ptp: largest less smallest
assert spread[0] > 0.5
assert spread[1] > 0.5
assert spread[2] < 1e-5

figure, axes = plt.subplots(2, 3, figsize=(9, 6.4), layout="constrained")
for column, (name, values) in enumerate(counts.items()):
    above, below = axes[:, column]
    above.imshow(values, cmap="Blues", vmin=0, vmax=1.8 * values.max())
    for (i, j), value in np.ndenumerate(values):
        above.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=8)
    below.imshow(patterns[name] - patterns[name][4:6, 4:6].mean(), cmap="gray", vmin=-2.2, vmax=2.2)
    above.set_title(name, fontsize=11)
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
axes[0, 0].set_ylabel("weights of one", fontsize=10)
axes[1, 0].set_ylabel("random weights", fontsize=10)
figure.suptitle("An even sheet, three ways up: does it stay even?", fontsize=13)
figures.save(figure, "08_checkerboards")

# %% [markdown]
# A. Odena, V. Dumoulin and C. Olah found these boards in the pictures of many networks, and advise to enlarge first and
# convolve afterwards (Distill, 2016). This library's colorizer does so.
#
# ## What no way up can bring back
#
# Here are two drawings of 4x4 dots. In one the dot is at the upper left of its window, in the other at the lower right.
# After max-pooling both are the same four numbers. Whatever comes next is given the same, so it must answer the same.
# No weights and no training can change that.

# %%
drawings = np.full((2, 4, 4, 1), -1, np.float32)
drawings[0, 0, 0] = drawings[1, 1, 1] = 1
pooled = tc.MaxPool2d(2).predict(drawings)
print(pooled[0, :, :, 0], "from the dot at the upper left")
print(pooled[1, :, :, 0], "from the dot at the lower right")

assert not np.array_equal(drawings[0], drawings[1])
assert np.array_equal(pooled[0], pooled[1])

# %% [markdown]
# ## A way round
#
# Then do not send everything down. A **skip connection** carries the full picture past the pooling, and lays it beside
# what comes up, as further channels. `tc.Skip` holds the layers that it goes around.

# %%
skip = tc.Skip(tc.MaxPool2d(2), tc.Upsample(2))
picture = np.array([[1, 2], [3, 9]], np.float32)
y, backward = skip(picture.reshape(1, 2, 2, 1))
print(y.shape)
print("came up:   ", y[0, :, :, 0].tolist())
print("went round:", y[0, :, :, 1].tolist())

assert y.shape == (1, 2, 2, 2)
assert (y[..., 0] == 9).all()
assert np.array_equal(y[0, :, :, 1], picture)

# %% [markdown]
# And going back? Each number of dy belongs to one of the two channels. So dy is *split*. The first part goes back
# through the inner layers: Upsample adds it up, 1 + 2 + 3 + 4 = 10, and pooling hands the 10 to the pixel that won, the
# 9. The second part goes round, untouched. Both arrive at the same picture, and what is used twice adds up.

# %%
dy = np.zeros_like(y)
dy[0, :, :, 0] = [[1, 2], [3, 4]]
dy[0, :, :, 1] = [[10, 20], [30, 40]]
dx = backward(dy)[0, :, :, 0]
print("dx:", dx.tolist())

assert dx.tolist() == [[10, 20], [30, 40 + 10]]

# %% [markdown]
# There is a second gift. Three pixels lost in the pooling, and nothing comes back to them through it. By the way round
# every pixel hears what it does to the error.
#
# (A network called U-Net lays the two side by side: O. Ronneberger, P. Fischer and T. Brox, 2015. One called FCN adds
# them, number by number, so that all of dy goes back both ways: J. Long, E. Shelhamer and T. Darrell, 2015. The survey
# says that such networks stop at half the size. These two go up to the full size, U-Net but for a margin.)
#
# ## Does it help? *What* and *where*
#
# Now for a network that paints. The drawings are crosses and circles, as in lesson 6, here 20x20. The lines of a cross
# shall become orange, those of a circle blue, and the ground shall stay white. So it casts two votes for every dot,
# *cross* and *circle*, and on the ground both should be 0. For that it must know *what* the whole drawing is, and
# *where* its line runs, to the dot.


# %%
def draw_and_paint(count, epoch, step):
    """Return drawings (N, 20, 20, 1) with stray dots, and the votes wanted, (N, 20, 20, 2), without them."""
    x, votes = draw(count, 20, tc.Generator(8, epoch, step))  # votes (N, 2): one pair for the whole drawing
    clean, _ = draw(count, 20, tc.Generator(8, epoch, step), noise=0)  # the same numbers: the same drawings
    return x, (clean == 1) * votes[:, None, None, :]


def down_and_up():
    """Return new layers that go from 20x20 to 5x5, where a filter sees much at once, and back up to 20x20."""
    return [
        tc.MaxPool2d(2),
        tc.Conv2d(8, 16, 3, padding=1),
        tc.ReLU(),
        tc.MaxPool2d(2),
        tc.Conv2d(16, 32, 3, padding=1),
        tc.ReLU(),
        tc.Upsample(4),
    ]


def painter(middle, channels):
    """Return a network that votes on every dot, with these layers (the star lays a list out) in the middle."""
    return tc.Sequential(
        tc.Conv2d(1, 8, 3, padding=1),
        tc.ReLU(),
        *middle,
        tc.Conv2d(channels, 16, 3, padding=1),
        tc.ReLU(),
        tc.Conv2d(16, 2, 1),  # filters of 1x1: two neurons that look at one dot, the same two everywhere
        tc.Sigmoid(),
    )


networks = {
    "only the way round": painter([], 8),
    "only down and up": painter(down_and_up(), 32),
    "both: a skip": painter([tc.Skip(*down_and_up())], 32 + 8),
}

# %% [markdown]
# Three networks: one has only the way round, one only the way down and up, one has both. The five lines of lesson 6,
# 250 times for each, with the same drawings. Then the exam, with drawings that none of them has seen. We ask two
# things. *Where*: for what share of all dots is it wrong about whether there is a line (it says yes if its two votes
# together are above 0.5)? *What*: for what share of the dots on true lines is the right vote the larger one? To compare
# with: whoever leaves all white has the place wrong at every line, whoever tosses a coin has half of the kinds right.

# %%
exam, wanted = draw_and_paint(200, epoch=1, step=0)
line = wanted.max(-1) == 1  # (200, 20, 20)
print(f"a sheet left white        : place wrong {line.mean():.1%}")
votes, wrong_place, right_kind = {}, {}, {}
for name, net in networks.items():
    tc.init.he_normal(net, tc.Generator(8))
    optimizer = tc.optim.Adam(net.parameters(), learning_rate=5e-3)
    for step in range(250):
        x, target = draw_and_paint(16, epoch=0, step=step)
        y, backward = net(x)
        loss, dy = tc.losses.bce(y, target)
        net.zero_grad()
        backward(dy)
        optimizer.step()
    votes[name] = net.predict(exam)
    wrong_place[name] = ((votes[name].sum(-1) > 0.5) != line).mean()
    right_kind[name] = (votes[name].argmax(-1) == wanted.argmax(-1))[line].mean()
    weights = sum(p.data.size for p in net.parameters())
    print(f"{name:26}: place wrong {wrong_place[name]:4.1%}, kind right {right_kind[name]:.1%} ({weights:,} weights)")

around, deep, both = networks
assert right_kind[around] < 0.8
assert wrong_place[around] < 0.02
assert right_kind[deep] > 0.9
assert wrong_place[deep] > 0.04
assert right_kind[both] > 0.9
assert wrong_place[both] < 0.02

orange, blue = np.array([0.90, 0.49, 0.13]), np.array([0.17, 0.44, 0.73])


def paint(vote):
    """Return colours (20, 20, 3) for votes (20, 20, 2): orange for cross, blue for circle, white for neither."""
    return np.clip(1 - vote[..., :1] * (1 - orange) - vote[..., 1:] * (1 - blue), 0, 1)


is_circle = wanted[..., 1].any((1, 2))  # (200,)
shown = [*np.flatnonzero(~is_circle)[:2], *np.flatnonzero(is_circle)[:2]]
figure, axes = plt.subplots(4, 5, figsize=(9, 7.6), layout="constrained")
for row_of_axes, n in zip(axes, shown, strict=True):
    row_of_axes[0].imshow(exam[n, :, :, 0], cmap="gray", vmin=-1.6, vmax=1.2)
    for axis, vote in zip(row_of_axes[1:], [wanted, *votes.values()], strict=True):
        axis.imshow(paint(vote[n]))
titles = ["drawing", "wanted"]
titles += [f"{name}\nplace wrong {wrong_place[name]:.1%}\nkind right {right_kind[name]:.0%}" for name in networks]
for axis, title in zip(axes[0], titles, strict=True):
    axis.set_title(title, fontsize=11)
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
figure.suptitle("Orange: a line of a cross. Blue: a line of a circle.", fontsize=13)
figures.save(figure, "08_what_and_where")

# %% [markdown]
# Look along a row. The way round alone sees each dot sharply, but only 5x5 dots at a time (two filters of 3x3, one
# behind the other). So short a piece of line may belong to either, and the colours are mixed. Down and up alone has
# seen nearly the whole drawing and knows its kind. But one number from below becomes a block of 4x4 dots, and the line
# is a smear. The skip gives both to the last layers: from below, *it is a cross*; from the side, *the line is here*.
# (It has a tenth more weights too. That is not the reason. Try it: give down and up 64 channels in the place of 32,
# nearly twice as many weights. The smear stays.)
#
# This is a U-Net with one skip. `tc.networks.ColorUNet`, the network that is to colour photographs, has three, one
# inside the other: each pooling has its way round. From far below comes *this is a meadow*, from the sides *here it
# ends*.
#
# ## What you know now
#
# - Up by nearest or bilinear has no weights. Transposed convolution stamps its filter: a convolution's dx, used as
#   forward. It brings back the shape, not the numbers.
# - If the stride does not go into the filter's size, stamps overlap unevenly: checkerboards. Nearest, then a
#   convolution, keeps an even sheet even, whatever the weights.
# - Pooling makes different pictures equal, and nothing behind it can tell them apart.
# - A skip carries the details round. Going back, dy is split: one part goes through the inner layers, one goes round,
#   and both are added.
#
# And one thing to wonder about: orange and blue were two votes. A pixel of a photograph can have millions of colours.
# Which numbers should a network be asked for, and which of them does the grey photo tell already? Lesson 9.
#
# **Now you**: `lessons/exercises/08_going_back_up.py`. You write nearest, its way back, and the skip's.

# %%
figures.show()
