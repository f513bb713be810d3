# %% [markdown]
# # Exercise 19: a fusion, its way back, and vectors that are lent
#
# Maps are `m` (N, H, W, M): N pictures, H x W places, M numbers at each. Vectors are `g` (N, G), one for each picture.
#
# 1. `fuse(m, g, weight, bias)`: at each place, the M numbers of the map and the G numbers of the picture's vector are
#    mixed to F. `weight` is (M + G, F): first the rows that meet m, then those that meet g. `bias` is (F,).
# 2. `fuse_backward(dy, weight, channels)`: from dy (N, H, W, F) to dm and dg. `channels` is M. What was told to every
#    place hears from every place.
# 3. `lend(g, lender)`: picture n gets the vector of picture `lender[n]`. `lender` is an array of N whole numbers.
# 4. `lend_backward(d_lent, lender)`: and back, to dg (N, G), from what each picture says about the vector that it was
#    lent. A vector may be lent to several pictures, or to none.
#
# Replace the four `...` and run this file. It checks itself.

# %%
import numpy as np

import tinycolor as tc


def fuse(m, g, weight, bias):
    """Return y (N, H, W, F) for m (N, H, W, M), g (N, G), weight (M + G, F) and bias (F,)."""
    return ...


def fuse_backward(dy, weight, channels):
    """Return two arrays, dm (N, H, W, M) and dg (N, G), from dy (N, H, W, F), weight (M + G, F) and channels, M."""
    return ...


def lend(g, lender):
    """Return for each picture the vector of its lender, (N, G), from g (N, G) and lender (N,), whole numbers."""
    return ...


def lend_backward(d_lent, lender):
    """Return dg (N, G) from d_lent (N, G), what comes back for each vector lent, and lender (N,)."""
    return ...


# %% The check: do not change anything below this line
HINTS = {
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np and tc.",
    "read-only": "Nobody writes into what was given: make a new array, such as np.zeros_like(...).",
    "broadcast": "Print both shapes. (N, F) meets (N, H, W, F) as array[:, None, None]: two axes for the places.",
    "matmul": "Print both shapes. In (..., K) @ (K, F) the two K meet. Forward: which rows of weight meet m, and which "
    "meet g? On the way back rows become columns: weight.T.",
    "same number of dimensions": "g has two axes, m has four: repeat g over the places first, or mix it by itself.",
    "must match exactly": "Arrays that are joined have equal shapes but for the joined axis: first repeat g over "
    "the places.",
    "unpack": "How many axes has it? m and dy have four, g has two.",
    "float": "The places in lender are whole numbers.",
    "scalar": "lender is an array: g[lender] takes a row for each number. And np.concatenate takes a list, [a, b].",
}


def run(function, *given):
    """Call a function with arrays that cannot be changed; if it stops with an error, say what to look at."""
    name = function.__name__
    for array in given:
        if isinstance(array, np.ndarray):
            array.flags.writeable = False
    try:
        answer = function(*given)
    except (AttributeError, IndexError, NameError, TypeError, ValueError) as error:
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), "Print the shapes just before.")
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert answer is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert answer is not None, f"{name}() returned None: does it end with `return`?"
    return answer


def same(a, b):
    """Say whether two arrays are equal, but for the last digits."""
    return np.shape(a) == np.shape(b) and np.allclose(a, b, atol=1e-4)


