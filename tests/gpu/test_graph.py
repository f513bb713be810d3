"""Recorded steps: the bits of unrecorded ones, on batches, rates and random numbers that change."""

import contextlib
import gc
import logging

import numpy as np
import pytest
from pretend_cuda import machine

import tinycolor as tc
from tinycolor import backend
from tinycolor.backend import on_gpu
from tinycolor.kernels import loader
from tinycolor.kernels.rounding import rounded_weights
from tinycolor.training import graph
from tinycolor.training.graph import GpuStep

STEPS = 6


def mse(y, target):
    error = y - target
    return (error * error).mean(), error * (2 / y.size)


def small_network():
    """Batch norm, pooling, upsampling, a skip, dropout and a linear layer."""
    return tc.Sequential(
        tc.ConvNormAct(1, 2, 3, padding=1),
        tc.Skip(tc.MaxPool2d(2), tc.Conv2d(2, 2, 1), tc.Upsample(2)),
        tc.Dropout(0.5),
        tc.Flatten(),
        tc.Linear(64, 2),
    )


def batches(count=STEPS, size=2):
    return [
        (tc.Generator(1, step=i).normal((size, 4, 4, 1)), tc.Generator(2, step=i).normal((size, 2)))
        for i in range(count)
    ]


def some_network(make=small_network):
    network = make()
    for number, parameter in enumerate(network.parameters()):
        parameter.data = tc.Generator(3, step=number).normal(parameter.data.shape, std=0.3)
    return network


def taught(given, optimizer=tc.optim.Adam, make=small_network, loss_function=mse, **settings):
    """Teach a network on the GPU; return the losses, the state of the network, the optimizer's, and the step."""
    network = tc.to_device(some_network(make), "gpu")
    rule = optimizer(network.parameters(), tc.optim.step_decay(0.01, every=2))
    step = GpuStep(network, rule, loss_function, **settings)
    losses = [float(step(*batch)) for batch in given]
    return losses, network.state_dict(), rule.state_dict(), step


def assert_same_bits(one, other):
    assert one[0] == other[0]
    for mine, theirs in zip(one[1:3], other[1:3], strict=True):
        assert mine.keys() == theirs.keys()
        for name, array in mine.items():
            np.testing.assert_array_equal(array, theirs[name], err_msg=name)


def recorded(step):
    return [plan.graph is not None for plan in step.plans.values()]


@pytest.fixture
def unrecorded(monkeypatch):
    """Return a function that teaches without recording."""

    def teach(*args, **kwargs):
        with monkeypatch.context() as patch:
            patch.setattr(graph, "WARM_UPS", 1 << 30)
            result = taught(*args, **kwargs)
        assert recorded(result[-1]) == [False] * len(result[-1].plans)
        return result

    return teach


@pytest.mark.parametrize("optimizer", [tc.optim.SGD, tc.optim.Adam, tc.optim.RMSprop, tc.optim.Adadelta])
@pytest.mark.usefixtures("cupy")
def test_a_recorded_step_has_the_bits_of_an_unrecorded_one(optimizer, unrecorded):
    with tc.precision("fp32"):
        with_graph = taught(batches(), optimizer)
        assert recorded(with_graph[-1]) == [True]
        assert_same_bits(with_graph, unrecorded(batches(), optimizer))
    assert len(set(with_graph[0])) == STEPS


def assert_near_what_the_cpu_learns(given, losses, state, make=small_network):
    network = some_network(make)
    optimizer = tc.optim.Adam(network.parameters(), tc.optim.step_decay(0.01, every=2))
    for number, (x, target) in enumerate(given):
        y, backward = network(x, rng=tc.Generator(5, step=number))
        loss, dy = mse(y, target)
        assert losses[number] == pytest.approx(float(loss), rel=1e-4)
        backward(dy)
        optimizer.step()
        network.zero_grad()
    for name, array in network.state_dict().items():
        np.testing.assert_allclose(state[name], array, rtol=1e-3, atol=1e-4, err_msg=name)


