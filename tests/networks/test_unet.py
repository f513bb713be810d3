"""U-Net: as many weights as the paper's and as milesial's, the paper's sizes, and any size with padding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.inspect.field import reads
from tinycolor.networks import UNet
from tinycolor.networks.unet import CopyAndCrop
from tinycolor.ops.mirror import mirror

from fixtures.formulas import digest, one_step, relative_error
from fixtures.make_unet import FORMS, fixed

PADDINGS, UPSAMPLES = ("valid", "same"), ("deconv", "nearest", "bilinear")
every_padding = pytest.mark.parametrize("padding", PADDINGS)
every_upsample = pytest.mark.parametrize("upsample", UPSAMPLES)
NARROW = 1 / 64
FIXTURE = Path(__file__).parent.parent / "fixtures" / "unet.npz"


def pictures(*shape, channels=1, seed=0):
    return np.random.default_rng(seed).standard_normal((*shape, channels)).astype(np.float32)


def scramble(net, seed=0):
    """Random shifts, so that none is 0 by chance; few enough below 0 to keep all units alive."""
    rng = np.random.default_rng(seed)
    for parameter in net.parameters():
        if parameter.data.ndim == 1:
            parameter.data = rng.uniform(-0.2, 1, parameter.data.shape)
    return net


@pytest.mark.parametrize(
    ("form", "count"),
    [
        ((1, 2), 31_030_658),
        ((1, 2, "same"), 31_030_658),
        ((3, 2, "same", True), 31_037_698),
        ((3, 2, "same", True, "bilinear"), 17_263_042),
        ((3, 2, "same", True, "nearest"), 17_263_042),
    ],
)
def test_it_has_the_published_number_of_weights(form, count, weightless, weights):
    assert weights(UNet(*form)) == count


def test_it_has_23_convolutions_as_in_the_paper(weightless):
    layers = [layer for _, layer in UNet().walk() if isinstance(layer, tc.Conv2d | tc.ConvTranspose2d)]
    assert len(layers) == 23
    assert len([layer for layer in layers if isinstance(layer, tc.ConvTranspose2d)]) == 4


def test_its_maps_are_those_of_the_paper_s_figure():
    rows = tc.summary(UNet(width=NARROW), (1, 572, 572, 1)).rows
    sides = {kind: [row.outputs[0][1] for row in rows if row.kind.startswith(kind)] for kind in ("Conv2d", "MaxPool")}
    assert sides["MaxPool"] == [284, 140, 68, 32]
    assert sides["Conv2d"] == [570, 568, 282, 280, 138, 136, 66, 64, 30, 28, 54, 52, 102, 100, 198, 196, 390, 388, 388]
    joined = [row.outputs[0][1:] for row in rows if row.kind == "CopyAndCrop"]
    # Twice the channels of the level: 64, 128, 256 and 512 of each kind.
    assert joined == [(392, 392, 2), (200, 200, 4), (104, 104, 8), (56, 56, 16)]


@pytest.mark.parametrize("size", [(16, 17), (32, 100), (100, 33), (47, 64), (65, 91), (78, 78), (31, 31)])
@every_upsample
def test_with_padding_any_size_comes_back(size, upsample):
    assert UNet(3, 5, "same", True, upsample, NARROW).predict(pictures(1, *size, channels=3)).shape == (1, *size, 5)


@pytest.mark.parametrize("size", [(188, 188), (204, 188), (188, 252)])
@every_upsample
def test_without_padding_184_pixels_are_lost(size, upsample):
    net = UNet(upsample=upsample, width=NARROW)
    assert net.predict(pictures(2, *size)).shape == (2, size[0] - 184, size[1] - 184, 2)


def test_without_padding_only_sizes_go_that_pool_evenly():
    def goes(side):
        for _ in range(4):
            if (side - 4) % 2:
                return False
            side = (side - 4) // 2
        for _ in range(4):
            side = 2 * (side - 4)
        return side > 4

    sides = [side for side in range(590) if goes(side)]
    assert sides[0] == 188
    net = UNet(width=NARROW)
    assert [net.fitting(side) for side in range(570)] == [min(s for s in sides if s >= side) for side in range(570)]


@pytest.mark.parametrize(
    ("size", "advice"),
    [
        ((187, 300), "mirror them out to 188 x 300"),
        ((250, 301), "cut them to 236 x 300 or mirror them out to 252 x 316"),
        ((572, 571), "cut them to 572 x 556 or mirror them out to 572 x 572"),
        ((16, 16), "mirror them out to 188 x 188"),
    ],
)
def test_a_size_that_does_not_fit_names_the_nearest(size, advice):
    with pytest.raises(ValueError, match=r"^UNet\(.*got pictures") as caught:
        UNet(width=NARROW)(pictures(1, *size))
    expected = f"got pictures of {size[0]} x {size[1]}, expected sides of 188, 204, 220, ...: {advice}."
    assert str(caught.value).endswith(expected)


def test_too_small_a_picture_with_padding_is_one_sentence():
    with pytest.raises(ValueError, match=r"UNet\(.*got pictures of 15 x 40, expected at least 16 x 16\.$"):
        UNet(padding="same", width=NARROW)(pictures(1, 15, 40))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"padding": "zeros"}, "UNet got padding='zeros', expected 'valid' or 'same'"),
        ({"upsample": "cubic"}, "UNet got upsample='cubic', expected 'deconv', 'nearest' or 'bilinear'"),
        ({"size": 256}, r"got pictures of 256 x 256, expected sides of 188, 204, 220, \.\.\.: cut them to 252 x 252"),
        ({"classes": 0}, "UNet classes got 0"),
        ({"in_channels": 0}, "UNet in_channels got 0"),
        ({"width": 0}, "UNet width got 0"),
    ],
)
def test_what_cannot_be_built_is_one_sentence(options, message):
    with pytest.raises(ValueError, match=message):
        UNet(**{"width": NARROW} | options)


# --- what goes across ------------------------------------------------------------------------------------------


def test_what_comes_across_is_cropped_and_stands_first():
    deeper = tc.Sequential(tc.Conv2d(2, 3, 5))
    layer, x = CopyAndCrop(deeper, offset=2), pictures(2, 9, 11, channels=2)
    y = layer.predict(x)
    np.testing.assert_array_equal(y[..., :2], x[:, 2:-2, 2:-2])
    np.testing.assert_array_equal(y[..., 2:], deeper.predict(x))


@pytest.mark.parametrize(("height", "width"), [(8, 7), (7, 8), (7, 7), (8, 8)])
def test_a_row_that_pooling_lost_is_zeros(height, width):
    layer, x = CopyAndCrop(tc.Sequential(tc.MaxPool2d(2), tc.Upsample(2)), 0), pictures(1, height, width)
    y = layer.predict(x)
    np.testing.assert_array_equal(y[..., 0], x[..., 0])
    blocks = x[:, : height // 2 * 2, : width // 2 * 2].reshape(height // 2, 2, width // 2, 2).max((1, 3))
    expected = np.zeros((height, width))
    expected[: height // 2 * 2, : width // 2 * 2] = blocks.repeat(2, 0).repeat(2, 1)
    np.testing.assert_array_equal(y[0, ..., 1], expected)
    assert tc.gradcheck(layer, 0.1 * np.random.default_rng(0).permutation(height * width).reshape(x.shape)) < 1e-7


def test_both_ways_are_read():
    both = CopyAndCrop(tc.Conv2d(1, 1, 2, dilation=8), offset=4)
    y, backward = both(pictures(1, 20, 20))
    dy = np.zeros_like(y)
    dy[0, 5] = 1
    assert [*reads(both, np.array([5]), 0)] == [*np.flatnonzero(backward(dy).any((0, 2, 3)))] == [5, 9, 13]


@every_padding
@every_upsample
def test_it_reads_the_rows_that_gradients_reach(padding, upsample):
    net = UNet(1, 1, padding, upsample=upsample, width=NARROW).astype("float64")
    for parameter in net.parameters():
        parameter.data = np.full(parameter.data.shape, 1 / parameter.data[..., 0].size)
    for _, layer in net.walk():
        if isinstance(layer, tc.Sequential):
            # Of a window of max-pooling the winner alone would show.
            layer.layers = [tc.AvgPool2d(2) if isinstance(part, tc.MaxPool2d) else part for part in layer.layers]
    x = np.ones((1, 188 + 16 * 6, 188, 1))
    y, _ = net(x, mode="eval")
    for row in (y.shape[1] // 2 + place for place in (0, 7, 10)):
        y, backward = net(x, mode="eval")
        dy = np.zeros_like(y)
        dy[0, row, y.shape[2] // 2] = 1
        reached = np.flatnonzero(backward(dy).any((0, 2, 3)))
        expected = reads(net, np.array([row]), 0)
        assert (reached[0], reached[-1]) == (expected[0], expected[-1])


@every_padding
def test_a_pixel_sees_204_pixels_and_more_where_neighbours_are_mixed(padding):
    # Down the U from a pixel of the answer: two convolutions see 4 more, and n pixels lie in n // 2 + 1 larger ones.
    seen = 1
    for _ in range(4):
        seen = (seen + 4) // 2 + 1
    seen += 4
    for _ in range(4):
        seen = 2 * seen + 4
    assert seen == 204
    fields = [tc.receptive_field(UNet(padding=padding, upsample=upsample, width=NARROW)) for upsample in UPSAMPLES]
    assert fields == [(204, 204), (204, 204), (236, 236)]


# --- colour ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(32, 48), (208, 16)])
def test_it_colours_every_pixel(size):
    lightness = 50 + 20 * pictures(2, *size)
    same = scramble(UNet(1, 2, "same", width=1 / 32))
    np.testing.assert_array_equal(same.paint(lightness), 110 * same.predict(lightness / 50 - 1))
    valid = scramble(UNet(width=1 / 32))
    answer = valid.predict(mirror(lightness / 50 - 1, 92, [side + 188 for side in size]))
    assert relative_error(valid.paint(lightness), 110 * answer[:, : size[0], : size[1]]) < 1e-5


@every_padding
def test_it_colours_photos(padding):
    photo = np.random.default_rng(0).integers(0, 256, (70, 400, 3), dtype=np.uint8)
    net = UNet(1, 2, padding, width=NARROW, size=188)
    assert tc.colorize(photo, net).shape == photo.shape


# --- learning --------------------------------------------------------------------------------------------------


@every_padding
@pytest.mark.parametrize("batch_norm", [False, True])
@pytest.mark.parametrize("upsample", ["deconv", "bilinear"])
def test_every_weight_hears_of_the_loss(padding, batch_norm, upsample, gradient_shares):
    net = UNet(1, 3, padding, batch_norm, upsample, 1 / 16).astype("float64")
    side = 204 if padding == "valid" else 53
    shares = gradient_shares(net, pictures(2, side, side).astype("float64"))
    # Without a border of zeros, what an up-convolution adds to all pixels is taken out again by the next batch norm.
    undone = {name for name in shares if padding == "valid" and batch_norm and name.endswith("deeper.2.bias")}
    assert len(undone) == 4 * (padding == "valid" and batch_norm and upsample == "deconv")
    assert all((share < 1e-6) == (name in undone) for name, share in shares.items()), shares


def test_its_first_weights_are_he_s():
    net = UNet(width=1 / 4)
    for name, parameter in net.named_parameters():
        shape = parameter.data.shape
        if len(shape) == 1:
            assert not parameter.data.any()
        elif parameter.data.size > 10_000:
            inputs = np.prod(shape[:3])
            assert parameter.data.std() == pytest.approx(np.sqrt(2 / inputs), rel=0.05), name


def test_equal_seeds_give_equal_weights():
    one, same, other = (UNet(width=NARROW, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["levels.0.0.conv.weight"], other["levels.0.0.conv.weight"])


@pytest.mark.parametrize("upsample", ["deconv", "bilinear"])
def test_it_learns_one_batch_by_heart(upsample, learn):
    target = np.zeros((2, 16, 16), int)
    target[0, 8:], target[1, :, 8:] = 1, 1
    first, last = learn(UNet(1, 2, "same", True, upsample, 1 / 16), pictures(2, 16, 16), target, steps=60, rate=1e-2)
    assert last < first / 4


def test_without_padding_it_learns_one_picture_by_heart(learn):
    target = np.arange(16).reshape(1, 4, 4) % 3 % 2
    first, last = learn(UNet(width=1 / 16), pictures(1, 188, 188), target, steps=25, rate=5e-3)
    assert last < first / 4


@pytest.mark.parametrize("form", [(1, 2, "valid", False, "deconv"), (3, 5, "same", True, "bilinear")])
def test_a_checkpoint_is_enough_to_build_it_again(form, tmp_path):
    net, x = scramble(UNet(*form, width=NARROW, size=204)), pictures(1, 204, 188, channels=form[0])
    net(x)  # moves the running statistics
    tc.save_checkpoint(tmp_path / "unet", net)
    again = tc.load_checkpoint(tmp_path / "unet", UNet)
    names = ("in_channels", "classes", "padding", "batch_norm", "upsample", "width", "size")
    assert again.options == dict(zip(names, (*form, NARROW, 204), strict=True))
    np.testing.assert_array_equal(again.predict(x), net.predict(x))


# --- what PyTorch once gave, without PyTorch: see fixtures/make_unet.py -----------------------------------------


@pytest.mark.parametrize("case", FORMS)
def test_every_gradient_by_digest(case):
    """Two numbers per array: its length, and its share along a direction; errors as shares of the length."""
    network, batch = fixed(case)
    ours = digest(one_step(network, *batch, tc.losses.mse))
    with np.load(FIXTURE) as file:
        theirs = dict(zip(file[f"{case}/names"], file[f"{case}/digests"], strict=True))
    assert ours.keys() == theirs.keys()
    errors = {name: float(np.abs(ours[name] - theirs[name]).max() / theirs[name][0]) for name in ours}
    assert max(errors.values()) <= 1e-8, errors


@pytest.mark.parametrize(("in_channels", "classes"), [(3, 2), (1, 3)])
def test_one_that_was_made_for_classes_does_not_colour(in_channels, classes):
    network = UNet(in_channels, classes, "same", width=1 / 64)
    with pytest.raises(ValueError, match=f"has {in_channels} inputs and {classes} answers, expected L"):
        tc.colorize(np.zeros((20, 20), np.uint8), network)
