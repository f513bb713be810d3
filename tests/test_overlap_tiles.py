"""Tiles: their answers are those of the whole picture, mirrored beyond its edges."""

import numpy as np
import pytest

from tinycolor.networks import UNet
from tinycolor.ops.mirror import mirror
from tinycolor.overlap_tiles import predict_in_tiles

from fixtures.formulas import relative_error

every_padding = pytest.mark.parametrize("padding", ["valid", "same"])
every_upsample = pytest.mark.parametrize("upsample", ["deconv", "nearest", "bilinear"])


def pictures(*shape, channels=1):
    return np.random.default_rng(0).standard_normal((*shape, channels)).astype(np.float32)


def scramble(net):
    """Random shifts, so that none is 0 by chance; few enough below 0 to keep all units alive."""
    rng = np.random.default_rng(0)
    for parameter in net.parameters():
        if parameter.data.ndim == 1:
            parameter.data = rng.uniform(-0.2, 1, parameter.data.shape)
    return net


@every_padding
@every_upsample
def test_tiles_give_what_the_whole_mirrored_picture_does(padding, upsample):
    net, x = scramble(UNet(1, 3, padding, False, upsample, 1 / 32)), pictures(1, 70, 90)
    # The whole has edges, too: keep them far away.
    border = net.border + 128
    whole = net.predict(mirror(x, border, [net.fitting(side + 2 * border) for side in (70, 90)]))
    tiled = predict_in_tiles(net, x, tile=40)
    assert tiled.shape == (1, 70, 90, 3)
    assert relative_error(tiled, whole[:, 128 : 128 + 70, 128 : 128 + 90]) < 1e-5


@pytest.mark.parametrize("upsample", ["deconv", "bilinear"])
def test_with_padding_tiles_give_inside_what_the_whole_picture_does(upsample):
    net, x = scramble(UNet(1, 2, "same", False, upsample, 1 / 32)), pictures(1, 283, 261)
    whole, tiled = net.predict(x), predict_in_tiles(net, x, tile=144)
    inside = np.s_[:, 126:-126, 126:-126]
    assert relative_error(tiled[inside], whole[inside]) < 1e-5
    assert relative_error(tiled[:, :8], whole[:, :8]) > 1e-2  # zeros there, a mirror image here


@every_padding
@pytest.mark.parametrize("size", [(1, 1), (5, 90), (16, 33)])
def test_tiles_take_any_size(padding, size):
    net, x = scramble(UNet(2, 3, padding, width=1 / 32)), pictures(2, *size, channels=2)
    border = net.border + 112
    whole = net.predict(mirror(x, border, [net.fitting(side + 2 * border) for side in size]))
    assert relative_error(predict_in_tiles(net, x), whole[:, 112 : 112 + size[0], 112 : 112 + size[1]]) < 1e-5


def test_tiles_of_no_size_and_pictures_of_other_channels_are_one_sentence():
    net = UNet(width=1 / 64)
    with pytest.raises(ValueError, match="predict_in_tiles tile got 0, expected a whole number of at least 1"):
        predict_in_tiles(net, pictures(1, 20, 20), tile=0)
    with pytest.raises(ValueError, match=r"UNet\(.*got x of shape \(1, 20, 20, 3\), expected \(N, H, W, 1\)"):
        predict_in_tiles(net, pictures(1, 20, 20, channels=3))
