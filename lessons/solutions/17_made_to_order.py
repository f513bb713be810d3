# %% [markdown]
# # Solution 17: what each player learns from a batch, label included
#
# 1. `one_hot(kinds, count)`: for kinds such as 2, 0, 1 return one row each, with a 1 at the place of the kind and 0
#    elsewhere, as float32. `np.eye(count)` is a table of zeros with ones on its diagonal.
# 2. `beside(label, numbers)`: join the two end to end, row by row, the label first.
# 3. `judge_learns(judge, label, real, fake)`: this judge takes *one* array, label and picture joined. Forget its old
#    gradients. With these labels the real pictures should be 1, the fake ones 0. Gather the gradients of both
#    (`tc.losses.bce_with_logits`), and return the sum of the two losses. Move no weight: we do that.
# 4. `generator_learns(judge, label, fake)`: the generator wants its fakes to be called real with this label
#    (`tc.losses.non_saturating`). Return the loss, and the gradient for the *fake pictures alone*. Leave the gradients
#    of the judge's weights as they are: call it inside `with tc.frozen(judge):`.
#
# One way to do it.

# %%
import numpy as np

import tinycolor as tc


def one_hot(kinds, count):
    """Return labels (N, count), float32, 0 or 1, for kinds (N,), whole numbers from 0 to count - 1."""
    return np.eye(count, dtype=np.float32)[kinds]


def beside(label, numbers):
    """Return (N, K + M) from a label (N, K) and other numbers (N, M), noise or a picture."""
    return np.concatenate([label, numbers], axis=1)


def judge_learns(judge, label, real, fake):
    """Gather the gradients of one batch in the judge, real and fake (N, M). Return the loss, one number."""
    real_scores, real_backward = judge(beside(label, real))
    fake_scores, fake_backward = judge(beside(label, fake))
    real_loss, dreal = tc.losses.bce_with_logits(real_scores, np.ones_like(real_scores))
    fake_loss, dfake = tc.losses.bce_with_logits(fake_scores, np.zeros_like(fake_scores))
    judge.zero_grad()
    real_backward(dreal)
    fake_backward(dfake)
    return real_loss + fake_loss


def generator_learns(judge, label, fake):
    """Return the generator's loss, one number, and the gradient (N, M) that goes back into it, for fake (N, M)."""
    with tc.frozen(judge):
        scores, backward = judge(beside(label, fake))
    loss, dscores = tc.losses.non_saturating(scores)
    return loss, backward(dscores)[:, label.shape[1] :]


# %% The check: do not change anything below this line
HINTS = {
    "Linear": "The judge takes one array, (N, K + M): beside(label, pictures).",
    "takes": "That was given too much. NumPy joins a list: np.hstack([a, b]). non_saturating takes the scores alone.",
    "backward was already called": "Each call of the judge hands you its own backward. Use each once.",
    "multiple values": "np.concatenate takes a list of arrays, and then the axis: np.concatenate([a, b], axis=...).",
    "values to unpack": "A network hands you two things, and so does a loss; a backward here just one.",
    "has no attribute 'backward'": "The backward is what the judge handed you beside its scores.",
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np and tc.",
    "read-only": "Nobody writes into what was given: make a new array.",
    "out of bounds": "np.eye(count) has the rows 0 to count - 1. An array of kinds in [ ] picks one row for each.",
    "scalar index": "np.eye takes the count alone; np.concatenate a list of arrays: np.concatenate([a, b], axis=...).",
    "broadcast": "They are not to be added, but to be joined: np.concatenate([a, b], axis=...).",
    "backward got": "A backward takes what the loss said of the scores: the second of its two results.",
    "wrap it in": "What is wanted has the shape of the scores: np.ones_like(scores), np.zeros_like(scores).",
    "bce_with_logits": "What is wanted has the shape of the scores: np.ones_like(scores), np.zeros_like(scores).",
    "dimension": "Axis 0 is which picture. What is joined lies along axis 1.",
    "dtype": "Labels are float32, like all that goes into a network: np.eye(count, dtype=np.float32).",
}


