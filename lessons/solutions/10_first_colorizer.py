# %% [markdown]
# # Solution 10: the step of a colorizer, and what it will answer
#
# 1. `learn(net, optimizer, lab, loss_function)` lets a colorizer learn from one batch of pictures in L*a*b*. Split the
#    batch: L*, brought to -1 to 1, goes in; a* and b*, brought to -1 to 1, are wanted. Then the five lines of lesson 6,
#    with the loss function that you were given: forward, loss, zero_grad, backward, step. Return the loss.
# 2. `squared_answer(colours, shares)` foretells what it will answer where grey doesn't tell. There are several colours,
#    one a* and b* in each row of `colours`, and `shares` says how often each comes: 0.4 is four times in ten. Which
#    answer has the least squared error?
# 3. `absolute_answer(colours, shares)`: and which one has the least absolute error? Work out a* and b* each by itself.
#    (The least is always at the number of one of the colours. So you can try each of them, and see what it costs.)
#
# One way to do it.

# %%
import numpy as np

import tinycolor as tc
from tinycolor.data.lightness import ab_of
from tinycolor.data.scenes import draw_ambiguous


def learn(net, optimizer, lab, loss_function):
    """Learn from one batch of pictures L*a*b*, lab (N, H, W, 3), float32. Return the loss, one number."""
    x, target = lab[..., :1] / 50 - 1, lab[..., 1:] / 110
    y, backward = net(x)
    loss, dy = loss_function(y, target)
    net.zero_grad()
    backward(dy)
    optimizer.step()
    return loss


def squared_answer(colours, shares):
    """Return the a*b* (2,) with the least squared error, for colours (K, 2) that come with shares (K,), in all 1."""
    return shares @ colours


def absolute_answer(colours, shares):
    """Return the a*b* (2,) with the least absolute error, for colours (K, 2) that come with shares (K,), in all 1."""
    answer = []
    for channel in colours.T:
        costs = [(shares * abs(candidate - channel)).sum() for candidate in channel]
        answer.append(channel[np.argmin(costs)])
    return np.array(answer)


# %% The check: do not change anything below this line
HINTS = {
    "backward was already called": "learn is one step: is there a loop in it, or a second backward?",
    "was changed between": "step() comes last: backward still needs the weights as they were.",
    "no attribute 'backward'": "The loss is a plain number here: call the backward that the network gave you.",
    "no attribute 'zero_grad'": "zero_grad belongs to the network: net.zero_grad().",
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np and tc.",
    "used as indices": "split_photo is for photos in RGB. Here you have L*a*b* already: cut it up yourself.",
    "read-only": "Nobody writes into what was given: make a new array, such as lab[..., :1] / 50 - 1.",
    "broadcast": "Print both shapes. One a* and b* in each row of colours, (K, 2); one share for each row, (K,).",
    "matmul": "Print both shapes. In (K,) @ (K, 2) the two K meet.",
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
        general = "Print the shapes on the line before. net and loss_function each hand you two things."
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), general)
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert answer is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert answer is not None, f"{name}() returned None: does it end with `return`?"
    return answer


# 1. One batch, looked at closely: what does the network get, and what is it compared with? Before it every gradient is
# set to 1, as if an earlier batch had left it there.
class Watched:
    """A network that looks at what it is given."""

    def __init__(self, net, wanted):
        self.net, self.wanted = net, wanted

    def __call__(self, x):
        shape, wanted = np.shape(x), self.wanted
        assert shape != wanted.shape[:3], (
            f"The network got {shape}: lab[..., 0] drops the last axis, lab[..., :1] keeps it."
        )
        assert shape != (*wanted.shape[:3], 3), (
            "The network got L*, a* and b*: give away the answer, and it learns nothing."
        )
        assert shape == wanted.shape, f"The network should get L* alone, {wanted.shape}; it got {shape}."
        assert not np.allclose(x, 50 * (wanted + 1)), "The network got L* as it is, 0 to 100. Bring it to -1 to 1."
        assert not np.allclose(x, (wanted + 1) / 2), (
            "The network got L* as 0 to 1. The lesson's is L* / 50 - 1: -1 to 1."
        )
        assert np.allclose(x, wanted, atol=1e-5), (
            f"Upper left, the network should get {wanted[0, 0, 0, 0]:.3f}; it got {x[0, 0, 0, 0]:.3f}. L* is the first "
            "of the three channels; -1 to 1 is L* / 50 - 1."
        )
        return self.net(x)

    def zero_grad(self):
        self.net.zero_grad()


