# %% [markdown]
# # 15. Asking for a class
#
# Lesson 10's network mixed red and green apples to brown. Lesson 14's method chose a colour, but learned nothing.
# R. Zhang, P. Isola and A. Efros ("Colorful image colorization", ECCV 2016) taught a network to do both. They did not
# change what it sees. They changed the *question*: no longer "how much a*, how much b*?", but "which colour?"

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.color import soft_encode
from tinycolor.color.ab_bins import AB_BINS, nearest_bin, rebalancing_weights
from tinycolor.data.scenes import COLOUR_A, COLOUR_B, draw_ambiguous
from tinycolor.data.shipped import FOLDER, attributions
from tinycolor.data.shrunk import shrink
from tinycolor.ops.softmax import softmax
from tinycolor.training.loop import train

# %% [markdown]
# ## Between two classes there is nothing
#
# Seven apples in ten are red, with an a* of 62, three are green, with -40. Between two numbers lie others, so there is
# a mean, 31.4, and the squared error wants it. Between the *words* red and green lies nothing. So ask for the class,
# as lesson 12 did: the network gives every class a share, above 0 and together 1, and pays -log(share of the true one).
#
# What should it answer, if grey doesn't tell? Say a share s for red, and 1 - s for green. Seven apples cost -log(s),
# three cost -log(1 - s). Try all s, as in lesson 10.

# %%
s = np.arange(0.01, 1, 0.01)
cost = (7 * -np.log(s) + 3 * -np.log(1 - s)) / 10
print(f"say red 0.99: {cost[-1]:.3f}, red 0.5: {cost[49]:.3f}, red 0.7: {cost[69]:.3f}, the least: {cost.min():.3f}")

assert np.isclose(s[cost.argmin()], 0.7)

# %% [markdown]
# The least is at 0.7, **the true share**. Whoever is too sure pays dearly for the three, whoever is unsure pays a bit
# for all. Why there? The way back through softmax and -log is *share minus target*, and the target is 1 for a red
# apple, 0 for a green one. So with s for red the ten apples pull with `7 * (s - 1) + 3 * (s - 0)`: 0 at s = 0.7. Here
# is the real loss, with scores whose softmax is 0.7 and 0.3 (their logarithms).

# %%
ten_apples = np.array([0] * 7 + [1] * 3)  # class 0: red, class 1: green
_, dz = tc.losses.cross_entropy(np.log([[0.7, 0.3]] * 10), ten_apples)  # a mean: one apple's is 10 * dz
print(
    f"pull of a red apple {10 * dz[0, 0]:.1f}, of a green one {10 * dz[9, 0]:.1f}, of all ten {abs(dz[:, 0].sum()):.1f}"
)

assert np.allclose([*10 * dz[[0, 9], 0], dz[:, 0].sum()], [0.7 - 1, 0.7, 0])

# %% [markdown]
# ## 313 classes
#
# Photos have more than two colours. So cut the plane of a* and b* into squares of 10 units, *bins*, and let each be a
# class. Keep those that a screen has colours for, or nearly: the paper counts 313. (Some at the rim have none of their
# own, but lie beside such colours. In a moment you see what neighbours are for.)

# %%
print(f"{len(AB_BINS)} bins, each known by its middle: the first is {AB_BINS[0]}, the last {AB_BINS[-1]}")

assert AB_BINS.shape == (313, 2)

# %% [markdown]
# ## One colour, five bins
#
# Take a blue, a* 13 and b* -38. Its nearest bin is (10, -40). Also (20, -40) isn't far, but (60, 40) is, an apple's
# red. To a loss that knows only right and wrong, both are equally wrong. So the target is made soft: the colour is
# shared among its **five nearest** bins, the nearer the more. How much more says a *Gaussian*, a bell: e to the power
# of `-distance**2 / (2 * 5**2)`. Then all are divided by their sum. (Five says the paper; their program has ten.)

