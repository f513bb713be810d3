# %% [markdown]
# # Exercise 14: made alike, how rough, which is nearest
#
# 1. `made_alike(source, lightness)` returns the reference's L*, shifted and stretched, so that its mean and its spread
#    (`.std()`) become those of the photo's L*.
# 2. `roughness(lightness)` returns for each dot the spread of L* in the 5x5 dots around it. At the edges the last dot
#    is repeated: `np.pad(lightness, 2, mode="edge")` puts two more dots on every side. Loops are fine.
# 3. `match(features, samples)` returns for each dot the *number* of the sample that is most like it, counted from 0:
#    where the sum of the squared differences of all its features is the smallest. (`.argmin()` says where.)
#
# Replace the three `...` and run this file. It checks itself.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.color.rectangles import jittered, whole
from tinycolor.data.shipped import FOLDER, attributions
from tinycolor.data.shrunk import shrink


def made_alike(source, lightness):
    """Return source, L* of the reference (h, w), with the mean and the spread of lightness, L* of the photo (H, W)."""
    return ...


def roughness(lightness):
    """Return the spread of L* in the 5x5 dots around each dot, (H, W), for L* (H, W)."""
    return ...


def match(features, samples):
    """Return the number of the nearest sample, whole numbers (H, W), for features (H, W, F) and samples (S, F)."""
    return ...


# %% The check: do not change anything below this line
HINTS = {
    "read-only": "Nobody writes into what was given. Make a new array, such as np.empty(lightness.shape).",
    "broadcast": "Print both shapes. In made_alike() means and spreads are single numbers. In match() one dot's "
    "features are (F,), the samples (S, F): those two fit together.",
    "out of bounds": "Rows come first, then columns. The window of a dot is [row : row + 5, column : column + 5] of "
    "the padded picture.",
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np and tc.",
    "unpack": "Print the shapes on the line before. features has three axes, samples has two.",
    "inhomogeneous": "The rows of your list differ in length. Does each window have 5x5 dots, at the edges as well?",
}


def run(function, *arrays):
    """Call a function with arrays that cannot be changed; if it stops with an error, say what to look at."""
    name = function.__name__
    for array in arrays:
        array.flags.writeable = False
    try:
        answer = function(*arrays)
    except (AttributeError, IndexError, NameError, TypeError, ValueError) as error:
        general = "Print the shapes on the line before."
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), general)
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert answer is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert answer is not None, f"{name}() returned None: does it end with `return`?"
    answer = np.asarray(answer)
    assert answer.dtype.kind in "fiu", f"{name}() should return an array of numbers, not of {answer.dtype}."
    assert not np.isnan(answer).any(), (
        f"{name}() gave nan, which is no number: is something divided by 0, or is a window empty? (A slice from -2 is.)"
    )
    return answer


# 1. Four numbers, worked out with a pencil: their mean is 25, their spread the root of 125; wanted are a mean of 60 and
# the root of 200 / 3. The root of 200 / 3 / 125 is 0.7303: so 10, which is 15 below 25, goes to 15 * 0.7303 below 60.
source, lightness = np.array([[10.0, 20], [30, 40]]), np.array([[50.0, 60, 70]])
mine = run(made_alike, source, lightness)
wanted = np.array([[49.05, 56.35], [63.65, 70.95]])
assert mine.shape != (1, 3), "It is the reference that changes, and the photo that stays: yours has the photo's shape."
assert mine.shape == (2, 2), f"made_alike() keeps the shape of source, (2, 2); yours gave {mine.shape}."
assert not np.allclose(mine, source), "Nothing has changed: mean and spread are still those of source."
assert not np.isclose(mine.mean(), 25), "The mean is still 25, that of source. Wanted is 60, the mean of lightness."
assert not np.isclose(mine.mean(), 0, atol=1e-6), "The mean is 0. Take its own mean away, and then add the photo's."
assert not np.isclose(mine.std(), source.std()), (
    "The spread is still source's: stretch (source - its mean), brackets around it."
)
assert not np.isclose(mine.std(), 1), "The spread is 1: it was divided by its own. Now times that of lightness."
assert not np.isclose(mine.std(), 15.31, atol=0.01), (
    "The spreads are swapped: divide by that of source, times that of lightness."
)
assert not np.isclose(mine.std(), 5.963, atol=0.01), "That is .var(), the spread squared. Stretch by .std()."
assert np.isclose(mine.mean(), 60), (
    f"The mean came out as {mine.mean():.2f}, wanted is 60. First take away source's mean, then stretch, then add 60."
)
assert np.allclose(mine, wanted, atol=0.01), (
    f"Of 10, 20, 30, 40 you made {mine.ravel().round(2)}, wanted is {wanted.ravel()}. The spread is .std() as it is."
)

