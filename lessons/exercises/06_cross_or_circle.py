# %% [markdown]
# # Exercise 6: the five lines
#
# `learn(net, optimizer, x, target)` lets a network learn from one batch: drawings x (N, 12, 12, 1) and the votes that
# they should get, target (N, 2). It is called once for each batch and does the five lines of lesson 6:
#
# 1. forward: let the network vote, and keep the function that goes back;
# 2. loss: `tc.losses.bce` says how wrong the votes are, and which way each should have gone;
# 3. zero_grad: forget the gradients of the batch before;
# 4. backward;
# 5. step.
#
# No loop here: the check calls `learn` again and again.
#
# Write the five lines, return the loss instead of the `...`, and run this file. It checks itself.

# %%
import numpy as np

import tinycolor as tc
from tinycolor.data.shapes import draw


def learn(net, optimizer, x, target):
    """Learn from one batch: forward, loss, zero_grad, backward, step. Return the loss, one number."""
    return ...


# %% The check: do not change anything below this line
def new_net():
    """Return a small network for drawings of 12 x 12, always with the same first weights."""
    layers = [tc.Conv2d(1, 8, 5), tc.ReLU(), tc.MaxPool2d(2), tc.Flatten(), tc.Linear(4 * 4 * 8, 2), tc.Sigmoid()]
    net = tc.Sequential(*layers)
    tc.init.he_normal(net, tc.Generator(6))
    return net


HINTS = {
    "no attribute 'zero_grad'": "zero_grad belongs to the network: net.zero_grad().",
    "no attribute 'backward'": "The loss is a plain number here: call the backward that the network gave you.",
    "backward was already called": "learn is one step: is there a loop in it, or a second backward?",
}


def run(net, optimizer, x, target):
    """Call learn; if it stops with an error, say what to look at."""
    try:
        loss = learn(net, optimizer, x, target)
    except (AttributeError, NameError, RuntimeError, TypeError, ValueError) as error:
        general = (
            "Forward and loss each hand you two things: y, backward = net(x), and loss, dy = tc.losses.bce(y, target). "
            "It is dy that goes into backward. step comes last: it moves the weights that backward still needs."
        )
        if isinstance(error, NameError):
            general = "learn knows only its four inputs, np and tc: write tc.losses.bce, and return loss."
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), general)
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"learn() stopped{where}: {error}\n{hint}") from None
    assert loss is not ..., "learn() still returns `...`: write the five lines above it, and return the loss."
    assert loss is not None, "learn() returned None: its last line should be `return loss`."
    assert not isinstance(loss, tuple), "learn() returned several things. bce gives you two: return the loss alone."
    assert np.ndim(loss) == 0, f"learn() should return one number, the loss; yours has the shape {np.shape(loss)}."
    return loss


# One batch, looked at closely. Before it, every gradient is set to 1, as if an earlier batch had left it there. What
# should come out is worked out beside it, on a twin of the network: one forward, one backward, nothing before.
x, target = draw(8, 12, tc.Generator(6, epoch=0))
net, twin = new_net(), new_net()
optimizer = tc.optim.SGD(net.parameters(), learning_rate=0.1)
optimizer.grad[...] = 1
before = optimizer.data.copy()
loss = run(net, optimizer, x, target)
assert net.parameters()[0].data.base is optimizer.data, "learn() made an optimizer. Use the one you were given."
assert optimizer.steps <= 1, f"learn is one step: is there a loop in it? step() was called {optimizer.steps} times."
moved = optimizer.data - before
votes, way_back = twin(x)
wanted_loss, dy = tc.losses.bce(votes, target)
way_back(dy)
wanted = np.concatenate([parameter.grad.ravel() for parameter in twin.parameters()])
gradients = optimizer.grad

if np.all(gradients == 1):
    assert np.all(moved == 0), (
        "The gradients are those from before your lines, and the weights moved by them. Was backward(dy) ever called?"
    )
    raise AssertionError(
        "Nothing happened: no gradient came, no weight moved. Were backward(dy) and step() called? Do they end in ()?"
    )
if np.all(gradients == 0):
    assert not np.allclose(moved, -0.1 * (wanted + 1), atol=1e-5), (
        "zero_grad() came after step(), so the first step went by what an earlier batch had left. Clear first."
    )
    assert not np.allclose(moved, -0.1, atol=1e-5), "step() came first: it went by the gradients of an earlier batch."
    raise AssertionError(
        "After your lines every gradient is 0. Either backward(dy) was never called, or zero_grad() came after it and "
        "wiped out what it brought. Clear before backward, never between backward and step."
    )
assert not np.allclose(gradients, wanted + 1, atol=1e-5), (
    "Your gradients are those of one backward plus what was there before. backward only ever adds: with every batch "
    "the old blame piles up. Which line forgets it, where does it go, and does it end in ()?"
)
assert not np.allclose(moved, -0.1, atol=1e-5), (
    "step() went by the gradients of an earlier batch: it came before backward(dy). Backward finds out which way the "
    "weights should move; only then move them."
)
assert np.allclose(gradients, wanted, atol=1e-5), (
    f"Your gradients are not those of this batch: the first is {gradients[0]:.5f}, expected {wanted[0]:.5f}. What goes "
    "into backward is the dy of tc.losses.bce(y, target): votes first, then what they should be, in this order."
)
assert np.any(moved != 0), (
    "The gradients are right, but no weight has moved. Which line moves the weights? Does it end in ()?"
)
assert np.allclose(moved, -0.1 * wanted, atol=1e-5), (
    "The gradients are right, but the weights moved by something else. One step for each batch, after its backward."
)
assert np.isclose(loss, wanted_loss), (
    f"The loss of this batch, before the step, is {wanted_loss:.4f}; you returned {float(loss):.4f}."
)

# And now for real.
net = new_net()
optimizer = tc.optim.Adam(net.parameters(), learning_rate=3e-3)
for step in range(150):
    run(net, optimizer, *draw(32, 12, tc.Generator(6, epoch=1, step=step)))
exam, answers = draw(1000, 12, tc.Generator(6, epoch=2))
accuracy = (net.predict(exam).argmax(1) == answers.argmax(1)).mean()
assert accuracy > 0.95, (
    f"One batch went well, but after 150 only {accuracy:.1%} of 1,000 unseen drawings are right. Do all five lines "
    "happen every time, with the x and target of that call?"
)
print(f"Right. After 150 batches of your five lines it names {accuracy:.1%} of 1,000 drawings that it never saw.")
