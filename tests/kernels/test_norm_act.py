"""Batch normalisation and its rectifier in one go, against the plain ops in float64."""

import numpy as np
import pytest

from tinycolor.backend import array_module
from tinycolor.kernels import columns, norm_act, rounding
from tinycolor.kernels.notes import Notes
from tinycolor.ops import norm

EPS = 1e-5
SLOPES = [0.0, 0.2, 1.0]
SHAPES = [
    (1, 1, 1, 1),
    (1, 1, 1, 3),
    (4, 1, 1, 2),
    (2, 3, 5, 3),
    (3, 7, 6, 64),
    (2, 5, 3, 65),  # two tiles of channels, of which the second has one fewer
    (1, 2, 3, 1030),
    (1, 120, 90, 1),  # slices of the pixels, of which the last has fewer
    (2, 33, 31, 5),
    (2, 70, 65, 64),  # more slices than threads
]
slopes = pytest.mark.parametrize("slope", SLOPES)
shapes = pytest.mark.parametrize("shape", SHAPES, ids=str)


def draw(shape, mean=0.5, spread=1.0):
    """Return x, dy, weight (some below zero) and bias in float32; no dy at kinks, where rounding decides."""
    rng = np.random.default_rng(0)
    x, dy = (mean + spread * rng.standard_normal(shape)).astype("float32"), rng.standard_normal(shape).astype("float32")
    weight, bias = rng.standard_normal((2, shape[-1])).astype("float32")
    for axes in ((0, 1, 2), (1, 2)):
        z, *_ = expected(x, dy, weight, bias, 1.0, axes)
        dy[abs(z) < 1e-4] = 0
    return x, dy, weight, bias


def expected(x, dy, weight, bias, slope, axes=(0, 1, 2)):
    """Return y, dx, dweight, dbias, mean, variance and inv_std by the plain ops in float64."""
    x, dy, weight, bias = (array.astype("float64") for array in (x, dy, weight, bias))
    mean, variance = norm.moments(x, axes)
    inv_std = norm.inverse_std(variance, EPS)
    x_hat = norm.normalize(x, mean, inv_std)
    z = weight * x_hat + bias
    dz = np.where(z > 0, dy, slope * dy)
    dx = norm.normalize_dx(dz * weight, x_hat, inv_std, axes)
    sums = (dz * x_hat).sum((0, 1, 2)), dz.sum((0, 1, 2))
    return np.where(z > 0, z, slope * z), dx, *sums, *(one.squeeze(axes) for one in (mean, variance, inv_std))


def by_kernels(x, dy, weight, bias, slope, normalise=norm_act.batch_norm_act):
    y, statistics = normalise(x, weight, bias, EPS, slope)
    grads = tuple(array_module(x).zeros(x.shape[-1], "float32") for _ in range(2))
    dx, *_ = norm_act.batch_norm_act_dx(dy, x, None, weight, statistics, slope, onto=grads)
    return y, dx, *grads, *statistics[:3]


def by_kernels_each_picture(*given):
    return by_kernels(*given, normalise=norm_act.instance_norm_act)


def assert_close(got, wanted, given, tolerance=2e-6):
    """Each number, but for what rounding the terms of its sum may cost."""
    _, dy, weight, _ = given
    pixels, inv_std = dy[..., 0].size, wanted[-1].max()
    sizes = {"dx": abs(weight).max() * inv_std * abs(dy).max(), "dweight": pixels**0.5, "dbias": pixels**0.5}
    names = ("y", "dx", "dweight", "dbias", "mean", "variance", "inv_std")
    for name, mine, theirs in zip(names, got, wanted, strict=True):
        assert mine.shape == theirs.shape, name
        assert mine.dtype == ("float64" if name in names[4:] else "float32"), name
        size = max(abs(theirs).max(), sizes.get(name, 0))
        np.testing.assert_allclose(mine, theirs, rtol=tolerance, atol=tolerance * size, err_msg=name)


@shapes
@slopes
def test_agrees_with_the_plain_ops(device, shape, slope):
    given = draw(shape)
    assert_close(device.run(by_kernels, *given, slope), expected(*given, slope), given)


@pytest.mark.parametrize("shape", [(1, 3, 4, 2), (3, 1, 1, 5), (3, 9, 8, 65), (5, 40, 41, 3)], ids=str)
@slopes
def test_each_picture_by_itself(device, shape, slope):
    given = draw(shape)
    wanted = expected(*given, slope, axes=(1, 2))
    assert_close(device.run(by_kernels_each_picture, *given, slope), wanted, given)


@pytest.mark.parametrize("normalise", [norm_act.batch_norm_act, norm_act.instance_norm_act])
def test_without_weight_and_bias(device, normalise):
    x, dy, *_ = draw((2, 5, 6, 3))
    one, zero = np.ones(3, "float32"), np.zeros(3, "float32")
    got = device.run(by_kernels, x, dy, None, None, 1.0, normalise=normalise)
    for mine, wanted in zip(got, device.run(by_kernels, x, dy, one, zero, 1.0, normalise=normalise), strict=True):
        np.testing.assert_array_equal(mine, wanted)


