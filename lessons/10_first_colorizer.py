# %% [markdown]
# # 10. A first colorizer, and why it turns brown
#
# Lesson 6 gave you the five lines of learning, lesson 8 a network that goes down and up again, lesson 9 the numbers:
# L* goes in, a* and b* come out. Put together, that is a colorizer. First it meets streets, where the grey tells the
# colour. Then it meets apples, where the grey doesn't, and you work out with a pencil what it is going to answer.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data.lightness import ab_of, split_photo
from tinycolor.data.scenes import COLOUR_A, COLOUR_B, LABELS, draw, draw_ambiguous
from tinycolor.metrics import ab_mae
from tinycolor.training.loop import train

# %% [markdown]
# ## Part one: streets
#
# `draw` makes up streets, by day or at dusk, as photos of 32x32 dots. What a thing is and the time of day decide its
# colour, and both can be seen in the grey: what is above is sky, and a dark street lies in the dusk.
#
# What goes in, and what should come out? Lesson 9's numbers, brought to -1 to 1. L* goes from 0 to 100, so the network
# gets `L* / 50 - 1`. The a* and b* of a screen lie between -110 and 110: divided by 110. `split_photo` does all that.

# %%
photos = draw(16, 32, tc.Generator(10)).photo  # (16, 32, 32, 3), whole numbers from 0 to 255
lab = tc.color.rgb_to_lab(photos / 255)
x, target = split_photo(photos)
print("in:", x.shape, " wanted:", target.shape)

assert np.allclose(x, lab[..., :1] / 50 - 1, atol=1e-5)
assert np.allclose(target, lab[..., 1:] / 110, atol=1e-5)

# %% [markdown]
# ## The network
#
# `ColorUNet` is lesson 8's way down and up again. Here it has two levels: two layers of 16 filters at full size;
# pooling; two layers of 32 filters at half size; up by nearest, with the skip beside it; two layers of 16 filters. Last
# come two filters of 1x1, one for a* and one for b*. No sigmoid behind them: a* and b* may be below 0.
#
# (New: each convolution has a *batch norm* behind it. It shifts and stretches every map so that its mean over the batch
# is 0 and its spread 1, and then once more by two weights that are learned. With numbers of a steady size, learning is
# faster. `predict` uses the means and spreads that were remembered while learning.)

# %%
net = tc.networks.ColorUNet(widths=(16, 32), size=32, seed=10)
print(tc.summary(net, x.shape))  # kept: what is remembered for the way back; convolution: which of lesson 7's ways

# %% [markdown]
# ## Five lines, again
#
# Two things differ from lesson 6. The loss is the *squared error*, `mse`: how far off is each number, squared; then the
# mean over all dots, and over a* and b*. And the learning rate follows a plan, `one_cycle`: it climbs, and then falls
# to nearly 0. Long strides on the way, short ones to settle.

# %%
steps = 200
optimizer = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(2e-2, steps))
for step in range(steps):
    x, target = split_photo(draw(16, 32, tc.Generator(10, epoch=0, step=step)).photo)
    y, backward = net(x)
    loss, dy = tc.losses.mse(y, target)
    net.zero_grad()
    backward(dy)
    optimizer.step()
    if step in (0, 10, 50, 100, 199):
        print(f"step {step:3}: squared error {loss:.4f}")

# %% [markdown]
# The exam: 100 streets that it has never seen (epoch 1). How far are a* and b* from the true ones, on average? Such a
# number says little alone. So compare: leave everything grey, a* = b* = 0, and measure that too.

# %%
scenes = draw(100, 32, tc.Generator(10, epoch=1))
exam = scenes.photo
x, target = split_photo(exam)
painted = ab_of(net.predict(x))  # times 110: back to the units of a* and b*
error = ab_mae(painted, ab_of(target)).mean()
error_of_grey = ab_mae(np.zeros_like(painted), ab_of(target)).mean()
print(f"a* and b* are {error:.1f} off on average; grey is {error_of_grey:.1f} off")

assert error < error_of_grey / 2


# %%
def to_pixels(lightness, ab):
    """Return pixels 0..255 (H, W, 3) for L* (H, W, 1) and a*b* (H, W, 2): lesson 9's, with the L* of the photo."""
    fitted, _ = tc.color.fit_into_gamut(np.concatenate([lightness, ab], -1))
    return np.rint(255 * tc.color.lab_to_rgb(fitted).clip(0, 1)).astype(np.uint8)


