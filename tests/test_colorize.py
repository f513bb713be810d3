import importlib
import itertools

import numpy as np
import pytest
from PIL import Image

import tinycolor as tc
from tinycolor.color import lab_to_rgb, rgb_to_lab
from tinycolor.colorize import colorize, colorize_and_count, lay_under, predict_ab
from tinycolor.networks.colorizer import Colorizer

module = importlib.import_module("tinycolor.colorize")  # its name in tinycolor is that of its function

SIZE = 16
WIDTHS = (4, 8, 8)


@pytest.fixture
def network(rng):
    """A real one with weights, shifts and running statistics at random, so that nothing is 0 or 1 by chance."""
    net = tc.networks.ColorUNet(widths=WIDTHS, size=SIZE)
    net.load_state_dict({name: array + rng.uniform(-0.3, 0.3, array.shape) for name, array in net.state_dict().items()})
    return net


def answering(ab):
    """Return what takes a network's place and always answers these a* and b*: a pair, or a function of x."""
    answer = ab if callable(ab) else lambda x: np.broadcast_to(np.float32(ab), (*x.shape[:3], 2))
    network = Colorizer()
    network.size, network.multiple = SIZE, 1
    network.predict = lambda x, **how: (answer(x) / 110).astype(np.float32)
    return network


def lightness_of(rgb):
    return rgb_to_lab(rgb / 255)[..., 0]


@pytest.fixture(scope="module")
def cube():
    """64 x 64 x 64 colours as a picture, 0 and 255 among them."""
    levels = np.linspace(0, 255, 64).round().astype(np.uint8)
    return np.array(list(itertools.product(levels, repeat=3)), np.uint8).reshape(512, 512, 3)


@pytest.mark.parametrize("ab", [(0, 0), (30, -20), (127, 127), (-128, 0), (0, -5000), (1e4, -1e4)])
def test_lightness_stays_that_of_the_photo_for_all_colours(cube, ab):
    picture = colorize(cube, answering(ab))
    assert picture.dtype == np.uint8
    assert abs(lightness_of(picture) - lightness_of(cube)).max() < 1


@pytest.mark.parametrize("strength", [20, 200, 2000])
def test_lightness_stays_that_of_a_photo_under_wild_colours(rng, strength):
    photo = rng.integers(0, 256, (61, 83, 3), dtype=np.uint8)
    wild = answering(lambda x: strength * rng.standard_normal((*x.shape[:3], 2)))
    picture = colorize(photo, wild)
    assert abs(lightness_of(picture) - lightness_of(photo)).max() < 1
    assert np.ptp(picture.astype(int), axis=-1).max() > 50


def test_a_colour_that_a_screen_can_show_comes_out_as_it_is(cube):
    wanted = rgb_to_lab(cube / 255)
    picture, weakened = lay_under(cube, wanted[..., 1:].astype(np.float32))
    np.testing.assert_array_equal(picture, cube)
    assert weakened == 0


def shown_by_a_screen(lab):
    """Return which colours lie within red, green and blue 0..1, to a quarter of a byte's step."""
    rgb = lab_to_rgb(np.asarray(lab, np.float64))
    return ((rgb > -0.25 / 255) & (rgb < 1 + 0.25 / 255)).all(-1)


@pytest.mark.parametrize("ab", [(3, -2), (30, -20), (60, 60), (-60, 10)])
def test_the_share_of_weakened_pixels_is_that_of_colours_no_screen_shows(cube, ab):
    lab = np.concatenate([rgb_to_lab(cube / 255)[..., :1], np.broadcast_to(ab, (*cube.shape[:2], 2))], -1)
    wanted = 1 - shown_by_a_screen(lab).mean()
    weakened = colorize_and_count(cube, answering(ab))[1]
    assert weakened == pytest.approx(wanted, abs=1e-3)
    assert 0 < weakened < 1


