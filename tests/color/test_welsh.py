"""Welsh's transfer against plain loops, against what the paper promises, and against what people will feed it."""

import re
import tracemalloc
from math import sqrt

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.color import fit_into_gamut, lab_of, lab_to_rgb, rgb_to_lab, transfer, transfer_lab, welsh
from tinycolor.color.rectangles import Rectangle, jittered, tiles, whole
from tinycolor.data.shipped import shipped_photos
from tinycolor.data.shrunk import shrink
from tinycolor.metrics.errors import ab_mae

ORANGE, BLUE = (40, 30), (5, -35)


@pytest.fixture
def photo(rng):
    return rng.integers(0, 256, (70, 83, 3), dtype=np.uint8)


def coloured(lightness, ab):
    """Return sRGB bytes of L* and a*, b*, or of any that can be spread over it."""
    lab = np.concatenate([lightness[..., None], np.broadcast_to(ab, (*lightness.shape, 2))], -1)
    return np.rint(255 * lab_to_rgb(fit_into_gamut(lab)[0])).clip(0, 255).astype(np.uint8)


# Against loops: everything the method says, one pixel at a time.


def lightness_at(lightness, row, column):
    """Return what is there; beyond the edge, the last pixel."""
    height, width = len(lightness), len(lightness[0])
    return lightness[min(max(row, 0), height - 1)][min(max(column, 0), width - 1)]


def window(lightness, row, column):
    return [lightness_at(lightness, row + i, column + j) for i in range(-2, 3) for j in range(-2, 3)]


def mean_and_std(numbers):
    mean = sum(numbers) / len(numbers)
    return mean, sqrt(sum((number - mean) ** 2 for number in numbers) / len(numbers))


def remapped(source, source_part, target_part):
    """Return the source with the mean and standard deviation of its part made those of the target's part."""
    mean, std = mean_and_std(source_part)
    wanted_mean, wanted_std = mean_and_std(target_part)
    return [[(number - mean) / std * wanted_std + wanted_mean for number in row] for row in source]


def part_of(lightness, left, top, width, height):
    return [lightness[row][column] for row in range(top, top + height) for column in range(left, left + width)]


def unlikeness(target, source, row, column, there):
    """Return lightness and roughness, half and half."""
    ours = (target[row][column], mean_and_std(window(target, row, column))[1])
    theirs = (source[there[0]][there[1]], mean_and_std(window(source, *there))[1])
    return 0.5 * (ours[0] - theirs[0]) ** 2 + 0.5 * (ours[1] - theirs[1]) ** 2


def best(distances):
    return min(range(len(distances)), key=distances.__getitem__)


def lists(rgb):
    return rgb_to_lab(rgb / 255)[..., 0].tolist()


def test_a_small_picture_comes_out_as_loops_say(rng):
    grey = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
    reference = rng.integers(0, 200, (11, 5, 3), dtype=np.uint8)
    # More samples than pixels: every one of them, so that nothing is left to chance.
    result = transfer_lab(grey, reference, samples=1000)[..., 1:]
    target, source = lists(grey), lists(reference)
    source = remapped(source, part_of(source, 0, 0, 5, 11), part_of(target, 0, 0, 9, 7))
    colours = rgb_to_lab(reference / 255)[..., 1:]
    places = [(row, column) for row in range(11) for column in range(5)]
    for row in range(7):
        for column in range(9):
            chosen = best([unlikeness(target, source, row, column, place) for place in places])
            np.testing.assert_allclose(result[row, column], colours[places[chosen]], atol=1e-3)


def test_swatches_come_out_as_loops_say(rng):
    grey = rng.integers(0, 256, (13, 17), dtype=np.uint8)
    reference = rng.integers(0, 256, (11, 19, 3), dtype=np.uint8)
    pairs = [((1, 2, 6, 7), (0, 3, 8, 6)), ((9, 5, 7, 8), (10, 0, 9, 9))]
    result = transfer_lab(grey, reference, swatches=pairs, samples=4000)[..., 1:]
    target, source = lists(grey[..., None].repeat(3, -1)), lists(reference)
    colours = rgb_to_lab(reference / 255)[..., 1:]
    expected, to_choose_from = {}, []
    for ours, theirs in pairs:
        alike = remapped(source, part_of(source, *theirs), part_of(target, *ours))
        # Only what is all in the swatch is compared: two pixels from its border and further in.
        left, top, width, height = theirs
        places = [(r, c) for r in range(top + 2, top + height - 2) for c in range(left + 2, left + width - 2)]
        left, top, width, height = ours
        for row in range(top, top + height):
            for column in range(left, left + width):
                chosen = best([unlikeness(target, alike, row, column, place) for place in places])
                expected[row, column] = colours[places[chosen]]
                if top + 2 <= row < top + height - 2 and left + 2 <= column < left + width - 2:
                    to_choose_from.append((row, column))
    for row in range(13):
        for column in range(17):
            own = window(target, row, column)
            squares = [
                sum((x - y) ** 2 for x, y in zip(own, window(target, *place), strict=True)) for place in to_choose_from
            ]
            wanted = expected.get((row, column), expected[to_choose_from[best(squares)]])
            np.testing.assert_allclose(result[row, column], wanted, atol=1e-3)


