# %% [markdown]
# # 6. Training cross or circle, and what its filters look for
#
# In lesson 1 you drew a filter by hand. Now nobody draws one. You have all the pieces: filters that slide, pooling, a
# vote, an error, and a way back for it. In this lesson they become a network that learns to tell a cross from a
# circle. Afterwards we open it up, look at the filters it has made for itself, and then set out to fool it.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data.shapes import draw

# %% [markdown]
# ## The drawings
#
# The cross of lesson 1 was always the same cross. These are not: `draw` shifts them, makes them larger or smaller,
# thicker or thinner, turns the crosses, and turns over one dot in fifty. As before, drawing is +1 and ground is -1.
#
# With each drawing comes what the two votes should be: `1, 0` for a cross and `0, 1` for a circle. Where do the random
# choices come from? From the three numbers of the `Generator`, here seed 6, epoch 0, step 0. The same three numbers
# give the same drawings tomorrow. (Take "epoch" as a mere number here: another one gives other drawings.)

# %%
x, target = draw(32, 28, tc.Generator(6, epoch=0, step=0))
print("drawings:", x.shape, " votes wanted:", target.shape, " crosses and circles:", target.sum(0))

# %% [markdown]
# ## The network
#
# Read it from top to bottom, as the picture passes through. Eight filters of 7x7 slide over the drawing: large enough
# to look at later. ReLU drops what did not match, and pooling keeps the best of every four. Sixteen filters look for
# patterns *among those eight maps*. Then every number that is left votes, and the sigmoid squeezes each of the two
# sums into 0 to 1. (In the table below it, parameters are weights and biases, and "kept MB" is the memory that the way
# back needs. The last column is for lesson 7.)

# %%
net = tc.Sequential(
    tc.Conv2d(1, 8, 7, padding=3),
    tc.ReLU(),
    tc.MaxPool2d(2),
    tc.Conv2d(8, 16, 3, padding=1),
    tc.ReLU(),
    tc.MaxPool2d(2),
    tc.Flatten(),
    tc.Linear(7 * 7 * 16, 2),
    tc.Sigmoid(),
)
print(tc.summary(net, (32, 28, 28, 1)))

# %% [markdown]
# The weights start as random numbers. Those of the first layer start very small: the eight filters are nearly blank
# sheets, so whatever we see on them later has been learned. And an untrained network knows nothing: asked about 1,000
# drawings, it does about as well as a coin. These 1,000 (epoch 1) are never used for training. They are the exam.
# (`argmax(1)` says which of the two votes is the larger: 0, the cross, or 1, the circle.)

# %%
tc.init.he_normal(net, tc.Generator(6))
tc.init.normal(net[0], tc.Generator(6), std=0.01)
filters_before = net[0].weight.data.copy()

exam, answers = draw(1000, 28, tc.Generator(6, epoch=1))
accuracy_before = (net.predict(exam).argmax(1) == answers.argmax(1)).mean()
print(f"before training: {accuracy_before:.1%} right")
assert 0.3 < accuracy_before < 0.7

# %% [markdown]
# ## Five lines
#
# This is all of learning, 200 times over, each time with 32 new drawings:
#
# 1. **forward**: the network votes, and hands you the function that goes back;
# 2. **loss**: how wrong were the votes, as one number, and which way should each vote have gone (`dy`)?
# 3. **zero_grad**: forget the gradients of the last step, because backward only ever adds;
# 4. **backward**: pass the blame back through all layers, down to every weight;
# 5. **step**: move every weight a little against its gradient. Adam is SGD, with a step length of its own for each
#    weight.
#
# The loss is the *binary cross-entropy*. A vote that should be 1 costs -log(vote), where log is the key `ln` on a
# calculator. 0.5 costs 0.69, 0.99 costs 0.01, and 0.01, sure and wrong, costs 4.6. A vote that should be 0 costs
# -log(1 - vote). The loss is the mean of all these costs.

