# %% [markdown]
# # 4. Learning: error, nudging, the chain rule
#
# The filter of lesson 1 was drawn by hand. A real network has thousands of weights, and nobody can draw those. It has
# to find them itself. But how can a number know in which direction it should change?
#
# By being nudged. That one idea is the whole lesson, with numbers that you can follow in your head.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures

# %% [markdown]
# ## Nudge it and watch
#
# Take the square, y = x * x. At x = 3 it is 9. Now nudge x a little, by 0.001, and see how far y moves.

# %%
x = 3.0
y = x * x
y_nudged = (x + 0.001) * (x + 0.001)
slope = (y_nudged - y) / 0.001
print(f"x moved by 0.001, y moved by {y_nudged - y:.6f}: {slope:.3f} times as far")

assert round(slope, 3) == 6.001

# %% [markdown]
# y moves about 6 times as far as x. That number, "how many times as far", is called the **derivative** of y at x. Here
# it is exactly 6; the nudge said 6.001 because it was not infinitely small. You can see why. Nudge any x by any h:
# (x + h) * (x + h) - x * x is 2 * x * h + h * h. Divide by h, and "how many times as far" is 2 * x + h. The smaller h,
# the nearer to **2 * x**, and that is the derivative of the square.
#
# ## A function, and the function that goes back
#
# To nudge means to calculate everything again, and that for every single number in turn. With thousands of numbers it
# would take far too long. So each of our functions returns two things: its value, and a function `backward` that knows
# the derivative.

# %%


def square(x):
    """Return x * x, and the function that goes back."""
    y = x * x

    def backward(dy):
        return 2 * x * dy

    return y, backward


y, backward = square(3.0)
dx = backward(1.0)
print("y:", y, "  dx:", dx)

assert dx == 6
assert np.isclose(dx, slope, atol=0.002)  # the formula and the nudge agree

# %% [markdown]
# **A word on names**, because everything that follows uses them. `dx` is *not* the nudge. It says how many times as far
# as x **the last number of the whole calculation** moves. With dx = 6, nudge x by 0.001 and the last number moves by
# 0.006. `dy` says the same of y. `backward` is told `dy` and answers with `dx`. Here y itself is the last number, it
# moves exactly as far as itself, so we start with `dy` = 1. (Books write dL/dx for our dx, where L is the last number.
# PyTorch puts it into `x.grad`.)
#
# ## The chain rule: nudges multiply
#
# Now something worth learning: a single weight w. The input is 2, the answer should be 6. The prediction is w * 2, it
# is off by prediction - 6, and the error is the square of that. Three functions, one after the other.

# %%


def scale(x, factor):
    """Return x * factor, and the function that goes back: y moves ``factor`` times as far as x."""
    return x * factor, lambda dy: factor * dy


def subtract(x, number):
    """Return x - number, and the function that goes back: y moves exactly as far as x."""
    return x - number, lambda dy: dy


# %% [markdown]
# (`lambda dy: dy` is Python's short way to write a small function: it takes `dy` and returns `dy`.)
#
# Forward, with w = 5: the prediction is 10, that is 4 too much, and the error is 16.

# %%
w = 5.0
prediction, back_scale = scale(w, 2)
off, back_subtract = subtract(prediction, 6)
error, back_square = square(off)
print("forward: ", w, "->", prediction, "->", off, "->", error)

assert (prediction, off, error) == (10, 4, 16)

# %% [markdown]
# What does the error do if w moves by 0.001? The prediction moves twice as far, 0.002. The difference moves as far as
# the prediction, 0.002. And the square, at 4, moves 8 times as far as the difference: 0.016. Each function multiplies
# the nudge by its own derivative: 2 times 1 times 8 is 16.
#
# Going back does the same multiplication from the other end. Start with 1 and call the three functions **in reverse**.

# %%
d_off = back_square(1.0)
d_prediction = back_subtract(d_off)
dw = back_scale(d_prediction)
print("backward:", dw, "<-", d_prediction, "<-", d_off, "<-", 1.0)

assert (d_off, d_prediction, dw) == (8, 8, 16)

