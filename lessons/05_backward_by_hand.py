# %% [markdown]
# # 5. A layer's backward by hand, and the check that can't be fooled
#
# In lesson 4 a function had one input and one output, and going back was one multiplication. A convolution has many of
# both. Here is the smallest one worth the name: a picture of 3x3 pixels, a filter of 2x2 weights, and a result of 2x2
# numbers. We go back through it with a pencil. Then you learn how to find out whether a backward is right, and why
# the obvious check is not good enough.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.ops.conv import conv2d, conv2d_dw, conv2d_dx

# %% [markdown]
# ## Forward: sixteen products
#
# The pixels are 1 to 9, so that you can recognise each by its number. The bias is added to every result.

# %%
x = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 9]], float)
w = np.array([[1, -1], [2, 3]], float)
bias = 10.0

y = np.zeros((2, 2))
y[0, 0] = x[0, 0] * w[0, 0] + x[0, 1] * w[0, 1] + x[1, 0] * w[1, 0] + x[1, 1] * w[1, 1] + bias
y[0, 1] = x[0, 1] * w[0, 0] + x[0, 2] * w[0, 1] + x[1, 1] * w[1, 0] + x[1, 2] * w[1, 1] + bias
y[1, 0] = x[1, 0] * w[0, 0] + x[1, 1] * w[0, 1] + x[2, 0] * w[1, 0] + x[2, 1] * w[1, 1] + bias
y[1, 1] = x[1, 1] * w[0, 0] + x[1, 2] * w[0, 1] + x[2, 1] * w[1, 0] + x[2, 2] * w[1, 1] + bias
print("y:", y.tolist())

assert y[0, 0] == 1 * 1 + 2 * -1 + 4 * 2 + 5 * 3 + 10 == 32

# %% [markdown]
# ## What comes back
#
# Behind this layer there are others, and at the very end an error. Going back, they tell us `dy`: how many times as far
# as each number of y the error moves. Let it be these four numbers.

# %%
dy = np.array([[2, 1], [-1, 4]], float)

# %% [markdown]
# ## dw: what was each weight multiplied by?
#
# Look down the four lines and find `w[0, 0]`. It stands in each line once, next to x[0, 0], x[0, 1], x[1, 0], x[1, 1].
# Nudge it: the first line moves x[0, 0] times as far, and the error dy[0, 0] times as far as that. The chain rule for
# each of the four lines; and as one weight moves all four, the four add up.

# %%
dw = np.zeros((2, 2))
dw[0, 0] = x[0, 0] * dy[0, 0] + x[0, 1] * dy[0, 1] + x[1, 0] * dy[1, 0] + x[1, 1] * dy[1, 1]
dw[0, 1] = x[0, 1] * dy[0, 0] + x[0, 2] * dy[0, 1] + x[1, 1] * dy[1, 0] + x[1, 2] * dy[1, 1]
dw[1, 0] = x[1, 0] * dy[0, 0] + x[1, 1] * dy[0, 1] + x[2, 0] * dy[1, 0] + x[2, 1] * dy[1, 1]
dw[1, 1] = x[1, 1] * dy[0, 0] + x[1, 2] * dy[0, 1] + x[2, 1] * dy[1, 0] + x[2, 2] * dy[1, 1]
print("dw:", dw.tolist())

assert dw[0, 0] == 1 * 2 + 2 * 1 + 4 * -1 + 5 * 4 == 20

# %% [markdown]
# Compare with the forward lines: the same pixels, with dy in the place of w. So dw *is* a small convolution: dy slides
# over x.
#
# ## dx: which results did each pixel go into?
#
# Now look for the pixels. x[0, 0], the corner, stands in one line only, next to w[0, 0]. x[0, 1] at the edge stands in
# two. x[1, 1] in the middle stands in all four, each time next to another weight.

# %%
dx = np.zeros((3, 3))
dx[0, 0] = w[0, 0] * dy[0, 0]
dx[0, 1] = w[0, 1] * dy[0, 0] + w[0, 0] * dy[0, 1]
dx[0, 2] = w[0, 1] * dy[0, 1]
dx[1, 0] = w[1, 0] * dy[0, 0] + w[0, 0] * dy[1, 0]
dx[1, 1] = w[1, 1] * dy[0, 0] + w[1, 0] * dy[0, 1] + w[0, 1] * dy[1, 0] + w[0, 0] * dy[1, 1]
dx[1, 2] = w[1, 1] * dy[0, 1] + w[0, 1] * dy[1, 1]
dx[2, 0] = w[1, 0] * dy[1, 0]
dx[2, 1] = w[1, 1] * dy[1, 0] + w[1, 0] * dy[1, 1]
dx[2, 2] = w[1, 1] * dy[1, 1]
print("dx:", dx.tolist())

