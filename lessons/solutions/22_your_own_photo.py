# %% [markdown]
# # Solution 22: a photo put together, and nobody flattered
#
# 1. `join(lightness, ab)` lays small colours under a large L*. Stretch a* and b* to the size of L*, by straight lines:
#    `tc.Upsample` can, "bilinear", and takes (how many times higher, how many times wider). Put the three numbers
#    together, let `tc.color.fit_into_gamut` make paler what no screen can show, go to RGB, and make pixels of it.
# 2. `split(crops, share)` says which pictures to learn from, and which to judge by. The pictures are crops: "cat-1" and
#    "cat-2" were cut out of the same photo, "cat". Such crops overlap, and even where they don't, they show the same
#    fur in the same light. If one is learned and the other is judged, then a network that has only a good memory looks
#    clever. So all crops of one photo go to one side. Two functions are here already: `photo_of("cat-2")` is "cat", and
#    `place("cat")` is a number from 0 to 1 that looks like chance, but is the same on every machine and every day. A
#    photo whose place is below `share` is kept for judging, whatever other photos there are.
#
# One way to do it.

# %%
import hashlib

import numpy as np

import tinycolor as tc
from tinycolor.data.shipped import FOLDER, attributions
from tinycolor.data.shrunk import crop, shrink


def photo_of(crop_name):
    """Return which photo a crop was cut out of: "cat" for "cat-2"."""
    return crop_name.rsplit("-", 1)[0]


