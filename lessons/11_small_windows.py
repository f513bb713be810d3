# %% [markdown]
# # 11. Small windows that see far: VGG-16
#
# Stripes fill the lower half of a photo: floor boards, or a mown lawn? The stripes look alike. The answer is farther
# up, a wall or a sky, and a filter of 3x3 sees nine dots. How can a network see far? K. Simonyan and A. Zisserman
# ("Very deep convolutional networks for large-scale image recognition", ICLR 2015) took nothing but windows of 3x3, and
# stacked them high. Their tower of thirteen is called VGG-16.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data.shapes import CIRCLE, CROSS
from tinycolor.data.shipped import FOLDER, attributions
from tinycolor.networks.vgg import CHANNELS, CONVOLUTIONS, HIDDEN, MAP, vgg_blocks

# %% [markdown]
# ## How far does a number see?
#
# Let the way back tell. Give backward a dy that is 1 at one number of the result, and 0 elsewhere. Then dx says how
# much *that number* moves if a dot moves. Where dx is 0, the number doesn't see the dot. All dots that it sees are its
# **receptive field**, or field for short.
#
# Here are one, two and three layers with windows of 3x3, one behind the other. Every weight is 1, so that dx counts
# something: in how many ways a dot reaches the number. (The library can also work a field out: `receptive_field`.)

