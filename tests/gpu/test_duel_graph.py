"""Recorded steps of two networks: the bits of unrecorded ones, who is moved when, and what is put back."""

import contextlib
import logging

import numpy as np
import pytest
from pretend_array import ndarray
from pretend_cuda import OutOfMemoryError, machine
from test_graph import of_cublas

import tinycolor as tc
from tinycolor.training import adversarial, graph
from tinycolor.training.adversarial import Duel
from tinycolor.training.loop import NotFiniteError

STEPS = 5
SIDE = 8
PARTS = ("generator", "discriminator", "generator_optimizer", "discriminator_optimizer")


def numbers(*shape, seed=0):
    return tc.Generator(seed).normal(shape)


def gan():
    """Noise alone; the generator hears no reconstruction."""
    return tc.networks.GANGenerator(3, (8,), 4, sigmoid=False), tc.networks.GANDiscriminator(4, (6,), 2, (0.2, 0.5))


def cgan():
    """Condition and noise."""
    return tc.networks.CGANGenerator(3, 2, 4, width=0.01), tc.networks.CGANDiscriminator(4, 2, width=0.02)


def pix2pix():
    """A condition alone, reconstruction, batch norm."""
    return tc.networks.Pix2PixGenerator(1, 2, 3, 2), tc.networks.PatchDiscriminator(3, 1, 2)


def batch_of(make, seed=0, size=2):
    """Return condition, noise and what is real."""
    if make is pix2pix:
        return (numbers(size, SIDE, SIDE, 1, seed=seed),), (), numbers(size, SIDE, SIDE, 2, seed=seed + 100)
    condition = (np.eye(2, dtype="float32")[np.arange(size) % 2],) if make is cgan else ()
    return condition, (numbers(size, 3, seed=seed),), numbers(size, 4, seed=seed + 100)


def batches(make, count=STEPS, size=2):
    return [batch_of(make, seed, size) for seed in range(count)]


def new_duel(make, device="gpu", rule=tc.optim.Adam, **settings):
    """Return a duel whose learning rates change, each by its own schedule."""
    networks = [some_weights(network) for network in make()]
    if make is pix2pix:
        settings = {"reconstruction": tc.losses.l1, "discriminator_weight": 0.5} | settings
    networks = [tc.to_device(network, device) for network in networks]
    schedules = tc.optim.step_decay(0.02, every=2), tc.optim.linear_decay(0.01, 1, 9)
    optimizers = [rule(net.parameters(), schedule) for net, schedule in zip(networks, schedules, strict=True)]
    return Duel(*networks, *optimizers, **{"seed": 5} | settings)


def some_weights(network):
    for number, parameter in enumerate(network.parameters()):
        parameter.data = tc.Generator(3, step=number).normal(parameter.data.shape, std=0.3)
    return network


def state(duel, parts=PARTS):
    return {f"{part}.{name}": array for part in parts for name, array in getattr(duel, part).state_dict().items()}


def weights(network):
    return [tc.to_numpy(parameter.data.copy()) for parameter in network.parameters()]


def assert_same_bits(one, other):
    assert one.keys() == other.keys()
    for name, array in one.items():
        np.testing.assert_array_equal(array, other[name], err_msg=name)


def taught(given, *args, **kwargs):
    """Return a duel that has made steps, and their figures."""
    duel = new_duel(*args, **kwargs)
    return duel, [duel.step(*batch) for batch in given]


def recorded(duel):
    return [plan.graph is not None for plan in duel.gpu.plans.values()]


@pytest.fixture
def unrecorded(monkeypatch):
    """Return a function that teaches kernel by kernel."""

    def teach(*args, **kwargs):
        with monkeypatch.context() as patch:
            patch.setattr(graph, "WARM_UPS", 1 << 30)
            duel, figures = taught(*args, **kwargs)
        assert not any(recorded(duel))
        return duel, figures

    return teach


GAMES = pytest.mark.parametrize("make", [gan, cgan, pix2pix])


@GAMES
@pytest.mark.usefixtures("cupy")
def test_a_recorded_step_has_the_bits_of_an_unrecorded_one(make, unrecorded):
    duel, figures = taught(batches(make), make)
    assert recorded(duel) == [True]
    other, its_figures = unrecorded(batches(make), make)
    assert figures == its_figures
    assert_same_bits(state(duel), state(other))
    assert len({step["loss"] for step in figures}) == STEPS
    assert all(type(figure) is float for step in figures for figure in step.values())


