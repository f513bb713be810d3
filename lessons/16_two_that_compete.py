# %% [markdown]
# # 16. Two that compete
#
# Every network so far was told what to answer, and a loss that somebody had written down said how far off it was. But
# which loss says "this looks real"? I. Goodfellow and others ("Generative adversarial nets", NIPS 2014; in short GANs)
# wrote none down. They let a second network judge, and it learns too. Their picture: counterfeiters make money, the
# police look for it, and both get better. First we play with plain numbers, where all can be checked; then with apples.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.ops.activation import sigmoid
from tinycolor.training.adversarial import Duel
from tinycolor.training.loop import train

# %% [markdown]
# ## The real ones
#
# Our "photos" are single numbers. They crowd around 1 and get rarer on either side: a bell with mean 1 and spread 0.6.
# Its *density* says how thickly they lie. Nobody may use the formula to learn; it is here so that we can check.

# %%
line = np.linspace(-4, 4, 401, dtype=np.float32)[:, None]  # (401, 1): places to look at


def density(mean, spread):
    """Return how thickly the numbers of a bell lie along the line, (401, 1)."""
    return np.exp(-(((line - mean) / spread) ** 2) / 2) / (spread * np.sqrt(2 * np.pi))


real = tc.Generator(16, epoch=0).normal((1000, 256, 1), mean=1, std=0.6)  # 1,000 batches of 256
p = density(1, 0.6)
assert np.isclose((abs(real - 1) < 0.05).mean(), 0.1 * p.max(), atol=0.003)  # so many lie between 0.95 and 1.05

# %% [markdown]
# ## One that makes
#
# A network gives the same answer to the same input. To make many different things it is given random numbers, called
# *noise*. The network that turns noise into a fake is the **generator**, G. Ours is the smallest there is: one weight
# and one bias. Noise is a bell with mean 0 and spread 1. So `weight * noise + bias` is a bell as well: its mean is the
# bias, its spread the weight. We begin far off, with mean -1 and spread 0.8.


# %%
def new_generator():
    """Return the generator as it begins."""
    generator = tc.Linear(1, 1)
    generator.weight.data[:], generator.bias.data[:] = 0.8, -1
    return generator


def bell_of(generator):
    """Return mean and spread of what a generator makes."""
    return generator.bias.data.item(), abs(generator.weight.data.item())


generator = new_generator()
noise = tc.Generator(16, epoch=1).normal((1000, 256, 1))
fakes = np.stack([generator.predict(batch) for batch in noise])
print(f"fakes: mean {fakes.mean():.2f}, spread {fakes.std():.2f}")
assert np.allclose([fakes.mean(), fakes.std()], bell_of(generator), atol=0.02)

# %% [markdown]
# ## One that judges
#
# The **discriminator**, D, our judge, is given one number, and says how likely it is real. It is a network of lesson 3
# with two hidden layers. Out comes a score, above 0 for "real". The sigmoid makes it 0 to 1, and as in lesson 12 the
# loss has it inside. For now the generator rests, and the judge learns from both piles: real is 1, fake is 0.


# %%
def new_net(inputs, outputs, seed):
    """Return a network with two hidden layers, as it begins."""
    hidden = [tc.Linear(inputs, 16), tc.Tanh(), tc.Linear(16, 16), tc.Tanh()]
    net = tc.Sequential(*hidden, tc.Linear(16, outputs))
    tc.init.he_normal(net, tc.Generator(seed))
    return net


def teach(judge, piles, count):
    """Let a judge learn from so many batches of two piles, the real one first; return the losses."""
    optimizer = tc.optim.Adam(judge.parameters(), tc.optim.one_cycle(0.01, count))
    answers = np.repeat(np.array([[1], [0]], np.float32), piles[0].shape[1], axis=0)
    batches = ((np.concatenate(pair), answers) for pair in zip(*piles, strict=True))
    return list(train(judge, optimizer, batches, tc.losses.bce_with_logits))


resting = new_net(1, 1, seed=16)
teach(resting, (real[:500], fakes[:500]), 500)

# %% [markdown]
# What is the best it can say? Stand at x = 0 and look at who comes by: the real ones with density p, the fakes with
# density q. The piles are equally large, so the real ones are p of every p + q. A judge that says just this share,
# **D = p / (p + q)**, can't be beaten (the paper's proposition 1; lesson 15 says so of classes). Does ours say it?
# (Where no number comes by, nothing was learned. So we look where p or q is above a hundredth of its peak.)


# %%
def best_answer(mean, spread):
    """Return p / (p + q) along the line if the fakes are a bell, (401, 1); no number where nobody comes by."""
    q = density(mean, spread)
    return np.where((p > 0.01 * p.max()) | (q > 0.01 * q.max()), p / (p + q), np.nan)