# 2. One light dot, 75, on a ground of 50. In each window that has it, 1 of 25 dots is 25 too light. The mean is 51; the
# mean square is (24 * 24 + 24 * 1) / 25 = 24; its root is 4.899. In a corner the dot is repeated: 9 of 25 there.
one = np.full((7, 9), 50.0)
one[3, 6] = 75
mine = run(roughness, one)
assert mine.shape != (3, 5), "Your windows begin at row 2 and column 2: the border is missing. np.pad( , 2, mode=...)."
assert mine.shape != (11, 13), "Yours has the size of the padded picture. One number for each dot of the photo."
assert mine.shape == (7, 9), (
    f"roughness() keeps the shape, here (7, 9), rows first; yours gave {mine.shape}. One spread for each window: if "
    "all windows are in one array (7, 9, 5, 5), that is .std((2, 3))."
)
assert not np.isclose(mine[3, 6], 51), "51 is the mean of the 25 dots. Wanted is how far they lie from it: .std()."
assert not np.isclose(mine[3, 6], 24), "24 is the mean of the squared distances, .var(). Take its root, or .std()."
assert not np.isclose(mine[3, 6], 5), "5 comes from dividing by 24 instead of 25 (ddof=1). Take .std() as it is."
assert not np.isclose(mine[3, 6], 7.857, atol=0.001), "7.857 is the spread of 3x3 dots. Two on each side make 5x5."
assert not np.isclose(mine[3, 6], 3.535, atol=0.01), "3.5 is the spread of 7x7 dots. Two on each side make 5x5."
assert np.isclose(mine[3, 6], 4.899, atol=0.001), (
    f"At the light dot the spread is 4.899 (24 dots of 50, and one of 75); yours is {mine[3, 6]:.3f}. Is your window "
    "[row : row + 5, column : column + 5] of the padded picture?"
)
assert mine[0, 0] < 20, (
    f"In the corner all dots are 50, so the spread is 0; yours is {mine[0, 0]:.1f}. There is black beyond your edge. "
    'np.pad puts zeros there, unless you say mode="edge".'
)
sees = np.zeros((7, 9), bool)
sees[1:6, 4:9] = True
wrong = np.argwhere(~np.isclose(mine, 4.899 * sees, atol=0.001)).tolist()
assert not wrong, (
    f"{len(wrong)} of 63 dots are wrong, the first at (row, column) {tuple(wrong[0])}. The dot at (3, 6) is in the "
    "window of every dot up to two rows and two columns away, and of no other. Is your window shifted? "
    "Does a loop end early?"
)
corner = np.full((6, 8), 50.0)
corner[0, 0] = 75
mine = run(roughness, corner)
assert not np.isclose(mine[0, 0], 4.899, atol=0.001), (
    'In the corner the last dot goes on, nine times in the window; in yours it is there once: a mirror. mode="edge".'
)
assert not np.isclose(mine[0, 0], 9.165, atol=0.001), (
    'In the corner the last dot goes on, nine times in the window; in yours four times: a mirror. mode="edge".'
)
wanted = np.sqrt([144, 114, 66])
assert np.allclose(mine[0, :3], wanted, atol=0.001), (
    f"Along the upper edge the spreads are {wanted.round(3)}; yours are {mine[0, :3].round(3)}. Beyond "
    "the edge the last dot goes on, two more on every side."
)

