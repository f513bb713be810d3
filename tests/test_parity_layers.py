"""Every layer that PyTorch has: the same output, gradients and running statistics, from the same numbers.

Errors are the largest difference as a share of the largest number of the tensor. float64 is held to 1e-10 (reached:
1e-14). float32 is held to 2e-5, as both sides round: Winograd's transforms reach 5e-6, and a bias gradient whose
terms nearly cancel 9e-6.
"""

from __future__ import annotations

import numpy as np
import pytest

import tinycolor as tc

from fixtures.formulas import LAYERS, relative_error, set_weights, there_and_back

torch = pytest.importorskip("torch")
import torch_twins  # noqa: E402 (needs torch)

pytestmark = pytest.mark.parity
TOLERANCE = {"float64": 1e-10, "float32": 2e-5}

# More than 2**21 products each, so that the fast paths take them; the first two are Winograd's.
LARGE = {
    "Winograd": (lambda: tc.Conv2d(32, 48, 3, padding=1), (2, 21, 22, 32)),
    "Winograd without padding": (lambda: tc.Conv2d(40, 32, 3, bias=False), (3, 18, 17, 40)),
    "few channels in": (lambda: tc.Conv2d(1, 32, 3, padding=1), (4, 48, 47, 1)),
    "strided": (lambda: tc.Conv2d(16, 24, 4, stride=2, padding=1), (3, 40, 41, 16)),
    "dilated": (lambda: tc.Conv2d(16, 24, 3, padding=2, dilation=2), (3, 25, 24, 16)),
    "1x1": (lambda: tc.Conv2d(64, 48, 1), (2, 24, 24, 64)),
    "transposed": (lambda: tc.ConvTranspose2d(32, 16, 4, stride=2, padding=1), (2, 20, 21, 32)),
}


def assert_parity(layer: tc.Layer, x: np.ndarray, rng: np.random.Generator, tolerance: float, mode: str = "train"):
    """Compare a layer with its twin, forward and backward; x and a random dy in the layer's dtype."""
    twin = torch_twins.layer_twin(layer).train(mode == "train")
    dy = rng.standard_normal(layer.predict(x).shape).astype(x.dtype)
    ours, theirs = there_and_back(layer, x, dy, mode), torch_twins.there_and_back(twin, x, dy)
    assert ours.keys() == theirs.keys()
    errors = {name: relative_error(ours[name], theirs[name]) for name in ours}
    assert max(errors.values()) <= tolerance, errors


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", LAYERS)
def test_layer(name, dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((*rng.integers((1, 5, 4), (5, 14, 14)), 3)).astype(dtype)
    layer = set_weights(LAYERS[name]()).astype(dtype)
    assert_parity(layer, x, rng, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("make", "shape"), LARGE.values(), ids=LARGE.keys())
def test_large_convolution(make, shape, dtype):
    rng = np.random.default_rng(3)
    x = rng.standard_normal(shape).astype(dtype)
    assert_parity(set_weights(make()).astype(dtype), x, rng, TOLERANCE[dtype])


@pytest.mark.parametrize("seed", range(12))
def test_convolution_of_random_geometry(seed):
    rng = np.random.default_rng(100 + seed)
    kernel, stride, padding, dilation = (tuple(map(int, rng.integers(low, 4, 2))) for low in (1, 1, 0, 1))
    layer = tc.Conv2d(2, 3, kernel, stride=stride, padding=padding, dilation=dilation, bias=bool(seed % 2))
    x = rng.standard_normal((*rng.integers((1, 7, 7), (4, 12, 12)), 2))
    assert_parity(set_weights(layer), x, rng, TOLERANCE["float64"])


@pytest.mark.parametrize("seed", range(8))
def test_transposed_convolution_of_random_geometry(seed):
    rng = np.random.default_rng(200 + seed)
    kernel, stride, padding = (tuple(map(int, rng.integers(low, high, 2))) for low, high in ((2, 5), (1, 4), (0, 2)))
    layer = tc.ConvTranspose2d(2, 3, kernel, stride=stride, padding=padding, bias=bool(seed % 2))
    x = rng.standard_normal((*rng.integers((1, 2, 2), (4, 7, 7)), 2))
    assert_parity(set_weights(layer), x, rng, TOLERANCE["float64"])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("bias", [True, False])
def test_linear(bias, dtype):
    rng = np.random.default_rng(4)
    layer = set_weights(tc.Linear(30, 7, bias=bias)).astype(dtype)
    assert_parity(layer, rng.standard_normal((5, 30)).astype(dtype), rng, TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("kernel", "stride", "ceil_mode"), [(2, 2, False), (3, 1, False), (3, 2, True), ((2, 3), 1, True)]
)
def test_max_pool_sends_the_gradient_of_equal_maxima_to_the_same_pixel(kernel, stride, ceil_mode):
    rng = np.random.default_rng(5)
    x = rng.integers(-1, 2, (3, 9, 8, 4)).astype(float)
    assert_parity(tc.MaxPool2d(kernel, stride, ceil_mode), x, rng, TOLERANCE["float64"])


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_batch_norm_with_running_statistics(dtype):
    rng = np.random.default_rng(6)
    layer = set_weights(tc.BatchNorm2d(5)).astype(dtype)
    assert_parity(layer, rng.standard_normal((3, 6, 7, 5)).astype(dtype), rng, TOLERANCE[dtype], mode="eval")


def test_batch_norm_moves_its_running_statistics_as_pytorch_over_many_batches():
    rng = np.random.default_rng(7)
    layer = set_weights(tc.BatchNorm2d(4))
    twin = torch_twins.layer_twin(layer)
    for _ in range(10):
        x = 3 + 2 * rng.standard_normal((2, 3, 5, 4))
        layer(x)
        twin(torch_twins.to_nchw(x))
    assert relative_error(layer.running_mean, twin.running_mean.numpy()) <= TOLERANCE["float64"]
    assert relative_error(layer.running_var, twin.running_var.numpy()) <= TOLERANCE["float64"]


def test_batch_norm_in_instance_mode_is_instance_norm():
    rng = np.random.default_rng(8)
    layer, twin = set_weights(tc.BatchNorm2d(4)), torch_twins.nn.InstanceNorm2d(4, affine=True, dtype=torch.float64)
    twin.load_state_dict({name: torch.from_numpy(layer.state_dict()[name]) for name in ("weight", "bias")})
    x, dy = rng.standard_normal((2, 3, 6, 5, 4))
    ours, theirs = there_and_back(layer, x, dy, "instance"), torch_twins.there_and_back(twin, x, dy)
    assert max(relative_error(ours[name], theirs[name]) for name in theirs) <= TOLERANCE["float64"]


@pytest.mark.parametrize("p", [0.0, 0.3, 0.8])
def test_dropout_of_the_same_mask(p):
    rng = np.random.default_rng(9)
    x, dy = rng.standard_normal((2, 3, 6, 5, 4))
    torch.manual_seed(9)
    theirs = torch_twins.there_and_back(torch_twins.nn.Dropout(p), x, dy)
    ours = there_and_back(tc.Dropout(p, mask=theirs["y"] != 0), x, dy)
    assert max(relative_error(ours[name], theirs[name]) for name in theirs) <= TOLERANCE["float64"]