lab = tc.color.rgb_to_lab(exam / 255)
figure, axes = plt.subplots(3, 6, figsize=(9, 4.6), layout="constrained")
for n, column in enumerate(axes.T):
    lightness = lab[n, :, :, :1]
    pictures = [to_pixels(lightness, np.zeros_like(painted[n])), to_pixels(lightness, painted[n]), exam[n]]
    for axis, picture in zip(column, pictures, strict=True):
        axis.imshow(picture)
        axis.set(xticks=[], yticks=[])
for axis, name in zip(axes[:, 0], ["given:\nL*", "the network's\ncolours", "the truth"], strict=True):
    axis.set_ylabel(name, fontsize=11, rotation=0, ha="right", va="center")
figure.suptitle("Streets that it has never seen")
figures.save(figure, "10_streets")

# %% [markdown]
# A colorizer. Nobody told it about skies or roofs: it has seen 3,200 streets with their colours, that is all.
#
# Now look at the cars. They are few dots, and yellow, red or blue; only how light they are tells which. After so few
# steps it is not sure there, and its colours are dull. (How strong a colour is, is its distance from grey.)

# %%
car = scenes.labels == LABELS.index("car")  # (100, 32, 32)
strength, true_strength = (np.linalg.norm(ab, axis=-1) for ab in (painted, ab_of(target)))
for name, dots in {"cars": car, "rest": ~car}.items():
    print(f"{name}: its colours have a strength of {strength[dots].mean():.0f}, ", end="")
    print(f"the true ones of {true_strength[dots].mean():.0f}")

assert strength[car].mean() < 0.9 * true_strength[car].mean()
assert strength[~car].mean() > 0.9 * true_strength[~car].mean()

# %% [markdown]
# Why dull? Why not now and then a wrong colour, but a strong one? For that we need something simpler than streets.
#
# ## Part two: apples
#
# `draw_ambiguous` draws an apple on a cloth. Seven in ten are red, the others green, as chance has it. For our exam we
# draw the *same* 100 apples twice, all red (`share=1`) and all green. Their L* is equal, to the last digit.

# %%
red, green = np.array(COLOUR_A), np.array(COLOUR_B)  # a* and b* of either
reds, apple, _ = draw_ambiguous(100, 24, tc.Generator(10, epoch=1), share=1)  # apple: True where apple is
greens, _, _ = draw_ambiguous(100, 24, tc.Generator(10, epoch=1), share=0)
print("pictures in L*, a*, b*:", reds.shape, " red:", red, " green:", green)

assert np.array_equal(reds[..., 0], greens[..., 0])  # L*: equal
assert (reds[apple][:, 1:] == red).all()
assert (greens[apple][:, 1:] == green).all()

# %% [markdown]
# So nobody can know, no person and no network of any size. Yet it has to answer, and with *one* colour. Which?
#
# Work it out for a* alone. Of ten apples seven have 62 and three have -40. You may say one number for all ten, and you
# pay the mean of the squared errors. Say 62: seven cost nothing, and three cost `102 * 102`. Let us try all numbers.

# %%
ten_apples = np.array([62] * 7 + [-40] * 3)
answers = np.arange(-60, 90.1, 0.1)
squared = np.array([((answer - ten_apples) ** 2).mean() for answer in answers])
absolute = np.array([abs(answer - ten_apples).mean() for answer in answers])
print(f"say 62: {((62 - ten_apples) ** 2).mean():.1f}, say 31.4: {((31.4 - ten_apples) ** 2).mean():.1f}")
print(f"least squared error at {answers[squared.argmin()]:.1f}, the mean is {ten_apples.mean()}")

assert np.isclose(answers[squared.argmin()], ten_apples.mean())
assert np.isclose(ten_apples.mean(), 0.7 * 62 + 0.3 * -40)

# %% [markdown]
# The least is at the **mean**, 31.4. Why there? Each apple pulls at the answer with twice its distance: the way back
# through a square (lesson 4). At the mean the pulls cancel. Without the "twice", which both sides have, they are
# `7 * (62 - 31.4)` and `3 * (31.4 + 40)`, 214.2 either way.
# Squares hate large errors most. So the answer goes to where no error is large, and where no apple is.
#
# And if being off by 102 costs just 102, the **absolute error**? Then every apple pulls equally hard, however far away.
# Seven pull to 62, three to -40: the seven win, all the way. The least is at the *median*. (Line all ten up by size and
# take the middle; for ten, between the fifth and the sixth.) With two colours it is the commoner one.

