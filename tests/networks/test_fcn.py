"""FCN: as many weights as the authors', an answer for every pixel, and VGG-16's head unrolled over the picture."""

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.inspect.field import reads
from tinycolor.networks import VGG16, FCN8s, FCN16s, FCN32s
from tinycolor.networks.fcn import AddScores, transplant, weighted

NETWORKS = [FCN32s, FCN16s, FCN8s]
every_network = pytest.mark.parametrize("kind", NETWORKS)


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal((*shape, 3)).astype(np.float32)


def scramble(net, seed=0):
    """Give every parameter random numbers: no score begins at 0."""
    rng = np.random.default_rng(seed)
    for parameter in net.parameters():
        shape = parameter.data.shape
        spread = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.1
        parameter.data = spread * rng.standard_normal(shape)
    return net


@pytest.mark.parametrize(("kind", "count"), [(FCN32s, 134_346_581), (FCN16s, 134_357_354), (FCN8s, 134_362_751)])
def test_it_has_the_authors_number_of_weights(kind, count, weightless, weights):
    assert weights(kind()) == count


SIZES = [(32, 100), (100, 33), (47, 64), (65, 91), (78, 78)]


@every_network
@pytest.mark.parametrize("size", [(1, 2), *SIZES])
def test_every_pixel_gets_its_scores(kind, size):
    assert kind(3, width=1 / 256).predict(pictures(1, *size)).shape == (1, *size, 3)


def coarse_pixel(layers):
    """Return stride and place of a map: where in the picture its pixel 0 lies, and how far the next one is.

    Of convolutions and pooling: (kernel, stride, padding). A deconvolution is one turned round, so its kernel stands
    for the way back.
    """
    step, place = 1, 0.0
    for kind, kernel, stride, padding in layers:
        if kind == "down":
            place += step * ((kernel - 1) / 2 - padding)
            step *= stride
        else:
            step /= stride
            place -= step * ((kernel - 1) / 2 - padding)
    return step, place


def block(convolutions, padding=1):
    rest = [("down", 3, 1, 1)] * (convolutions - 1)
    return [("down", 3, 1, padding), *rest, ("down", 2, 2, 0)]


def test_the_crops_lay_scores_over_the_pixels_that_they_are_of():
    pool3 = [*block(2, padding=100), *block(2), *block(3)]
    pool4 = [*pool3, *block(3)]
    head = [*pool4, *block(3), ("down", 7, 1, 0)]
    twice = [*head, ("up", 4, 2, 0)]
    four_times = [*twice, ("up", 4, 2, 0)]

    def crop(fine, coarse):
        (step, place), (same, wanted) = coarse_pixel(fine), coarse_pixel(coarse)
        assert step == same
        return (wanted - place) / step

    def last_crop(scores, stride):
        step, place = coarse_pixel([*scores, ("up", 2 * stride, stride, 0)])
        assert step == 1
        return -place

    skips = {
        kind: [layer.offset for _, layer in kind(width=1 / 512).walk() if isinstance(layer, AddScores)]
        for kind in NETWORKS
    }
    assert skips == {
        FCN32s: [],
        FCN16s: [crop(pool4, twice)],
        # The outer one comes first. A crop moves the scores that it is a part of, and they were laid over `twice`.
        FCN8s: [crop(pool3, four_times), crop(pool4, twice)],
    }
    assert FCN32s.offset == last_crop(head, 32)
    assert FCN16s.offset == last_crop(twice, 16)
    assert FCN8s.offset == last_crop(four_times, 8)


@every_network
def test_it_reads_the_rows_that_gradients_reach(kind):
    net = kind(1, width=1 / 512).astype("float64")
    for parameter in net.parameters():
        parameter.data = np.full(parameter.data.shape, 1 / parameter.data[..., 0].size)
    for _, layer in net.walk():
        if isinstance(layer, tc.Sequential):
            # Of a window of max-pooling the winner alone would show.
            layer.layers = [tc.AvgPool2d(2) if isinstance(part, tc.MaxPool2d) else part for part in layer.layers]
    x = np.ones((1, 26 + 20 * 32, 26, 3))  # all maps divide evenly
    for row in (333, 347, 356):
        y, backward = net(x, mode="eval")
        dy = np.zeros_like(y)
        dy[0, row, 13] = 1
        reached = np.flatnonzero(backward(dy).any((0, 2, 3)))
        expected = reads(net, np.array([row]), 0)
        assert (reached[0], reached[-1]) == (expected[0], expected[-1])


def test_both_ways_to_scores_are_read():
    both = AddScores(tc.Conv2d(1, 1, 2, dilation=8), tc.Conv2d(1, 1, 1), offset=3)
    y, backward = both(np.ones((1, 20, 20, 1), np.float32))
    dy = np.zeros_like(y)
    dy[0, 5] = 1
    assert [*reads(both, np.array([5]), 0)] == [*np.flatnonzero(backward(dy).any((0, 2, 3)))] == [5, 8, 13]


def test_a_pixel_sees_404_pixels_and_what_its_neighbours_see():
    assert tc.receptive_field(tc.Sequential(*FCN32s(width=1 / 512).scores[:6])) == (404, 404)
    # It lies between two coarse scores, 32 apart; on the finer ways up between up to three.
    fields = [tc.receptive_field(kind(width=1 / 512)) for kind in NETWORKS]
    assert fields == [(404 + 32,) * 2, (404 + 64,) * 2, (404 + 64,) * 2]


# --- the way from VGG-16 ---------------------------------------------------------------------------------------


@pytest.fixture
def vgg():
    return scramble(VGG16(7, width=1 / 16)).astype("float64")