@GAMES
@pytest.mark.usefixtures("cupy")
def test_it_learns_what_the_cpu_learns(make):
    with tc.precision("fp32"):
        duel, figures = taught(batches(make), make, rule=tc.optim.SGD)
    assert recorded(duel) == [True]
    there, its_figures = taught(batches(make), make, "cpu", rule=tc.optim.SGD)
    for mine, wanted in zip(figures, its_figures, strict=True):
        assert list(mine) == list(wanted)
        assert mine == pytest.approx(wanted, rel=1e-4)
    before, mine, wanted = (state(one, PARTS[:2]) for one in (new_duel(make), duel, there))
    for name, array in wanted.items():
        np.testing.assert_allclose(mine[name], array, rtol=1e-3, atol=1e-5, err_msg=name)
        assert (array != before[name]).any(), name


@pytest.mark.parametrize("rule", [tc.optim.SGD, tc.optim.RMSprop, tc.optim.Adadelta])
@pytest.mark.usefixtures("cupy")
def test_any_optimizer_can_be_recorded(rule, unrecorded):
    duel, _ = taught(batches(gan), gan, rule=rule)
    assert recorded(duel) == [True]
    assert_same_bits(state(duel), state(unrecorded(batches(gan), gan, rule=rule)[0]))


@pytest.mark.usefixtures("cupy")
def test_weights_that_are_rounded_beforehand_change_no_bit(monkeypatch):
    """Though the discriminator moves in the midst of a step."""
    duel, figures = taught(batches(pix2pix), pix2pix)
    monkeypatch.setattr(adversarial, "rounded_weights", lambda weights: contextlib.nullcontext())
    other, its_figures = taught(batches(pix2pix), pix2pix)
    assert figures == its_figures
    assert_same_bits(state(duel), state(other))


@pytest.mark.usefixtures("cupy")
def test_each_shape_and_precision_has_a_graph_of_its_own(unrecorded):
    given = [batch for pair in zip(batches(cgan, 4), batches(cgan, 4, size=3), strict=True) for batch in pair]
    duel, figures = taught(given, cgan)
    assert recorded(duel) == [True, True]
    other, its_figures = unrecorded(given, cgan)
    assert figures == its_figures
    assert_same_bits(state(duel), state(other))
    with tc.precision("fp32"):
        duel.step(*given[0])
    assert recorded(duel) == [True, True, False]


def test_batches_may_be_on_the_gpu_already(cupy):
    def moved(arrays):
        return tuple(map(cupy.asarray, arrays))

    there = [(moved(condition), moved(noise), cupy.asarray(real)) for condition, noise, real in batches(cgan)]
    assert taught(there, cgan)[1] == taught(batches(cgan), cgan)[1]


def test_all_figures_of_a_played_step_are_read_at_once(pretended, monkeypatch):
    duel, _ = taught(batches(pix2pix, 3), pix2pix)
    read, get = [], ndarray.get
    monkeypatch.setattr(ndarray, "get", lambda array: read.append(array.shape) or get(array))
    pretended.cuda.Device().synchronize()
    machine.launched.clear()
    figures = duel.step(*batch_of(pix2pix, 3))
    assert read == [(len(figures),)]
    assert not machine.launched


@GAMES
@pytest.mark.usefixtures("cupy")
def test_the_discriminator_hears_nothing_of_the_generator_s_step(make):
    duel, _ = taught(batches(make, 4), make)
    for optimizer in (duel.generator_optimizer, duel.discriminator_optimizer):
        assert not tc.to_numpy(optimizer.grad).any()
    assert all(parameter.trainable for parameter in duel.discriminator.parameters())


@pytest.mark.usefixtures("cupy")
def test_what_is_changed_of_a_recorded_duel_is_heard(unrecorded):
    def after(duel):
        for seed, change in enumerate(
            ({"objective": tc.losses.minimax}, {"reconstruction": tc.losses.mse}, {"seed": 6})
        ):
            vars(duel).update(change)
            for number in range(3):
                duel.step(*batch_of(cgan, 10 * seed + number))
        return state(duel)

    duel, _ = taught(batches(cgan, 3), cgan)
    assert_same_bits(after(duel), after(unrecorded(batches(cgan, 3), cgan)[0]))
    assert recorded(duel) == [True]


