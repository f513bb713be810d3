"""Losses on a GPU: what the CPU gives, in one sweep, recorded or not."""

from contextlib import nullcontext

import numpy as np
import pytest
from pretend_cuda import machine
from test_graph import assert_same_bits, batches, recorded, small_network, taught

import tinycolor as tc
from tinycolor import losses
from tinycolor.training import graph

ELEMENTWISE = [losses.mse, losses.l1, losses.smooth_l1, losses.bce, losses.bce_with_logits]
OF_LOGITS = [losses.non_saturating, losses.minimax]
elementwise = pytest.mark.parametrize("loss", ELEMENTWISE, ids=lambda loss: loss.__name__)
every_loss = pytest.mark.parametrize("loss", ELEMENTWISE + OF_LOGITS, ids=lambda loss: loss.__name__)


def draw(loss, dtype="float32", shape=(3, 19, 23, 2)):
    rng = np.random.default_rng(0)
    y, target = rng.uniform(0.01, 0.99, shape).astype(dtype), rng.random(shape).astype(dtype)
    return (y,) if loss in OF_LOGITS else (y, target)


def there(arrays):
    return [tc.to_device(array, "gpu") for array in arrays]


@every_loss
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 2e-6), ("float64", 1e-12)])
@pytest.mark.usefixtures("cupy")
def test_agrees_with_the_cpu(loss, dtype, tolerance):
    given = draw(loss, dtype)
    for mine, wanted in zip(loss(*there(given)), loss(*given), strict=True):
        assert (mine.shape, mine.dtype) == (wanted.shape, wanted.dtype)
        np.testing.assert_allclose(tc.to_numpy(mine), wanted, rtol=tolerance, atol=tolerance / given[0].size)


@elementwise
@pytest.mark.usefixtures("pretended")
def test_two_launches_are_all_there_is_to_do(loss):
    given = there(draw(loss))
    before = machine.stream.count
    loss(*given)
    assert machine.stream.count == before + 2
    assert machine.launched == ["sum_terms", "mean"]


@elementwise
@pytest.mark.usefixtures("pretended")
def test_float64_takes_the_plain_lines(loss):
    given = draw(loss, "float64")
    for mine, wanted in zip(loss(*there(given)), loss(*given), strict=True):
        np.testing.assert_array_equal(tc.to_numpy(mine), wanted)
    assert machine.launched == []


@elementwise
@pytest.mark.usefixtures("cupy")
def test_what_does_not_fit_is_refused_in_the_words_of_the_cpu(loss):
    y, target = draw(loss)
    for other in (target[..., :1], target.astype("float64"), target[:0]):
        with pytest.raises(ValueError, match="and a target of") as wanted:
            loss(y, other)
        with pytest.raises(ValueError, match="and a target of") as raised:
            loss(*there((y, other)))
        assert str(raised.value) == str(wanted.value)
    with pytest.raises(TypeError, match="NumPy and CuPy arrays came together"):
        loss(y, *there([target]))


@pytest.mark.usefixtures("cupy")
def test_smooth_l1_without_a_smooth_part_is_refused():
    with pytest.raises(ValueError, match="got beta=0, expected more than 0"):
        losses.smooth_l1(*there(draw(losses.smooth_l1)), beta=0)


@elementwise
@pytest.mark.usefixtures("cupy")
def test_a_recorded_step_has_the_bits_of_an_unrecorded_one(loss, monkeypatch):
    def colours():
        return tc.Sequential(small_network(), tc.Sigmoid())

    with_graph = taught(batches(4), make=colours, loss_function=loss)
    assert recorded(with_graph[-1]) == [True]
    monkeypatch.setattr(graph, "WARM_UPS", 1 << 30)
    assert_same_bits(with_graph, taught(batches(4), make=colours, loss_function=loss))
    assert len(set(with_graph[0])) == 4


@pytest.mark.usefixtures("cupy")
@pytest.mark.parametrize("more", [(), (tc.Sigmoid(),)], ids=["of the last convolution", "of what is made of it"])
def test_a_loss_that_was_awaited_teaches_the_same(more, monkeypatch):
    def net():
        return tc.Sequential(tc.Conv2d(1, 3, 3, padding=1), tc.ReLU(), tc.Conv2d(3, 2, 1), *more)

    pictures = [(x, tc.Generator(3, step=i).normal((2, 4, 4, 2))) for i, (x, _) in enumerate(batches(4))]
    awaited = taught(pictures, make=net, loss_function=losses.mse)
    assert recorded(awaited[-1]) == [True]
    monkeypatch.setattr(graph, "awaiting", lambda *_: nullcontext())
    asked = taught(pictures, make=net, loss_function=losses.mse)
    np.testing.assert_allclose(awaited[0], asked[0], rtol=1e-6)
    for name, weights in awaited[1].items():
        np.testing.assert_array_equal(weights, asked[1][name], err_msg=name)


@elementwise
@pytest.mark.usefixtures("pretended")
def test_a_loss_that_was_awaited_takes_no_sweep_of_its_own(loss):
    x, target = there(draw(losses.mse))
    layer = tc.to_device(tc.Conv2d(2, 2, 1), "gpu")
    with losses.awaiting(loss, target):
        y, _ = layer(x)
        loss(y, target)
    assert machine.launched == ["conv2d_and_loss", "mean"]


@pytest.mark.usefixtures("pretended")
def test_what_no_kernel_makes_is_not_awaited():
    x, target = there(draw(losses.mse))
    for loss, wanted in ((losses.cross_entropy, target), (losses.mse, tc.to_numpy(target)), (losses.mse, (target,))):
        with losses.awaiting(loss, wanted):
            tc.to_device(tc.Conv2d(2, 2, 1), "gpu")(x)
    assert machine.launched == ["conv2d"] * 3


@pytest.mark.gpu
@elementwise
def test_full_blocks_agree_with_float64_and_give_the_same_bits_again(real, loss):
    given = there(draw(loss, shape=(16, 255, 257, 3)))
    value, dy = loss(*given)
    exact, exact_dy = loss(*(array.astype("float64") for array in given))
    assert float(value) == pytest.approx(float(exact), rel=1e-6)
    # A gradient of bce is in the hundreds where y is near 0 or 1, all others are at most 2.
    np.testing.assert_allclose(tc.to_numpy(dy * dy.size), tc.to_numpy(exact_dy * dy.size), rtol=1e-6, atol=1e-6)
    for once, again in zip((value, dy), loss(*given), strict=True):
        assert tc.to_numpy(once).tobytes() == tc.to_numpy(again).tobytes()
