# %% [markdown]
# # 18. Two teachers: pix2pix
#
# A grey photo goes in, its colours come out. Or a map goes in, and a photo from above comes out. Now the condition is a
# whole picture, and for each one that we learn from we have the true answer as well. So the generator can have two
# teachers: the true answer, and lesson 17's discriminator, the *judge*. P. Isola, J.-Y. Zhu, T. Zhou and A. Efros did
# that in 2017 and called it pix2pix. First the true answer teaches alone, then you meet the judge, then both teach.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.networks.pix2pix import PatchDiscriminator, Pix2PixGenerator
from tinycolor.training.adversarial import Duel

SEED = 2

# %% [markdown]
# ## A map and its photo
#
# Our maps have two colours: field and lake. In the photo the lake is one dark blue. The field has furrows: its columns
# go dark, middle, light, middle, and so on. Where that begins, chance decides, and **the map doesn't tell**. All
# numbers go from -1 to 1, as in lesson 10.

# %%
FURROW = np.array([-1, 0, 1, 0])  # dark, middle, light, middle
FIELD, LAKE, STRENGTH = np.array([-0.2, 0.1, -0.6]), np.array([-0.6, -0.3, 0.2]), np.array([0.2, 0.25, 0.15])


def draw(count, rng, size=24):
    """Return maps and photos (count, size, size, 3), and which dots are lake (count, size, size)."""
    rows, columns = np.mgrid[:size, :size]
    row, column = rng.uniform((2, count, 1, 1), 0.25 * size, 0.75 * size)
    height, width = rng.uniform((2, count, 1, 1), 0.2 * size, 0.4 * size)
    lake = ((rows - row) / height) ** 2 + ((columns - column) / width) ** 2 < 1
    furrows = FURROW[(columns + rng.integers(0, 4, (count, 1, 1))) % 4]  # (count, 1, size): the same in each row
    maps = np.where(lake[..., None], [-0.2, 0.2, 0.8], [0.8, 0.7, 0.3])
    photos = np.where(lake[..., None], LAKE, FIELD + furrows[..., None] * STRENGTH)
    return maps.astype(np.float32), photos.astype(np.float32), lake


maps, photos, lake = draw(16, tc.Generator(SEED, epoch=1))  # the exam
print("maps:", maps.shape, " photos:", photos.shape)

# %% [markdown]
# ## The first teacher alone
#
# The first teacher says how far off each number is: the absolute error, which the paper calls **L1**. What will a
# generator answer that listens to it alone? Take one dot of the field. Of four photos with the same map, one is dark
# there, one is light, two are middle. Line them up: dark, middle, middle, light. The absolute error wants the *median*
# (lesson 10), and that is the middle. It does not matter which dot we took. So: no furrows at all. And furrows in the
# wrong place? Work it out for numbers of -1, 0, 1, 0: first for the middle everywhere, then for furrows that begin
# anywhere.

# %%
flat = abs(0 - FURROW).mean()
furrowed = np.mean([abs(FURROW - np.roll(FURROW, shift)).mean() for shift in range(4)])
print(f"the middle everywhere costs {flat}, furrows at a guess {furrowed}")

assert flat == 0.5
assert furrowed == 0.75

# %% [markdown]
# L1 punishes furrows by half as much again. What looks more like a field costs more. This is why such networks blur:
# grass, leaves, hair, windows. Nothing in the input says where each blade lies, and the safest answer has no blade.
#
# ## The generator
#
# It is a U-Net (lesson 13), changed above all in four ways. Filters of 4x4 with a stride of 2 halve the picture, in
# place of pooling. They are padded, so nothing needs to be cropped from what the skips carry. At the end a tanh keeps
# all numbers between -1 and 1. And on the way up there is **dropout**: half of a feature map's numbers, chosen anew
# each time, become 0, and the others are doubled. That is the noise. The authors tried random numbers beside the input,
# and the generator learned to ignore them. So their dropout stays on even when the training is over. (`mode="paper"`
# does that. Batch norm then takes its mean and spread from the pictures at hand as well.)
#
# The real one has 8 levels, from 256 dots to 1, and 54 million weights. Ours has 3 levels, from 24 dots to 3.


# %%
steps = 300


def new_generator():
    """Return the generator as it begins, with dropout where the authors' own program, in Lua, has it."""
    return Pix2PixGenerator(3, 3, levels=3, base_width=8, dropout_style="lua", size=24, seed=SEED)


