"""Batches of more than 2**32 numbers: 32 bits cannot count them. Only the last block of threads runs.

The memory is asked for and not filled, so that all but its last pages take no room.
"""

import mmap
import sys

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.kernels import (
    activation,
    adam,
    conv_naive,
    conv_tensor,
    conv_tiled,
    dropout,
    finite,
    head,
    im2col,
    loader,
    loss,
    norm_act,
    norm_pool,
    pool,
    upsample,
)
from tinycolor.kernels.tile_sums import noting_sums, take

PIXELS = (1 << 12, 1 << 16)  # 2**28 of them: eight pictures fill 31 bits, 16 pictures 32
NO_RESERVE = 0x4000  # Linux: promise no memory for pages that nobody touches

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux, for memory without pages")


def far_array(shape, dtype="float32"):
    size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
    memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE)
    return np.frombuffer(memory, dtype).reshape(shape)


@pytest.fixture
def far(cpu, monkeypatch):
    monkeypatch.setattr(loader, "empty", lambda like, shape, dtype="float32": far_array(shape, dtype))
    cpu.only_last_block = True
    return cpu


@pytest.fixture
def x():
    """Pictures that are black but for their last four pixels, 1, 2, 3 and 4."""
    x = far_array((17, *PIXELS, 1))
    x.reshape(-1)[-4:] = 1, 2, 3, 4
    return x


def last(array, count):
    return array.reshape(-1)[-count:].tolist()


@pytest.mark.parametrize("module", [conv_naive, conv_tiled, conv_tensor], ids=lambda module: module.__name__)
def test_convolution(far, x, module):
    weight = np.array([10, 1], "float32").reshape(1, 2, 1, 1)
    assert last(module.conv2d(x, weight), 3) == [12, 23, 34]
    wider = (*x.shape[:2], x.shape[2] + 1, 1)
    assert last(module.conv2d_dx(x, weight, wider), 3) == [32, 43, 4]


def test_sums_of_tiles(far, x):
    with noting_sums():
        y = conv_tensor.conv2d(x, np.ones((1, 1, 1, 1), "float32"))
        assert last(take(y), 4) == pytest.approx([64, 10 / 64, 0, 30 - 100 / 64])


def test_im2col(far, x):
    columns = im2col.im2col(x, (1, 1), (1, 1), (0, 0), (1, 1))
    assert last(columns, 4) == [1, 2, 3, 4]
    assert last(im2col.col2im(columns, x.shape, (1, 1), (0, 0), (1, 1)), 4) == [1, 2, 3, 4]


def test_activations(far, x):
    y, on = activation.relu(x)
    assert (last(y, 2), last(on, 2)) == ([3, 4], [True, True])
    assert last(activation.leaky_relu_dx(x, on, 0.1), 5) == [0, 1, 2, 3, 4]
    assert last(activation.leaky_relu(x, 0.1)[0], 2) == [3, 4]
    assert last(activation.sigmoid_dx(x, x), 2) == [-18, -48]
    assert last(activation.tanh_dx(x, x), 2) == [-24, -60]


def test_finite(far, x):
    assert finite.zero_unless_finite(x.reshape(-1), np.float32(7)) == 7
    assert last(x, 2) == [3, 4]
    x.reshape(-1)[-4] = np.nan
    assert np.isnan(finite.zero_unless_finite(x.reshape(-1), np.float32(7)))
    assert last(x, 4) == [0, 0, 0, 0]


def test_pool_and_upsample(far, x):
    y, winner = pool.max_pool2d(x, (1, 2), (1, 1), False)
    assert last(y, 3) == [2, 3, 4]
    assert last(pool.max_pool2d_dx(y, winner, x.shape, (1, 2), (1, 1)), 3) == [2, 3, 4]
    assert last(upsample.upsample_nearest(x[8:], (1, 2)), 4) == [3, 3, 4, 4]
    assert last(upsample.upsample_nearest_dx(x, (1, 2)), 2) == [3, 7]
    narrow = far_array((17, PIXELS[0], PIXELS[1] // 2, 1))
    narrow.reshape(-1)[-1] = 5
    assert last(upsample.upsample_nearest(narrow, (1, 2), x), 4) == [5, 3, 5, 4]
    assert last(upsample.upsample_nearest_dx(x.reshape(*narrow.shape[:3], 2), (1, 2), 1), 1) == [1 + 3]


def test_norm_act(far, x):
    y, statistics = norm_act.batch_norm_act(x, None, None, 1.0, 0.5)
    assert statistics.mean * x.size == pytest.approx(10)
    assert statistics.variance * x.size == pytest.approx(30)
    assert last(y, 5) == pytest.approx([0, 1, 2, 3, 4], abs=1e-6)
    dx, dweight, dbias = norm_act.batch_norm_act_dx(x, x, None, None, statistics, 0.5)
    assert (dweight, dbias) == (pytest.approx(30), 10)
    assert last(dx, 5) == pytest.approx([0, 1, 2, 3, 4], abs=1e-6)


def test_head(far, x):
    y = head.conv2d(x, np.full((1, 1, 1, 1), 2, "float32"))
    assert last(y, 5) == [0, 2, 4, 6, 8]


def test_norm_pool(far, x):
    window = norm_pool.Window((2, 2), (2, 2), False)
    y, _ = norm_act.batch_norm_act(x, None, None, 1.0, 0.5, window=window)
    assert last(y, 3) == pytest.approx([2, 3, 4], abs=1e-6)
    pooled, winner = norm_pool.take(y, window)
    assert last(pooled, 2) == pytest.approx([2, 4], abs=1e-6)
    assert last(winner, 2) == [3, 3]


def test_loss(far, x):
    value, dy = loss.mse(x, far_array(x.shape))
    assert value * x.size == pytest.approx(30)
    assert [slope * x.size for slope in last(dy, 5)] == pytest.approx([0, 2, 4, 6, 8])


def test_dropout_and_adam(far, x):
    y, keep = dropout.dropout(x, 0.0, tc.Generator(0))
    assert last(y, 4) == [1, 2, 3, 4]
    assert last(dropout.dropout_dx(x, keep, 0.0), 4) == [1, 2, 3, 4]
    m, v = far_array(x.shape), far_array(x.shape)
    adam.adam(x, x, m, v, steps=np.zeros(1, np.int64), learning_rate=np.array([0.5]))  # its own gradient
    np.testing.assert_allclose(last(x, 4), [0.5, 1.5, 2.5, 3.5], rtol=1e-6)
