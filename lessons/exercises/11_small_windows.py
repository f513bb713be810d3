# %% [markdown]
# # Exercise 11: how far does it see, what does it cost, and a tower of your own
#
# 1. `field_and_step(layers)`: each layer is a pair of its window and its stride, say (3, 1) for a 3x3 and (2, 2) for a
#    pool. After all of them, how many dots does one number see, from left to right (the field)? And how many dots
#    farther on does its neighbour's field begin (the step)? Go from layer to layer, and keep both numbers up to date.
#    With no layer at all, a number sees one dot, and its neighbour the next one.
# 2. `count(inputs, outputs, window, side)`: how many weights has a convolution with so many channels in and out and
#    filters of `window` x `window`? And how many multiplications does it take for one picture, if its result is
#    `side` x `side`? Biases are weights too, but they are added, not multiplied.
# 3. `see_far()`: build a tower, a list of (3, 1) and (2, 2), that sees at least 100 dots with at most 10 layers. The
#    first is a window, and no pool comes right after another: somebody has to look before numbers are thrown away.
#
# Replace the three `...` and run this file. It checks itself.

# %%
from itertools import pairwise

import numpy as np

import tinycolor as tc
from tinycolor.networks.vgg import CHANNELS, CONVOLUTIONS


def field_and_step(layers):
    """Return the field and the step after all layers, two whole numbers; layers is a list of (window, stride)."""
    return ...


def count(inputs, outputs, window, side):
    """Return the number of weights, biases included, and the number of multiplications, two whole numbers."""
    return ...


def see_far():
    """Return a list of at most 10 layers, each (3, 1) or (2, 2), whose field is at least 100 dots."""
    return ...


# %% The check: do not change anything below this line
HINTS = {
    "unpack": "A layer is a pair: for window, stride in layers.",
    "unsupported operand": "A layer is a pair: take it apart first, for window, stride in layers.",
    "can't multiply sequence": "A layer is a pair: take it apart first, for window, stride in layers.",
    "is not defined": "A function knows what stands in its brackets, and what it makes itself.",
    "referenced before assignment": "Give the number its first value in front of the loop.",
    "not associated with a value": "Give the number its first value in front of the loop.",
    "does not support item assignment": "Nobody writes into the layers. Keep the field and the step in two numbers.",
    "no attribute": "The layers come in a tuple: go through it with for. It cannot be changed.",
}


def run(function, *given):
    """Call a function; if it stops with an error, say what to look at."""
    name = function.__name__
    try:
        answer = function(*given)
    except (AttributeError, IndexError, NameError, TypeError, ValueError) as error:
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), "Print what it was given.")
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert answer is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert answer is not None, f"{name}() returned None: does it end with `return`?"
    return answer


def two_numbers(function, *given):
    """Return the two numbers that a function answers, or say what is wrong with them."""
    name, answer = function.__name__, run(function, *given)
    told = f"{name}() should return two whole numbers, as in `return this, that`; yours returned {answer!r}."
    assert isinstance(answer, tuple | list), told
    assert len(answer) == 2, told
    whole = [isinstance(number, int | float | np.number) and number == int(number) for number in answer]
    assert all(whole), told
    return tuple(int(number) for number in answer)


def measure(layers):
    """Return field and step as real layers show them on the way back. They are one dot wide: the same, but faster."""
    stack = tc.Sequential(*[tc.Conv2d(1, 1, (window, 1), stride=(stride, 1), bias=False) for window, stride in layers])
    for parameter in stack.parameters():
        parameter.data = np.ones_like(parameter.data)
    edges = []
    for place in (0, 1):
        y, backward = stack(np.zeros((1, 1200, 1, 1), np.float32))
        dy = np.zeros_like(y)
        dy[0, place] = 1
        seen = np.flatnonzero(backward(dy))
        edges.append((seen[0], seen[-1]))
    return int(edges[0][1] - edges[0][0]) + 1, int(edges[1][0] - edges[0][0])


# 1. Small stacks first, each with a likely slip; then towers drawn by chance.
SLIPS = {
    ((3, 1),): {
        (0, 1): "The window of 3 should have added 2 dots. Does your step begin at 1?",
        (0, 2): "Start with a field of 1: with no layer a number sees one dot, itself.",
        (0, 4): "A window of 3 reaches one dot farther on each side: that makes 2 more, not 3.",
        (1, 0): "The step is to be multiplied: let it begin at 1.",
        (1, 2): "The step starts at 1, and a stride of 1 leaves it.",
        (1, 3): "The step is about the stride. This one's window is 3, but its stride is 1.",
    },
    ((3, 1), (3, 1)): {(0, 6): "The second window adds 2 dots, too.", (0, 3): "Did you go through all layers?"},
    ((2, 2),): {
        (0, 3): "A window of 2 adds one dot. Does yours use the step from before this layer, or the one after it?",
        (1, 1): "After this layer two neighbours lie 2 dots apart.",
    },
    ((2, 2), (3, 1)): {
        (0, 4): "After the pool neighbours lie 2 dots apart, so each further place of the window adds 2 dots.",
        (0, 5): "The window of 3 looks at two more numbers, and here each of them lies 2 dots farther.",
        (1, 1): "The pool made the step 2. A layer with stride 1 leaves it there.",
    },
    ((3, 1), (2, 2)): {
        (0, 5): "The pool joins two neighbours that lie 1 dot apart. The step gets larger only *behind* it.",
        (0, 6): "The pool joins two neighbours that lie 1 dot apart. The step gets larger only *behind* it.",
        (1, 3): "Multiply the step by the stride, 1 * 2. Yours adds.",
    },
    ((3, 3), (2, 2)): {
        (1, 5): "First every 3rd dot, then every 2nd of those. Multiply, don't add.",
        (1, 4): "First every 3rd dot, then every 2nd of those. Multiply, don't add.",
        (1, 2): "Yours is the stride of the last layer. Earlier strides count as well.",
        (1, 3): "The last stride counts as well.",
    },
    ((5, 2), (2, 1)): {(1, 5): "The step is about strides; a window of 5 with stride 2 moves by 2."},
}
for layers, slips in SLIPS.items():
    mine, true = two_numbers(field_and_step, layers), measure(layers)
    told = f"For {list(layers)} field_and_step() gave {mine}; the real layers show {true}."
    assert mine != true[::-1] or mine == true, f"{told} First the field, then the step."
    wrong = [k for k in (0, 1) if mine[k] != true[k]]
    general = "Work it out with a pencil: draw the dots in a row, and the windows above them."
    assert not wrong, f"{told} {slips.get((wrong[0], mine[wrong[0]]), general)}"