@slopes
@pytest.mark.parametrize(("mean", "spread"), [(1e3, 1.0), (-1e5, 1.0), (1e-6, 1e-6), (3e4, 1e3)])
def test_bears_a_mean_far_from_zero(device, mean, spread, slope):
    """With a mean of 1000 and a spread of 1, mean(x**2) - mean(x)**2 would lose the variance altogether."""
    given = draw((2, 40, 37, 20), mean, spread)
    assert_close(device.run(by_kernels, *given, slope), expected(*given, slope), given)


def test_bears_a_first_pixel_far_from_all_others(device):
    """It is the pivot of the sums."""
    given = draw((2, 40, 37, 20))
    given[0][0, 0, 0] = 1e4
    assert_close(device.run(by_kernels, *given, 1.0), expected(*given, 1.0), given)


@pytest.mark.parametrize("number", [0.1, 1e3, -1e6])
def test_a_flat_picture_has_no_variance_and_stays_finite(device, number):
    x, dy, weight, bias = draw((2, 23, 24, 3))
    y, dx, dweight, dbias, mean, variance, _ = device.run(by_kernels, np.full_like(x, number), dy, weight, bias, 1.0)
    np.testing.assert_array_equal(y, np.broadcast_to(bias, y.shape))
    np.testing.assert_array_equal(mean, np.float32(number))
    assert not variance.any()
    assert not dweight.any()
    np.testing.assert_allclose(dbias, dy.sum((0, 1, 2)), rtol=1e-5)
    assert np.isfinite(dx).all()


@slopes
def test_nan_goes_through_and_stays_in_its_channel(device, slope):
    x, dy, weight, bias = draw((2, 6, 5, 4))
    clean = device.run(by_kernels, x, dy, weight, bias, slope)
    x[1, 2, 3, 1] = dy[0, 1, 2, 3] = np.nan
    y, dx, dweight, dbias, *statistics = device.run(by_kernels, x, dy, weight, bias, slope)
    for array, unspoilt, lost in zip(
        (y, dx, *statistics), (*clean[:2], *clean[4:]), ([1], [1, 3], *3 * [[1]]), strict=True
    ):
        assert np.isnan(array[..., lost]).all()
        kept = [channel for channel in range(4) if channel not in lost]
        np.testing.assert_array_equal(array[..., kept], unspoilt[..., kept])
    assert np.isnan(dweight).tolist() == [False, True, False, True]
    assert np.isnan(dbias[3])


@slopes
def test_the_order_of_threads_changes_no_bit(cpu, slope):
    given = draw((2, 33, 31, 5))
    rising = cpu.run(by_kernels, *given, slope)
    cpu.falling = True
    for one, other in zip(rising, cpu.run(by_kernels, *given, slope), strict=True):
        np.testing.assert_array_equal(one, other)