says, best = sigmoid(resting.predict(line)), best_answer(-1, 0.8)
gap = np.nanmax(abs(says - best))
print(f"p / (p + q) at x = 0: {best[200, 0]:.3f}; the judge: {says[200, 0]:.3f}; largest gap anywhere: {gap:.3f}")
assert gap < 0.05

# %% [markdown]
# ## The way back goes through the judge
#
# Now the judge rests, and the generator learns. It never sees a real number. But the judge can tell it more than
# "fake": *which way* each fake should move to look more real. That is dx, what the way back gives. So go forward
# through both networks, and back through both. The loss, for now: `-log(D)`, as if every fake ought to be called real.
#
# But backward would also fill in the judge's own gradients, and those would teach *it* to call fakes real. So we freeze
# it: in `with tc.frozen(...):` the gradient goes through it, and teaches it nothing.

# %%
fake, generator_backward = generator(noise[0])
with tc.frozen(resting):
    scores, judge_backward = resting(fake)
loss, dscores = tc.losses.non_saturating(scores)
dfake = judge_backward(dscores)  # (256, 1); below 0: further right the loss is smaller
generator.zero_grad()
generator_backward(dfake)
print(f"{(dfake < 0).mean():.0%} of the fakes are told to go right; gradient of the bias {generator.bias.grad[0]:.2f}")
nudged = tc.losses.non_saturating(resting.predict(fake + np.float32(0.01)))[0]  # all fakes a little to the right
assert np.isclose((nudged - loss) / 0.01, generator.bias.grad[0], rtol=0.05)  # as the way back says
assert (dfake < 0).mean() > 0.95
assert not any(parameter.grad.any() for parameter in resting.parameters())

# %% [markdown]
# ## Too little to hear
#
# Why -log(D)? The paper first writes the game as one sum: log(D) of the real ones, plus log(1 - D) of the fakes. The
# judge makes it large, the generator small: *minimax*. G can change only log(1 - D). It falls when D rises, as -log(D)
# does. But how fast, when a fake's score rises? log(1 - D) by -D, -log(D) by D - 1. And at first D is near 0.

# %%
says_of_fakes = sigmoid(scores)
saturating = 256 * tc.losses.minimax(scores)[1]  # the losses are means over 256 fakes: times 256 for one
steady = 256 * dscores
middle = [np.median(numbers) for numbers in (says_of_fakes, saturating, steady)]
print("the middle fake: D {:.3f}, slope of log(1 - D) {:.3f}, slope of -log(D) {:.3f}".format(*middle))
assert np.allclose([saturating, steady], [-says_of_fakes, says_of_fakes - 1], atol=1e-5)
assert abs(middle[2]) > 20 * abs(middle[1])

# %% [markdown]
# Minimax whispers to those who need it most: it *saturates*. With -log(D) the worst fake's score is pulled hardest (see
# the figure, upper right). At D = 1/2 both pull alike, and the paper says that both lead to the same end. So use
# -log(D), *non-saturating*, as the paper advises. (The survey of lesson 2 has the first form alone.)
#
# ## Why not let one finish first?
#
# Let the generator learn for 400 steps, while the judge stays as it is.

# %%
optimizer = tc.optim.Adam(generator.parameters(), learning_rate=0.01)
for step in range(400):
    fake, generator_backward = generator(noise[step])
    with tc.frozen(resting):
        scores, judge_backward = resting(fake)
    loss, dscores = tc.losses.non_saturating(scores)
    generator.zero_grad()
    generator_backward(judge_backward(dscores))
    optimizer.step()
alone = bell_of(generator)
print(f"fakes: mean {alone[0]:.2f}, spread {alone[1]:.3f}; the judge says {sigmoid(scores).mean():.2f} of them")
assert alone[1] < 0.1
assert sigmoid(scores).mean() > 0.9

# %% [markdown]
# All noise ends in one number, which this judge likes. Nobody asked for variety: each fake is judged alone. That is
# *collapse*. The paper calls it "the Helvetica scenario", and warns not to train G too much without updating D. A judge
# that goes on learning would see it: where all the fakes lie, a number is most likely a fake.
#
# ## The game
#
# So they take turns, a step each: the five lines of lesson 6 for the judge, and again for the generator. (Both use an
# Adam that forgets sooner, 0.5 in place of 0.9: what it remembers is about an opponent who has moved since.)