assert two_numbers(field_and_step, ()) == (1, 1), "With no layer at all it is a field of 1, and a step of 1."
rng = tc.Generator(11)
for _ in range(8):
    windows, strides = rng.integers(1, 6, (5,)), rng.integers(1, 4, (5,))
    layers = tuple((int(window), int(min(window, stride))) for window, stride in zip(windows, strides, strict=True))
    mine, true = two_numbers(field_and_step, layers), measure(layers)
    assert mine == true, (
        f"The small stacks were right. But for {list(layers)} field_and_step() gave {mine}, the layers show {true}. "
        "Take the same stack, layer by layer: where does it first go wrong?"
    )

# 2. Against real layers, and against what is known of VGG-16.
for inputs, outputs, window, side, true_work in ((3, 64, 3, 224, 86_704_128), (16, 8, 5, 10, 320_000)):
    layer = tc.Conv2d(inputs, outputs, window, padding=window // 2)
    true = sum(parameter.data.size for parameter in layer.parameters())
    mine, work = two_numbers(count, inputs, outputs, window, side)
    told = f"Conv2d({inputs}, {outputs}, {window}) has {true:,} weights; count() gave {mine:,}."
    assert mine != true - outputs, f"{told} Where are the biases?"
    assert mine != true - outputs + inputs, f"{told} There is one bias for each filter, so for each channel out."
    assert mine != true - outputs + 1, f"{told} There is one bias for each filter, not one for all."
    assert mine not in (window**2 * outputs, window**2 * outputs + outputs), f"{told} A filter looks at every channel."
    assert mine not in (window * inputs * outputs, window * inputs * outputs + outputs), (
        f"{told} A window is as wide as it is high."
    )
    assert mine == true, f"{told} One filter is window x window x channels in. How many filters? And their biases?"
    told = f"With {side}x{side} places it takes {true_work:,} multiplications; count() gave {work:,}."
    assert work != true_work + outputs * side**2, f"{told} Biases are added: they cost no multiplication."
    assert work != true_work // side, f"{told} There are {side} * {side} places."
    assert work != true_work // side**2, f"{told} The same filters work at every place."
    assert work == true_work, f"{told} Every weight that is no bias is used once at each place."

blocks, inputs, side = [], 3, 224
for channels, convolutions in zip(CHANNELS, CONVOLUTIONS, strict=True):
    for _ in range(convolutions):
        blocks.append(two_numbers(count, inputs, channels, 3, side))
        inputs = channels
    side //= 2
# A layer in which everything votes on everything is a window of 1x1 at a single place, with that many channels.
votes = [two_numbers(count, *sizes, 1, 1) for sizes in ((7 * 7 * 512, 4096), (4096, 4096), (4096, 1000))]
weights, work = (sum(column) for column in zip(*blocks, *votes, strict=True))
print(f"VGG-16 by your count: {weights:,} weights, {work:,} multiplications")
assert (weights, work) == (138_357_544, 15_470_264_320), "Each layer alone was right: does count() keep something?"

# 3. Built of real layers, and measured.
tower = run(see_far)
assert isinstance(tower, list | tuple), f"see_far() should return a list of layers, not {tower!r}."
for layer in tower:
    assert layer in ((3, 1), (2, 2)), f"A layer of the tower is (3, 1) or (2, 2), with round brackets; found {layer!r}."
assert tower, "The tower has no layers."
assert len(tower) <= 10, f"Your tower has {len(tower)} layers; 10 are allowed. What makes later windows see farther?"
assert tower[0] == (3, 1), "The first layer should be a window, (3, 1)."
assert ((2, 2), (2, 2)) not in pairwise(tower), "Two pools, one right after the other: put a window between them."
field, step = measure(tower)
pools = tower.count((2, 2))
assert field >= 100, (
    f"Your tower sees {field} dots, with {pools} pools. An early pool makes all windows behind it see farther, a pool "
    "at the end none. Where should the windows stand that see farthest?"
)
print(
    f"your tower: {len(tower)} layers, {pools} pools, {field} dots; as many windows without pools: {1 + 2 * len(tower)}"
)
vgg = [layer for convolutions in CONVOLUTIONS for layer in [(3, 1)] * convolutions + [(2, 2)]]
print(f"Right. {len(tower)} layers see {field} dots, and VGG-16's {len(vgg)}, by your rule, {field_and_step(vgg)[0]}.")
