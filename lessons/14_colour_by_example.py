# %% [markdown]
# # 14. Colour by example: a method that learns nothing
#
# Lesson 10 trained a network on 3,200 streets; the large ones of lessons 11 to 13 have millions of weights. Now the
# opposite: no weights, no training, one photo. T. Welsh, M. Ashikhmin and K. Mueller ("Transferring color to greyscale
# images", SIGGRAPH 2002) gave a grey photo the colours of another one that resembles it. For each grey dot they looked
# up the dot that is most like it, and copied its colour. When you see where that fails, you know what networks are for.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data.shipped import FOLDER, attributions
from tinycolor.data.shrunk import shrink
from tinycolor.metrics import ab_mae

# %% [markdown]
# ## A grey photo, and a reference
#
# To be able to judge, we cut one landscape in two. Its left part keeps its colours: the *reference*. Of the right part
# the method gets L* alone (lesson 9); its a* and b* are what we compare with in the end.

# %%
names = ["lomiri-aitzgorri_by_Aitzol_Berasategi.jpg", "scipy-face.jpg", "skimage-coffee.jpg"]
landscape, raccoon, coffee = (shrink(tc.open_image(FOLDER / name), 240) for name in names)  # two for later
reference, photo = landscape[:, :180], landscape[:, 180:]  # both (240, 180, 3)
reference_lab, truth = tc.color.rgb_to_lab(reference / 255), tc.color.rgb_to_lab(photo / 255)
lightness = truth[..., 0]  # (240, 180): all that is known of the photo
meadow = 210, 80  # row and column of the dot that we follow
print(f"a dot of the meadow: L* {lightness[meadow]:.1f}, and a* and b* are to be found")

# %% [markdown]
# ## 1. Make the lightness alike
#
# One photo may be darker than the other, or duller. Then equal L* would not mean the same thing. So first the
# reference's L* is shifted and stretched: take its mean away, divide by its spread (the *standard deviation*: the root
# of the mean squared distance from the mean), times the photo's spread, plus the photo's mean. It is for comparing
# only; the reference keeps its colours. (Here both were taken with one click, so little changes.)

# %%
source = reference_lab[..., 0]
alike = (source - source.mean()) / source.std() * lightness.std() + lightness.mean()
for name, values in {"photo": lightness, "reference": source, "made alike": alike}.items():
    print(f"{name:10}: mean {values.mean():.2f}, spread {values.std():.2f}")

assert np.isclose(alike.mean(), lightness.mean())
assert np.isclose(alike.std(), lightness.std())

# %% [markdown]
# ## 2. About 200 samples
#
# The reference has 43,200 dots. To compare with all of them takes long, and most are like their neighbours. So
# lay a grid of 17 x 12 cells over it, and take one dot of each cell, by chance: 204 samples, some everywhere, and in no
# pattern. (A *jittered grid*.)

# %%
rows, columns = 17, 12
down, across = tc.Generator(0).uniform((2, rows, columns), dtype=np.float64)  # 0 to 1: where in its cell
down = ((np.arange(rows)[:, None] + down) * 240 / rows).astype(int).ravel()  # (204,): the row of each sample
across = ((np.arange(columns) + across) * 180 / columns).astype(int).ravel()  # (204,): its column
print(f"{len(down)} samples, the first at row {down[0]}, column {across[0]}, the last at {down[-1]}, {across[-1]}")

# %% [markdown]
# ## 3. Two numbers for each dot
#
# What does a dot look like? Its L* is one number. The other says how rough it is there: the spread of L* in the 5x5
# dots around it. Sky is smooth, a treetop is not. (At the edges the last dot is repeated, so that all have 25.)


