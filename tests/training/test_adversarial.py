"""Two networks that teach each other: each step by hand, who is touched when, and what the figures say."""

from __future__ import annotations

import copy

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.networks import PatchDiscriminator, Pix2PixGenerator
from tinycolor.training.adversarial import Duel
from tinycolor.training.loop import NotFiniteError

LOG_2 = np.log(2)
NAN = np.float32("nan")


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def rows(width, seed=0, count=6):
    return np.random.default_rng(seed).standard_normal((count, width))


def pictures(channels, seed=0):
    return np.random.default_rng(seed).standard_normal((2, 16, 16, channels)).astype(np.float32)


def line(slope, shift):
    layer = tc.Linear(1, 1).astype("float64")
    layer.load_state_dict({"weight": np.array([[slope]]), "bias": np.array([shift])})
    return layer


def lines(rates=(0.1, 0.2), **settings):
    """Return a generator a*z + b and a discriminator c*x + d."""
    networks = line(0.5, -0.3), line(0.7, 0.2)
    return Duel(
        *networks,
        *(tc.optim.SGD(net.parameters(), rate) for net, rate in zip(networks, rates, strict=True)),
        **settings,
    )


def pix2pix(seed=0, style="lua", **settings):
    networks = Pix2PixGenerator(1, 2, 3, 8, dropout_style=style), PatchDiscriminator(3, 1, 4)
    optimizers = [tc.optim.Adam(network.parameters(), 5e-3, betas=(0.5, 0.999)) for network in networks]
    return Duel(
        *networks, *optimizers, **{"reconstruction": tc.losses.l1, "discriminator_weight": 0.5, "seed": seed} | settings
    )


def weights(duel):
    return [
        array.tobytes() for network in (duel.generator, duel.discriminator) for array in network.state_dict().values()
    ]


# --- the step ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reconstruction", [None, tc.losses.mse])
@pytest.mark.parametrize("weight", [1, 0.5])
@pytest.mark.parametrize("objective", [tc.losses.non_saturating, tc.losses.minimax])
def test_a_step_by_hand(objective, weight, reconstruction):
    duel = lines(
        objective=objective, discriminator_weight=weight, reconstruction=reconstruction, reconstruction_weight=3.0
    )
    a, b, c, d = 0.5, -0.3, 0.7, 0.2
    for number in range(4):
        z, real = rows(1, 2 * number), 2 + rows(1, 2 * number + 1)
        figures = duel.step((), (z,), real)
        fake = a * z + b

        on_real, on_fake = sigmoid(c * real + d), sigmoid(c * fake + d)
        loss = -np.log(on_real).mean() - np.log(1 - on_fake).mean()
        c, d = (
            c - 0.2 * weight * ((on_real - 1) * real + on_fake * fake).mean(),
            d - 0.2 * weight * (on_real - 1 + on_fake).mean(),
        )
        # The generator learns from what the discriminator has just become.
        p = sigmoid(c * fake + d)
        if objective is tc.losses.minimax:
            adversarial, dfake = np.log(1 - p).mean(), -p * c / len(z)
        else:
            adversarial, dfake = -np.log(p).mean(), (p - 1) * c / len(z)
        wanted = {"discriminator": loss, "adversarial": adversarial, "loss": adversarial}
        if reconstruction:
            wanted["reconstruction"] = ((fake - real) ** 2).mean()
            wanted["loss"] = adversarial + 3 * wanted["reconstruction"]
            dfake = dfake + 3 * 2 * (fake - real) / len(z)
        a, b = a - 0.1 * (dfake * z).sum(), b - 0.1 * dfake.sum()
        wanted |= {"real_accuracy": (on_real > 0.5).mean(), "fake_accuracy": (on_fake < 0.5).mean()}
        assert figures == pytest.approx(wanted, rel=1e-12)
    ours = [array.item() for network in (duel.generator, duel.discriminator) for array in network.state_dict().values()]
    assert ours == pytest.approx([a, b, c, d], rel=1e-12)
    assert duel.steps == 4


@pytest.mark.parametrize(("still", "moving"), [(0, 1), (1, 0)])
def test_nobody_is_moved_by_the_other_s_step(still, moving):
    duel = lines(rates=[0.0 if number == still else 0.1 for number in (0, 1)])
    networks = duel.generator, duel.discriminator
    before = [network.state_dict() for network in networks]
    duel.step((), (rows(1),), rows(1, 1))
    assert networks[still].state_dict() == before[still]
    assert networks[moving].state_dict() != before[moving]


def test_the_discriminator_hears_nothing_of_the_generator_s_step():
    duel = pix2pix()
    for number in range(2):
        duel.step((pictures(1, number),), (), pictures(2, number + 5))
        # Had it not been frozen, something would have been added since its own step.
        assert not duel.discriminator_optimizer.grad.any()
        assert not duel.generator_optimizer.grad.any()
    assert all(parameter.trainable for parameter in duel.discriminator.parameters())


