# %% [markdown]
# # 3. Voting: the neuron, and what a hidden layer is for
#
# Lesson 2 left twelve numbers: three features, each looked for in four corners of the picture. Now they vote on what
# the picture shows. How a vote is counted is all there is to an artificial *neuron*.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data.shapes import CIRCLE, CROSS, FEATURES

np.set_printoptions(precision=2, suppress=True)

# %% [markdown]
# ## Twelve numbers
#
# Convolution, ReLU, and pooling twice, as in lesson 2, one after the other. `Flatten` writes what comes out in one
# line: upper left (falling line, small cross, rising line), then upper right, lower left, lower right. Three pictures
# go through: a cross, a circle, and an empty sheet that is nothing but ground.

# %%
conv = tc.Conv2d(1, 3, 3, bias=False)
conv.weight.data = FEATURES / 9
pool = tc.MaxPool2d(2, ceil_mode=True)
see = tc.Sequential(conv, tc.ReLU(), pool, pool, tc.Flatten())
pictures = np.stack([CROSS, CIRCLE, np.full_like(CROSS, -1)])  # (3, 9, 9, 1)
inputs = see.predict(pictures)  # (3, 12)
cross_inputs, circle_inputs, empty_inputs = inputs
print("cross: ", cross_inputs)
print("circle:", circle_inputs)
print("empty: ", empty_inputs)

assert inputs.shape == (3, 12)
assert np.isclose(empty_inputs[0], (6 - 3) / 9)

# %% [markdown]
# Why 0.33 for a line on an empty sheet? Six of the nine dots of its filter are ground, and those match: (6 - 3) / 9.
#
# ## One neuron by hand
#
# Not every number deserves the same say. A number that is larger for the cross speaks for the cross: it gets the
# **weight** +5. One that is larger for the circle speaks against it: -5. One that is the same for both says nothing: 0.

# %%
weights = 5 * np.sign((cross_inputs - circle_inputs).round(2))  # sign: +1, -1, or 0 for 0
print("weights of the cross vote:", weights.astype(int))

# %% [markdown]
# Now count. Multiply each input by its weight and add everything up. It is the sum of lesson 1 once more: the weights
# are a picture of what the neuron looks for.

# %%
total = 0.0
for value, weight in zip(cross_inputs, weights, strict=True):
    total += value * weight
sums = inputs @ weights  # @ does the same in one step, for all three pictures
print("sums for cross, circle, empty sheet:", sums.round(2) + 0)  # + 0 turns -0 into 0

assert np.isclose(total, sums[0])
assert np.allclose(sums, [125 / 9, -55 / 9, 0], atol=1e-5)

# %% [markdown]
# 13.89 for the cross, -6.11 for the circle, 0 for the empty sheet. How much is enough? That is for the **bias** to say:
# a number added to the sum, the same for every picture. A bias of -4 means: *below 4 I say no*. Any threshold well
# between 0 and 13.89 would do.
#
# Last, the **sigmoid** squashes the result, however large, into the range from 0 (no) to 1 (yes):
# $\sigma(z) = 1 / (1 + e^{-z})$, in Python `1 / (1 + np.exp(-z))`. Here e is a number, about 2.718. For a large z,
# e to the power of -z is tiny: z = 4 gives 0.98. For a z far below 0 it is huge: z = -4 gives 0.02. At z = 0 the
# sigmoid is undecided: 0.5.


# %%
def sigmoid(z):
    """Squash any number into 0 to 1."""
    return 1 / (1 + np.exp(-z))


bias = -4
vote = sigmoid(total + bias)
print("cross vote for the cross:", round(float(vote), 4))

assert sigmoid(0) == 0.5
assert sigmoid(4).round(2) == 0.98
assert sigmoid(-4).round(2) == 0.02
assert vote > 0.9

# %% [markdown]
# Why weights of 5, and not 1? To be surer. With all numbers five times smaller, the cross would get only 0.88, and the
# empty sheet 0.31.

# %%
unsure = sigmoid((sums + bias) / 5)
print("votes with weights of 1 and bias -0.8:", unsure)

assert np.allclose(unsure[[0, 2]], [0.88, 0.31], atol=0.005)

# %% [markdown]
# So a neuron is $\sigma(\sum_i w_i x_i + b)$, in Python `sigmoid((w * x).sum() + b)`. (The sign $\sum_i$ says: add up
# over all i. The survey leaves out the sum and the bias.) Here is what the bias does: it moves the threshold. Without
# one, the empty sheet is a "perhaps". With -20, even the cross is not enough.

# %%
for b in (0, -4, -20):
    for_cross, for_circle, for_empty = sigmoid(sums + b)
    print(f"bias {b:3}: cross {for_cross:.2f}, circle {for_circle:.2f}, empty sheet {for_empty:.2f}")

assert sigmoid(sums[2]).round(2) == 0.5
assert sigmoid(sums[0] - 20) < 0.1

