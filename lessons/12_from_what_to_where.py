# %% [markdown]
# # 12. From what to where
#
# Lesson 11's network looks at a picture and says *what* it shows, with one row of numbers. It does not say *where*.
# J. Long, E. Shelhamer and T. Darrell saw in 2015 that it nearly could: what stands in the way is the last layers, and
# they can be read in another way without changing a single weight. Such a network is called *fully convolutional*,
# FCN. First you slide a small *classifier*, a network that says what, over a large sheet. Then you train three small
# FCNs, a coarse, a finer and a fine one, to name every dot of a street, and measure how well each does.

# %%
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.patches import Patch

import tinycolor as tc
from tinycolor import figures
from tinycolor.data import scenes, shapes
from tinycolor.data.label_maps import picture_input
from tinycolor.metrics import class_iou, confusion, mean_iou, pixel_accuracy
from tinycolor.networks.fcn import AddScores
from tinycolor.training.loop import train

# %% [markdown]
# ## A classifier for one window
#
# It is lesson 6's network, smaller and without a border of zeros: 28x28 dots become maps of 24x24, 12x12, 10x10, 5x5.
# Then Flatten lays the 5*5*16 = 400 numbers in a row, and a fully connected layer, `Linear`, casts two votes: *cross*,
# *circle*. New is that it must know when there is neither. So half of the drawings are rolled down, to the right, or
# both, by 5 to 23 dots; what leaves on one side comes in on the other. Then none lies in the middle, and both votes
# should be 0. (The sigmoid is in the loss here, `bce_with_logits`. What comes out are *scores*, above 0 for yes.)


# %%
def windows(count):
    """Hand out so many batches of 32 windows (32, 28, 28, 1) and their votes (32, 2)."""
    for step in range(count):
        x, votes = shapes.draw(32, 28, tc.Generator(12, epoch=0, step=step))
        shifts = tc.Generator(12, epoch=1, step=step).integers(5, 24, (16, 2))
        shifts[8:12, 0] = shifts[12:, 1] = 0
        for n in range(16):
            x[n] = np.roll(x[n], tuple(shifts[n]), axis=(0, 1))
        votes[:16] = 0
        yield x, votes


tower = [tc.Conv2d(1, 8, 5), tc.ReLU(), tc.MaxPool2d(2), tc.Conv2d(8, 16, 3), tc.ReLU(), tc.MaxPool2d(2)]
linear = tc.Linear(5 * 5 * 16, 2)
classifier = tc.Sequential(*tower, tc.Flatten(), linear)
tc.init.he_normal(classifier, tc.Generator(12))
losses = list(train(classifier, tc.optim.Adam(classifier.parameters(), 5e-3), windows(200), tc.losses.bce_with_logits))

exam, answers = shapes.draw(500, 28, tc.Generator(12, epoch=2))
votes = classifier.predict(exam)  # (500, 2)
print(f"loss from {losses[0]:.2f} to {np.mean(losses[-20:]):.3f};", end=" ")
print(f"{(votes.argmax(1) == answers.argmax(1)).mean():.1%} of 500 unseen drawings right")

assert (votes.argmax(1) == answers.argmax(1)).mean() > 0.97

# %% [markdown]
# ## A fully connected layer is a convolution
#
# Give it a sheet of 84x140 dots, and Linear refuses: it has 400 weights for each vote and would get many more numbers.
# But what does it do? It multiplies the 400 numbers of a 5x5 map of 16 channels by 400 weights, and adds them up. That
# is what a *filter of 5x5* does, when it lies on a map of 5x5: it has one place to lie, and gives one number. So write
# the same weights as two filters. Flatten took the map row by row, in each row column by column, and at each place all
# channels. So the 400 weights, read as 5 rows, 5 columns, 16 channels, fall into the right places by themselves.

# %%
sliding = tc.Conv2d(16, 2, 5)
sliding.weight.data = linear.weight.data.reshape(5, 5, 16, 2)  # from (400, 2): the same numbers in the same order
sliding.bias.data = linear.bias.data
fully_convolutional = tc.Sequential(*tower, sliding)

