# %% [markdown]
# # 21. Real or fake: who judges the colours?
#
# You have met many colorizers by now. Which is the best? In this lesson no network learns. We make four colorizers by
# hand, good and bad ones, and let numbers judge them. You will see every number praise something that it should not.
# Then we ask people, as the papers did. That gives a number too, and you work out how far to trust it.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures, metrics
from tinycolor.data.shipped import FOLDER, attributions
from tinycolor.data.shrunk import crop, shrink

# %% [markdown]
# ## Four photos, four painters
#
# A flower, a bowl, a space suit and a mountain. The first three things could have any colour. In these photos they are
# orange or red, so a rule on a* and b* finds them (lesson 9: a* is red, b* yellow). In the mountain nothing is open.

# %%
OPEN = {  # the photo, and above which a* and b* its thing lies
    "sklearn-flower.jpg": (3, 9),
    "lomiri-Picture_0B_by_freespace.jpg": (20, 15),
    "skimage-astronaut.jpg": (24, 22),
    "lomiri-picosdeeuropa_by_Aitzol_Berasategi.jpg": (999, 999),  # nothing
}
photos = np.stack([crop(shrink(tc.open_image(FOLDER / name), 96), 96) for name in OPEN])  # (4, 96, 96, 3)
lab = tc.color.rgb_to_lab(photos / 255)
lightness, truth = lab[..., :1], lab[..., 1:]
thing = (truth > np.array(list(OPEN.values()))[:, None, None]).all(-1, keepdims=True)  # (4, 96, 96, 1)

# %% [markdown]
# - **grey** paints nothing: a* = b* = 0.
# - **dull** knows every colour, and gives it half its strength, as networks do that learned by a squared error.
# - **bold** knows every colour but those of the three things. There it makes up its mind, and is wrong each time: it
#   turns the colour by 220 degrees around grey, red to blue. Flower, bowl and suit *could* be so (the fruit could not).
# - **borrowed** lays the colours of one photo under the L* of another. Lively nonsense.
#
# The first judge you know from lesson 10: how far off are a* and b*, on average?

# %%
angle = np.deg2rad(220)
turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
painters = {
    "grey": 0 * truth,
    "dull": truth / 2,
    "bold": np.where(thing, truth @ turn, truth),
    "borrowed": truth[[3, 2, 0, 1]],
    "truth": truth,
}


def to_pixels(ab):
    """Return pixels 0..255 for a*b* under the photos' own L*: lesson 10's."""
    fitted, _ = tc.color.fit_into_gamut(np.concatenate([lightness, ab], -1))
    return np.rint(255 * tc.color.lab_to_rgb(fitted).clip(0, 1)).astype(np.uint8)


pictures = {name: to_pixels(ab) for name, ab in painters.items()}
error = {name: metrics.ab_mae(ab, truth).mean() for name, ab in painters.items()}
print("a* and b* are off by", {name: round(float(value), 1) for name, value in error.items()})

assert error["dull"] < error["grey"] < error["bold"] < error["borrowed"]

# %% [markdown]
# Dull is best: it is off by half of each colour's strength, and nowhere by more. But look: **grey beats bold**. Grey
# has coloured nothing at all. Bold has a sky, skin, a meadow, and a blue bowl in place of a red one. To an error, a
# strong wrong colour is worse than none. It punishes whoever dares. (PSNR, which many papers print, is a logarithm of
# the squared error of red, green and blue: the same in other clothes.)
#
# ## How near is near enough?
#
# Ask in another way: what *share of the dots* is about right? Then a dot that is far off costs no more than one that is
# just missed. Say that up to 5 units from the true colour is right (straight across the plane of a* and b*).

# %%
distance = {name: np.linalg.norm(ab - truth, axis=-1).ravel() for name, ab in painters.items()}  # 36,864 dots
for near in (5, 40):
    print(f"within {near:2}:", {name: f"{(far <= near).mean():.0%}" for name, far in distance.items()})

assert (distance["bold"] <= 5).mean() > (distance["dull"] <= 5).mean() + 0.1
assert (distance["bold"] <= 40).mean() < (distance["dull"] <= 40).mean() - 0.1

