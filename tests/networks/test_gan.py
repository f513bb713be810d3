"""GAN and conditional GAN: the papers' number of weights, the range they begin in, and who hears what."""

from pathlib import Path

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.inspect import receptive_field
from tinycolor.losses import bce_with_logits, mse
from tinycolor.networks import CGANDiscriminator, CGANGenerator, GANDiscriminator, GANGenerator

from fixtures.formulas import digest
from fixtures.make_gan import CASES, fixed, there_and_back

FIXTURE = Path(__file__).parent.parent / "fixtures" / "gan.npz"
NARROW = {
    GANGenerator: {"noise": 6, "hidden": (40, 30), "outputs": 16},
    GANDiscriminator: {"inputs": 16, "hidden": (20, 10)},
    CGANGenerator: {"noise": 6, "outputs": 16, "width": 1 / 16},
    CGANDiscriminator: {"inputs": 16, "width": 1 / 8},
}
every_network = pytest.mark.parametrize("kind", NARROW)


def sample(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def classes(count):
    return np.eye(10, dtype=np.float32)[np.arange(count) % 10]


def inputs(net, batch=20):
    """Return random inputs of a network: a class, if it wants one, and noise or a sample."""
    x = sample(batch, net.options["noise" if isinstance(net, GANGenerator | CGANGenerator) else "inputs"])
    return (classes(batch), x) if "classes" in net.options else (x,)


# Units of each layer, with how many pieces, as the papers have them.
LAYERS = {
    GANGenerator: [(100, 1200, 1), (1200, 1200, 1), (1200, 784, 1)],
    GANDiscriminator: [(784, 240, 5), (240, 240, 5), (240, 1, 1)],
    CGANGenerator: [(100, 200, 1), (10, 1000, 1), (1200, 1200, 1), (1200, 784, 1)],
    CGANDiscriminator: [(784, 240, 5), (10, 50, 5), (290, 240, 4), (240, 1, 1)],
}
WEIGHTS = {
    GANGenerator: 2_503_984,
    GANDiscriminator: 1_231_441,
    CGANGenerator: 2_413_984,
    CGANDiscriminator: 1_224_351,
}


@every_network
def test_it_has_the_paper_s_number_of_weights(kind, weights):
    published = sum((c + 1) * f * pieces for c, f, pieces in LAYERS[kind])
    assert weights(kind()) == published == WEIGHTS[kind]


@every_network
def test_first_weights_are_spread_evenly_over_the_authors_range(kind):
    limit = 0.05 if kind in (GANGenerator, CGANGenerator) else 0.005
    for parameter in kind(seed=3).parameters():
        if parameter.data.ndim == 1:
            assert not parameter.data.any()
        else:
            assert abs(parameter.data).max() <= limit
            assert parameter.data.std() == pytest.approx(limit / np.sqrt(3), rel=0.15)


@every_network
def test_the_seed_decides_on_the_first_weights(kind):
    first, again, other = (np.concatenate([p.data.ravel() for p in kind(seed=seed).parameters()]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.99


@pytest.mark.parametrize("kind", [GANGenerator, CGANGenerator])
def test_a_generator_makes_brightness(kind):
    net = kind(**NARROW[kind])
    tc.init.he_normal(net, tc.Generator(0))
    x = net.predict(*inputs(net, 100))
    assert x.shape == (100, 16)
    assert 0 < x.min() < 0.2
    assert 0.8 < x.max() < 1


def test_a_generator_without_sigmoid_and_hidden_units_is_an_affine_map():
    net = GANGenerator(1, (), 1, sigmoid=False)
    weight, bias = net.parameters()
    weight.data, bias.data = np.full((1, 1), -3, np.float32), np.full(1, 5, np.float32)
    np.testing.assert_allclose(net.predict(np.array([[0], [2]], np.float32)), [[5], [-1]])


def test_a_generator_hears_noise_and_class():
    net = CGANGenerator(**NARROW[CGANGenerator])
    tc.init.he_normal(net, tc.Generator(0))
    y, z = inputs(net)
    x = net.predict(y, z)
    for other in (net.predict(np.roll(y, 1, 0), z), net.predict(y, np.roll(z, 1, 0))):
        assert abs(other - x).max(1).min() > 1e-3


def test_a_discriminator_hears_the_class():
    net = CGANDiscriminator(**NARROW[CGANDiscriminator])
    tc.init.he_normal(net, tc.Generator(0))
    y, x = inputs(net)
    assert abs(net.predict(np.roll(y, 1, 0), x) - net.predict(y, x)).min() > 1e-3


@pytest.mark.parametrize(
    ("net", "shares"),
    [
        (GANDiscriminator(), [0.2, 0.5, 0.5]),
        (GANDiscriminator(16, (4,), dropout=(0.1, 0.3)), [0.1, 0.3]),
        (CGANGenerator(width=1 / 8), [0.5, 0.5]),
        (CGANDiscriminator(width=1 / 8), [0.5, 0.5]),
    ],
    ids=["GAN", "narrow GAN", "cGAN generator", "cGAN discriminator"],
)
def test_what_is_dropped_in_training(net, shares):
    assert [layer.p for _, layer in net.walk() if isinstance(layer, tc.Dropout)] == shares
    given = inputs(net)
    with pytest.raises(ValueError, match="got no rng in a mode that drops units"):
        net(*given)
    np.testing.assert_array_equal(net.predict(*given), net.predict(*given))


@pytest.mark.parametrize("dropout", [(0.2,), (0.2, 0.5, 0.5), 0.2])
def test_two_shares_are_dropped(dropout):
    with pytest.raises(ValueError, match=r"^GANDiscriminator got dropout=.*, expected two shares, of the numbers of x"):
        GANDiscriminator(dropout=dropout)


@every_network
def test_every_weight_hears_of_the_loss(kind):
    net = kind(**NARROW[kind])
    tc.init.he_normal(net, tc.Generator(0))
    y, backward = net(*inputs(net), rng=tc.Generator(0))
    backward(sample(*y.shape, seed=1))
    norms = {name: float(np.linalg.norm(parameter.grad)) for name, parameter in net.named_parameters()}
    assert min(norms.values()) > 1e-3 * np.median([*norms.values()]), norms


@every_network
def test_it_learns_one_batch_by_heart(kind):
    net = kind(**NARROW[kind])
    tc.init.he_normal(net, tc.Generator(0))
    given = inputs(net)
    wanted = (sample(*net.predict(*given).shape, seed=1) > 0).astype(np.float32)
    loss_function = mse if kind in (GANGenerator, CGANGenerator) else bce_with_logits
    adam = tc.optim.Adam(net.parameters(), 0.01)
    for _ in range(200):
        net.zero_grad()
        y, backward = net(*given, mode="eval")
        backward(loss_function(y, wanted)[1])
        adam.step()
    assert loss_function(net.predict(*given), wanted)[0] < 0.02


@every_network
def test_a_checkpoint_is_enough_to_build_it_again(kind, tmp_path):
    net = kind(**NARROW[kind], seed=4)
    tc.save_checkpoint(tmp_path / "net", net)
    again = tc.load_checkpoint(tmp_path / "net", kind)
    assert again.options == net.options
    assert again.size == net.size == 4
    np.testing.assert_array_equal(again.predict(*inputs(net)), net.predict(*inputs(net)))


@every_network
def test_a_summary_counts_its_weights(kind, weights):
    net = kind(**NARROW[kind])
    shapes = tuple(x.shape for x in inputs(net))
    assert tc.summary(net, shapes if len(shapes) > 1 else shapes[0]).parameters == weights(net)


@every_network
def test_there_is_no_receptive_field(kind):
    with pytest.raises(ValueError, match="which sees the whole picture"):
        receptive_field(kind(**NARROW[kind]))


@every_network
def test_what_does_not_fit_is_one_sentence(kind):
    net = kind(**NARROW[kind])
    *condition, x = inputs(net)
    with pytest.raises(ValueError, match=rf"^{kind.__name__}\(.*got x of shape \(20, 3\), expected"):
        net(*condition, x[:, :3], rng=tc.Generator(0))
    if condition:
        with pytest.raises(ValueError, match=r"got x of shape \(19, \d+\), expected \(20,"):
            net(*condition, x[:19], rng=tc.Generator(0))
    name = next(iter(NARROW[kind]))
    with pytest.raises(ValueError, match=f"{kind.__name__} {name}"):
        kind(**{name: 0})


# --- what PyTorch once gave, without PyTorch: see fixtures/make_gan.py ------------------------------------------


@pytest.mark.parametrize("kind", CASES)
def test_outputs_and_gradients_are_pytorch_s(kind):
    with np.load(FIXTURE) as file:
        assert str(file["made_by"]).startswith("PyTorch ")
        theirs = dict(zip(file[f"{kind}/names"].tolist(), file[f"{kind}/digests"], strict=True))
    ours = digest(there_and_back(*fixed(kind)))
    assert ours.keys() == theirs.keys()
    errors = {name: float(np.abs(ours[name] - theirs[name]).max() / theirs[name][0]) for name in ours}
    assert max(errors.values()) <= 1e-8, errors
