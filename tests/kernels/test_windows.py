"""Chapter 2, pooling and upsampling: they copy and add in a fixed order, so they equal NumPy bit for bit."""

import inspect
from itertools import product

import numpy as np
import pytest

from tinycolor.kernels import im2col, loader, pool, rounding, upsample
from tinycolor.ops import im2col as plain_im2col
from tinycolor.ops import pool as plain_pool
from tinycolor.ops import upsample as plain_upsample

from ops.test_conv import Case, random_cases
from ops.test_pool import Case as PoolCase
from ops.test_pool import random_cases as random_pool_cases

# More rows than a grid has along one axis, a few threads of it idle; images likewise; rows of many blocks, and of one
# thread; few channels and many.
GRIDS = [(1, 70_001, 1, 1), (70_001, 1, 1, 3), (2, 3, 300, 3), (3, 2, 1, 1), (2, 1, 1, 1000)]
CASES = [
    *random_cases(25, seed=6),
    Case((3, 11, 13, 5), (3, 2, 5, 1), stride=(2, 1), padding=(1, 2)),
    *(Case(shape, (1, 1, shape[-1], 1)) for shape in GRIDS),
]
POOL_CASES = [*random_pool_cases(25, seed=1), *(PoolCase(shape, (1, 1), (1, 1), False) for shape in GRIDS)]
UPSAMPLED = [
    *product([(1, 1, 1, 1), (2, 5, 3, 7), (3, 9, 8, 4)], [(1, 1), (2, 2), (3, 1), (2, 5)]),
    *((shape, (1, 2)) for shape in GRIDS),
]


def random(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_im2col(device, case):
    x, arguments = random(case.x_shape), (case.weight_shape[:2], *case.steps.values())
    wanted = plain_im2col.im2col(x, *arguments)
    np.testing.assert_array_equal(device.run(im2col.im2col, x, *arguments), wanted)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_col2im(device, case):
    columns = random((*case.y_shape[:3], *case.weight_shape[:3]))
    arguments = (case.x_shape, *case.steps.values())
    wanted = plain_im2col.col2im(columns, *arguments)
    np.testing.assert_array_equal(device.run(im2col.col2im, columns, *arguments), wanted)


@pytest.mark.parametrize("case", POOL_CASES, ids=str)
def test_max_pool(device, case):
    """Few different numbers, so that there are many ties; and some NaN."""
    rng = np.random.default_rng(0)
    x = rng.integers(-3, 0, case.x_shape).astype("float32")
    x[rng.random(x.shape) < 0.05] = np.nan
    got = device.run(pool.max_pool2d, x, *case[1:])
    for array, wanted in zip(got, plain_pool.max_pool2d(x, *case[1:]), strict=True):
        np.testing.assert_array_equal(array, wanted)
        assert array.dtype == wanted.dtype


@pytest.mark.parametrize("case", POOL_CASES, ids=str)
def test_max_pool_gradient(device, case):
    x = np.random.default_rng(0).integers(-3, 0, case.x_shape).astype("float32")
    y, winner = plain_pool.max_pool2d(x, *case[1:])
    arguments = (random(y.shape), winner, x.shape, case.kernel_size, case.stride)
    np.testing.assert_array_equal(device.run(pool.max_pool2d_dx, *arguments), plain_pool.max_pool2d_dx(*arguments))


@pytest.mark.parametrize("more", [0, 3])
@pytest.mark.parametrize("case", [*POOL_CASES[:4], PoolCase((2, 5, 7, 4), (3, 2), (2, 1), True)], ids=str)
def test_max_pool_gradient_and_what_went_round_it(device, case, more):
    """The same number, added to the same sum, as after a pooling that knows of no way round."""
    x = np.random.default_rng(0).integers(-3, 0, case.x_shape).astype("float32")
    y, winner = plain_pool.max_pool2d(x, *case[1:])
    beside = random((*x.shape[:3], more + x.shape[3]), seed=1)
    arguments = (random(y.shape), winner, x.shape, case.kernel_size, case.stride)
    wanted = plain_pool.max_pool2d_dx(*arguments) + beside[..., more:]
    np.testing.assert_array_equal(device.run(pool.max_pool2d_dx, *arguments, beside), wanted)


def test_max_pool_of_more_taps_than_a_byte_can_number(device):
    x = np.arange(40 * 40, dtype="float32").reshape(1, 40, 40, 1)
    y, winner = device.run(pool.max_pool2d, x, (20, 20), (20, 20), False)
    assert winner.dtype == "uint16"
    assert (winner == 399).all()
    arguments = (y, winner, x.shape, (20, 20), (20, 20))
    np.testing.assert_array_equal(device.run(pool.max_pool2d_dx, *arguments), plain_pool.max_pool2d_dx(*arguments))


@pytest.mark.parametrize(("shape", "scale"), UPSAMPLED)
def test_upsample_nearest(device, shape, scale):
    x = random(shape)
    y = plain_upsample.upsample_nearest(x, scale)
    np.testing.assert_array_equal(device.run(upsample.upsample_nearest, x, scale), y)
    dy = random(y.shape)
    wanted = plain_upsample.upsample_nearest_dx(dy, scale)
    np.testing.assert_array_equal(device.run(upsample.upsample_nearest_dx, dy, scale), wanted)


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1), (2, 5, 3, 7), (3, 9, 8, 4)])
@pytest.mark.parametrize("scale", [(1, 1), (2, 2), (2, 3), (3, 1)])
def test_upsample_nearest_beside_another_map(device, shape, scale, channels):
    x = random(shape)
    repeated = plain_upsample.upsample_nearest(x, scale)
    beside = random((*repeated.shape[:3], channels), seed=1)
    y = np.concatenate([repeated, beside], -1)
    np.testing.assert_array_equal(device.run(upsample.upsample_nearest, x, scale, beside), y)
    dy = random(y.shape, seed=2)
    wanted = plain_upsample.upsample_nearest_dx(dy[..., : shape[-1]].copy(), scale)
    np.testing.assert_array_equal(device.run(upsample.upsample_nearest_dx, dy, scale, shape[-1]), wanted)