# %% [markdown]
# Bold wins at 5, dull at 40. So who wins hangs on a number that we made up. R. Zhang, P. Isola and A. Efros (lesson 15)
# took *all* of them: the share within t, for t = 0, 1, 2, up to 150. That is a curve, which climbs to 1. Its **area**,
# divided by 150, is one number again: the AuC, area under the curve. The earlier it climbs, the larger.

# %%
thresholds = np.arange(151)
curves = {name: (far[:, None] <= thresholds).mean(0) for name, far in distance.items()}  # (151,) each
for name, curve in curves.items():
    area = ((curve[:-1] + curve[1:]) / 2).sum() / 150  # strips one unit wide, each with a slanted top
    from_mean = 1 - np.minimum(distance[name], 150).mean() / 150
    print(f"{name:8}: AuC {area:.3f};  1 - mean distance / 150 = {from_mean:.3f}")
    assert np.isclose(area, metrics.auc(painters[name], truth))
    assert abs(area - from_mean) < 0.004

# %% [markdown]
# Do you see the second column? A dot that is 30 off lifts the curve from 30 on: it gives 120 of 150. So the area is 1
# minus the mean distance over 150. (Up to rounding; whatever is off by more counts as 150.) The AuC looks at all
# thresholds, and is **the mean error once more**. Grey beats bold again.
#
# ## Rare colours count
#
# Many dots of most photos are nearly grey (lesson 15). Whoever is right about road and cloud is right about most. Take
# ten dots, eight of road, one of a red car, one of a blue one. Grey is 0 off on the road, and 60 on either car.

# %%
off = np.array([0, 0, 0, 0, 0, 0, 0, 0, 60, 60])
each_dot, each_colour = off.mean(), np.mean([off[:8].mean(), off[8], off[9]])
print(f"mean distance of grey: {each_dot:.0f} if each dot counts the same, {each_colour:.0f} if each colour does")

# %% [markdown]
# So it is in the **class-balanced** AuC: each of lesson 15's 313 bins counts about the same, however rare it is.
#
# ## All judges together
#
# Three more. **SSIM** slides a small window over a* and b*: do they change where the truth's do? **Colourfulness** (D.
# Hasler and S. Suesstrunk, 2003) needs no truth: how much do red minus green, and yellow minus blue, spread over the
# picture, and how far from 0 is their mean? Viewers called 33 moderately colourful, 59 quite. A **histogram** counts
# how often each a* comes, and each b*, in all four pictures. How much do a painter's counts share with the truth's?

# %%
histogram = {name: metrics.ab_histograms(ab).sum(0) for name, ab in painters.items()}  # (2, 57): a*, b*
table = {
    name: {
        "error": error[name],
        "SSIM": metrics.ssim_ab(ab, truth).mean(),
        "AuC": metrics.auc(ab, truth),
        "balanced": metrics.auc(ab, truth, balanced=True),
        "within 5": (distance[name] <= 5).mean(),
        "colourful": metrics.colourfulness(pictures[name]).mean(),
        "histogram": metrics.histogram_intersection(histogram[name], histogram["truth"]).mean(),
    }
    for name, ab in painters.items()
}
grey, dull, bold, borrowed, real = table.values()
for measure in real:
    print(f"{measure:9}", ", ".join(f"{name} {result[measure]:.2f}" for name, result in table.items()))

assert grey["AuC"] > bold["AuC"] + 0.02  # if each dot counts, grey is better
assert grey["balanced"] < bold["balanced"] - 0.02  # if each colour does, bold is
assert dull["colourful"] < borrowed["colourful"]
assert borrowed["histogram"] == 1  # all the right colours, in all the wrong places

