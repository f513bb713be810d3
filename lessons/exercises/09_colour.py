# %% [markdown]
# # Exercise 9: lightness by hand, and the colours of another photo
#
# 1. `to_light(numbers)` undoes the curve. Up to 0.04045 it is `x / 12.92`, above it `((x + 0.055) / 1.055) ** 2.4`.
#    `np.where(condition, this, that)` chooses for each number.
# 2. `lightness(rgb)` returns L*. Undo the curve; add up the light, `Y = 0.212671 R + 0.715160 G + 0.072169 B`; then it
#    is `(29 / 3) ** 3 * Y` up to a Y of `(6 / 29) ** 3`, and `116 * cube root of Y - 16` above. (`np.cbrt` is the cube
#    root. `rgb[..., 0]` is all of red, however many axes come before the last.)
# 3. `recolour(photo, donor)` keeps the L* of one photo and takes a* and b* from the other: pixels in, pixels out. Here
#    use `tc.color.rgb_to_lab`, `tc.color.lab_to_rgb` and `tc.color.fit_into_gamut`.
#
# Replace the three `...` and run this file. It checks itself.

# %%
import matplotlib.pyplot as plt
import numpy as np

import tinycolor as tc
from tinycolor import figures
from tinycolor.data.shipped import FOLDER, attributions


def to_light(numbers):
    """Return the light of sRGB numbers 0..1, of any shape: the same shape, 0..1."""
    return ...


def lightness(rgb):
    """Return L*, 0..100, of colours rgb (..., 3), 0..1: the shape (...)."""
    return ...


def recolour(photo, donor):
    """Return photo in the colours of donor: all three are pixels 0..255, uint8 (H, W, 3)."""
    return ...


