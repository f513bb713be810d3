# %% [markdown]
# # Solution 16: the best judge, and a step of the game
#
# 1. `best_answer(p, q, times)`: the real ones lie with density p, the fakes with density q. In the lesson a judge saw
#    as many fakes as real ones. This one sees `times` as many: with `times` 3, three fakes for each real one. What is
#    the best that it can say? (Count who comes by. With `times` 1 it is the lesson's.)
# 2. `play(generator, judge, generator_optimizer, judge_optimizer, noise, real)`: one step of the game, as in the
#    lesson. Make fakes of the noise. First the judge learns: real is 1, fake is 0. Call it once for each, and let it
#    make one step by both. Then the generator learns through the judge as it is now, and frozen: the same fakes, and
#    the loss -log(D), `tc.losses.non_saturating`. Whatever gradients were there before are not to count. Return two
#    losses: the judge's (real and fake, added) and the generator's.
#
# One way to do it.

# %%
import numpy as np

import tinycolor as tc
from tinycolor.training.adversarial import Duel


def best_answer(p, q, times):
    """Return the best D, 0 to 1, for densities p (N,) and q (N,), if there are `times` fakes for each real one."""
    return p / (p + times * q)


def play(generator, judge, generator_optimizer, judge_optimizer, noise, real):
    """Play one step; noise (N, K) for the generator, real (N, M). Return the judge's loss, and the generator's."""
    fake, generator_backward = generator(noise)

    real_scores, real_backward = judge(real)
    fake_scores, fake_backward = judge(fake)
    real_loss, dreal = tc.losses.bce_with_logits(real_scores, np.ones_like(real_scores))
    fake_loss, dfake = tc.losses.bce_with_logits(fake_scores, np.zeros_like(fake_scores))
    judge.zero_grad()
    real_backward(dreal)
    fake_backward(dfake)
    judge_optimizer.step()

    with tc.frozen(judge):
        scores, judge_backward = judge(fake)
    loss, dscores = tc.losses.non_saturating(scores)
    generator.zero_grad()
    generator_backward(judge_backward(dscores))
    generator_optimizer.step()
    return real_loss + fake_loss, loss