def test_upsample_nearest_takes_what_is_read_only_and_scattered(cpu):
    x, beside = random((3, 2, 5, 4)).transpose(1, 0, 3, 2), random((2, 6, 4, 6), seed=1)[:, ::-1, :, ::2]
    dy = random((2, 6, 4, 16), seed=2)[..., ::2]
    for array in (x, beside, dy):
        array.flags.writeable = False
    y = upsample.upsample_nearest(x, (2, 1), beside)
    np.testing.assert_array_equal(y, plain_upsample.upsample_nearest(x, (2, 1), beside))
    dx = upsample.upsample_nearest_dx(dy, (2, 1), 5)
    np.testing.assert_array_equal(dx, plain_upsample.upsample_nearest_dx(dy, (2, 1), 5))
    cpu.check_guards()


def test_none_of_the_maps_that_share_their_pixels_is_copied(monkeypatch):
    passed = []
    monkeypatch.setattr(loader, "launch", lambda *given, **constants: passed.append(given[-1]))
    x, beside, dy = random((2, 3, 4, 5)), random((2, 6, 8, 2)), random((2, 6, 8, 7))
    upsample.upsample_nearest(x, (2, 2), beside)
    upsample.upsample_nearest_dx(dy, (2, 2), 5)
    pool.max_pool2d_dx(x, np.zeros(x.shape, "uint8"), (2, 6, 8, 5), (2, 2), (2, 2), dy)
    (given_x, given_beside, *_), (given_dy, *_), (_, _, dy_beside, *_) = passed
    assert given_x is x
    assert given_beside is beside
    assert given_dy is dy
    assert dy_beside is dy


@pytest.mark.usefixtures("cpu")
def test_what_was_rounded_is_known_of_its_copies():
    rounded, other = rounding.mark(random((1, 4, 4, 3))), random((1, 4, 4, 3))
    for x in (rounded, other):
        y, _ = pool.max_pool2d(x, (2, 2), (2, 2), False)
        assert rounding.is_rounded(y) == (x is rounded)
        assert rounding.is_rounded(upsample.upsample_nearest(x, (2, 2))) == (x is rounded)
        for beside in (rounded, other):
            y = upsample.upsample_nearest(x, (1, 1), beside)
            assert rounding.is_rounded(y) == (x is beside is rounded)


@pytest.mark.parametrize(
    ("module", "plain", "function"),
    [
        (im2col, plain_im2col, "im2col"),
        (im2col, plain_im2col, "col2im"),
        (pool, plain_pool, "max_pool2d"),
        (pool, plain_pool, "max_pool2d_dx"),
        (upsample, plain_upsample, "upsample_nearest"),
        (upsample, plain_upsample, "upsample_nearest_dx"),
    ],
)
def test_signature_is_that_of_the_plain_path(module, plain, function):
    assert inspect.signature(getattr(module, function)) == inspect.signature(getattr(plain, function))
