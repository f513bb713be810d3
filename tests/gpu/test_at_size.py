"""At the sizes that count, on a real GPU alone: many blocks of every kernel, and whole steps of real networks."""

import hashlib

import numpy as np
import pytest

import tinycolor as tc
from tinycolor.bench.gpu_plan import CONVOLUTIONS
from tinycolor.kernels import conv_tensor, conv_tiled, norm_act
from tinycolor.ops import conv as plain
from tinycolor.ops import norm
from tinycolor.training import graph
from tinycolor.training.graph import GpuStep

pytestmark = pytest.mark.gpu

# ||got - exact|| / ||exact||, against float64.
CHAPTERS = {"tf32": (conv_tensor, 5e-4), "fp32": (conv_tiled, 1e-6)}
ODD = [(3, 20, 37, 41, 68, 3, 1), (5, 7, 33, 29, 33, 4, 2), (1, 1, 301, 299, 8, 3, 1), (2, 130, 19, 23, 3, 1, 1)]


def numbers(cupy, *shape):
    return cupy.asarray(tc.Generator(len(shape)).normal(shape))


def relative(got, exact):
    return float(((got - exact) ** 2).sum() / (exact**2).sum()) ** 0.5


@pytest.mark.parametrize("precision", CHAPTERS)
@pytest.mark.parametrize("shape", [*CONVOLUTIONS, *ODD], ids=str)
def test_each_pass_of_a_convolution(real, shape, precision, record_property):
    n, c, h, w, f, k, stride = shape
    steps = {"stride": (stride, stride), "padding": (1, 1), "dilation": (1, 1)}
    x, weight = numbers(real, n, h, w, c), numbers(real, k, k, c, f)
    dy = numbers(real, n, (h + 2 - k) // stride + 1, (w + 2 - k) // stride + 1, f)
    chapter, tolerance = CHAPTERS[precision]

    def passes(module, x, weight, dy):
        yield module.conv2d(x, weight, **steps)
        yield module.conv2d_dx(dy, weight, x.shape, **steps)
        yield module.conv2d_dw(x, dy, (k, k), **steps)

    exact = passes(plain, *(array.astype("float64") for array in (x, weight, dy)))
    worst = max(relative(got, wanted) for got, wanted in zip(passes(chapter, x, weight, dy), exact, strict=True))
    record_property("gpu error", (f"convolution, {precision}", str(shape), worst))
    assert worst < tolerance


@pytest.mark.parametrize("shape", [(3, 50, 37, 41, 20), (2, 5, 7, 9, 300)], ids=str)
def test_the_adjoint_identity_of_convolutions_in_float64(real, shape):
    n, c, h, w, f = shape
    x, weight = (numbers(real, *s).astype("float64") for s in ((n, h, w, c), (3, 3, c, f)))
    dy = numbers(real, n, h, w, f).astype("float64")
    there = float((plain.conv2d(x, weight, padding=(1, 1)) * dy).sum())
    back = float((x * plain.conv2d_dx(dy, weight, x.shape, padding=(1, 1))).sum())
    weights = float((weight * plain.conv2d_dw(x, dy, (3, 3), padding=(1, 1))).sum())
    assert there == pytest.approx(back, rel=1e-10)
    assert there == pytest.approx(weights, rel=1e-10)


@pytest.mark.parametrize("slope", [0.0, 1.0])
@pytest.mark.parametrize(
    "shape", [(128, 64, 64, 32), (16, 8, 8, 256), (1, 128, 128, 64), (1, 2, 2, 512), (3, 301, 299, 3)], ids=str
)
def test_normalisation_with_its_rectifier(real, shape, slope, record_property):
    (x, dy), (weight, bias) = numbers(real, 2, *shape), numbers(real, 2, shape[-1])
    mean, variance = norm.moments(x.astype("float64"), (0, 1, 2))
    inv_std = norm.inverse_std(variance, 1e-5)
    x_hat = norm.normalize(x.astype("float64"), mean, inv_std)
    z = weight * x_hat + bias
    dy[abs(z) < 1e-5] = 0  # at kinks rounding decides
    y, statistics = norm_act.batch_norm_act(x, weight, bias, 1e-5, slope)
    got = y, *norm_act.batch_norm_act_dx(dy, x, None, weight, statistics, slope)
    dz = real.where(z > 0, dy, slope * dy.astype("float64"))
    exact = (
        *(real.where(z > 0, z, slope * z), norm.normalize_dx(dz * weight, x_hat, inv_std, (0, 1, 2))),
        *((dz * x_hat).sum((0, 1, 2)), dz.sum((0, 1, 2))),
    )
    worst = max(relative(mine, wanted) for mine, wanted in zip(got, exact, strict=True))
    record_property("gpu error", ("normalisation and rectifier", str(shape), worst))
    assert worst < 1e-5


def taught(steps=6):
    """Return a ColorUNet's losses, and a digest of all that it and its optimizer are after some steps."""
    network = tc.to_device(tc.networks.ColorUNet(), "gpu")
    optimizer = tc.optim.Adam(network.parameters(), tc.optim.one_cycle(1e-3, steps))
    step = GpuStep(network, optimizer, tc.losses.mse)
    batches = [[tc.Generator(c, step=i).normal((16, 64, 64, c)) for c in (1, 2)] for i in range(steps)]
    losses = [float(step(*batch)) for batch in batches]
    digest = hashlib.sha256()
    for name, array in {**network.state_dict(), **optimizer.state_dict()}.items():
        digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
    return losses, digest.hexdigest(), step


@pytest.mark.usefixtures("real")
def test_two_runs_and_recorded_and_unrecorded_steps_give_the_same_bits(monkeypatch):
    losses, digest, step = taught()
    assert all(plan.graph is not None for plan in step.plans.values())
    assert taught()[:2] == (losses, digest)
    monkeypatch.setattr(graph, "WARM_UPS", 1 << 30)
    assert taught()[:2] == (losses, digest)


@pytest.mark.usefixtures("real")
def test_a_batch_too_large_for_the_card_leaves_it_usable(real):
    free, _ = real.cuda.Device().mem_info
    network = tc.to_device(tc.networks.ColorUNet(), "gpu")
    step = GpuStep(network, tc.optim.Adam(network.parameters()), tc.losses.mse)
    count = int(free / (1 << 20))  # of some 14 MB each
    x, target = (real.zeros((count, 64, 64, c), "float32") for c in (1, 2))
    with pytest.raises(MemoryError, match="at a time would fit"):
        step(x, target)
    assert np.isfinite(float(step(x[:16], target[:16])))