def run(function, *given):
    """Call a function with arrays that cannot be changed; if it stops with an error, say what to look at."""
    name = function.__name__
    for array in given:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    try:
        answer = function(*given)
    except (AttributeError, IndexError, NameError, RuntimeError, TypeError, ValueError) as error:
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), "Print the shapes just before.")
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert answer is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert answer is not None, f"{name}() returned None: does it end with `return`?"
    return answer


# 1. Three kinds of five, so that no two sizes can be exchanged unseen.
KINDS = np.array([3, 0, 4])
mine = run(one_hot, KINDS.copy(), 5)
assert isinstance(mine, np.ndarray), f"one_hot() should return an array, not a {type(mine).__name__}."
assert mine.shape != (5, 3), "one_hot() returned (5, 3): that lies on its side. One row for each kind that was given."
assert mine.shape != (5, 5), "one_hot() returned the whole table (5, 5). Pick the rows of the kinds that were given."
assert mine.shape == (3, 5), f"Three kinds of five should give (3, 5); one_hot() returned {mine.shape}."
assert set(np.unique(mine)) <= {0, 1}, f"A label holds 0 and 1 only; yours holds {np.unique(mine)}."
assert (mine.sum(1) == 1).all(), "Each label should have exactly one 1."
assert mine.argmax(1).tolist() != [2, 4, 3], "Places are counted from 0: kind 0 has its 1 at place 0."
assert mine.argmax(1).tolist() == KINDS.tolist(), (
    f"Kinds 3, 0, 4 should have their 1 at places 3, 0, 4; yours have it at {mine.argmax(1).tolist()}."
)
assert mine.dtype == np.float32, f"Labels should be float32, as all our networks' numbers are; yours are {mine.dtype}."

# 2. Two rows; the label has 3 numbers, the others are 4.
LABEL = np.array([[0, 1, 0], [1, 0, 0]], np.float32)
NUMBERS = np.array([[5, 6, 7, 8], [9, 10, 11, 12]], np.float32)
mine = run(beside, LABEL.copy(), NUMBERS.copy())
assert np.shape(mine) == (2, 7), f"3 numbers beside 4 are 7 in each of 2 rows, (2, 7); beside() gave {np.shape(mine)}."
assert not np.array_equal(mine, np.hstack([NUMBERS, LABEL])), "beside() put the label last. It comes first."
wanted_row = [0, 1, 0, 5, 6, 7, 8]
assert list(mine[0]) == wanted_row, f"beside(): the first row should be {wanted_row}; yours is {list(mine[0])}."
assert np.array_equal(mine, np.hstack([LABEL, NUMBERS])), f"beside(): right in the first row; the second is {mine[1]}."

# 3. A small judge, in 64 bits: 3 numbers of a label and 4 dots. Its loss is worked out here by plain formulas,
# and its gradients by moving each weight a little to either side. Before your lines every gradient is 1, left over.
rng = tc.Generator(17)
real, fake = rng.normal((6, 4), dtype=np.float64), rng.normal((6, 4), dtype=np.float64) + 0.5
label = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1]] * 2, np.float64)
judge = tc.Sequential(tc.Linear(7, 5), tc.Tanh(), tc.Linear(5, 1)).astype("float64")
tc.init.he_normal(judge, tc.Generator(17, epoch=1))
weights = tc.optim.SGD(judge.parameters(), 0.1)  # it packs all of them in one row: .data and .grad


def answer_of(row, pictures):
    """Return the scores (6,) by hand, for all weights in one row."""
    first, first_bias, second, second_bias = row[:35].reshape(7, 5), row[35:40], row[40:45], row[45]
    return np.tanh(label @ first[:3] + pictures @ first[3:] + first_bias) @ second + second_bias


def slope(function, at):
    """Return how function(at) changes with each of the numbers in `at`, by moving each a little to either side."""
    slopes = np.zeros(at.size)
    for n in range(at.size):
        nudge = 1e-5 * (np.arange(at.size) == n).reshape(at.shape)
        slopes[n] = (function(at + nudge) - function(at - nudge)) / 2e-5
    return slopes.reshape(at.shape)