def test_a_dense_head_and_its_convolutions_agree(vgg):
    net = FCN32s(7, width=1 / 16).astype("float64")
    transplant(vgg, net)
    head = net.scores[5]
    features = np.random.default_rng(0).standard_normal((3, 7, 7, 32))
    votes, scores = vgg.head.predict(features), head.predict(features)
    assert scores.shape == (3, 1, 1, 7)
    np.testing.assert_allclose(scores[:, 0, 0], votes, rtol=1e-6, atol=1e-12)


def test_on_a_larger_picture_the_votes_become_a_map(vgg):
    net = FCN32s(7, width=1 / 16).astype("float64")
    transplant(vgg, net)
    features = vgg.blocks.predict(pictures(1, 288, 352).astype("float64"))
    heat = net.scores[5].predict(features)
    assert heat.shape == (1, 288 // 32 - 6, 352 // 32 - 6, 7)
    for row, column in ((0, 0), (2, 4), (1, 3)):
        window = features[:, row : row + 7, column : column + 7]
        np.testing.assert_allclose(heat[:, row, column], vgg.head.predict(window), rtol=1e-6, atol=1e-12)


@every_network
def test_a_transplant_gives_the_same_numbers_in_a_new_shape(kind, vgg):
    net = kind(5, width=1 / 16).astype("float64")
    transplant(vgg, net)
    theirs = [layer for _, layer in vgg.walk() if isinstance(layer, tc.Conv2d | tc.Linear)][:15]
    mine = [layer for _, layer in net.walk() if isinstance(layer, tc.Conv2d)]
    for old, new in zip(theirs, mine, strict=False):
        assert new.weight.data.tobytes() == old.weight.data.tobytes()
        assert new.bias.data.tobytes() == old.bias.data.tobytes()
    # Five classes are not seven: their scores begin at 0.
    assert not any(layer.weight.data.any() for layer in mine[15:])


def test_a_finer_net_begins_where_a_coarser_one_ended():
    coarse, fine = scramble(FCN32s(5, width=1 / 64)), FCN8s(5, width=1 / 64)
    transplant(coarse, fine)
    given, taken = coarse.parameters(), fine.parameters()
    assert len(taken) == len(given) + 4
    assert all(np.array_equal(old.data, new.data) for old, new in zip(given, taken, strict=False))
    assert not any(parameter.data.any() for parameter in taken[len(given) :])
    x = pictures(1, 64, 64)
    # What it adds is 0 as yet; interpolating three times is nearly interpolating once.
    assert np.corrcoef(coarse.predict(x).ravel(), fine.predict(x).ravel())[0, 1] > 0.95


@pytest.mark.parametrize("source", [VGG16(3, width=1 / 64), VGG16(3, batch_norm=True, width=1 / 32)])
def test_what_cannot_be_transplanted_is_one_sentence(source):
    net = FCN16s(3, width=1 / 32)
    before = net.state_dict()
    with pytest.raises(ValueError, match=r"transplant got VGG16\(.*for FCN16s\(.*expected the same width and no batch"):
        transplant(source, net)
    assert all(np.array_equal(array, before[name]) for name, array in net.state_dict().items())


# --- learning --------------------------------------------------------------------------------------------------


@every_network
def test_scores_begin_at_zero(kind):
    net = kind(4, width=1 / 64)
    assert not net.predict(pictures(1, 33, 40)).any()
    first = weighted(net)[:15][:-1]
    assert all(layer.weight.data.any() for layer in first)


@every_network
def test_every_weight_hears_of_the_loss(kind, gradient_shares):
    shares = gradient_shares(kind(3, width=1 / 16).astype("float64"), pictures(1, 70, 58).astype("float64"))
    assert min(shares.values()) > 1e-6, shares


def test_it_drops_units_in_train_mode_alone():
    net, x = scramble(FCN16s(3, width=1 / 64)), pictures(1, 32, 32)
    one, other = (net(x, rng=tc.Generator(seed))[0] for seed in (0, 1))
    assert (one != other).any()
    np.testing.assert_array_equal(net.predict(x), net.predict(x))
    with pytest.raises(ValueError, match=r"Dropout\(0.5\) got no rng"):
        net(x)


@every_network
def test_it_learns_one_batch_by_heart(kind, learn):
    target = np.zeros((2, 26, 26), int)
    target[1] = 1
    x = (2 * target[..., None] - 1 + 0.1 * pictures(2, 26, 26)).astype(np.float32)
    # Without dropout: on so narrow a head it costs many more steps.
    first, last = learn(kind(2, width=1 / 16), x, target, steps=25, rate=2e-3, mode="eval")
    assert first == pytest.approx(np.log(2))
    assert last < 0.05


@every_network
def test_a_checkpoint_is_enough_to_build_it_again(kind, tmp_path):
    net, x = scramble(kind(3, width=1 / 128)), pictures(1, 40, 32)
    tc.save_checkpoint(tmp_path / "fcn", net)
    again = tc.load_checkpoint(tmp_path / "fcn", kind)
    assert again.options == {"classes": 3, "width": 1 / 128}
    np.testing.assert_array_equal(again.predict(x), net.predict(x))


@every_network
def test_grey_pictures_and_no_classes_are_one_sentence(kind):
    with pytest.raises(ValueError, match=r"^FCN\d+s\(.*got x of shape \(1, 40, 40, 1\), expected \(N, H, W, 3\)"):
        kind(3, width=1 / 512)(pictures(1, 40, 40)[..., :1])
    with pytest.raises(ValueError, match=rf"^{kind.__name__} classes got 0"):
        kind(0)
