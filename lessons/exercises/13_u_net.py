# %% [markdown]
# # Exercise 13: which sizes fit, what a border weighs, and tiles without a seam
#
# 1. `answer_side(side)` says how long the side of U-Net's answer is: 572 gives 388. Walk the U: on four levels two
#    convolutions and a pooling, two convolutions at the bottom, and on four levels up a doubling and two convolutions.
#    Not every side fits. Pooling turns two rows into one: if it finds an odd number of rows, one is left over, and what
#    comes up no longer fits onto what comes across. And in the end at least one row must be left. For a side that does
#    not fit, return 0.
# 2. `more_weight(d1, d2)`: how much more does a pixel of ground count, d1 pixels from the nearest cell and d2 from the
#    second nearest? It is the second part of the lesson's formula, with its 10 and 5, without the balance.
# 3. `in_tiles(framed, answer, step)` answers a large picture piece by piece. `framed` is the picture with the mirrored
#    border of 92 already around it, so the whole answer is 184 shorter and narrower. Cut pieces with sides of
#    `step + 188`, the first from the upper left corner, the next ones always `step` further on. `answer(piece)` gives
#    two scores for all but the outer 92 pixels: how many is that, and where do they belong? (H and W always suit
#    the step: the last piece ends where the picture ends. Loops are fine.)
#
# Replace the three `...` and run this file. It checks itself.

# %%
import numpy as np

import tinycolor as tc
from tinycolor.data.border_weights import border_weights
from tinycolor.ops.mirror import mirror


def answer_side(side):
    """Return the side of the answer for a picture with this side, a whole number, or 0 if it does not fit."""
    return ...


def more_weight(d1, d2):
    """Return how much is added to the weight, for arrays of distances d1 and d2 of the same shape."""
    return ...


def in_tiles(framed, answer, step):
    """Return scores (1, H - 184, W - 184, 2) for framed (1, H, W, 1); answer takes pieces (1, step + 188, ..., 1)."""
    return ...


# %% The check: do not change anything below this line
HINTS = {
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np and tc.",
    "read-only": "Nobody writes into what was given: make a new array, such as np.zeros(...).",
    "broadcast": "Print both shapes. An answer has sides of step + 4; in y it begins at the top and left of its piece.",
    "'float' object": "Sizes and places are whole numbers: divide them with //.",
    "only length-1 arrays": "d1 and d2 are arrays: np.exp, not math.exp.",
    "only 0-dimensional arrays": "d1 and d2 are arrays: np.exp, not math.exp.",
    "truth value": "d1 and d2 are arrays, and the formula holds for all of their numbers: no if is needed.",
}


def run(function, *given):
    """Call a function with arrays that cannot be changed; if it stops with an error, say what to look at."""
    name = function.__name__
    for array in given:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    try:
        result = function(*given)
    except (AttributeError, IndexError, NameError, RuntimeError, TypeError, ValueError) as error:
        general = "Print the shapes, or the numbers, on the line before."
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), general)
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert result is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert result is not None, f"{name}() returned None: does it end with `return`, on every way through?"
    return result


# 1. First by pencil, then all sides against the real U, with one filter for 64.
mine = run(answer_side, 572)
assert isinstance(mine, int | float | np.integer), f"answer_side(572) is {mine!r}, expected one number, such as 572."
assert mine != 28, "answer_side(572) is 28: that is the bottom of the U. Now up again."
assert mine != 572, "answer_side(572) is 572: then nothing was lost. Each convolution takes 2 off, without padding."
assert mine != 466, (
    "answer_side(572) is 466: 2 off on each level. But there are two convolutions on each, and either takes "
    "one pixel off at *each* edge."
)
assert mine != 448, "answer_side(572) is 448: up only by doubling. Two convolutions follow each doubling."
assert mine != 452, "answer_side(572) is 452: at the bottom two convolutions are missing."
assert mine != 392, "answer_side(572) is 392: two convolutions are still missing, after the last joining."
assert mine != 0, (
    "answer_side(572) is 0, but 572 is the paper's own size. Down it is 572 568, 284 280, 140 136, 68 64, and 32: each "
    "pooling finds an even number. Print yours."
)
assert mine == 388, f"answer_side(572) is {mine}, expected 388. The lesson prints how long the side is on each level."
assert run(answer_side, 188) == 4, (
    f"answer_side(188) is {run(answer_side, 188)}, but 188 fits: down 184 92, 88 44, 40 20, 16 8, bottom 4; up 8 4, "
    "8 4, 8 4, 8 4."
)
assert run(answer_side, 570) == 0, (
    f"answer_side(570) is {run(answer_side, 570)}, but 570 does not fit: 570 - 4 = 566, pooled 283, and 283 - 4 = 279 "
    "is odd. Test it before *each* pooling."
)
assert run(answer_side, 172) == 0, (
    f"answer_side(172) is {run(answer_side, 172)}. Each pooling finds an even number, but at the bottom 3 rows remain; "
    "up that is 6 and then 2, 4 and then 0: nothing is left."
)
net = tc.networks.UNet(width=1 / 64, seed=13)
for side in range(1, 400):
    try:
        real = net.predict(np.zeros((1, 188, side, 1), np.float32)).shape[2]
    except ValueError:
        real = 0
    mine = run(answer_side, side)
    hint = f"The real U gives {real}." if real else "The real U refuses it."
    assert mine == real, f"answer_side({side}) is {mine}. {hint} Where on the way does an odd number turn up, or none?"