def cost(scores, wanted):
    """Return what answers cost, by the mean: -log(answer) where 1 is wanted, -log(1 - answer) where it is 0."""
    return np.log1p(np.exp(-scores if wanted else scores)).mean()


row = weights.data.copy()
of_real = slope(lambda at: cost(answer_of(at, real), 1), row)
of_fake = slope(lambda at: cost(answer_of(at, fake), 0), row)
real_as_fake = slope(lambda at: cost(answer_of(at, real), 0), row)
fake_as_real = slope(lambda at: cost(answer_of(at, fake), 1), row)
weights.grad[...] = 1
loss = run(judge_learns, judge, label.copy(), real.copy(), fake.copy())
mine = weights.grad.copy()
name = "judge_learns()"
assert not isinstance(loss, tuple), f"{name} should return one number, the sum of the two losses; yours gave several."
assert np.array_equal(weights.data, row), f"{name} moved weights. Gather the gradients only."
assert not np.all(mine == 1), f"{name}: the gradients are still those that were left over. Was a backward called?"
assert mine.any(), (
    f"{name}: every gradient is 0. zero_grad() wipes out what came before it: put it before the backwards."
)
likely = {
    "your gradients have those in them that were left over. Which line forgets?": of_real + of_fake + 1,
    "only the real pictures went back. Is fake's backward missing, or zero_grad() after it?": of_real,
    "only the fake pictures went back. Is real's backward missing, or zero_grad() after it?": of_fake,
    "real and fake are exchanged: real pictures should be 1, fake ones 0.": real_as_fake + fake_as_real,
    "real pictures should be 1, not 0.": real_as_fake + of_fake,
    "fake pictures should be 0, not 1.": of_real + fake_as_real,
    "that is half of it: add the two, don't take their mean.": (of_real + of_fake) / 2,
}
for advice, wrong in likely.items():
    assert not np.allclose(mine, wrong, atol=1e-6), f"{name}: {advice}"
n = abs(mine - of_real - of_fake).argmax()
assert np.allclose(mine, of_real + of_fake, atol=1e-6), (
    f"{name}: weight {n} should get {of_real[n]:.4f} from the real pictures and {of_fake[n]:.4f} from the fake ones; "
    f"it got {mine[n]:.4f} in all. Do both go in with the label, label first, and each back by its own backward?"
)
assert np.ndim(loss) == 0, f"{name} should return one number; yours has the shape {np.shape(loss)}."
costs = cost(answer_of(row, real), 1), cost(answer_of(row, fake), 0)
assert np.isclose(loss, sum(costs)), (
    f"{name}: the gradients are right. Real costs {costs[0]:.4f}, fake {costs[1]:.4f}; you returned {loss:.4f}."
)

# 4. And the way back into the generator.
weights.grad[...] = 1
given = run(generator_learns, judge, label.copy(), fake.copy())
name = "generator_learns()"
assert isinstance(given, tuple), f"{name} should return two things, the loss and the gradient: return loss, gradient"
assert len(given) == 2, f"{name} should return two things, the loss and the gradient; yours returned {len(given)}."
loss, mine = given
assert np.ndim(loss) == 0, f"{name}: the first of the two should be the loss, one number. Are they exchanged?"
assert np.all(weights.grad == 1), (
    f"{name} changed the judge's own gradients: they should stay as they are. Is it *called* inside "
    "`with tc.frozen(judge):`? And leave zero_grad alone."
)
assert np.shape(mine) != (6, 7), (
    f"{name} returned (6, 7): the gradient of what was joined. The first 3 belong to the label, which nobody moves."
)
assert np.shape(mine) != (6, 3), f"{name} returned the label's part, (6, 3). The fakes' is the rest."
assert np.shape(mine) == fake.shape, (
    f"{name}: the gradient should have the shape of fake, (6, 4), not {np.shape(mine)}."
)
wanted = slope(lambda at: cost(answer_of(row, at), 1), fake)
caught = slope(lambda at: cost(answer_of(row, at), 0), fake)
assert not np.allclose(mine, caught, atol=1e-6), (
    f"{name}: that way its fakes are called fake. It wants them to be called real: non_saturating(scores)."
)
assert not np.allclose(mine, -caught, atol=1e-6), (
    f"{name}: that is the other objective, minimax, which saturates. Take non_saturating(scores)."
)
assert np.allclose(mine, wanted, atol=1e-6), (
    f"{name}: for the first fake the gradient should be {wanted[0].round(4)}; yours is {mine[0].round(4)}. "
    "Label first, then the fake: is it the last 4 of the 7 columns? And is it what the loss gave you that goes back?"
)
expected = cost(answer_of(row, fake), 1)
assert np.isclose(loss, expected), f"{name}: the gradient is right, but the loss is {expected:.4f}, not {loss:.4f}."

