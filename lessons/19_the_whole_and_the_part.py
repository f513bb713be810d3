# %% [markdown]
# # 19. The whole and the part
#
# Stripes fill the lower half of a photo. Floor boards, or a mown lawn? Lesson 10 asked it, and lesson 11 said: look
# farther. S. Iizuka, E. Simo-Serra and H. Ishikawa ("Let there be color!", ACM TOG 2016) let *two* towers look. One
# sees each place from near by. The other sees the whole picture, and says one thing about it. Then every pixel is told
# what the second one said.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data import scenes
from tinycolor.data.scenes.rooms import furnish
from tinycolor.ops.pool import avg_pool2d

# %% [markdown]
# ## Telling every pixel
#
# The first tower makes a **map m**: here 2x3 places with two numbers each. The second makes a **vector g**: here two
# numbers for the whole picture, say *room* 1, *field* 0. The **fusion** repeats g at each place beside the place's own
# numbers. Then filters of 1x1 mix the four. So each place gives, as in formula (1) of the paper,
#
#     bias + W [its own numbers, g]
#
# (Behind it comes a ReLU or the like. The paper writes g first; the order does not matter.)

# %%
m = np.array([[[1, 0], [2, 0], [3, 0]], [[0, 1], [0, 2], [0, 3]]], np.float32)[None]  # (1, 2, 3, 2)
g = np.array([[1, 0]], np.float32)  # (1, 2): one row for each picture
fusion = tc.Fusion(2, 2, 1)  # numbers of m, numbers of g, numbers that come out
fusion.conv.weight.data = np.array([1, 2, 10, 20], np.float32).reshape(1, 1, 4, 1)
print("room: ", fusion.predict(m, g)[0, :, :, 0].tolist())
print("field:", fusion.predict(m, np.array([[0, 1]], np.float32))[0, :, :, 0].tolist())

assert fusion.predict(m, g)[0, :, :, 0].tolist() == [[11, 12, 13], [12, 14, 16]]

# %% [markdown]
# Do you see what g does? It adds one number, 10 or 20, at all places alike. For mixing adds up the two numbers of m,
# times their weights, and the two of g, times theirs; this second part is the same everywhere. So fusion is *a 1x1
# convolution of the map, whose bias each picture chooses for itself*. Check it with random numbers, for three pictures.

# %%
rng = tc.Generator(19)
many_m, many_g = rng.normal((3, 6, 8, 5)), rng.normal((3, 4))
layer = tc.Fusion(5, 4, 7)
weight = tc.Generator(19, step=1).normal((1, 1, 9, 7))
layer.conv.weight.data = weight
conv = tc.Conv2d(5, 7, 1)
conv.weight.data = weight[:, :, :5]  # those that meet m
own_bias = many_g @ weight[0, 0, 5:]  # (3, 7): one bias for each picture and filter
difference = abs(layer.predict(many_m, many_g) - (conv.predict(many_m) + own_bias[:, None, None])).max()
print(f"largest difference: {difference:.0e}")

assert difference < 1e-5

# %% [markdown]
# (The survey of lesson 2 stops at concatenating, laying side by side. But only by the mixing does g change anything.)
#
# ## And back
#
# To m each dy goes back at its own place, times its weights, 1 and 2. But g stood at all six places, and what is used
# more than once adds up: **dg is a sum over all pixels**, here 21, times 10 and times 20. All of them tell the second
# tower what they would have liked to hear.

# %%
y, backward = fusion(m, g)
dy = np.array([[1, 2, 3], [4, 5, 6]], np.float32).reshape(y.shape)
dm, dg = backward(dy)
print("dg:", dg, " sum of dy:", dy.sum())
worst = tc.gradcheck(layer, many_m, many_g)
print(f"gradcheck: the worst relative error is {worst:.1e}")

assert dg.tolist() == [[10 * 21, 20 * 21]]
assert np.array_equal(dm[..., 0], dy[..., 0])  # its weight is 1