# 1. By pencil: two pictures of 1x2 places. The map counts ones and tens, the vector hundreds and thousands.
weight = np.array([[1.0], [10], [100], [1000]])
m = np.array([[[[1.0, 2], [3, 4]]], [[[5, 6], [7, 8]]]])  # (2, 1, 2, 2)
g = np.array([[1.0, 2], [3, 4]])
right = np.array([[2121.0, 2143], [4365, 4387]]).reshape(2, 1, 2, 1)
y = run(fuse, m, g, weight, np.zeros(1))
told = "With weights 1, 10, 100 and 1000 the place with 1, 2 and the vector 1, 2 gives 1 + 20 + 100 + 2000 = 2121."
assert isinstance(y, np.ndarray), f"fuse() should return one array, not a {type(y).__name__}."
assert y.shape != (2, 1, 2, 4), "fuse() gave (N, H, W, M + G): the numbers lie side by side. Now mix them, @ weight."
assert y.shape == (2, 1, 2, 1), f"fuse() should give (2, 1, 2, 1) here, N, H, W, F; yours is {y.shape}."
slips = {
    "the vector is missing.": m @ weight[:2],
    "the rows of weight are exchanged: the first M meet m, the last G meet g.": m @ weight[2:]
    + (g @ weight[:2])[:, None, None],
    "each picture got the vector of the other one.": m @ weight[:2] + (g[::-1] @ weight[2:])[:, None, None],
    "vectors went along the places, not along the pictures: (N, F) needs its new axes *behind* N.": m @ weight[:2]
    + g @ weight[2:],
    "all pictures got the first one's vector.": m @ weight[:2] + g[0] @ weight[2:],
    "the vectors were averaged: each picture has its own.": m @ weight[:2] + g.mean(0) @ weight[2:],
}
for slip, wrong in slips.items():
    assert not same(y, wrong), f"fuse(): {told} All four: {right.ravel()}; yours: {y.ravel()}: {slip}"
assert same(y, right), f"fuse(): {told} All four are {right.ravel().tolist()}; yours {y.ravel().tolist()}."

# With a real layer, and no two sizes alike: N 3, H 5, W 4, M 6, G 2, F 7.
rng = tc.Generator(19)
m, g, dy = (rng.normal(shape).astype(float) for shape in ((3, 5, 4, 6), (3, 2), (3, 5, 4, 7)))
weight, bias = rng.normal((8, 7)).astype(float), rng.normal((7,)).astype(float)
layer = tc.Fusion(6, 2, 7).astype("float64")
layer.conv.weight.data, layer.conv.bias.data = weight.reshape(1, 1, 8, 7), bias
wanted, layer_backward = layer(m.copy(), g.copy())
y = run(fuse, m.copy(), g.copy(), weight.copy(), bias.copy())
assert y.shape == wanted.shape, f"fuse(): right for small sizes; here {wanted.shape} was expected, not {y.shape}."
assert not same(y, wanted - bias), "fuse(): the bias is missing."
assert not same(y, wanted + bias), "fuse(): the bias was added twice."
assert same(y, wanted), "fuse(): right by pencil, but not as the real layer with 6 + 2 numbers. Is a size written down?"

# 2. First the shapes and likely slips, then the check that can't be fooled.
back = run(fuse_backward, dy.copy(), weight.copy(), 6)
assert isinstance(back, tuple | list), "fuse_backward() should return two arrays: return dm, dg."
assert len(back) == 2, f"fuse_backward() should return two arrays, dm and dg; yours returned {len(back)}."
dm, dg = (np.asarray(part) for part in back)
wanted_dm, wanted_dg = layer_backward(dy.copy())
both = dy @ weight.T
assert dm.shape != (3, 2), "fuse_backward(): first dm, then dg."
assert dm.shape == m.shape, f"fuse_backward(): dm is as large as m, {m.shape}; yours is {dm.shape}."
assert not same(dm, both[..., -6:]), "fuse_backward(): dm came by the last 6 rows of weight. The first 6 met m."
assert same(dm, wanted_dm), "fuse_backward(): dm is wrong. Forward, m met the first M rows: back with their transpose."
assert dg.shape != (3, 5, 4, 2), (
    "fuse_backward(): dg is (N, H, W, G): one for each place. But all places of a picture had *one* vector, and what "
    "is used more than once adds up."
)
assert dg.shape != (2,), "fuse_backward(): dg is (G,): pictures were added up, too. Each has a vector of its own."
assert dg.shape == g.shape, f"fuse_backward(): dg is as large as g, {g.shape}; yours is {dg.shape}."
assert not same(dg, wanted_dg / 20), "fuse_backward(): that is the mean over the 20 places. Used 20 times: the sum."
assert not same(dg, both[..., :2].sum((1, 2))), (
    "fuse_backward(): dg came by the first 2 rows of weight. Which ones met g?"
)
assert not same(dg, both[:, 0, 0, 6:]), "fuse_backward(): dg heard one place only."
assert same(dg, wanted_dg), (
    "fuse_backward(): dg is wrong: for each place dy @ (those rows).T, then the sum over places."
)