figure, axes = plt.subplots(5, 5, figsize=(9.4, 10), height_ratios=[1, 1, 1, 1, 1.1], layout="constrained")
for column, (name, pile) in zip(axes.T, pictures.items(), strict=True):
    column[0].set_title(name, fontsize=13)
    for axis, picture in zip(column, pile, strict=False):
        axis.imshow(picture)
        axis.set(xticks=[], yticks=[])
    column[4].axis("off")
    for row, (measure, value) in enumerate(table[name].items()):
        nearest = min(abs(result[measure] - real[measure]) for result in (grey, dull, bold, borrowed))
        heavy = name != "truth" and abs(value - real[measure]) == nearest
        style = {"weight": "bold", "color": "#b03a00"} if heavy else {}
        column[4].text(0.5, 0.93 - 0.155 * row, f"{value:.2f}", fontsize=12, ha="center", **style)
        column[4].text(-0.1, 0.93 - 0.155 * row, measure if name == "grey" else "", fontsize=12, ha="right")
for axis, label in zip(axes[:4, 0], ("flower", "bowl", "suit", "mountain"), strict=True):
    axis.set_ylabel(label, fontsize=12, rotation=0, ha="right", va="center")
figure.suptitle("Four painters, and what is said of them (heavy: nearest to the truth)", fontsize=13)
owners = ";\n".join(str(attributions()[name]) for name in OPEN)
figure.supxlabel(f"Photos, cropped and (but for the last column) recoloured: {owners}", fontsize=7)
figures.save(figure, "21_painters")

# %% [markdown]
# Row by row: error, SSIM and both AuC praise dull. Within 5 and colourfulness praise bold. The histogram gives nonsense
# full marks. AuC puts grey above bold, balanced AuC bold above grey. **None is wrong, none says which looks real.**
#
# So it is with trained networks. In Zhang's paper the full method has an AuC of 89.5 %, and grey does about as well.
# Balanced, it is the best of all, with 67.3 %. Ours, on 480 photos (`examples/networks.md`): Zhang's network 0.897,
# grey 0.909; balanced 0.692 and 0.638. Its colourfulness is 30, with the squared error 15, and the truth's is 33.
#
# ## So ask people
#
# Zhang's test: a photo and its recoloured twin, for one second each. **Which one is the fake?** After 10 pairs for
# practice come 40 more, for each of 40 people. (They were found through Amazon's Mechanical Turk, AMT, where people do
# small tasks for money.) Whoever takes the photo for the fake is *fooled*. Zhang's method fooled in 32 %.
#
# Why is that good? If the twin were perfect, people could only toss a coin: 50 %. Imagine that in each pair you either
# *see* it, or toss a coin. Half of the tosses go wrong, and nothing else does. Then who is fooled in 32 % has tossed a
# coin in 64 %: in two pairs of three. (That is our model, not the paper's. Some photos, of odd colours perhaps, lost
# to their twins more often than not.) One pair in ten had the colours of *another photo*, like our borrowed, to see
# whether people paid attention. They found 87 % of those.
#
# ## How sure is 32 %?
#
# Nobody sits here to be asked, so **from here on random numbers play the people**. That tells nothing about any
# colorizer. It tells what a study can find out. Let 40 judges, 40 pairs each, be fooled with a chance of 32 %.

# %%
SEED = 21
rng = tc.Generator(SEED)
alike = rng.uniform((40, 40)) < 0.32  # a row for each judge, True where fooled
again = (tc.Generator(SEED, epoch=1).uniform((7, 1600)) < 0.32).mean(1)
print(f"fooled in {alike.mean():.1%}; seven more studies of the same colorizer: {again.round(3)}")

# %% [markdown]
# The same colorizer, eight results. You have one of them, and no money for more. The **bootstrap** (B. Efron, 1979)
# makes do with that: draw 1,600 answers *out of the 1,600 that you have*. Some come twice, some not at all. That is a
# study as it might have been. Do so 2,000 times, and see how the rates spread. Cut off 2.5 % of them at either end:
# what is left is the **95 % interval**.

# %%
answers = alike.ravel()
rates = answers[rng.integers(0, 1600, (2000, 1600))].mean(1)  # (2000,): a rate for each study that might have been
low, high = np.quantile(rates, [0.025, 0.975])
standard_error = np.sqrt(answers.mean() * (1 - answers.mean()) / 1600)  # the formula for independent answers
print(f"{answers.mean():.1%}, 95 % interval from {low:.1%} to {high:.1%}; standard error {standard_error:.2%}")