map_of_one = fully_convolutional.predict(exam)  # (500, 1, 1, 2): a map of one place
difference = abs(map_of_one[:, 0, 0] - votes).max()
print(f"Linear {votes[0]}, Conv2d {map_of_one[0, 0, 0]}; largest difference of 1,000 votes: {difference:.0e}")

assert map_of_one.shape == (500, 1, 1, 2)
assert difference < 1e-4  # votes are sums of 400 products; added in another order they may differ in the last digits

# %% [markdown]
# In VGG-16 it is the same with larger numbers: its first fully connected layer is a filter of 7x7 on 512 maps, 4,096
# times, and the two behind it are filters of 1x1.
#
# ## So it slides
#
# A convolution does not mind a larger map; it slides over it. Here is the sheet, with six drawings and stray dots.

# %%
drawings, kinds = shapes.draw(6, 28, tc.Generator(12, epoch=3))
corners = [(2, 5), (0, 45), (4, 100), (50, 20), (46, 66), (54, 108)]  # row and column of the upper left dot of each
sheet = np.where(tc.Generator(12, epoch=4).uniform((84, 140)) < 0.02, 1, -1).astype(np.float32)[..., None]
for drawing, (row, column) in zip(drawings, corners, strict=True):
    sheet[row : row + 28, column : column + 28] = drawing
scores = fully_convolutional.predict(sheet[None])[0]  # (15, 29, 2)
print("sheet:", sheet.shape, " scores:", scores.shape)

# %% [markdown]
# 15 times 29 answers. Behind two poolings, neighbours lie four dots apart. That is lesson 11's step; the paper, and we
# from here on, say *stride*, as for a single layer. So place (i, j) has seen the window that begins at row 4i, column
# 4j. Is it the answer that the classifier gives for that window alone? Cut out all 435 windows, and ask it.

# %%
cut_out = np.stack([sheet[4 * i : 4 * i + 28, 4 * j : 4 * j + 28] for i in range(15) for j in range(29)])
one_by_one = classifier.predict(cut_out).reshape(15, 29, 2)
print(f"largest difference: {abs(one_by_one - scores).max():.0e}, where scores go up to {abs(scores).max():.0f}")

assert np.allclose(one_by_one, scores, atol=1e-4)

# %% [markdown]
# The same answers, for far less work. Neighbouring windows share most of their dots, and the cut-out way computes them
# anew in each window. Count the products: places, times weights that meet there.

# %%
of_one_window = 24 * 24 * (25 * 8) + 10 * 10 * (9 * 8 * 16) + 1 * (400 * 2)
of_the_sheet = 80 * 136 * (25 * 8) + 38 * 66 * (9 * 8 * 16) + 15 * 29 * (400 * 2)
print(f"products: {435 * of_one_window:,} for 435 windows, {of_the_sheet:,} for the sheet at once")

assert 18 < 435 * of_one_window / of_the_sheet < 19

# %% [markdown]
# Such a map of answers is called a *heat map*. Below, each answer is drawn in the middle of its window, dark for a sure
# yes. (So the margin stays white: no window has its middle there.)

# %%
heat = 1 / (1 + np.exp(-scores))  # the sigmoid of lesson 3: from scores to 0..1
middle = 13.5 + np.array([-2, 4 * 28 + 2, 4 * 14 + 2, -2])  # left, right, lower and upper end of the map on the sheet
figure, axes = plt.subplots(1, 3, figsize=(11, 2.7), layout="constrained")
axes[0].imshow(sheet, cmap="gray", vmin=-1.6, vmax=1.2)
axes[0].set_title("the sheet, 84x140", fontsize=11)
for axis, number, name, colours in zip(axes[1:], (0, 1), ("cross", "circle"), ("Oranges", "Blues"), strict=True):
    axis.imshow(heat[..., number], extent=middle, cmap=colours, vmin=0, vmax=1)
    axis.contour(sheet[..., 0], levels=[0], colors="#999999", linewidths=0.5)
    axis.set_title(f"where it sees a {name}: 15x29 answers", fontsize=11)