@pytest.mark.usefixtures("cupy")
def test_it_learns_what_the_cpu_learns():
    with tc.precision("fp32"):
        losses, state, _, _ = taught(batches(), seed=5)
    assert_near_what_the_cpu_learns(batches(), losses, state)


@pytest.mark.usefixtures("cupy")
def test_each_shape_of_batch_has_a_graph_of_its_own(unrecorded):
    given = [batch for pair in zip(batches(4), batches(4, size=3), strict=True) for batch in pair]
    with_graph = taught(given)
    assert recorded(with_graph[-1]) == [True, True]
    assert_same_bits(with_graph, unrecorded(given))


def test_batches_may_be_on_the_gpu_already(cupy):
    moved = [tuple(map(cupy.asarray, batch)) for batch in batches()]
    assert_same_bits(taught(moved), taught(batches()))


@pytest.mark.usefixtures("pretended")
def test_nothing_is_captured_that_runs_too_early():
    """The memory of a recorded step is poisoned until it is played back, and so is that of the weights' movement."""
    losses, _, _, step = taught(batches(3))
    (plan,) = step.plans.values()
    assert np.isfinite(losses).all()
    before = step.network.state_dict()
    plan.record()
    for name, array in step.network.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def of_cublas(y, target):
    error = y - target
    flat = error.reshape(len(error), -1)
    return (flat @ flat.T).mean(), error * (2 / y.size)


@pytest.mark.usefixtures("cupy")
def test_what_cannot_be_recorded_runs_all_the_same_and_the_log_says_why(caplog, unrecorded):
    with caplog.at_level(logging.WARNING):
        not_recorded = taught(batches(), loss_function=of_cublas)
    assert recorded(not_recorded[-1]) == [False]
    (message,) = caplog.messages
    assert message.startswith("Sequential runs kernel by kernel, its step cannot be recorded: ")
    assert "cuBLAS" in message
    assert_same_bits(not_recorded, unrecorded(batches(), loss_function=of_cublas))


NUMBERS = np.array([0.5, 2.0], "float32")


def of_the_cpu(y, target):
    loss, dy = mse(y, target)
    return loss, dy * tc.array_module(y).asarray(NUMBERS)


def of_constants(y, target):
    loss, dy = mse(y, target)
    return loss, dy * backend.constant(NUMBERS, y)


@pytest.mark.usefixtures("cupy")
def test_copies_from_the_cpu_are_not_recorded_and_constants_need_none(caplog):
    with caplog.at_level(logging.WARNING):
        copying = taught(batches(), loss_function=of_the_cpu)
    assert recorded(copying[-1]) == [False]
    assert "H2D transfers are disallowed" in caplog.text
    with_constants = taught(batches(), loss_function=of_constants)
    assert recorded(with_constants[-1]) == [True]
    assert_same_bits(copying, with_constants)
    tc.to_device(NUMBERS, "gpu")  # copies go on as before


@pytest.mark.parametrize("loss_function", [tc.losses.mse, tc.losses.l1, tc.losses.smooth_l1, tc.losses.bce_with_logits])
@pytest.mark.usefixtures("cupy")
def test_steps_with_the_usual_losses_can_be_recorded(loss_function):
    _, _, _, step = taught(batches(3), loss_function=loss_function)
    assert recorded(step) == [True]


@pytest.mark.usefixtures("cupy")
def test_nan_moves_no_weight():
    given = batches(5)
    given[3][0][0, 0, 0, 0] = np.nan
    _, before, _, _ = taught(given[:3], tc.optim.SGD)
    losses, after, _, _ = taught(given[:4], tc.optim.SGD)
    assert np.isnan(losses[3])
    for name in before:
        if "running" not in name:
            np.testing.assert_array_equal(after[name], before[name])