def adam(net):
    """Return an Adam as in lesson 16: it forgets sooner, and its rate falls to 0 over the second half."""
    return tc.optim.Adam(net.parameters(), tc.optim.linear_decay(2e-3, steps // 2, steps // 2), betas=(0.5, 0.999))


def contrast(pictures):
    """Return how far a dot of the field is from its right neighbour, of 255 (green; only where both are field)."""
    field = ~lake[:, :, 1:] & ~lake[:, :, :-1]
    return 127.5 * abs(np.diff(pictures[..., 1], axis=2))[field].mean()


lessons = [draw(2, tc.Generator(SEED, step=step))[:2] for step in range(steps)]  # two pairs a step
generator = new_generator()
optimizer = adam(generator)
for step, (x, target) in enumerate(lessons):
    y, backward = generator(x, rng=tc.Generator(SEED, epoch=2, step=step))  # rng: dropout draws from it
    loss, dy = tc.losses.l1(y, target)
    generator.zero_grad()
    backward(dy)
    optimizer.step()
by_l1 = generator.predict(maps, mode="paper", rng=tc.Generator(SEED, epoch=3))

middle = np.median(by_l1[~lake], axis=0)
print("its field:", middle.round(2), " the middle of the furrows:", FIELD)
print(f"contrast: {contrast(by_l1):.1f} of 255, in the photos {contrast(photos):.1f}")

assert abs(middle - FIELD).max() < 0.06
assert contrast(by_l1) < 0.15 * contrast(photos)

# %% [markdown]
# As foretold: middle green, hardly a furrow.
#
# ## The judge looks at patches
#
# The second teacher is given the pair, map and picture, *side by side as channels*: 3 + 3 = 6. And it does not say
# "real" once for the whole picture. It is fully convolutional (lesson 12): it slides, and gives a **map of votes**, one
# for each window. Its loss is the mean over all votes. Each vote judges just a patch, hence the name PatchGAN.
#
# How large is a patch? Ours has a layer of 4x4 filters with a stride of 2, and two with a stride of 1. Ask the way
# back, as in lesson 11: which dots does one vote see? (In training, batch norm takes means over all dots, and so each
# vote hears of all. We ask with `mode="eval"`, which takes remembered ones.)

# %%
judge = PatchDiscriminator(6, layers=1, base_width=16, seed=SEED)  # layers: how many of stride 2
large_map, large_photo, large_lake = draw(1, tc.Generator(18, epoch=4), size=48)
votes, backward = judge(large_map, large_photo, mode="eval")  # (1, 22, 22, 1)
dvotes = np.zeros_like(votes)
dvotes[0, 11, 11] = 1
_, dphoto = backward(dvotes)  # the second of the two inputs
seen = np.argwhere(dphoto[0].any(-1))
print(f"{votes.shape[1]}x{votes.shape[2]} votes on 48x48 dots; vote (11, 11) sees dots {seen.min(0)} to {seen.max(0)}")

joined = np.concatenate([large_map, large_photo], -1)  # (1, 48, 48, 6)
assert np.allclose(judge.blocks.predict(joined), votes, atol=1e-5)
assert (seen.max(0) - seen.min(0) + 1).tolist() == [16, 16]
assert tc.receptive_field(judge) == (16, 16)

# %% [markdown]
# The paper's judge has three layers of stride 2. Here are the fields for other numbers, and how many votes a picture of
# 256x256 gets. (One filter in place of 64; the fields are the same.) With 0 layers all filters are 1x1: such a judge
# sees a dot.

# %%
fields, sides = [], []
for layers in range(6):
    thin = PatchDiscriminator(6, layers, base_width=1)
    fields.append(tc.receptive_field(thin)[0])
    sides.append(thin.predict(np.zeros((1, 256, 256, 6), np.float32)).shape[1])
    print(f"{layers} layers of stride 2: a vote sees {fields[-1]:3} dots a side, {sides[-1]}x{sides[-1]} votes")
weights = {n: sum(p.data.size for p in PatchDiscriminator(6, n).parameters()) for n in (1, 3)}
print(f"weights of 1 layer: {weights[1]:,}, of the paper's 3: {weights[3]:,}")

assert fields == [1, 16, 34, 70, 142, 286]
assert sides == [256, 126, 62, 30, 14, 6]
assert weights == {1: 139_585, 3: 2_768_705}

# %% [markdown]
# 70 dots of 256 are enough, for what is large is the first teacher's business: that the lake is blue and in its place,
# L1 sees well. The judge needs to look at detail only. So it has few weights, and takes pictures of any size. (The
# paper tried fields of 1, 16, 70 and 286 dots on street scenes, and asked lesson 12's FCN how many dots of the result
# it names as the map has them: 39, 65, 66 and 42 %. More is not better.)
#
# Can such a judge see blur? Let it learn for 100 steps to tell photos from what L1 alone has painted; each picture gets
# 10x10 votes. Then show it a picture twice as large as these, its left half a photo and its right half painted.

# %%
is_real = np.repeat(np.array([1, 0], np.float32), 4)[:, None, None, None] * np.ones((8, 10, 10, 1), np.float32)
more_maps, more_photos, _ = draw(100, tc.Generator(SEED, epoch=5))
painted = generator.predict(more_maps, mode="paper", rng=tc.Generator(SEED, epoch=6))
optimizer = tc.optim.Adam(judge.parameters(), learning_rate=2e-3)
for step in range(100):
    some = np.arange(4 * step, 4 * step + 4) % 100
    pictures = np.concatenate([more_photos[some], painted[some]])  # four photos and four fakes, of the same maps
    votes, backward = judge(np.concatenate([more_maps[some], more_maps[some]]), pictures)
    loss, dvotes = tc.losses.bce_with_logits(votes, is_real)
    judge.zero_grad()
    backward(dvotes)
    optimizer.step()

half_painted = large_photo.copy()
half_painted[:, :, 24:] = generator.predict(large_map, mode="paper", rng=tc.Generator(SEED, epoch=7))[:, :, 24:]
believed = tc.Sigmoid().predict(judge.predict(large_map, half_painted))[0, :, :, 0]  # (22, 22), 1 for real
on_left, on_right = believed[:, :7].mean(), believed[:, -7:].mean()  # windows that lie on one side of the seam
print(f"loss {loss:.3f}; mean vote on the photo {on_left:.2f}, on what was painted {on_right:.2f}")

assert on_left > 0.7
assert on_right < 0.2

figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.6), layout="constrained")
axes[0].imshow((large_map[0] + 1) / 2)
axes[0].set_title("the map", fontsize=11)
axes[1].imshow((half_painted[0] + 1) / 2)
axes[1].add_patch(plt.Rectangle((16.5, 16.5), 16, 16, fill=False, edgecolor="#f1c40f", linewidth=2.5))
axes[1].set_title("left: photo, right: painted by L1 alone;\nthe window of one vote", fontsize=11)
shown = axes[2].imshow(believed, extent=(1.5, 45.5, 45.5, 1.5), cmap="RdYlGn", vmin=0, vmax=1)
axes[2].set_title("the judge: 22x22 votes,\neach in the middle of its window", fontsize=11)
figure.colorbar(shown, ax=axes, label="fake 0, real 1", shrink=0.85)
for axis in axes:
    axis.set(xlim=(-0.5, 47.5), ylim=(47.5, -0.5), xticks=[], yticks=[])
