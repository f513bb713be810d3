"""VGG-16: as many weights as the paper says, any size from 32, and that it learns."""

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.networks import VGG16


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal((*shape, 3)).astype(np.float32)


def test_it_has_the_paper_s_number_of_weights(weightless, weights):
    net = VGG16()
    assert weights(net) == 138_357_544
    assert [weights(block) for block in net.blocks] == [38_720, 221_440, 1_475_328, 5_899_776, 7_079_424]
    assert weights(net.head) == 123_642_856


def test_batch_norm_adds_a_scale_and_a_shift_per_channel(weightless, weights):
    assert weights(VGG16(batch_norm=True)) == 138_365_992


def test_its_maps_are_those_of_the_paper_s_table():
    rows = {row.path: row.outputs for row in tc.summary(VGG16(width=1 / 64), (1, 224, 224, 3)).rows}
    ends = [rows[path] for path in ("blocks.0.4", "blocks.1.4", "blocks.2.6", "blocks.3.6", "blocks.4.6")]
    assert ends == [((1, 112, 112, 1),), ((1, 56, 56, 2),), ((1, 28, 28, 4),), ((1, 14, 14, 8),), ((1, 7, 7, 8),)]


@pytest.mark.parametrize(
    ("width", "shape"),
    [
        (0.25, (3, 3, 3, 16)),
        (0.3, (3, 3, 3, 19)),
        (2, (3, 3, 3, 128)),
        (1e-9, (3, 3, 3, 1)),
    ],
)
def test_width_scales_the_channels_and_rounds_down(weightless, width, shape):
    net = VGG16(width=width)
    assert net.blocks[0][0].weight.data.shape == shape
    hidden = max(1, int(4096 * width))
    assert net.head[5].weight.data.shape == (hidden, hidden)
    assert net.head[8].weight.data.shape == (hidden, 1000)


@pytest.mark.parametrize("size", [(32, 32), (33, 100), (63, 64), (97, 41)])
def test_it_takes_any_size_from_32(size):
    assert VGG16(5, width=1 / 64).predict(pictures(2, *size)).shape == (2, 5)


def test_at_224_the_head_sees_the_last_map_as_it_is():
    net = VGG16(5, width=1 / 64)
    features = net.blocks.predict(pictures(1, 224, 224))
    np.testing.assert_array_equal(net.head[0].predict(features), features)


@pytest.mark.parametrize("size", [(31, 40), (40, 31)])
def test_too_small_a_picture_is_one_sentence(size):
    with pytest.raises(ValueError, match=rf"VGG16\(.*got pictures of {size[0]} x {size[1]}, expected at least 32 x 32"):
        VGG16(width=1 / 64)(pictures(1, *size))


@pytest.mark.parametrize("width", [0, -1, float("nan"), float("inf")])
def test_a_width_that_is_none_is_one_sentence(width):
    with pytest.raises(ValueError, match=rf"VGG16 width got {width}, expected a factor above 0"):
        VGG16(width=width)


def test_the_last_map_sees_212_pixels_and_the_votes_all():
    net = VGG16(width=1 / 512)
    # Each block of c convolutions adds 2c pixels, and its pooling one, at the stride so far.
    assert tc.receptive_field(net.blocks) == (212, 212)
    assert 1 + sum((2 * c + 1) * 2**k for k, c in enumerate((2, 2, 3, 3, 3))) == 212
    with pytest.raises(ValueError, match=r"VGG16|Linear.*the whole picture"):
        tc.receptive_field(net)


def test_it_drops_units_in_train_mode_alone():
    net, x = VGG16(3, width=1 / 32), pictures(2, 32, 32)
    one, other = (net(x, rng=tc.Generator(seed))[0] for seed in (0, 1))
    assert (one != other).any()
    np.testing.assert_array_equal(net.predict(x), net.predict(x))
    with pytest.raises(ValueError, match=r"Dropout\(0.5\) got no rng"):
        net(x)


def test_eval_mode_takes_the_running_statistics():
    net, x = VGG16(3, batch_norm=True, width=1 / 32), pictures(4, 64, 64)
    alone = net.predict(x[:1])
    np.testing.assert_allclose(net.predict(x)[:1], alone, rtol=1e-4, atol=1e-5)
    net(x, rng=tc.Generator(0))
    assert (net.predict(x[:1]) != alone).any()


@pytest.mark.parametrize("batch_norm", [False, True])
def test_every_weight_hears_of_the_loss(batch_norm, gradient_shares):
    net = VGG16(5, batch_norm, 1 / 16).astype("float64")
    shares = gradient_shares(net, pictures(8, 64, 64).astype("float64"))
    # The normalisation takes out what a bias before it adds.
    undone = {
        f"{path}{place}.bias"
        for path, layer in net.walk()
        if isinstance(layer, tc.Sequential) and batch_norm
        for place, (part, behind) in enumerate(zip(layer.layers, layer.layers[1:], strict=False))
        if isinstance(part, tc.Conv2d) and isinstance(behind, tc.BatchNorm2d)
    }
    assert len(undone) == 13 * batch_norm
    assert all((share < 1e-6) == (name in undone) for name, share in shares.items()), shares


@pytest.mark.parametrize(("batch_norm", "mode"), [(False, "eval"), (True, "train")])
def test_it_learns_one_batch_by_heart(batch_norm, mode, learn):
    x, target = pictures(8, 32, 32), np.arange(8) % 4
    # Without batch norm also without dropout: together they cost many more steps.
    first, last = learn(VGG16(4, batch_norm, 1 / 16), x, target, steps=40, rate=1e-3, mode=mode)
    assert first > 1
    assert last < 0.1


def test_equal_seeds_give_equal_weights():
    one, same, other = (VGG16(3, width=1 / 64, seed=seed).state_dict() for seed in (1, 1, 2))
    assert all(np.array_equal(one[name], same[name]) for name in one)
    assert not np.array_equal(one["blocks.0.0.weight"], other["blocks.0.0.weight"])


@pytest.mark.parametrize("batch_norm", [False, True])
def test_a_checkpoint_is_enough_to_build_it_again(batch_norm, tmp_path):
    net, x = VGG16(3, batch_norm, 1 / 32, seed=4), pictures(2, 40, 32)
    net(x, rng=tc.Generator(0))
    tc.save_checkpoint(tmp_path / "vgg", net)
    again = tc.load_checkpoint(tmp_path / "vgg", VGG16)
    assert again.options == {"classes": 3, "batch_norm": batch_norm, "width": 1 / 32}
    np.testing.assert_array_equal(again.predict(x), net.predict(x))