# %%
for count in (1, 2, 3):
    stack = tc.Sequential(*[tc.Conv2d(1, 1, 3, bias=False) for _ in range(count)])
    for parameter in stack.parameters():
        parameter.data = np.ones_like(parameter.data)
    y, backward = stack(np.zeros((1, 9, 9, 1), np.float32))
    dy = np.zeros_like(y)
    dy[0, y.shape[1] // 2, y.shape[2] // 2] = 1  # the number in the middle
    ways = backward(dy)[0, :, :, 0]  # (9, 9)
    side = (ways[4] != 0).sum()
    print(f"{count} x 3x3: sees {side}x{side}; ways from the middle row:", ways[4].astype(int))
    assert tc.receptive_field(stack) == (side, side) == (2 * count + 1, 2 * count + 1)

assert ways[4].tolist() == [0, 7, 21, 42, 49, 42, 21, 7, 0]
assert ways[1, 1] == 1

# %% [markdown]
# Two see as far as one window of 5x5 (lesson 8 said so), three as far as one of 7x7: each adds a dot on every side.
# They don't look evenly. The dot in the middle has 49 ways to reach the number, a dot in the corner of its field just
# one.
#
# ## Fewer weights, more kinks
#
# Then why not one window of 7x7? Count the weights, with 64 channels in and 64 out.

# %%
three_small = 3 * tc.Conv2d(64, 64, 3).weight.data.size
one_large = tc.Conv2d(64, 64, 7).weight.data.size
print(f"three 3x3: {three_small:,} weights; one 7x7: {one_large:,}, {one_large / three_small - 1:.0%} more")

assert three_small == 3 * 9 * 64 * 64  # 27 for each pair of channels
assert one_large == 49 * 64 * 64
assert round(100 * one_large / three_small) == 181

# %% [markdown]
# And behind each small window there is room for a ReLU, which bends a straight line at 0: three kinks where the large
# window has a single one. They matter. Without them our stack *is* a window of 7x7: take the ways for its weights. With
# two of them, as below, it does what no window of 7x7 can. (Lesson 3: XOR needs a hidden layer. Here are two.)

# %%
large = tc.Conv2d(1, 1, 7, bias=False)
large.weight.data = ways[1:8, 1:8].reshape(7, 7, 1, 1)
noise = tc.Generator(11).normal((1, 9, 9, 1))
first, second, third = stack.layers
with_kinks = tc.Sequential(first, tc.ReLU(), second, tc.ReLU(), third)
for name, net in {"stack": stack, "7x7": large, "with kinks": with_kinks}.items():
    print(f"{name:10}: {net.predict(noise)[0, 1, 1, 0]:.3f} in the middle")

assert np.allclose(stack.predict(noise), large.predict(noise), atol=1e-3)
assert not np.allclose(with_kinks.predict(noise), large.predict(noise), atol=1)

# %% [markdown]
# The paper tried it: with one 5x5 in place of each pair of 3x3, a network's error rose by 7 %.
#
# ## Thirteen windows and five pools
#
# One dot, and two more for each: thirteen windows would see 27x27. VGG-16's photos have 224x224. It is **pooling** that
# makes them see far. Behind a pooling, two neighbours on the map lie two dots apart on the photo: the **step** is 2. So
# a 3x3 window adds four dots there, and not two. Each pooling doubles the step; its own 2x2 window adds a single step.
#
# `vgg_blocks` makes the five blocks. A field doesn't depend on how many filters there are, so we take a 64th of them.

# %%
blocks = vgg_blocks(width=1 / 64)
layers = [layer for block in blocks for layer in block.layers if not isinstance(layer, tc.ReLU)]  # a ReLU sees one dot
fields, step = [1], 1
for n, layer in enumerate(layers):
    field, _ = tc.receptive_field(tc.Sequential(*layers[: n + 1]))
    is_pool = isinstance(layer, tc.MaxPool2d)
    assert field == fields[-1] + (step if is_pool else 2 * step)  # windows of 2 and of 3
    step = 2 * step if is_pool else step
    fields.append(field)
    print(f"{'pool' if is_pool else '3x3 '}  field {field:3}, step {step}")

assert fields == [1, 3, 5, 6, 10, 14, 16, 24, 32, 40, 44, 60, 76, 92, 100, 132, 164, 196, 212]

# %% [markdown]
# 212 of 224 dots. Is it true? Ask the way back again, now through all five blocks, ReLUs included. Where a ReLU is shut
# nothing comes back, so we keep them open: photos and weights above 0. A pool hands dy only to the number that won. So
# we take eight photos of noise, in which others win each time, and see what the eight find together.

# %%
tower = tc.Sequential(*blocks)
tc.init.he_normal(tower, tc.Generator(11))
for parameter in tower.parameters():
    parameter.data = abs(parameter.data)
y, backward = tower(tc.Generator(11).uniform((8, 224, 224, 3)))
dy = np.zeros_like(y)
dy[:, 3, 3] = 1  # the middle of the last map, which is 7x7
seen = np.argwhere(backward(dy).any((0, 3)))  # row and column of each dot that is seen
print(f"last map {y.shape[1]}x{y.shape[2]}; its middle sees rows and columns {seen.min(0)} to {seen.max(0)}")

assert (seen.max(0) - seen.min(0) + 1).tolist() == [212, 212]

# %% [markdown]
# ## Where are the weights, and where is the work?
#
# Behind the tower three layers vote, as in lesson 3: from 7 * 7 * 512 numbers to 4096 neurons, from all of these to
# 4096 again, and from those to 1000 kinds of things. (Such layers are called *fully connected*. Thirteen and three:
# 16.) The weights fill half a gigabyte. But we can count them without making them: a filter has 3 * 3 * (channels in)
# weights and a bias. Work, as in lesson 7: a filter's weights are used once at every place, a vote's weights just once.

# %%
costs = {}  # of each part: the weights, biases included, and the multiplications
inputs, side = 3, 224
for n, (channels, count) in enumerate(zip(CHANNELS, CONVOLUTIONS, strict=True)):
    filters = sum(3 * 3 * (channels if i else inputs) * channels for i in range(count))
    costs[f"block {n + 1}"] = filters + count * channels, filters * side * side
    inputs, side = channels, side // 2
for n, (ins, outs) in enumerate([(side * side * inputs, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, 1000)]):
    costs[f"vote {n + 1}"] = ins * outs + outs, ins * outs
weights, work = np.array(list(costs.values())).T
for name, (weight, products) in costs.items():
    print(f"{name}: {weight:11,} weights ({weight / weights.sum():5.1%}), ", end="")
    print(f"{products:13,} multiplications ({products / work.sum():5.1%})")
print(f"in all: {weights.sum():,} weights, {work.sum():,} multiplications for one photo")

real = tc.Sequential(tc.Conv2d(3, 64, 3), tc.Conv2d(64, 64, 3))
assert weights[0] == sum(parameter.data.size for parameter in real.parameters())  # real layers, to check block 1
assert side == MAP == 7
assert weights.sum() == 138_357_544
assert 0.74 < weights[5] / weights.sum() < 0.75
assert weights[:5].sum() < 0.11 * weights.sum()
assert work[:5].sum() > 0.99 * work.sum()
assert weights[:2].sum() < 0.002 * weights.sum()
assert work[:2].sum() > 0.3 * work.sum()

# %% [markdown]
# Three of four weights sit in the first layer that votes, and it does less than a hundredth of the work. The tower is
# the other way round: about a tenth of the weights, 99 % of the work. The first two blocks have only 0.2 % of the
# weights, but 30 % of the work: their few weights are used at 224 * 224 = 50,176 places, and then at a quarter as many.
#
# Now look at a photo through all five blocks. What does a number in the middle of the map see, at the end of each
# block, before the pool? (The lower half of the figure shows the fields and the shares that were printed above.)

# %%
photo_name = "scipy-face.jpg"
photo = tc.open_image(FOLDER / photo_name)[38:262, 210:434]  # (224, 224, 3)
figure = plt.figure(figsize=(11, 5.4), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=[1, 1.35])
axes = above.subplots(1, 6)
axes[0].imshow(photo)
axes[0].set_title("the photo, 224x224", fontsize=10)
for n, (field, colour) in enumerate(zip([5, 14, 40, 92, 196], plt.cm.plasma(np.linspace(0, 0.8, 5)), strict=True)):
    start = 112 - field // 2
    axes[0].add_patch(plt.Rectangle((start, start), field, field, fill=False, edgecolor=colour, linewidth=2))
    axes[n + 1].imshow(photo[start : start + field, start : start + field])
    axes[n + 1].set_title(f"block {n + 1} sees {field}x{field}", fontsize=10)
    axes[n + 1].spines[:].set(edgecolor=colour, linewidth=3)
for axis in axes:
    axis.set(xticks=[], yticks=[])
growth, shares = below.subplots(1, 2)
depths = range(len(fields))
pools = [n for n in depths if n and isinstance(layers[n - 1], tc.MaxPool2d)]
growth.plot(depths, fields, "o-", color="#1f77b4", label="VGG-16: a 3x3")
growth.plot(pools, [fields[n] for n in pools], "o", color="#1f77b4", markerfacecolor="white", label="VGG-16: a pool")
growth.plot(range(14), range(1, 28, 2), "o--", color="#888888", markersize=4, label="thirteen 3x3, no pools")
growth.set(title="How far a number sees", xlabel="layers so far", ylabel="side of its field, in dots")
growth.set_xticks(range(0, 19, 2))
growth.legend(fontsize=9)
places = np.arange(len(costs))
shares.bar(places - 0.2, 100 * weights / weights.sum(), 0.4, color="#d62728", label="weights")
shares.bar(places + 0.2, 100 * work / work.sum(), 0.4, color="#1f77b4", label="multiplications")
shares.set(title="VGG-16: where the weights sit, and where the work", ylabel="per cent")
shares.set_xticks(places, [name.replace(" ", "\n") for name in costs])
shares.legend(fontsize=9)
figure.supxlabel(f"Photo: {attributions()[photo_name]}, cropped", fontsize=8)
figures.save(figure, "11_vgg")

# %% [markdown]
# What are the stripes in the middle? In the 40x40 of block 3 they could be anything. Block 4 has an eye on either side
# of them. Block 5 has the whole face of a raccoon.
#
# ## Does it help? Who stands on the left?
#
# A task for far sight: a cross and a circle in one row. Is the cross on the left? Every picture has one of each, so
# whoever sees just one of them at a time sees the same things in all pictures. (The ground is 0 here, and the networks
# have no biases while they look. So the border of zeros looks like more ground, and tells nobody where left is.)


# %%
def put(left_mark, right_mark, row, column, apart):
    """Return a picture (24, 56, 1) with two marks in a row, so many dots apart from middle to middle."""
    picture = np.zeros((24, 56, 1), np.float32)
    picture[row : row + 9, column : column + 9] = left_mark > 0
    picture[row : row + 9, column + apart : column + apart + 9] = right_mark > 0
    return picture


def draw_rows(count, epoch, step, apart):
    """Return pictures (N, 24, 56, 1), and the votes wanted, (N, 1): 1 if the cross is on the left, else 0."""
    rng = tc.Generator(11, epoch, step)
    cross_left, rows, columns = (rng.integers(low, high, (count,)) for low, high in ((0, 2), (4, 12), (8, 16)))
    marks = [(CROSS, CIRCLE) if yes else (CIRCLE, CROSS) for yes in cross_left]
    x = np.stack([put(*pair, i, j, apart) for pair, i, j in zip(marks, rows, columns, strict=True)])
    return x, cross_left[:, None].astype(np.float32)


def tower_and_vote(*channels):
    """Return two networks: blocks of two 3x3 and a pool; and what comes behind them, down to one vote."""
    blocks, inputs = [], 1
    for outputs in channels:
        for filters in (inputs, outputs):
            blocks += [tc.Conv2d(filters, outputs, 3, padding=1, bias=False), tc.ReLU()]
        blocks.append(tc.MaxPool2d(2))
        inputs = outputs
    whole_map = (24 // 2 ** len(channels), 56 // 2 ** len(channels))
    vote = [tc.MaxPool2d(whole_map), tc.Flatten(), tc.Linear(inputs, 1), tc.Sigmoid()]
    return tc.Sequential(*blocks), tc.Sequential(*vote)


# %% [markdown]
# Two towers: one of two blocks, and a slimmer one of three, with fewer weights. Behind either, one more pool keeps the
# largest number of the whole map, for each channel, and a neuron votes. The marks stand 8 or 24 dots apart, from middle
# to middle. Five lines, 80 times; then an exam of 500 new pictures.

# %%
runs = {
    "two blocks, 8 apart": ((10, 16), 8),
    "two blocks, 24 apart": ((10, 16), 24),
    "three blocks, 24 apart": ((8, 10, 12), 24),
}
nets, losses, scores, sizes = {}, {}, {}, {}
for name, (channels, apart) in runs.items():
    tower, vote = tower_and_vote(*channels)
    net = nets[name] = tc.Sequential(tower, vote)
    tc.init.he_normal(net, tc.Generator(11))
    optimizer = tc.optim.Adam(net.parameters(), learning_rate=1e-2)
    losses[name] = []
    for step in range(80):
        x, target = draw_rows(16, 0, step, apart)
        y, backward = net(x)
        loss, dy = tc.losses.bce(y, target)
        net.zero_grad()
        backward(dy)
        optimizer.step()
        losses[name].append(float(loss))
    exam, answers = draw_rows(500, 1, 0, apart)
    scores[name] = ((net.predict(exam) > 0.5) == answers).mean()
    sizes[name] = sum(parameter.data.size for parameter in net.parameters())
    field, _ = tc.receptive_field(tower)
    print(f"{name:22}: field {field}, {sizes[name]:,} weights, {scores[name]:.1%} right")

near, far, deep = runs
assert scores[near] > 0.98
assert 0.4 < scores[far] < 0.6
assert scores[deep] > 0.98
assert sizes[deep] < sizes[far]

# %% [markdown]
# With 8 apart two blocks will do. With 24 apart they are a coin, and three blocks get it right, with fewer weights. Bad
# luck, or too few steps? No: two blocks *can't* do it. Take a picture, and swap the marks. Their nearest dots are 18
# apart, so a window that has both is at least 19 wide, and two blocks see 16. In both pictures their windows find the
# same things, 24 dots farther left or right. (24 is six times their step of 4, so even the pools cut both in the same
# way.) The last pool keeps the largest and forgets where. So the vote is the same, whatever the weights.

# %%
swapped = np.stack([put(CROSS, CIRCLE, 8, 12, 24), put(CIRCLE, CROSS, 8, 12, 24)])
votes = {name: nets[name].predict(swapped)[:, 0] for name in (far, deep)}
for name, (left, right) in votes.items():
    print(f"{name:22}: votes {left:.4f} with the cross on the left, {right:.4f} with the cross on the right")

inked = np.flatnonzero(swapped[0].any((0, 2)))  # the columns with a mark in them
assert np.diff(inked).max() == 18
assert abs(votes[far][0] - votes[far][1]) < 1e-4
assert votes[deep][0] - votes[deep][1] > 0.9

figure, axes = plt.subplots(1, 2, figsize=(10, 3.7), layout="constrained", width_ratios=[1.15, 1])
axes[0].imshow(swapped[0, :, :, 0], cmap="Greys", vmax=1.4)
axes[0].add_patch(plt.Rectangle((-0.5, -0.5), 56, 24, fill=False, edgecolor="#999999"))
for left, field, colour, blocks in ((12.5, 16, "#d62728", "two"), (9.5, 36, "#1f77b4", "three")):
    axes[0].add_patch(plt.Rectangle((left, 12 - field / 2), field, field, fill=False, edgecolor=colour, linewidth=2))
    axes[0].text(left, 14 + field / 2, f"{blocks} blocks see {field}x{field}", color=colour, fontsize=9)
axes[0].set(xlim=(-3, 58), ylim=(34, -8), title="A cross on the left, 24 apart")
axes[0].set_axis_off()
for (name, values), style in zip(losses.items(), ["#e9a3a3", "#d62728", "#1f77b4"], strict=True):
    smooth = np.convolve(values, np.ones(5) / 5, "valid")  # the mean of five steps each
    axes[1].plot(smooth, color=style, label=f"{name}: {scores[name]:.0%} right")
axes[1].set(title="Learning who stands on the left", xlabel="step", ylabel="loss (a coin: 0.69)", ylim=(-0.03, 1.05))
axes[1].legend(fontsize=9)
figures.save(figure, "11_far_sight")

# %% [markdown]
# It is like the apples of lesson 10: what isn't in view, nobody can know. The paper measured what depth does for photos
# of 1000 kinds of things. With 8 convolutions, the right kind was not among the network's first five guesses for 10.4 %
# of the photos; with VGG-16's 13, for 8.8 %. (Both have five pools. More windows see farther, and have more kinks.)
#
# (Another way to see far is to let everything vote on everything at once, as VGG-16 does at the top: by then just 7x7
# places are left, and even so it takes 103 million weights.)
#
# ## What you know now
#
# - A number's receptive field is all dots that it sees. The way back shows it.
# - Small windows, stacked, see as far as a large one, with fewer weights and more kinks.
# - Pooling doubles the step, so behind it each window adds twice as much. Thirteen 3x3 see 27 dots; with VGG-16's five
#   pools it is 212.
# - VGG-16 has 138 million weights. Most vote; the others do nearly all the work.
# - What lies outside the field can't be learned, however long one tries.
#
# And one thing to wonder about: VGG-16 says *what* is in a photo, one answer for the whole of it. A colorizer needs one
# for every dot. How can a network that sees far say *where*? Lesson 12.
#
# **Now you**: `lessons/exercises/11_small_windows.py`. You work out fields, and build a tower that sees far.

# %%
figures.show()
