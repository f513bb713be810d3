# %% [markdown]
# # 9. Colour: RGB, `L*a*b*`, and what grey keeps
#
# A grey photo says how light each dot is, and nothing of its colour. Before a network can guess the rest, we must know
# what "the rest" is, in numbers. In this lesson you take a photo apart into lightness and colour, and put it together
# again without changing a single dot.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data.shapes import CIRCLE
from tinycolor.data.shipped import FOLDER, attributions

# %% [markdown]
# ## Three numbers for each dot
#
# A screen makes every colour from three tiny lamps, red, green and blue. So a photo has three channels: each dot says
# how bright its three lamps should be, from 0 (off) to 255. From here on we divide by 255, so that 1 is the brightest.

# %%
photo_name = "lomiri-Picture_1A_by_freespace.jpg"
photo = tc.open_image(FOLDER / photo_name)[:400, :400]  # a square piece of it
rgb = photo / 255
print("photo:", photo.shape, "by", attributions()[photo_name])
print("a dot of the pink brush:", photo[200, 280])

assert photo.shape == (400, 400, 3)
assert photo[200, 280].tolist() == [255, 5, 118]  # red fully on, green nearly off, blue about half

# %% [markdown]
# ## The numbers are not amounts of light
#
# 128 is half of 255. Does a lamp at 128 give half its light? No: little more than a fifth. Half the light is 188. The
# numbers follow a curve (called sRGB; nearly all screens and photos keep to it), and `srgb_to_linear` undoes it.
#
# Why a curve? Your eye sees small differences in the dark, and hardly any in bright light. There are only 256 steps,
# so 188 of them are spent on the darker half of the light: with fewer, you would see the steps there.

# %%
light_of_128 = tc.color.srgb_to_linear(np.array(128 / 255))
number_of_half = 255 * tc.color.linear_to_srgb(np.array(0.5))
print(f"a lamp at 128 gives {light_of_128:.1%} of its light; for half the light it needs {number_of_half:.0f}")

assert 0.21 < light_of_128 < 0.22
assert round(float(number_of_half)) == 188

# %% [markdown]
# ## What is grey?
#
# To make a photo grey, each dot's three numbers must become one. People do it in at least three ways:
#
# - the **mean** of red, green and blue;
# - the **luma**, `0.299 R + 0.587 G + 0.114 B`: most programs do this. To your eye green looks lighter than red, and
#   red lighter than blue, so green gets the largest weight. But it weighs the numbers, and not the light;
# - the **lightness** L*: undo the curve; add up the light, `Y = 0.213 R + 0.715 G + 0.072 B`; then bend it anew,
#   `L* = 116 * cube root of Y - 16` (for very dark dots a straight line). 0 is black and 100 is white.
#
# They are not the same thing. Here are the purest red, green and blue, and the grey that each of the three makes of
# it, from 0 to 255. (For L*: the grey of the same L*. `rgb_to_lab` gives L* and two more, see below.)

# %%
greys = []
for name, colour in zip(["red", "green", "blue"], np.eye(3), strict=True):
    lightness = tc.color.rgb_to_lab(colour)[0]
    same_lightness = tc.color.lab_to_rgb(np.array([lightness, 0, 0]))[0]
    greys.append(np.rint(255 * np.array([colour.mean(), tc.color.luma(colour), same_lightness])))
    print(f"{name:5}: mean {greys[-1][0]:3.0f}, luma {greys[-1][1]:3.0f}, L* {greys[-1][2]:3.0f}", end="")
    print(f" (L* = {lightness:.0f})")

assert np.array_equal(greys, [[85, 76, 127], [85, 150, 220], [85, 29, 76]])

# %% [markdown]
# The mean can't tell the three apart. And red is 76 or 127, as you choose. So a network that learned from one grey must
# not be asked about another. Of the networks in lessons to come, pix2pix and Zhang's go by L*, Iizuka's by luma. This
# library takes L*, for a reason that comes next.
#
# ## Equal steps that look equal
#
# Add a tenth of the full light. In the dark it is like switching on a lamp. In broad daylight you hardly see it. L* is
# made so that equal steps of L* look about equally large, wherever you start.

# %%
amounts = np.array([0, 0.1, 0.5, 0.9, 1])
lights = np.stack([amounts, amounts, amounts], -1)  # (5, 3): all three lamps alike
steps = tc.color.rgb_to_lab(tc.color.linear_to_srgb(lights))[:, 0]
for amount, lightness in zip(amounts, steps, strict=True):
    print(f"{amount:4.0%} of the light: L* = {lightness:5.1f}")

assert np.allclose(steps, [0, 37.8, 76.1, 96.0, 100], atol=0.1)  # the first tenth: 38 steps; the last: only 4