class Witness(tc.Layer):
    """Adds up what it is given, and writes down what that was, and in which mode."""

    def __init__(self, outputs):
        self.outputs, self.calls = outputs, []
        self.bias = tc.Parameter(np.zeros(outputs))

    def forward(self, *xs, mode, rng):
        self.calls.append((mode, [x.copy() for x in xs]))

        def backward(dy):
            self.bias.grad += dy.sum(0)
            return tuple(np.full(x.shape, dy.sum()) for x in xs) if len(xs) > 1 else np.full(xs[0].shape, dy.sum())

        return sum(x.sum(-1, keepdims=True) for x in xs) + self.bias.data, backward


@pytest.mark.parametrize("conditions", [0, 1, 3])
def test_the_condition_is_what_both_are_given_and_the_noise_what_only_the_generator_is(conditions):
    networks = Witness(4), Witness(1)
    duel = Duel(*networks, *(tc.optim.SGD(network.parameters(), 0.1) for network in networks))
    condition, noise, real = (
        tuple(rows(number + 1, number) for number in range(conditions)),
        (rows(2, 7), rows(5, 8)),
        rows(4, 9),
    )
    duel.step(condition, noise, real)
    ((mode, given),) = networks[0].calls
    assert mode == "train"
    assert_same(given, [*condition, *noise])
    fake = sum(x.sum(-1, keepdims=True) for x in (*condition, *noise)) + np.zeros(4)
    assert [mode for mode, _ in networks[1].calls] == ["train"] * 3
    for (_, given), sample in zip(networks[1].calls, (real, fake, fake), strict=True):
        assert_same(given, [*condition, sample])


def assert_same(ours, theirs):
    for mine, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, other)


def test_running_statistics_move_with_every_look():
    discriminator = tc.Sequential(tc.BatchNorm2d(2), tc.Conv2d(2, 1, 16))
    generator = tc.Sequential(tc.Conv2d(1, 2, 1), tc.BatchNorm2d(2))
    generator_before = copy.deepcopy(generator)
    duel = Duel(generator, discriminator, *(tc.optim.SGD(net.parameters(), 0.1) for net in (generator, discriminator)))
    x, real = pictures(1), 3 + pictures(2, 1)
    duel.step((), (x,), real)
    fake, _ = generator_before(x)
    mean, variance = np.zeros(2), np.ones(2)
    for sample in (real, fake, fake):
        mean = 0.9 * mean + 0.1 * sample.mean((0, 1, 2))
        variance = 0.9 * variance + 0.1 * sample.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(discriminator[0].running_mean, mean, rtol=1e-5)
    np.testing.assert_allclose(discriminator[0].running_var, variance, rtol=1e-5)
    np.testing.assert_array_equal(generator[1].running_mean, generator_before[1].running_mean)


# --- figures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("logit", "real_accuracy", "fake_accuracy", "discriminator", "adversarial"),
    [
        (0, 0, 0, 2 * LOG_2, LOG_2),
        (1, 1, 0, np.log1p(np.exp(-1)) + np.log1p(np.e), np.log1p(np.exp(-1))),
        (-1, 0, 1, np.log1p(np.e) + np.log1p(np.exp(-1)), np.log1p(np.e)),
    ],
)
def test_what_the_figures_say_of_one_who_answers_always_the_same(
    logit, real_accuracy, fake_accuracy, discriminator, adversarial
):
    duel = lines(rates=(0.0, 0.0), reconstruction=tc.losses.l1)
    duel.discriminator.load_state_dict({"weight": np.zeros((1, 1)), "bias": np.array([float(logit)])})
    z, real = rows(1), rows(1, 1)
    figures = duel.step((), (z,), real)
    reconstruction = abs(0.5 * z - 0.3 - real).mean()
    wanted = {
        "real_accuracy": real_accuracy,
        "fake_accuracy": fake_accuracy,
        "discriminator": discriminator,
        "adversarial": adversarial,
    }
    assert figures == pytest.approx(
        wanted | {"reconstruction": reconstruction, "loss": adversarial + 100 * reconstruction}
    )
    assert all(type(figure) is float for figure in figures.values())
    duel.objective = tc.losses.minimax
    assert duel.step((), (z,), real)["adversarial"] == pytest.approx(-np.log1p(np.exp(logit)))


# --- seeds -----------------------------------------------------------------------------------------------------------


def test_equal_seeds_give_equal_bits_and_others_do_not():
    def after(seed):
        duel = pix2pix(seed)
        figures = [duel.step((pictures(1, number),), (), pictures(2, number + 5)) for number in range(3)]
        return figures, weights(duel)

    assert after(1) == after(1)
    assert after(1)[1] != after(2)[1]


def test_other_units_are_dropped_at_every_step():
    duel = pix2pix()
    for optimizer in (duel.generator_optimizer, duel.discriminator_optimizer):
        optimizer.schedule = tc.optim.constant(0.0)
    reconstruction = [duel.step((pictures(1),), (), pictures(2))["reconstruction"] for _ in range(4)]
    assert len(set(reconstruction)) == 4