# 2. Some by pencil, then a strip with two cells, against the library's map.
told = "10 * exp(-(d1 + d2)^2 / (2 * 5^2)), for d1 = 4 and d2 = 6, is 10 * exp(-100 / 50) = 1.35"
d1, d2 = np.array([4.0, 1, 0]), np.array([6.0, 1, 0])
mine = np.asarray(run(more_weight, d1, d2), float)
assert mine.shape == (3,), f"more_weight() got three distances and gave the shape {mine.shape}, expected (3,)."
mistakes = {
    "the minus is missing": np.exp(2),
    "the 10 is missing": np.exp(-2) / 10,
    "the square is missing": np.exp(-10 / 50),
    "the 2 below the line is missing": np.exp(-100 / 25),
    "the square of the 5 is missing": np.exp(-100 / 10),
    "it divides by 2 and multiplies by 5^2: put brackets around 2 * 5**2": np.exp(-100 / 2 * 25),
    "d1 and d2 were squared one by one: first the sum, then the square": np.exp(-52 / 50),
    "the two distances were subtracted": np.exp(-4 / 50),
    "only d1 counts": np.exp(-16 / 50),
    "only d2 counts": np.exp(-36 / 50),
}
for mistake, factor in mistakes.items():
    assert not np.isclose(mine[0], 10 * factor, rtol=1e-3), f"more_weight: {told}; yours is {mine[0]:.4g}: {mistake}."
assert np.isclose(mine[0], 1.353353), f"more_weight: {told}; yours is {mine[0]:.4g}."
assert np.allclose(mine, [1.353353, 9.231163, 10]), f"more_weight: 1.35, 9.23 and 10 were expected; yours: {mine}."
strip = np.array([[1] * 4 + [0] * 7 + [2] * 4 + [0] * 12])
ground = strip[0] == 0
places = np.arange(27)
to_first, to_second = np.maximum(places - 3, 0), np.maximum(abs(places - 12.5) - 1.5, 0)
nearest, further = np.sort([to_first, to_second], 0)[:, ground]
wanted = (border_weights(strip) - border_weights(strip, w0=0))[0, ground]
assert np.allclose(run(more_weight, nearest, further), wanted, atol=1e-4), (
    "more_weight: right for three pixels, not for a strip of ground between and behind two cells. Is a distance or a "
    "number of pixels written down in your code?"
)

# 3. Pieces of a picture of noise, against the whole in one go. It is not square, so that rows and columns can't hide.
net = tc.networks.UNet(width=1 / 16, seed=13)
picture = tc.Generator(13).normal((1, 100, 68, 1))
framed = mirror(picture, 92, (284, 252))
whole = net.predict(framed)
asked = []


def answer(piece):
    """Return what the U says of one piece, after a look at it."""
    shape = np.shape(piece)
    assert len(shape) == 4, f"in_tiles: answer got the shape {shape}. A piece keeps four axes: framed[:, a:b, c:d]."
    assert shape[1:3] != (284, 252), "in_tiles: answer got the whole. Then there are no tiles; cut out pieces."
    assert shape[1:3] != (32, 32), "in_tiles: answer got 32 x 32. A piece is larger than its step, by 188."
    assert shape[1:3] != (216, 216), "in_tiles: 216 = 32 + 184. A piece has sides of step + 188 here, so that it fits."
    assert shape == (1, 220, 220, 1), (
        f"in_tiles: with step 32 a piece has the shape (1, 220, 220, 1); yours is {shape}. If it is smaller: it began "
        "too near to the lower or right edge. The last tile begins 36 before the answer's end. Rows are axis 1."
    )
    asked.append(1)
    return net.predict(piece)


mine = run(in_tiles, framed, answer, 32)
assert asked, "in_tiles: answer was never called. It alone knows the scores."
assert isinstance(mine, np.ndarray), f"in_tiles should return one array, not a {type(mine).__name__}."
assert mine.shape != (1, 284, 252, 2), "in_tiles: your y is as large as framed. The answer is 184 less: 100 x 68."
assert mine.shape != (1, 68, 100, 2), "in_tiles: rows and columns are exchanged. Rows are axis 1, columns axis 2."
assert mine.shape == whole.shape, f"in_tiles: framed (1, 284, 252, 1) gives (1, 100, 68, 2); yours is {mine.shape}."
off = abs(mine - whole).max((0, 3)) > 1e-4  # (100, 68)
untouched = (mine == 0).all((0, 3))
assert len(asked) <= 6, f"in_tiles: 3 x 2 pieces are enough, but answer was asked {len(asked)} times. Is the step 32?"
assert not untouched.any(), (
    f"in_tiles: {untouched.sum()} pixels are still 0, the first at row, column {np.argwhere(untouched)[0].tolist()}. "
    "Tops go from 0 on by steps, as long as a tile of step + 4 still has room in the answer; lefts likewise."
)
assert not off[:36, :36].all(), "in_tiles: even the first tile is wrong. Its piece begins at framed[:, 0:, 0:]."
assert not off[:32, :32].any(), (
    "in_tiles: the first tile should hold what answer(piece) says of the first piece, unchanged; a part of it differs."
)
assert not off.any(), (
    f"in_tiles: {off.sum()} pixels differ from the whole, the first at row, column {np.argwhere(off)[0].tolist()}. "
    "Piece and tile begin at the same top and left (the piece in framed, the tile in y). Where two tiles overlap they "
    "say the same: write one of them there, don't add."
)
mine = np.asarray(run(in_tiles, framed, net.predict, 16))
hint = "in_tiles: right with step 32, but not with step 16. Is 32, 36 or 220 written down in your code?"
assert mine.shape == whole.shape, hint
assert np.allclose(mine, whole, atol=1e-4), hint
difference, largest = abs(mine - whole).max(), abs(whole).max()
print(
    f"Right. {len(asked)} pieces or one: they differ by {difference:.0e} at most, where scores go up to {largest:.0f}."
)