# %%
print(f"least absolute error at {answers[absolute.argmin()]:.1f}, the median is {np.median(ten_apples)}")

assert np.isclose(7 * (62 - 31.4), 3 * (31.4 + 40))
assert np.isclose(answers[absolute.argmin()], np.median(ten_apples))

# %% [markdown]
# ## Does the network do that?
#
# b* goes the same way, with 42 and 44. So we can foretell, before any learning: with the squared error the network will
# answer a* 31.4, b* 42.6, and with the absolute error a* 62, b* 42. Now let two networks learn, one with each. In every
# step they see 128 new apples, red or green as chance has it. An apple is darker than the cloth, so one level will do.
#
# (The five lines are in the library too: `train`, in `tinycolor/training/loop.py`. It fetches batch after batch, hands
# out the loss of each step, and stops if a number is no number any more. zero_grad comes last there, which leaves the
# place clean for the next step. `list` gathers the losses.)


# %%
def batches(count):
    """Hand out so many batches of 128 apples, one whenever asked (`yield`): what is given, and what is wanted."""
    for step in range(count):
        lab = draw_ambiguous(128, 24, tc.Generator(10, epoch=0, step=step)).lab
        yield lab[..., :1] / 50 - 1, lab[..., 1:] / 110


steps = 300
painted = {}
lightness = reds[..., :1]  # the exam, grey: it is the same for the reds and the greens
for name, loss_function in {"squared": tc.losses.mse, "absolute": tc.losses.l1}.items():
    net = tc.networks.ColorUNet(widths=(8,), size=24, seed=10)
    optimizer = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(2e-2, steps))
    losses = list(train(net, optimizer, batches(steps), loss_function))
    painted[name] = ab_of(net.predict(lightness / 50 - 1))
    print(f"{name}: loss from {losses[0]:.4f} to {np.mean(losses[-20:]):.4f}")

# %% [markdown]
# Neither loss goes to 0, and neither ever will: whatever they answer, some apples are not so. What do the two answer
# inside the apples? (Inside: with apple above, below, left and right. At the rim the filters see the cloth as well.)

# %%
neighbours = [np.roll(apple, way, axis) for way in (1, -1) for axis in (1, 2)]
inside = apple & np.all(neighbours, 0)
mixture = 0.7 * red + 0.3 * green
brown, bold = painted["squared"][inside].mean(0), painted["absolute"][inside].mean(0)
print("squared error:  it answers", brown.round(1), " the mean:  ", mixture.round(1))
print("absolute error: it answers", bold.round(1), " the median:", red)

assert abs(brown - mixture).max() < 2
assert abs(bold - red).max() < 3
away = [np.linalg.norm(brown - colour) for colour in (red, green)]
print(f"from its answer to red it is {away[0]:.0f} units, to green {away[1]:.0f}")
assert min(away) > 25  # no apple has this colour

# %% [markdown]
# As foretold. And what colour is the mean? With the L* of an apple, 51, it is a rusty brown, and none of these apples
# is. But the network has learned nothing wrong: we asked it to make the squared error small, and brown does. Here is
# what the answers cost in the long run, if seven apples in ten are red. (The mean is over a* and b*. In b* there is
# hardly an error, so it is about half of the sums above.)


# %%
def cost(answer, power):
    """Return the mean error of a*b* answers (100, 24, 24, 2), inside the apples, if 0.7 of them are red."""
    off_red, off_green = (abs(answer - colour)[inside] ** power for colour in (red, green))
    return (0.7 * off_red + 0.3 * off_green).mean()


always = np.ones_like(painted["squared"])
candidates = {"the first network": painted["squared"], "the second network": painted["absolute"]}
candidates |= {"always the mean": always * mixture, "always red": always * red}
pixel = np.rint(255 * tc.color.lab_to_rgb(np.array([51, *mixture]))).astype(int)
print("the mean as red, green, blue:", pixel)
for name, answer in candidates.items():
    print(f"{name:18}: squared error {cost(answer, 2):6.1f}, absolute error {cost(answer, 1):.1f}")