figures.save(figure, "18_votes")

# %% [markdown]
# Nobody told it what blur is, or where. What it finds, a generator can learn. (Lakes are flat in photos too: less red.)
#
# ## Both teachers
#
# So the generator goes by a sum, each part with a job of its own (in the paper L1 + cGAN, *c* for conditional):
#
#     loss = (how far the judge's votes are from "real")  +  100 * L1
#
# L1 keeps it to the map: which colour belongs where. The judge asks for what L1 leaves out. Why 100? By L1, furrows at
# a guess cost 0.25 more than none, times the furrows' strength, which is 0.2 on average: 0.05. At a draw the
# judge's part is log 2 = 0.69, and it is more where the judge is sure of the fake. Beside that, 0.05 would hardly be
# heard. Times 100, the paper's weight, it is 5: now both are heard, and pull against each other.
#
# Then it is lesson 17's step. The judge learns from the pairs (map, photo) and (map, fake). Then it rests, and the
# gradient goes back through it; of its six channels three belong to the map, which nobody moves, and three to the fake.
# To these L1's own gradient is added, 100 times. `Duel` does all that, and in the exercise you do. The generator begins
# with the same weights, and sees the same pairs, as many times.

# %%
assert np.isclose(100 * (furrowed - flat) * STRENGTH.mean(), 5)

generator = new_generator()
judge = PatchDiscriminator(6, layers=1, base_width=16, seed=SEED)
duel = Duel(generator, judge, adam(generator), adam(judge), reconstruction=tc.losses.l1, reconstruction_weight=100)
for x, target in lessons:
    parts = duel.step((x,), (), target)  # what both are given, the noise beside it (none), what is real
    if duel.steps in (1, 50, 100, 200, steps):
        print(f"step {duel.steps:3}: judge's loss {parts['discriminator']:.2f}, ", end="")
        print(f"generator's {parts['adversarial']:.2f} + 100 * {parts['reconstruction']:.3f}")
by_both = generator.predict(maps, mode="paper", rng=tc.Generator(SEED, epoch=3))

errors = {name: abs(made - photos).mean() for name, made in (("L1", by_l1), ("both", by_both))}
for name, made in (("L1 alone", by_l1), ("L1 + cGAN", by_both), ("photos", photos)):
    print(f"{name:9}: contrast {contrast(made):4.1f} of 255, L1 {abs(made - photos).mean():.3f}")