# %% [markdown]
# ## Two neurons: a layer
#
# A second neuron votes for "circle". Its weights are the opposite ones, so its sum is 6.11 for the circle and 0 for the
# empty sheet; its bias of -3 puts the threshold halfway. Two neurons with the same inputs are a fully connected layer,
# `tc.Linear(12, 2)`. The sigmoid is a layer of its own.

# %%
by_hand = np.stack([sigmoid(inputs @ weights - 4), sigmoid(inputs @ -weights - 3)], axis=1)

linear = tc.Linear(12, 2)
linear.weight.data = np.stack([weights, -weights], axis=1)  # (12, 2): one column per neuron (PyTorch: a row)
linear.bias.data = np.array([-4, -3], np.float32)
print(tc.explain(linear, inputs, at=(0, 0)))  # picture 0, neuron 0: all that is said for and against (2e-06: 0.000002)

votes = tc.Sequential(linear, tc.Sigmoid()).predict(inputs)  # (3, 2)
for name, (for_cross, for_circle) in zip(["cross", "circle", "empty sheet"], votes, strict=True):
    print(f"{name}: cross {for_cross:.2f}, circle {for_circle:.2f}")

assert np.allclose(votes, by_hand, atol=1e-6)
assert votes[0, 0] > 0.9
assert votes[1, 1] > 0.9
assert max(votes[0, 1], votes[1, 0], *votes[2]) < 0.1

# %% [markdown]
# The two votes are independent. They are not shares that must sum to 1, so the empty sheet can get two low votes:
# *neither*. Shares could not say that, unless *neither* were a third kind. `tc.Softmax`, which makes shares of the same
# two sums, calls the empty sheet a circle with 73 %.

# %%
shares = tc.Softmax().predict(linear.predict(inputs))
print("shares for the empty sheet:", shares[2])

assert np.isclose(shares[2, 1], 0.73, atol=0.005)

# %% [markdown]
# ## What one layer cannot do
#
# Forget pictures for a moment. Two inputs, each 0 or 1. The answer is yes if *exactly one* of them is 1. This is called
# XOR, "one or the other, not both". Can one neuron learn it? The loop below starts at random weights and nudges them
# 500 times towards less error. Lessons 4 to 6 explain each of its lines; here, just watch.

# %%
x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
answers = np.array([[0], [1], [1], [0]], np.float32)

one_layer = tc.Sequential(tc.Linear(2, 1), tc.Sigmoid())
optimizer = tc.optim.SGD(one_layer.parameters(), 1.0)
for _ in range(500):
    y, backward = one_layer(x)
    loss, dy = tc.losses.bce(y, answers)
    one_layer.zero_grad()
    backward(dy)
    optimizer.step()
print("one neuron, trained on XOR:", one_layer.predict(x).ravel())

assert np.allclose(one_layer.predict(x), 0.5, atol=0.01)

# %% [markdown]
# Four times 0.5: it answers "perhaps" to everything. Is the loop to blame? Let us try *all* neurons with two weights
# and a bias from -10 to 10 in half steps, 68,921 of them, and count how many of the four answers each gets right.

# %%
grid = np.linspace(-10, 10, 41)
# w1, w2 and b are three long columns, (68921, 1) each; together, line by line, they hold all combinations.
w1, w2, b = (axis.reshape(-1, 1) for axis in np.meshgrid(grid, grid, grid))
says_yes = w1 * x[:, 0] + w2 * x[:, 1] + b > 0  # (68921, 4): the sigmoid is above 0.5 where the sum is above 0
right = (says_yes == (answers.ravel() == 1)).sum(axis=1)
print("neurons tried:", right.size, " best score:", right.max(), "of 4")

assert right.size == 68921
assert right.max() == 3

# %% [markdown]
# Three, never four. And no other neuron can do better; you can see it with a pencil:
#
# - Yes at (1, 0) and (0, 1) means `w1 + b > 0` and `w2 + b > 0`. Added up: `w1 + w2 + 2*b > 0`.
# - No at (0, 0) and (1, 1) means `b <= 0` and `w1 + w2 + b <= 0`. Added up: `w1 + w2 + 2*b <= 0`.
# - The same number cannot be above 0 and not above 0.
#
# In the plane of the two inputs a neuron draws one straight line, yes on one side, no on the other. No straight line
# parts these four points.
#
# ## A hidden layer
#
# But two lines do. Let one neuron answer "is at least one of them 1?" (OR) and another "are both 1?" (AND). Then a
# third votes on *their* answers: OR, and not AND. The two in the middle are called **hidden**, since nobody outside
# sees what they say.

# %%
hidden, output = tc.Linear(2, 2), tc.Linear(2, 1)
hidden.weight.data = np.array([[20, 20], [20, 20]], np.float32)  # one column per neuron: OR, AND
hidden.bias.data = np.array([-10, -30], np.float32)  # OR wants more than half of a 20, AND more than one and a half
output.weight.data = np.array([[20], [-20]], np.float32)  # OR speaks for it, AND against it
output.bias.data = np.array([-10], np.float32)
by_design = tc.Sequential(hidden, tc.Sigmoid(), output, tc.Sigmoid())
print("OR and AND:", tc.Sigmoid().predict(hidden.predict(x)).round(2).tolist())
print("XOR by design:", by_design.predict(x).ravel())