def place(name):
    """Return a number from 0 to 1 for a name, always the same one: its hash."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") / 2**48


def join(lightness, ab):
    """Return pixels 0..255, uint8 (H, W, 3), of L* 0..100, (H, W), and smaller a*b*, (h, w, 2); h divides H, w W."""
    times = lightness.shape[0] // ab.shape[0], lightness.shape[1] // ab.shape[1]
    stretched = tc.Upsample(times, "bilinear").predict(ab[None])[0]
    fitted, _ = tc.color.fit_into_gamut(np.dstack([lightness, stretched]))
    return np.rint(255 * tc.color.lab_to_rgb(fitted).clip(0, 1)).astype(np.uint8)


def split(crops, share):
    """Return two lists of the names in crops: those to learn from, and those to judge by, about a share 0..1."""
    learning = [name for name in crops if place(photo_of(name)) >= share]
    judging = [name for name in crops if place(photo_of(name)) < share]
    return learning, judging


# %% The check: do not change anything below this line
HINTS = {
    "expected (N, H, W, C)": "Upsample takes a pile of pictures: ab[None] is a pile of one, and [0] takes it out.",
    "same number of dim": "Print both shapes. np.dstack joins (H, W) and (H, W, 2). A pile of one has an axis more.",
    "must match exactly": "Print both shapes. First how many times higher, then how many times wider.",
    "tuple": "fit_into_gamut returns two things, the colours and a share: fitted, share = ...",
    "whole number": "How many times higher and wider: H // h and W // w. A single / makes a number with a point.",
    "is not defined": "A function knows what stands in its brackets, what it makes itself, np, tc, photo_of and place.",
    "not callable": "Is there a variable called photo_of, place or crop? Then the function of that name is gone.",
    "broadcast": "Print the shapes on the line before.",
    "has no attribute 'encode'": "place takes one name, not a list of names: ask it for one crop at a time.",
    "has no attribute 'rsplit'": "photo_of takes one name, not a list of names: ask it for one crop at a time.",
    "has no attribute 'append'": "Lists have .append; begin with learning, judging = [], [].",
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
        general = "Print what you have on the line before."
        hint = next((advice for part, advice in HINTS.items() if part in str(error)), general)
        inside = error.__traceback__.tb_next
        where = f" in line {inside.tb_lineno}" if inside else ""
        raise AssertionError(f"{name}() stopped{where}: {error}\n{hint}") from None
    assert answer is not ..., f"{name}() still returns `...`: see its number in the text above."
    assert answer is not None, f"{name}() returned None: does it end with `return`?"
    return answer


# 1. Four dots of colour under 24 of lightness. Twice as wide: a* goes 0, 10, 30, 40. Three times as high: b* goes -20,
# -20, 0, 20, 40, 40. Last dot of all: so dark that its colour does not exist.
sheets = np.array([[[0, -20], [40, -20]], [[0, 40], [40, 40]]], np.float32)
levels = np.full((6, 4), 60, np.float32)
levels[5, 3] = 12
pixels = run(join, levels.copy(), sheets.copy())
assert isinstance(pixels, np.ndarray), f"join() should return an array of pixels, not {type(pixels).__name__}."
assert pixels.shape != (1, 6, 4, 3), "join() returned a pile of one picture: [0] takes it out."
assert pixels.shape == (6, 4, 3), f"L* (6, 4) and a*b* (2, 2, 2) give pixels (6, 4, 3); yours are {pixels.shape}."
assert pixels.max() > 2, "No number is above 2. Pixels go up to 255: multiply, before you make whole numbers."
assert np.ptp(pixels, axis=-1).max() > 1, "All dots came out grey: a* and b* got lost on the way."
assert pixels[:5].min() > 50, (
    "Some lamps came out nearly off, but all colours of the first five rows are well lit. L*, 0 to 100, comes first of "
    "the three. And pixels above 255 go round, to 0: multiply by 255 once."
)
lab = tc.color.rgb_to_lab(pixels.astype(float).clip(0, 255) / 255)
got_a, got_b = lab[0, :, 1], lab[:5, 0, 2]


def near(numbers, wanted):
    """Return whether numbers are right, but for pixels being whole numbers."""
    return np.allclose(numbers, wanted, atol=1)


rounded = f"{got_a.round(1) + 0}, expected 0, 10, 30, 40"
assert not near(got_a, [0, 0, 40, 40]), f"a* of the first row: {rounded}. That is nearest; straight lines are bilinear."
assert not near(got_a, [0, 40 / 3, 80 / 3, 40]), (
    f"a* of the first row: {rounded}. align_corners=True pulls the outer dots to the rim: leave it out."
)
assert not near(lab[0, :, 2], [0, 10, 30, 40]), "a* and b* have changed places, or was there a transpose?"
assert near(lab[:5, :, 0], 60), (
    f"L* should be 60 everywhere but in the last dot; the first row has {lab[0, :, 0].round()}. L*, 0 to 100, comes "
    "first of the three. It needs no stretching."
)
assert near(got_a, [0, 10, 30, 40]), f"a* of the first row: {rounded}. Was it divided by something, or clipped?"
assert near(got_b, [-20, -20, 0, 20, 40]), (
    f"b* of the first column: {got_b.round(1) + 0}, expected -20, -20, 0, 20, 40. Three times as high: H // h."
)
dark = lab[5, 3]
assert abs(dark[0] - 12) < 1, (
    f"The last dot has L* 12, yours has {dark[0]:.1f}. Its colour does not exist, and cutting lamps off changes L*. "
    "fit_into_gamut makes it paler instead, before it becomes RGB."
)
assert pixels.dtype == np.uint8, (
    f"Pixels are of the type uint8; yours are {pixels.dtype}. Round, then .astype(np.uint8)."
)
assert np.array_equal(pixels[0], [[124, 146, 179], [145, 140, 180], [181, 126, 180], [197, 118, 181]]), (
    f"Very near, but the first dot should be [124 146 179], and yours is {pixels[0, 0]}: astype drops what is behind "
    "the point. np.rint rounds."
)

# 2. Three crops of each of nine photos, in no order. The places: train 0.07, bridge 0.09, kitchen 0.19, window 0.27,
# street 0.38, lake 0.43, cat 0.47, harbour 0.67, oak 0.87.
PHOTOS = ["train", "bridge", "kitchen", "window", "street", "lake", "cat", "harbour", "oak"]
crops = [f"{PHOTOS[n]}-{number}" for number in (2, 1, 3) for n in (6, 1, 8, 3, 0, 7, 2, 5, 4)]
for share, kept in ((0.25, 3), (0.4, 5)):
    before = crops.copy()
    answer = run(split, crops, share)
    assert crops == before, "The list that you were given has changed. Make two new ones."
    assert isinstance(answer, tuple | list), f"split() returns two lists: return learning, judging. Yours: {answer}."
    assert len(answer) == 2, f"split() returns two things, learning and judging; yours returned {len(answer)}."
    assert not any(isinstance(side, str) for side in answer), "split() returns two lists of names, not two names."
    learning, judging = (list(side) for side in answer)
    again = [list(side) for side in run(split, crops, share)]
    assert again == [learning, judging], (
        "Asked twice, it answered differently. No chance here: place() is always the same."
    )
    both = sorted(set(learning) & set(judging))
    assert not both, f"{both[0]} is on both sides."
    strangers = sorted(set(learning + judging) - set(crops))
    assert not strangers, f"{strangers[0]!r} is none of the crops. The lists hold names of crops, such as 'cat-2'."
    lost = sorted(set(crops) - set(learning + judging))
    assert not lost, f"{len(lost)} crops are on no side, {lost[0]} for one: `else`?"
    assert len(learning + judging) == len(crops), "Some crops are in the lists more than once."
    torn = sorted({photo_of(name) for name in learning} & {photo_of(name) for name in judging})
    assert not torn, (
        f"Crops of the photo {torn[0]!r} are on both sides: what is learned from one is asked of the other. Go "
        "by the place of the photo, photo_of(name), not by that of the crop or by the order."
    )
    photos = {photo_of(name) for name in judging}
    assert photos != set(PHOTOS[kept:]), "The two sides are exchanged: first learning, then judging, below share."
    assert photos == set(PHOTOS[:kept]), (
        f"With a share of {share}, {sorted(PHOTOS[:kept])} have a place below it, and are for judging; yours: "
        f"{sorted(photos)}. place(photo) < share, and nothing else, decides: not the order, and not how many there are."
    )

# And now: how much would it flatter? The simplest memory there is looks for the learned crop that is most like the new
# one in L*, dot by dot, and takes its colours. The crops are split your way; and then each by itself, as one must not.
pictures = {}
for name in attributions():
    small = shrink(tc.open_image(FOLDER / name), 30)
    chances = tc.Generator(22, epoch=len(pictures)).uniform((12, 2))
    cuts = [crop(small, 24, down, across) for down, across in chances]
    pictures |= {f"{name}-{n}": tc.color.rgb_to_lab(cut / 255) for n, cut in enumerate(cuts)}
by_photo = run(split, list(pictures), 0.25)
by_crop = [n for n in pictures if place(n) >= 0.25], [n for n in pictures if place(n) < 0.25]
shares = {}
for way, (learned, judged) in {"by photo": by_photo, "by crop": by_crop}.items():
    off = []
    for name in judged:
        alike = min(learned, key=lambda other: ((pictures[other] - pictures[name])[..., 0] ** 2).sum())
        off.append(abs(pictures[alike] - pictures[name])[..., 1:].mean())
    of_grey = np.mean([abs(pictures[name])[..., 1:].mean() for name in judged])
    shares[way] = np.mean(off) / of_grey
    print(f"split {way:8}: a* and b* of a memory are {np.mean(off):4.1f} off, grey {of_grey:4.1f}")
assert shares["by crop"] < 0.5 * shares["by photo"]
print(
    f"Right. The same memory has {shares['by crop']:.0%} of the error of grey if crops are dealt out one by one, and "
    f"{shares['by photo']:.0%} if photos stay whole. The second figure is the true one."
)