assert contrast(by_both) > 4 * contrast(by_l1)
assert 0.25 * contrast(photos) < contrast(by_both) < 1.25 * contrast(photos)
assert errors["L1"] < errors["both"] < 1.7 * errors["L1"]

# %% [markdown]
# There are furrows. And measured by L1 the pictures have got *worse*, as you worked out: furrows in the wrong place
# cost more than none. Who ranks pictures by that number would take the blurred ones. (So the paper let people judge. Of
# photos made of maps, they took 0.8 % for real with L1 alone, and 18.9 % with L1 + cGAN.)
#
# What does dropout, the throwing of dice, do? Ask for the same pictures again, with other numbers dropped.

# %%
again = generator.predict(maps, mode="paper", rng=tc.Generator(SEED, epoch=8))
change = abs(again - by_both).mean()
print(f"dropout anew: numbers change by {change:.3f} on average; to the photos it is {errors['both']:.3f}")

assert 0 < change < errors["both"] / 2

names = ["input: the map", "L1", "L1 + cGAN", "L1 + cGAN,\ndropout anew", "truth"]
figure = plt.figure(figsize=(11, 5), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[2, 1])
for name, pictures, column in zip(names, (maps, by_l1, by_both, again, photos), left.subplots(4, 5).T, strict=True):
    column[0].set_title(name, fontsize=10)
    for axis, picture in zip(column, pictures, strict=False):
        axis.imshow(np.clip((picture + 1) / 2, 0, 1))
        axis.set(xticks=[], yticks=[])
number, row = np.argwhere(~lake.any(2))[-1]  # a row that is all field
axes = right.subplots(3, 1, sharex=True, sharey=True)
for axis, name, pictures in zip(axes, ("L1", "L1 + cGAN", "truth"), (by_l1, by_both, photos), strict=True):
    axis.step(range(24), 127.5 * (pictures[number, row, :, 1] + 1), where="mid", color="#3a7d2c")
    axis.set(title=f"{name}: one row of a field", ylim=(80, 200), ylabel="green")
axes[-1].set_xlabel("column")
figures.save(figure, "18_furrows")

# %% [markdown]
# Look at the columns, and at the green of one row. L1: every lake in its place, and fields without a furrow. L1 + cGAN:
# furrows, and lakes still in place. They are not the furrows of the truth, and they need not be: that can't be known.
# Nor are they perfect. Ours is a caricature: 24x24 dots, 300 steps, one thing left open.
#
# With dropout anew, hardly anything moves. It should give *other* furrows, as chance gave them to the photos. The paper
# saw the same, "minor stochasticity" (a little chance), and left it open. (Here nobody asks for variety: the judge sees
# one picture at a time, and L1 is against dice.)
#
# ## What the paper found
#
# - Street scenes from label maps, named by an FCN, dots right: L1 alone 42 %, the judge alone 57 %, both 66 %. The
#   skips help: 55 % with them, 29 % without (both teachers, in runs of their own).
# - Where nothing is left open, L1 alone is enough. For photos turned into label maps it was better than both: 86 % of
#   the dots right, against 83 %.
# - Colour: L1 is drawn to the median, which is greyish; the judge widens the colours. Of photos coloured by both,
#   people took 22.5 % for real, of those by lesson 15's network 27.8 %. With a squared error it was 16.3 %, and that
#   difference from 22.5 % may be chance, says the paper.
#
# (The survey of lesson 2 calls L1 a regularization, which keeps weights small. That is another use of the name: here it
# measures how far the *answer* is off. And its figures of streets and maps are not about colouring photos.)
#
# ## The real thing
#
# With a folder of pairs, of which a map and its photo have the same name in the folders A and B:
#
#     tinycolor train FOLDER --task translate --out RUN
#
# `examples/figure6_l1_vs_cgan.py` and `examples/figure7_unet_vs_encoder_decoder.py` do it with drawn streets: L1
# against both teachers, and the U-Net against one without skips.
#
# ## What you know now
#
# - The condition may be a picture: the judge gets the pair side by side, as channels.
# - L1 alone gives the median of all that may be. What the input leaves open it wipes out.
# - A judge sees such blur at once. L1 for what is large, times 100, and the judge for detail: together they make
#   sharper pictures that fit, and L1 by itself can't tell that they are better.
# - PatchGAN: a judge that slides and votes on patches. 70x70 in the paper, with 2.8 million weights.
# - The noise is dropout, and the answers hardly vary.
#
# And one thing to wonder about: each vote sees a patch, and L1 each dot alone. A field under snow, a beach, a desert:
# in grey all are light and smooth. What tells their colours is the *whole* picture: it is winter. How can a network let
# every dot know what the whole is about? Lesson 19.
#
# **Now you**: `lessons/exercises/18_pix2pix.py`. You write the gradient that goes into the generator, and work out how
# many votes a judge gives and how far each one sees.

# %%
figures.show()