assert np.isclose((high - low) / 2, 1.96 * standard_error, rtol=0.12)

# %% [markdown]
# Of a hundred such intervals some 95 hold the true rate. How far the rates spread is the *standard error*; the interval
# reaches about twice as far to either side. "32 +- 2" may mean either: ask.
#
# **People are not coins.** One is tired, one paints herself. Let each judge have a chance of her own, 32 % on average,
# give or take 12. (We made up the 12.) Now the 40 answers of one judge hang together: they tell less than 40 people's.
# So the bootstrap has to draw *judges*, each with all her answers. What chance has picked is to be picked again.

# %%
chances = rng.normal((40,), 0.32, 0.12).clip(0.07, 0.98)  # of each judge
differ = rng.uniform((40, 40)) < chances[:, None]
by_answers = differ.ravel()[rng.integers(0, 1600, (2000, 1600))].mean(1)
by_judges = differ.mean(1)[rng.integers(0, 40, (2000, 40))].mean(1)
half = [np.ptp(np.quantile(rates, [0.025, 0.975])) / 2 for rates in (by_answers, by_judges)]
print(f"{differ.mean():.1%}; half of the interval, answers drawn: {half[0]:.1%}, judges drawn: {half[1]:.1%}")

assert half[1] > 1.3 * half[0]  # drawing answers would claim too much

# %% [markdown]
# ## Can it tell 32 % from 27 %?
#
# Say there is a rival, with 27 %. How many judges does it take to find out? Make two towns of 4,000 judges each, and
# hold 400 studies with judges from either. A study finds it if the interval of the *difference* lies above 0.

# %%
towns, found = {}, {}
for spread in (0, 0.12):  # judges all alike, and such as differ
    chance = np.array([[[0.32]], [[0.27]]]) + rng.normal((2, 4000, 1), 0, spread)
    towns[spread] = (rng.uniform((2, 4000, 40)) < chance.clip(0.02, 0.98)).mean(-1)  # (2, 4000): how often fooled
    for judges in (10, 20, 40, 80, 160):
        ours, rival = (judged[rng.integers(0, 4000, (400, judges))] for judged in towns[spread])
        standard_error = np.sqrt((ours.var(1, ddof=1) + rival.var(1, ddof=1)) / judges)
        found[spread, judges] = (ours.mean(1) - rival.mean(1) > 1.96 * standard_error).mean()
        print(f"{judges:3} judges of spread {spread:4}: {found[spread, judges]:4.0%} of the studies find it")
    print(f"80% of them would with {2.8**2 * towns[spread].var(1).sum() / 0.05**2:.0f} judges")

assert found[0.12, 40] + 0.2 < found[0, 40]

# %% [markdown]
# Judges all alike: 40 of them, 1,600 pairs, mostly find it. With ours, who differ, such a study misses it more often
# than not. To find it four times in five takes some 120, nearly 5,000 pairs for each colorizer. (The difference must
# then be 2.8 standard errors: 1.96, and room for chance.) Half as wide an interval costs *four times* the people.
#
# It is cheaper if the *same* judges see both: whoever is hard to fool is so by both, and in the difference that
# cancels. The library's `paired_bootstrap` draws judges with both their rates (or photos, with both their errors).
# (In the figure others judge the rival. A bar is one study, with its interval; 95 studies of 100 land within the band.)

# %%
rival = rng.uniform((40, 40)) < chances[:, None] - 0.05
paired = metrics.paired_bootstrap(differ.mean(1), rival.mean(1), rng)
strangers = 1.96 * np.sqrt((differ.mean(1).var(ddof=1) + rival.mean(1).var(ddof=1)) / 40)  # if others judged the rival
print(f"difference +- {(paired.high - paired.low) / 2:.1%} with the same judges, {strangers:.1%} with others")
assert (paired.high - paired.low) / 2 < 0.75 * strangers

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(11.5, 4.6), layout="constrained")
looks = {"grey": ("--", "#777777"), "dull": ("-", "#9a6a3a"), "bold": ("-", "#1f77d0"), "borrowed": (":", "#c0392b")}
for name, (style, colour) in looks.items():
    label = f"{name}: AuC {table[name]['AuC']:.2f}"
    left.plot(thresholds, curves[name], style, linewidth=2.2, color=colour, label=label)