for axis in axes:
    axis.set(xlim=(-0.5, 139.5), ylim=(83.5, -0.5), xticks=[], yticks=[])
figures.save(figure, "12_heat_map")

# %% [markdown]
# Nobody told it where anything is. It learned *what*, and sliding made it *where*, to within four dots or so.

# %%
for kind, (row, column) in zip(kinds.argmax(1), corners, strict=True):
    near = heat[row // 4 : row // 4 + 2, column // 4 : column // 4 + 2]  # the windows nearest to the drawing's
    assert near[..., kind].max() > 0.5 > near[..., 1 - kind].max()

# %% [markdown]
# ## Streets: a class for every dot
#
# To within four dots is coarse. VGG-16 has five poolings: stride 2*2*2*2*2 = 32. And now we want to name *every* dot.
# Lesson 10's streets tell the truth for that: `labels` has the class of each dot, one of 13: sky, sun, cloud...

# %%
streets = scenes.draw(320, 64, tc.Generator(12, epoch=5))
x, labels = picture_input(streets.photo), streets.labels  # red, green and blue, each brought to about -2..2
classes = len(scenes.LABELS)
share = dict(zip(scenes.LABELS, np.bincount(labels.ravel()) / labels.size, strict=True))  # of all dots
print("in:", x.shape, " wanted:", labels.shape, " classes:", classes)
print("shares:", ", ".join(f"{name} {part:.1%}" for name, part in share.items()))

assert 0.6 < share["sky"] + share["grass"] < 0.7
assert share["tyre"] < 0.006

# %% [markdown]
# The network is to give 13 scores for each dot; the largest names the class. To learn, scores are made into shares,
# which are above 0 and together 1: e to the power of each, divided by their sum (*softmax*). A dot costs -log(share of
# its true class), and the loss is the mean over all dots (`cross_entropy`). With three classes:

# %%
some_scores = np.array([2.0, 1, 0])
shares = np.exp(some_scores) / np.exp(some_scores).sum()
print("scores", some_scores, "shares", shares.round(2), "costs if that class is true", -np.log(shares).round(2))

assert np.isclose(tc.losses.cross_entropy(some_scores, np.array(1))[0], -np.log(shares[1]))

# %% [markdown]
# ## The way up begins as straight lines
#
# At stride 8 a street of 64x64 dots has 8x8 places with 13 scores each, and it must have 64x64. Of lesson 8's ways up,
# bilinear is smooth and transposed convolution can learn. FCN has both in one: a transposed convolution whose stamp
# *begins* as a tent, which draws straight lines, and may learn from there. To double, the tent is four places wide.


# %%
def enlarge(factor):
    """Return a layer that makes every class's map `factor` times as large, as yet by straight lines."""
    layer = tc.ConvTranspose2d(classes, classes, 2 * factor, stride=factor, padding=factor // 2, bias=False)
    tent = 1 - abs(np.arange(2 * factor) - factor + 0.5) / factor
    layer.weight.data = np.outer(tent, tent)[:, :, None, None] * np.eye(classes)  # each class goes up by itself
    return layer


ramp = np.zeros((1, 3, 3, classes), np.float32)
ramp[..., 0] = [0, 4, 8]  # three equal rows
tent_of_two = enlarge(2).weight.data[:, 1, 0, 0] / 0.75  # the stamp's column 1 is 0.75 times the tent
row_up = enlarge(2).predict(ramp)[0, 2, :, 0]
print("tent:", tent_of_two, " 0, 4, 8 becomes", row_up)

assert tent_of_two.tolist() == [0.25, 0.75, 0.75, 0.25]
assert row_up.tolist() == [0, 1, 3, 5, 7, 6]

# %% [markdown]
# 1, 3, 5, 7: straight lines. (At the edge it fades: no stamp comes from beyond.) And it begins without a checkerboard:
# along a row, the two stamps that meet at a place weigh 0.25 + 0.75 = 1, everywhere inside.
#
# ## Adding scores
#
# A smooth map is not a sharp one. What was lost in pooling, no way up brings back (lesson 8); it needs a way round.
# FCN's: the finer map behind an *earlier* pooling gives its opinion too. Filters of 1x1 make 13 scores out of it, and
# these are **added** to those that come up from the deep. A sum, because both are the same kind of number: votes for
# the same 13 classes. The deep one has seen much, the other knows where. Here are three networks. (The head is 3x3
# filters, and 1x1 filters that make scores; x8 makes a map 8 times as large.)
#
#     coarse  photo - pool1 - pool2 - pool3 - head - x8                 scores at stride 8
#     finer   photo - pool1 - pool2 - pool3 - head - x2 - + - x4        and those of pool2, at stride 4
#                                 `--- scores ------------'
#     fine    the same, and those of pool1, at stride 2: ... - + - x2 - + - x2
#
# The paper's, with five poolings, are called FCN-32s, FCN-16s and FCN-8s, after the stride of the finest scores.


# %%
def block(inputs, outputs):
    """Return 3x3 filters with batch norm and ReLU, and a pooling."""
    return tc.Sequential(tc.ConvNormAct(inputs, outputs, 3, padding=1), tc.MaxPool2d(2))


def opinion(channels):
    """Return 1x1 filters that make scores. They begin at 0, as FCN's do: without an opinion."""
    layer = tc.Conv2d(channels, classes, 1)
    layer.weight.data = 0 * layer.weight.data
    return layer


def fcn(stride):
    """Return an FCN whose finest scores have stride 8, 4 or 2; offset 0: nothing is to be cut off to make maps fit."""
    pool1, pool2, pool3 = block(3, 12), block(12, 24), block(24, 48)
    wide = tc.ConvNormAct(48, 48, 3, padding=1)
    tc.init.he_normal(tc.Sequential(pool1, pool2, pool3, wide), tc.Generator(12))
    deep = tc.Sequential(pool3, wide, opinion(48))
    if stride == 8:
        return tc.Sequential(pool1, pool2, deep, enlarge(8))
    both = tc.Sequential(pool2, AddScores(tc.Sequential(deep, enlarge(2)), opinion(24), offset=0))
    if stride == 4:
        return tc.Sequential(pool1, both, enlarge(4))
    return tc.Sequential(pool1, AddScores(tc.Sequential(both, enlarge(2)), opinion(12), offset=0), enlarge(2))


# %% [markdown]
# ## Intersection over union
#
# How good is a map of classes? The share of dots named rightly is a poor judge: two thirds of these streets are sky and
# grass, and who never finds a tyre loses half a percent. So ask each class alone, say the car. Take the dots where
# the network says car *and* it is one (the *intersection*), and the dots where it says car *or* it is one (the
# *union*). Their ratio, IoU, is 1 if both are the same, and 0 if they don't meet. To miss dots costs, and to claim too
# many costs as well. The *mean IoU* is the mean over the classes, each counting alike, be it sky or tyre. As in the
# paper, the dots of all streets are counted together.
#
# Each network gets the same 320 streets, 4 a step, once. Then the exam: 48 streets that none has seen.

# %%
exam_streets = scenes.draw(48, 64, tc.Generator(12, epoch=6))
truth = exam_streets.labels.astype(int)
exam_x = picture_input(exam_streets.photo)
named, tables = {}, {}
for stride in (8, 4, 2):
    net = fcn(stride)
    optimizer = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(1.5e-2, 80))
    batches = ((x[first : first + 4], labels[first : first + 4]) for first in range(0, 320, 4))
    losses = list(train(net, optimizer, batches, tc.losses.cross_entropy))
    named[stride] = net.predict(exam_x).argmax(-1)  # (48, 64, 64)
    tables[stride] = confusion(named[stride], truth, classes)  # (13, 13): row true, column named
    print(f"stride {stride}: loss from {losses[0]:.2f} to {np.mean(losses[-10:]):.2f}, ", end="")
    print(f"dots right {pixel_accuracy(tables[stride]):.1%}, mean IoU {mean_iou(tables[stride]):.3f} ", end="")
    print(f"({sum(p.data.size for p in net.parameters()):,} weights)")

coarse, finer, fine = (mean_iou(table) for table in tables.values())
assert np.isclose(losses[0], np.log(13))
assert coarse + 0.05 < finer < fine

# %% [markdown]
# (All begin at 2.56, for scores of 0 give each of 13 classes the same share, and -log(1/13) = 2.56.) Same streets, same
# steps, and it isn't the number of weights: the fine one has the fewest, as its stamps are small. Look at single
# classes, the car's by hand.

# %%
car = scenes.LABELS.index("car")
says, is_one = named[2] == car, truth == car
print(f"car, stride 2: {(says & is_one).sum():,} dots in both, {(says | is_one).sum():,} in either: ", end="")
print(f"IoU {(says & is_one).sum() / (says | is_one).sum():.3f}")
ious = {stride: dict(zip(scenes.LABELS, class_iou(table), strict=True)) for stride, table in tables.items()}
for name in ("sky", "grass", "car", "sun", "tyre"):
    print(f"{name:6}", *(f"stride {stride}: {ious[stride][name]:.2f}  " for stride in ious))

assert np.isclose((says & is_one).sum() / (says | is_one).sum(), ious[2]["car"])
assert ious[2]["sun"] - ious[8]["sun"] > 3 * (ious[2]["sky"] - ious[8]["sky"])
assert ious[2]["tyre"] > ious[4]["tyre"] > ious[8]["tyre"]

# %% [markdown]
# The sky gains little, what is small gains much. A sun is at most 12 dots wide: at stride 8 that is one answer, or two.

# %%
columns = {"the photo": exam_streets.photo}
for stride, numbers in named.items():
    columns[f"finest scores: stride {stride}\nmean IoU {mean_iou(tables[stride]):.2f}"] = scenes.MAP_COLOURS[numbers]
columns["the truth"] = exam_streets.map
figure, axes = plt.subplots(4, 5, figsize=(10.5, 9.4), layout="constrained")
for column, (title, pictures) in zip(axes.T, columns.items(), strict=True):
    column[0].set_title(title, fontsize=11)
    for axis, picture in zip(column, pictures[:4], strict=True):
        axis.imshow(picture)
        axis.set(xticks=[], yticks=[])
legend = zip(scenes.LABELS, scenes.MAP_COLOURS / 255, strict=True)
patches = [Patch(facecolor=colour, edgecolor="grey", label=label) for label, colour in legend]
figure.legend(handles=patches, loc="outside lower center", ncols=7, frameon=False)
figures.save(figure, "12_streets")

# %% [markdown]
# Look along a row: the coarse one knows what there is and about where, in blobs; with finer scores the edges come.
#
# ## The real thing
#
# The paper begins with a VGG-16 that has learned *what* from over a million photos, and reads its weights as filters,
# as we did (`transplant` in `tinycolor/networks/fcn.py`). Each finer network begins with the weights of the coarser,
# and as new opinions begin at 0, at first nothing changes. It puts 100 zeros around the photo, for the 7x7 filter to
# fit, and cuts off in the end what they brought. In the authors' release the tents stay fixed, and on photos (PASCAL
# VOC) the mean IoU in percent is 63.6, 65.0 and 65.5 for strides 32, 16 and 8.
#
# (The survey of lesson 2 says that FCN's only difference is convolution in the place of fully connected layers. That
# makes the heat map. For every dot it takes the way up and the sums, too.)
#
# ## What you know now
#
# - A fully connected layer is a convolution whose window is as large as the map: same weights, same numbers.
# - So a classifier slides over a larger picture, and gives a map of answers, for far less work than window by window.
# - The map is coarse. A transposed convolution that begins as a tent enlarges it; scores of finer maps, added, sharpen.
# - IoU: dots in both, over dots in either. Its mean over the classes lets small things count.
#
# And one thing to wonder about: the finer map may only vote. It hands over 13 scores for each place, and a sum decides.
# What if it handed over everything that it knows, and filters learned what to make of it? Lesson 13.
#
# **Now you**: `lessons/exercises/12_from_what_to_where.py`. You read two fully connected layers as filters, one of them
# from another library, and count an IoU.

# %%
figures.show()