# %%
def look(lightness, size):
    """Return the mean and the spread (H, W, 2) of L* (H, W) in the size x size dots around each dot."""
    padded = np.pad(lightness, size // 2, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size))  # (H, W, size, size): around each dot
    return np.stack([np.stack([row.mean((1, 2)), row.std((1, 2))], -1) for row in windows])


features = np.dstack([lightness, look(lightness, 5)[..., 1]])  # (240, 180, 2): L* and roughness; the mean: later
source_features = np.dstack([alike, look(alike, 5)[..., 1]])
samples = source_features[down, across]  # (204, 2)
sample_ab = reference_lab[down, across, 1:]  # (204, 2): the colours to choose from
around = lightness[208:213, 78:83]
print(around.round(1))
print("the dot in the middle, and the spread of all 25:", features[meadow].round(2))

assert np.allclose(features[meadow], [around[2, 2], around.std()])

# %% [markdown]
# ## 4. The nearest sample, and its colour
#
# How unlike are two dots? Square both differences and add them up: lightness and roughness count the same. (Half and
# half, says the paper; halving all the sums doesn't change which is the smallest.) The sample with the smallest sum
# gives its a* and b*. That is the whole method.

# %%
unlikeness = ((features[meadow] - samples) ** 2).sum(-1)  # (204,)
best = unlikeness.argmin()
print(f"best of 204: row {down[best]}, column {across[best]}, with L* and roughness {samples[best].round(2)}")
print(f"its a* and b*: {sample_ab[best].round(1)}, the true ones: {truth[meadow][1:].round(1)}")

assert down[best] > 160  # down there is nothing but meadow
assert np.sign(sample_ab[best]).tolist() == [-1, 1]  # green, and yellow

# %% [markdown]
# Grass for grass. Now the same for all dots, one row of the photo at a time: so the table of differences stays small.


# %%
def match(features, samples):
    """Return the number of the nearest sample, (H, W), for features (H, W, F) and those of the samples (S, F)."""
    return np.stack([((row[:, None] - samples) ** 2).sum(-1).argmin(-1) for row in features])


nearest = match(features, samples)
result = np.dstack([lightness, sample_ab[nearest]])  # L* is the photo's own
library = tc.color.transfer_lab(photo, reference)  # of the photo it uses L* alone
print(f"{(abs(library - result).max(-1) > 1e-3).sum()} of {nearest.size:,} dots differ from tc.color.transfer_lab")
assert np.allclose(library, result, atol=1e-3)


# %% [markdown]
# The library draws the same samples, and does the same. (The paper measures colour in another space, called
# l-alpha-beta; we stay with `L*a*b*`.) Now judge it as in lesson 10: how far are a* and b* off on average, and how far
# is grey? We mark four things by rectangles (left, top, width, height): in the photo, and, for later, in the reference.

# %%
swatches = {
    "sky": ((10, 2, 100, 20), (40, 3, 120, 20)),  # in the photo, in the reference
    "mountain": ((10, 60, 80, 25), (100, 65, 60, 20)),
    "bush": ((110, 110, 60, 45), (30, 110, 90, 35)),
    "meadow": ((20, 185, 150, 45), (20, 185, 150, 45)),
}


def error(lab, true, rectangle=(0, 0, 180, 240)):
    """Return how far a* and b* are off on average, within a rectangle of two pictures L*a*b*."""
    left, top, width, height = rectangle
    part = np.s_[None, top : top + height, left : left + width, 1:]  # None: as a pile of one picture
    return float(ab_mae(lab[part], true[part])[0])


grey = truth * [1, 0, 0]
print(f"all     : {error(result, truth):4.1f} off, grey {error(grey, truth):4.1f}")
for name, (place, _) in swatches.items():
    print(f"{name:8}: {error(result, truth, place):4.1f} off, grey {error(grey, truth, place):4.1f}")

assert error(result, truth) < 0.7 * error(grey, truth)
bush_place = swatches["bush"][0]
assert error(result, truth, bush_place) > 0.9 * error(grey, truth, bush_place)

# %% [markdown]
# Sky for sky, grass for grass. But the bush might as well have stayed grey. What went wrong?
#
# ## Where it fails
#
# Take one dot of the bush, and its best sample. Then two of the samples: 101 is a tree in autumn, 120 is grass.

# %%
bush = 120, 150
print(f"the bush  : L* and roughness {features[bush].round(2)}, a* and b* {truth[bush][1:].round(1)}")
for number in (nearest[bush], 101, 120):
    print(f"sample {number}: L* and roughness {samples[number].round(2)}, ", end="")
    print(f"a* and b* {sample_ab[number].round(1)}, row {down[number]}")

assert np.sign(sample_ab[[nearest[bush], 101, 120], 0]).tolist() == [-1, 1, -1]  # green, red, green
assert abs(samples[101] - samples[120]).max() < 0.2
assert np.linalg.norm(sample_ab[101] - sample_ab[120]) > 40

# %% [markdown]
# The bush gets the green of the meadow. And the two, tree and grass, have nearly the same lightness and roughness: to
# the method they are *one thing*, whatever their colours. It knows of no trees. It knows two numbers.
#
# In the figure every sample lies where its two numbers put it, in its own colour, all equally light. The sky lies
# apart. Blue rock touches the trees, so the mountain has orange specks. And green and orange lie all mixed up.

# %%
figure, axes = plt.subplots(1, 5, figsize=(13, 3.7), layout="constrained", width_ratios=[1, 1, 1, 1, 1.7])
panels = {"grey: L* alone": grey, "reference, 204 samples": reference_lab, "result": result, "truth": truth}
for axis, (title, lab) in zip(axes, panels.items(), strict=False):
    axis.imshow(tc.color.lab_to_bytes(lab)[0])  # pixels; what a screen can't show is made paler (lesson 9)
    axis.set_title(title, fontsize=11)
    axis.set(xticks=[], yticks=[])
axes[1].scatter(across, down, s=5, color="white", edgecolors="black", linewidths=0.5)
own_colours, _ = tc.color.fit_into_gamut(np.column_stack([np.full(204, 60), sample_ab]))
axes[4].scatter(*samples.T, s=30, c=tc.color.lab_to_rgb(own_colours).clip(0, 1), edgecolors="#444444", linewidths=0.3)
for name, dot, place in (("meadow", meadow, (19, 1.2)), ("bush", bush, (19, 5.7))):
    axes[0].plot(*dot[::-1], "s", markersize=7, markerfacecolor="none", markeredgecolor="black", markeredgewidth=1.5)
    axes[0].annotate(name, dot[::-1], (0, 7), textcoords="offset points", ha="center", weight="bold")
    axes[4].annotate(name, features[dot], place, weight="bold", arrowprops={"arrowstyle": "-|>", "shrinkB": 0})
axes[4].set_title("what the method sees: two numbers", fontsize=11)
axes[4].set(
    xlabel="L* (made alike)",
    ylabel=f"roughness ({(samples[:, 1] > 8).sum()} samples: above 8)",
    xlim=(17, 102),
    ylim=(0, 8),
)
figure.supxlabel(f"Photo: {attributions()[names[0]]}", fontsize=8)
figures.save(figure, "14_colour_by_example")

# %% [markdown]
# ## Swatches: a person helps
#
# The paper's way out is to ask someone. They draw pairs of rectangles, *swatches*: this is sky, and so is that. Inside
# a swatch of the photo only the partner is searched, some 50 samples of it, with the lightness of just the two made
# alike. Then the coloured swatches take the reference's place. Every other dot looks in *them* for the dot whose 5x5
# dots of L* are most like its own 5x5: the smallest sum of 25 squared differences. So the pattern counts as well.

# %%
helped = tc.color.transfer_lab(photo, reference, swatches=list(swatches.values()))
forgotten = [pair for name, pair in swatches.items() if name != "mountain"]
forgetful = tc.color.transfer_lab(photo, reference, swatches=forgotten)
for name, lab in {"without": result, "with four": helped, "without the mountain's": forgetful}.items():
    print(f"{name:22}: all {error(lab, truth):4.1f} off, the bush {error(lab, truth, bush_place):4.1f}")

assert error(helped, truth) < 0.75 * error(result, truth)
assert error(helped, truth, bush_place) < 0.75 * error(result, truth, bush_place)
assert error(forgetful, truth) > 1.2 * error(result, truth)

# %% [markdown]
# The bush is brown now, the meadow clean (next figure). What lies in no rectangle is still a guess: the top of the bush
# is green, and the spruce beside it brown. And without a swatch, the mountain must take its colours from sky, bush and
# grass. That is worse than no help at all. The person tells what the method can't see: *what is where*.
#
# ## A photo coloured by itself
#
# Is it the fault of the reference? Then take the best one there is: the photo's own colours.

# %%
itself = {}
for name, picture in {"coffee": coffee[:, :180], "raccoon": raccoon[:, :180]}.items():
    lab = tc.color.rgb_to_lab(picture / 255)
    itself[name] = tc.color.transfer_lab(picture, picture)
    off, off_grey = error(itself[name], lab), error(lab * [1, 0, 0], lab)
    print(f"{name:7} by itself: {off:4.1f} off, grey {off_grey:4.1f}")
    assert off < off_grey / 4 if name == "coffee" else off > off_grey

# %% [markdown]
# In the coffee, lightness tells the colour: the cup is light, the saucer is dark. But the raccoon, which has seen the
# very colours that it should have, comes out *worse than grey*. Fur and leaves are both light and dark, and both are
# streaks. As long as it goes by two numbers, no reference will mend that.
#
# ## So what was it that the network learned?
#
# Let us look farther, and still learn nothing. Each dot gets two more numbers: the mean and the spread of L* in the
# 21x21 dots around it. All else as before: the same samples, the same squares, the smallest sum.

# %%
far = np.dstack([features, look(lightness, 21)])  # (240, 180, 4)
far_source = np.dstack([source_features, look(alike, 21)])
farther = np.dstack([lightness, sample_ab[match(far, far_source[down, across])]])

fur = tc.color.rgb_to_lab(raccoon[:, :180] / 255)
far = np.dstack([fur[..., 0], look(fur[..., 0], 5)[..., 1], look(fur[..., 0], 21)])
fur_farther = np.dstack([fur[..., 0], fur[down, across, 1:][match(far, far[down, across])]])

errors = [error(lab, truth) for lab in (result, farther, grey)]
fur_errors = [error(lab, fur) for lab in (itself["raccoon"], fur_farther, fur * [1, 0, 0])]
for name, (off, off_farther, off_grey) in {"landscape": errors, "raccoon": fur_errors}.items():
    print(f"{name:9}: {off:4.1f} off, looking farther {off_farther:4.1f}, grey {off_grey:4.1f}")

assert errors[1] < 1.1 * error(helped, truth) < 0.75 * errors[0]
assert fur_errors[1] < 0.95 * fur_errors[2] < fur_errors[0]

# %%
figure, axes = plt.subplots(2, 4, figsize=(9.6, 7), layout="constrained")
panels = {
    "grey, four swatches": grey,
    "reference, their partners": reference_lab,
    f"without swatches: {errors[0]:.1f} off": result,
    f"with swatches: {error(helped, truth):.1f} off": helped,
    "coffee, by itself": itself["coffee"],
    "raccoon": fur,
    f"by itself: {fur_errors[0]:.1f} off": itself["raccoon"],
    f"looking farther: {fur_errors[1]:.1f} off": fur_farther,
}
for axis, (title, lab) in zip(axes.flat, panels.items(), strict=True):
    axis.imshow(tc.color.lab_to_bytes(lab)[0])
    axis.set_title(title, fontsize=11)
    axis.set(xticks=[], yticks=[])
for pair, colour in zip(swatches.values(), ["#e6194b", "#4363d8", "#f58231", "#ffe119"], strict=True):
    for axis, (left, top, width, height) in zip(axes[0], pair, strict=False):
        axis.add_patch(plt.Rectangle((left, top), width, height, fill=False, edgecolor=colour, linewidth=2))
figure.supxlabel("Photos: " + "; ".join(str(attributions()[name]) for name in names) + "; cropped", fontsize=8)
figures.save(figure, "14_swatches")

# %% [markdown]
# Both are better, and the landscape nearly as good as with four swatches, though nobody helped. What was missing was
# sight. But who says 21, and not 11 or 41? Why mean and spread, and should all four count the same? We made it up,
# and kept what did well here.
#
# Nobody makes it up for a network. Even the small one of lesson 10 sees 18x18 dots (its receptive field, lesson 11),
# the large ones far more. And it takes many numbers from them, by filters that it found while learning: whatever tells
# one thing from another. *That* is what it learned: what to look for, in windows larger than 5x5.
#
# (The survey of lesson 2 calls Welsh's method deep learning. There is no weight in it, no loss and no step.)
#
# One thing the copy does better than lesson 10. It always takes *one* colour that is really there, and never the mean
# of several. So it may be wrong, but it isn't dull. How strong are its colours, and the true ones?

# %%
assert tc.receptive_field(tc.networks.ColorUNet(widths=(16, 32), size=32)) == (18, 18)  # lesson 10's
strength, true_strength = (np.linalg.norm(lab[..., 1:], axis=-1).mean() for lab in (result, truth))
print(f"strength of the copied colours {strength:.1f}, of the true ones {true_strength:.1f}")
assert abs(strength / true_strength - 1) < 0.1

# %% [markdown]
# ## What you know now
#
# - Colour by example: for each dot find the sample that looks most alike, copy a* and b*, keep L*. No weights.
# - It works where lightness and roughness tell the colour. Two things that are alike in both are one thing to it.
# - Swatches mend that, because a person says what is where. Each thing in the photo needs one.
# - Looking farther mends some of it, too. A network learns what to look for.
#
# And one thing to wonder about: copying chooses a colour, and learns nothing; the network learned, and mixed colours
# to brown. Could a network learn *and* choose? Lesson 15.
#
# **Now you**: `lessons/exercises/14_colour_by_example.py`. You write the three steps, and colour an evening.

# %%
figures.show()
