# %% [markdown]
# # Solution 18: what both teachers tell the generator, and how a judge votes
#
# 1. `generator_gradient(judge, maps, fakes, photos, weight)`: the judge takes two arrays, `judge(maps, fakes)`; what it
#    hands you are its votes (N, h, w, 1), as scores, and its backward. The generator wants all votes on its fakes to be
#    "real" (`tc.losses.non_saturating`). And it wants its fakes to be near the photos: `weight` times `tc.losses.l1`.
#    Return the loss, and the gradient for the *fakes alone*. Leave the gradients of the judge's weights as they are:
#    call it inside `with tc.frozen(judge):`. (Mind what its backward returns: it was given two arrays.)
# 2. `votes_a_side(size, filters)`: a judge is a list of filters, each a tuple (side, stride, padding). How many votes a
#    side does it give for a picture of `size` dots a side? One filter first: zeros are added at both edges, then the
#    window of `side` dots takes steps of `stride`, and never leaves the padded picture (lesson 2).
# 3. `field(filters)`: how many dots a side does one vote see? Go from the last filter back to the first. A vote is one
#    dot wide. A filter of 4 with a stride of 1 reads four dots for it. For *two* neighbours it would read five with a
#    stride of 1, six with a stride of 2. And for `wide` neighbours?
#
# Replace the three `...` and run this file. It checks itself.

# %%
import numpy as np

import tinycolor as tc
from tinycolor.networks.pix2pix import PatchDiscriminator


def generator_gradient(judge, maps, fakes, photos, weight):
    """Return the generator's loss, one number, and the gradient for its fakes, of their shape (N, H, W, C)."""
    with tc.frozen(judge):
        votes, backward = judge(maps, fakes)
    adversarial, dvotes = tc.losses.non_saturating(votes)
    _, dfakes = backward(dvotes)
    off, doff = tc.losses.l1(fakes, photos)
    return adversarial + weight * off, dfakes + weight * doff


def votes_a_side(size, filters):
    """Return how many votes a side a judge gives, a whole number; filters (side, stride, padding), first to last."""
    for side, stride, padding in filters:
        size = (size + 2 * padding - side) // stride + 1
    return size


def field(filters):
    """Return how many dots a side a vote sees, a whole number, for filters (side, stride, padding), first to last."""
    wide = 1
    for side, stride, _ in reversed(filters):
        wide = (wide - 1) * stride + side
    return wide


# %% The check: do not change anything below this line
HINTS = {
    "backward was already called": "Each call of the judge hands you its own backward. Use it once.",
    "no attribute 'backward'": "The backward is what the judge handed you beside its votes.",
    "not enough values": "A network hands you two things, and so does a loss.",
    "too many values": "The judge hands you votes and backward. A filter has three numbers: side, stride, padding.",
    "got x of shape": "The judge takes the map first, then the picture: judge(maps, fakes).",
    "got 1 input": "The judge takes the map first, then the picture: judge(maps, fakes).",
    "backward got tuple": "backward takes what the loss said of the votes: the second of its two results.",
    "backward got": "backward takes the gradient of the votes, which has their shape: what non_saturating hands you.",
    "l1 got": "l1 compares the fakes with the photos.",
    "inhomogeneous": "backward hands you two arrays, for the map and for the fake. The map is nobody's to move.",
    "concatenate tuple": "backward hands you two arrays, for the map and for the fake. The map is nobody's to move.",
    "sequence by": "A loss hands you a number and a gradient: take them apart first, `a, b = ...`.",
    "tuple": "A loss hands you a number and a gradient, backward two gradients: take them apart first, `a, b = ...`.",
    "could not be broadcast": "judge(maps, fakes): of two, backward hands you two gradients. L1's joins the fake's.",
    "unsupported operand": "Is one of them still a tuple, a list or `...`? Take it apart first, `a, b = ...`.",
    "reverseiterator": "reversed(filters) hands out the last filter first; it can't be counted or sliced.",
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np and tc.",
    "read-only": "Nobody writes into what was given: make a new array, a + b in place of a += b.",
}


def run(function, *given):
    """Call a function with arrays that cannot be changed; if it stops with an error, say what to look at."""
    name = function.__name__
    for array in given:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    try:
        answer = function(*given)
    except (AttributeError, IndexError, NameError, RuntimeError, TypeError, ValueError, ZeroDivisionError) as error:
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), "Print the shapes just before.")
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert answer is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert answer is not None, f"{name}() returned None: does it end with `return`?"
    return answer