# %%
optimizer = tc.optim.Adam(net.parameters(), learning_rate=1e-3)
losses = []
for step in range(200):
    x, target = draw(32, 28, tc.Generator(6, epoch=0, step=step))
    y, backward = net(x)
    loss, dy = tc.losses.bce(y, target)
    net.zero_grad()
    backward(dy)
    optimizer.step()
    losses.append(float(loss))
    if step in (0, 10, 20, 40, 80, 199):
        print(f"step {step:3}: loss {losses[-1]:.4f}")

votes = net.predict(exam)
accuracy = (votes.argmax(1) == answers.argmax(1)).mean()
print(f"after training: {accuracy:.1%} of 1,000 unseen drawings right")
assert np.allclose(-np.log([0.5, 0.99, 0.01]), [0.69, 0.01, 4.6], atol=0.01)
assert 0.5 < losses[0] < 1.5  # it knows nothing: 0.69 if every vote is 0.5, more if some are sure and wrong
assert accuracy >= 0.99


# %%
def show(axis, picture, vote, color="black"):
    """Draw one picture (28, 28, 1) with its two votes as the title."""
    axis.imshow(picture[..., 0], cmap="gray", vmin=-1.6, vmax=1.2)
    axis.set_title(f"cross {vote[0]:.2f}\ncircle {vote[1]:.2f}", fontsize=10, color=color)
    axis.set_xticks([])
    axis.set_yticks([])


figure, axes = plt.subplots(2, 6, figsize=(8, 3.8), layout="constrained")
for axis, picture, vote in zip(axes.flat, exam, votes, strict=False):
    show(axis, picture, vote)
figure.suptitle("Drawings it has never seen, and its two votes for each")
figures.save(figure, "06_votes")

# %% [markdown]
# ## What its filters look for
#
# A filter answers most to the patch that looks like it. So there are two ways to ask what a filter wants: look at its
# 49 numbers, or search all the exam drawings for the patches that excite it most. Let us do both, and check one answer
# by hand: it is the sum of patch times filter, as in lesson 1 (without dividing by 49), plus the bias.

# %%
filters = net[0].weight.data[:, :, 0]  # (7, 7, 8)
answer = net[0].predict(exam)[:, 3:-3, 3:-3]  # (1000, 22, 22, 8): only where the window lies inside the picture
best = answer.max((1, 2))  # (1000, 8): how much each drawing excites each filter, at its best place
order = best.argsort(0)[::-1]  # the drawings, most exciting first


def exciting_patch(rank, number):
    """Return the patch (7, 7) that excites a filter most in its drawing of that rank."""
    n = order[rank, number]
    i, j = np.unravel_index(answer[n, :, :, number].argmax(), answer.shape[1:3])
    return exam[n, i : i + 7, j : j + 7, 0]


by_hand = (exciting_patch(0, 0) * filters[..., 0]).sum() + net[0].bias.data[0]
print(f"filter 0 answers most to its best patch: {best[order[0, 0], 0]:.3f}, by hand {by_hand:.3f}")
assert np.isclose(by_hand, best[:, 0].max(), rtol=1e-4)

crosses = [int(answers[order[:100, number], 0].sum()) for number in range(8)]
print("crosses among the 100 drawings that excite each filter most:", crosses)

figure, axes = plt.subplots(5, 8, figsize=(9, 6.2), layout="constrained")
limit = abs(filters).max()
for number in range(8):
    patches = [exciting_patch(rank, number) for rank in range(3)]
    for axis, weights in zip(axes[:, number], [filters_before[:, :, 0], filters], strict=False):
        axis.imshow(weights[..., number], cmap="RdBu_r", vmin=-limit, vmax=limit)
    for axis, picture in zip(axes[2:, number], patches, strict=True):
        axis.imshow(picture, cmap="gray", vmin=-1.6, vmax=1.2)
    axes[0, number].set_title(f"filter {number}", fontsize=10)
    axes[4, number].set_xlabel(f"{crosses[number]} of 100\nare crosses", fontsize=10)