def test_a_weakened_colour_keeps_its_hue_and_as_much_strength_as_there_is(rng):
    photo = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
    a, b = 80.0, -50.0
    picture = colorize(photo, answering((a, b)))
    for lightness, rgb in zip(lightness_of(photo).ravel(), picture.reshape(-1, 3), strict=True):
        strengths = np.linspace(0, 1, 501)
        fits = shown_by_a_screen([(lightness, a * strength, b * strength) for strength in strengths])
        strongest = lab_to_rgb(np.array([lightness, *(np.array([a, b]) * strengths[fits].max())]))
        assert abs(255 * strongest - rgb).max() < 1.5


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1), (333, 501), (7, 300), (15, 16), (17, 31)])
@pytest.mark.parametrize("grey", [True, False])
def test_any_size(network, rng, shape, grey):
    photo = rng.integers(0, 256, shape if grey else (*shape, 3), dtype=np.uint8)
    picture = colorize(photo, network)
    assert picture.shape == (*shape, 3)
    assert picture.dtype == np.uint8
    rgb = photo[..., None].repeat(3, -1) if grey else photo
    assert abs(lightness_of(picture) - lightness_of(rgb)).max() < 1


def test_the_network_sees_the_lightness_of_a_small_copy_alone(rng):
    seen = []

    def answer(x):
        seen.append(x)
        return np.zeros((*x.shape[:3], 2))

    photo = rng.integers(0, 256, (40, 60, 3), dtype=np.uint8)
    colorize(photo, answering(answer))
    small = np.asarray(Image.fromarray(photo).resize((24, 16), Image.Resampling.LANCZOS))
    assert seen[0].dtype == np.float32
    np.testing.assert_allclose(seen[0][0, ..., 0], lightness_of(small) / 50 - 1, atol=1e-5)


def test_a_colour_lies_where_the_network_saw_it():
    corners = np.array([[(40, 30), (-40, 30)], [(10, -40), (0, 0)]], np.float32).repeat(8, 0).repeat(8, 1)
    photo = np.full((90, 130), 128, np.uint8)
    lab = rgb_to_lab(
        colorize(photo, answering(lambda x: corners[None].repeat(len(x), 0).repeat(2, 2)[:, :, :23])) / 255
    )
    for (top, left), wanted in {(0, 0): (40, 30), (60, 0): (10, -40), (60, 115): (0, 0)}.items():
        np.testing.assert_allclose(lab[top : top + 15, left : left + 15, 1:].mean((0, 1)), wanted, atol=1)


def test_colours_are_stretched_without_a_step(rng):
    ab = rng.uniform(-8, 8, (9, 13, 2)).astype(np.float32)
    photo = np.full((72, 104, 3), 128, np.uint8)
    lab = rgb_to_lab(lay_under(photo, ab)[0] / 255)
    # Between the centres of four of the small pixels, bilinear, in loops.
    for row, column in itertools.product(range(4, 68, 5), range(4, 100, 7)):
        y, x = (row + 0.5) / 8 - 0.5, (column + 0.5) / 8 - 0.5
        i, j = int(y), int(x)
        v, u = y - i, x - j
        above = (1 - u) * ab[i, j] + u * ab[i, j + 1]
        below = (1 - u) * ab[i + 1, j] + u * ab[i + 1, j + 1]
        np.testing.assert_allclose(lab[row, column, 1:], (1 - v) * above + v * below, atol=0.6)


@pytest.mark.parametrize(
    ("tile", "shape"),
    [(16, (70, 61)), (16, (8, 150)), (16, (150, 1)), (40, (133, 97)), (64, (64, 128)), (64, (65, 129))],
)
def test_tiles_are_the_whole(network, rng, monkeypatch, tile, shape):
    lightness = rng.uniform(0, 100, (2, *shape, 1)).astype(np.float32)
    monkeypatch.setattr(module, "TILE", 1 << 20)
    whole = predict_ab(network, lightness)
    monkeypatch.setattr(module, "TILE", tile)
    tiles = predict_ab(network, lightness)
    assert tiles.shape == whole.shape == (2, *shape, 2)
    assert abs(tiles - whole).max() < 1e-5 * abs(whole).max()
    assert np.ptp(whole) > 1