# %%
colour = np.array([13, -38])
distance = np.linalg.norm(AB_BINS - colour, axis=1)  # (313,)
nearest = distance.argsort()[:5]
bell = np.exp(-(distance[nearest] ** 2) / (2 * 5**2))
shares = bell / bell.sum()
for number, share in zip(nearest, shares, strict=True):
    print(f"bin {AB_BINS[number]}, {distance[number]:4.1f} away: share {share:.3f}")
back = shares @ AB_BINS[nearest]  # each bin times its share, all added up
print("and back, the mean of the bins by their shares:", back.round(1))

assert np.allclose(soft_encode(colour.astype(float), neighbours=5)[nearest], shares)  # the library's; all others are 0
assert np.linalg.norm(back - colour) < 1 < distance.min()

# %% [markdown]
# The five know more than the one: back again, it is less than a unit off, and the nearest bin is 3.6.
#
# ## From shares back to one colour
#
# Say a network has learned, and its answer for our apples is right: 0.7 times the shares of red, and 0.3 times those of
# green. But a photo wants one colour for each dot. There are three ways.

# %%
red, green = np.array(COLOUR_A), np.array(COLOUR_B)
codes = soft_encode(np.stack([red, green]), neighbours=5)  # (2, 313); all that tie for the fifth place count
answer = 0.7 * codes[0] + 0.3 * codes[1]


def sharpen(shares, temperature):
    """Return shares (..., 313) to the power of 1 / temperature, divided by their sum."""
    powers = (shares / shares.max(-1, keepdims=True)) ** (1 / temperature)  # the largest is 1: none gets too small
    return powers / powers.sum(-1, keepdims=True)


def three_ways(shares):
    """Return colours (..., 2) of shares (..., 313), in three ways."""
    annealed = sharpen(shares, 0.38) @ AB_BINS
    return {"mean": shares @ AB_BINS, "mode": AB_BINS[shares.argmax(-1)], "annealed mean": annealed}


mean, mode, annealed = three_ways(answer).values()
for name, ab in three_ways(answer).items():
    print(f"{name:13}: {ab.round(1)}, strength {np.linalg.norm(ab):.0f}")

assert np.allclose(mean, 0.7 * red + 0.3 * green, atol=1)  # brown again
assert mean[0] + 15 < annealed[0] < mode[0] == 60

# %% [markdown]
# - The **mean** of all bins by their shares. Brown again: we have the right shares, and mix them after all.
# - The **mode**, the bin with the largest share. A strong red. But it leaps: of two dots side by side, whose shares of
#   red are 0.45 and 0.47, one becomes green and the other red. What is unsure gets blotchy.
# - The **annealed mean**, the paper's. First sharpen the shares: raise each to the power of 1/T, and divide by the sum.
#   Then take the mean. T is called *temperature*. At T = 1 the shares stay as they are, and it is the mean. The nearer
#   T comes to 0, the more the largest wins, up to the mode. The paper takes 0.38: nearly as vivid as that, but calm.
#   (Shares are the softmax of scores. Dividing the *scores* by T does the same.)
#
# What do the three answer for every share of red, from 0 to 1? In the strips of the figure each dot's share is a little
# off, as a network's is.

# %%
print("0.7 and 0.3, sharpened:", sharpen(np.array([0.7, 0.3]), 0.38).round(2))
red_share = np.linspace(0, 1, 201)[:, None]
off_share = (red_share[:, 0] + 0.04 * tc.Generator(15).normal((40, 201))).clip(0, 1)[..., None]
curves = three_ways(red_share * codes[0] + (1 - red_share) * codes[1])  # (201, 2) each
strips = three_ways(off_share * codes[0] + (1 - off_share) * codes[1])  # (40, 201, 2) each
leap = red_share[np.diff(curves["mode"][:, 0]).argmax(), 0]
print(f"the mode leaps where red has a share of {leap:.2f}")  # not 0.5: red lies nearer to the middle of a bin

assert 0.45 < leap < 0.47
assert np.allclose(sharpen(np.array([0.7, 0.3]), 0.38), softmax(np.log([0.7, 0.3]) / 0.38))