def test_twice_the_same_bits(device):
    given = draw((3, 61, 67, 16))
    for one, other in zip(*(device.run(by_kernels, *given, 0.2) for _ in range(2)), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("cpu")
def test_inputs_may_be_read_only_and_scattered_and_stay_as_they_were():
    given = draw((3, 5, 4, 6))
    wanted = by_kernels(*given, 0.2)
    scattered = tuple(np.repeat(array, 2, axis=-1)[..., ::2] for array in given)
    for array in scattered:
        array.flags.writeable = False
    for one, other in zip(by_kernels(*scattered, 0.2), wanted, strict=True):
        np.testing.assert_array_equal(one, other)
    for array, original in zip(scattered, given, strict=True):
        np.testing.assert_array_equal(array, original)


def test_blocks_are_no_more_than_wanted(cpu, monkeypatch):
    """Where a GPU is full, threads add up more; slices need not come out even."""
    monkeypatch.setattr(columns, "BLOCKS_WANTED", 7)
    given = draw((3, 29, 31, 65))
    assert_close(cpu.run(by_kernels, *given, 0.2), expected(*given, 0.2), given)
    assert {grid for _, kernel, grid, _ in cpu.launched if kernel.startswith("sum")} == {(1, 2, 3)}


def test_a_layer_takes_three_launches_each_way(cpu):
    cpu.run(by_kernels, *draw((2, 8, 8, 4)), 0.0)
    names = [kernel for _, kernel, _, _ in cpu.launched]
    assert names == ["sum_x", "statistics", "norm_act", "sum_dz", "gradients", "norm_act_dx"]


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (2, 1, 1, 1), (2, 20, 25, 70)], ids=str)
def test_running_statistics_follow(device, shape):
    x, running = draw(shape, mean=3.0)[0], np.random.default_rng(0).random((2, shape[-1]))

    def followed(x, *running):
        _, statistics = norm_act.batch_norm_act(x, None, None, EPS, 1.0, running=(*running, 0.3))
        return *running, *statistics[:2]

    *got, mean, variance = device.run(followed, x, *running.astype("float32"))
    norm.follow(*running, mean, variance, x.size // shape[-1], 0.3)
    for mine, wanted in zip(got, running, strict=True):
        assert mine.dtype == "float32"
        np.testing.assert_allclose(mine, wanted, rtol=1e-6)


@pytest.mark.parametrize("normalise", [norm_act.batch_norm_act, norm_act.instance_norm_act])
@pytest.mark.parametrize("frozen", [0, 1])
def test_gradients_are_added_to_those_of_the_parameters_that_learn(device, frozen, normalise):
    x, dy, weight, bias = draw((3, 5, 6, 70))
    before = np.full((2, 70), 3, "float32")

    def added(x, dy, weight, bias, *grads):
        _, statistics = normalise(x, weight, bias, EPS, 0.2)
        onto = tuple(None if number == frozen else grad for number, grad in enumerate(grads))
        return *norm_act.batch_norm_act_dx(dy, x, None, weight, statistics, 0.2, onto=onto)[1:], *grads

    *gradients, weight_grad, bias_grad = device.run(added, x, dy, weight, bias, *before)
    for number, (got, gradient) in enumerate(zip((weight_grad, bias_grad), gradients, strict=True)):
        total = gradient.reshape(-1, 70).sum(0, dtype="float64").astype("float32")
        np.testing.assert_array_equal(got, 3 if number == frozen else 3 + total)


def to_tf32(numbers):
    """Return them with 10 bits behind the point, the nearest; of two as near, the one farther from zero."""
    return ((numbers.view("uint32") + np.uint32(0x1000)) & np.uint32(0xFFFFE000)).view("float32")


@pytest.mark.parametrize("normalise", [norm_act.batch_norm_act, norm_act.instance_norm_act])
def test_y_and_dx_are_rounded_for_tensor_cores_and_nothing_else(device, monkeypatch, normalise):
    given = draw((2, 9, 8, 65))
    y, dx, *others = device.run(by_kernels, *given, 0.2, normalise=normalise)
    monkeypatch.setattr(rounding, "wanted", lambda: True)
    rounded_y, rounded_dx, *still = device.run(by_kernels, *given, 0.2, normalise=normalise)
    for array, mine in [(y, rounded_y), (dx, rounded_dx)]:
        assert (array != mine).mean() > 0.9
        np.testing.assert_array_equal(mine, to_tf32(array))
    for one, other in zip(others, still, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.usefixtures("cpu")
@pytest.mark.parametrize("rounds", [True, False])
def test_what_was_rounded_is_marked_as_long_as_it_lives(monkeypatch, rounds):
    x, dy, *_ = draw((2, 3, 4, 3))
    monkeypatch.setattr(rounding, "rounded_arrays", Notes())
    monkeypatch.setattr(rounding, "wanted", lambda: rounds)
    y, statistics = norm_act.batch_norm_act(x, None, None, EPS, 0.0)
    dx, *_ = norm_act.batch_norm_act_dx(dy, x, None, None, statistics, 0.0)
    assert rounding.is_rounded(y) is rounding.is_rounded(dx) is rounds
    del y, dx
    assert len(rounding.rounded_arrays) == 0


FAULTS = {
    "no pivot": ("= walk.works ? x[blockIdx.x * pixels * channels + walk.channel] : 0.0", "= 0.0"),
    "a turn too few": ("walk.row + walk.rows - 1) / walk.rows", "walk.row) / walk.rows"),
    "nobody waits": ("__syncthreads();", ""),
    "half a row too few": ("row + half < left", "row + half < left - 1"),
    "one slice": ("slice < slices; slice += blockDim.x", "slice < 1; slice += blockDim.x"),
    "the mean rounded": ("(x - mean) - rest", "x - mean"),
    "ReLU for all": ("fmaxf(z(x), slope * z(x))", "fmaxf(z(x), 0.0f)"),
    "no kink on the way back": ("channel.z(x) > 0 ? dy : slope * dy", "dy"),
    "no mean term": ("dz - shift", "dz"),
    "no spread term": (" - channel.centred(x[i]) * tilt", ""),
    "x for x - mean": ("dz * channel.centred(x[i])", "dz * x[i]"),
}


@pytest.mark.parametrize(("old", "new"), FAULTS.values(), ids=FAULTS)
def test_a_planted_fault_shows(cpu, old, new):
    assert old in norm_act.loader.source("norm_act")
    cpu.edit = lambda text: text.replace(old, new)
    given = draw((2, 40, 37, 20), mean=1e4)
    with pytest.raises(AssertionError):
        assert_close(cpu.run(by_kernels, *given, 0.2), expected(*given, 0.2), given)