@pytest.mark.usefixtures("cupy")
def test_stopped_and_resumed_it_draws_and_learns_the_same():
    straight, _ = taught(batches(cgan), cgan)
    stopped, _ = taught(batches(cgan, 4), cgan)
    resumed = new_duel(cgan)
    for part in PARTS:
        getattr(resumed, part).load_state_dict(getattr(stopped, part).state_dict())
    for batch in batches(cgan)[4:]:
        resumed.step(*batch)
    assert_same_bits(state(resumed), state(straight))


# --- what cannot be recorded ------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("cupy")
def test_what_cannot_be_recorded_runs_all_the_same_and_the_log_says_why(caplog, unrecorded):
    with caplog.at_level(logging.WARNING):
        duel, figures = taught(batches(pix2pix), pix2pix, reconstruction=of_cublas)
    assert recorded(duel) == [False]
    (message,) = caplog.messages
    assert message.startswith("Pix2PixGenerator with PatchDiscriminator runs kernel by kernel, its step cannot be")
    assert "cuBLAS" in message
    other, its_figures = unrecorded(batches(pix2pix), pix2pix, reconstruction=of_cublas)
    assert figures == its_figures
    assert_same_bits(state(duel), state(other))


@pytest.mark.usefixtures("cupy")
def test_float64_has_no_kernels_and_runs_all_the_same():
    def in_float64():
        return [some_weights(network).astype("float64") for network in gan()]

    given = [(condition, (z.astype("float64"),), real.astype("float64")) for condition, (z,), real in batches(gan)]
    duel, figures = taught(given, in_float64, rule=tc.optim.SGD)
    assert recorded(duel) == [False]
    for mine, wanted in zip(figures, taught(given, in_float64, "cpu", rule=tc.optim.SGD)[1], strict=True):
        assert mine == pytest.approx(wanted, rel=1e-9)


# --- what is not finite -----------------------------------------------------------------------------------------------


def nan_in_the_condition(duel, condition, noise, real):
    condition[0][0, 3, 4, 0] = np.nan


def nan_in_real(duel, condition, noise, real):
    real[0, 3, 4, 0] = np.nan


def nan_in_the_generator(duel, condition, noise, real):
    spoil(duel.generator.parameters()[0])


def nan_in_the_discriminator(duel, condition, noise, real):
    spoil(duel.discriminator.parameters()[0])


def spoil(parameter):
    parameter.data = parameter.data * np.float32("nan")


def gradients_of_the_discriminator(duel, condition, noise, real):
    duel.discriminator_weight = np.inf


def gradients_of_the_generator(duel, condition, noise, real):
    duel.reconstruction_weight = np.inf


def a_leap_of_the_discriminator(duel, condition, noise, real):
    duel.discriminator_optimizer.schedule = lambda step: 1e30


def a_loss_without_gradients(duel, condition, noise, real):
    duel.reconstruction = lambda fake, real: ((fake - real).mean() * np.float32("nan"), fake - real)


FAULTS = [
    (nan_in_the_condition, "both", "Pix2PixGenerator: the batch holds NaN"),
    (nan_in_real, "both", "PatchDiscriminator: the batch holds NaN"),
    (nan_in_the_generator, "both", "Pix2PixGenerator: layers.0.weight holds NaN"),
    (nan_in_the_discriminator, "both", "PatchDiscriminator: blocks.0.conv.weight holds NaN"),
    (gradients_of_the_discriminator, "both", "PatchDiscriminator: the gradient of blocks.0.conv.weight is NaN"),
    (gradients_of_the_generator, "generator", "Pix2PixGenerator: the gradient of layers.0.weight is NaN"),
    (a_leap_of_the_discriminator, "generator", "PatchDiscriminator: layer blocks.1"),
    (a_loss_without_gradients, "generator", "Pix2PixGenerator: the loss, or the sum of the squared gradients"),
]


def stopped(fault, device):
    """Return a duel that a fault has stopped in its step 4, what it said, and the weights of both before it."""
    duel, _ = taught(batches(pix2pix, 3), pix2pix, device, rule=tc.optim.SGD)
    batch = batch_of(pix2pix, 3)
    fault(duel, *batch)
    before = [weights(network) for network in (duel.generator, duel.discriminator)]
    with np.errstate(all="ignore"), pytest.raises(NotFiniteError) as raised:
        duel.step(*batch)
    return duel, str(raised.value), before