def by_hand(m, g):
    """Return what fuse says, and its way back."""
    return fuse(m, g, weight, bias), lambda dy: tuple(fuse_backward(dy, weight, 6))


try:
    worst = tc.gradcheck(by_hand, m, g)
except tc.GradientError as error:
    raise AssertionError(f"gradcheck: {error}\nInput 0 is m, input 1 is g.") from None

# 3. Pictures 0 and 1 swap their vectors, then one vector is lent to two, and one to nobody.
swapped = np.asarray(run(lend, g.copy(), np.array([1, 0, 2])))
assert swapped.shape == g.shape, f"lend() should return {g.shape}, a vector for each picture; yours is {swapped.shape}."
assert not same(swapped, g), "lend(): each picture still has its own vector."
assert same(swapped, g[[1, 0, 2]]), "lend(): with lender 1, 0, 2 picture 0 gets the vector of 1, 1 that of 0."
lender = np.array([1, 2, 2])
mine = np.asarray(run(lend, g.copy(), lender.copy()))
assert same(mine, np.stack([g[1], g[2], g[2]])), (
    "lend(): a swap is right, but with lender 1, 2, 2 picture 0 gets the vector of 1, and pictures 1 and 2 both that "
    "of 2. lender[n] says from whom picture n gets it, not to whom it gives."
)

# 4. Each picture says a power of ten.
d_lent = np.array([[1.0, 2], [10, 20], [100, 200]])
dg = np.asarray(run(lend_backward, d_lent.copy(), lender.copy()))
assert dg.shape == (3, 2), f"lend_backward() should return (3, 2), as many as there are vectors; yours is {dg.shape}."
told = "With lender 1, 2, 2 vector 0 was lent to nobody, vector 1 to picture 0, vector 2 to pictures 1 and 2."
assert not same(dg, d_lent[lender]), f"lend_backward(): {told} You lent once more; the way back goes the other way."
assert not same(dg, [[0, 0], [1, 2], [100, 200]]), (
    f"lend_backward(): {told} Of those two only the last was kept. dg[lender] += ... does so: NumPy writes once for "
    "each place. Go through the pictures one by one."
)
assert not same(dg, [[0, 0], [1, 2], [10, 20]]), f"lend_backward(): {told} Of those two only the first was kept."
assert not same(dg, [[0, 0], [1, 2], [55, 110]]), f"lend_backward(): {told} Used twice: add up, no mean."
assert not same(dg, d_lent), f"lend_backward(): {told} Yours gives each picture what it said itself."
assert same(dg, [[0, 0], [1, 2], [110, 220]]), f"lend_backward(): {told} So dg is 0, 1 and 110 in front; yours: {dg}."


def lent(m, g):
    """Return maps fused with lent vectors, and the way back."""

    def backward(dy):
        dm, d_lent = fuse_backward(dy, weight, 6)
        return dm, lend_backward(d_lent, lender)

    return fuse(m, lend(g, lender), weight, bias), backward


try:
    worst = max(worst, tc.gradcheck(lent, m, g))
except tc.GradientError as error:
    raise AssertionError(f"gradcheck of all four together: {error}\nInput 0 is m, input 1 is g.") from None
print(f"Right, and gradcheck agrees to {worst:.0e}. A vector lent twice has heard 40 pixels; one lent to nobody, none.")