# %%
def to_pixels(lightness, ab):
    """Return pixels 0..1 (..., 3) for L* (..., 1) and a*b* (..., 2): lesson 10's."""
    fitted, _ = tc.color.fit_into_gamut(np.concatenate([lightness, ab], -1))
    return tc.color.lab_to_rgb(fitted).clip(0, 1)


figure = plt.figure(figsize=(11.5, 4.9), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1.15, 1])
plane = left.subplots()
plane.scatter(*AB_BINS.T, s=75, marker="s", c=to_pixels(np.full((313, 1), 51.0), AB_BINS))
for (a, b), share in zip(AB_BINS[nearest], shares, strict=True):
    plane.scatter(a, b, s=450 * share, color="white", edgecolors="black", linewidths=0.8)
for name, ab, place in (("red", red, (75, 100)), ("green", green, (-95, 5)), ("the mean: brown", mean, (20, 108))):
    plane.plot(*ab, "x", color="black", markersize=9, markeredgewidth=2)
    plane.annotate(name, ab, place, ha="center", fontsize=11, arrowprops={"arrowstyle": "-", "shrinkB": 4})
plane.set(title="313 bins; circles: the shares of one blue, (13, -38)", xlabel="a*", ylabel="b*", aspect="equal")
plane.set(xlim=(-120, 125), ylim=(-118, 120))
axes = right.subplots(4, 1, sharex=True, height_ratios=[3.2, 1, 1, 1])
for (name, ab), style in zip(curves.items(), ("--", ":", "-"), strict=True):
    axes[0].plot(red_share, ab[:, 0], style, color="black", linewidth=1.8, label=name)
axes[0].axvline(0.7, color="#999999", linewidth=1)
axes[0].legend(loc="upper left", frameon=False)
axes[0].set(ylabel="a* of the answer", title="Three ways from shares to one colour")
for axis, (name, ab) in zip(axes[1:], strips.items(), strict=True):
    axis.imshow(to_pixels(np.full((40, 201, 1), 51.0), ab), extent=(0, 1, 0, 1), aspect="auto", interpolation="nearest")
    axis.set(yticks=[])
    axis.set_ylabel(name.replace(" ", "\n"), rotation=0, ha="right", va="center")
axes[3].set(xlabel="share of red; our apples: 0.7", xlim=(0, 1))
figures.save(figure, "15_bins")

# %% [markdown]
# ## The same network, asked in two ways
#
# Now train, with 4,096 apples of lesson 10, red or green as chance has it. Two networks with the same layers come down
# by two poolings, as in lesson 12: so there is one answer for every 4x4 dots, as in the paper. We ask for the colour of
# one dot near their middle. The first answers with two numbers and learns by the squared error; the second with 313
# scores, and by cross-entropy. All else is equal. No loss will reach 0: grey doesn't tell. The exam: 100 new apples.


# %%
def colorizer(answers):
    """Return a small network, x (N, H, W, 1) to y (N, H/4, W/4, answers). The last weights begin at 0."""
    first = [tc.ConvNormAct(1, 8, 3, padding=1), tc.MaxPool2d(2), tc.ConvNormAct(8, 16, 3, padding=1), tc.MaxPool2d(2)]
    net = tc.Sequential(*first, tc.ConvNormAct(16, 16, 3, padding=1), tc.Conv2d(16, answers, 1))
    tc.init.he_normal(net, tc.Generator(15))
    net[-1].weight.data = 0 * net[-1].weight.data
    return net