@pytest.mark.parametrize(("fault", "unmoved", "blame"), FAULTS)
@pytest.mark.usefixtures("cupy")
def test_what_is_not_finite_moves_nobody_it_should_not_and_the_blame_is_that_of_the_cpu(fault, unmoved, blame):
    duel, said, before = stopped(fault, "gpu")
    there, wanted, _ = stopped(fault, "cpu")
    assert said == wanted
    assert said.startswith(f"step 4, {blame}")
    assert (duel.steps, duel.discriminator_optimizer.steps) == (there.steps, there.discriminator_optimizer.steps)
    assert (duel.steps, duel.discriminator_optimizer.steps) == (3, 3 if unmoved == "both" else 4)
    still = zip(before, (duel.generator, duel.discriminator), strict=False)
    for weights_before, network in still if unmoved == "both" else [next(still)]:
        for array, now in zip(weights_before, weights(network), strict=True):
            np.testing.assert_array_equal(now, array)
    assert not any(tc.to_numpy(getattr(duel, part).grad).any() for part in PARTS[2:])


@pytest.mark.usefixtures("cupy")
def test_a_played_step_whose_discriminator_is_at_fault_does_not_move_the_generator():
    """Nobody but the discriminator sees what is wrong with what is real."""
    duel, _ = taught(batches(gan, 4), gan, rule=tc.optim.SGD)
    assert recorded(duel) == [True]
    condition, noise, real = batch_of(gan, 4)
    real[0, 0] = np.nan
    before = weights(duel.generator), weights(duel.discriminator)
    with pytest.raises(NotFiniteError, match="step 5, GANDiscriminator: the batch holds NaN"):
        duel.step(condition, noise, real)
    for arrays, network in zip(before, (duel.generator, duel.discriminator), strict=True):
        for array, now in zip(arrays, weights(network), strict=True):
            np.testing.assert_array_equal(now, array)
    assert all(np.isfinite(figure) for figure in duel.step(*batch_of(gan, 5)).values())
    assert duel.steps == duel.discriminator_optimizer.steps == 5


# --- memory that ends: pretended alone, since a real GPU has too much of it -------------------------------------------


@pytest.mark.parametrize("room", [100_000, 200_000, 300_000], ids="ends at {:,} bytes".format)
@pytest.mark.usefixtures("pretended")
def test_too_large_a_batch_is_one_sentence_and_nobody_was_moved(room):
    duel = new_duel(pix2pix)
    machine.limit = machine.held() + room
    before = state(duel)
    with pytest.raises(
        MemoryError, match=r"64 inputs of shape \(8, 8, 1\) are too many .* about \d+ at a time"
    ) as said:
        duel.step(*batch_of(pix2pix, size=64))
    assert_same_bits(state(duel), before)
    assert not any(tc.to_numpy(getattr(duel, part).grad).any() for part in PARTS[2:])
    fits = int(str(said.value).split("about ")[1].split()[0])
    assert 4 <= fits < 64
    assert np.isfinite(duel.step(*batch_of(pix2pix, size=fits))["loss"])


@pytest.fixture
def memory_that_ends(monkeypatch):
    """Return a function that lets the memory end so many times, when the discriminator has made its move."""
    gradient = Duel.generator_gradient

    def ends(times):
        left = iter(range(times))

        def generator_gradient(*args):
            if next(left, None) is not None:
                raise OutOfMemoryError
            return gradient(*args)

        monkeypatch.setattr(Duel, "generator_gradient", generator_gradient)

    return ends


@pytest.mark.parametrize("rule", [tc.optim.Adam, tc.optim.SGD])
@pytest.mark.usefixtures("pretended")
def test_the_discriminator_s_move_is_taken_back_where_the_memory_ends_after_it(rule, memory_that_ends):
    duel, _ = taught(batches(pix2pix, 1), pix2pix, rule=rule)
    before = state(duel)
    memory_that_ends(2)
    with pytest.raises(MemoryError, match="2 inputs"):
        duel.step(*batch_of(pix2pix, 1))
    assert_same_bits(state(duel), before)
    for batch in batches(pix2pix, 2)[1:]:
        duel.step(*batch)
    assert_same_bits(state(duel), state(taught(batches(pix2pix, 2), pix2pix, rule=rule)[0]))


@pytest.mark.parametrize("done", [0, 1, 2], ids=["in the first step", "in the second", "in the recording"])
@pytest.mark.usefixtures("pretended")
def test_where_freed_memory_is_enough_nobody_notices(done, memory_that_ends):
    duel, _ = taught(batches(cgan, done), cgan)
    memory_that_ends(1)
    for batch in batches(cgan)[done:]:
        duel.step(*batch)
    assert recorded(duel) == [True]
    assert_same_bits(state(duel), state(taught(batches(cgan), cgan)[0]))
