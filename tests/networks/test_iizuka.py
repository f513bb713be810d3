"""Iizuka and its baseline: as many weights as the paper's, two pictures in, two answers out, and style transfer."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.colorize import predict_ab
from tinycolor.inspect.field import reads
from tinycolor.networks import Iizuka, IizukaBaseline
from tinycolor.networks.iizuka import colour_and_scene_loss

from fixtures.formulas import digest, relative_error
from fixtures.make_iizuka import FORMS, LIGHTNESS, fixed, step

FIXTURE = Path(__file__).parent.parent / "fixtures" / "iizuka.npz"
NARROW, SIDE = 1 / 16, 32
every_kind = pytest.mark.parametrize("kind", [Iizuka, IizukaBaseline])


def iizuka(scenes=3, width=NARROW, batch_norm=False, seed=0):
    """A network with shifts of any size, so that colours are not all close to grey."""
    return scramble(Iizuka(scenes, width, batch_norm, global_size=SIDE, size=SIDE, seed=seed))


def baseline(width=NARROW, batch_norm=False):
    return scramble(IizukaBaseline(width, batch_norm, size=SIDE))


def scramble(net, seed=0):
    rng = np.random.default_rng(seed)
    for parameter in net.parameters():
        shape = parameter.data.shape
        spread = np.sqrt(2 / np.prod(shape[:-1])) if len(shape) > 1 else 0.1
        parameter.data = (len(shape) == 1) * parameter.data + spread * rng.standard_normal(shape)
    return net


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal((*shape, 1)).astype(np.float32)


def lightness(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 100, (*shape, 1)).astype(np.float32)


# --- the paper's table -----------------------------------------------------------------------------------------


def test_it_has_the_paper_s_number_of_weights(weightless, weights):
    net = Iizuka()
    parts = {name: weights(layer) for name, layer in net.children() if layer.parameters()}
    assert parts == {
        "low": 2_287_488,
        "mid": 3_539_712,
        "colour": 424_802,
        "scene": 35_786_496 - 512 * 256 - 256,
        "vector": 512 * 256 + 256,
        "fusion": 131_328,
        "classifier": 184_013,
    }
    assert weights(net) == 42_169_826 + 184_013
    assert weights(Iizuka(None)) == 42_169_826
    fully_connected = [layer for name, layer in net.walk() if isinstance(layer, tc.Linear) and "classifier" not in name]
    assert sum(map(weights, fully_connected)) == 26_347_264


def test_the_baseline_has_what_is_left_without_global_features(weightless, weights):
    assert weights(IizukaBaseline()) == 6_317_794


@pytest.mark.parametrize(("kind", "channels"), [(Iizuka, 64 + 128 + 128 + 256 * 3 + 512 * 6 + 128 + 64 * 2 + 32)])
def test_batch_norm_gives_a_scale_for_every_bias_of_a_3x3_convolution(weightless, weights, kind, channels):
    assert weights(kind(batch_norm=True)) == weights(kind()) + channels


def test_its_maps_are_those_of_the_paper_s_table():
    rows = tc.summary(Iizuka(7, 1 / 64), (2, 224, 224, 1)).rows
    shapes = {row.path: row.outputs[0][1:] for row in rows}
    sides = {part: [shapes[f"{part}.{n}.conv"][0] for n in range(count)] for part, count in (("low", 6), ("scene", 4))}
    assert sides == {"low": [112, 112, 56, 56, 28, 28], "scene": [14, 14, 7, 7]}
    assert shapes["scene.4"] == (7 * 7 * 8,)
    assert [shapes[f"colour.{n}.conv"][0] for n in (0, 2, 3, 5, 6)] == [28, 56, 56, 112, 112]
    assert shapes["colour.6.conv"] == (112, 112, 2)
    assert shapes["classifier.2"] == (7,)


@pytest.mark.parametrize(("side", "last"), [(8, 1), (32, 1), (64, 2), (96, 3), (40, 2)])
def test_the_global_side_may_be_another(side, last):
    net = Iizuka(2, NARROW, global_size=side)
    assert net.scene[5].weight.data.shape == (last * last * 32, 64)
    assert net(pictures(1, 40, 48), pictures(1, side, side))[0][1].shape == (1, 2)


def test_width_scales_the_channels_and_not_the_picture_s(weightless):
    net = Iizuka(4, 2.5, global_size=8)
    first, *others = [part.conv.weight.data.shape[2:] for part in net.low]
    assert first == (1, 160)
    assert all(before == inputs for (_, before), (inputs, _) in pairwise([first, *others]))
    assert net.classifier[2].weight.data.shape == (640, 4)


# --- two pictures in -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(32, 96), (40, 64), (88, 48), (96, 96)])
def test_it_answers_at_half_size_whatever_the_size(size):
    x, half = pictures(2, *size), (2, size[0] // 2, size[1] // 2, 2)
    ab, scores = iizuka().predict(x, pictures(2, SIDE, SIDE))
    assert (ab.shape, scores.shape) == (half, (2, 3))
    assert baseline().predict(x).shape == half
    assert 0 < ab.min() < ab.max() < 1


@pytest.mark.parametrize("size", [(32, 100), (33, 57), (64, 47), (100, 32)])
@pytest.mark.parametrize("make", [iizuka, baseline])
def test_photos_of_any_size_are_coloured(make, size):
    photo = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    assert tc.colorize(photo, make()).shape == photo.shape


def test_one_picture_of_the_global_size_stands_for_both():
    net, x = iizuka().astype("float64"), pictures(3, SIDE, SIDE).astype("float64")
    target = (np.full((3, SIDE // 2, SIDE // 2, 2), 0.3), np.array([0, 2, 1]))
    one, two = step(net, (x,), target), step(net, (x, x.copy()), target)
    two["dx0"] += two.pop("dx1")
    assert one.keys() == two.keys()
    assert max(relative_error(one[name], two[name]) for name in one) < 1e-12


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ([(40, 44)], "got pictures of 40 x 44, expected multiples of 8: crop or pad them."),
        ([(40, 48)], r"got pictures of 40 x 48 alone, expected 32 x 32, or such ones beside them: net\(x, x_global\)."),
        ([(40, 48), (40, 48)], r"got x of shape \(2, 40, 48, 1\), expected \(2, 32, 32, 1\)."),
    ],
)
def test_pictures_of_a_wrong_size_are_one_sentence(sizes, message):
    with pytest.raises(ValueError, match=rf"^Iizuka\(.* {message}$"):
        iizuka()(*(pictures(2, *size) for size in sizes))


@every_kind
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 60}, "got size=60, expected a multiple of 8"),
        ({"size": 0}, "size got 0"),
        ({"width": 0}, "width got 0"),
    ],
)
def test_what_cannot_be_built_is_one_sentence(kind, options, message):
    with pytest.raises(ValueError, match=f"^{kind.__name__} {message}"):
        kind(**options)


@pytest.mark.parametrize("options", [{"scene_classes": 0}, {"global_size": 0}])
def test_no_scenes_and_no_whole_are_one_sentence(options):
    (name,) = options
    with pytest.raises(ValueError, match=f"^Iizuka {name} got 0, expected a whole number of at least 1"):
        Iizuka(width=NARROW, **options)


# --- fusion, and the scores ------------------------------------------------------------------------------------


def test_the_fusion_adds_what_the_vector_says_to_every_pixel():
    fusion = iizuka(width=1 / 4).fusion
    rng = np.random.default_rng(0)
    mid, vector = rng.standard_normal((2, 5, 7, 64)).astype("f"), rng.standard_normal((2, 64)).astype("f")
    weight, bias = fusion[0].conv.weight.data[0, 0], fusion[0].conv.bias.data
    added = mid @ weight[:64] + (vector @ weight[64:])[:, None, None] + bias
    assert relative_error(fusion.predict(mid, vector), np.maximum(added, 0)) < 1e-6


def without_classifier(net):
    """The same network with its classifier cut off."""
    rest = Iizuka(**net.options | {"scene_classes": None})
    rest.load_state_dict({name: array for name, array in net.state_dict().items() if "classifier" not in name})
    return rest


@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("mode", ["train", "eval"])
def test_without_a_classifier_colours_are_the_same_bits(batch_norm, mode):
    net, x, whole = iizuka(batch_norm=batch_norm), pictures(2, 48, 40), pictures(2, SIDE, SIDE, seed=1)
    rest, painted = without_classifier(net), net.paint(lightness(2, 48, 40))
    assert rest.paint(lightness(2, 48, 40)).tobytes() == painted.tobytes()
    (ab, _), _ = net(x, whole, mode=mode)
    alone, _ = rest(x, whole, mode=mode)
    assert alone.tobytes() == ab.tobytes()


def test_the_colours_never_hear_of_the_scores():
    net, x = iizuka(), pictures(2, SIDE, SIDE)
    ab, scores = net.predict(x)
    for parameter in net.classifier.parameters():
        parameter.data = -3 * parameter.data
    again, others = net.predict(x)
    assert again.tobytes() == ab.tobytes()
    assert abs(scores - others).min() > 1e-3


def test_a_seed_gives_the_same_start_with_and_without_a_classifier():
    with_one, without, other = (Iizuka(scenes, NARROW, seed=seed) for scenes, seed in ((3, 4), (None, 4), (None, 5)))
    state, same = with_one.state_dict(), without.state_dict()
    assert all(state[name].tobytes() == array.tobytes() for name, array in same.items())
    assert state.keys() - same.keys() == {f"classifier.{n}.{part}" for n in (0, 2) for part in ("weight", "bias")}
    for name in ("low.0.conv.weight", "colour.6.conv.weight"):
        assert (other.state_dict()[name] != same[name]).all()


@every_kind
def test_the_first_colours_are_close_to_grey(kind):
    net = kind(width=1 / 8, **{"global_size": 64} if kind is Iizuka else {})
    assert abs(net.paint(lightness(1, 64, 96))).mean() < 4


# --- the units of colour ---------------------------------------------------------------------------------------


def test_a_target_is_the_mean_of_two_by_two_pixels_within_0_and_1():
    rng = np.random.default_rng(0)
    ab = rng.uniform(-110, 110, (2, 6, 8, 2))
    target = baseline().target(ab)
    for row in range(3):
        for column in range(4):
            mean = ab[:, 2 * row : 2 * row + 2, 2 * column : 2 * column + 2].mean((1, 2))
            np.testing.assert_allclose(target[:, row, column], mean / 220 + 0.5, rtol=1e-12)


def test_every_colour_of_srgb_is_within_0_and_1_and_comes_back():
    cube = np.stack(np.meshgrid(*[[0, 1]] * 3, indexing="ij"), -1).reshape(8, 1, 1, 3).astype(float)
    ab = np.broadcast_to(tc.color.rgb_to_lab(cube)[..., 1:], (8, 4, 4, 2))
    assert ab.min() < -100  # blue: 100 would not do
    net = iizuka()
    assert 0 < net.target(ab).min() < net.target(ab).max() < 1
    np.testing.assert_allclose(net.colours(net.target(ab)), ab, atol=1e-9)


def test_colours_lie_on_straight_lines_between_the_answers():
    y = np.random.default_rng(0).uniform(0, 1, (1, 3, 1, 2))
    rows = 220 * y[0, :, 0] - 110
    shares = [(1, 0), (0.75, 0.25), (0.25, 0.75)]
    expected = [share * rows[0] + other * rows[1] for share, other in shares]
    np.testing.assert_allclose(iizuka().colours(y)[0, :3, 0], expected, rtol=1e-12)


# --- seen as a whole -------------------------------------------------------------------------------------------


def test_global_features_of_another_picture_are_those_of_the_second_input():
    net, own, other = iizuka(), lightness(2, 48, 40), 0.2 * lightness(2, SIDE, SIDE, seed=1)
    ab, _ = net.predict(net.question(own), net.question(other))
    styled = net.paint(own, net.global_features(other))
    np.testing.assert_allclose(styled, net.colours(ab), rtol=0, atol=1e-3)
    assert abs(styled - net.paint(own)).max() > 0.1


def test_a_picture_of_another_size_is_squeezed_for_the_global_features():
    net, small = iizuka(), lightness(2, SIDE, SIDE)
    large = small.repeat(3, 1).repeat(2, 2)
    np.testing.assert_allclose(net.global_features(large), net.global_features(small), rtol=1e-4, atol=1e-5)
    ab, _ = net.predict(net.question(large), net.question(small))
    np.testing.assert_allclose(net.paint(large), net.colours(ab), rtol=0, atol=1e-2)


def test_a_painter_looks_at_the_whole_once_and_paints_pieces_by_it():
    net, whole = iizuka(), lightness(1, 40, 264)
    paint, seen = net.painter(whole), []
    piece = whole[:, 8:32, 80:200]
    with tc.layers.base.watching(lambda layer, xs, ys, backward: seen.append(layer)):
        painted = paint(piece)
    assert not {net.scene, net.vector, net.classifier} & set(seen)
    assert painted.tobytes() == net.paint(piece, net.global_features(whole)).tobytes()


@pytest.mark.parametrize("make", [iizuka, baseline])
def test_tiles_are_coloured_as_the_whole_is(make, monkeypatch):
    net, whole = make(), lightness(1, 24, 420)
    # The module; its name in the package is the function's.
    monkeypatch.setattr(sys.modules["tinycolor.colorize"], "TILE", 96)
    tiled = predict_ab(net, whole)
    at_once = net.paint(np.pad(whole, ((0, 0), (0, 0), (0, 4), (0, 0)), mode="edge"))[:, :, :420]
    np.testing.assert_allclose(tiled, at_once, rtol=0, atol=1e-3)


def test_the_baseline_reads_the_rows_that_gradients_reach():
    net = IizukaBaseline(1 / 256).astype("float64")
    for parameter in net.parameters():
        parameter.data = np.full(parameter.data.shape, 1 / parameter.data[..., 0].size)
    x = np.ones((1, 256, 64, 1))
    for row in (61, 62, 63, 64):
        y, backward = net(x)
        dy = np.zeros_like(y)
        dy[0, row, 16] = 1
        reached = np.flatnonzero(backward(dy).any((0, 2, 3)))
        expected = reads(net, np.array([row]), 0)
        assert (reached[0], reached[-1]) == (expected[0], expected[-1])


def test_the_baseline_sees_115_pixels_and_the_other_the_whole_picture():
    assert tc.receptive_field(IizukaBaseline(1 / 64)) == (115, 115)
    net = iizuka()
    assert tc.receptive_field(net.local) == (115, 115)
    with pytest.raises(ValueError, match=r"got Iizuka\(.*sees the whole picture"):
        tc.receptive_field(net)


# --- learning --------------------------------------------------------------------------------------------------


def test_the_loss_is_the_colours_and_a_300th_of_the_scores():
    rng = np.random.default_rng(0)
    ab, right = rng.uniform(0, 1, (2, 2, 3, 4, 2))
    scores, labels = rng.standard_normal((2, 5)), np.array([4, 1])
    loss, (d_ab, d_scores) = colour_and_scene_loss((ab, scores), (right, labels))
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    entropy = -np.log(shares[[0, 1], labels]).mean()
    assert float(loss) == pytest.approx(((ab - right) ** 2).sum() / 48 + entropy / 300, rel=1e-12)
    np.testing.assert_allclose(d_ab, 2 * (ab - right) / 48, rtol=1e-12)
    np.testing.assert_allclose(d_scores, (shares - np.eye(5)[labels]) / 2 / 300, rtol=1e-9)


class SideBySide(tc.Layer):
    """A network of two answers as one of one: a row of all numbers for each picture."""

    def __init__(self, net):
        self.net = net

    def forward(self, *xs, mode, rng):
        (ab, scores), backward = self.net(*xs, mode=mode, rng=rng)

        def split(dy):
            return backward(dy[:, : ab[0].size].reshape(ab.shape), dy[:, ab[0].size :].copy())

        return np.concatenate([ab.reshape(len(ab), -1), scores], 1), split


@pytest.mark.parametrize("batch_norm", [False, True])
def test_every_weight_hears_of_the_loss(batch_norm, gradient_shares):
    x = pictures(4, SIDE, SIDE).astype("float64")
    for net in (SideBySide(iizuka(batch_norm=batch_norm)), baseline(batch_norm=batch_norm)):
        shares = gradient_shares(net.astype("float64"), x)
        assert min(shares.values()) > 1e-6, shares


def test_gradients_of_both_answers_agree_with_differences():
    net = Iizuka(2, 1 / 64, global_size=SIDE).astype("float64")
    for part in (part for _, part in net.walk()):
        # Without bends, differences mean something.
        if isinstance(part, tc.ConvNormAct) and isinstance(part.activation, tc.ReLU):
            part.activation = tc.Tanh()
        if isinstance(part, tc.Sequential):
            part.layers = [tc.Tanh() if isinstance(layer, tc.ReLU) else layer for layer in part.layers]
    rng = np.random.default_rng(1)
    for parameter in net.parameters():
        shape = parameter.data.shape
        parameter.data = rng.standard_normal(shape) * (1 / np.sqrt(np.prod(shape[:-1])) if len(shape) > 1 else 0.1)
    x, whole = rng.standard_normal((2, 24, 32, 1)), rng.standard_normal((2, SIDE, SIDE, 1))
    assert tc.gradcheck(net, x, whole, tolerance=1e-6) <= 1e-6


@pytest.mark.parametrize("batch_norm", [False, True])
def test_it_learns_one_batch_by_heart(batch_norm):
    net = Iizuka(2, NARROW, batch_norm, global_size=SIDE, size=SIDE)
    labels = np.array([0, 1, 1, 0])
    kind = labels[:, None, None, None]
    x = (2 * kind - 1 + 0.3 * pictures(4, SIDE, SIDE)).astype(np.float32)
    ab = np.where(kind == 0, [30, -20], [-40, 60]) * np.ones((4, SIDE, SIDE, 2))
    target = net.target(ab.astype(np.float32)), labels
    adam = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(1e-2, 60))
    losses = []
    for _ in range(60):
        net.zero_grad()
        y, backward = net(x)
        loss, dy = colour_and_scene_loss(y, target)
        backward(*dy)
        adam.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 20
    (ab, scores), _ = net(x)
    assert (scores.argmax(1) == labels).all()


def test_eval_mode_takes_the_running_statistics():
    net, x = iizuka(batch_norm=True), pictures(4, SIDE, SIDE)
    alone = net.predict(x[:1])[0]
    np.testing.assert_allclose(net.predict(x)[0][:1], alone, rtol=1e-4, atol=1e-5)
    net(x)
    assert (net.predict(x[:1])[0] != alone).any()


@pytest.mark.parametrize("scenes", [None, 3])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_checkpoint_is_enough_to_build_it_again(scenes, batch_norm, tmp_path):
    net = iizuka(scenes, batch_norm=batch_norm)
    net(pictures(2, SIDE, SIDE))  # moves the running statistics
    tc.save_checkpoint(tmp_path / "iizuka", net)
    again = tc.load_checkpoint(tmp_path / "iizuka", Iizuka)
    expected = {"scene_classes": scenes, "width": NARROW, "batch_norm": batch_norm, "global_size": SIDE, "size": SIDE}
    assert again.options == expected
    assert again.paint(LIGHTNESS.astype("f")).tobytes() == net.paint(LIGHTNESS.astype("f")).tobytes()


def test_a_checkpoint_of_the_baseline_too(tmp_path):
    net = baseline()
    tc.save_checkpoint(tmp_path / "baseline", net)
    again = tc.load_checkpoint(tmp_path / "baseline", IizukaBaseline)
    assert again.options == {"width": NARROW, "batch_norm": False, "size": SIDE}
    assert again.paint(LIGHTNESS.astype("f")).tobytes() == net.paint(LIGHTNESS.astype("f")).tobytes()


# --- what PyTorch once gave, without PyTorch: see fixtures/make_iizuka.py ---------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_every_gradient_by_digest(form):
    """Two numbers per array: its length, and its share along a direction; errors as shares of the length."""
    network, given, target = fixed(form)
    ours = digest({"painted": network.paint(LIGHTNESS), **step(network, given, target)})
    with np.load(FIXTURE) as file:
        theirs = dict(zip(file[f"{form}/names"], file[f"{form}/digests"], strict=True))
    assert ours.keys() == theirs.keys()
    errors = {name: float(abs(ours[name] - theirs[name]).max() / theirs[name][0]) for name in ours}
    assert max(errors.values()) <= 1e-8, errors