apples = draw_ambiguous(4096, 24, tc.Generator(15, epoch=0))
grey, wanted = apples.lab[..., :1], apples.lab[:, 1::4, 1::4, 1:]  # (4096, 24, 24, 1) and (4096, 6, 6, 2)
print(f"{apples.is_a.mean():.1%} are red; 32 in each step, in: {grey[:32].shape}, wanted: {wanted[:32].shape}")
questions = {
    "squared error": (2, tc.losses.mse, lambda ab: ab / 110),
    "classes": (313, tc.losses.cross_entropy, lambda ab: soft_encode(ab, neighbours=5)),
}
nets = {}
for name, (answers, loss_function, target) in questions.items():
    nets[name] = colorizer(answers)
    optimizer = tc.optim.Adam(nets[name].parameters(), tc.optim.one_cycle(2e-2, 128))
    batches = ((grey[n : n + 32] / 50 - 1, target(wanted[n : n + 32])) for n in range(0, 4096, 32))
    losses = list(train(nets[name], optimizer, batches, loss_function))
    print(f"{name:13}: loss from {losses[0]:.3f} to {np.mean(losses[-20:]):.3f}")

assert np.isclose(losses[0], np.log(313))  # all 313 alike: each has a share of 1/313

# %%
exam, apple, _ = draw_ambiguous(100, 24, tc.Generator(15, epoch=1))
inside = apple.reshape(100, 6, 4, 6, 4).all((2, 4))  # (100, 6, 6): answers whose 4x4 dots are all apple


def answers_to(x):
    """Return colours (N, H/4, W/4, 2) for x (N, H, W, 1), by squares and in three ways; and shares (..., 313)."""
    shares = softmax(nets["classes"].predict(x).astype(float))
    return {"squared error": 110 * nets["squared error"].predict(x)} | three_ways(shares), shares


given, learned = answers_to(exam[..., :1] / 50 - 1)
red_and_green = learned[inside].mean(0) @ (codes > 0).T  # added up over the bins of red, and over those of green
print(f"shares: red {red_and_green[0]:.2f}, green {red_and_green[1]:.2f}")
strength = {name: np.linalg.norm(ab[inside], axis=-1).mean() for name, ab in given.items()}
for name, ab in given.items():
    print(f"{name:13}: {ab[inside].mean(0).round(1)}, strength {strength[name]:.0f}")

assert np.allclose(red_and_green, [0.7, 0.3], atol=0.05)
assert np.allclose(given["squared error"][inside].mean(0), mean, atol=5)
assert max(strength["squared error"], strength["mean"]) < 60
assert min(strength["annealed mean"], strength["mode"]) > 63

# %% [markdown]
# Nobody told it the shares. Each apple that it saw had a single colour, and yet **its shares are the true ones**,
# nearly. It has learned how unsure to be. And the squared error answers with the mean, as foretold.
#
# Here are apples on larger pictures, 96x96 (a network of convolutions takes any size, lesson 12). The answers, 24x24,
# are enlarged by straight lines (lesson 8), and the picture's own L* is joined to them.

# %%
reds, _, _ = draw_ambiguous(3, 96, tc.Generator(15, epoch=2), share=1)
greens, _, _ = draw_ambiguous(3, 96, tc.Generator(15, epoch=2), share=0)  # the same, all green: equal L* (lesson 10)
large, _ = answers_to(reds[..., :1] / 50 - 1)
enlarge = tc.Upsample(4, mode="bilinear")
columns = {"given: L*": 0 * reds[..., 1:]}
columns |= {name: enlarge.predict(ab) for name, ab in large.items()}
columns |= {"truth: 7 in 10": reds[..., 1:], "truth: 3 in 10": greens[..., 1:]}
figure, axes = plt.subplots(3, 7, figsize=(11.5, 5.4), layout="constrained")
for column, (name, ab) in zip(axes.T, columns.items(), strict=True):
    column[0].set_title(name, fontsize=11)
    for axis, lightness, colours in zip(column, reds[..., :1], ab, strict=True):
        axis.imshow(to_pixels(lightness, colours))
        axis.set(xticks=[], yticks=[])
figure.suptitle("Asked for numbers: squared error. Asked for a class: mean, mode, annealed mean")
figures.save(figure, "15_apples")

