"""Zhang and its L2 baseline: as many weights as the authors', any size, and answers that are colours."""

from pathlib import Path

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.color import lab_to_rgb, soft_encode
from tinycolor.color.ab_bins import AB_BINS, nearest_bin
from tinycolor.colorize import predict_ab
from tinycolor.inspect.field import reads
from tinycolor.networks import Zhang, ZhangL2
from tinycolor.networks.zhang import colour_weights, rebalanced_cross_entropy

from fixtures.formulas import digest, one_step
from fixtures.make_zhang import KINDS, LIGHTNESS, fixed

FIXTURE = Path(__file__).parent.parent / "fixtures" / "zhang.npz"
NETWORKS = [Zhang, ZhangL2]
every_network = pytest.mark.parametrize("kind", NETWORKS)

# The authors' prototxt: channels in, channels out, side of the filter, of every convolution.
CONVOLUTIONS = [
    *[(1, 64, 3), (64, 64, 3)],
    *[(64, 128, 3), (128, 128, 3)],
    *[(128, 256, 3), (256, 256, 3), (256, 256, 3)],
    *[(256, 512, 3), *[(512, 512, 3)] * 11],
    *[(512, 256, 4), (256, 256, 3), (256, 256, 3)],
]
NORMALISED = (64, 128, 256, 512, 512, 512, 512)


def lightness(*shape, seed=0):
    return np.random.default_rng(seed).uniform(0, 100, (*shape, 1)).astype(np.float32)


def colours(*shape, seed=0):
    return np.random.default_rng(seed).normal(0, 20, (*shape, 2)).astype(np.float32)


def of_convolutions(net):
    layers = [layer for _, layer in net.walk() if isinstance(layer, tc.Conv2d | tc.ConvTranspose2d)]
    return sum(parameter.data.size for layer in layers for parameter in layer.parameters())


def published(head):
    return sum(c * f * side**2 + f for c, f, side in [*CONVOLUTIONS, head])


def test_it_has_the_authors_number_of_weights(weightless, weights):
    net = Zhang()
    assert of_convolutions(net) == published((256, 313, 1)) == 32_230_393
    # The PyTorch port: a scale and a shift per channel, and a 1x1 convolution that makes a* and b* of 313 shares.
    scales_and_shifts, decoding = 2 * sum(NORMALISED), 313 * 2
    assert weights(net) == 32_230_393 + scales_and_shifts == 32_236_011 - decoding


def test_the_baseline_differs_by_its_last_layer_alone(weightless, weights):
    net = ZhangL2()
    assert of_convolutions(net) == published((256, 2, 1)) == 32_150_466
    assert weights(net) == 32_150_466 + 2 * sum(NORMALISED)
    assert weights(net.blocks) == weights(Zhang().blocks)


def test_its_maps_are_those_of_the_paper_s_figure():
    rows = {row.path: row.outputs[0] for row in tc.summary(Zhang(width=1 / 64), (1, 176, 176, 1)).rows}
    ends = [rows[f"blocks.{number}.{last}"][1:] for number, last in enumerate((4, 4, 6, 6, 6, 6, 6, 5))]
    assert ends == [(88, 88, 1), (44, 44, 2), (22, 22, 4), *[(22, 22, 8)] * 4, (44, 44, 4)]
    assert rows["head"] == (1, 44, 44, 313)


def test_width_scales_the_channels_and_rounds_down(weightless):
    net = Zhang(width=0.3)
    channels = [layer.weight.data.shape[-1] for _, layer in net.walk() if isinstance(layer, tc.Conv2d)]
    assert channels == [*[19] * 2, *[38] * 2, *[76] * 3, *[153] * 12, *[76] * 2, 313]


# --- sizes -----------------------------------------------------------------------------------------------------


