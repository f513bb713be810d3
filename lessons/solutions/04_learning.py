# %% [markdown]
# # Solution 4: two functions with their way back, chained
#
# 1. `cube(x)` returns x * x * x and its `backward`. The derivative of the cube is 3 * x * x. (Nudge it, if you like:
#    2 * 2 * 2 = 8, and 2.001 * 2.001 * 2.001 = 8.012006.)
# 2. `times(a, b)` returns a * b and its `backward`. It has two inputs, so its `backward` returns two numbers: `da` and
#    `db`. Nudge a by 0.001 and keep b: how many times as far does a * b move? Then the other way round.
# 3. `slopes(x, b)` chains them: forward to x * x * x * b, and back through both, to the derivative for x and for b. Use
#    your `cube` and `times`, forward in order and backward in reverse. The last function's `backward` is told 1; what
#    it answers is what the `backward` before it is told.
#
# One way to do it.

# %%
from inspect import signature
from numbers import Real


def cube(x):
    """Return x * x * x and a function backward(dy) that returns dx, one number."""

    def backward(dy):
        return 3 * x * x * dy

    return x * x * x, backward


def times(a, b):
    """Return a * b and a function backward(dy) that returns two numbers, da and db."""

    def backward(dy):
        return b * dy, a * dy

    return a * b, backward


def slopes(x, b):
    """Return three numbers: x * x * x * b, its derivative for x, and its derivative for b."""
    cubed, back_cube = cube(x)
    y, back_times = times(cubed, b)
    d_cubed, db = back_times(1.0)
    return y, back_cube(d_cubed), db


# %% The check: do not change anything below this line
TWO_THINGS = (
    "cube and times return two things each, and so does the backward of times. Take them apart: "
    "c, back_cube = cube(x), and dc, db = back_times(1)."
)


def run(what, function, *numbers):
    """Call a function; if it stops with an error, say what to look at."""
    try:
        return function(*numbers)
    except (AttributeError, IndexError, NameError, TypeError, ValueError) as error:
        inside = error.__traceback__.tb_next
        where = f"in line {inside.tb_lineno}" if inside else "before its first line"
        hint = TWO_THINGS if "slopes" in what else "Print what stands in that line, piece by piece."
        if isinstance(error, NameError):
            hint = (
                "Is it spelled the same everywhere, and made before it is used? A lambda that returns two numbers "
                "needs brackets: lambda dy: (..., ...)."
            )
        raise AssertionError(f"{what} stopped {where}: {error}. {hint}") from None


def as_numbers(what, result, count):
    """Return the result as a list of so many numbers, or say what it is instead."""
    assert result is not None, f"{what} returned None: is there a return in it?"
    assert result is not ..., f"{what} still returns '...': that is where your code goes."
    try:
        listed = list(result)
    except TypeError:
        listed = [result]
    for number in listed:
        is_two = callable(number) or isinstance(number, tuple | list)
        assert not is_two, f"{what} should return plain numbers; there is a {type(number).__name__} in it. {TWO_THINGS}"
        assert isinstance(number, Real), f"{what} should return plain numbers; got {number!r} among them."
    numbers = "one number" if count == 1 else f"{count} numbers"
    assert len(listed) == count, f"{what} should return {numbers}; it returned {len(listed)}."
    return listed


def value_and_backward(what, result):
    """Return the two things that a function of this lesson returns, or say what came instead."""
    assert result is not None, f"{what} returned None: end it with 'return y, backward'."
    assert result is not ..., f"{what} still returns '...': replace it by 'return y, backward', and define backward."
    wrong = f"{what} should return two things, the value and the function backward; got {result!r}."
    assert isinstance(result, tuple | list), wrong
    assert len(result) == 2, wrong
    value, backward = result
    assert callable(backward), (
        f"The second thing that {what} returns should be a function; got {backward!r}. "
        "Write 'backward' without brackets: hand the function over, do not call it."
    )
    try:
        signature(backward).bind(1)
    except TypeError:
        raise AssertionError(f"The backward of {what} should take one number, dy.") from None
    return as_numbers(f"the value of {what}", value, 1)[0], backward


def noting(function):
    """Return the function, made to note each call of it and of its backward in ``called``."""

    def noted(*numbers, **named):
        value, backward = function(*numbers, **named)
        called.append(function.__name__)

        def noted_backward(*dy):
            called.append(f"the backward of {function.__name__}")
            return backward(*dy)

        return value, noted_backward

    return noted