# %% [markdown]
# ## Rooms and fields
#
# `draw_rooms` makes rooms with a lamp and fields with a sun. The ground is striped in both, and its L* does not tell
# which it is. We can even have twins: `furnish` draws the same random numbers as rooms, then as fields.

# %%
rooms, ground, _ = furnish(np.zeros(2, int), 48, tc.Generator(19, epoch=2))  # two rooms (2, 48, 48, 3), in L*a*b*
fields, _, _ = furnish(np.ones(2, int), 48, tc.Generator(19, epoch=2))  # and their twins
twins = np.concatenate([rooms, fields])
boards, lawn = rooms[ground][0, 1:], fields[ground][0, 1:]
print("ground: a* and b* are", boards, "in a room,", lawn, "in a field; their mean is", (boards + lawn) / 2)
lowest = np.flatnonzero((rooms[..., 0] != fields[..., 0]).any((0, 2))).max()
print(f"in L* the twins differ down to row {lowest}, and nowhere below it")

assert lowest == 9

# %% [markdown]
# ## Two towers
#
# Here is a small copy of the paper's network:
#
#     picture - low - mid ------------ m - fusion - colour      a* and b*, at half the size
#                  `- scene - g ---------'
#                             `- naming                         two scores: room, field
#
# `low` is shared. `scene` shrinks its map further, takes the mean over all places, and makes 16 numbers of it. (The
# paper: by fully connected layers, and it names from the last but one.) What `naming` is for comes below. In
# `backward`, look where ways meet. Both `mid` and `scene` used what `low` made: what comes back adds up, as for g.


# %%
def convolve(inputs, outputs, stride=1):
    """Return 3x3 filters with batch norm and ReLU."""
    return tc.ConvNormAct(inputs, outputs, 3, stride=stride, padding=1)


class TwoTowers(tc.Layer):
    """L* / 50 - 1 (N, 48, 48, 1) to colours (N, 24, 24, 2), within 0..1, and the scores of two kinds (N, 2)."""

    def __init__(self, listens=True):
        self.listens = listens  # if not, g is 0 everywhere, and only one tower is left
        self.low = tc.Sequential(convolve(1, 16, 2), convolve(16, 16, 2))
        self.mid = tc.Sequential(convolve(16, 16), convolve(16, 16))
        shrink = convolve(16, 16, 2), convolve(16, 16, 2), tc.AvgPool2d(3)  # 12x12, 6x6, 3x3, 1x1
        self.scene = tc.Sequential(*shrink, tc.Flatten(), tc.Linear(16, 16), tc.ReLU())
        self.fusion = tc.Sequential(tc.Fusion(16, 16, 16), tc.ReLU())
        self.colour = tc.Sequential(tc.Upsample(2), tc.Conv2d(16, 2, 3, padding=1), tc.Sigmoid())
        self.naming = tc.Linear(16, 2)

    def forward(self, x, *, mode, rng):
        low, low_backward = self.low(x, mode=mode)
        m, mid_backward = self.mid(low, mode=mode)
        g, scene_backward = self.scene(low, mode=mode)
        fused, fusion_backward = self.fusion(m, g * self.listens, mode=mode)
        ab, colour_backward = self.colour(fused, mode=mode)
        scores, naming_backward = self.naming(g, mode=mode)

        def backward(d_ab, d_scores):
            dm, dg = fusion_backward(colour_backward(d_ab))
            dg = dg * self.listens + naming_backward(d_scores)
            return low_backward(mid_backward(dm) + scene_backward(dg))

        return (ab, scores), backward


net = TwoTowers()
assert tc.receptive_field(tc.Sequential(net.low, net.mid, net.colour)) == (27, 27)  # what one tower alone sees

