# %% [markdown]
# # Exercise 20: a product by tiles, what it fetches, and which tile
#
# `left` (places, taps) and `right` (taps, filters) lie in far memory, which counts each number that you take out. You
# can ask for their `.shape`, and take out a piece: `left[m : m + 4, k : k + 2]` is an ordinary array.
#
# 1. `multiply(left, right, rows, columns, depth)` returns the product, tile by tile. A tile has `rows` x `columns`
#    answers and walks along the taps, `depth` of them at a time. Fetch no piece larger than `rows` x `depth` or `depth`
#    x `columns`, and each once for every tile that needs it. (At the edges pieces are smaller. Slices see to that by
#    themselves: of 10 rows, `left[8:12]` has 2.)
# 2. `fetches(places, taps, filters, rows, columns)` foretells how many numbers that fetches, without doing it.
# 3. `choose(places, taps, filters, tiles, depth, stages, room)` returns that one of `tiles`, a list of (rows, columns),
#    that fetches least, of those that fit. A stage holds a piece of the left and a piece of the right, both whole, and
#    `stages` of them must fit into a shared memory of `room` numbers.
#
# Replace the three `...` and run this file. It checks itself.

# %%
import numpy as np

import tinycolor as tc


def multiply(left, right, rows, columns, depth):
    """Return left (places, taps) @ right (taps, filters), an array (places, filters), tile by tile."""
    return ...


def fetches(places, taps, filters, rows, columns):
    """Return how many numbers multiply() fetches, left and right together."""
    return ...


def choose(places, taps, filters, tiles, depth, stages, room):
    """Return the (rows, columns) out of the list tiles that fits into room numbers and fetches least."""
    return ...


# %% The check: do not change anything below this line
class FarMemory:
    """A matrix in far memory: it hands out pieces, and counts."""

    def __init__(self, numbers):
        self.numbers, self.shape, self.fetched, self.largest = numbers, numbers.shape, 0, 0

    def __getitem__(self, where):
        piece = np.array(self.numbers[where])
        self.fetched += piece.size
        self.largest = max(self.largest, piece.size)
        piece.flags.writeable = False
        return piece


def run(function, *arguments):
    """Call a function; if it stops with an error, say what to look at."""
    try:
        return function(*arguments)
    except (AttributeError, IndexError, NameError, TypeError, ValueError) as error:
        hint = "Print the shapes on the line before."
        if isinstance(error, NameError):
            hint = "In multiply(), begin with places, taps = left.shape and filters = right.shape[1]."
        elif "FarMemory" in str(error):
            hint = "Far memory has a .shape and gives pieces, nothing else: left[m : m + rows, k : k + depth]."
        elif "broadcast" in str(error) or "matmul" in str(error):
            hint = "Are both pieces cut at the same k, and is the place in your result cut as wide as the tile?"
        elif "read-only" in str(error):
            hint = "You write into a piece that you have fetched. The sums need an array of their own: np.zeros."
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{function.__name__}() stopped{where}: {error}\n{hint}") from None