@every_network
@pytest.mark.parametrize("size", [(32, 32), (40, 96), (8, 104)])
def test_an_answer_for_every_four_by_four_pixels(kind, size):
    net = kind(width=1 / 64)
    height, width = size
    assert net.predict(net.question(lightness(2, *size))).shape == (2, height // 4, width // 4, net.answers)
    assert net.paint(lightness(2, *size)).shape == (2, *size, 2)


@every_network
@pytest.mark.parametrize("size", [(32, 100), (33, 47), (57, 64), (99, 90), (100, 35)])
def test_any_size_is_painted(kind, size):
    """What does not divide by 8 is widened by repeating the last pixels, and cut off again."""
    net, picture = kind(width=1 / 64), lightness(1, *size)
    ab = predict_ab(net, picture)
    assert (ab.shape, ab.dtype) == ((1, *size, 2), np.float32)
    bottom, right = (-side % 8 for side in size)
    widened = np.pad(picture, ((0, 0), (0, bottom), (0, right), (0, 0)), mode="edge")
    np.testing.assert_array_equal(ab, net.paint(widened)[:, : size[0], : size[1]])


@every_network
@pytest.mark.parametrize("size", [(36, 40), (40, 33)])
def test_sizes_that_do_not_divide_are_one_sentence(kind, size):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\(.*pictures of {size[0]} x {size[1]}, expected multiples"):
        kind(width=1 / 64)(lightness(1, *size))
    with pytest.raises(ValueError, match=rf"^{kind.__name__} got size=100, expected a multiple of 8"):
        kind(size=100)


@every_network
def test_it_reads_the_rows_that_gradients_reach(kind):
    net = kind(width=1 / 512).astype("float64")
    for parameter in net.parameters():
        parameter.data = np.full(parameter.data.shape, 1 / parameter.data[..., 0].size)
    y, backward = net(np.ones((1, 800, 8, 1)), mode="eval")
    # Of every second answer: the deconvolution stamps with other rows of its filter.
    for row in (100, 101):
        dy = np.zeros_like(y)
        dy[0, row, 0] = 1
        reached = np.flatnonzero(backward(dy).any((0, 2, 3)))
        expected = reads(net, np.array([row]), 0)
        assert (reached[0], reached[-1]) == (expected[0], expected[-1])
        y, backward = net(np.ones((1, 800, 8, 1)), mode="eval")


# --- between Lab and the paper's units -------------------------------------------------------------------------


@every_network
def test_it_is_given_lightness_as_the_port_scales_it(kind):
    question = kind(width=1 / 64).question(np.array([0, 25, 100], np.float32))
    np.testing.assert_array_equal(question, np.array([-0.5, -0.25, 0.5], np.float32))


def test_the_target_is_the_soft_code_of_every_fourth_pixel():
    ab = colours(2, 16, 24)
    target = Zhang(width=1 / 64).target(ab)
    assert (target.shape, target.dtype) == ((2, 4, 6, 313), np.float32)
    np.testing.assert_array_equal(target[1, 2, 5], soft_encode(ab[1, 4 * 2 + 1, 4 * 5 + 1]))
    assert {*(target > 0).sum(-1).ravel()} == {10}
    assert {*(Zhang(width=1 / 64, neighbours=5).target(ab) > 0).sum(-1).ravel()} == {5}


def test_the_baseline_s_target_is_every_fourth_pixel_over_110():
    ab = colours(2, 16, 24)
    target = ZhangL2(width=1 / 64).target(ab)
    np.testing.assert_allclose(110 * target[0, 3, 1], ab[0, 13, 5], rtol=1e-6)
    assert target.shape == (2, 4, 6, 2)


@every_network
def test_an_even_colour_comes_back_as_it_is(kind):
    net = kind(width=1 / 64)
    ab = np.broadcast_to(np.array([20, -30], np.float32), (1, 16, 24, 2))
    target = net.target(ab)
    answer = np.log(np.maximum(target, 1e-30)) if kind is Zhang else target
    np.testing.assert_allclose(net.colours(answer), ab, atol=0.01)


@every_network
def test_colours_come_back_to_their_place(kind):
    """A slope comes back as that slope; only what lies beyond the outermost answers is flat."""
    net = kind(width=1 / 64, **({"temperature": 1.0} if kind is Zhang else {}))
    slope = np.broadcast_to(np.linspace(-30, 30, 64, dtype=np.float32)[:, None, None], (64, 16, 2))[None]
    target = net.target(slope)
    painted = net.colours(np.log(np.maximum(target, 1e-30)) if kind is Zhang else target)
    # Half a pixel is half of 60/63; soft codes of ten bins are off by up to 0.4.
    assert abs(painted - slope)[:, 4:-4].max() < 60 / 63 / 2 + 0.5


def test_another_temperature_needs_no_training():
    net, picture = Zhang(width=1 / 64, seed=3), lightness(1, 32, 32)
    rng = np.random.default_rng(0)
    for parameter in net.parameters():
        parameter.data = parameter.data + 0.3 * rng.standard_normal(parameter.data.shape)
    logits = net.predict(net.question(picture))
    for temperature in (1, 0.38, 1e-4):
        net.temperature = temperature
        corner = net.paint(picture)[0, 0, 0]
        np.testing.assert_array_equal(corner, tc.color.annealed_mean(logits, temperature)[0, 0, 0])
    np.testing.assert_allclose(corner, AB_BINS[logits[0, 0, 0].argmax()], atol=1e-3)
    assert Zhang(width=1 / 64, temperature=0.2).temperature == 0.2


@pytest.mark.parametrize("temperature", [0, -1, float("nan")])
def test_a_temperature_that_is_none_is_one_sentence(temperature):
    with pytest.raises(ValueError, match=f"Zhang temperature got {temperature}, expected"):
        Zhang(width=1 / 64, temperature=temperature)
    with pytest.raises(ValueError, match="Zhang temperature got"):
        Zhang(width=1 / 64).temperature = temperature


# --- learning --------------------------------------------------------------------------------------------------


def test_at_first_all_colours_are_alike():
    net = Zhang(width=1 / 16)
    picture = lightness(2, 32, 32)
    loss, _ = tc.losses.cross_entropy(net.predict(net.question(picture)), net.target(colours(2, 32, 32)))
    assert loss == pytest.approx(np.log(313), rel=0.01)
    assert abs(ZhangL2(width=1 / 16).paint(picture)).max() < 15


@every_network
def test_every_weight_hears_of_the_loss(kind, gradient_shares):
    net = kind(width=1 / 16).astype("float64")
    shares = gradient_shares(net, net.question(lightness(2, 40, 48).astype("float64")))
    assert min(shares.values()) > 1e-6, shares


@every_network
def test_it_learns_one_batch_by_heart(kind):
    net, loss_function = kind(width=1 / 16), tc.losses.cross_entropy if kind is Zhang else tc.losses.mse
    ab = np.zeros((2, 32, 32, 2), np.float32)
    ab[0, :16], ab[0, 16:], ab[1] = (60, 40), (-40, 30), (0, -50)
    light = 50 + ab[..., :1] / 2 + 5 * np.random.default_rng(0).standard_normal((2, 32, 32, 1), np.float32)
    x, target = net.question(light), net.target(ab)
    adam = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(5e-3, 100))
    for _ in range(100):
        net.zero_grad()
        y, backward = net(x)
        backward(loss_function(y, target)[1])
        adam.step()
    y, _ = net(x)
    assert np.median(abs(net.colours(y) - ab)) < 3


@every_network
def test_a_checkpoint_is_enough_to_build_it_again(kind, tmp_path):
    options = {"neighbours": 5, "temperature": 0.2} if kind is Zhang else {}
    net, picture = kind(1 / 64, size=96, seed=5, **options), lightness(1, 40, 32)
    if kind is Zhang:
        net.temperature = 0.3
        options["temperature"] = 0.3
    tc.save_checkpoint(tmp_path / "zhang", net)
    again = tc.load_checkpoint(tmp_path / "zhang", kind)
    assert again.options == {"width": 1 / 64, "size": 96, **options}
    assert again.size == 96
    np.testing.assert_array_equal(again.paint(picture), net.paint(picture))


@every_network
def test_a_photo_is_coloured(kind):
    photo = np.random.default_rng(0).integers(0, 256, (45, 70, 3), dtype=np.uint8)
    assert tc.colorize(photo, kind(width=1 / 64, size=32)).shape == photo.shape


# --- rare colours count more -----------------------------------------------------------------------------------


def photos_of(*colours_and_shares):
    """Return a photo of 100 x 100 pixels in a few colours, L*a*b*, each with its share of the rows."""
    rows = [np.tile(np.array(lab, float), (rows, 100, 1)) for lab, rows in colours_and_shares]
    return np.rint(255 * lab_to_rgb(np.concatenate(rows)).clip(0, 1)).astype(np.uint8)[None]


def test_weights_are_worked_out_from_photos():
    photos = photos_of(((50, 0, 0), 90), ((50, 60, 40), 10))
    weights = colour_weights(photos)
    grey, red, never = (nearest_bin(np.array(colour, float)) for colour in ([0, 0], [60, 40], [-50, -30]))
    # Every bin spreads over its neighbours by a Gaussian of sigma 5, and half of all is spread evenly.
    spread = np.exp(-((AB_BINS[:, None] - AB_BINS) ** 2).sum(-1) / 50)
    p = 0.9 * spread[grey] / spread[grey].sum() + 0.1 * spread[red] / spread[red].sum()
    expected = 1 / (p / 2 + 0.5 / 313)
    np.testing.assert_allclose(weights, expected / (p * expected).sum())
    assert weights[grey] < weights[red] < weights[never]
    assert p @ weights == pytest.approx(1, abs=1e-12)


def test_rare_pixels_weigh_as_the_bin_of_their_largest_share(rng):
    weights = rng.uniform(0.1, 10, 313)
    ab = colours(2, 8, 12, seed=1)
    target = soft_encode(ab)
    y = rng.normal(0, 2, target.shape).astype("float32")
    loss, dy = rebalanced_cross_entropy(weights)(y, target)
    expected = np.zeros(y.shape)
    total = 0
    for place in np.ndindex(2, 8, 12):
        weight = weights[((AB_BINS - ab[place]) ** 2).sum(1).argmin()]
        p = np.exp(y[place].astype(float))
        p /= p.sum()
        total -= weight * (target[place] * np.log(p)).sum()
        expected[place] = weight * (p - target[place])
    assert loss == pytest.approx(total / 192, rel=1e-5)
    assert dy.dtype == np.float32
    np.testing.assert_allclose(dy, expected / 192, atol=1e-6)


def test_the_loss_and_its_gradient_belong_together(rng):
    loss_function = rebalanced_cross_entropy(colour_weights(photos_of(((50, 0, 0), 90), ((50, 60, 40), 10))))
    target = soft_encode(rng.normal(0, 20, (1, 2, 3, 2)))
    y, direction = rng.normal(0, 2, (2, *target.shape))
    step = 1e-5
    difference = loss_function(y + step * direction, target)[0] - loss_function(y - step * direction, target)[0]
    assert difference / (2 * step) == pytest.approx(np.vdot(loss_function(y, target)[1], direction), rel=1e-7)


def test_other_than_313_weights_are_one_sentence():
    with pytest.raises(ValueError, match=r"rebalanced_cross_entropy got weights of shape \(312,\), expected \(313,\)"):
        rebalanced_cross_entropy(np.ones(312))


# --- what PyTorch once gave, without PyTorch: see fixtures/make_zhang.py ----------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_outputs_gradients_and_colours_are_pytorch_s(kind):
    with np.load(FIXTURE) as file:
        assert str(file["made_by"]).startswith("PyTorch ")
        theirs = dict(zip(file[f"{kind}/names"].tolist(), file[f"{kind}/digests"], strict=True))
    network, batch = fixed(kind)
    ours = digest({"painted": network.paint(LIGHTNESS), **one_step(network, *batch, tc.losses.mse)})
    assert ours.keys() == theirs.keys()
    errors = {name: float(np.abs(ours[name] - theirs[name]).max() / theirs[name][0]) for name in ours}
    assert max(errors.values()) <= 1e-8, errors