# %% [markdown]
# The squared error and the mean are brown, the other two dare. Three in ten of these reds are wrong, and which, nobody
# can know. (So it was with lesson 10's absolute error. But that had only its red to say. Here the shares are still
# there, and you choose T after the training: how bold to be. The rims smear: one answer for 4x4 dots. And the mode
# makes the cloth a bit violet: a mode is always the middle of a bin, and the cloth's colour lies between.)
#
# ## Rare colours count more
#
# One thing is left. Photos are full of walls, clouds and streets: many dots are nearly grey. Who sees that much grey
# learns to say grey. So let a dot count the more, the rarer its colour is, as lesson 13 did with borders. With p, how
# often a colour comes, and Q, how many colours there are, the paper's weight is
#
#     w = 1 / ((1 - lambda) * p + lambda / Q)     with lambda = 1/2
#
# and all w are then multiplied by one number, so that a dot counts 1 on average. With lambda = 0 it would be 1/p, and
# what is very rare would count for far too much; with lambda = 1 all count alike. Take three bins.

# %%
p = np.array([0.80, 0.15, 0.05])  # grey, brown, red: how often each comes
w = 1 / (0.5 * p + 0.5 / 3)
w /= (p * w).sum()
for name, often, weight in zip(("grey", "brown", "red"), p, w, strict=True):
    print(f"{name:5}: comes {often:4.0%}, weight {weight:.2f}, counts for {often * weight:4.0%}")

assert np.allclose(w, rebalancing_weights(p, uniform_share=0.5))
assert w[2] / w[0] < 3 < p[0] / p[2]  # red is 16 times as rare, and counts about 3 times as much

# %% [markdown]
# What does that do to an answer? Say a shirt is grey in six photos of ten, red in four. Try all shares of red again.

# %%
cost = 0.6 * w[0] * -np.log(1 - s) + 0.4 * w[2] * -np.log(s)
print(f"least cost at {s[cost.argmin()]:.2f}; if all counted alike, it would be at 0.40")
assert np.isclose(s[cost.argmin()], 0.4 * w[2] / (0.4 * w[2] + 0.6 * w[0]), atol=0.01)

# %% [markdown]
# It says red. The shares are *no longer the true ones*, on purpose: the paper wants lively photos. (So our apples had
# no weights.) Are photos really so grey? Count the dots of those that come with this library.

# %%
photos = [shrink(tc.open_image(FOLDER / name), 64) for name in attributions()]
ab = np.concatenate([tc.color.rgb_to_lab(photo / 255)[..., 1:].reshape(-1, 2) for photo in photos])
often = np.bincount(nearest_bin(ab), minlength=313) / len(ab)
near_grey = abs(AB_BINS).max(1) <= 10
print(f"{len(photos)} photos: {near_grey.sum()} bins around grey have {often[near_grey].sum():.0%} of all dots")
assert often[near_grey].sum() > 0.4

# %% [markdown]
# ## The real thing
#
# `tc.networks.Zhang` is the paper's network: eight blocks of two or three convolutions. The authors trained theirs on
# more than a million photos. Then they showed people a true photo and a coloured one, and asked for the fake. In 32 %
# of the trials people were fooled (50 % would be perfect). The survey of lesson 2 has another test (lesson 18): 16.3 %
# with the squared error, 27.8 % with Zhang's method.
#
# ## What you know now
#
# - Ask for a number by the squared error, and doubt becomes a mean. Ask for a class, and it becomes the true shares.
# - 313 bins of a* and b*. A true colour is shared among its five nearest, by a bell.
# - From shares to a colour: the mean is dull, the mode blotchy, the annealed mean lies between, and T says where.
# - Rare colours can count more. Then the answers are livelier than the truth.
#
# And one thing to wonder about: each dot is asked by itself. If one half of an apple turns red and the other green, no
# loss charges anything for that. Who could tell a network that no apple looks so? Lesson 16.
#
# **Now you**: `lessons/exercises/15_asking_for_a_class.py`. You write the soft target, the annealed mean, the weights.

# %%
figures.show()