# %% The check: do not change anything below this line
HINTS = {
    "ambiguous": "`if` asks one question, but here are many numbers. np.where(condition, this, that) asks for each.",
    "read-only": "Nobody writes into what was given. Make a new array: rgb = photo / 255.",
    "same number of dim": "Print both shapes. (H, W) and (H, W, 2) are joined by np.dstack, one behind the other.",
    "must match exactly": "Print both shapes: height and width must be those of the photo.",
    "floats from 0 to 1": "photo / 255 does both. And so for the donor.",
    "tuple": "fit_into_gamut returns two things, the colours and a share: fitted, share = ...",
    "unpack": "rgb[..., 0] is all of red, however many axes come before; so for green and blue.",
    "is not defined": "Is it spelt right? NumPy's functions begin with np., the library's with tc.color.",
    "broadcast": "Print the shapes on the line before. rgb[..., 0] is all of red, rgb[0] is the first row of dots.",
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
    assert isinstance(answer, np.ndarray | np.floating), (
        f"{name}() should return an array, not {type(answer).__name__}. np.where works on all numbers at once."
    )
    return answer


# The light of six numbers, worked out with a pocket calculator.
numbers = np.array([0, 10, 128, 188, 254, 255]) / 255
light = run(to_light, numbers)
wanted = np.array([0, 0.003035, 0.215861, 0.502886, 0.991102, 1])
assert light.shape == (6,), f"to_light() keeps the shape: six numbers (6,) in; yours gave {light.shape}."
assert not np.allclose(light, numbers / 12.92), (
    "Every number was divided by 12.92. That is for the darkest only, up to 0.04045."
)
assert not np.isclose(light[2], numbers[2] / 12.92), (
    "128 was divided by 12.92, but it is not dark. np.where(condition, this, that): *this* is for where it holds."
)
assert light[2] < numbers[2], (
    f"{numbers[2]:.3f} came out as {light[2]:.3f}, but 128 gives less than half the light. You bent the curve once "
    "more. Undoing it divides by 12.92 and takes the power 2.4, not 1 / 2.4."
)
assert not np.isclose(light[0], 0.000834, atol=1e-5), (
    "Black came out as 0.0008. Your curve is right, but up to 0.04045 the straight piece counts, x / 12.92."
)
wrong = np.flatnonzero(~np.isclose(light, wanted, atol=1e-5))
assert wrong.size == 0, (
    f"{wrong.size} of 6 differ. The first: of {numbers[wrong[0]]:.4f} you made {light[wrong[0]]:.6f}, expected "
    f"{wanted[wrong[0]]:.6f}. Mind the brackets: first + 0.055, then / 1.055, then the power."
)

# Seven colours whose L* stands in tables.
names = ["white", "grey 128", "red", "green", "blue", "grey 5", "black"]
colours = np.array([[255] * 3, [128] * 3, [255, 0, 0], [0, 255, 0], [0, 0, 255], [5] * 3, [0] * 3]) / 255
levels = run(lightness, colours)
wanted = np.array([100, 53.585, 53.241, 87.735, 32.296, 1.371, 0])
assert levels.shape != (7, 3), "lightness() gave three numbers for each colour. The light of the three is added up."
assert levels.shape == (7,), (
    f"Seven colours (7, 3) in, seven numbers (7,) out; yours gave {levels.shape}. rgb[..., 0] is all of red, rgb[0] is "
    "the first colour, and .sum() adds up everything."
)
assert not np.isclose(levels[1], 76.188, atol=0.01), "Grey 128 came out as 76.2: the curve was not undone. to_light()."
assert not np.isclose(levels[0], 116, atol=0.01), "White came out as 116: take 16 away, and it is 100."
assert not np.isclose(levels[2], 61.569, atol=0.01), "Red is 61.6: 0.299 and so on belong to luma. Here it is 0.212671."
assert not np.isclose(levels[2], 64.43, atol=0.01), "Red is 64.4: that is the mean of the three. Each has its weight."
assert not np.isclose(levels[6], -16, atol=0.01), (
    "Black came out as -16. Up to a Y of (6 / 29) ** 3 the straight piece counts, and it has no 16."
)
wrong = np.flatnonzero(~np.isclose(levels, wanted, atol=0.01))
assert wrong.size == 0, (
    f"{wrong.size} of 7 differ. The first: L* of {names[wrong[0]]} is {wanted[wrong[0]]:.2f}, yours is "
    f"{levels[wrong[0]]:.2f}. The straight piece goes up to a Y of (6 / 29) ** 3, about 0.009, and no further."
)
cat_name, brushes_name = "skimage-chelsea.jpg", "lomiri-Picture_1A_by_freespace.jpg"
cat = tc.open_image(FOLDER / cat_name)[:300, :450]
brushes = tc.open_image(FOLDER / brushes_name)[:300, :450]
cat_lightness = tc.color.rgb_to_lab(cat / 255)[..., 0]
levels = run(lightness, cat / 255)
assert levels.shape == (300, 450), (
    f"A photo (300, 450, 3) has the lightness (300, 450); yours is {levels.shape}. rgb[..., 0] is red for any shape, "
    "rgb[:, 0] only for a list of colours."
)
assert np.allclose(levels, cat_lightness, atol=1e-3), "Right for seven colours, wrong for a photo: is one typed in?"

# Four dots, worked out with another library: the greys take the colours. The fourth is too strong for so dark a dot.
photo = np.array([[90, 145], [200, 30]], np.uint8)[..., None].repeat(3, -1)
donor = np.array([[[249, 90, 78], [82, 161, 90]], [[120, 170, 220], [255, 5, 118]]], np.uint8)
wanted = np.array([[[180, 18, 29], [83, 162, 91]], [[157, 204, 255], [68, 0, 26]]])
dots = run(recolour, photo, donor)
assert dots.shape == (2, 2, 3), f"recolour() returns a photo of the same size, (2, 2, 3); yours is {dots.shape}."
assert not np.allclose(dots, photo, atol=1), "You got the photo back as it was: whose a* and b* did you take?"
assert not np.allclose(dots, donor, atol=1), "You got the donor back as it was: whose L* did you take?"
assert dots.min() < 250, "All four dots are white: rgb_to_lab takes 0 to 1. Divide the pixels by 255."
assert dots.max() > 2, "All your numbers are 0 or 1. Pixels go up to 255: multiply, before you make whole numbers."
assert np.ptp(dots, axis=-1).max() > 1, (
    "All four dots are grey: it is the wrong way round. L* should come from the photo, a* and b* from the donor."
)
assert abs(dots[0].astype(float) - wanted[0]).max() <= 1, (
    f"The first dot should be {wanted[0, 0]}, yours is {dots[0, 0]}. Pixels / 255 go into rgb_to_lab, and what comes "
    "out of lab_to_rgb is multiplied by 255. Then L* (0 alone) from one, a* and b* (1 and 2) from the other."
)
assert abs(dots[1, 1].astype(float) - wanted[1, 1]).max() <= 1, (
    f"The fourth dot should be {wanted[1, 1]}, yours is {dots[1, 1]}: a colour that no screen can show, cut off or "
    "gone round past 0. fit_into_gamut makes it paler, before it becomes RGB."
)
assert dots.dtype == np.uint8, f"Pixels are of the type uint8; yours are {dots.dtype}. Round, then .astype(np.uint8)."
assert np.array_equal(dots, wanted), (
    "Very near: some numbers are too low by 1, because astype drops what is behind the point. np.rint rounds."
)

result = run(recolour, cat, brushes)
change = abs(tc.color.rgb_to_lab(result / 255)[..., 0] - cat_lightness).max()
assert result.shape == cat.shape, f"A photo {cat.shape} in, {result.shape} out."
assert change < 1, f"Right for four dots, but in a photo L* changes by up to {change:.1f}. Is a number typed in?"
figure, axes = plt.subplots(1, 3, figsize=(11, 3), layout="constrained")
titles = ["its L*", "its a* and b*", "together"]
for axis, picture, title in zip(axes, [cat, brushes, result], titles, strict=True):
    axis.imshow(picture)
    axis.set_title(title)
    axis.axis("off")
figure.supxlabel(f"Photos: {attributions()[cat_name]}; {attributions()[brushes_name]}; both cropped", fontsize=9)
figures.save(figure, "09_exercise")
print(f"Right. The cat is as sharp as it was: no dot's L* has changed by more than {change:.2f} of 100.")
figures.show()