# 1. A small judge in 64 bits, maps of one channel, pictures of two. Each number of the fakes is moved a little to
# either side, and the loss worked out by plain formulas: that gives the gradient without any backward.
rng = tc.Generator(18)
maps, fakes, photos = (rng.normal((2, 8, 8, channels), dtype=np.float64) for channels in (1, 2, 2))
judge = PatchDiscriminator(3, layers=1, base_width=2).astype("float64")
tc.init.he_normal(judge, tc.Generator(18, epoch=1))
for parameter in judge.parameters():
    parameter.grad[...] = 1  # left over from before


def unreal(pictures):
    """Return how far the judge's votes are from "real", by hand: the mean of -log(answer)."""
    return np.log1p(np.exp(-judge.predict(maps, pictures, mode="train"))).mean()


def found_out(pictures):
    """Return how far the votes are from "fake", by hand: that is what the judge wants of them."""
    return np.log1p(np.exp(judge.predict(maps, pictures, mode="train"))).mean()


def slope(function, at):
    """Return how function(at) changes with each of the numbers in `at`, by moving each a little to either side."""
    slopes = np.zeros(at.size)
    for n in range(at.size):
        nudge = 1e-5 * (np.arange(at.size) == n).reshape(at.shape)
        slopes[n] = (function(at + nudge) - function(at - nudge)) / 2e-5
    return slopes.reshape(at.shape)


def close(a, b):
    """Say whether two gradients agree but for the error of the nudging."""
    return np.allclose(a, b, atol=1e-7, rtol=1e-5)


real_slope, fake_slope = slope(unreal, fakes), slope(found_out, fakes)
off_slope = np.sign(fakes - photos) / fakes.size  # the mean of absolute values: each pulls equally hard
square_slope = 2 * (fakes - photos) / fakes.size
mine = run(generator_gradient, judge, maps, fakes, photos, 10.0)
assert isinstance(mine, tuple), "generator_gradient() should return two things: loss, gradient."
assert len(mine) == 2, f"generator_gradient() should return two things, loss and gradient; yours are {len(mine)}."
loss, gradient = mine
assert np.size(loss) == 1, (
    f"generator_gradient(): the loss, which comes first, is one number; yours has the shape {np.shape(loss)}."
)
assert isinstance(gradient, np.ndarray), (
    f"generator_gradient(): the gradient is a {type(gradient).__name__}. The judge was given two arrays, so its "
    "backward hands out two: for the map and for the fake."
)
assert gradient.shape != maps.shape, "generator_gradient(): that is the gradient of the maps. Take the fakes' one."
assert gradient.shape == fakes.shape, (
    f"generator_gradient(): fakes are {fakes.shape}, so their gradient is too; yours is {gradient.shape}."
)
likely = [
    (real_slope, "That is the judge's part alone. L1 has its say too: add weight times its gradient."),
    (10 * off_slope, "That is L1's part alone. The judge has its say too: add what comes back through it."),
    (real_slope + off_slope, "L1's gradient was not multiplied by the weight."),
    (10 * (real_slope + off_slope), "The weight is L1's alone. You multiplied the judge's part as well."),
    (10 * real_slope + off_slope, "The weight is L1's, and you multiplied the judge's part."),
    (real_slope + 100 * off_slope, "The weight is given, and was 10 here. Is a 100 written in your code?"),
    (real_slope - 10 * off_slope, "L1 pulls the wrong way, from the photos: the fakes come first, l1(fakes, photos)."),
    (fake_slope + 10 * off_slope, "You helped the judge: its votes on fakes should be *real* for the generator."),
    (-fake_slope + 10 * off_slope, "That is minimax, which whispers where the judge is sure (lesson 16)."),
    (-real_slope + 10 * off_slope, "The judge's part has the wrong sign: losses are made small, and both are losses."),
    (real_slope + 10 * square_slope, "That has the squared error, which wants the mean. L1 is the absolute error."),
    (off_slope, "That is L1's part alone, and without its weight."),
]
for wrong, advice in likely:
    assert not close(gradient, wrong), f"generator_gradient(): {advice}"
judges_part = gradient - 10 * off_slope
assert not close(judges_part[..., 0], judges_part[..., 1]), (
    "generator_gradient(): the judge's part is the same in both channels of the fakes. Is it the map's gradient? The "
    "judge is called judge(maps, fakes), and its backward returns two gradients in the same order."
)
assert close(gradient, real_slope + 10 * off_slope), (
    f"generator_gradient(): the first four numbers are {gradient.ravel()[:4].round(5)}; moving the fakes gives "
    f"{(real_slope + 10 * off_slope).ravel()[:4].round(5)}. Of these the judge's part is "
    f"{real_slope.ravel()[:4].round(5)}. Is it judge(maps, fakes), maps first, as in training?"
)
judged, off = unreal(fakes), abs(fakes - photos).mean()
advice = {
    judged: "Add weight times L1: the gradient has it already.",
    judged + off: "L1 was not multiplied by the weight; in the gradient it is.",
    10 * off: "Add the judge's part: the gradient has it already.",
}
for wrong, words in advice.items():
    assert not np.isclose(loss, wrong), f"generator_gradient(): right gradient, but the loss is {loss:.4f}. {words}"
