"""pix2pix: as many weights as the authors', patches as large as the paper's, and its ways of drawing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.inspect.field import reads
from tinycolor.networks import PatchDiscriminator, Pix2PixGenerator
from tinycolor.networks.unet import CopyAndCrop

from fixtures.formulas import digest, one_step
from fixtures.make_pix2pix import DISCRIMINATORS, GENERATORS, STEP, after_a_step, fixed

FIXTURE = Path(__file__).parent.parent / "fixtures" / "pix2pix.npz"
# layers: pixels that a logit sees, logits for 256 x 256, weights for 6 and for 3 channels; with a bias in the last
# convolution, which the authors' PixelGAN has not
PATCHES = {
    0: (1, 256, 9_025, 8_833),
    1: (16, 126, 139_585, 136_513),
    2: (34, 62, 666_433, 663_361),
    3: (70, 30, 2_768_705, 2_765_633),
    4: (142, 14, 6_964_033, 6_960_961),
    5: (286, 6, 11_159_361, 11_156_289),
}
every_patch = pytest.mark.parametrize("layers", PATCHES)


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def found(net, kind):
    return [layer for _, layer in net.walk() if isinstance(layer, kind)]


# --- the table of the paper and the authors' code ----------------------------------------------------------------


@pytest.fixture
def weightless(weightless, monkeypatch):
    """Without drawing the first weights either."""
    monkeypatch.setattr(tc.init, "normal", lambda *arguments, **options: None)


@pytest.mark.parametrize(
    ("form", "count"),
    [
        ((3, 3), 54_413_955),
        ((1, 2), 54_409_858),
        ((3, 3, 8, 64, False), 39_075_459),
        ((1, 2, 8, 64, False), 39_072_386),
        ((3, 3, 7), 41_828_995),
        ((1, 2, 7), 41_824_898),
        ((3, 3, 5), 16_659_075),
        ((1, 2, 5), 16_654_978),
    ],
)
def test_the_generator_has_the_authors_number_of_weights(form, count, weightless, weights):
    assert weights(Pix2PixGenerator(*form)) == count


@every_patch
def test_the_discriminator_has_the_published_number_of_weights(layers, weightless, weights):
    assert (weights(PatchDiscriminator(6, layers)), weights(PatchDiscriminator(3, layers))) == PATCHES[layers][2:]


def test_the_unconditional_discriminator_has_the_authors_number_of_weights(weightless, weights):
    assert weights(PatchDiscriminator(2)) == 2_764_609


def test_its_maps_are_those_of_the_authors():
    rows = tc.summary(Pix2PixGenerator(1, 2, base_width=1), (1, 256, 256, 1)).rows
    maps = [row.outputs[0][1:] for row in rows if row.kind.startswith("Conv")]
    sides, widths = [128, 64, 32, 16, 8, 4, 2, 1], [1, 2, 4, 8, 8, 8, 8, 8]
    down = [(side, side, width) for side, width in zip(sides, widths, strict=True)]
    up = [(side, side, width) for side, width in zip([*sides[-2::-1], 256], [*widths[-2::-1], 2], strict=True)]
    assert maps == down + up
    # Of what comes up and what came across, equally many channels.
    joined = [row.outputs[0][1:] for row in rows if row.kind == "CopyAndCrop"]
    assert sorted(joined) == sorted((side, side, 2 * width) for side, side, width in down[:-1])


def test_only_the_last_convolution_has_a_bias_and_the_innermost_no_norm():
    net = Pix2PixGenerator(1, 2, base_width=1)
    convolutions = found(net, tc.Conv2d | tc.ConvTranspose2d)
    assert [layer.bias is not None for layer in convolutions] == [layer is net.layers[3] for layer in convolutions]
    # Of 16 convolutions, the outermost two and the innermost have none behind them.
    assert len(convolutions) == 16
    assert len(found(net, tc.BatchNorm2d)) == 13
    innermost = next(layer for layer in found(net, tc.Sequential) if not found(layer, CopyAndCrop))
    assert [type(layer) for layer in innermost.layers] == [
        tc.LeakyReLU, tc.Conv2d, tc.ReLU, tc.ConvTranspose2d, tc.BatchNorm2d,
    ]  # fmt: skip


@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize(
    ("style", "levels", "expected"),
    [
        ("pytorch", 8, [4, 8, 16]),
        ("pytorch", 7, [4, 8]),
        ("pytorch", 6, [4]),
        ("pytorch", 5, []),
        ("pytorch", 2, []),
        ("lua", 8, [2, 4, 8]),
        ("lua", 5, [2, 4, 8]),
        ("lua", 3, [2, 4]),
        ("lua", 2, [2]),
    ],
)
def test_units_are_dropped_where_the_authors_drop_them(style, levels, expected, skips):
    """d1 gives a map of 2 pixels a side, d2 of 4, d3 of 8, d4 of 16."""
    net = Pix2PixGenerator(1, 2, levels, 1, skips, dropout_style=style)
    rows = tc.summary(net, (1, net.size, net.size, 1)).rows
    assert [row.outputs[0][1] for row in rows if row.kind == "Dropout"] == expected
    assert {layer.p for layer in found(net, tc.Dropout)} <= {0.5}


def test_its_slopes_are_the_authors():
    for net in (Pix2PixGenerator(base_width=1), PatchDiscriminator(base_width=1)):
        assert {layer.slope for layer in found(net, tc.LeakyReLU)} == {0.2}


@pytest.mark.parametrize(
    "make", [lambda seed: Pix2PixGenerator(3, 3, 6, 16, seed=seed), lambda seed: PatchDiscriminator(6, seed=seed)]
)
def test_its_first_weights_are_the_authors(make):
    net = make(0)
    norms = {id(layer.weight) for layer in found(net, tc.BatchNorm2d)}
    shifts = [p.data for p in net.parameters() if p.data.ndim == 1 and id(p) not in norms]
    scales = np.concatenate([p.data for p in net.parameters() if id(p) in norms])
    filters = np.concatenate([p.data.ravel() for p in net.parameters() if p.data.ndim > 1])
    assert shifts
    assert not any(shift.any() for shift in shifts)
    assert abs(scales.mean() - 1) < 4 * 0.02 / np.sqrt(scales.size)
    assert scales.std() == pytest.approx(0.02, rel=4 / np.sqrt(2 * scales.size))
    assert abs(filters.mean()) < 4 * 0.02 / np.sqrt(filters.size)
    assert filters.std() == pytest.approx(0.02, rel=0.01)
    same, other = make(0).state_dict(), make(1).state_dict()
    assert all(np.array_equal(same[name], array) for name, array in net.state_dict().items())
    assert not any(
        np.array_equal(other[name], array) for name, array in net.state_dict().items() if name.endswith("conv.weight")
    )


# --- what it sees ------------------------------------------------------------------------------------------------


@every_patch
def test_a_logit_sees_a_patch(layers):
    """With weights above 0 nothing cancels; in eval mode, batch norm keeps to the pixel."""
    field = PATCHES[layers][0]
    net = PatchDiscriminator(1, layers, base_width=1)
    assert tc.receptive_field(net) == (field, field)
    for parameter in net.parameters():
        parameter.data = np.full(parameter.data.shape, 1 / parameter.data[..., 0].size)
    y, backward = net(np.ones((1, 2 * field + 10, 2 * field + 20, 1), np.float32), mode="eval")
    dy = np.zeros_like(y)
    dy[0, y.shape[1] // 2, y.shape[2] // 2] = 1
    seen = backward(dy)[0, ..., 0] != 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    assert (len(rows), len(columns), seen.sum()) == (field, field, field**2)
    assert (np.ptp(rows), np.ptp(columns)) == (field - 1, field - 1)
    assert [*rows] == [*reads(net, np.array([y.shape[1] // 2]), 0)]


@every_patch
def test_a_picture_gets_so_many_logits(layers):
    side = PATCHES[layers][1]
    assert PatchDiscriminator(1, layers, base_width=1).predict(pictures(1, 256, 256, 1)).shape == (1, side, side, 1)


@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("levels", [2, 3, 4])
def test_it_reads_the_rows_that_gradients_reach(levels, skips):
    net = Pix2PixGenerator(1, 1, levels, 1, skips).astype("float64")
    for parameter in net.parameters():
        parameter.data = np.full(parameter.data.shape, 1 / parameter.data[..., 0].size)
    x = np.ones((1, 10 * net.size, net.size, 1))
    for row in range(5 * net.size, 6 * net.size):
        y, backward = net(x, mode="eval")
        dy = np.zeros_like(y)
        dy[0, row, 0] = 1
        assert [*np.flatnonzero(backward(dy).any((0, 2, 3)))] == [*reads(net, np.array([row]), 0)]


@pytest.mark.parametrize(("levels", "expected"), [(3, 38), (5, 158), (8, 1278)])
def test_how_far_a_pixel_of_the_answer_sees(levels, expected):
    # Going up, a pixel is made of two, and two or three are made of at most three: so much of the deepest map. Going
    # down, n pixels are made of 2n + 2.
    side = 3
    for _ in range(levels):
        side = 2 * side + 2
    fields = [tc.receptive_field(Pix2PixGenerator(1, 2, levels, 1, skips)) for skips in (True, False)]
    assert fields == 2 * [(side, side)] == 2 * [(expected, expected)]


# --- modes -------------------------------------------------------------------------------------------------------


def drawing(levels=6, norm="batch", seed=0, **options):
    """Return a generator whose running statistics are those of no batch, and scales and shifts at random."""
    net = Pix2PixGenerator(1, 2, levels, 4, norm=norm, **options)
    rng = np.random.default_rng(seed)
    for layer in found(net, tc.BatchNorm2d):
        layer.weight.data = rng.uniform(0.5, 1.5, layer.weight.data.shape)
        layer.bias.data = rng.uniform(-0.5, 0.5, layer.bias.data.shape)
        layer.running_var[...] = rng.uniform(0.5, 2, layer.running_var.shape)
    return net


def statistics(net):
    return {name: array for name, array in net.state_dict().items() if "running" in name}


def same(one, other):
    return all(np.array_equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("style", ["pytorch", "lua"])
def test_as_in_the_paper_it_draws_by_dropout_and_leaves_no_trace(style):
    net, x = drawing(dropout_style=style), pictures(2, 64, 64, 1)
    before = statistics(net)
    one, again, other = (net.predict(x, mode="paper", rng=tc.Generator(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert abs(one - other).max() > 1e-3
    assert same(before, statistics(net))
    np.testing.assert_array_equal(net(x, rng=tc.Generator(1))[0], one)
    after = statistics(net)
    assert not any(np.array_equal(before[name], after[name]) for name in before)
    with pytest.raises(ValueError, match=r"Dropout\(0.5\) got no rng in a mode that drops units"):
        net.predict(x, mode="paper")


def test_in_eval_mode_it_keeps_to_what_it_learnt():
    net, x = drawing(), pictures(3, 64, 64, 1)
    y = net.predict(x)
    np.testing.assert_allclose(np.concatenate([net.predict(x[[n]]) for n in range(3)]), y, atol=1e-6)
    np.testing.assert_array_equal(net.predict(x, rng=tc.Generator(1)), y)
    assert abs(net.predict(x, mode="instance") - y).max() > 1e-2


def test_in_instance_mode_every_picture_is_by_itself_and_nothing_is_dropped():
    net, x = drawing(), pictures(3, 64, 64, 1)
    before = statistics(net)
    y = net.predict(x, mode="instance")
    assert same(before, statistics(net))
    np.testing.assert_allclose(np.concatenate([net.predict(x[[n]], mode="instance") for n in range(3)]), y, atol=1e-6)
    for layer in found(net, tc.Dropout):
        layer.p = 0.0
    # Of a batch of one, the batch's statistics are the picture's.
    alone = net.predict(x[:1], mode="paper", rng=tc.Generator(0))
    np.testing.assert_allclose(alone, y[:1], atol=1e-6)


@pytest.mark.parametrize("mode", tc.layers.base.MODES)
def test_instance_norm_is_batch_norm_of_a_batch_of_one(mode):
    instance, batch = (Pix2PixGenerator(1, 2, 6, 4, norm=norm, dropout_style="lua") for norm in ("instance", "batch"))
    for layer in found(batch, tc.BatchNorm2d):
        layer.weight.data = np.ones(layer.weight.data.shape)
    for one, other in zip(
        found(instance, tc.Conv2d | tc.ConvTranspose2d), found(batch, tc.Conv2d | tc.ConvTranspose2d), strict=True
    ):
        np.testing.assert_array_equal(one.weight.data, other.weight.data)
    x = pictures(1, 64, 64, 1)
    of_batch = "instance" if mode == "eval" else mode
    y = instance.predict(x, mode=mode, rng=tc.Generator(0))
    np.testing.assert_allclose(batch.predict(x, mode=of_batch, rng=tc.Generator(0)), y, rtol=0, atol=1e-6)
    assert abs(y).max() > 0.01


# --- sizes, and what does not fit ----------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", ["batch", "instance"])
@pytest.mark.parametrize("skips", [True, False])
@pytest.mark.parametrize("levels", range(2, 9))
def test_any_multiple_of_its_size_comes_back(levels, skips, norm):
    net = Pix2PixGenerator(3, 5, levels, 1, skips, norm)
    assert (net.multiple, net.size) == (2**levels, 2**levels)
    y = net.predict(pictures(1, 2**levels, 2 ** (levels + 1), 3))
    assert y.shape == (1, 2**levels, 2 ** (levels + 1), 5)
    assert abs(y).max() <= 1


@pytest.mark.parametrize("size", [(32, 33), (16, 32), (48, 32), (31, 31)])
def test_a_size_that_cannot_be_halved_so_often_is_one_sentence(size):
    message = (
        rf"^Pix2PixGenerator\(.* got pictures of {size[0]} x {size[1]}, expected multiples of 32: crop or pad them\.$"
    )
    with pytest.raises(ValueError, match=message):
        Pix2PixGenerator(1, 2, 5, 1).predict(pictures(1, *size, 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"norm": "layer"}, "got norm='layer', expected 'batch' or 'instance'"),
        ({"norm": None}, "got norm=None, expected 'batch' or 'instance'"),
        ({"dropout_style": "caffe"}, "got dropout_style='caffe', expected 'pytorch' or 'lua'"),
        ({"levels": 1}, "got levels=1, expected 2 to 12"),
        ({"levels": 13}, "got levels=13, expected 2 to 12"),
        ({"levels": 2.5}, r"levels got 2\.5, expected a whole number"),
        ({"size": 100}, "got size=100, expected a multiple of 32"),
        ({"size": 0}, "size got 0, expected a whole number of at least 1"),
        ({"in_channels": 0}, "in_channels got 0"),
        ({"out_channels": 0}, "out_channels got 0"),
        ({"base_width": 0}, "base_width got 0"),
    ],
)
def test_a_generator_that_cannot_be_built_is_one_sentence(options, message):
    with pytest.raises(ValueError, match=f"^Pix2PixGenerator {message}"):
        Pix2PixGenerator(**{"levels": 5, "base_width": 1} | options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": -1}, "got layers=-1, expected 0 to 12"),
        ({"layers": 13}, "got layers=13, expected 0 to 12"),
        ({"in_channels": 0}, "in_channels got 0"),
        ({"base_width": 0}, "base_width got 0"),
    ],
)
def test_a_discriminator_that_cannot_be_built_is_one_sentence(options, message):
    with pytest.raises(ValueError, match=f"^PatchDiscriminator {message}"):
        PatchDiscriminator(**{"base_width": 1} | options)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(1, 32, 32, 1)], r"PatchDiscriminator\(.*got x of shape \(1, 32, 32, 1\), expected \(N, H, W, 3\)"),
        (
            [(1, 32, 32, 1), (1, 32, 32, 1)],
            r"PatchDiscriminator\(.*got x of shape \(1, 32, 32, 2\), expected \(N, H, W, 3\)",
        ),
        ([(1, 32, 32, 1), (1, 16, 16, 2)], "got maps of shape .* to join, expected equal sizes but for the channels"),
        ([(2, 32, 32, 1), (1, 32, 32, 2)], "got maps of shape .* to join, expected equal sizes but for the channels"),
        ([(1, 16, 16, 3)], "got pictures of 1 x 1, expected at least one whole window: use a larger picture"),
    ],
)
def test_pictures_that_do_not_fit_the_discriminator_are_one_sentence(shapes, message):
    with pytest.raises(ValueError, match=message):
        PatchDiscriminator(3, base_width=1).predict(*(pictures(*shape) for shape in shapes))


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_pictures_go_into_the_discriminator_side_by_side(layers):
    net = PatchDiscriminator(6, layers, 2).astype("float64")
    x = pictures(2, 24, 40, 6).astype("float64")
    y, backward = net(x)
    dx = backward(y)
    split = x[..., :1], x[..., 1:4], x[..., 4:]
    of_three, back_to_three = net(*split)
    np.testing.assert_array_equal(of_three, y)
    parts = back_to_three(y)
    assert [part.shape for part in parts] == [part.shape for part in split]
    np.testing.assert_array_equal(np.concatenate(parts, -1), dx)


# --- learning ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "form", [(3, 3, 5, 3), (1, 2, 6, 4, False), (2, 5, 3, 3, True, "instance", "lua"), (1, 2, 8, 2, True)]
)
def test_every_weight_of_the_generator_hears_of_the_loss(form, gradient_shares):
    net = Pix2PixGenerator(*form).astype("float64")
    shares = gradient_shares(net, pictures(2, net.size, net.size, form[0]).astype("float64"))
    assert min(shares.values()) > 1e-6, shares


@every_patch
def test_every_weight_of_the_discriminator_hears_of_the_loss(layers, gradient_shares):
    net = PatchDiscriminator(3, layers, 2).astype("float64")
    shares = gradient_shares(net, pictures(2, 16 + 16 * layers, 16 + 16 * layers, 3).astype("float64"))
    assert min(shares.values()) > 1e-6, shares


@pytest.mark.parametrize("form", [(1, 2, 3, 8), (1, 2, 3, 8, False), (1, 2, 3, 8, True, "instance")])
def test_the_generator_learns_one_batch_by_heart(form):
    net, x, target = Pix2PixGenerator(*form), pictures(2, 16, 16, 1), 0.8 * np.sign(pictures(2, 2, 2, 2, seed=1))
    target = target.repeat(8, 1).repeat(8, 2)
    adam = tc.optim.Adam(net.parameters(), 1e-2, betas=(0.5, 0.999))
    losses = []
    for _ in range(60):
        net.zero_grad()
        y, backward = net(x)
        loss, dy = tc.losses.l1(y, target)
        backward(dy)
        adam.step()
        losses.append(float(loss))
    assert losses[-1] < losses[0] / 4, losses


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_the_discriminator_tells_one_batch_apart(layers):
    net, x = PatchDiscriminator(3, layers, 4), pictures(4, 24, 24, 3)
    # Real pictures are brighter: a pixel is enough to see it.
    x[2:] += 2
    adam = tc.optim.Adam(net.parameters(), 1e-2, betas=(0.5, 0.999))
    for _ in range(40):
        net.zero_grad()
        logits, backward = net(x)
        real = np.zeros_like(logits)
        real[2:] = 1
        loss, dlogits = tc.losses.bce_with_logits(logits, real)
        backward(dlogits)
        adam.step()
    assert loss < np.log(2) / 2
    assert logits[2:].mean() > 1 > -1 > logits[:2].mean()


# --- around it -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [(1, 2, 5, 2, True, "batch", "pytorch"), (3, 3, 2, 3, False, "instance", "lua")])
def test_a_checkpoint_is_enough_to_build_the_generator_again(form, tmp_path):
    net = Pix2PixGenerator(*form, size=64)
    x = pictures(1, 64, 32, form[0])
    net(x, rng=tc.Generator(0))  # moves the running statistics
    tc.save_checkpoint(tmp_path / "pix2pix", net)
    again = tc.load_checkpoint(tmp_path / "pix2pix", Pix2PixGenerator)
    names = ("in_channels", "out_channels", "levels", "base_width", "skips", "norm", "dropout_style")
    assert again.options == dict(zip(names, form, strict=True)) | {"size": 64}
    np.testing.assert_array_equal(again.predict(x), net.predict(x))


@pytest.mark.parametrize("layers", [0, 3])
def test_a_checkpoint_is_enough_to_build_the_discriminator_again(layers, tmp_path):
    net, x = PatchDiscriminator(3, layers, 2), pictures(1, 32, 48, 3)
    net(x)
    tc.save_checkpoint(tmp_path / "patches", net)
    again = tc.load_checkpoint(tmp_path / "patches", PatchDiscriminator)
    assert again.options == {"in_channels": 3, "layers": layers, "base_width": 2}
    np.testing.assert_array_equal(again.predict(x), net.predict(x))


def test_both_can_be_summed_up():
    assert "CopyAndCrop" in str(tc.summary(Pix2PixGenerator(1, 2, 5, 2), (1, 32, 32, 1)))
    assert "Concat" in str(tc.summary(PatchDiscriminator(3, base_width=2), (1, 64, 64, 3)))


@pytest.mark.parametrize(("levels", "size"), [(5, None), (5, 64), (3, None)])
def test_it_colours_photos_of_any_size(levels, size):
    photo = np.random.default_rng(0).integers(0, 256, (71, 333, 3), dtype=np.uint8)
    assert tc.colorize(photo, Pix2PixGenerator(1, 2, levels, 2, size=size)).shape == photo.shape


@pytest.mark.parametrize("channels", [(3, 3), (1, 3), (3, 2)])
def test_one_that_was_made_for_other_pictures_does_not_colour(channels):
    net = Pix2PixGenerator(*channels, 3, 1)
    with pytest.raises(ValueError, match=f"has {channels[0]} inputs and {channels[1]} answers, expected L"):
        tc.colorize(np.zeros((20, 20), np.uint8), net)


# --- what PyTorch once gave, without PyTorch: see fixtures/make_pix2pix.py -----------------------------------------


def assert_same_digests(case, arrays):
    """Two numbers per array: its length, and its share along a direction; errors as shares of the length."""
    ours = digest(arrays)
    with np.load(FIXTURE) as file:
        theirs = dict(zip(file[f"{case}/names"].tolist(), file[f"{case}/digests"], strict=True))
    assert ours.keys() == theirs.keys()
    errors = {name: float(np.abs(ours[name] - theirs[name]).max() / theirs[name][0]) for name in ours}
    assert max(errors.values()) <= 1e-8, errors


@pytest.mark.parametrize("case", [*GENERATORS, *DISCRIMINATORS])
def test_every_gradient_by_digest(case):
    network, batch = fixed(case)
    assert_same_digests(case, one_step(network, *batch, tc.losses.mse))


def test_all_weights_after_a_step_of_both_by_digest():
    assert_same_digests(STEP, after_a_step())