assert dx[1, 1] == 3 * 2 + 2 * 1 + -1 * -1 + 1 * 4 == 13

# %% [markdown]
# Count the products: sixteen again, each of the forward products taken once. And dx is a convolution too. In the line
# of dx[1, 1] the first dy stands next to the last weight, the last dy next to the first: the weights stand in reverse
# order. So lay a border of zeros around dy, turn the filter by half, and slide it.

# %%
dy_with_border = np.pad(dy, 1)  # (4, 4)
turned = w[::-1, ::-1]  # the rows from below, the columns from the right: half a turn
for i, j in np.ndindex(3, 3):  # all i, j from 0 to 2: two loops in one
    assert (dy_with_border[i : i + 2, j : j + 2] * turned).sum() == dx[i, j]

# %% [markdown]
# The figure shows which results each pixel went into.

# %%
colours = {(0, 0): "#d35400", (0, 1): "#2c6fbb", (1, 0): "#2e8b57", (1, 1): "#8e44ad"}
pixels = {"the corner: 1 result": (0, 0), "an edge: 2 results": (0, 1), "the middle: 4 results": (1, 1)}
figure, axes = plt.subplots(1, 4, figsize=(11, 3.6), layout="constrained")
for axis, (title, pixel) in zip(axes, pixels.items(), strict=False):
    for i, j in np.ndindex(3, 3):  # all i, j from 0 to 2: two loops in one
        paper = "#ffe08a" if (i, j) == pixel else "white"
        axis.add_patch(plt.Rectangle((j - 0.5, i - 0.5), 1, 1, facecolor=paper, edgecolor="#cccccc"))
    axis.set_title(title, fontsize=12)
    for number, ((i, j), colour) in enumerate(colours.items()):
        if pixel[0] - i in (0, 1) and pixel[1] - j in (0, 1):
            inset = 0.05 * number  # so that frames do not hide one another
            side = 2 - 2 * inset
            place = (j - 0.5 + inset, i - 0.5 + inset)
            axis.add_patch(plt.Rectangle(place, side, side, fill=False, edgecolor=colour, linewidth=3, clip_on=False))
counts = np.zeros((3, 3))
for i, j in colours:
    counts[i : i + 2, j : j + 2] += 1
axes[3].imshow(counts, cmap="Oranges", vmin=0, vmax=6)
axes[3].set_title("all nine, counted", fontsize=12)
for axis, values in zip(axes, [x, x, x, counts], strict=True):
    axis.set(xticks=[], yticks=[], xlim=(-0.6, 2.6), ylim=(2.6, -0.6), aspect="equal")
    axis.set_frame_on(False)
    for (i, j), value in np.ndenumerate(values):
        axis.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=14)
frames = [plt.Line2D([], [], color=colour, linewidth=3.5) for colour in colours.values()]
figure.legend(frames, [f"window of y[{i}, {j}]" for i, j in colours], loc="outside lower center", ncols=4)
figure.suptitle("How many results use a pixel? From each of them a dy comes back", fontsize=13)
figures.save(figure, "05_backward_by_hand")

assert counts.tolist() == [[1, 2, 1], [2, 4, 2], [1, 2, 1]]

# %% [markdown]
# ## db, and the library's word
#
# The bias is added to all four results, so it gets all four dy back: `db` is their sum. That was the whole backward.
# The library does the same for many pictures, channels and filters at once: x is (pictures, rows, columns, channels),
# the filter (rows, columns, channels, filters).

# %%
db = dy.sum()
library_dw = conv2d_dw(x.reshape(1, 3, 3, 1), dy.reshape(1, 2, 2, 1), (2, 2))
library_dx = conv2d_dx(dy.reshape(1, 2, 2, 1), w.reshape(2, 2, 1, 1), (1, 3, 3, 1))

assert db == 6
assert np.array_equal(library_dw.reshape(2, 2), dw)
assert np.array_equal(library_dx.reshape(3, 3), dx)

# %% [markdown]
# ## A layer of your own
#
# A layer is a class with two parts. `__init__` runs once, when the layer is made, and makes its `Parameter`s. `forward`
# returns y and the way back. The two loops say what you have just written out, one window after the other. `+=`
# everywhere, since what is used more than once adds up. (What stands after the `*` must be given by name. `mode` and
# `rng` are for layers that behave differently in training; this one does not.)

# %%