# Other sizes: 2 kinds, 5 dots. With one layer the gradient is the weights of the dots, times (answer - 1) / N.
single = tc.Sequential(tc.Linear(2 + 5, 1))
tc.init.he_normal(single, tc.Generator(17))
two_kinds, five_dots = np.eye(2, dtype=np.float32)[[0, 1, 1]], tc.Generator(17, step=1).normal((3, 5))
_, mine = run(generator_learns, single, two_kinds.copy(), five_dots.copy())
answer = 1 / (1 + np.exp(-single.predict(np.hstack([two_kinds, five_dots]))))  # (3, 1)
assert np.shape(mine) == (3, 5), (
    f"{name}: with 2 kinds and 5 dots it gives {np.shape(mine)}. Is there a size in your code?"
)
assert np.allclose(mine, (answer - 1) / 3 * single[0].weight.data[2:, 0], atol=1e-6), (
    f"{name}: right for 3 kinds and 4 dots, but not for 2 kinds and 5. Is a size written as a number in your code?"
)

# And now for real: a deaf forger with three kinds of "pictures", 4 numbers each. All its pictures are perfect, but not
# what was asked for. Two judges learn with your lines; one gets zeros for a label.
KIND_OF_PICTURE = np.array([[2, 0, 0, 1], [0, 2, 0, -1], [0, 0, 2, 0]], np.float32)


def pictures_of(kinds, epoch, step=0):
    """Return pictures (N, 4) of the kinds (N,)."""
    return KIND_OF_PICTURE[kinds] + 0.2 * tc.Generator(17, epoch, step).normal((len(kinds), 4))


exam_kinds = np.arange(300) % 3
found = {}
for told in (0, 1):
    net = tc.Sequential(tc.Linear(3 + 4, 32), tc.ReLU(), tc.Linear(32, 1))
    tc.init.he_normal(net, tc.Generator(17))
    optimizer = tc.optim.Adam(net.parameters(), 1e-2)
    for step in range(200):
        kinds, others = tc.Generator(17, 2, step).integers(0, 3, (2, 128))
        labels = told * one_hot(kinds, 3)
        judge_learns(net, labels, pictures_of(kinds, 3, step), pictures_of(others, 4, step))
        optimizer.step()
    right, wrong = (
        (1 / (1 + np.exp(-net.predict(beside(told * one_hot(kinds, 3), pictures_of(exam_kinds, 5)))))).mean()
        for kinds in (exam_kinds, (exam_kinds + 1) % 3)
    )
    found[told] = right, wrong
    print(f"{'told' if told else 'not told'}: answers {right:.2f} with the right label, {wrong:.2f} with a wrong one")
assert abs(found[0][0] - found[0][1]) < 0.02, "A judge that gets zeros for a label should not tell labels apart."
assert abs(found[1][0] - 0.75) < 0.1, "Told, it should answer 1/(1 + 1/3) = 0.75. All was right alone: what is kept?"
assert found[1][1] < 0.1, "Told, it should call a picture with a wrong label fake. All was right alone: what is kept?"
print("Right. Real with the right label is 1/(1 + 1/3): one in three of the forger's is by chance what was asked for.")