# What the method promises.


@pytest.mark.parametrize("swatches", [(), [((3, 4, 20, 9), (30, 20, 11, 40))]], ids=["whole", "swatches"])
@pytest.mark.parametrize("shape", [(70, 83, 3), (70, 83), (300, 30, 3)], ids=str)
def test_lightness_is_unchanged(rng, photo, shape, swatches):
    grey = rng.integers(0, 256, shape, dtype=np.uint8)
    own = lab_of(grey if grey.ndim == 3 else np.repeat(grey[..., None], 3, -1))[..., 0]
    lab = transfer_lab(grey, photo, swatches=swatches)
    assert lab.dtype == np.float32
    np.testing.assert_array_equal(lab[..., 0], own)
    picture = transfer(grey, photo, swatches=swatches)
    assert picture.dtype == np.uint8
    assert abs(rgb_to_lab(picture / 255)[..., 0] - own).max() < 0.34
    assert np.ptp(picture.astype(int), axis=-1).max() > 50


def test_lightness_is_unchanged_where_its_last_bit_depends_on_how_it_is_worked_out(rng, photo):
    thin = rng.integers(0, 256, (300, 1, 3), dtype=np.uint8)
    np.testing.assert_array_equal(transfer_lab(thin, photo)[..., 0], lab_of(thin)[..., 0])


def test_the_picture_is_what_was_found_brought_into_what_a_screen_can_show(photo):
    lab = transfer_lab(photo, photo[::-1])
    expected = 255 * lab_to_rgb(fit_into_gamut(lab)[0])
    assert abs(transfer(photo, photo[::-1]) - expected).max() < 0.51


def test_grey_is_grey_with_one_channel_or_three(photo):
    grey = photo[..., 0]
    three = np.repeat(grey[..., None], 3, -1)
    np.testing.assert_array_equal(transfer_lab(grey, photo), transfer_lab(three, photo))


# Those whose lightness and roughness tell the colour. Not so brushes, brook, raccoon, dogs, pagoda, astronaut, galaxies
# and the three landscapes: fur and leaves, say, or sky and rock, are as light and as rough as each other.
HALVED = {
    "lomiri-Picture_0B_by_freespace",
    "lomiri-Wine_by_Jakkub_Mede",
    "lomiri-seeding_by_Clements_Engelhardt",
    "skimage-chelsea",
    "skimage-coffee",
    "skimage-retina",
    "skimage-rocket",
    "sklearn-flower",
}


def test_a_photo_coloured_from_itself_has_at_most_half_the_error_of_grey():
    ours, greys = {}, {}
    for path in shipped_photos():
        photo = shrink(tc.open_image(path, at_least=192), 96)
        truth = lab_of(photo)[..., 1:]
        ours[path.stem] = ab_mae(transfer_lab(photo, photo)[..., 1:], truth)
        greys[path.stem] = ab_mae(np.zeros_like(truth), truth)
    assert {name for name in ours if ours[name] <= greys[name] / 2} >= HALVED
    assert sum(ours.values()) <= sum(greys.values()) / 2


def two_textures(height=96, width=128, seed=1):
    """Return lying and standing stripes, equal in mean and in spread, with a wavy border, and which are which."""
    down, across = np.mgrid[:height, :width]
    lying = across + 10 * np.sin(down / 11) < width / 2
    stripes = np.where(lying, down, across) % 6 < 3
    noise = np.random.default_rng(seed).normal(0, 1.5, (height, width))
    return 55 + np.where(stripes, 10, -10) + noise, lying


def rough_and_smooth():
    """Return a chequered and a plain half, equal in mean, and which are which."""
    noise, chequered = two_textures()
    down, across = np.mgrid[: noise.shape[0], : noise.shape[1]]
    squares = np.where((down % 6 < 3) == (across % 6 < 3), 10, -10)
    noise = np.random.default_rng(2).normal(0, 1.5, noise.shape)
    return 55 + np.where(chequered, squares, 0) + noise, chequered


