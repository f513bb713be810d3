import numpy as np
import pytest

from tinycolor.color import in_gamut, rgb_to_lab
from tinycolor.data import scenes
from tinycolor.data.scenes.rooms import furnish
from tinycolor.random import Generator

DRAWINGS = [scenes.draw, scenes.draw_ambiguous, scenes.draw_rooms]


@pytest.fixture(scope="module")
def streets():
    return scenes.draw(60, 64, Generator(7))


@pytest.fixture(scope="module")
def streets_lab(streets):
    return rgb_to_lab(streets.photo / 255)


def rows_of(labels, name):
    """Return the row numbers of every pixel with that label."""
    return np.nonzero(labels == scenes.LABELS.index(name))[0]


@pytest.mark.parametrize("draw", DRAWINGS)
def test_same_generator_same_pictures(draw):
    a, b, c = draw(3, 20, Generator(3, 1, 4)), draw(3, 20, Generator(3, 1, 4)), draw(3, 20, Generator(3, 1, 5))
    for same, again in zip(a, b, strict=True):
        np.testing.assert_array_equal(same, again)
    assert not np.array_equal(a[0], c[0])


@pytest.mark.parametrize("draw", DRAWINGS)
def test_a_tiny_size_is_a_clear_error(draw):
    with pytest.raises(ValueError, match="size=15 shows nothing, expected at least 16"):
        draw(1, 15, Generator(0))


@pytest.mark.parametrize("size", [16, 33, 64])
def test_streets_come_at_any_size(size):
    street = scenes.draw(5, size, Generator(0))
    assert street.photo.shape == street.map.shape == (5, size, size, 3)
    assert street.labels.shape == (5, size, size)
    assert street.kind.shape == (5,)
    assert street.photo.dtype == street.map.dtype == street.labels.dtype == np.uint8
    assert street.kind.dtype == np.int64


def test_all_kinds_and_all_things_occur(streets):
    assert set(streets.labels.ravel()) == set(range(len(scenes.LABELS)))
    assert min(np.bincount(streets.kind, minlength=len(scenes.KINDS))) > 20


def test_things_are_where_they_belong(streets):
    for labels in streets.labels:
        assert rows_of(labels, "sky").max() < rows_of(labels, "grass").min()
        assert rows_of(labels, "hill").max() < rows_of(labels, "grass").min()
        assert rows_of(labels, "grass").min() < rows_of(labels, "road").min()
        assert rows_of(labels, "roof").mean() < rows_of(labels, "wall").mean() < rows_of(labels, "road").min()
        assert rows_of(labels, "car").mean() < rows_of(labels, "tyre").mean()
        road = rows_of(labels, "road")
        assert road.min() < rows_of(labels, "tyre").min() <= rows_of(labels, "tyre").max() <= road.max()


def test_the_sun_is_in_the_sky_and_lower_at_dusk(streets):
    in_sky = [rows_of(labels, "sun") for labels in streets.labels]
    seen = [(kind, rows.min()) for kind, rows in zip(streets.kind, in_sky, strict=True) if len(rows)]
    day, dusk = ([row for kind, row in seen if kind == number] for number in (0, 1))
    assert np.mean(day) < 0.2 * 64 < np.mean(dusk) < 0.56 * 64


def test_the_map_has_one_colour_for_each_label(streets):
    pairs = np.concatenate([streets.labels[..., None], streets.map], -1).reshape(-1, 4)
    colours = np.unique(pairs, axis=0)[:, 1:]
    assert len(colours) == len(scenes.LABELS) == len(np.unique(colours, axis=0))


@pytest.mark.parametrize(
    ("name", "kind", "signs"),
    [
        ("sky", "day", (0, -1)),
        ("grass", "day", (-1, 1)),
        ("grass", "dusk", (-1, 1)),
        ("leaves", "day", (-1, 1)),
        ("roof", "day", (1, 1)),
        ("roof", "dusk", (1, 1)),
        ("hill", "dusk", (1, -1)),
        ("window", "dusk", (0, 1)),
    ],
)
def test_things_have_their_colours(streets, streets_lab, name, kind, signs):
    chosen = streets.labels == scenes.LABELS.index(name)
    chosen &= (streets.kind == scenes.KINDS.index(kind))[:, None, None]
    ab = np.median(streets_lab[chosen], axis=0)[1:]
    for value, sign in zip(ab, signs, strict=True):
        assert sign == 0 or value * sign > 10


def test_thing_and_time_of_day_nearly_tell_the_colour(streets, streets_lab):
    ab = streets_lab[..., 1:]
    told = np.zeros_like(ab)
    for label in range(len(scenes.LABELS)):
        for kind in range(len(scenes.KINDS)):
            chosen = (streets.labels == label) & (streets.kind == kind)[:, None, None]
            told[chosen] = np.median(ab[chosen], axis=0)
    assert abs(ab - told).mean() < 0.25 * abs(ab).mean()


def test_there_is_colour_to_learn(streets, streets_lab):
    for kind in range(len(scenes.KINDS)):
        assert abs(streets_lab[streets.kind == kind, ..., 1:]).mean() > 15


