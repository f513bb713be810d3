"""First weights: as far spread as the papers say, biases left alone, and reproducible."""

import inspect
import itertools
from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest

import tinycolor as tc
from tinycolor import init

FIRST_WEIGHTS = init.first_weights
Draw = Callable[[tc.Layer, tc.Generator], None]
LAYERS = {
    "convolution": (lambda: tc.Conv2d(16, 64, 5), 25 * 16, 25 * 64),
    "oblong convolution": (lambda: tc.Conv2d(32, 48, (3, 5)), 15 * 32, 15 * 48),
    "fully connected": (lambda: tc.Linear(300, 100), 300, 100),
}
layers = pytest.mark.parametrize(("make", "fan_in", "fan_out"), LAYERS.values(), ids=LAYERS.keys())
draws = pytest.mark.parametrize("draw", [init.he_normal, init.glorot_uniform, init.uniform, init.normal])


def assert_spread(weight: np.ndarray, std: float, kurtosis: float) -> None:
    """Mean 0 and this spread, to five standard deviations of their estimates."""
    assert abs(weight.mean()) < 5 * std / sqrt(weight.size)
    assert abs(weight.var() / std**2 - 1) < 5 * sqrt((kurtosis - 1) / weight.size)


@layers
def test_fans_count_connections(make: Callable[[], tc.Layer], fan_in: int, fan_out: int) -> None:
    assert init.fans(make().weight.data) == (fan_in, fan_out)


@layers
def test_he_normal_spreads_by_the_inputs(make: Callable[[], tc.Layer], fan_in: int, fan_out: int) -> None:
    layer = make()
    init.he_normal(layer, tc.Generator(1))
    assert_spread(layer.weight.data, sqrt(2 / fan_in), kurtosis=3)


@layers
def test_uniform_spreads_by_the_inputs(make: Callable[[], tc.Layer], fan_in: int, fan_out: int) -> None:
    layer = make()
    init.uniform(layer, tc.Generator(1))
    limit = 1 / sqrt(fan_in)
    assert_spread(layer.weight.data, limit / sqrt(3), kurtosis=1.8)
    assert 0.999 * limit < abs(layer.weight.data).max() <= limit * (1 + 1e-6)


@layers
@pytest.mark.parametrize("limit", [0.005, 0.5])
def test_uniform_reaches_as_far_as_asked(make: Callable[[], tc.Layer], fan_in: int, fan_out: int, limit: float) -> None:
    layer = make()
    init.uniform(layer, tc.Generator(1), limit)
    assert_spread(layer.weight.data, limit / sqrt(3), kurtosis=1.8)
    assert 0.999 * limit < abs(layer.weight.data).max() <= limit * (1 + 1e-6)


@layers
def test_glorot_uniform_spreads_by_inputs_and_outputs(make: Callable[[], tc.Layer], fan_in: int, fan_out: int) -> None:
    layer = make()
    init.glorot_uniform(layer, tc.Generator(1))
    limit = sqrt(6 / (fan_in + fan_out))
    assert_spread(layer.weight.data, limit / sqrt(3), kurtosis=1.8)
    assert 0.999 * limit < abs(layer.weight.data).max() <= limit * (1 + 1e-6)


@layers
@pytest.mark.parametrize("std", [0.02, 0.5])
def test_normal_spreads_as_asked(make: Callable[[], tc.Layer], fan_in: int, fan_out: int, std: float) -> None:
    layer = make()
    init.normal(layer, tc.Generator(1), std)
    assert_spread(layer.weight.data, std, kurtosis=3)


def test_normal_spreads_by_dcgans_value_if_not_asked() -> None:
    layer = tc.Linear(200, 100)
    init.normal(layer, tc.Generator(1))
    assert_spread(layer.weight.data, 0.02, kurtosis=3)


@draws
def test_biases_and_norms_keep_what_they_have(draw: Draw) -> None:
    net = tc.Sequential(tc.Conv2d(2, 3, 3), tc.BatchNorm2d(3), tc.Linear(3, 2))
    vectors = [p for p in net.parameters() if p.data.ndim == 1]
    for number, vector in enumerate(vectors):
        vector.data = np.full(vector.data.shape, number + 5)
    draw(net, tc.Generator(0))
    assert len(vectors) == 4
    assert [set(vector.data.tolist()) for vector in vectors] == [{5.0}, {6.0}, {7.0}, {8.0}]