OURS = (4, 4, 40, 40), (84, 50, 40, 40)


def share_right(ab, first):
    """Return the share of pixels that are nearer to their own of the two colours."""
    orange, blue = (((ab - colour) ** 2).sum(-1) for colour in (ORANGE, BLUE))
    return ((orange < blue) == first).mean()


@pytest.mark.parametrize("scene", [two_textures, rough_and_smooth])
def test_swatches_recover_two_textures(scene):
    lightness, first = scene()
    assert abs(lightness[first].mean() - lightness[~first].mean()) < 0.5
    truth = coloured(lightness, np.where(first[..., None], ORANGE, BLUE))
    # The reference is the same scene upside down, so that no pixel finds itself.
    theirs = tuple((left, 96 - top - height, width, height) for left, top, width, height in OURS)
    swatches = list(zip(OURS, theirs, strict=True))
    grey = coloured(lightness, (0, 0))
    assert share_right(transfer_lab(grey, truth[::-1], swatches=swatches)[..., 1:], first) >= 0.95
    if scene is two_textures:  # lightness and its spread alone cannot tell which stripes are which
        assert share_right(transfer_lab(grey, truth[::-1])[..., 1:], first) < 0.7


def test_grain_of_pure_chance_is_beyond_swatches():
    # Two grains differ by twice their variance, a grain and the smooth by once: what is smooth is nearer to everything.
    _, grainy = two_textures()
    grain = np.random.default_rng(3).normal(0, 1, grainy.shape)
    lightness = 55 + np.where(grainy, 10, 1.5) * grain
    truth = coloured(lightness, np.where(grainy[..., None], ORANGE, BLUE))
    swatches = list(zip(OURS, OURS, strict=True))
    assert share_right(transfer_lab(truth, truth, swatches=swatches)[..., 1:], grainy) < 0.8
    assert share_right(transfer_lab(truth, truth)[..., 1:], grainy) > 0.95


def test_swatches_may_come_from_where_nothing_looks_alike():
    lightness, lying = two_textures()
    plain = np.concatenate([coloured(np.full((20, 30), 40.0), BLUE), coloured(np.full((20, 30), 70.0), ORANGE)])
    swatches = [(OURS[0], (0, 20, 30, 20)), (OURS[1], (0, 0, 30, 20))]
    ab = transfer_lab(coloured(lightness, (0, 0)), plain, swatches=swatches)[..., 1:]
    assert share_right(ab, lying) >= 0.95


def test_the_later_of_overlapping_swatches_counts(photo):
    two = np.concatenate([coloured(np.full((9, 9), 50.0), ORANGE), coloured(np.full((9, 9), 50.0), BLUE)])
    orange, blue = (0, 0, 9, 9), (0, 9, 9, 9)
    here, over = (10, 10, 30, 30), (20, 20, 30, 30)
    for first, second, expected in ((orange, blue, BLUE), (blue, orange, ORANGE)):
        ab = transfer_lab(photo, two, swatches=[(here, first), (over, second)])[..., 1:]
        np.testing.assert_allclose(ab[20:50, 20:50], np.broadcast_to(expected, (30, 30, 2)), atol=1)
        assert abs(ab[10:20, 10:40] - expected).min() > 20


def test_lightness_is_made_alike_before_pixels_are_matched():
    # The reference is three times as dark and flat; the darkest is orange, the brightest blue in both.
    lightness = np.repeat(np.linspace(20, 95, 60)[None], 40, 0)
    reference = coloured(lightness / 3 + 10, np.where(lightness[..., None] < 57.5, ORANGE, BLUE))
    ab = transfer_lab(coloured(lightness, (0, 0)), reference)[..., 1:]
    assert share_right(ab, lightness < 57.5) > 0.95


def test_the_seed_decides_and_nothing_else(photo):
    one = transfer(photo, photo[::-1], seed=3)
    np.testing.assert_array_equal(one, transfer(photo, photo[::-1], seed=3))
    with tc.lanes(1):
        np.testing.assert_array_equal(one, transfer(photo, photo[::-1], seed=3))
    assert (one != transfer(photo, photo[::-1], seed=4)).any()


def test_how_many_distances_are_held_at_a_time_is_of_no_consequence(photo, monkeypatch):
    one = transfer(photo, photo[::-1])
    for distances in (1, 200 * 1000):
        monkeypatch.setattr(welsh, "DISTANCES", distances)
        assert (one != transfer(photo, photo[::-1])).mean() < 1e-3