class SmallConv(tc.Layer):
    """One 2x2 filter that slides over one picture: x (H, W) to y (H - 1, W - 1)."""

    def __init__(self):
        self.weight = tc.Parameter(np.array([[1, -1], [2, 3]], np.float32))
        self.bias = tc.Parameter(np.array([10], np.float32))

    def forward(self, x, *, mode, rng):
        weight, bias = self.weight, self.bias
        y = np.zeros((x.shape[0] - 1, x.shape[1] - 1), x.dtype)
        for i, j in np.ndindex(y.shape):
            y[i, j] = (x[i : i + 2, j : j + 2] * weight.data).sum() + bias.data[0]

        def backward(dy):
            dx = np.zeros_like(x)
            for i, j in np.ndindex(dy.shape):
                weight.grad += x[i : i + 2, j : j + 2] * dy[i, j]
                dx[i : i + 2, j : j + 2] += weight.data * dy[i, j]
            bias.grad += dy.sum()
            return dx

        return y, backward


worst = tc.gradcheck(SmallConv(), np.random.default_rng(0).normal(size=(5, 4)))
print(f"gradcheck: the worst relative error is {worst:.1e}")

assert worst < 1e-8

# %% [markdown]
# What has `tc.gradcheck` done? Nudging one pixel after the other would take long. It nudges all of them at once:
#
# 1. It makes up a random dy. The error, here, is the sum of all results, each times its dy.
# 2. backward answers with a dx. Say that there are two pixels and dx = [2, 5].
# 3. Each pixel gets a random amount of its own. Say v = [0.1, -0.3].
# 4. backward has now promised something: if the pixels move by v, the error moves by 2 * 0.1 - 5 * 0.3 = -1.3.
# 5. Nudge the pixels by a tiny part of v, forwards and then backwards (both ways, so that a bend cancels). Does the
#    error move by that part of -1.3?
# 6. The *relative error* says how well the two agree: their difference, divided by the larger of the two.
#
# Then the same with the weight, and with the bias.

# %%
promised = (np.array([2, 5]) * np.array([0.1, -0.3])).sum()
print(f"promised: {promised:.1f}")

assert np.isclose(promised, -1.3)

# %% [markdown]
# (The picture was 5x4 on purpose. Exchange its rows and columns by mistake, and the shapes no longer fit. On a square
# picture they do, and with a dy of ones nothing shows. You are about to see it.)
#
# ## Why dy must be random
#
# A tempting short cut: let the error be the plain sum of y. Then dy is all ones, and there is nothing to think about.
# Here is a backward with a real mistake: its dw uses dy with rows and columns exchanged. Watch the two checks, this
# time on a picture of 4x4.

# %%
rng = np.random.default_rng(5)
x, w, v = rng.normal(size=(1, 4, 4, 1)), rng.normal(size=(2, 2, 1, 1)), rng.normal(size=(2, 2, 1, 1))
moves = (conv2d(x, w + 1e-5 * v) - conv2d(x, w - 1e-5 * v)) / 2e-5  # both ways, so that a bend would cancel
errors = {}
for name, dy in {"ones": np.ones((1, 3, 3, 1)), "random": rng.normal(size=(1, 3, 3, 1))}.items():
    nudged = (dy * moves).sum()
    promised = (conv2d_dw(x, dy.transpose(0, 2, 1, 3), (2, 2)) * v).sum()  # the mistake
    errors[name] = abs(nudged - promised) / max(abs(nudged), abs(promised))
    print(f"dy {name}: nudging says {nudged:.4f}, backward says {promised:.4f}, relative error {errors[name]:.1e}")

assert errors["ones"] < 1e-9  # passes
assert errors["random"] > 0.1  # caught

# %% [markdown]
# With random dy even the sign is wrong. With ones nothing shows: exchange their rows and columns, and you have the same
# ones again. `tc.gradcheck` takes random dy. It accepts plain functions too, and says where the fault is.

# %%


def exchanged(x, w):
    """Return a convolution whose dw is wrong."""
    return conv2d(x, w), lambda dy: (conv2d_dx(dy, w, x.shape), conv2d_dw(x, dy.transpose(0, 2, 1, 3), (2, 2)))


message = ""
try:
    tc.gradcheck(exchanged, x, w)
except tc.GradientError as error:
    message = str(error)
print("GradientError:", message)

assert message.startswith("input 1")  # x is input 0 and right; w is input 1

# %% [markdown]
# It gets worse. `tc.Softmax` turns scores into shares that always sum to 1. Nudge the scores: the sum stays 1. So with
# dy all ones, the true dx is zero, and **a backward that returns nothing but zeros passes**. `tc.BatchNorm2d` (a layer
# you will meet later) holds the mean of a channel fixed, and has the same blind spot.