# %% The check: do not change anything below this line
HINTS = {
    "backward was already called": "Each way back works once. The generator needs a new call of the judge.",
    "was changed between": "A backward was called after the step() of its network. Go back first, then step. (The "
    "generator's way back leads through a call of the judge that was made after the judge's step.)",
    "to unpack": "A network hands you two things, y and its backward; a loss does too, the loss and a gradient.",
    "'tuple'": "A network hands you two things, y and its backward; a loss does too, the loss and a gradient.",
    "predict": "predict remembers nothing for the way back: call the network itself.",
    "and a target of": "The target has the shape and dtype of the scores: np.ones_like(scores), np.zeros_like(scores).",
    "np.asarray": "The target has the shape and dtype of the scores: np.ones_like(scores), np.zeros_like(scores).",
    "no attribute 'zero_grad'": "zero_grad belongs to the networks, step to the optimizers.",
    "no attribute 'step'": "zero_grad belongs to the networks, step to the optimizers.",
    "backward got": "Which gradient goes into which backward? The one that the loss of *these* scores gave.",
    "local variable": "That name gets its value further down, or never: which line makes it?",
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np and tc.",
    "positional argument": "Compare the call with the lesson's: is something missing in its brackets?",
    "read-only": "Nobody writes into what was given: make a new array.",
    "got x of shape": "The noise goes into the generator. Into the judge go the fakes, and the real ones.",
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


def close(a, b):
    """Say whether two arrays agree."""
    return np.allclose(a, b, atol=1e-5)


# 1. Against a count: real numbers and fakes are drawn, sorted into narrow boxes, and the share of real ones is taken.
P, Q = np.array([0.6, 0.3, 0.1, 0.02]), np.array([0.1, 0.3, 0.4, 0.5])
mine = run(best_answer, P.copy(), Q.copy(), 1)
assert np.shape(mine) == (4,), f"best_answer() should say one number for each place, (4,); yours is {np.shape(mine)}."
told = f"For p {P.tolist()} and q {Q.tolist()}, as many of each, best_answer() says {np.round(mine, 3).tolist()}."
assert not np.allclose(mine, [1 / 7, 1 / 2, 4 / 5, 25 / 26]), f"{told} That is how likely a *fake* is. D is for real."
assert np.max(mine) <= 1, f"{told} A share is never above 1: divide by all who come by, not by the fakes alone."
assert np.isclose(mine[1], 0.5), f"{told} Where p and q are equal, nobody can know: 1/2."
assert np.allclose(mine, [6 / 7, 1 / 2, 1 / 5, 1 / 26]), (
    f"{told} At the first place 6 real ones come by for each fake: 6 of 7 are real."
)
rng, edges = tc.Generator(16), np.linspace(-2, 2, 21)
counts = [np.histogram(rng.normal((n,), m, s), edges)[0] for n, m, s in ((10**5, 1, 0.6), (3 * 10**5, -1, 0.8))]
middles = (edges[1:] + edges[:-1]) / 2
bells = [np.exp(-(((middles - m) / s) ** 2) / 2) / s for m, s in ((1, 0.6), (-1, 0.8))]
mine = run(best_answer, *bells, 3)
share = counts[0] / (counts[0] + counts[1])
assert not np.allclose(mine, run(best_answer, *bells, 1)), (
    "best_answer() says the same for 1 fake and for 3. Use times."
)
assert np.allclose(mine, share, atol=0.03), (
    f"best_answer() with three fakes for each real one says {mine[9]:.2f} at {middles[9]:.1f}. Counted, {share[9]:.0%} "
    "of those who come by there are real. Which of the two piles is three times as large?"
)


# 2. One step, looked at closely. Before it every gradient is 1, as if an earlier step had left it there.
class Watched:
    """A network that notes what it is given, whether it is frozen, and what its weights are."""

    def __init__(self, net, optimizer):
        self.net, self.optimizer, self.calls = net, optimizer, []

    def __call__(self, x):
        assert not isinstance(x, tuple), f"play() gave a tuple to a network. {HINTS['to unpack']}"
        frozen = any(parameter.freezes for parameter in self.net.parameters())
        self.calls.append((np.array(x), frozen, self.optimizer.data.copy()))
        return self.net(x)

    def __getattr__(self, name):
        assert name != "predict", f"play() stopped. {HINTS['predict']}"
        return getattr(self.net, name)


def new_players():
    """Return a generator, a judge, and an optimizer for each; always with the same first weights."""
    generator = tc.Sequential(tc.Linear(2, 4), tc.Tanh(), tc.Linear(4, 3))
    judge = tc.Sequential(tc.Linear(3, 6), tc.Tanh(), tc.Linear(6, 1))
    for seed, net in enumerate((generator, judge)):
        tc.init.he_normal(net, tc.Generator(seed))
    return generator, judge, *(tc.optim.SGD(net.parameters(), learning_rate=0.1) for net in (generator, judge))


noise, real = tc.Generator(16, epoch=1).normal((8, 2)), tc.Generator(16, epoch=2).normal((8, 3), mean=1)
generator, judge, generator_optimizer, judge_optimizer = new_players()
before = [optimizer.data.copy() for optimizer in (generator_optimizer, judge_optimizer)]
for optimizer in (generator_optimizer, judge_optimizer):
    optimizer.grad[...] = 1
watched_generator, watched = Watched(generator, generator_optimizer), Watched(judge, judge_optimizer)
answer = run(play, watched_generator, watched, generator_optimizer, judge_optimizer, noise, real)
twins = new_players()
fake = twins[0].predict(noise)
figures = Duel(*twins).step((), (noise,), real)  # the library's own step
moves = [optimizer.data - data for optimizer, data in zip((generator_optimizer, judge_optimizer), before, strict=True)]
wanted_moves = [optimizer.data - data for optimizer, data in zip(twins[2:], before, strict=True)]

assert watched_generator.calls, "play() never called the generator: the fakes are what it makes of the noise."
assert close(watched_generator.calls[0][0], noise), "The generator should be given the noise, and nothing else."
assert watched.calls, "play() never called the judge."
names = [
    "real" if x.shape == real.shape and close(x, real) else "fake" if x.shape == fake.shape and close(x, fake) else "?"
    for x, _, _ in watched.calls
]
frozen = [is_frozen for _, is_frozen, _ in watched.calls]
still = [close(data, before[1]) for _, _, data in watched.calls]
assert not any(len(x) == 16 for x, _, _ in watched.calls), (
    "The judge got real ones and fakes in one pile. Then the loss is a mean over both; we want one call for each."
)
assert "?" not in names, f"Call {names.index('?') + 1} of the judge got neither the fakes nor the real ones."
assert not all(frozen), (
    "The judge was frozen all the time, and learned nothing. It is frozen while the generator learns."
)
assert sorted(names) == ["fake", "fake", "real"], (
    f"The judge was called with {', '.join(names)}. It learns from real and fake; then, once it has made its step, it "
    "is called with the fakes again, for the generator."
)
assert frozen != [True, True, False], "The judge was frozen while it should learn, and not while the generator learned."
assert [names[-1], frozen[0]] == ["fake", False], (
    "The generator's turn came first, or in between. First the judge learns from both, and makes its step."
)
wiped = "zero_grad() after backward wipes out what it has brought; and was every backward called?"
assert moves[1].any() or not judge_optimizer.steps, f"The judge made its step, and did not move: {wiped}"
assert not still[-1], (
    "The generator learned through the judge as it was before: judge_optimizer.step() comes before the last call."
)
assert all(still[:2]), "The judge makes one step by real and fake together. Yours had moved before it saw both."
assert frozen[-1], (
    "The last call of the judge wasn't inside `with tc.frozen(judge):`. So the generator's way back has filled in "
    "gradients of the judge, which would teach it to call fakes real."
)
assert not any(frozen[:2]), "The judge was frozen while it should learn. Only the last call is inside `with tc.frozen`."


def judge_move(real_is, fake_is):
    """Return how the judge would move, if it were taught these answers; None: not taught at all."""
    _, twin, _, optimizer = new_players()
    for x, wanted in ((real, real_is), (fake, fake_is)):
        if wanted is not None:
            scores, backward = twin(x)
            backward(tc.losses.bce_with_logits(scores, np.full_like(scores, wanted))[1])
    return -0.1 * optimizer.grad


assert judge_optimizer.steps == 1, f"judge_optimizer.step() should be called once, not {judge_optimizer.steps} times."
assert not close(moves[1], wanted_moves[1] - 0.1), (
    "The judge moved by what an earlier step had left, too: backward only adds. judge.zero_grad() comes before both."
)
assert not close(moves[1], -0.1), "judge_optimizer.step() came before the judge's backward: it went by old gradients."
likely = {
    (0, 1): "The judge was taught the wrong way round: real is 1, fake is 0.",
    (1, 1): "The judge was taught that all are real. For fakes 0 is wanted.",
    (0, 0): "The judge was taught that all are fake. For real ones 1 is wanted.",
    (1, None): "The judge learned from the real ones only. Was the other backward called, and zero_grad() before both?",
    (None, 0): "The judge learned from the fakes only. Was the other backward called, and zero_grad() before both?",
}
for wanted, advice in likely.items():
    assert not close(moves[1], judge_move(*wanted)), advice
assert close(moves[1], wanted_moves[1]), (
    "The judge moved, but not by the two gradients that bce_with_logits gives, for real (1) and for fake (0)."
)

assert generator_optimizer.steps == 1, (
    f"generator_optimizer.step() should be called once, not {generator_optimizer.steps} times."
)
assert not close(moves[0], wanted_moves[0] - 0.1), (
    "The generator moved by what an earlier step had left, too: which line forgets, and does it come before backward?"
)
assert not close(moves[0], -0.1), "generator_optimizer.step() came before its backward: it went by old gradients."
assert moves[0].any(), f"The generator made its step, and did not move: {wiped}"
assert (moves[0] * wanted_moves[0]).sum() > 0, (
    "The generator moved the wrong way: its fakes look *less* real to the judge now. The gradient of the judge's own "
    "loss is not for it; the generator's loss wants its fakes to be called real."
)
assert close(moves[0], wanted_moves[0]), (
    "The generator moved the right way, but not by the right amount. Its loss is tc.losses.non_saturating of the last "
    "scores; the gradient goes back through the judge, and then through the generator."
)
assert isinstance(answer, tuple | list), "play() should return two losses, the judge's and the generator's."
assert len(answer) == 2, f"play() should return two losses, the judge's and the generator's, not {len(answer)} things."
mine = [float(np.sum(loss)) for loss in answer]
wanted = figures["discriminator"], figures["loss"]
told = f"play() returned {mine[0]:.4f} and {mine[1]:.4f}."
assert all(np.ndim(loss) == 0 for loss in answer), "play() should return two numbers. A gradient is no loss."
assert not close(mine, wanted[::-1]), f"{told} The judge's loss comes first, then the generator's."
assert close(mine[0], wanted[0]), (
    f"{told} The judge's is its loss on real plus its loss on fakes, {wanted[0]:.4f} here."
)
assert close(mine[1], wanted[1]), (
    f"{told} The generator's loss is {wanted[1]:.4f} here, from the last call of the judge."
)

# And now the whole game, with the generator of one weight and one bias.
generator, judge = (
    tc.Linear(1, 1),
    tc.Sequential(tc.Linear(1, 16), tc.Tanh(), tc.Linear(16, 16), tc.Tanh(), tc.Linear(16, 1)),
)
generator.weight.data[:], generator.bias.data[:] = 0.8, -1
tc.init.he_normal(judge, tc.Generator(16))
plan = tc.optim.linear_decay(5e-3, 300, 300)
optimizers = [tc.optim.Adam(net.parameters(), plan, betas=(0.5, 0.999)) for net in (generator, judge)]
rng = tc.Generator(16, epoch=3)
reals, noises = rng.normal((600, 128, 1), mean=1, std=0.6), rng.normal((600, 128, 1))
losses = [play(generator, judge, *optimizers, z, x) for z, x in zip(noises, reals, strict=True)]
mean, spread = generator.bias.data.item(), abs(generator.weight.data.item())
of_judge, of_generator = np.mean(losses[-100:], axis=0)
print(f"fakes: mean {mean:.2f}, spread {spread:.2f}; real: 1 and 0.6. Losses {of_judge:.3f} and {of_generator:.3f}")
assert np.allclose([mean, spread], [1, 0.6], atol=0.2), "Right once, but not 600 times. Is anything kept between calls?"
print(
    "Right. Your generator has never seen a real number, and makes numbers like them. The losses are those of a draw."
)