def watched_loss(y, target):
    """Return the squared error, after a look at what it is given."""
    assert not np.allclose(y, wanted_ab, atol=1e-5), (
        "The loss got them in the wrong order: first y, then what is wanted."
    )
    assert np.shape(target) == wanted_ab.shape, (
        f"What is wanted has the shape {wanted_ab.shape}, a* and b*; yours is {np.shape(target)}: lab[..., 1:]."
    )
    assert not np.allclose(target, 110 * wanted_ab), "a* and b* were wanted as they are. Divide them by 110."
    assert np.allclose(target, wanted_ab, atol=1e-5), (
        f"Upper left, a* and b* should be wanted as {wanted_ab[0, 0, 0].round(3)}; yours are "
        f"{target[0, 0, 0].round(3)}. They are the last two of the three channels, divided by 110."
    )
    asked.append(1)
    return tc.losses.mse(y, target)


def new_net():
    """Return a small colorizer, always with the same first weights."""
    return tc.networks.ColorUNet(widths=(8,), size=24, seed=10)


lab = draw_ambiguous(4, 24, tc.Generator(10)).lab
wanted_x, wanted_ab = lab[..., :1] * 0.02 - 1, lab[..., 1:] * (1 / np.float32(110))
net, twin, asked = new_net(), new_net(), []
optimizer = tc.optim.SGD(net.parameters(), learning_rate=0.1)
optimizer.grad[...] = 1
before = optimizer.data.copy()
loss = run(learn, Watched(net, wanted_x), optimizer, lab, watched_loss)
assert asked, "learn() did not use the loss_function that it was given. The next lines will give it two different ones."
moved, gradients = optimizer.data - before, optimizer.grad
y, way_back = twin(wanted_x)
wanted_loss, dy = tc.losses.mse(y, wanted_ab)
way_back(dy)
wanted = np.concatenate([parameter.grad.ravel() for parameter in twin.parameters()])
assert not isinstance(loss, tuple), (
    "learn() returned several things. loss_function gives you two: return the loss alone."
)
assert not np.all(gradients == 1), "The gradients are those from before your lines. Was backward(dy) called?"
assert optimizer.steps <= 1, f"learn() is one step, but step() was called {optimizer.steps} times."
assert not np.allclose(gradients, wanted + 1, atol=1e-4), (
    "Your gradients are those of this batch plus what was there before: backward only ever adds. Which line forgets?"
)
assert moved.any() or gradients.any(), (
    "Every gradient is 0, and no weight has moved. Either backward(dy) was not called, or zero_grad() came after it, "
    "and wiped out what it had brought."
)
assert moved.any(), "No weight has moved. Which of the five lines moves them? Does it end in ()?"
right_order = np.allclose(moved, -0.1 * wanted, atol=1e-4)
assert right_order or not np.allclose(moved, -0.1 * (wanted + 1), atol=1e-4), (
    "This step went by what an earlier batch had left, too: zero_grad() came after it. That does only if nothing is "
    "left when you begin. Clear before backward(dy)."
)
assert right_order or not np.allclose(moved, -0.1, atol=1e-4), (
    "step() came before backward(dy), and went by the gradients of an earlier batch."
)
assert right_order, (
    "The weights moved, but not by this batch's gradients. It is forward, loss, zero_grad, backward, step, once each."
)
assert np.ndim(loss) == 0, f"learn() should return one number, the loss; yours has the shape {np.shape(loss)}."
assert np.isclose(loss, wanted_loss), (
    f"The loss of this batch, before the step, is {wanted_loss:.4f}; yours: {loss:.4f}."
)