def test_dusk_shows_in_the_grey_picture(streets, streets_lab):
    lightness = streets_lab[..., 0].mean((1, 2))
    assert lightness[streets.kind == 0].min() > lightness[streets.kind == 1].max() + 5


def test_a_car_s_lightness_tells_its_colour(streets, streets_lab):
    for kind in range(len(scenes.KINDS)):
        cars = streets_lab[(streets.labels == scenes.LABELS.index("car")) & (streets.kind == kind)[:, None, None]]
        yellow, blue = (cars[:, 1] < 10) & (cars[:, 2] > 10), cars[:, 2] < 0
        red = ~yellow & ~blue
        assert min(yellow.sum(), red.sum(), blue.sum()) > 100
        assert cars[yellow, 0].min() > cars[red, 0].max() + 5
        assert cars[red, 0].min() > cars[blue, 0].max() + 5


def test_an_apple_s_colour_changes_nothing_else():
    red, green = (scenes.draw_ambiguous(20, 48, Generator(1), share=share) for share in (1, 0))
    assert red.is_a.all()
    assert not green.is_a.any()
    np.testing.assert_array_equal(red.shape, green.shape)
    np.testing.assert_array_equal(red.lab[..., 0], green.lab[..., 0])
    np.testing.assert_array_equal(red.lab[~red.shape], green.lab[~red.shape])
    np.testing.assert_allclose(red.lab[red.shape][:, 1:] - scenes.COLOUR_A, 0, atol=1e-5)
    np.testing.assert_allclose(green.lab[red.shape][:, 1:] - scenes.COLOUR_B, 0, atol=1e-5)


@pytest.mark.parametrize("share", [0.3, 0.7])
def test_apples_of_colour_a_come_at_their_share(share):
    count = 3000
    apples = scenes.draw_ambiguous(count, 16, Generator(2), share)
    assert abs(apples.is_a.mean() - share) < 4 * np.sqrt(share * (1 - share) / count)


def test_the_best_answers_for_apples_are_the_mixture_mean_and_the_commoner_colour():
    apples = scenes.draw_ambiguous(3000, 16, Generator(3))
    ab = apples.lab[apples.shape][:, 1:].astype(float)
    mean = 0.7 * np.array(scenes.COLOUR_A) + 0.3 * np.array(scenes.COLOUR_B)
    np.testing.assert_allclose(ab.mean(0), mean, atol=4)
    np.testing.assert_allclose(np.median(ab, axis=0), scenes.COLOUR_A, atol=1e-5)


def test_an_apple_is_a_good_part_of_the_picture():
    apples = scenes.draw_ambiguous(50, 33, Generator(4))
    assert apples.lab.dtype == np.float32
    assert apples.lab.shape == (50, 33, 33, 3)
    shares = apples.shape.mean((1, 2))
    assert 0.1 < shares.min() < shares.max() < 0.35


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_share_that_is_no_probability_is_a_clear_error(share):
    with pytest.raises(ValueError, match=r"share=.*, expected a probability from 0 to 1"):
        scenes.draw_ambiguous(1, 16, Generator(0), share)


@pytest.mark.parametrize("draw", [scenes.draw_ambiguous, scenes.draw_rooms])
def test_a_screen_can_show_every_colour(draw):
    assert in_gamut(draw(100, 40, Generator(5)).lab.astype(float)).all()


def test_only_the_context_tells_the_colour_of_the_ground():
    indoor, outdoor = (furnish(np.full(20, kind), 64, Generator(6)) for kind in (0, 1))
    ground = indoor.ground
    np.testing.assert_array_equal(ground, outdoor.ground)
    np.testing.assert_array_equal(indoor.lab[ground][:, 0], outdoor.lab[ground][:, 0])
    inside, outside = (np.unique(room.lab[room.ground][:, 1:], axis=0) for room in (indoor, outdoor))
    assert len(inside) == len(outside) == 1
    assert abs(inside - outside).max() > 40
    differs = (abs(indoor.lab[..., 0] - outdoor.lab[..., 0]) > 10) & ~ground
    assert (differs.sum((1, 2)) > 20).all()


def test_rooms_of_both_kinds_have_the_same_ground():
    rooms = scenes.draw_rooms(400, 32, Generator(8))
    assert rooms.lab.dtype == np.float32
    assert rooms.lab.shape == (400, 32, 32, 3)
    assert rooms.kind.dtype == np.int64
    assert 160 < rooms.kind.sum() < 240
    indoor, outdoor = (rooms.lab[rooms.kind == kind][rooms.ground[rooms.kind == kind]] for kind in (0, 1))
    assert abs(indoor[:, 0].mean() - outdoor[:, 0].mean()) < 0.3
    assert abs(indoor[:, 0].std() - outdoor[:, 0].std()) < 0.3
    assert (indoor[:, 1] > 0).all()
    assert (outdoor[:, 1] < 0).all()
    assert min(indoor[:, 2].min(), outdoor[:, 2].min()) > 20


def test_the_ground_is_the_lower_two_thirds():
    ground = scenes.draw_rooms(50, 64, Generator(9)).ground
    assert (np.diff(ground.astype(int), axis=1) >= 0).all()
    assert 0.6 < ground.mean((1, 2)).min() < ground.mean((1, 2)).max() < 0.8