# 3. Six dots and five samples: L* and roughness.
features = np.array([[[22.0, 2], [48, 2], [48, 8]], [[78, 4], [20, 9], [59, 0]]])
samples = np.array([[20.0, 1], [50, 1], [50, 9], [80, 5], [25, 14]])
mine = run(match, features, samples)
wanted = np.array([[0, 1, 2], [3, 4, 1]])
assert mine.shape != (2, 3, 2), "That is two numbers for each dot: features of a sample? Wanted is which sample it is."
assert mine.shape != (2, 3, 5), (
    "That is a number for each dot and each sample. Add up over the features, then argmin over the samples."
)
assert mine.shape != (6,), "The right count, but in one row: reshape it to the photo's height and width, (2, 3)."
assert mine.shape != (5,), "That is one number for each sample. Each *dot* looks for a sample: argmin over the samples."
assert mine.shape != (), "That is one number in all. Each dot has its own nearest sample: argmin along which axis?"
assert mine.shape == (2, 3), (
    f"match() returns one number for each dot, (2, 3); yours gave {mine.shape}. "
    "argmin goes along the axis of the samples."
)
assert mine.dtype.kind in "iu", (
    f"The numbers of samples are whole, 0 to 4; yours are {mine.dtype}, such as {mine[0, 0]:.1f}. `.min()` says how "
    "small, `.argmin()` says where. (np.empty takes int as a second argument.)"
)
assert not np.array_equal(mine, wanted + 1), "All are too large by 1: count from 0."
squares = ((features[..., None, :] - samples) ** 2).sum(-1)
assert not np.array_equal(mine, squares.argmax(-1)), "You found the sample that is *least* like the dot: argmin."
signed = (features[..., None, :] - samples).sum(-1)
assert not np.array_equal(mine, signed.argmin(-1)), (
    "A difference below 0 counted as the smallest. Square first, then add."
)
assert not np.array_equal(mine, (signed**2).argmin(-1)), (
    "You added the two differences and squared their sum: there +8 and -8 would cancel. Square each first, then add."
)
assert not np.array_equal(mine, abs(features[..., :1] - samples[:, 0]).argmin(-1)), (
    "Only L* was compared. Both features count: add up over the last axis."
)
assert mine[1, 1] != 0, (
    "The dot (20, 9) chose (20, 1): off by 0 and 8, the sum of squares is 64. But (25, 14) is off by 5 and 5: 50. "
    "Square the differences before you add them up; abs() won't do."
)
assert np.array_equal(mine, wanted), (
    f"Wanted are the samples {wanted.tolist()}, yours are {mine.tolist()}. The first dot, (22, 2), is nearest to "
    "sample 0, (20, 1). Rows and columns are those of the photo."
)

# And now for real: an evening, coloured by the landscape of the lesson. All features of all dots, by your functions.
names = ["lomiri-sunset_by_Aitzol_Berasategi.jpg", "lomiri-aitzgorri_by_Aitzol_Berasategi.jpg"]
evening, reference = (shrink(tc.open_image(FOLDER / name), 120) for name in names)  # (120, 180, 3)
lightness = tc.color.lab_of(evening)[..., 0].astype(float)  # lab_of: rgb_to_lab for whole numbers, 0 to 255
reference_lab = tc.color.lab_of(reference).astype(float)
alike = run(made_alike, reference_lab[..., 0], lightness)
features = np.dstack([lightness, run(roughness, lightness)])
down, across = jittered(whole(reference), 200, tc.Generator(0))
samples = np.dstack([alike, run(roughness, alike)])[down, across]  # (204, 2)
nearest = run(match, features, samples)
coloured = np.dstack([lightness, reference_lab[down, across, 1:][nearest]])
differ = (abs(tc.color.transfer_lab(evening, reference) - coloured).max(-1) > 1e-3).sum()
assert differ < 100, (
    f"Right for small pictures, but here {differ:,} of {nearest.size:,} dots differ from the library's. Is a number "
    "typed in, such as a size, a mean or a spread?"
)
pictures = {
    "its L*": lightness[..., None] * [1, 0, 0],
    "the reference": reference_lab,
    "coloured by your functions": coloured,
}
figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
for axis, (title, lab) in zip(axes, pictures.items(), strict=True):
    axis.imshow(tc.color.lab_to_bytes(lab)[0])
    axis.set_title(title)
    axis.axis("off")
figure.supxlabel(f"Photos: {attributions()[names[0]]}", fontsize=9)
figures.save(figure, "14_exercise")
print(
    f"Right. {nearest.size - differ:,} of {nearest.size:,} dots are as the library has them. Parts of the ground have "
    "the green of the meadow; where the sky is only as light as the rocks, it has their grey."
)
figures.show()