@pytest.mark.usefixtures("cupy")
def test_weights_that_a_graph_has_moved_are_noticed():
    _, _, _, step = taught(batches(3))
    x, _ = batches(1)[0]
    y, backward = step.network(tc.to_device(x, "gpu"), rng=tc.Generator(0))
    step(*batches(1)[0])
    with pytest.raises(RuntimeError, match="changed between forward and backward"):
        backward(y)


@pytest.mark.usefixtures("cupy")
def test_two_runs_give_the_same_bits():
    def colorizer():
        return tc.networks.ColorUNet(widths=(4, 6), size=8)

    given = [tuple(tc.Generator(i, step=n).normal((2, 8, 8, i)) for i in (1, 2)) for n in range(4)]
    assert_same_bits(*(taught(given, make=colorizer) for _ in range(2)))


@pytest.mark.usefixtures("cupy")
def test_what_was_frozen_since_the_recording_does_not_move():
    _, state, _, step = taught(batches(4), tc.optim.SGD)
    first = step.network.layers[0]
    with tc.frozen(first):
        step(*batches(1)[0])
    for name, array in first.state_dict().items():
        assert np.array_equal(array, state[f"0.{name}"]) is not name.startswith("norm.running")
    assert len(step.plans) == 2


class Exact(tc.Layer):
    """Goes through a layer in true float32."""

    def __init__(self, inner):
        self.inner = inner

    def forward(self, x, *, mode, rng):
        with tc.precision("fp32"):
            return self.inner(x, mode=mode)


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("layer", [tc.Conv2d(8, 8, 3, padding=1), tc.Linear(8, 4)], ids=repr)
def test_what_goes_forward_in_true_float32_goes_back_so(layer):
    """Inside a step whose weights are rounded for all others."""
    shape = (2, 5, 4, 8) if isinstance(layer, tc.Conv2d) else (2, 8)
    x = tc.Generator(1).normal(shape)
    exact, exact_backward = layer.astype("float64")(x.astype("float64"))
    twin = tc.to_device(Exact(layer), "gpu")
    optimizer = tc.optim.SGD(twin.parameters(), 0.1)
    with rounded_weights(optimizer.data):
        y, backward = twin(tc.to_device(x, "gpu"))
        dx = backward(y)
    for got, wanted in zip((y, dx), (exact, exact_backward(exact)), strict=True):
        assert np.linalg.norm(tc.to_numpy(got) - wanted) < 1e-6 * np.linalg.norm(wanted)


@pytest.mark.usefixtures("cupy")
def test_the_precision_is_that_of_the_call():
    with tc.precision("fp32"):
        _, _, _, step = taught(batches(1))
    step(*batches(1)[0])
    assert len(step.plans) == 2


@pytest.mark.usefixtures("cupy")
def test_adam_counts_its_steps_in_float64_too_which_has_no_kernel(unrecorded):
    def in_float64():
        return tc.Sequential(tc.BatchNorm2d(1)).astype("float64")  # which needs no product of cuBLAS

    given = [(x.astype("float64"), x[::-1].astype("float64")) for x, _ in batches()]
    with_graph = taught(given, make=in_float64)
    assert recorded(with_graph[-1]) == [True]
    assert_same_bits(with_graph, unrecorded(given, make=in_float64))
    assert_near_what_the_cpu_learns(given, *with_graph[:2], in_float64)


@pytest.mark.usefixtures("cupy")
def test_whoever_gave_a_batch_may_write_the_next_one_over_it():
    network = tc.to_device(some_network(), "gpu")
    step = GpuStep(network, tc.optim.Adam(network.parameters(), tc.optim.step_decay(0.01, every=2)), mse)
    x, target = (np.empty_like(array) for array in batches(1)[0])
    losses = []
    for batch in batches():
        x[...], target[...] = batch
        losses.append(step(x, target))
    assert [float(loss) for loss in losses] == taught(batches())[0]


# Memory that ends, or comes back: pretended alone, since a real GPU has too much of it.


def only_convolutions():
    return tc.Sequential(tc.ConvNormAct(1, 8, 3, padding=1), tc.ConvNormAct(8, 1, 3, padding=1))