# %% [markdown]
# ## Name it, too
#
# The second tower *can* tell the pixels what they need. But how does it find out that lamps and suns matter? At first
# it says nothing of use, so nobody listens; and as nobody listens, little comes back to it. So the paper gives it a
# second task: name the kind of scene. (Its photos come sorted by kind, so the names are at hand.) From g to the names
# the way is short. It is a loss of its own, lesson 12's cross-entropy, and both losses are added:
#
#     loss = squared error of the colours + 1/300 * cross-entropy of the names
#
# Why so small a part? The paper has 205 kinds of scenes. Who knows nothing of them pays log(205) = 5.3 for a name, and
# 5.3 / 300 is 0.018. Squared errors of colours within 0..1 are as small: see the figure below.
#
# Three networks with the same first weights: one tower; two towers that learn colours only; two towers that learn names
# as well. (There the part is 1/30: we have two kinds, and no time.) 80 steps for each; the exam is 48 new pictures.


# %%
def learn(net, lab, kind, part, steps, batch):
    """Teach a network the colours, and the names of the scenes in part; return the colours' loss of each step."""
    tc.init.he_normal(net, tc.Generator(19))
    tc.init.normal(net.colour[1], tc.Generator(19, step=1), std=0.01)  # so the first colours are close to grey
    optimizer = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(1e-2, steps))
    losses = []
    for step in range(steps):
        some = slice(step * batch % len(lab), step * batch % len(lab) + batch)
        (ab, scores), backward = net(lab[some, ..., :1] / 50 - 1)
        colour_loss, d_ab = tc.losses.mse(ab, avg_pool2d(lab[some, ..., 1:], (2, 2), (2, 2)) / 220 + 0.5)
        _, d_scores = tc.losses.cross_entropy(scores, kind[some])
        net.zero_grad()
        backward(d_ab, part * d_scores)
        optimizer.step()
        losses.append(float(colour_loss))
    return losses


lab, _, kind = scenes.draw_rooms(320, 48, tc.Generator(19))  # kind: 0 for room, 1 for field
exam, _, exam_kind = scenes.draw_rooms(48, 48, tc.Generator(19, epoch=1))
true_ab = avg_pool2d(exam[..., 1:], (2, 2), (2, 2))
nets = {"one tower": TwoTowers(listens=False), "two, colours only": TwoTowers(), "two, and names": TwoTowers()}
losses, early, errors = {}, {}, {}
for name, net in nets.items():
    losses[name] = learn(net, lab, kind, 1 / 30 if name == "two, and names" else 0, steps=80, batch=16)
    early[name] = np.mean(losses[name][20:40])
    ab, scores = net.predict(exam[..., :1] / 50 - 1)
    errors[name] = abs(220 * (ab - 0.5) - true_ab).mean()
    print(f"{name:17}: a* and b* are {errors[name]:.1f} off; mean loss of steps 20 to 39 {early[name]:.4f}")
named_rightly = (scores.argmax(1) == exam_kind).mean()
print(f"the last one names {named_rightly:.0%} of the scenes rightly")

one, silent, named = nets
assert errors[named] < errors[one] / 2
assert early[named] < 0.85 * early[silent]
assert named_rightly > 0.95
assert round(np.log(205), 1) == 5.3

# %% [markdown]
# One tower is far off, two with names are not. Bad luck, or too few steps? No: a window of 27x27 reaches 13 rows up, so
# from row 26 on it is never near row 9, the lamp or the sun. There one tower *must* paint the twins alike. And what is
# best then? Lesson 10 knows: the mean, here an olive that neither has.

# %%
painted = {name: 220 * (net.predict(twins[..., :1] / 50 - 1)[0] - 0.5) for name, net in nets.items()}  # a* and b*
for name, ab in painted.items():
    below = ab[:, 13:].mean((1, 2))  # at half the size, row 26 is row 13
    print(f"{name:17}: ground of a room {below[0].round(1)}, of its twin in a field {below[2].round(1)}")

assert abs(painted[one][:2, 13:] - painted[one][2:, 13:]).max() < 1e-3
assert abs(painted[one][:, 13:].mean((0, 1, 2)) - (boards + lawn) / 2).max() < 8
assert abs(painted[named][0, 13:].mean((0, 1)) - boards).max() < 10
assert abs(painted[named][2, 13:].mean((0, 1)) - lawn).max() < 10


