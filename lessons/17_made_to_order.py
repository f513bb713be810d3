# %% [markdown]
# # 17. Made to order: conditional GANs
#
# Lesson 16's generator makes some apple, as chance has it. You cannot order a green one: it has no ear. M. Mirza and
# S. Osindero ("Conditional generative adversarial nets", 2014) gave it one. They told both players what is asked for.
# First you see why it must be *both*. Then three pairs of networks learn to draw, with more and less told, and an
# independent reader checks whether they draw what you ask for.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.losses import bce_with_logits, non_saturating
from tinycolor.metrics import variety
from tinycolor.ops.activation import sigmoid

# %% [markdown]
# ## Four kinds of drawings
#
# A line across, a line down, a cross, a circle: small or large, somewhere near the middle of 9x9 dots. The ink goes
# from 0 (paper) to 1, softer at the edge of the pen. Our networks here have no filters, only fully connected layers, so
# a drawing is 81 numbers in a row.

# %%
NAMES = ("across", "down", "cross", "circle")  # kinds 0, 1, 2, 3


def draw(kinds, rng):
    """Return drawings (N, 81), 0 (paper) to 1 (ink), of the kinds (N,)."""
    one_each = (len(kinds), 1, 1)
    radius, up, left = rng.uniform(one_each, 2, 3.2), rng.uniform(one_each, -0.8, 0.8), rng.uniform(one_each, -0.8, 0.8)
    y, x = abs(np.arange(-4, 5)[:, None] - up), abs(np.arange(-4, 5) - left)  # of each dot, from the drawing's middle
    away = [  # how far each dot is from the path of the pen, (N, 9, 9) by kind; np.choose then takes the right one
        np.hypot(y, np.maximum(x - radius, 0)),
        np.hypot(x, np.maximum(y - radius, 0)),
        np.hypot((x - y) / 2**0.5, np.maximum((x + y) / 2**0.5 - radius, 0)),
        abs(np.hypot(x, y) - radius),
    ]
    return np.exp(-(np.choose(kinds[:, None, None], away) ** 2)).astype(np.float32).reshape(-1, 81)


SEED = 17
kinds = tc.Generator(SEED).integers(0, 4, (4096,))
drawings = draw(kinds, tc.Generator(SEED, epoch=1))  # (4096, 81): all there is to learn from
exam_kinds = np.repeat(np.arange(4), 100)
exam = draw(exam_kinds, tc.Generator(SEED, epoch=2))  # (400, 81): 100 new ones of each kind
print("drawings:", drawings.shape, " of each kind:", np.bincount(kinds))

# %% [markdown]
# **The reader.** Somebody has to say later what a generated picture shows, and it must not be one of the players. Take
# the mean of all drawings of each kind: four blurred pictures. Whichever of them is nearest (the least sum of squared
# differences) says what it is. That will do, as the drawings are simple.

# %%
means = np.stack([drawings[kinds == kind].mean(0) for kind in range(4)])  # (4, 81)


def read(pictures):
    """Return which kind each of the pictures (N, 81) is nearest to, (N,)."""
    return ((pictures[:, None] - means) ** 2).sum(-1).argmin(-1)


print(f"the reader reads {(read(exam) == exam_kinds).mean():.1%} of the 400 new drawings right")
assert (read(exam) == exam_kinds).mean() > 0.98

# %% [markdown]
# ## A label is four numbers
#
# How do you tell a network *cross*? The number 2 would be a bad way: is a cross twice a line down, and a bit less than
# a circle? So each kind gets a place of its own: 1 there, 0 elsewhere. That is called **one-hot**.
#
# The label then goes in beside the other numbers, end to end in one row: four of the label, then four of noise. What
# does the first layer make of it? Each number is multiplied by its own row of weights, and the rows are added up. The
# zeros drop out, the 1 picks a row. So each kind adds *one row of weights* of its own, as if each had its own bias.

# %%
ONE_HOT = np.eye(4, dtype=np.float32)  # row k is the label of kind k
labels = ONE_HOT[kinds]  # (4096, 4)
print("a cross is", ONE_HOT[2])

first = tc.Linear(4 + 4, 3)  # four numbers of the label and four of noise, to three neurons
tc.init.he_normal(first, tc.Generator(SEED))
noise = tc.Generator(SEED).uniform((1, 4), -1, 1)
joined = np.concatenate([ONE_HOT[[2]], noise], axis=1)  # (1, 8)
of_label, of_noise = first.weight.data[:4], first.weight.data[4:]
print("joined:", joined.round(2), " first layer:", first.predict(joined)[0].round(3))

assert np.allclose(first.predict(joined), of_label[2] + noise @ of_noise + first.bias.data, atol=1e-6)
assert np.array_equal(tc.Concat().predict(ONE_HOT[[2]], noise), joined)  # the library's layer that joins