for axis in axes.flat:
    axis.set_xticks([])
    axis.set_yticks([])
names = ["filter before\ntraining", "filter after\ntraining", "its best\npatch", "its 2nd", "its 3rd"]
for axis, name in zip(axes[:, 0], names, strict=True):
    axis.set_ylabel(name, fontsize=10, rotation=0, ha="right", va="center")
figure.suptitle("Red: drawing wanted. Blue: ground wanted. Below: what excites each filter most.")
figures.save(figure, "06_filters")

# %% [markdown]
# Strokes that fall or rise, bends, bare ground with drawing around it: nobody told it that drawings have such parts.
# It found that they help to tell the two apart. No filter *is* a cross or a circle: patches of 7x7 are too small for
# that, and most filters answer to both kinds. Putting the pieces together is for the layers behind.
#
# (Try it: delete the line with `std=0.01` and run again. That is the usual, larger start. The accuracy stays, but the
# filters remain the snow that they started as, because the later layers learn to read snow. The mistakes below change
# too. A picture of filters is a hint, not a proof.)
#
# ## A page of mistakes
#
# The exam is passed: are we done? Never trust a score before you have looked for what the network gets wrong. First the
# exam drawings that it is least sure of. Then drawings such as it has never met: with three dots in ten turned over;
# half as large; twice as near, with the ends often cut off.

# %%
noisy, noisy_answers = draw(1000, 28, tc.Generator(6, epoch=2), noise=0.3)
little, small_answers = draw(1000, 14, tc.Generator(6, epoch=3))
small = np.full((1000, 28, 28, 1), -1, np.float32)
small[:, 7:21, 7:21] = little
huge, large_answers = draw(1000, 56, tc.Generator(6, epoch=4))
large = huge[:, 14:42, 14:42].copy()

tests = {
    "as in training": (exam, answers),
    "three dots in ten\nturned over": (noisy, noisy_answers),
    "half as large": (small, small_answers),
    "twice as near": (large, large_answers),
}
worst, scores = {}, {}
for name, (pictures, wanted) in tests.items():
    votes = net.predict(pictures)
    worst[name] = (votes * wanted).sum(1).argsort()[:6]  # where the right vote is weakest
    scores[name] = (votes.argmax(1) == wanted.argmax(1)).mean()
    called = (votes.argmax(1) == 0).mean()
    title = name.replace("\n", " ")
    print(f"{title:29}: {scores[name]:.1%} right; it calls {called:.0%} of them crosses")
assert scores["as in training"] >= 0.99
assert sorted(scores.values())[-2] < 0.97  # the other three

# %% [markdown]
# And sheets that are neither, or both: empty; all drawing; two with a cross *and* a circle; one line; a square.

# %%
odd = np.full((6, 28, 28, 1), -1, np.float32)
odd[1] = 1
odd[2:4] = np.maximum(exam[answers[:, 0] == 1][:2], exam[answers[:, 1] == 1][:2])
odd[4, 13:15, 4:24] = 1
odd[5, 5:23, 5:23] = 1
odd[5, 7:21, 7:21] = -1
odd_votes = net.predict(odd)
for name, vote in zip(["empty", "full", "both", "both", "line", "square"], odd_votes, strict=True):
    print(f"{name:6}: cross {vote[0]:.2f}, circle {vote[1]:.2f}, sum {vote.sum():.2f}")

figure, axes = plt.subplots(5, 6, figsize=(8, 8.8), layout="constrained")
for row, (name, (pictures, wanted)) in enumerate(tests.items()):
    for axis, n in zip(axes[row], worst[name], strict=True):
        vote = net.predict(pictures[n : n + 1])[0]
        show(axis, pictures[n], vote, "black" if vote.argmax() == wanted[n].argmax() else "#c0392b")
    axes[row, 0].set_ylabel(f"{name}\n{scores[name]:.1%} right", fontsize=10)
for axis, picture, vote in zip(axes[4], odd, odd_votes, strict=True):
    show(axis, picture, vote)