def test_sides_that_do_not_fit_are_widened_by_their_last_pixels(network, rng):
    lightness = rng.uniform(0, 100, (1, 13, 22, 1)).astype(np.float32)
    rows, columns = np.minimum(range(16), 12), np.minimum(range(24), 21)
    wider = lightness[:, rows][:, :, columns]
    wanted = 110 * network.predict(wider / 50 - 1)[:, :13, :22]
    np.testing.assert_allclose(predict_ab(network, lightness), wanted, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("strip", [1, 83, 7 * 83, 60 * 83])
@pytest.mark.parametrize("lanes", [1, 2])
def test_strips_are_the_whole(rng, monkeypatch, strip, lanes):
    photo = rng.integers(0, 256, (61, 83, 3), dtype=np.uint8)
    ab = rng.uniform(-60, 60, (16, 21, 2)).astype(np.float32)
    monkeypatch.setattr(module, "STRIP", 1 << 20)
    whole, share = lay_under(photo, ab)
    monkeypatch.setattr(module, "STRIP", strip)
    with tc.lanes(lanes):
        strips, strips_share = lay_under(photo, ab)
    assert abs(strips.astype(int) - whole).max() <= 1
    assert strips_share == pytest.approx(share, abs=1e-3)
    assert 0 < share < 1


def test_saturation_0_is_grey(network, rng):
    photo = rng.integers(0, 256, (33, 50, 3), dtype=np.uint8)
    grey = colorize(photo, network, saturation=0)
    assert np.ptp(grey.astype(int), axis=-1).max() <= 1
    assert np.ptp(colorize(photo, network).astype(int), axis=-1).max() > 5


def test_saturation_2_is_twice_the_strength_where_there_is_room(rng):
    photo = rng.integers(60, 200, (40, 50), dtype=np.uint8)
    for saturation in (1, 2, 0.5, np.float64(1.5)):
        lab = rgb_to_lab(colorize(photo, answering((8, -6)), saturation=saturation) / 255)
        np.testing.assert_allclose(lab[..., 1:].mean((0, 1)), saturation * np.array([8, -6]), atol=0.1)
        assert abs(lab[..., 1:] - saturation * np.array([8, -6])).max() < 1


def test_the_photo_is_left_as_it_is_and_may_be_read_only_or_turned(network, rng):
    photo = rng.integers(0, 256, (33, 50, 3), dtype=np.uint8)
    before = photo.copy()
    wanted = colorize(photo, network)
    photo.flags.writeable = False
    np.testing.assert_array_equal(colorize(photo, network), wanted)
    np.testing.assert_array_equal(photo, before)
    np.testing.assert_array_equal(colorize(np.asfortranarray(photo), network), wanted)
    np.testing.assert_array_equal(colorize(before[::-1, ::-1][::-1, ::-1], network), wanted)
    assert wanted.flags.writeable


@pytest.mark.parametrize(
    "photo",
    [
        np.zeros((5, 5, 3)),
        np.zeros((5, 5, 3), np.int64),
        np.zeros((5, 5, 3), np.uint16),
        np.zeros((5, 5, 1), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((1, 5, 5, 3), np.uint8),
        np.zeros(5, np.uint8),
        np.zeros((0, 5, 3), np.uint8),
        np.zeros((5, 0), np.uint8),
    ],
    ids=lambda photo: f"{photo.dtype} {photo.shape}",
)
def test_what_is_no_photo_is_refused(network, photo):
    with pytest.raises(ValueError, match=r"colorize got .*, expected a photo, uint8 \(H, W, 3\) or \(H, W\)\."):
        colorize(photo, network)


@pytest.mark.parametrize("saturation", [-0.1, float("nan"), float("inf"), -float("inf")])
def test_a_saturation_that_cannot_be_is_refused(network, saturation):
    with pytest.raises(ValueError, match="expected a number from 0"):
        colorize(np.zeros((5, 5), np.uint8), network, saturation=saturation)


@pytest.mark.parametrize(("norm", "mode"), [("instance", "eval"), ("batch", "instance"), ("batch", "paper")])
def test_a_wide_photo_that_is_normalised_by_itself_is_painted_whole(norm, mode):
    network = tc.networks.Pix2PixGenerator(1, 2, 6, 2, norm=norm, size=64)
    lightness = np.random.default_rng(0).uniform(0, 100, (1, 64, 600, 1)).astype(np.float32)
    widened = np.pad(lightness, ((0, 0), (0, 0), (0, 40), (0, 0)), mode="edge")
    painted = network.predict(widened / 50 - 1, mode=mode, rng=tc.Generator(0))
    np.testing.assert_array_equal(predict_ab(network, lightness, mode), 110 * painted[:, :, :600])