# %%
generator, judge = new_generator(), new_net(1, 1, seed=16)
plan = tc.optim.linear_decay(5e-3, 400, 400)  # half of the steps at one learning rate, then down to 0
judge_optimizer = tc.optim.Adam(judge.parameters(), plan, betas=(0.5, 0.999))
generator_optimizer = tc.optim.Adam(generator.parameters(), plan, betas=(0.5, 0.999))
is_real, is_fake = np.ones((256, 1), np.float32), np.zeros((256, 1), np.float32)
moments, losses = {}, []
for step in range(800):
    fake, generator_backward = generator(noise[step])

    real_scores, real_backward = judge(real[step])
    fake_scores, fake_backward = judge(fake)
    real_loss, dreal = tc.losses.bce_with_logits(real_scores, is_real)
    fake_loss, dfake = tc.losses.bce_with_logits(fake_scores, is_fake)
    judge.zero_grad()
    real_backward(dreal)  # adds to the judge's gradients,
    fake_backward(dfake)  # and so does this: one step for both. (Its dx, for the generator, is dropped.)
    judge_optimizer.step()

    with tc.frozen(judge):
        scores, judge_backward = judge(fake)  # the same fakes, before the judge as it is now
    loss, dscores = tc.losses.non_saturating(scores)
    generator.zero_grad()
    generator_backward(judge_backward(dscores))
    generator_optimizer.step()
    losses.append((real_loss + fake_loss, loss))
    if step + 1 in (80, 280, 800):
        moments[step + 1] = mean, spread, judged = *bell_of(generator), sigmoid(judge.predict(line))
        print(f"after {step + 1} steps: fakes have mean {mean:.2f}, spread {spread:.2f}")

of_judge, of_generator = np.mean(losses[-100:], axis=0)
gap = np.nanmax(abs(judged - best_answer(mean, spread)))
print(f"largest gap to p / (p + q): {gap:.2f}; losses {of_judge:.3f} and {of_generator:.3f}")
assert np.allclose([mean, spread], [1, 0.6], atol=0.1)
assert gap < 0.15
assert np.allclose([of_judge, of_generator], [2 * np.log(2), np.log(2)], atol=0.03)

# %% [markdown]
# By a winding way G found mean 1 and spread 0.6, nearly. There q is p, and p / (p + q) is 1/2: a draw. So the judge
# pays -log(1/2) = log 2 = 0.693 for real ones and the same for fakes: 2 log 2 = log 4 = 1.386. The generator: log 2.
# (The paper's sum has the other sign: against the best judge no generator can bring it below -log 4.) But a judge that
# has learned nothing, and says 1/2 to all, pays the same. These losses don't say how good the fakes are: look at them.


# %%
def draw_bells(axis, title, mean, spread, says):
    """Draw the real and the made numbers along the line, and the judge."""
    axis.plot(line, p, color="#222222", label="p: real ones")
    axis.hist(mean + spread * noise[:40].ravel(), line[::10, 0], density=True, color="#a9d3bb", label="fakes")
    if spread > 0.1:
        axis.plot(line, best_answer(mean, spread), color="#bbbbbb", linewidth=5, label="p / (p + q)")
    axis.plot(line, says, "--", color="#d35400", label="D: the judge")
    axis.set(title=title, xlabel="x", xlim=(-4, 4), ylim=(0, 1.2))


figure, axes = plt.subplots(2, 3, figsize=(11, 6.6), layout="constrained")
draw_bells(axes[0, 0], "The generator rests, the judge learns", -1, 0.8, says)
draw_bells(axes[0, 1], "Then the judge rests: collapse", *alone, says)
for axis, (step, moment) in zip(axes[1], moments.items(), strict=True):
    draw_bells(axis, f"The game, after {step} steps", *moment)
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
axes[0, 2].plot(says_of_fakes, saturating, "o", color="#7a3db8", alpha=0.4, label="minimax, log(1 - D)")
axes[0, 2].plot(says_of_fakes, steady, "o", color="#1f77b4", alpha=0.4, label="non-saturating, -log(D)")
axes[0, 2].set(title="What 256 fakes hear at first", xlabel="D of the fake", ylabel="slope of its loss by its score")
axes[0, 2].legend(fontsize=9, loc="lower center")
figures.save(figure, "16_game")

# %% [markdown]
# ## Two halves of an apple
#
# Lesson 15 left a question: who tells a network that no apple is half red and half green? Take two numbers for each
# apple, the a* of its left and of its right half. Seven in ten are red, near (62, 62), three green, near (-40, -40).
# Draw each half by itself: 0.7 * 0.7 = 49 % are red, 9 % green, 42 % no apple. What does a judge of both halves learn?