def pictures(count):
    return tuple(tc.Generator(i).normal((count, 8, 8, 1)) for i in (1, 2))


@pytest.mark.parametrize("room", [300_000, 380_000, 460_000], ids="ends at {:,} bytes".format)
@pytest.mark.usefixtures("pretended")
def test_too_large_a_batch_is_one_sentence_and_training_goes_on(room):
    network = tc.to_device(some_network(only_convolutions), "gpu")
    step = GpuStep(network, tc.optim.Adam(network.parameters()), mse)
    machine.limit = machine.held() + room
    before = network.state_dict()
    with pytest.raises(
        MemoryError, match=r"64 inputs of shape \(8, 8, 1\) are too many .* about \d+ at a time"
    ) as raised:
        step(*pictures(64))
    for name, array in network.state_dict().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    assert step.optimizer.steps == 0
    fits = int(str(raised.value).split("about ")[1].split()[0])
    assert 4 < fits < 64
    assert np.isfinite(float(step(*pictures(fits))))


@pytest.mark.usefixtures("pretended")
def test_memory_that_others_keep_in_store_is_freed_first():
    network = tc.to_device(some_network(only_convolutions), "gpu")
    step = GpuStep(network, tc.optim.Adam(network.parameters()), mse)
    machine.limit = machine.held() + 500_000
    step(*pictures(8))
    kept_in_store = tc.to_device(np.zeros(100_000, "float32"), "gpu")
    del kept_in_store
    assert machine.limit - machine.held() < 100_000
    assert np.isfinite(float(step(*pictures(9))))
    assert len(step.plans) == 1  # the other plan was given up


@pytest.mark.usefixtures("pretended")
def test_until_it_is_recorded_a_step_frees_what_it_needs_no_longer():
    asked = []

    def of_growing_memory(y, target):
        for size in () if asked else (600_000, 700_000):
            tc.array_module(y).zeros(size, "uint8")
        asked.append(y.shape)
        return mse(y, target)

    network = tc.to_device(some_network(only_convolutions), "gpu")
    step = GpuStep(network, tc.optim.Adam(network.parameters()), of_growing_memory)
    machine.limit = machine.held() + 1_000_000
    for _ in range(3):
        step(*pictures(2))
    assert recorded(step) == [True]
    assert len(asked) == 3  # none was tried again


def of_much_memory(y, target):
    """Takes more when it is called for the third time, which is to be recorded."""
    of_much_memory.calls += 1
    if of_much_memory.calls == 3:
        tc.array_module(y).zeros(40_000, "float32")
    return mse(y, target)


@pytest.mark.usefixtures("pretended")
def test_memory_that_ends_while_a_step_is_recorded_is_not_found_in_what_the_recording_writes_to(monkeypatch):
    monkeypatch.setattr(of_much_memory, "calls", 0, raising=False)
    network = tc.to_device(some_network(only_convolutions), "gpu")
    step = GpuStep(network, tc.optim.Adam(network.parameters()), of_much_memory)
    losses = [step(*pictures(32)) for _ in range(2)]
    machine.limit = machine.held() + 100_000
    losses += [step(*pictures(32)) for _ in range(6)]
    assert recorded(step) == [True]
    assert of_much_memory.calls == 2 + 1 + 3  # it was begun anew
    assert len({float(loss) for loss in losses}) == 8


def held():
    gc.collect()
    backend.gpu().get_default_memory_pool().free_all_blocks()
    return machine.held()


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("loss_function", [mse, of_cublas, of_constants])
@pytest.mark.usefixtures("pretended")
def test_a_step_that_is_dropped_gives_its_memory_back(count, loss_function):
    taught(batches(1))  # leaves the constants of the layers, which stay for ever
    before = held()
    taught(batches(count), loss_function=loss_function)
    assert held() == before + (NUMBERS.nbytes if loss_function is of_constants else 0)