# %% [markdown]
# That is the **chain rule**. Done from the last function to the first, it is called *back-propagation*. (One more rule
# comes below: what is used twice adds up.) Is it true? Nudge the whole chain.

# %%
error_nudged = ((w + 0.001) * 2 - 6) ** 2
print(f"nudging the whole chain: {(error_nudged - error) / 0.001:.3f}, going back: {dw}")

assert np.isclose((error_nudged - error) / 0.001, dw, atol=0.005)

# %% [markdown]
# Why go back at all, when nudging works? Because a network has many weights. Going back once gives the derivative for
# *all* of them; nudging needs a whole forward calculation for each.
#
# ## Why `y, backward`: the self.cache bug
#
# To go back, the square must remember its x. Many programs store it on an object, often under the name `cache`. For
# that they write a **class**, a plan for objects that keep values of their own. Inside it `self` is the object, so what
# is put into `self.cache` is still there after the call. And `__call__` is what runs when you use the object like a
# function, `cached(3.0)`. Watch what happens when the same object is used twice before anyone goes back.

# %%


class CachedSquare:
    """The square that remembers its x on itself. Do not write this."""

    def __call__(self, x):
        self.cache = x
        return x * x

    def backward(self, dy):
        return 2 * self.cache * dy


cached = CachedSquare()
first, second = cached(3.0), cached(5.0)  # the second call overwrites what the first one remembered
wrong = cached.backward(1.0)  # going back through the first call

first, back_first = square(3.0)
second, back_second = square(5.0)
right = back_first(1.0)
print(f"derivative of the square at 3: with a cache {wrong}, with a function of its own {right}")

assert (wrong, right, back_second(1.0)) == (10, 6, 10)

# %% [markdown]
# 10 instead of 6, and no error message. `back_first` and `back_second` are two functions, and each keeps its own x. So
# all of tinycolor is written this way: `y, backward = layer(x)`. The `layer.predict(x)` of lesson 2 gives y alone, for
# when nobody goes back. (Calling a layer twice before going back is not rare. You will meet a network that judges a
# real picture and a fake one, and learns from both. PyTorch keeps a record of each call, so it does not have this bug.)
#
# ## Learning: walk downhill
#
# dw = 16 at w = 5 says: move w up, and the error goes up 16 times as fast. So move it **down**. A negative dw says the
# opposite. Either way, `w = w - something * dw` makes the error smaller, if the step is short enough. The something is
# called the **learning rate**. Start at w = 0 and take 20 steps.

# %%
w = 0.0
for step in range(20):
    prediction, back_scale = scale(w, 2)
    off, back_subtract = subtract(prediction, 6)
    error, back_square = square(off)
    dw = back_scale(back_subtract(back_square(1.0)))
    if step < 5 or step == 19:
        print(f"step {step:2}: w {w:.4f}, error {error:8.4f}, dw {dw:8.4f}")
    w = w - 0.05 * dw

assert abs(w - 3) < 0.001  # 3 * 2 = 6: nobody told it

# %% [markdown]
# It found 3, because 3 * 2 = 6. Look at dw: far away the hill is steep and the steps are long; near the bottom they
# become short by themselves.
#
# Now the same 20 steps with other learning rates: a tenth of that, and a good five times as much.

# %%
walks = {}
for learning_rate in (0.005, 0.05, 0.27):
    w = 0.0
    walks[learning_rate] = [w]
    for _ in range(20):
        prediction, back_scale = scale(w, 2)
        off, back_subtract = subtract(prediction, 6)
        error, back_square = square(off)
        w = w - learning_rate * back_scale(back_subtract(back_square(1.0)))
        walks[learning_rate].append(w)
    print(f"learning rate {learning_rate:<5}: after 20 steps w is {w:9.4f}, error {(w * 2 - 6) ** 2:.2g}")

assert 1.5 < walks[0.005][-1] < 2  # too small: on its way, but not there
assert abs(walks[0.05][-1] - 3) < 0.001
assert abs(walks[0.27][-1] - 3) > 50  # too large: each step lands further away on the other side

# %% [markdown]
# Too large is not "faster": each step jumps over the valley and lands higher up on the other side. When an error grows
# instead of shrinking, suspect the learning rate first.