axes[4, 0].set_ylabel("neither,\nor both", fontsize=10)
figure.suptitle("The six worst of each kind (red: wrong), and sheets that are neither or both")
figures.save(figure, "06_mistakes")

# %% [markdown]
# Look at the wrong ones together. Small circles: "cross". Crosses seen from near, or drowned in noise: "circle". An
# empty sheet and a single line: "cross". A full sheet and a square: "circle". Is it asking *how much is drawn here?*
# That is no bad question: a circle is a longer line than a cross, so it covers more dots. How far would one get with
# nothing else: count the dots, and say "cross" if they are fewer than in half of the exam drawings?
#
# And does the network count? Two tests. The cross of the exam that covers most, and the circle that covers least: there
# counting goes wrong. And sheets of random dots, few or many: there is nothing else to go by.

# %%
covered = (exam == 1).mean((1, 2, 3))  # (1000,): the share of dots that are drawing
is_cross = answers[:, 0] == 1
counting = ((covered < np.median(covered)) == is_cross).mean()
print(f"crosses cover {covered[is_cross].mean():.0%} of the dots, circles {covered[~is_cross].mean():.0%}")
print(f"counting alone gets {counting:.1%} of the exam right")

extremes = np.where(is_cross, covered, 0).argmax(), np.where(is_cross, 1, covered).argmin()
for kind, n in zip(["the fullest cross", "the thinnest circle"], extremes, strict=True):
    vote = net.predict(exam[n : n + 1])[0]
    print(f"{kind} covers {covered[n]:.0%}: cross {vote[0]:.2f}, circle {vote[1]:.2f}")
    assert vote.argmax() == answers[n].argmax()  # right, both of them

called_cross = {}
for share in (0.1, 0.3):
    dots = np.where(tc.Generator(6, epoch=5).uniform((1000, 28, 28, 1)) < share, np.float32(1), np.float32(-1))
    called_cross[share] = (net.predict(dots).argmax(1) == 0).mean()
    print(f"random dots, {share:.0%} of the sheet: it calls {called_cross[share]:.1%} of them crosses")

assert 0.75 < counting < 0.9
assert covered[extremes[1]] < np.median(covered) < covered[extremes[0]]  # counting would be wrong twice
assert called_cross[0.1] > 0.5 > called_cross[0.3]
assert odd_votes[[0, 4]].argmax(1).tolist() == [0, 0]  # empty, line: cross
assert odd_votes[[1, 5]].argmax(1).tolist() == [1, 1]  # full, square: circle
assert (net.predict(small).argmax(1) == 0).mean() > 0.8  # nearly everything small: cross
assert odd_votes.min(1).max() < 0.5  # never both votes high

# %% [markdown]
# On clean drawings it goes by the shape. Where it finds no shape that it knows, it goes by how much is drawn: few dots
# are mostly a "cross", many mostly a "circle". (That is not the whole story: about half of all drawings seen from near
# are called crosses, so circles fail there too.) It cannot know that we care about the shape alone: in all it has ever
# seen, shape and amount went together. Nor can it say "I don't know". It has never met a sheet whose answer was 0, 0 or
# 1, 1, so its two votes have learned to add up to about 1.
#
# ## What you know now
#
# - Training is five lines: forward, loss, zero_grad, backward, step.
# - The filters are learned too. Started small, they become strokes and edges. Started large, they stay snow and work as
#   well.
# - A score holds for drawings of the same sort as the exam. On others the network can be sure and wrong.
# - A network learns whatever works on its drawings, and that need not be what you meant. The cure is in the drawings:
#   show it small ones, noisy ones, empty ones, and say what they are.
#
# And one thing to wonder about: 200 steps with 32 drawings each took seconds. How many multiplications was that, and
# how does a computer get through them so fast? Lesson 7.
#
# **Now you**: `lessons/exercises/06_cross_or_circle.py`. You write the five lines.

# %%
figures.show()