def test_who_goes_on_draws_as_who_never_stopped():
    straight, resumed = pix2pix(), pix2pix()
    batches = [((pictures(1, number),), (), pictures(2, number + 5)) for number in range(4)]
    for batch in batches:
        straight.step(*batch)
    for batch in batches[:2]:
        resumed.step(*batch)
    later = pix2pix()
    for name in ("generator", "discriminator", "generator_optimizer", "discriminator_optimizer"):
        getattr(later, name).load_state_dict(getattr(resumed, name).state_dict())
    for batch in batches[2:]:
        later.step(*batch)
    assert weights(later) == weights(straight)


def test_pix2pix_learns_a_batch_by_heart():
    duel = pix2pix(style="pytorch")
    x, real = pictures(1), np.tanh(pictures(2, 1)[:, :2, :2]).repeat(8, 1).repeat(8, 2)
    figures = [duel.step((x,), (), real) for _ in range(30)]
    assert figures[-1]["reconstruction"] < figures[0]["reconstruction"] / 3
    assert figures[0]["discriminator"] == pytest.approx(2 * LOG_2, abs=0.5)


# --- what is not finite ------------------------------------------------------------------------------------------


def spoil(layer):
    layer.weight.data = layer.weight.data * NAN


def learnt(*networks):
    return [parameter.data.tobytes() for network in networks for parameter in network.parameters()]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda duel: spoil(duel.discriminator.blocks[1].conv),
            r"PatchDiscriminator: blocks\.1\.conv\.weight holds NaN",
        ),
        (lambda duel: spoil(duel.generator.layers[0]), r"Pix2PixGenerator: layers\.0\.weight holds NaN"),
    ],
    ids=["discriminator", "generator"],
)
def test_it_stops_at_weights_that_are_no_numbers(change, message):
    duel = pix2pix()
    duel.step((pictures(1),), (), pictures(2))
    change(duel)
    before = learnt(duel.generator, duel.discriminator)
    with pytest.raises(NotFiniteError, match=f"^step 2, {message}.*: try a smaller learning rate"):
        duel.step((pictures(1),), (), pictures(2))
    assert learnt(duel.generator, duel.discriminator) == before
    assert duel.steps == 1


@pytest.mark.parametrize("which", ["condition", "real"])
def test_it_stops_at_a_batch_of_no_numbers(which):
    duel = pix2pix()
    x, real = pictures(1), pictures(2)
    {"condition": x, "real": real}[which][0, 3, 4, 0] = NAN
    before = learnt(duel.generator, duel.discriminator)
    with pytest.raises(NotFiniteError, match=r"^step 1, \w+: the batch holds NaN or infinity"):
        duel.step((x,), (), real)
    assert learnt(duel.generator, duel.discriminator) == before


@pytest.mark.filterwarnings("ignore:invalid value")
def test_it_stops_before_the_generator_s_weights_are_spoilt():
    duel = pix2pix(reconstruction_weight=np.inf)
    before = learnt(duel.generator)
    with pytest.raises(NotFiniteError, match=r"^step 1, Pix2PixGenerator: the gradient of layers\.0\.weight is NaN"):
        duel.step((pictures(1),), (), pictures(2))
    assert learnt(duel.generator) == before
    assert np.isfinite(duel.discriminator_optimizer.data).all()


def test_it_stops_at_a_loss_that_is_no_number():
    duel = pix2pix(reconstruction=lambda fake, real: (NAN, np.zeros_like(fake)))
    before = learnt(duel.generator)
    with pytest.raises(
        NotFiniteError, match=r"^step 1, Pix2PixGenerator: the loss, or the sum of the squared gradients"
    ):
        duel.step((pictures(1),), (), pictures(2))
    assert learnt(duel.generator) == before


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_it_stops_where_a_layer_gives_more_than_a_number_holds():
    duel = pix2pix()
    last = duel.discriminator.blocks[2]
    last.weight.data = np.full(last.weight.data.shape, 3e38)
    with pytest.raises(
        NotFiniteError, match=r"^step 1, PatchDiscriminator: layer blocks\.2 \(Conv2d.* gave NaN or inf"
    ):
        duel.step((pictures(1),), (), pictures(2))


def test_it_goes_on_after_a_batch_of_no_numbers():
    duel = pix2pix()
    x, real = pictures(1), pictures(2)
    real[0, 3, 4, 0] = NAN
    with pytest.raises(NotFiniteError):
        duel.step((x,), (), real)
    figures = duel.step((x,), (), pictures(2))
    assert all(np.isfinite(figure) for figure in figures.values())


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_a_discriminator_that_leaps_too_far_is_to_blame():
    duel = pix2pix()
    duel.discriminator_optimizer.schedule = lambda step: 1e30
    with pytest.raises(NotFiniteError, match=r"^step 1, PatchDiscriminator"):
        duel.step((pictures(1),), (), pictures(2))