# %%
scores, pictures = rng.normal(size=(1, 5)), rng.normal(size=(2, 4, 4, 3))
for layer, values in ((tc.Softmax(), scores), (tc.BatchNorm2d(3).astype("float64"), pictures)):
    y, backward = layer(values)
    under_ones = abs(backward(np.ones_like(y))).max()
    y, backward = layer(values)
    under_random = abs(backward(rng.normal(size=y.shape))).max()
    print(f"{type(layer).__name__}: the largest dx is {under_ones:.0e} under ones, {under_random:.2f} under random dy")
    assert under_ones < 1e-12
    assert under_random > 0.01

# %% [markdown]
# Two things to know, even so. First, the check holds backward against forward: a wrong forward passes if backward fits
# it. Second, at a *kink*, such as ReLU's at 0, there is no one slope: to the left it is 0, to the right 1. Keep the
# numbers away from it. (PyTorch has this check too: `torch.autograd.gradcheck`.)

# %%
left, right = tc.ReLU().predict(np.array([-0.001, 0.001]))
assert (left / -0.001, right / 0.001) == (0, 1)

# %% [markdown]
# ## How long should a nudge be?
#
# A long nudge is wrong because the curve bends on the way. A short one is wrong because computers round: two numbers
# that are almost equal are subtracted, and what is left is the rounding. Where between is best? Let us measure, on a
# curve (`tc.Tanh`), in the two kinds of numbers that computers use: float64 with 16 digits and float32 with 7.

# %%
nudges = 10.0 ** np.arange(-9, 0.5, 0.5)
curves = {}
for dtype in (np.float64, np.float32):
    x, dy, v = rng.normal(size=(3, 20, 100)).astype(dtype)  # twenty trials of a hundred numbers each
    y, backward = tc.Tanh()(x)
    promised = (backward(dy) * v).sum(axis=1, dtype=float)
    curve = []
    for eps in nudges:
        plus, minus = tc.Tanh().predict(x + dtype(eps) * v), tc.Tanh().predict(x - dtype(eps) * v)
        nudged = (dy * (plus - minus)).sum(axis=1, dtype=float) / (2 * eps)
        curve.append(np.median(abs(nudged - promised) / np.maximum(abs(nudged), abs(promised))))
    curves[dtype.__name__] = np.array(curve)
    print(f"{dtype.__name__}: best nudge {nudges[np.argmin(curve)]:.0e}, error {min(curve):.0e}")

assert 1e-6 <= nudges[curves["float64"].argmin()] <= 1e-4
assert curves["float64"].min() < 1e-9
assert curves["float32"].min() > 1e-6  # never good enough to tell a small fault from rounding

# %%
figure, axis = plt.subplots(figsize=(7, 4.2), layout="constrained")
axis.loglog(nudges, curves["float32"], "s-", color="#d35400", label="float32 (7 digits)")
axis.loglog(nudges, curves["float64"], "o-", color="#2c6fbb", label="float64 (16 digits)")
axis.axhline(1e-6, color="#555555", linestyle="--", linewidth=1)
axis.text(1e-9, 1.3e-6, "largest error that gradcheck lets pass", va="bottom", fontsize=10, color="#555555")
axis.set(xlabel="length of the nudge", ylabel="error of the nudged derivative")
axis.set(xticks=10.0 ** np.arange(-8, 1, 2), yticks=10.0 ** np.arange(-10, 1, 2))
axis.set_title("Too short: rounding. Too long: the curve bends.", fontsize=13)
axis.legend(loc="upper center")
figures.save(figure, "05_nudge_length")

# %% [markdown]
# Both axes go in powers of ten: each mark is a hundred times the one before. In float64, nudges of 0.00001 or a little
# less are best, and the error is far below a millionth. In float32, which networks run in, no nudge gets there. So
# `tc.gradcheck` makes float64 copies of everything and nudges by 0.00001.
#
# ## What you know now
#
# - dw: what was each weight multiplied by? Those pixels times dy, added up. It is a convolution of x with dy.
# - dx: each dy goes back to the pixels it came from. Corner, edge and middle get one, two and four dy back.
# - db is the sum of dy. What is used more than once adds up.
# - A check with dy = ones passes wrong code. Check with random dy, in float64: `tc.gradcheck`.
#
# You can now go back through any layer. So let a whole network do it, a thousand times over: which filters will it draw
# if nobody draws them for it? That is lesson 6.
#
# **Now you**: `lessons/exercises/05_backward_by_hand.py`. You write the backward of a small layer; the check judges.

# %%
figures.show()