# %% [markdown]
# ## The colour: two more numbers
#
# Three numbers went in. One is L*; the other two say which colour it is. a* goes from green (below 0) to red (above),
# b* from blue (below) to yellow (above). Both are 0 for greys, and the farther from 0, the stronger the colour. Again
# equal steps look about equal. (About: people's eyes were measured, and the formula was fitted to them. In the blues it
# fits less well.) Together they are `L*a*b*`, or "Lab" for short.
#
# Here are the eight corners of what a screen can show, each lamp on or off. No colour of a screen has a larger a* or b*
# than the largest of these, or a smaller one than the smallest.

# %%
on_or_off = [(r, g, b) for r in (0, 1) for g in (0, 1) for b in (0, 1)]
corners = tc.color.rgb_to_lab(np.array(on_or_off, float))
names = ["black", "blue", "green", "cyan", "red", "magenta", "yellow", "white"]
for corner, (lightness, a, b) in zip(names, corners.round(1) + 0, strict=True):  # + 0 makes -0.0 a plain 0.0
    print(f"{corner:7}: L* {lightness:5.1f}, a* {a:6.1f}, b* {b:6.1f}")

lamps = np.linspace(0, 1, 32)
all_colours = np.stack(np.meshgrid(lamps, lamps, lamps), -1)  # (32, 32, 32, 3): 32 steps of each lamp
everything = tc.color.rgb_to_lab(all_colours)
assert np.allclose(everything.min((0, 1, 2)), corners.min(0), atol=0.01)
assert np.allclose(everything.max((0, 1, 2)), corners.max(0), atol=0.01)
assert np.allclose(corners[:, 1:].min(0), [-86.18, -107.86], atol=0.01)
assert np.allclose(corners[:, 1:].max(0), [98.23, 94.48], atol=0.01)
assert abs(corners[[0, 7], 1:]).max() < 0.01  # black and white have no colour

# %% [markdown]
# So a* and b* always lie between -110 and 110. Our networks will divide by 110, to have numbers from -1 to 1.
#
# ## Apart, and together again
#
# Nothing is lost by writing a photo as L*, a* and b*. Take them apart, lay them one behind the other again (`np.dstack`
# does that), go back to RGB, and round to whole numbers: every dot is the same.

# %%
lab = tc.color.rgb_to_lab(rgb)
lightness, ab = lab[..., 0], lab[..., 1:]  # (400, 400) and (400, 400, 2)
together = np.rint(255 * tc.color.lab_to_rgb(np.dstack([lightness, ab])))
print(f"{(together != photo).sum()} of {photo.size:,} numbers differ")

assert np.array_equal(together, photo)

# %% [markdown]
# ## What grey loses
#
# Set a* and b* to 0, and the photo is grey. Two colours with the same L* become one and the same grey. Here they are
# made by numbers: a red and a green, both with L* = 60. With them we paint the circle of lesson 1, red on green. Make
# that grey: the circle is gone, and nothing in the grey picture says that there ever was one.

# %%
red, green = np.array([60.0, 60, 40]), np.array([60.0, -40, 30])
circle = np.where(CIRCLE == 1, red, green)  # (9, 9, 3)
circle_grey = circle * [1, 0, 0]
colours = np.rint(255 * tc.color.lab_to_rgb(circle))
greys = np.rint(255 * tc.color.lab_to_rgb(circle_grey))
print("red:", colours[1, 3], " green:", colours[0, 0], " all numbers in the grey circle:", np.unique(greys))

assert colours[1, 3].tolist() == [249, 90, 78]
assert colours[0, 0].tolist() == [82, 161, 90]
assert np.unique(greys).tolist() == [145]

# %% [markdown]
# That happens in photos too. Among all dots whose L* lies between 52 and 53, take the one with the largest a* and the
# one with the smallest: the pink brush and the turquoise one.

# %%
alike = np.argwhere((lightness > 52) & (lightness < 53))  # (2761, 2): the row and the column of each such dot
order = ab[alike[:, 0], alike[:, 1], 0].argsort()  # from the smallest a* to the largest
turquoise, pink = alike[order[0]], alike[order[-1]]
print(f"{len(alike):,} dots are nearly the same grey, among them")
for row, column in (pink, turquoise):
    print(f"  row {row}, column {column}: RGB {photo[row, column]}, Lab {lab[row, column].round(1)}")

assert np.linalg.norm(ab[tuple(pink)] - ab[tuple(turquoise)]) > 100

# %% [markdown]
# So this is the task of a colorizer: one number for each dot to go by, two to guess. A dot's own grey doesn't decide
# them. One must look around: what is it a dot *of*? That is what networks are for.
#
# ## A guess may not exist
#
# Not every Lab is a colour that a screen can show. Suppose a network wishes for a violet with L* 60, a* 60, b* -90.

# %%
wish = np.array([60.0, 60, -90])
wish_rgb = tc.color.lab_to_rgb(wish)
print("lamps, of 255:", np.rint(255 * wish_rgb))

assert 255 * wish_rgb[2] > 305  # the blue lamp would have to give more than all

# %% [markdown]
# Blue ends at 255. Cut it off there, as programs often do, and the dot gets darker: L* falls, although L* was the one
# thing that we knew. `fit_into_gamut` keeps L* and shortens a* and b* by the same factor, until it fits. The colour
# stays violet, only paler. (The *gamut* is all that a screen can show. Two things come back: the colours, and for what
# share of them it was needed.)