assert np.isclose(loss, judged + 10 * off), (
    f"generator_gradient(): right gradient, but the loss is {loss:.4f}: {judged:.4f} + 10 * {off:.4f} is wanted."
)
assert all((parameter.grad == 1).all() for parameter in judge.parameters()), (
    "generator_gradient() changed the gradients of the judge's weights, and would teach it to be fooled. Call the "
    "judge inside `with tc.frozen(judge):`; no zero_grad is needed."
)
_, heavy = run(generator_gradient, judge, maps, fakes, photos, 100.0)
assert close(heavy, real_slope + 100 * off_slope), "generator_gradient(): right for weight 10, but not for 100."

# 2. First one filter at a time, then the judges of the paper.
mine = run(votes_a_side, 10, [(3, 1, 0)])
assert isinstance(mine, int | np.integer), f"votes_a_side() gives {mine!r}, not a whole number: divide with //."
assert mine == 8, f"votes_a_side(): a window of 3 has 8 places on 10 dots, not {mine}. The first place counts as well."
mine = run(votes_a_side, 10, [(3, 1, 1)])
assert mine != 9, "votes_a_side(): padding adds a zero at *both* edges, two in all."
assert mine == 10, (
    f"votes_a_side(): with a zero at both edges 10 dots are 12, and a window of 3 has 10 places, not {mine}."
)
mine = run(votes_a_side, 256, [(4, 2, 1)])
assert mine == 128, (
    f"votes_a_side(): 256 dots and two zeros are 258. A window of 4 can go on by 254, in steps of 2: 127 steps and the "
    f"first place, 128; not {mine}."
)
mine = run(votes_a_side, 9, [(4, 2, 0)])
assert mine == 3, f"votes_a_side(): on 9 dots a window of 4 begins at 0, 2, 4; at 6 it would stick out. 3, not {mine}."
mine = run(votes_a_side, 256, [(4, 2, 1), (4, 1, 1)])
assert mine != 128, "votes_a_side(): with a second filter it is still 128. Does the loop go over all filters?"
assert mine != 255, "votes_a_side(): the second filter takes what the first one gave, not the picture."
assert mine == 127, f"votes_a_side(): the second filter gets 128 dots, and gives 127, not {mine}."


def judge_of(layers):
    """Return the filters of a PatchGAN: so many of stride 2, then two of stride 1."""
    return [(4, 2, 1)] * layers + [(4, 1, 1)] * 2


for layers in (1, 2, 3, 4, 5):
    thin = PatchDiscriminator(1, layers, base_width=1)
    votes = thin.predict(np.zeros((1, 200, 200, 1), np.float32)).shape[1]
    mine = run(votes_a_side, 200, judge_of(layers))
    assert mine == votes, (
        f"votes_a_side(): the library's judge of {layers} layers gives {votes} on 200 dots, not {mine}."
    )

# 3. The same for fields; padding adds no field.
mine = run(field, [(4, 1, 0)])
assert isinstance(mine, int | np.integer), f"field() gives {mine!r}, not a whole number: no division is needed."
assert mine == 4, f"field(): one filter of 4 sees 4 dots, not {mine}."
mine = run(field, [(4, 1, 0), (4, 1, 0)])
assert mine != 8, "field(): two filters of 4 see 7 dots, not 8: the four windows below overlap."
assert mine == 7, f"field(): two filters of 4, stride 1: four windows of 4, each one dot further, see 7, not {mine}."
mine = run(field, [(4, 2, 0), (4, 1, 0)])
assert mine != 7, (
    "field(): first a filter of stride 2, then one of stride 1: yours sees 7, as if both had stride 1. Does the stride "
    "come in, and do you begin with the last filter?"
)
assert mine == 10, f"field(): four windows of 4, each *two* dots further: 4 + 2 + 2 + 2 = 10, not {mine}."
mine = run(field, [(3, 1, 1), (2, 2, 0)])
assert mine == 4, f"field(): two windows of 3, side by side (their stride is 1), see 4 dots, not {mine}."
for layers, wanted in zip((1, 2, 3, 4, 5), (16, 34, 70, 142, 286), strict=True):
    assert tc.receptive_field(PatchDiscriminator(1, layers, base_width=1)) == (wanted, wanted)
    mine = run(field, judge_of(layers))
    assert mine == wanted, f"field(): with {layers} of stride 2 a vote sees {wanted} dots, not {mine}."
votes = run(votes_a_side, 256, judge_of(3))
print(
    f"Right. The paper's judge gives {votes}x{votes} votes on 256x256 dots, and each sees {run(field, judge_of(3))}x70."
)