# 2 and 3. Against all answers there are, from -110 to 110 in steps of 1.
answers = np.arange(-110, 111.0)
SHADES = np.array([[62.0, 42], [-40, 44], [10, -50]])
tests = [
    (SHADES[:2], np.array([0.7, 0.3])),
    (SHADES[:2], np.array([0.2, 0.8])),
    (SHADES, np.array([0.4, 0.35, 0.25])),
    (np.array([[10.0, 90], [-20, 60], [70, -30], [0, 0]]), np.array([0.1, 0.2, 0.3, 0.4])),
]
for colours, shares in tests:
    off = abs(answers[:, None, None] - colours)  # (221, K, 2): how far each answer is from each colour
    for function, power in ((squared_answer, 2), (absolute_answer, 1)):
        name = function.__name__
        mine = np.asarray(run(function, colours.copy(), shares.copy()))
        told = f"For colours {colours.tolist()} with shares {shares.tolist()}"
        middle = "It has less than half. Look at a* alone, and then at b* alone: where is the middle?"
        hint = "The others pull too, and the farther away, the harder." if power == 2 else middle
        assert mine.shape != (len(colours),) or len(colours) == 2, (
            f"{told} {name}() gave {mine.shape}: one number for each colour. It is the colours that are to become one."
        )
        assert mine.shape == (2,), f"{name}() should return one a* and one b*, the shape (2,); yours is {mine.shape}."
        plain = colours.mean(0) if power == 2 else np.median(colours, 0)
        costs = (shares[:, None] * off**power).sum(1)  # (221, 2)
        best = answers[costs.argmin(0)]
        right = np.allclose(mine, best, atol=0.51)
        assert right or not np.allclose(mine, plain), f"{told} {name}() gave {mine}: as if all came equally often."
        assert right or not np.allclose(mine, colours[shares.argmax()]), (
            f"{told} {name}() gave {mine}, the commonest colour. Near {best} the error is less. {hint}"
        )
        assert right, (
            f"{told} {name}() gave {mine.round(1)}, but near {best} the error is less. Each row has one share."
        )
exact = run(squared_answer, *tests[2])
assert np.allclose(exact, [13.3, 19.7]), f"squared_answer() is near, but not exact: {exact}. No rounding, no trying."


# And now for real: apples in three colours, and your step, 100 times with each error.
def apples(step):
    """Return 64 apples (64, 24, 24, 3) in L*a*b*, each in one of the three colours, and which dots are apple."""
    lab, apple, _ = draw_ambiguous(64, 24, tc.Generator(10, epoch=1, step=step))
    chance = tc.Generator(10, epoch=2, step=step).uniform((64,))
    colour = SHADES[np.searchsorted([0.4, 0.75], chance)]  # up to 0.4 the first, up to 0.75 the second
    lab[..., 1:] = np.where(apple[..., None], colour[:, None, None], lab[..., 1:])
    return lab, apple


exam, apple = apples(1000)
inside = apple & np.all([np.roll(apple, way, axis) for way in (1, -1) for axis in (1, 2)], 0)
for loss_function, function in ((tc.losses.mse, squared_answer), (tc.losses.l1, absolute_answer)):
    net = new_net()
    optimizer = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(2e-2, 100))
    for step in range(100):
        run(learn, net, optimizer, apples(step)[0], loss_function)
    answered = ab_of(net.predict(exam[..., :1] / 50 - 1))[inside].mean(0)
    foretold = np.asarray(function(*tests[2]))
    print(f"{loss_function.__name__:3}: you foretold {foretold.round(1)}, the network answers {answered.round(1)}")
    assert abs(answered - foretold).max() < 8, "Both were right alone. Does learn() keep something from batch to batch?"
print("Right. With three colours even the absolute error ends at one that no apple has: a* of one, and b* of another.")