@draws
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_drawing_keeps_the_dtype_and_counts_as_a_change(draw: Draw, dtype: str) -> None:
    layer = tc.Linear(3, 2).astype(dtype)
    before = layer.weight.version
    draw(layer, tc.Generator(0))
    assert layer.weight.data.dtype == dtype
    assert layer.weight.version == before + 1


@draws
def test_the_same_generator_draws_the_same_weights(draw: Draw) -> None:
    first, second, other = (tc.Sequential(tc.Conv2d(2, 3, 3), tc.Conv2d(3, 2, 3)) for _ in range(3))
    for net, seed in ((first, 4), (second, 4), (other, 5)):
        draw(net, tc.Generator(seed))
    for a, b, c in zip(*(net.state_dict().items() for net in (first, second, other)), strict=True):
        assert a[0] == b[0] == c[0]
        np.testing.assert_array_equal(a[1], b[1])
        assert "bias" in a[0] or not np.isin(a[1], c[1]).any()


@draws
def test_layers_of_one_network_differ(draw: Draw) -> None:
    net = tc.Sequential(tc.Linear(4, 4), tc.Linear(4, 4))
    draw(net, tc.Generator(0))
    first, second = (p.data for p in net.parameters() if p.data.ndim == 2)
    assert not np.isin(first, second).any()


@pytest.mark.parametrize(
    "make", [lambda: tc.Conv2d(2, 3, 3), lambda: tc.ConvTranspose2d(2, 3, 3), lambda: tc.Linear(2, 3)]
)
def test_equal_layers_made_side_by_side_differ(make: Callable[[], tc.Layer]) -> None:
    first, second = make().weight.data, make().weight.data
    assert first.all()
    assert not np.isin(first, second).any()


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: tc.networks.CrossCircleCNN(8, (2, 3), seed=seed),
        lambda seed: tc.networks.ColorUNet(widths=(2, 3), seed=seed),
    ],
    ids=["CrossCircleCNN", "ColorUNet"],
)
def test_networks_of_one_seed_are_equal_and_of_another_not(make: Callable[[int], tc.Layer]) -> None:
    first, second, other = (make(seed).state_dict() for seed in (3, 3, 4))
    assert first.keys() == second.keys() == other.keys()
    for name, array in first.items():
        np.testing.assert_array_equal(array, second[name])
        assert array.ndim < 2 or not np.isin(array, other[name]).any()


@pytest.fixture
def counted_anew(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """The library's own first weights (the tests have a stand-in); calling it numbers the layers from 0."""
    monkeypatch.setattr(init, "first_weights", FIRST_WEIGHTS)

    def from_zero() -> None:
        monkeypatch.setattr(init, "_layers_made", itertools.count())

    from_zero()
    return from_zero


def test_layers_of_a_network_leave_their_weights_to_it_but_count(counted_anew: Callable[[], None]) -> None:
    drawn = [tc.Linear(3, 4).weight.data for _ in range(3)]
    counted_anew()
    before = tc.Linear(3, 4)
    with init.draws_weights():
        left = tc.Linear(3, 4)
    after = tc.Linear(3, 4)
    np.testing.assert_array_equal(before.weight.data, drawn[0])
    assert not left.weight.data.any()
    np.testing.assert_array_equal(after.weight.data, drawn[2])


def test_layers_draw_again_after_a_network_was_refused(counted_anew: Callable[[], None]) -> None:
    with pytest.raises(ValueError, match="CrossCircleCNN got size=5"):
        tc.networks.CrossCircleCNN(5)
    assert tc.Linear(3, 4).weight.data.all()


@pytest.mark.parametrize("name", tc.networks.__all__)
def test_every_network_draws_all_its_weights(name: str, counted_anew: Callable[[], None]) -> None:
    kind = getattr(tc.networks, name)
    narrow = {"width": 1 / 64} if "width" in inspect.signature(kind).parameters else {}
    weights = [parameter.data for parameter in kind(**narrow).parameters() if parameter.data.ndim > 1]
    # What makes the scores of FCN begins at 0.
    scores = {"FCN32s": 1, "FCN16s": 2, "FCN8s": 3}.get(name, 0)
    assert [weight.any() for weight in weights] == [True] * (len(weights) - scores) + [False] * scores