def test_about_as_many_colours_are_taken_as_asked_for(rng):
    grey = rng.integers(0, 256, (90, 120), dtype=np.uint8)
    reference = rng.integers(0, 256, (100, 140, 3), dtype=np.uint8)  # no colour twice, nearly
    used = len(np.unique(transfer_lab(grey, reference)[..., 1:].reshape(-1, 2), axis=0))
    assert 150 <= used <= 220
    ours = (0, 0, 120, 90)
    used = transfer_lab(grey, reference, swatches=[(ours, (0, 0, 140, 100))])[..., 1:].reshape(-1, 2)
    assert 40 <= len(np.unique(used, axis=0)) <= 55
    assert len(np.unique(transfer_lab(grey, reference, samples=1)[..., 1:].reshape(-1, 2), axis=0)) == 1


# Places and tiles.


@pytest.mark.parametrize("size", [(1, 1), (1, 1000), (1000, 1), (33, 50), (200, 300), (3, 4000)])
@pytest.mark.parametrize("count", [1, 50, 200])
def test_places_are_spread_over_the_rectangle(size, count):
    width, height = size
    rows, columns = jittered(Rectangle(10, 20, width, height), count, tc.Generator(0))
    assert len(rows) == len(columns) <= 1.15 * count + 1
    assert len(rows) >= min(width * height, 0.75 * count)
    assert 20 <= rows.min() <= rows.max() < 20 + height
    assert 10 <= columns.min() <= columns.max() < 10 + width