assert abs(by_design.predict(x) - answers).max() < 0.001

# %% [markdown]
# The squashing between the layers matters. Without it, a weighted sum of weighted sums is again one weighted sum: two
# layers would be one. The ReLU after a convolution is there for this reason too.
#
# Nobody has to design the hidden neurons. Give the same loop four of them, and it finds its own. (`Tanh` squashes into
# -1 to 1. The first weights are drawn at random, always the same ones because of the fixed seed.)

# %%
trained = tc.Sequential(tc.Linear(2, 4), tc.Tanh(), tc.Linear(4, 1), tc.Sigmoid())
tc.init.glorot_uniform(trained, tc.Generator(seed=0))
optimizer = tc.optim.SGD(trained.parameters(), 1.0)
for _ in range(1000):
    y, backward = trained(x)
    loss, dy = tc.losses.bce(y, answers)
    trained.zero_grad()
    backward(dy)
    optimizer.step()
print("XOR, trained:", trained.predict(x).ravel())

assert abs(trained.predict(x) - answers).max() < 0.1

# %% [markdown]
# ## The figure
#
# Left: the twelve inputs with their weights, and the votes they lead to. Right: the XOR plane. The words are the right
# answers, the colour is what a network answers there: first one neuron, then the network with the trained hidden layer.
# The one neuron is an OR, because no single neuron does better: three of four are right.

# %%
figure = plt.figure(figsize=(11.5, 7), layout="constrained")
left, right_side = figure.subfigures(1, 2, width_ratios=[1.6, 1])
above, below = left.subplots(2, 1, height_ratios=[1.2, 1])
places = np.arange(12)
above.bar(places - 0.2, cross_inputs, 0.4, color="#e67e22", label="cross")
above.bar(places + 0.2, circle_inputs, 0.4, color="#24527a", label="circle")
above.set_xticks(places, [f"{weight:+.0f}" if weight else "0" for weight in weights])
for number, corner in enumerate(["upper left", "upper right", "lower left", "lower right"]):
    above.text(3 * number + 1, 1.05, corner, ha="center")
    if number > 0:
        above.axvline(3 * number - 0.5, ymax=0.78, color="#999999", linestyle=":")
above.set(title="Twelve inputs, and their weights in the cross vote", xlabel="weight", ylabel="input", ylim=(0, 1.45))
above.legend(ncols=2, loc="upper right")
for number, (name, color) in enumerate([("cross vote", "#e67e22"), ("circle vote", "#24527a")]):
    bars = below.bar(np.arange(3) + 0.4 * number - 0.2, votes[:, number], 0.4, color=color, label=name)
    below.bar_label(bars, fmt="%.2f")
below.set_xticks(range(3), ["a cross", "a circle", "an empty sheet"])
below.set(title="Two independent votes for each picture", ylabel="vote", ylim=(0, 1.3))
below.legend(ncols=2, loc="upper right")

side = np.linspace(-0.5, 1.5, 101, dtype=np.float32)
plane = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)  # (10201, 2): all points of the plane
an_or = sigmoid(plane @ [20, 20] - 10)
views = {"One neuron, an OR: wrong at (1, 1)": an_or, "With a hidden layer: all four right": trained.predict(plane)}
planes = right_side.subplots(2, 1)
look = {"origin": "lower", "extent": (-0.5, 1.5, -0.5, 1.5), "cmap": "cividis", "vmin": 0, "vmax": 1}
for axis, (title, values) in zip(planes, views.items(), strict=True):
    shown = axis.imshow(values.reshape(101, 101), **look)
    axis.set(title=title, xlabel="first input", ylabel="second input", xticks=[0, 1], yticks=[0, 1])
    for (first, second), answer in zip(x, answers.ravel(), strict=True):
        word = "yes" if answer else "no"
        axis.text(first, second, word, ha="center", va="center", bbox={"facecolor": "white", "boxstyle": "round"})
right_side.colorbar(shown, ax=planes, label="the network's answer, from 0 (no) to 1 (yes)")
figures.save(figure, "03_voting")

# %% [markdown]
# ## What you know now
#
# - A neuron adds up input times weight, adds its bias, and squashes: `sigmoid((w * x).sum() + b)`.
# - Weights say who counts how much, the bias says how much is enough.
# - Sigmoid votes are independent: a picture may be neither.
# - One layer draws a straight line. A hidden layer with a squash between lets a network bend it.
#
# We chose the weights for the pictures by looking at two drawings. For ten thousand photographs nobody can. How does
# the loop know which way to nudge each weight? Lesson 4.
#
# **Now you**: `lessons/exercises/03_voting.py`. You build AND, OR and NOT out of neurons, and XOR out of them.

# %%
figures.show()
