# %% [markdown]
# # Exercise 3: build logic out of neurons
#
# 1. `neuron(inputs, weights, bias)` returns one vote: the sum of input times weight, plus the bias, squashed by the
#    sigmoid $1 / (1 + e^{-z})$. `math.exp(-z)` is $e^{-z}$ for one number; the lesson's `np.exp` takes arrays too.
# 2. `AND`, `OR` and `NOT` are neurons too. Choose their weights and biases by hand so that "yes" comes out above 0.9
#    and "no" below 0.1. Inputs are 0 or 1. (A pencil helps: what is the sum in each row of the truth table?)
# 3. `xor(a, b)` returns the vote for "exactly one of the two is 1", made of AND, OR and NOT and nothing else.
#    `neuron([a, b], **AND)` is the vote of your AND: the two stars hand over its weights and its bias.
#
# Replace every `...` and run this file. It checks itself.

# %%
import math
from itertools import product


def neuron(inputs, weights, bias):
    """Return one vote, a number from 0 to 1. `inputs` and `weights` are lists of equal length, `bias` is a number."""
    return ...


AND = {"weights": [..., ...], "bias": ...}  # yes if both inputs are 1
OR = {"weights": [..., ...], "bias": ...}  # yes if at least one input is 1
NOT = {"weights": [...], "bias": ...}  # one input: yes if it is 0


def xor(a, b):
    """Return the vote for "exactly one of a and b is 1". Use AND, OR and NOT."""
    return ...


# %% The check: do not change anything below this line
def call(function, *arguments, **named):
    """Call one of the functions above, and say what an error in it is likely to mean."""
    name = function.__name__
    try:
        vote = function(*arguments, **named)
    except OverflowError as error:
        raise AssertionError(
            f"{name}() overflowed ({error}): such large weights are not needed, 10 will do."
        ) from error
    except NameError as error:
        raise AssertionError(
            f"{name}() stopped: {error}. Its inputs are named in the line with `def`; any other name needs a line "
            f"above that says what it is.{' For np.exp, write math.exp.' if error.name == 'np' else ''}"
        ) from error
    except (TypeError, ValueError, IndexError) as error:
        raise AssertionError(
            f"{name}() stopped with {type(error).__name__}: {error}. Is a `...` left somewhere? Do you multiply "
            "number by number (`zip` pairs inputs and weights)? Do the inputs come as one list, neuron([a, b], **AND)?"
        ) from error
    assert vote is not ..., f"{name}() still returns `...`: begin there."
    assert vote is not None, f"{name}() returned None: does it end with `return`?"
    assert not hasattr(vote, "__len__"), f"{name}() should return one number, not {vote!r}: add them up."
    return float(vote)


vote = call(neuron, [0], [0], 0)
assert vote != 0, "With a sum of 0 the vote should be 0.5, undecided; yours is 0, the sum itself. Where is the sigmoid?"
assert math.isclose(vote, 0.5), f"With a sum of 0 the vote should be 0.5, because 1 / (1 + e^0) = 1 / 2; yours: {vote}."
vote = call(neuron, [1], [2], 0)
assert not math.isclose(vote, 0.1192, abs_tol=1e-4), "A larger sum should give a larger vote: e to the power *minus* z."
assert math.isclose(vote, 0.8808, abs_tol=1e-4), f"Input 1, weight 2: the sigmoid of 2 is 0.8808; yours is {vote:.4f}."
vote = call(neuron, [1, 1, 0.5], [2, -3, 4], 0)
assert not math.isclose(vote, 0.5826, abs_tol=1e-4), "You take the mean of the products. A neuron adds them up."
assert not math.isclose(vote, 0.9526, abs_tol=1e-4), "The inputs do not seem to count: add up input times weight."
assert not math.isclose(vote, 0.8808, abs_tol=1e-4), (
    "Only one of the three products seems to count: is `return` inside the loop, or did you write = for += ?"
)
assert math.isclose(vote, 0.7311, abs_tol=1e-4), f"2 - 3 + 2 = 1, and the sigmoid of 1 is 0.7311; yours is {vote:.4f}."
vote = call(neuron, [1, 1, 0.5], [2, -3, 4], -1)
assert not math.isclose(vote, 0.7311, abs_tol=1e-4), "The bias changes nothing in your neuron: add it to the sum."
assert vote > 0, "Your vote is below 0: add the bias to the sum, before the sigmoid, and not to the vote."
assert math.isclose(vote, 0.5), f"2 - 3 + 2 - 1 = 0, so the vote is 0.5; yours is {vote:.4f}. Is the bias added once?"


def check(name, gate, answer):
    """Hold a neuron to its truth table."""
    weights, bias, count = gate["weights"], gate["bias"], 1 if name == "NOT" else 2
    assert isinstance(weights, list), f"The weights of {name} should be a list, even of one number; yours: {weights!r}."
    assert ... not in [*weights, bias], f"{name} still has a `...` among its weights or for its bias."
    assert len(weights) == count, f"{name} has {count} input(s), so it needs as many weights; yours are {weights}."
    for inputs in product([0, 1], repeat=count):
        vote, wanted = call(neuron, list(inputs), **gate), answer(*inputs)
        if vote > 0.9 if wanted else vote < 0.1:
            continue
        z = sum(value * weight for value, weight in zip(inputs, weights, strict=True)) + bias
        advice = f"sum and bias make {z:g}, and should be {'above 2.2' if wanted else 'below -2.2'}."
        if z > 0 if wanted else z < 0:
            advice += " The sign is right, but it is not sure enough: multiply weights and bias by the same number."
        elif not any(inputs):
            advice += " Where all inputs are 0 the weights have no say: only the bias is left."
        raise AssertionError(
            f"{name} of {inputs} should be {'yes' if wanted else 'no'}, and votes {vote:.3f}: {advice}"
        )


def watched(function, *arguments):
    """Call a function, and return its vote, and all the votes that neuron() gave meanwhile."""
    votes, plain = [], neuron

    def noting(*arguments, **named):
        votes.append(plain(*arguments, **named))
        return votes[-1]

    globals()["neuron"] = noting
    try:
        return call(function, *arguments), votes
    finally:
        globals()["neuron"] = plain


check("AND", AND, lambda a, b: a == b == 1)
check("OR", OR, lambda a, b: a + b > 0)
check("NOT", NOT, lambda a: a == 0)
for a, b in product([0, 1], repeat=2):
    (vote, votes), wanted = watched(xor, a, b), a != b
    assert vote in votes, (
        f"xor({a}, {b}) returns {vote:.3f}, but no neuron voted that: its last step should be a neuron, and not a "
        "difference, `!=`, or `if`."
    )
    sure = vote > 0.9 if wanted else vote < 0.1
    assert sure or (vote > 0.5) != wanted, (
        f"xor({a}, {b}) is {vote:.3f}. The right side, but not sure enough: the doubts of the neurons inside add up. "
        "Multiply their weights and biases by 2."
    )
    assert sure, (
        f"xor({a}, {b}) should be {'above 0.9' if wanted else 'below 0.1'}, and is {vote:.3f}. In words XOR is: "
        "at least one of them, and not both. Print the vote of each neuron inside: which is not what you expect?"
    )
print("Right. AND, OR and NOT are enough to build any logic, so layers of neurons can compute whatever logic can.")