def of_cycles(y, target):
    """Needs too much memory, when what it has taken already is held by a cycle."""
    cycle = [y - target]
    cycle.append(cycle)
    tc.array_module(y).zeros(machine.limit, "uint8")


@pytest.mark.usefixtures("pretended")
def test_memory_that_waits_to_be_collected_is_given_back_too():
    network = tc.to_device(some_network(), "gpu")
    step = GpuStep(network, tc.optim.Adam(network.parameters()), of_cycles)
    taught(batches(1))  # leaves the constants of the layers, which stay for ever
    before = held()
    machine.limit = before + 1_000_000
    with pytest.raises(MemoryError, match="2 inputs"):
        step(*batches(1)[0])
    assert held() == before


@pytest.mark.usefixtures("pretended")
def test_a_picture_too_large_for_any_batch_is_told():
    network = tc.to_device(some_network(only_convolutions), "gpu")
    step = GpuStep(network, tc.optim.Adam(network.parameters()), mse)
    machine.limit = machine.held() + 3_000
    with pytest.raises(MemoryError, match="not even one would fit"):
        step(*pictures(8))
    assert on_gpu(network.parameters()[0].data)


def color_unet():
    return tc.networks.ColorUNet(widths=(4, 8), size=8)


def learned_step(make, x_shape, y_shape, loss_function):
    """Return a recorded step of a network, after three batches."""
    given = [(tc.Generator(1, step=i).normal(x_shape), np.full(y_shape, 0.25, "float32")) for i in range(3)]
    return taught(given, make=make, loss_function=loss_function)[-1]


@pytest.mark.usefixtures("pretended")
@pytest.mark.parametrize(
    ("make", "x_shape", "y_shape", "loss_function", "nodes"),
    [
        (tc.networks.CrossCircleCNN, (2, 28, 28, 1), (2, 2), tc.losses.bce, 34),
        (color_unet, (2, 8, 8, 1), (2, 8, 8, 2), tc.losses.mse, 62),
    ],
)
def test_a_recorded_step_has_few_nodes(make, x_shape, y_shape, loss_function, nodes):
    """Each of them costs a GPU some microseconds, however little it does."""
    step = learned_step(make, x_shape, y_shape, loss_function)
    (plan,) = step.plans.values()
    assert len(plan.graph.jobs) <= nodes


@pytest.mark.usefixtures("pretended")
def test_who_makes_an_operand_has_rounded_it(monkeypatch):
    launched = []
    launch = loader.launch

    def watched(chapter, kernel, grid, block, arguments, **constants):
        if kernel.startswith("convolve"):
            launched.append((kernel, constants["WIDTH"], constants["ROUNDED"]))
        launch(chapter, kernel, grid, block, arguments, **constants)

    monkeypatch.setattr(loader, "launch", watched)
    learned_step(color_unet, (2, 8, 8, 1), (2, 8, 8, 2), tc.losses.mse)
    rounded = {
        (kernel, width): {r for k, w, r in launched if (k, w) == (kernel, width)} for kernel, width, _ in launched
    }
    # Four numbers at a time go everywhere but through the first layer's one channel and the head's two.
    assert rounded == {
        ("convolve", 4): {1},
        ("convolve_dx", 4): {1},
        ("convolve_dw", 4): {1},
        ("convolve", 1): {0},
        ("convolve_dx", 1): {0},
        ("convolve_dw", 1): {0},
    }


@pytest.mark.usefixtures("cupy")
def test_weights_that_are_rounded_for_a_whole_step_change_no_bit(monkeypatch):
    def few():
        return [
            (tc.Generator(1, step=i).normal((2, 8, 8, 1)), tc.Generator(2, step=i).normal((2, 8, 8, 2)))
            for i in range(4)
        ]

    ahead = taught(few(), make=color_unet, loss_function=tc.losses.mse)
    monkeypatch.setattr(graph, "rounded_weights", lambda weights: contextlib.nullcontext())
    assert_same_bits(ahead, taught(few(), make=color_unet, loss_function=tc.losses.mse))