# %%
names = {0.005: "too small: 0.005", 0.05: "right: 0.05", 0.27: "too large: 0.27 (wider view)"}
figure, axes = plt.subplots(1, 3, figsize=(10, 4), layout="constrained")
for axis, (learning_rate, walk), reach in zip(axes, walks.items(), [(-0.8, 6.8), (-0.8, 6.8), (-4, 10)], strict=True):
    ws = np.linspace(*reach, 200)
    steps = np.array(walk[:6])
    axis.plot(ws, (ws * 2 - 6) ** 2, color="#999999", linewidth=2)
    axis.plot(steps, (steps * 2 - 6) ** 2, "o-", color="#d35400", markersize=7, linewidth=1.5)
    axis.plot(0, 36, "o", color="black", markersize=9, label="start: w = 0")
    axis.legend(loc="upper center")
    axis.set_title(names[learning_rate], fontsize=12)
    axis.set_xlabel("weight w")
axes[0].set_ylabel("error, (w * 2 - 6) squared")
figure.suptitle("The first five steps with three learning rates", fontsize=13)
figures.save(figure, "04_learning")

# %% [markdown]
# ## The same with the library
#
# `tc.Linear(1, 1)` is one weight and one bias: y = x * weight + bias. Let it find the line y = 2x + 1 from five points.
# `tc.losses.mse` is the *mean squared error*: the mean of our squares over all points. It returns the error, also
# called the loss, and the `dy` to start from.

# %%
inputs = np.array([[-2], [-1], [0], [1], [2]], np.float32)  # (5, 1): five examples of one number each
targets = 2 * inputs + 1
neuron = tc.Linear(1, 1)
optimizer = tc.optim.SGD(neuron.parameters(), learning_rate=0.1)

for step in range(60):
    y, backward = neuron(inputs)
    loss, dy = tc.losses.mse(y, targets)
    neuron.zero_grad()
    backward(dy)
    optimizer.step()
    if step % 10 == 0:
        print(f"step {step:2}: loss {loss:.6f}")
print(f"weight {neuron.weight.data[0, 0]:.4f}, bias {neuron.bias.data[0]:.4f}")

assert np.isclose(neuron.weight.data[0, 0], 2, atol=1e-3)
assert np.isclose(neuron.bias.data[0], 1, atol=1e-3)

# %% [markdown]
# Five lines: forward, loss, clear the gradients, backward, step. Every network in this course, up to those that colour
# photos, is trained by these five lines. (The list of all derivatives is called the *gradient*. SGD is the walk that
# you have just seen, `w = w - learning_rate * dw`.)
#
# ## Why `zero_grad`
#
# `backward` puts the derivative of each weight into its `.grad`. It does not overwrite what is there, it **adds**. That
# is right: a weight that is used in two places moves the error along both, and the nudges add up. But it also means
# that yesterday's gradient stays until you clear it. Go back twice without clearing:

# %%
neuron.weight.data = np.array([[1.0]], np.float32)
neuron.zero_grad()
for call in ("once", "twice"):
    y, backward = neuron(inputs)
    loss, dy = tc.losses.mse(y, targets)
    backward(dy)
    print(f"weight.grad after going back {call}: {neuron.weight.grad[0, 0]:.1f}")

assert np.isclose(neuron.weight.grad[0, 0], -8, atol=0.01)  # once: -4.0, and that was the truth

# %% [markdown]
# ## What you know now
#
# - A derivative says how many times as far the result moves as a nudged number does.
# - Chain rule: nudges multiply. Call the `backward` functions in reverse.
# - `y, backward = f(x)`: each call keeps what it needs, so calls never disturb each other.
# - Learning is walking downhill: `w = w - learning_rate * dw`. Too small is slow, too large flies off.
# - Gradients add up; `zero_grad` clears them.
#
# The square has one input. A filter has nine, slides over a whole picture, and each pixel is used many times. What does
# its `backward` look like, and how would you know if you got it wrong? That is lesson 5.
#
# **Now you**: `lessons/exercises/04_learning.py`. You write two functions with their way back, and chain them.

# %%
figures.show()