def to_pixels(lightness, ab):
    """Return red, green and blue, 0..1, for L* (H, W, 1) and a*b* of half or a quarter of its sides."""
    up = tc.Upsample(len(lightness) // len(ab), "bilinear").predict(ab[None])[0]
    fitted, _ = tc.color.fit_into_gamut(np.concatenate([lightness, up], -1))
    return tc.color.lab_to_rgb(fitted).clip(0, 1)


figure = plt.figure(figsize=(12, 4), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1.75, 1])
columns = {"given: L*": 0 * painted[one], "one tower": painted[one], "two, and names": painted[named]}
columns["the truth"] = avg_pool2d(twins[..., 1:], (2, 2), (2, 2))
axes = left.subplots(2, 4)
for column, (title, ab) in zip(axes.T, columns.items(), strict=True):
    column[0].set_title(title, fontsize=11)
    for axis, n in zip(column, (0, 2), strict=True):
        axis.imshow(to_pixels(twins[n, ..., :1], ab[n]))
        axis.set(xticks=[], yticks=[])
for axis, name in zip(axes[:, 0], ["a room", "its twin,\na field"], strict=True):
    axis.set_ylabel(name, fontsize=11, rotation=0, ha="right", va="center")
curves = right.subplots()
for (name, values), colour in zip(losses.items(), ["#8a5a2b", "#999999", "#1f77b4"], strict=True):
    curves.plot(np.convolve(values, np.ones(5) / 5, "valid"), color=colour, label=f"{name}: {errors[name]:.1f} off")
curves.set(title="Learning the colours", xlabel="step", ylabel="squared error (mean of 5 steps)", ylim=(0, 0.015))
curves.legend()
figures.save(figure, "19_rooms")

# %% [markdown]
# And the names? With them the pixels hear of lamps and suns sooner. (Without them it is luck: with other first weights
# they may do as well in the end, or still paint the mean.) But no colour is made from the scores, which are for
# learning only. Change the weights that make them, and the colours stay. (Not so in the survey: there the colours use
# the result of naming.)

# %%
before = nets[named].predict(exam[..., :1] / 50 - 1)[0]
nets[named].naming.weight.data = -nets[named].naming.weight.data
after, scores = nets[named].predict(exam[..., :1] / 50 - 1)
print(f"now it names {(scores.argmax(1) == exam_kind).mean():.0%} rightly")

assert np.array_equal(after, before)

# %% [markdown]
# ## Somebody else's vector
#
# So g is all that the pixels hear about the whole. What if it comes from *another* picture? Now streets, by day and at
# dusk (lesson 10). Dusk is dark, and one tower would see that. So we light all streets evenly: a mean L* of 50. (The
# network answers at half its size, and we spread its colours still further, over streets of 96x96. L* brings the
# detail, and L* is given. That is why this network gets by without skips. The survey says: because it has no pooling.
# But taking every second place loses as much.)


# %%
def draw_streets(count, size, rng):
    """Return streets (N, size, size, 3) in L*a*b*, evenly lit, and 0 for day, 1 for dusk."""
    drawn = scenes.draw(count, size, rng)
    lab = tc.color.lab_of(drawn.photo)
    lab[..., 0] = np.minimum(lab[..., 0] * 50 / lab[..., 0].mean((1, 2), keepdims=True), 97)
    return lab, drawn.kind


street_net = TwoTowers()
learn(street_net, *draw_streets(160, 48, tc.Generator(19, epoch=3)), 1 / 30, steps=100, batch=8)
large, times = draw_streets(48, 96, tc.Generator(19, epoch=4))
low = street_net.low.predict(avg_pool2d(large[..., :1], (2, 2), (2, 2)) / 50 - 1)  # it sees 48x48
maps, vectors = street_net.mid.predict(low), street_net.scene.predict(low)  # (48, 12, 12, 16) and (48, 16)