left.set(title="How near is near enough?", xlabel="t, in units of a* and b*", ylabel="share of dots within t")
left.set(xlim=(0, 150), ylim=(0, 1.02))
left.legend(loc="lower right", fontsize=11)
people = np.geomspace(8, 400)
for judged, rate, colour in zip(towns[0.12], (0.32, 0.27), ("#d35400", "#1f5f9f"), strict=True):
    reach = 100 * 1.96 * judged.std() / np.sqrt(people)
    right.fill_between(40 * people, 100 * rate - reach, 100 * rate + reach, color=colour, alpha=0.25, linewidth=0)
    for judges in (10, 20, 40, 80, 160, 320):
        study = judged[rng.integers(0, 4000, (judges,))]
        low, high = 100 * np.quantile(study[rng.integers(0, judges, (2000, judges))].mean(1), [0.025, 0.975])
        place = 40 * judges * (1.05 if rate == 0.32 else 0.95)
        label = f"true rate {100 * rate:.0f} %" if judges == 10 else None
        right.plot([place, place], [low, high], color=colour, linewidth=1.5)
        right.plot(place, 100 * study.mean(), "o", color=colour, label=label)
right.axvline(1600, color="#888888", linewidth=1, zorder=0, label="40 judges")
right.set(title="Simulated studies, judges who differ", xscale="log", ylim=(12, 46), xlim=(320, 16000))
right.set(xlabel="pairs judged, 40 by each judge", ylabel="fooled, in %")
right.set_xticks([400, 800, 1600, 3200, 6400, 12800], ["400", "800", "1,600", "3,200", "6,400", "12,800"])
right.minorticks_off()
right.legend(loc="upper right", fontsize=11)
figures.save(figure, "21_how_sure")

# %% [markdown]
# ## What the papers found
#
# | study | question | result |
# | --- | --- | --- |
# | Zhang 2016, 40 people each | which is the fake? | 32 %; the truth would have 50 % |
# | pix2pix 2017, about 50 each | the same | squared error 16.3 %, pix2pix 22.5 %, Zhang's 27.8 % |
# | Iizuka 2016, 10 people, 500 photos of each kind | does it look natural? | 92.6 %, without global features 69.8 % |
#
# - **Is 92.6 % better than 32 %?** They answer different questions. Iizuka's people saw *one* picture and said yes or
#   no; there the true photos got about 97 %, not 50 %. And 69.8 % says little but that it is 23 less, in one study.
# - **32 % and 27.8 %, for the same colorizer?** Two studies, other people. Compare within one.
# - **22.5 % and 16.3 %?** The survey of lesson 2 prints 22.5 +- 1.6 and 16.3 +- 2.4, calls the first greater, and does
#   not say what its +- is. The authors call that difference insignificant. (Zhang's own table has standard errors, by
#   bootstrap. And the survey's 50 images for each of 50 testers are 10 for practice and 40 that count.)
#
# For your own colorizer, `tinycolor evaluate` in a terminal prints the numbers. The rest takes patient friends.
#
# ## What you know now
#
# - An error for each dot rewards grey and dull. It punishes whoever dares, even where nobody can know.
# - AuC asks for all thresholds, and is the mean error again; balanced, rare colours count as much as frequent ones.
# - Colourfulness and histograms praise nonsense. Read several numbers, and look at the pictures.
# - Real or fake: 50 % is perfect. Give the interval, and compare within one study.
# - Draw again what chance picked. Four times the judges halve the interval. Small differences take thousands of pairs.
#
# And one thing to wonder about: nearly all these numbers need the truth. An old photo of your great-grandmother has
# none. How do you get good colours there, and who is to judge? Lesson 22.
#
# **Now you**: `lessons/exercises/21_real_or_fake.py`. You write the curve, its area, the balance, and the interval.

# %%
figures.show()