rng = tc.Generator(20)
cases = [(8, 6, 4, 4, 2, 3), (10, 7, 8, 4, 3, 2), (6, 9, 12, 6, 4, 9), (130, 30, 70, 64, 32, 16)]
for places, taps, filters, rows, columns, depth in cases:
    told = f"({places}, {taps}) @ ({taps}, {filters}) by tiles of {rows} x {columns}, {depth} deep:"
    left_numbers, right_numbers = rng.normal((places, taps)), rng.normal((taps, filters))
    left, right = FarMemory(left_numbers), FarMemory(right_numbers)
    product = run(multiply, left, right, rows, columns, depth)
    wanted = left_numbers @ right_numbers
    assert product is not ..., "multiply() still returns `...`: loop over the tiles, and in each along the taps."
    assert product is not None, "multiply() returned None: does it end with `return`?"
    assert isinstance(product, np.ndarray), f"multiply() should return an array, not a {type(product).__name__}."
    assert product.shape == wanted.shape, f"{told} the shape should be {wanted.shape}, yours is {product.shape}."
    assert left.largest != 1, f"{told} you fetch number by number, as chapter 1 does. Take out whole pieces."
    assert left.largest <= rows * depth, (
        f"{told} you took out {left.largest} numbers of the left at once; the block has room for {rows} x {depth}. Cut "
        "along the taps as well: left[m : m + rows, k : k + depth]."
    )
    assert right.largest <= depth * columns, (
        f"{told} you took out {right.largest} numbers of the right at once; the block has room for {depth} x {columns}."
    )
    last = (taps - 1) // depth * depth
    only_last = np.allclose(product, left_numbers[:, last:] @ right_numbers[last:], atol=1e-4)
    assert not only_last or depth >= taps, (
        f"{told} only the last of the taps are in your sums. Add the product of each two pieces to them, with +=."
    )
    differ = abs(product - wanted) > 1e-3
    assert not differ.any(), (
        f"{told} {differ.sum()} of {differ.size} answers are wrong, the first at {np.argwhere(differ)[0].tolist()}. "
        "Are there tiles up to every edge, do their sums begin at 0, and do they get all taps, the last ones too?"
    )
    # Counted here from the pieces that there must be, not by a formula.
    tiles = [(m, f) for m in range(0, places, rows) for f in range(0, filters, columns)]
    needed_left = sum(min(rows, places - m) * taps for m, _ in tiles)
    needed_right = sum(min(columns, filters - f) * taps for _, f in tiles)
    for side, memory, needed in (("left", left, needed_left), ("right", right, needed_right)):
        assert memory.fetched >= needed, (
            f"{told} the product is right, but you fetched only {memory.fetched} numbers of the {side}, not {needed}. "
            "A block keeps nothing for the next one: fetch in the innermost loop."
        )
        assert memory.fetched <= needed, (
            f"{told} the product is right, but you fetched {memory.fetched} numbers of the {side} where {needed} will "
            "do. Take each piece out once and give it a name. Each time that you write [...] the walk begins again."
        )

    foretold = run(fetches, places, taps, filters, rows, columns)
    needed = needed_left + needed_right
    assert foretold is not ..., (
        "multiply() is right. fetches() still returns `...`: how often is the left fetched as a whole, and the right?"
    )
    assert foretold is not None, "fetches() returned None: does it end with `return`?"
    assert foretold not in (needed_left, needed_right), (
        f"{told} you foretell {foretold}, one of the two matrices only. Add both."
    )
    down, across = len(range(0, places, rows)), len(range(0, filters, columns))
    turned = places * taps * down + taps * filters * across
    assert foretold == needed or foretold != turned, (
        f"{told} you foretell {foretold}. It is the other way round: a tile further to the right needs the same piece "
        "of the *left* again."
    )
    assert foretold == needed or foretold != down * across * taps * (rows + columns), (
        f"{told} you foretell {foretold}, as if all tiles were whole. At the edges they are smaller: {needed}."
    )
    assert foretold == needed, (
        f"{told} you foretell {foretold}, but {needed} are fetched. How many tiles lie side by side, and how many "
        "one under the other? One that hangs over the edge counts too: -(-a // b) divides and rounds up."
    )

questions = [
    ((262_144, 288, 32), [(16, 16), (64, 32), (32, 32)], 16, 3, 7_000, (64, 32)),  # the convolution of the lesson
    ((4_096, 288, 256), [(16, 16), (64, 64), (128, 128), (256, 256)], 16, 3, 24_576, (256, 256)),
    ((4_096, 288, 256), [(16, 16), (64, 64), (128, 128), (256, 256)], 16, 3, 24_575, (128, 128)),
    ((4_096, 288, 256), [(16, 16), (64, 64), (128, 128), (256, 256)], 16, 1, 4_096, (128, 128)),
    ((4_096, 288, 256), [(16, 16), (64, 64), (128, 128), (256, 256)], 32, 1, 4_096, (64, 64)),
    ((64, 4_608, 512), [(16, 256), (64, 64), (32, 128), (128, 16)], 16, 2, 9_000, (64, 64)),
    ((288, 900, 32), [(128, 16), (32, 64), (64, 32)], 16, 3, 9_000, (64, 32)),
    ((256, 288, 40), [(64, 32), (32, 40), (128, 16)], 8, 3, 9_000, (32, 40)),
]
for sizes, tiles, depth, stages, room, wanted in questions:
    told = f"For (places, taps, filters) = {sizes}, {stages} stages of depth {depth} and a room of {room:,}"
    mine = run(choose, *sizes, list(tiles), depth, stages, room)
    assert mine is not ..., "fetches() is right. choose() still returns `...`: of what fits, which one fetches least?"
    assert mine is not None, "choose() returned None: does it end with `return`?"
    assert mine in tiles, f"{told} choose() gave {mine}. Expected is one of the tiles, (rows, columns), not a count."
    (rows, columns), takes = mine, stages * depth * sum(mine)
    assert takes <= room, (
        f"{told} choose() gave {mine}, but {stages} stages of that take {takes:,} numbers: each holds {rows} x {depth} "
        f"of the left and {depth} x {columns} of the right."
    )
    assert mine == wanted, (
        f"{told} choose() gave {mine}, which fetches {fetches(*sizes, *mine):,}. {wanted} fits as well, it takes "
        f"{stages * depth * sum(wanted):,}, and fetches only {fetches(*sizes, *wanted):,}."
    )
print("Right. A larger tile is mostly a better one, but what decides is what it fetches, and whether it fits.")