y, backward = value_and_backward("cube(2)", run("cube(2)", cube, 2))
assert y == 8, f"cube(2) should be 2 * 2 * 2 = 8; the value is {y}."
[dx] = as_numbers("the backward of cube(2)", run("the backward of cube(2)", backward, 1), 1)
assert dx != 6, "The backward of cube(2) gave 6: that is 3 * x. It takes 3 * x * x, with x squared."
assert dx != 4, "The backward of cube(2) gave 4: that is the square's 2 * x. For the cube it is 3 * x * x."
assert dx == 12, f"Nudge 2 by 0.001: the cube goes from 8 to 8.012006, 12 times as far. Your backward says {dx}."
[dx] = as_numbers("the backward of cube(2)", run("the backward of cube(2)", backward, 10), 1)
assert dx != 12, "The backward of cube(2) gives 12 for dy = 1 and for dy = 10: it forgets to multiply by dy."
assert dx == 120, f"If dy is 10 times as large, dx is too: 120 for cube(2). Your backward says {dx}."
_, back_first = value_and_backward("cube(2)", run("cube(2)", cube, 2))
_, back_second = value_and_backward("cube(5)", run("cube(5)", cube, 5))
assert back_first(1) == 12, (
    f"After cube(2) and then cube(5), going back through the first gives {back_first(1)}, not 12. Is x kept in a place "
    "that both calls share? Define backward inside cube, and let it use cube's own x."
)

y, backward = value_and_backward("times(3, 5)", run("times(3, 5)", times, 3, 5))
assert y == 15, f"times(3, 5) should be 15; the value is {y}."
da, db = as_numbers("the backward of times(3, 5)", run("the backward of times(3, 5)", backward, 1), 2)
assert (da, db) != (3, 5), (
    "The backward of times(3, 5) says that a moves the product 3 times as far. Nudge a: 3.001 * 5 = 15.005, that is 5 "
    "times as far. Each input is multiplied by the *other* one."
)
assert (da, db) == (5, 3), f"3.001 * 5 = 15.005 and 3 * 5.001 = 15.003: that makes 5 and 3, not {da} and {db}."
da, db = as_numbers("the backward of times(3, 5)", run("the backward of times(3, 5)", backward, 10), 2)
assert (da, db) == (50, 30), f"With dy = 10 both are 10 times as large, 50 and 30; got {da} and {db}: multiply by dy."

called = []
cube, times = noting(cube), noting(times)
y, dx, db = as_numbers("slopes(2, 5)", run("slopes(2, 5)", slopes, 2, 5), 3)
assert y == 40, f"2 * 2 * 2 * 5 is 40; the first number of slopes(2, 5) is {y}."
assert dx != 5, (
    "For x you return 5. That is how far the *cube* moves the result, times' da. It still has to go back through the "
    "cube: hand it to the cube's backward as dy."
)
assert dx != 12, "For x you return 12: the cube's backward was told 1. Tell it what the backward of times said for it."
assert db != 2, "For b you return 2, which is x. But b is multiplied by the cube of x: give `times` the cube, not x."
assert (dx, db) != (8, 60), "Both derivatives are right, in the wrong order: first the one for x, then the one for b."
for name in ("cube", "times", "the backward of times", "the backward of cube"):
    assert name in called or (y, dx, db) != (40, 60, 8), (
        f"All three numbers are right, but {name} was never called. Leave the work to your two functions and their "
        "backward: a chain of a hundred functions is too long to work out by hand."
    )
for x, b in ((2.0, 5.0), (-1.5, 0.5), (0.3, -7.0)):
    y, dx, db = as_numbers(f"slopes({x}, {b})", run(f"slopes({x}, {b})", slopes, x, b), 3)
    nudged_x = ((x + 1e-5) ** 3 * b - (x - 1e-5) ** 3 * b) / 2e-5  # both ways, so that the bend cancels
    nudged_b = (x**3 * (b + 1e-5) - x**3 * (b - 1e-5)) / 2e-5
    assert abs(y - x**3 * b) < 1e-9, f"slopes({x}, {b}) returns {y}, but x * x * x * b is {x**3 * b}."
    assert abs(dx - nudged_x) < 1e-6, f"At x = {x}, b = {b} nudging x says {nudged_x:.4f}; you say {dx:.4f}."
    assert abs(db - nudged_b) < 1e-6, f"At x = {x}, b = {b} nudging b says {nudged_b:.4f}; you say {db:.4f}."
print("Right. You went back through two functions, and nudging agrees at three places: that is back-propagation.")