squared_costs = [cost(answer, 2) for answer in candidates.values()]
absolute_costs = [cost(answer, 1) for answer in candidates.values()]
assert pixel[0] > pixel[1] > pixel[2]  # more red than green, more green than blue, and none of it bright: brown
assert squared_costs[0] < 1.02 * squared_costs[2]  # hardly above the least that is possible
assert squared_costs[0] < squared_costs[1]  # each network is the better one by its own error
assert absolute_costs[1] < absolute_costs[0]

# %% [markdown]
# The first network pays hardly more than the mean, and nobody can pay less. A larger network, or longer training, would
# not help: what is missing is not in the picture.

# %%
figure = plt.figure(figsize=(10, 5), layout="constrained")
left, right = figure.subfigures(1, 2, width_ratios=[1, 1.5])
above, below = left.subplots(2, 1, sharex=True)
above.plot(answers, squared, color="#8a5a2b")
above.plot(ten_apples.mean(), squared.min(), "o", color="#8a5a2b")
above.annotate("the mean, 31.4", (31.4, squared.min()), (0, -18), textcoords="offset points", ha="center")
above.set(title="Squared error", ylabel="mean of 10 apples", ylim=(0, None))
below.plot(answers, absolute, color="#c0392b")
below.plot(62, absolute.min(), "o", color="#c0392b")
below.annotate("the median, 62", (62, absolute.min()), (0, -18), textcoords="offset points", ha="center")
below.set(
    title="Absolute error",
    xlabel="answer for a* (7 apples have 62, 3 have -40)",
    ylabel="mean of 10 apples",
    ylim=(0, None),
)
rows = {
    "given:\nL*": np.zeros_like(always),
    "squared\nerror": painted["squared"],
    "absolute\nerror": painted["absolute"],
    "truth,\n7 in 10": reds[..., 1:],
    "truth,\n3 in 10": greens[..., 1:],
}
axes = right.subplots(5, 5)
for row_of_axes, (name, ab) in zip(axes, rows.items(), strict=True):
    for n, axis in enumerate(row_of_axes):
        axis.imshow(to_pixels(lightness[n], ab[n]))
        axis.set(xticks=[], yticks=[])
    row_of_axes[0].set_ylabel(name, fontsize=10, rotation=0, ha="right", va="center")
right.suptitle("Apples that they have never seen")
figures.save(figure, "10_apples")

# %% [markdown]
# Photos are full of such apples: a shirt, a car, a door, the back of a book. With the squared error each gets the mean
# of all that it may be, and a mean lies nearer to grey. Here red has a strength of 75, green of 59, their mean of 53.
# So first colorizers turn out dull and brownish. The absolute error is bold: it paints *every* apple red, and three in
# ten wrongly.

# %%
strengths = [np.linalg.norm(colour) for colour in (red, green, mixture)]
print("strength of red, green, and their mean:", np.round(strengths))
assert np.allclose(strengths, [75, 59, 53], atol=0.5)

# %% [markdown]
# What can be done? Don't ask for one colour: a network can answer with *shares*, "red 0.7, green 0.3", and then we
# choose (Zhang, Isola and Efros; lesson 15). Or let a second network judge: it has seen apples, and calls every brown
# one a fake (GANs, a few lessons later).
#
# ## The real thing
#
# With a folder of your own photos it is the same: split, five lines, again and again. In a terminal:
#
#     tinycolor train FOLDER --out RUN
#     tinycolor colorize PHOTO --checkpoint RUN/best.safetensors --out COLOURED
#
# ## What you know now
#
# - A colorizer: a U-Net, L* in, a* and b* out, an error, and five lines.
# - Where the grey tells the colour, a network learns it. Judge its error beside that of grey.
# - Where the grey doesn't tell, the choice of error decides: squared gives the mean, absolute the median.
# - The mean of several colours may be none of them, and is duller. A small error doesn't make a good picture.
#
# And one thing to wonder about: stripes fill the lower half of a photo. Floor boards in a room, or a mown lawn? The
# stripes look alike. How far must a network look around to know? From lesson 11 on: networks that look far.
#
# **Now you**: `lessons/exercises/10_first_colorizer.py`. You write the step of a colorizer, and foretell its answers.

# %%
figures.show()