def test_every_cell_of_the_grid_has_one_place():
    rows, columns = jittered(Rectangle(0, 0, 200, 100), 200, tc.Generator(1))
    cells = set(zip((rows // 10).tolist(), (columns // 10).tolist(), strict=True))
    assert len(cells) == len(rows) == 200
    assert len(set((rows % 10).tolist())) == 10  # jittered


@pytest.mark.parametrize(("width", "height"), [(1, 1), (14, 14), (13, 15), (5, 40), (200, 1)])
def test_of_few_pixels_each_is_taken_once(width, height):
    rows, columns = jittered(Rectangle(0, 0, width, height), 200, tc.Generator(2))
    assert sorted(zip(rows.tolist(), columns.tolist(), strict=True)) == list(np.ndindex(height, width))


@pytest.mark.parametrize(("width", "height"), [(150, 131), (1, 9000), (9000, 1), (30, 400), (64, 64), (1, 1)])
def test_tiles_cover_a_rectangle_once_and_are_of_one_size_at_most(width, height):
    seen = np.zeros((height + 20, width + 20), int)
    pieces = tiles(Rectangle(7, 9, width, height))
    for tile in pieces:
        assert tile.width * tile.height <= 64 * 64
        seen[tile.part] += 1
    assert seen[9 : 9 + height, 7 : 7 + width].min() == seen.max() == 1
    assert seen.sum() == width * height
    assert len(pieces) <= 9


# What people will feed it.


@pytest.mark.parametrize("shape", [(1, 1), (1, 1, 3), (1, 300), (300, 1), (4, 3), (65, 129)])
@pytest.mark.parametrize("reference_shape", [(1, 1, 3), (2, 300, 3), (300, 2, 3), (67, 66, 3)])
def test_any_size(rng, shape, reference_shape):
    grey = rng.integers(0, 256, shape, dtype=np.uint8)
    result = transfer(grey, rng.integers(0, 256, reference_shape, dtype=np.uint8))
    assert result.shape == (*shape[:2], 3)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_constant_pictures(photo, value):
    flat = np.full((30, 40), value, np.uint8)
    for grey, reference in ((flat, photo), (photo, np.stack([flat] * 3, -1)), (flat, np.stack([flat] * 3, -1))):
        lab = transfer_lab(grey, reference)
        assert np.isfinite(lab).all()
        assert abs(rgb_to_lab(transfer(grey, reference) / 255)[..., 0] - lab[..., 0]).max() < 0.34


def test_a_reference_of_one_lightness_gives_one_of_its_colours_to_all(photo):
    np.testing.assert_allclose(
        transfer_lab(photo, coloured(np.full((20, 20), 50.0), ORANGE))[..., 1:],
        np.broadcast_to(ORANGE, (70, 83, 2)),
        atol=1,
    )


def test_a_grey_reference_leaves_grey(photo):
    picture = transfer(photo, np.repeat(photo[..., :1], 3, -1))
    assert np.ptp(picture.astype(int), axis=-1).max() <= 1


def test_read_only_and_strided_pictures(photo):
    strided = np.repeat(np.repeat(photo, 2, 0), 3, 1)[::2, ::3][:, ::-1]
    reference = np.asfortranarray(photo)
    before = strided.copy()
    for array in (strided, reference):
        array.flags.writeable = False
    swatches = [((1, 2, 30, 30), (5, 6, 20, 20))]
    for given in ((), swatches):
        result = transfer(strided, reference, swatches=given)
        np.testing.assert_array_equal(result, transfer(photo[:, ::-1].copy(), photo, swatches=given))
    np.testing.assert_array_equal(strided, before)


@pytest.mark.parametrize("swatches", [(), [((0, 0, 512, 64), (0, 0, 83, 70))]], ids=["whole", "swatches"])
def test_memory_does_not_grow_with_the_photo(rng, photo, swatches):
    tall = np.broadcast_to(rng.integers(0, 256, (64, 1), dtype=np.uint8), (64, 1536))
    peaks = []
    for width in (512, 1536):
        tracemalloc.start()
        with tc.lanes(1):
            result = transfer(tall[:, :width], photo, swatches=swatches)
        peaks.append(tracemalloc.get_traced_memory()[1] - result.nbytes)
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0]


@pytest.mark.parametrize(
    ("grey", "reference", "said"),
    [
        (np.zeros((4, 4), np.float32), np.zeros((4, 4, 3), np.uint8), "transfer got float32 (4, 4) to colour"),
        (np.zeros((4, 4), np.uint16), np.zeros((4, 4, 3), np.uint8), "transfer got uint16 (4, 4) to colour"),
        (np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3), np.uint8), "transfer got uint8 (4, 4, 4) to colour"),
        (np.zeros((1, 4, 4, 3), np.uint8), np.zeros((4, 4, 3), np.uint8), "transfer got uint8 (1, 4, 4, 3) to colour"),
        (np.zeros((0, 4), np.uint8), np.zeros((4, 4, 3), np.uint8), "transfer got uint8 (0, 4) to colour"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), "transfer got the reference uint8 (4, 4), expected"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3)), "transfer got the reference float64 (4, 4, 3), expected"),
        (np.zeros((4, 4), np.uint8), np.zeros((0, 4, 3), np.uint8), "transfer got the reference uint8 (0, 4, 3)"),
    ],
)
@pytest.mark.parametrize("function", [transfer, transfer_lab])
def test_what_is_no_photo_is_named(function, grey, reference, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        function(grey, reference)


@pytest.mark.parametrize("samples", [0, -1, 1.5, None])
def test_samples_have_to_be_a_number(photo, samples):
    with pytest.raises(ValueError, match="expected a whole number of at least 1"):
        transfer(photo, photo, samples=samples)


GOOD = (0, 0, 9, 9)


@pytest.mark.parametrize(
    ("swatches", "said"),
    [
        ([(GOOD, (0, 0, 0, 9))], "swatch 1 in the reference is 0 x 9 pixels, expected 5 x 5 or more."),
        ([(GOOD, GOOD), ((0, 0, 9, 4), GOOD)], "swatch 2 in the grey photo is 9 x 4 pixels, expected 5 x 5 or more."),
        ([((80, 0, 4, 9), GOOD)], "swatch 1 in the grey photo is 4 x 9 pixels, expected 5 x 5 or more."),
        (
            [((75, 0, 9, 9), GOOD)],
            "swatch 1 in the grey photo reaches from 75,0 to 84,9, out of the picture, which has",
        ),
        ([(GOOD, (0, -1, 9, 9))], "swatch 1 in the reference reaches from 0,-1 to 9,8, out of the picture, which has"),
        ([(GOOD, (0, 0, 9))], "swatch 1 in the reference is (0, 0, 9), expected left, top, width and height"),
        ([(GOOD, (0, 0, 9.5, 9))], "swatch 1 in the reference is (0, 0, 9.5, 9), expected left, top, width and height"),
        ([GOOD], "swatch 1 is (0, 0, 9, 9), expected two rectangles, one in each picture."),
    ],
)
def test_swatches_that_cannot_be(photo, swatches, said):
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        transfer(photo, photo, swatches=swatches)


def test_a_swatch_may_be_as_small_as_the_window_and_as_large_as_the_picture(photo):
    swatches = [((78, 65, 5, 5), tuple(whole(photo))), (np.array(GOOD), list(GOOD))]
    lab = transfer_lab(photo, photo, swatches=swatches)
    np.testing.assert_array_equal(lab[..., 0], lab_of(photo)[..., 0])
    assert (lab != transfer_lab(photo, photo)).any()