def paint(m, g):
    """Return a* and b* for maps (N, 12, 12, 16) and vectors (N, 16)."""
    return 220 * (street_net.colour.predict(street_net.fusion.predict(m, g)) - 0.5)


# %% [markdown]
# The map of one street, the vector of another: each street by day is lent one from dusk, each at dusk one from the day.
# Does its mean colour come closer to that of the lender?

# %%
lender = np.array([np.flatnonzero(times != time)[n % 8] for n, time in enumerate(times)])  # of the other time of day
true_mean = large[..., 1:].mean((1, 2))[lender]
own, lent = paint(maps, vectors), paint(maps, vectors[lender])
away_own, away_lent = (np.linalg.norm(ab.mean((1, 2)) - true_mean, axis=-1) for ab in (own, lent))
closer, before, now = (away_lent < away_own).mean(), away_own.mean(), away_lent.mean()
print(f"closer to the lender: {closer:.0%}; on average {before:.0f} units away before, {now:.0f} now")

assert closer > 0.9
assert now < 0.7 * before

day, _, late = chosen = [np.flatnonzero(times == 0)[0], *np.flatnonzero(times == 1)[:2]]
figure = plt.figure(figsize=(8, 10.4), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=[4.1, 1.2])
axes = above.subplots(4, 4)
axes[0, 0].set_axis_off()
for i, n in enumerate(chosen):
    axes[0, 1 + i].imshow(to_pixels(large[n, ..., :1], large[n, ..., 1:]))
    axes[1 + i, 0].imshow(to_pixels(large[n, ..., :1], 0 * own[n]))
    for j, other in enumerate(chosen):
        axes[1 + i, 1 + j].imshow(to_pixels(large[n, ..., :1], paint(maps[[n]], vectors[[other]])[0]))
for axis in axes.flat:
    axis.set(xticks=[], yticks=[])
above.suptitle("The map of the street on the left, the vector of the street above")
for axis, share in zip(below.subplots(1, 4), (0, 1 / 3, 2 / 3, 1), strict=True):
    vector = (1 - share) * vectors[[day]] + share * vectors[[late]]
    axis.imshow(to_pixels(large[late, ..., :1], paint(maps[[late]], vector)[0]))
    axis.set(xticks=[], yticks=[], xlabel=f"{share:.0%} dusk")
below.suptitle("One map; from the vector of a day, by mixtures, to its own")
figures.save(figure, "19_evening")

# %% [markdown]
# The map says *what* stands where, the vector *what light* it stands in. Nobody asked them to share the work like that:
# the network was only to paint each street in its own colours, and to name the time of day from g. The paper lends
# vectors between photos, and says that it works if the two show similar things.
#
# ## The real thing
#
# `tc.networks.Iizuka` is the paper's network. It has 42 million weights, 36 million of them in the second tower. That
# one always gets the whole picture shrunk to 224x224, as its fully connected layers want; the first takes any size. It
# learned from 2.3 million photos of 205 kinds of scenes. Then ten people had a brief look: natural or not? Natural,
# they said of 69.8 % of what one tower had painted, of 92.6 % of the full network's, and of 97.2 % of real photos.
# (The survey leaves the last number out. It is the mark to reach.)
#
# ## What you know now
#
# - Fusion repeats one vector beside every pixel and mixes with 1x1 filters. It is a bias that each picture chooses.
# - On the way back the vector gets the sum over all pixels.
# - What lies outside the receptive field can't be known, but it can be told.
# - A second loss can teach a part of a network what it is there for. It is needed for learning only.
# - A vector can be lent: one picture's places in another picture's light.
#
# And one thing to wonder about: our towers took seconds, for pictures of 48x48 and 16 channels. The paper's needs 8.6
# billion multiplications to look at one photo, and looked at millions. Who does such sums in time? Lesson 20.
#
# **Now you**: `lessons/exercises/19_the_whole_and_the_part.py`. You write a fusion, its way back, and lend vectors.

# %%
figures.show()