# %% [markdown]
# ## What should the judge say?
#
# The judge, the discriminator, gets the label too, beside the 81 dots. So the question is no longer "is it real?" but
# "is it real, *and what was asked for?*" It still gives one answer. Take lesson 16's best, p / (p + q), now for one
# label at a time: of all that is shown *with the label cross*, how often does this picture come as real, p, and how
# often as fake, q?
#
# Imagine a deaf forger: every picture perfect, but of any kind, whatever was asked for. With the label cross, all real
# ones are crosses. Of its fakes one in four is a cross, and one in four a circle.

# %%
real_share = np.array([0, 0, 1, 0])  # across, down, cross, circle: what comes with the label cross
fake_share = np.array([1, 1, 1, 1]) / 4
best_told = real_share / (real_share + fake_share)
print("label cross, best answers:", dict(zip(NAMES, best_told.tolist(), strict=True)))
best_loss_told = -np.log(0.8) - np.log(1 - 0.8) / 4  # real: all at 0.8; fakes: a quarter at 0.8, the others at 0
best_loss_untold = 2 * np.log(2)  # real and fake look the same: 1/2 everywhere
print(f"best loss, real and fake together: {best_loss_told:.2f} told, {best_loss_untold:.2f} not told")

assert best_told.tolist() == [0, 0, 0.8, 0]

# %% [markdown]
# A perfect circle is worth nothing if you asked for a cross. Who isn't told the label sees all four kinds as often real
# as fake: 1/2 everywhere, no idea. Is that what networks learn? Let them judge. The deaf forger hands out our own
# drawings from back to front, so that only chance makes them fit their labels. (To tell a network nothing, we give it
# zeros for a label.) And a third one judges an obedient forger, who draws each time what the label says, as well as we
# do. Loss as in lesson 16: real should be 1, fake should be 0.


# %%
def new_network(others, outputs, epoch):
    """Return a network that joins a label (N, 4) and other numbers (N, others), and makes (N, outputs) of them."""
    layers = tc.Linear(4 + others, 96), tc.ReLU(), tc.Linear(96, 96), tc.ReLU(), tc.Linear(96, outputs)
    network = tc.Sequential(tc.Concat(), *layers)
    tc.init.he_normal(network, tc.Generator(SEED, epoch))
    return network


deaf, obedient = drawings[::-1].copy(), draw(kinds, tc.Generator(SEED, epoch=8))
is_real, is_fake = np.ones((64, 1), np.float32), np.zeros((64, 1), np.float32)
exam_labels = ONE_HOT[exam_kinds]
other_labels = ONE_HOT[(exam_kinds + 1) % 4]  # wrong, all of them
answers = {}
for name, told, forged in (("deaf, not told", 0, deaf), ("deaf, told", 1, deaf), ("obedient, told", 1, obedient)):
    judge = new_network(81, 1, epoch=3)
    optimizer = tc.optim.Adam(judge.parameters(), 2e-3)
    losses = []
    for step in range(192):
        batch = slice(step * 64 % 4096, step * 64 % 4096 + 64)
        real_scores, real_backward = judge(told * labels[batch], drawings[batch])
        fake_scores, fake_backward = judge(told * labels[batch], forged[batch])
        real_loss, dreal = bce_with_logits(real_scores, is_real)
        fake_loss, dfake = bce_with_logits(fake_scores, is_fake)
        judge.zero_grad()
        real_backward(dreal)
        fake_backward(dfake)
        optimizer.step()
        losses.append(real_loss + fake_loss)
    right, wrong = (sigmoid(judge.predict(told * label, exam)).mean() for label in (exam_labels, other_labels))
    answers[name] = right, wrong, np.mean(losses[-32:])
    print(f"{name:14}: loss {answers[name][2]:.2f}; real with its label: {right:.2f}, with another: {wrong:.2f}")

assert np.allclose(answers["deaf, not told"], [0.5, 0.5, best_loss_untold], atol=0.1)
assert np.allclose(answers["deaf, told"], [0.8, 0, best_loss_told], atol=0.12)
assert np.allclose(answers["obedient, told"], [0.5, 0.5, best_loss_untold], atol=0.2)

# %% [markdown]
# As foretold. So it has to be both: who doesn't see the label cannot blame a forger for not listening, and what nobody
# blames, nobody learns. (Keep the third judge in mind. It cannot tell its forger from us: a draw. And it has never met
# a wrong label, so it does not mind one.)
#
# ## The game, three times
#
# Now with a real generator: label and four random numbers in, 81 dots out. It is lesson 16's step, with a label in
# four more places. (And with an Adam that remembers no direction: 0 in place of 0.5.) Three pairs play, 500 steps
# each: nobody is told the label; the generator alone is; both are. Now and then we ask for 100 pictures of each kind,
# and the reader reads them.

