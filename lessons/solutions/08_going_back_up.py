# %% [markdown]
# # Solution 8: nearest, its way back, and the skip's
#
# 1. `nearest(x, scale)` repeats each pixel `scale` times to the right and `scale` times down.
# 2. `nearest_dx(dy, scale)` goes back: each pixel gets all dy from the places that it went to.
# 3. `skip_dx(dy, channels, inner_backward)` goes back through a skip. Its y had the channels of the inner layers first
#    (`channels` says how many), then those of x itself.
#
# In 1 and 2 a picture is rows and columns only, (H, W). H and W are no variables yet: `H, W = x.shape` makes them.
# Loops are fine. In 3 the arrays are as in the library, (N, H, W, C), and `dy[..., a:b]` cuts out channels.
#
# One way to do it.

# %%
import numpy as np

import tinycolor as tc


def nearest(x, scale):
    """Enlarge x (H, W) to (H * scale, W * scale)."""
    height, width = x.shape
    y = np.zeros((height * scale, width * scale), x.dtype)
    for i in range(height * scale):
        for j in range(width * scale):
            y[i, j] = x[i // scale, j // scale]
    return y


def nearest_dx(dy, scale):
    """Return dx (H, W) from dy (H * scale, W * scale)."""
    height, width = dy.shape[0] // scale, dy.shape[1] // scale
    dx = np.zeros((height, width), dy.dtype)
    for i in range(height * scale):
        for j in range(width * scale):
            dx[i // scale, j // scale] += dy[i, j]
    return dx


def skip_dx(dy, channels, inner_backward):
    """Return dx (N, H, W, C) from dy (N, H, W, channels + C); inner_backward takes its part of dy and gives a dx."""
    from_inner, went_round = dy[..., :channels], dy[..., channels:]
    return inner_backward(from_inner) + went_round


# %% The check: do not change anything below this line
def result_of(function, hint, *arguments):
    """Return what the learner's function returns, or say why it cannot be right."""
    name = function.__name__
    given = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
    try:
        result = function(*given)
    except (AttributeError, IndexError, NameError, TypeError, ValueError) as error:
        inside = error.__traceback__.tb_next
        where = f"in line {inside.tb_lineno}" if inside else "before its first line"
        if isinstance(error, NameError):
            hint = "A function knows what stands in its brackets and what it makes itself. H and W must be made first."
        raise AssertionError(f"{name} stopped {where}: {error}\n{hint}") from None
    assert result is not ..., f"{name} still returns `...`: that is where your code goes."
    assert result is not None, f"{name} returned None: does it end with `return`?"
    assert isinstance(result, np.ndarray), f"{name} should return one array, not a {type(result).__name__}."
    assert result.dtype == np.float64, (
        f"{name} holds {result.dtype}, but was given float64: give np.zeros the dtype of what came in."
    )
    for before, after in zip(arguments, given, strict=True):
        if isinstance(before, np.ndarray):
            assert np.array_equal(before, after), (
                f"{name} wrote into an array that it was given: make a new one instead."
            )
            assert not np.shares_memory(after, result), (
                f"{name} returned the very array that it was given, or a part of it. Is something not added yet?"
            )
    return result


# 1. nearest
x = np.array([[1.0, 2, 3], [4, 5, 6]])
hint = (
    "Place (i, j) of y shows pixel (i // scale, j // scale) of x. Rows come first. Print the shapes on the line before."
)
y = result_of(nearest, hint, x, 2)
assert y.shape != (2, 3), "nearest: your result is as small as x, (2, 3). With scale 2 it should be (4, 6)."
assert y.shape != (12,), "nearest: np.repeat without axis= strings all pixels together. Repeat axis 0, then axis 1."
assert y.shape not in {(4, 3), (2, 6)}, f"nearest: {y.shape}. You went up in one direction only; (2, 3) becomes (4, 6)."
assert y.shape != (6, 4), "nearest: (6, 4). Rows and columns are exchanged: two rows become four, three columns six."
assert y.shape == (4, 6), f"nearest: (2, 3) with scale 2 should become (4, 6); yours is {y.shape}."
assert y[0].tolist() != [1, 2, 3, 1, 2, 3], (
    "nearest: you laid the whole picture down again beside itself. Each *pixel* is repeated: row 0 is 1 1 2 2 3 3."
)
assert y[0, 1] != 0, f"nearest: row 0 is {y[0].tolist()}. The places between are still empty; each pixel fills four."
assert y[0].tolist() == [1, 1, 2, 2, 3, 3], (
    f"nearest: row 0 should be 1 1 2 2 3 3; yours is {y[0].tolist()}. Pixel j begins in column j * scale."
)
assert y[1].tolist() == [1, 1, 2, 2, 3, 3], f"nearest: row 1 repeats row 0, 1 1 2 2 3 3; yours is {y[1].tolist()}."
assert y[2:].tolist() == [[4, 4, 5, 5, 6, 6]] * 2, (
    f"nearest: rows 2 and 3 should be 4 4 5 5 6 6; yours: {y[2:].tolist()}."
)
y = result_of(nearest, "Right for scale 2, not for 3: is a 2 written as a number in your code?", x, 3)
assert y.shape == (6, 9), f"nearest: right for scale 2, but for 3 it gives {y.shape}, not (6, 9). Is a 2 in your code?"
wanted = [[row // 3 * 3 + column // 3 + 1 for column in range(9)] for row in range(6)]
assert y.tolist() == wanted, f"nearest: right for scale 2, but with 3 row 0 is {y[0].tolist()}. Is a 2 in your code?"

# 2. nearest_dx
dy = np.arange(1.0, 25).reshape(4, 6)
hint = "dy[i, j] belongs to pixel (i // scale, j // scale). dx is smaller: divide the sides of dy by //."
dx = result_of(nearest_dx, hint, dy, 2)
assert dx.shape != (8, 12), "nearest_dx: (8, 12) is larger than dy. Going back leads to the small picture: (2, 3)."
assert dx.shape != (4, 6), "nearest_dx: (4, 6) is the shape of dy. Going back leads to the small picture: (2, 3)."
assert dx.shape not in {(4, 3), (2, 6)}, f"nearest_dx: {dx.shape}. One direction is added up, the other is still to do."
assert dx.shape == (2, 3), f"nearest_dx: dy (4, 6) with scale 2 should give dx (2, 3); yours is {dx.shape}."
first = "The dy of pixel (0, 0) are 1, 2 (row 0) and 7, 8 (row 1)"
assert dx[0, 0] != 4.5, f"nearest_dx: 4.5 is a mean. {first}. What is used more than once adds up."
assert dx[0, 0] != 1, f"nearest_dx: you keep one dy of each four. {first}. What is used more than once adds up."
assert dx[0, 0] != 8, f"nearest_dx: you kept the last one, or the largest. {first}. Add up: is there a += ?"
assert dx[0, 0] != 1 + 4 + 13 + 16, f"nearest_dx: you added places that lie far apart. {first}, neighbours."
assert dx[0, 0] == 1 + 2 + 7 + 8, f"nearest_dx: {first}; together 18, yours is {dx[0, 0]}."
assert dx.tolist() == [[18, 26, 34], [66, 74, 82]], (
    f"nearest_dx: pixel (0, 0) is right, but all should give [[18, 26, 34], [66, 74, 82]]; yours: {dx.tolist()}. "
    "The dy of pixel (i, j) begin in row i * scale and column j * scale."
)
# The promise of lesson 5, on another size: if x moves by v, the error moves by dx * v, which is dy * nearest(v).
rng = tc.Generator(8)
v, dy = rng.normal((5, 2), dtype=np.float64), rng.normal((15, 6), dtype=np.float64)
hint = "Right for (4, 6) with scale 2, not for (15, 6) with scale 3: is a size written as a number in your code?"
dx = result_of(nearest_dx, hint, dy, 3)
assert dx.shape == v.shape, f"nearest_dx: dy (15, 6) with scale 3 should give (5, 2); yours is {dx.shape}. {hint}"
promised, happens = (dx * v).sum(), (dy * nearest(v, 3)).sum()
assert np.isclose(promised, happens), (
    f"nearest_dx: it promises that the error moves by {promised:.4f}, but it moves by {happens:.4f}. {hint}"
)

# 3. skip_dx: here the inner layers made two channels, and x has one
heard = []


def inner_backward(part):
    """Go back through pretended inner layers: y[..., 0] was 100 times x, y[..., 1] 1,000 times x."""
    heard.append(part)
    assert np.shape(part) != (1, 2, 2, 3), (
        "skip_dx: inner_backward was given all of dy. Give it its own channels only; channels are the last axis."
    )
    assert np.shape(part) != (1, 2, 2, 1), (
        "skip_dx: inner_backward was given the part that went round. The inner layers' channels come *first*, and here "
        "they are two: up to `channels`."
    )
    assert np.shape(part) == (1, 2, 2, 2), (
        f"skip_dx: inner_backward was given the shape {np.shape(part)}. Of dy (1, 2, 2, 3), cut the *last* axis: "
        "dy[..., a:b]; the first two channels belong to the inner layers."
    )
    return part[..., :1] * 100 + part[..., 1:] * 1000


dy = np.array([[[[1.0, 2, 5], [2, 1, 6]], [[3, 0, 7], [0, 4, 8]]]])  # (1, 2, 2, 3)
hint = "dy[..., :channels] belongs to the inner layers, the rest went round. Hand inner_backward its part, in brackets."
dx = result_of(skip_dx, hint, dy, 2, inner_backward)
assert heard, "skip_dx: inner_backward was never called. What went through the inner layers must go back through them."
assert len(heard) == 1, (
    "skip_dx: inner_backward was called more than once. A way back may be used once: keep its result."
)
assert dx.shape != (1, 2, 2, 2) or dx[0, 0, 0, 0] != 2105, (
    "skip_dx: dy[..., channels] drops the last axis, and then the sum goes wrong. dy[..., channels:] keeps it."
)
assert dx.shape != (1, 2, 2, 2), "skip_dx: the two ways lie side by side. Both lead to the same x: add them."
assert dx.shape == (1, 2, 2, 1), f"skip_dx: dx should be (1, 2, 2, 1) like x, not {dx.shape}."
inner, around = 1 * 100 + 2 * 1000, 5
told = f"At the first pixel {inner} comes back through the inner layers and {around} by the way round"
mine = dx.ravel()[0]
assert mine != inner, f"skip_dx: {told}. Your dx is {mine:.0f}: the way round is missing."
assert mine != around, f"skip_dx: {told}. Your dx is {mine:.0f}: what came back through the inner layers is missing."
assert mine != inner * around, f"skip_dx: {told}. You multiplied them; what is used twice adds up."
assert mine != (inner + around) / 2, f"skip_dx: {told}. You took the mean; what is used twice adds up."
assert mine == inner + around, f"skip_dx: {told}. Your dx there is {mine:.0f}."
assert dx.ravel().tolist() == [2105, 1206, 307, 4008], (
    f"skip_dx: the four pixels should get 2105, 1206, 307 and 4008; yours: {dx.ravel().tolist()}."
)


class MySkip(tc.Layer):
    """A skip like tc.Skip that goes back by the function above."""

    def __init__(self, *inner):
        self.inner = tc.Sequential(*inner)

    def forward(self, x, *, mode, rng):
        up, inner_backward = self.inner(x, mode=mode, rng=rng)
        return np.concatenate([up, x], -1), lambda dy: skip_dx(dy, up.shape[-1], inner_backward)


layer = MySkip(tc.AvgPool2d(2), tc.Conv2d(3, 5, 1), tc.Upsample(2))
try:
    worst = tc.gradcheck(layer, np.random.default_rng(8).normal(size=(2, 4, 6, 3)))
except (tc.GradientError, IndexError, NameError, TypeError, ValueError) as error:
    raise AssertionError(
        "skip_dx: right for inner layers with two channels, but not for five and an x with three. Is a number of "
        f"channels written down in your code?\n{type(error).__name__}: {error}"
    ) from None
print(f"Right. The skip with your way back passes gradcheck: the worst relative error is {worst:.0e}.")