# %%
def apples(count, epoch, by_halves=False):
    """Return a* of both halves of apples (count, 64, 2), divided by 40 to make the numbers small."""
    rng = tc.Generator(16, epoch)
    is_red = rng.uniform((count, 64, 2 if by_halves else 1)) < 0.7
    return ((np.where(is_red, 62, -40) + rng.normal((count, 64, 2), std=5)) / 40).astype(np.float32)


real, by_halves = apples(1500, epoch=2), apples(400, epoch=3, by_halves=True)
resting = new_net(2, 1, seed=16)
teach(resting, (real[:400], by_halves), 400)
kinds = {"red": (62, 62), "green": (-40, -40), "left red": (62, -40), "right red": (-40, 62)}
says = sigmoid(resting.predict(np.array(list(kinds.values()), np.float32) / 40))[:, 0]
print("it says:", ", ".join(f"{kind} {d:.2f}" for kind, d in zip(kinds, says, strict=True)))
assert np.allclose(says, [0.7 / (0.7 + 0.49), 0.3 / (0.3 + 0.09), 0, 0], atol=0.08)  # p / (p + q), with a pencil

# %% [markdown]
# "No apple is mixed": nobody wrote that down. The judge *found* it, and for a generator it is now a loss. So, the game.
# This generator has two random numbers to start from, and two hidden layers. The library's `Duel` does our step.

# %%
generator, judge = new_net(2, 2, seed=16), new_net(2, 1, seed=17)
plan = tc.optim.linear_decay(5e-3, 750, 750)
optimizers = [tc.optim.Adam(net.parameters(), plan, betas=(0.5, 0.999)) for net in (generator, judge)]
duel = Duel(generator, judge, *optimizers)
noise = tc.Generator(16, epoch=4).uniform((1500, 64, 2), -1, 1)
for_show = tc.Generator(16, epoch=5).uniform((1000, 2), -1, 1)
shown = {"each half by itself": 40 * by_halves[:16].reshape(-1, 2)[:1000]}
for random_numbers, examples in zip(noise, real, strict=True):
    duel.step((), (random_numbers,), examples)  # (): no more is told, until lesson 17
    if duel.steps in (20, 100, 1500):
        made = shown[f"the game, {duel.steps} steps"] = 40 * generator.predict(for_show)

shares = [(abs(made - place).max(1) < 15).mean() for place in (*kinds.values(), (31.4, 31.4))]  # 15 at most off
print("made:", ", ".join(f"{kind} {share:.0%}" for kind, share in zip((*kinds, "brown"), shares, strict=True)))
assert shares[0] > 1.2 * shares[1] > 0.2
assert sum(shares[:2]) > 0.8
assert sum(shares[2:]) < 0.08

figure, axes = plt.subplots(1, 4, figsize=(11, 3.4), layout="constrained", sharey=True)
for axis, (title, pairs) in zip(axes, shown.items(), strict=True):
    for kind, colour in (("red", "#c0392b"), ("green", "#2e8b57")):
        axis.add_patch(plt.Circle(kinds[kind], 15, facecolor="none", edgecolor=colour, linewidth=2))
    axis.plot(*pairs.T, ".", color="#444444", markersize=3, alpha=0.4)
    axis.plot(31.4, 31.4, "x", color="#8a5a2b", markersize=9, markeredgewidth=2.5)
    axis.set(title=title, xlabel="a* of the left half", xlim=(-85, 105), ylim=(-85, 105), aspect="equal")
axes[0].set_ylabel("a* of the right half")
figure.suptitle("1,000 apples: real ones lie in the rings, their mean is the cross")
figures.save(figure, "16_apples")

# %% [markdown]
# Red or green, hardly one mixed, hardly one brown. (The squared error would answer 31.4 for every half.) The shares are
# right only roughly. With Adam's usual 0.9 a game now and then loses green for good (seeds 112, 113): collapse again.
# The paper made digits, faces and small photos out of noise, with as many steps for the judge as for the generator.
#
# ## What you know now
#
# - A generator turns noise into samples; a discriminator says how likely a sample is real. It is the generator's loss.
# - The best discriminator says p / (p + q): 1/2 in a draw. Then the losses are 2 log 2, and log 2 for the generator.
# - The generator learns through a frozen discriminator: the gradient goes through, and teaches it nothing.
# - log(1 - D) hardly pulls at fakes that are easily told. -log(D) pulls at their scores the hardest.
# - Nothing asks a single fake for variety. If the generator runs ahead, it collapses.
#
# And one thing to wonder about: it makes *some* apple, as chance has it. How do you order a green one? Lesson 17.
#
# **Now you**: `lessons/exercises/16_two_that_compete.py`. You write p / (p + q), and a step of the game.

# %%
figures.show()