# %%
runs = {"nobody is told": (0, 0), "only the generator is told": (1, 0), "both are told": (1, 1)}
moments = (1, 3, 6, 10, 16, 25, 40, 60, 90, 130, 190, 280, 380, 500)
exam_noise = np.tile(tc.Generator(SEED, epoch=7).uniform((100, 4), -1, 1), (4, 1))  # each kind from the same noise
made, shares, judged = {}, {}, []
for name, (generator_told, judge_told) in runs.items():
    generator, judge = tc.Sequential(new_network(4, 81, epoch=4), tc.Sigmoid()), new_network(81, 1, epoch=5)
    generator_optimizer = tc.optim.Adam(generator.parameters(), 4e-3, betas=(0, 0.999))
    judge_optimizer = tc.optim.Adam(judge.parameters(), 4e-3, betas=(0, 0.999))
    noises = tc.Generator(SEED, epoch=6).uniform((500, 64, 4), -1, 1)
    shares[name] = []
    for step in range(500):
        batch = slice(step * 64 % 4096, step * 64 % 4096 + 64)
        label, real = labels[batch], drawings[batch]
        fake, generator_backward = generator(generator_told * label, noises[step])

        # The judge learns: with this label, the drawing is real and the other is fake.
        real_scores, real_backward = judge(judge_told * label, real)
        fake_scores, fake_backward = judge(judge_told * label, fake)
        judge.zero_grad()
        real_backward(bce_with_logits(real_scores, is_real)[1])
        fake_backward(bce_with_logits(fake_scores, is_fake)[1])
        judge_optimizer.step()

        # The generator learns: which way should each dot have gone, to be called real with this label?
        with tc.frozen(judge):
            scores, judge_backward = judge(judge_told * label, fake)
        dlabel, dfake = judge_backward(non_saturating(scores)[1])  # the label was given: nobody moves it
        generator.zero_grad()
        generator_backward(dfake)
        generator_optimizer.step()

        if step + 1 in moments:
            made[name] = generator.predict(generator_told * exam_labels, exam_noise)  # (400, 81)
            shares[name].append((read(made[name]) == exam_kinds).mean())
            if judge_told:
                given = [(exam, exam_labels), (exam, other_labels), (made[name], exam_labels)]
                judged.append([sigmoid(judge.predict(label, picture)).mean() for picture, label in given])
    print(f"{name:26}: {shares[name][-1]:.1%} read as what was asked for")

nobody, generator_alone, both = (share[-1] for share in shares.values())
assert abs(nobody - 0.25) < 0.01  # without a label all four requests get the same pictures
assert generator_alone < 0.75
assert both > 0.95

# %% [markdown]
# Told nothing, a generator makes this and that. All four requests get the same pictures, and each picture is right for
# just one of them: one in four. And if the generator is told, but its judge is not?

# %%
readings = read(made["only the generator is told"]).reshape(4, 100)  # a row for each request
table = np.stack([np.bincount(row, minlength=4) for row in readings])
for name, row in zip(NAMES, table, strict=True):
    print(f"asked for {name:6}: read as", dict(zip(NAMES, row.tolist(), strict=True)))

assert abs(table - table[0]).max() > 25

# %% [markdown]
# It *hears* the label: the rows differ. But it uses it as it likes, as more noise. A word means something only if
# somebody minds.
#
# And where both are told: has the generator learned four pictures by heart? Then all its crosses would be the same.
# `variety` says how much pictures differ, dot by dot, as a share of how much drawings of that kind do.

# %%
ours, drawn = (pile.reshape(4, 100, 9, 9, 1) for pile in (made["both are told"], exam))
varied = {name: variety(ours[kind], drawn[kind]) for kind, name in enumerate(NAMES)}
print("variety:", ", ".join(f"{name} {value:.2f}" for name, value in varied.items()))

assert min(varied.values()) > 0.6

# %%
figure, axes = plt.subplots(2, 2, figsize=(9.5, 5.6), layout="constrained")
for axis, (name, pictures) in zip(axes.flat, ({"drawn by us": exam} | made).items(), strict=True):
    sheet = pictures.reshape(4, 100, 9, 9)[:, :8]
    framed = np.pad(sheet, ((0, 0), (0, 0), (1, 1), (1, 1)), constant_values=0.4)  # a grey frame around each
    axis.imshow(framed.transpose(0, 2, 1, 3).reshape(4 * 11, 8 * 11), cmap="Greys", vmin=0, vmax=1)
    axis.set_title(f"{name}" + (f": {shares[name][-1]:.0%} as asked for" if name in shares else ""), fontsize=11)
    axis.set_yticks(11 * np.arange(4) + 5, NAMES)
    axis.set_xticks([])
