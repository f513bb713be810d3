"""Dropout draws the generator's bits; Adam moves weights as the optimizer does."""

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.kernels import adam, dropout


@pytest.mark.parametrize("count", [1, 3, 4, 1023, 1024, 1025, 5000])
@pytest.mark.parametrize(
    ("seed", "epoch", "step", "draw"), [(0, 0, 0, 0), (2**64 - 1, 2**32 - 1, 2**32 - 2, 7), (1 << 32, 5, 3, 2)]
)
def test_dropout_draws_the_bits_of_the_generator(device, count, seed, epoch, step, draw):
    def generator():
        rng = tc.Generator(seed, epoch, step)
        rng.draws = draw
        return rng

    wanted = generator().uniform((count,)) >= 0.3
    x = np.random.default_rng(0).standard_normal(count).astype("float32")
    rng = generator()
    y, keep = device.run(dropout.dropout, x, 0.3, rng)
    np.testing.assert_array_equal(keep, wanted)
    np.testing.assert_array_equal(y, x * wanted * (1 / (1 - 0.3)))
    assert keep.dtype == "bool"
    assert rng.draws == draw + 1


def test_dropout_reads_its_position_from_device_memory(device):
    x = np.ones(1000, "float32")
    position = np.array([9, 2], np.uint32)

    def draw(x, position):
        return dropout.dropout(x, 0.5, dropout.ReplayedGenerator(4, position))

    _, keep = device.run(draw, x, position)
    np.testing.assert_array_equal(keep, tc.Generator(4, epoch=2, step=9).uniform((1000,)) >= 0.5)


def test_a_captured_step_draws_by_the_kernel_alone():
    rng = dropout.ReplayedGenerator(4, np.array([9, 2], np.uint32))
    for draw in (rng.uniform, rng.normal, lambda shape: rng.bits(5)):
        with pytest.raises(NotImplementedError, match="only the kernel of Dropout"):
            draw((5,))


def test_dropout_equals_the_layer(device):
    layer, x, dy = tc.Dropout(0.5), *np.random.default_rng(0).standard_normal((2, 3, 5, 7, 9)).astype("float32")
    wanted, backward = layer(x, rng=tc.Generator(4, 2, 9))
    y, keep = device.run(dropout.dropout, x, 0.5, tc.Generator(4, 2, 9))
    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(device.run(dropout.dropout_dx, dy, keep, 0.5), backward(dy))


def test_one_bit_of_difference_would_show(cpu):
    cpu.edit = lambda text: text.replace("round < 10", "round < 9")
    _, keep = dropout.dropout(np.ones(64, "float32"), 0.5, tc.Generator(0))
    assert (keep != (tc.Generator(0).uniform((64,)) >= 0.5)).any()


@pytest.mark.parametrize("count", [1, 255, 1000])
@pytest.mark.parametrize(("betas", "weight_decay"), [((0.9, 0.999), 0.0), ((0.5, 0.9), 0.0), ((0.9, 0.99), 0.1)])
def test_adam_follows_the_optimizer(device, count, betas, weight_decay):
    rng = np.random.default_rng(0)
    parameter = tc.Parameter(rng.standard_normal(count).astype("float32"))
    rates = [0.1, 0.01, 0.02, 0.003]
    optimizer = tc.optim.Adam([parameter], rates.__getitem__, betas=betas, weight_decay=weight_decay)
    gradients = rng.standard_normal((len(rates), count)).astype("float32")
    data = parameter.data.copy()

    def all_steps(data, gradients, m, v, steps, rates):
        for i in range(len(gradients)):
            now = {"steps": steps, "learning_rate": rates[i : i + 1]}
            adam.adam(data, gradients[i], m, v, **now, betas=betas, weight_decay=weight_decay)
        return data, m, v, steps

    zeros = np.zeros(count, "float32")
    got = device.run(all_steps, data, gradients, zeros, zeros, np.zeros(1, np.int64), np.array(rates))
    for gradient in gradients:
        parameter.grad[...] = gradient
        optimizer.step()
    for array, wanted in zip(got, (parameter.data, optimizer.m, optimizer.v), strict=False):
        np.testing.assert_allclose(array, wanted, rtol=1e-6, atol=1e-7)
    assert got[-1] == len(rates)