# %%
clipped = tc.color.rgb_to_lab(wish_rgb.clip(0, 1))
fitted, _ = tc.color.fit_into_gamut(wish)
print("wished: ", wish)
print("cut off:", clipped.round(1))
print("fitted: ", fitted.round(1), f" factor {fitted[1] / wish[1]:.2f}")

assert clipped[0] < 57
assert fitted[0] == 60
assert np.isclose(fitted[1] / wish[1], fitted[2] / wish[2])

# %% [markdown]
# ## Keep L*, and the picture stays sharp
#
# How well must the colours be known? Cut a* and b* into blocks of 16x16 dots, and give each block its mean colour (pool
# it, here by the mean, and go up again by nearest, lesson 8). That leaves one colour for 256 dots. Then the same the
# other way round: coarse lightness, fine colours.


# %%
def to_pixels(lab):
    """Return the pixels (H, W, 3), 0 to 255, of a Lab picture, in colours that a screen can show."""
    fitted, _ = tc.color.fit_into_gamut(lab)
    return np.rint(255 * tc.color.lab_to_rgb(fitted)).astype(np.uint8)


in_blocks = tc.Sequential(tc.AvgPool2d(16), tc.Upsample(16))
coarse = in_blocks.predict(lab[None])[0]  # (400, 400, 3)
coarse_colour = np.dstack([lightness, coarse[..., 1:]])
coarse_lightness = np.dstack([coarse[..., 0], ab])

# %% [markdown]
# Both are at the lower right of the figure below. With coarse colours you must search for the difference. With coarse
# lightness the photo is gone: your eye finds edges by lightness. So whatever a network guesses, as long as we put the
# photo's own L* back, the result is as sharp as the photo was. Its colours may be wrong or washed out, but it is never
# blurred.
#
# (That is why Zhang's network may give out its colours at a quarter of the size, and Iizuka's at half.)
#
# Some wishes don't exist here either: a nearly black dot in a pink block cannot be pink. See what happens to L* if the
# lamps are cut off, and if the colour is fitted.

# %%
_, share = tc.color.fit_into_gamut(coarse_colour)
cut_off = np.rint(255 * tc.color.lab_to_rgb(coarse_colour).clip(0, 1))
change_cut = abs(tc.color.rgb_to_lab(cut_off / 255)[..., 0] - lightness).max()
change_fit = abs(tc.color.rgb_to_lab(to_pixels(coarse_colour) / 255)[..., 0] - lightness).max()
print(f"{share:.0%} of the dots cannot be shown as wished")
print(f"largest change of L*: {change_cut:.1f} if cut off, {change_fit:.1f} if fitted (from rounding to whole numbers)")

assert 0.1 < share < 0.25
assert change_cut > 10
assert change_fit < 0.5

# %% [markdown]
# ## The figure
#
# The photo and its three numbers; a* and b* are shown as colours of one lightness. Below, the circle that grey loses,
# then coarse colours, and coarse lightness. Find the pink and the turquoise brush in the L* picture.

# %%
level, nothing = np.full_like(lightness, 60), np.zeros_like(lightness)
panels = {
    "the photo": photo,
    "L*: how light": to_pixels(lab * [1, 0, 0]),
    "a*: green or red": to_pixels(np.dstack([level, ab[..., 0], nothing])),
    "b*: blue or yellow": to_pixels(np.dstack([level, nothing, ab[..., 1]])),
    "a circle, red on green": to_pixels(circle),
    "the same circle, L* alone": to_pixels(circle_grey),
    "fine L*, coarse colour": to_pixels(coarse_colour),
    "coarse L*, fine colour": to_pixels(coarse_lightness),
}
figure, axes = plt.subplots(2, 4, figsize=(11, 6.2), layout="constrained")
for axis, (title, picture) in zip(axes.flat, panels.items(), strict=True):
    axis.imshow(picture)
    axis.set_title(title, fontsize=11)
    axis.set_xticks([])
    axis.set_yticks([])
figure.supxlabel(f"Photo: {attributions()[photo_name]}, cropped", fontsize=9)
figures.save(figure, "09_colour")

# %% [markdown]
# ## What you know now
#
# - A photo's numbers follow a curve: 128 is not half the light.
# - There are several greys. L* is the one whose steps look equal.
# - a* and b* hold the colour. With L* they are the photo, exactly.
# - A colorizer has one number for each dot to go by, and two to guess. It keeps L*, so nothing gets blurred.
# - A guessed colour that no screen can show is made paler, not cut off.
#
# And one thing to wonder about: a pink dot and a turquoise one, the same grey. A network has seen both, and can't tell
# which this one is. What will it answer? Lesson 10.
#
# **Now you**: `lessons/exercises/09_colour.py`. You work out L* from the three numbers, and give a photo the colours of
# another.

# %%
figures.show()