figure.supxlabel("Rows: what was asked for. Columns of the made ones: the same noise.", fontsize=10)
figures.save(figure, "17_made_to_order")

# %% [markdown]
# ## A real picture with the wrong label
#
# It should be called fake: it is not what was asked for. But look at the loop once more. A real drawing always comes
# with its own label. Nobody ever shows a real cross, says *circle*, and says "fake". Does our last judge know
# nevertheless? We asked it along the way, with the drawings of the exam. (*In the end*: mean of the last four times.)

# %%
(first_own, first_another, _), (own, another, _) = judged[0], np.mean(judged[-4:], axis=0)
print(f"at first: own label {first_own:.2f}, another {first_another:.2f}; in the end {own:.2f} and {another:.2f}")

assert abs(first_own - first_another) < 0.1 < own - another
assert another > answers["deaf, told"][1] + 0.1

figure, axes = plt.subplots(1, 2, figsize=(11, 4), layout="constrained")
for (name, values), style in zip(shares.items(), ("o--", "s:", "o-"), strict=True):
    axes[0].plot(moments, values, style, color="#d35400" if style == "o-" else "#555555", label=name)
axes[0].set(title="Is it what was asked for?", ylabel="share read as asked for")
lines = (("real, own label", "o-", "#2e8b57"), ("real, another label", "s--", "#c0392b"), ("made", "o:", "#555555"))
for values, (name, style, colour) in zip(np.transpose(judged), lines, strict=True):
    axes[1].plot(moments, values, style, color=colour, label=name)
axes[1].set(title="Both are told: what the judge says", ylabel="its answer: 0 fake, 1 real")
for axis in axes:
    axis.set(xscale="log", xlabel="step", ylim=(-0.04, 1.04))
    axis.set_xticks([1, 10, 100, 500], ["1", "10", "100", "500"])
    axis.legend(fontsize=9)
figures.save(figure, "17_by_the_step")

# %% [markdown]
# Half and half. At first the label means nothing to it. Then the two part: it believes a real drawing less when the
# label is another's. It can have that from nowhere but the generator, whose early fakes were mostly not what was asked
# for: a deaf forger. Soon it became an obedient one. Then hardly any picture has a wrong label, p and q are both next
# to 0, and p / (p + q) can be anything. So it never gets as sure as the judge of the forger who stayed deaf. (S. Reed
# and others showed such pairs on purpose in 2016: real pictures with the wrong words, to be called fake.)
#
# ## The paper's own
#
# Mirza and Osindero asked for handwritten digits of 28x28 dots: ten labels, 100 numbers of noise. Label and noise each
# have a layer at first, and meet in the second; label and picture likewise in the discriminator. Count the weights.

# %%
for net in (tc.networks.CGANGenerator(), tc.networks.CGANDiscriminator()):
    count = sum(parameter.data.size for parameter in net.parameters())
    print(f"{type(net).__name__}: {count:,} weights and biases")
    assert count in (2_413_984, 1_224_351)

# %% [markdown]
# By the measure of those days (roughly, how likely unseen digits are among such as it makes; more is better) it got
# 132. The first GAN, without labels, has 225. The authors call it a proof of concept. (`examples/cgan_digits.py` writes
# digits to order. The survey of lesson 2 speaks of faces that are to smile: an example, not the paper's.)
#
# ## The condition may be a picture
#
# Four numbers, or ten: the players don't mind. In the paper's second experiment the condition is what a network sees in
# a photo, and what is made are words for it. So let the condition be a whole picture, a grey one, and ask for its
# colours. Beside each other now means as channels: L* for the generator; L*, a* and b* for the judge.
#
# A judge who sees only a* and b* can say whether there are such colours. Who sees L* as well can say whether they
# belong to *this* picture: red where the apple is, and not beside it. A colorizer that hands out the colours of another
# photo is our deaf forger.
#
# ## What you know now
#
# - A label is one-hot: a place for each kind. Joined to the other numbers, it picks a row of weights.
# - A conditional GAN tells both players. The judge's question becomes: real, *and* what was asked for?
# - If the judge doesn't see the label, nobody teaches the generator what it means.
# - A judge knows wrong labels only from fakes that had them.
# - The condition may be anything, even a picture.
#
# And one thing to wonder about: a judge minds only that the colours *could* be right. But for each grey photo that we
# learn from, we have the true colours. Should the generator not be told those as well? Lesson 18.
#
# **Now you**: `lessons/exercises/17_made_to_order.py`. You write the joining, and what each player learns from a batch.

# %%
figures.show()
