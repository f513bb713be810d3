"""What every layer, combinator and network must do, driven by the table."""

import itertools
import tracemalloc
import weakref

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import tinycolor as tc
from tinycolor.layers.base import MODES

from table import ROWS

CASES = [
    pytest.param(row, mode, id=f"{row.name}-{mode}" if len(row.modes) > 1 else row.name)
    for row in ROWS
    for mode in row.modes
]
every_case = pytest.mark.parametrize(("row", "mode"), CASES)
every_row = pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS])
quietly = {"suppress_health_check": [HealthCheck.too_slow, HealthCheck.data_too_large]}


def for_pairs(row):
    """Run a check on some random layers, in float64, and their inputs."""

    def decide(check):
        @settings(max_examples=max(2, row.examples // 10), **quietly)
        @given(row.pairs)
        def on_each(pair):
            layer, xs = pair
            check(layer.astype("float64"), *xs)

        on_each()

    return decide


def forward(layer, *xs, mode="train"):
    """Call a layer, always with the same random numbers; return all its outputs and the way back."""
    y, backward = layer(*xs, mode=mode, rng=tc.Generator(7))
    return (y if isinstance(y, tuple) else (y,)), backward


def there_and_back(layer, *xs, mode="train", prepare=lambda dy: dy):
    """Return outputs, gradients for the inputs, and gradients for the parameters."""
    layer.zero_grad()
    ys, backward = forward(layer, *xs, mode=mode)
    dxs = backward(*(prepare(dy) for dy in upstream(ys)))
    grads = [parameter.grad.copy() for parameter in layer.parameters()]
    return [*ys], [*dxs] if isinstance(dxs, tuple) else [dxs], grads


def upstream(ys, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(y.shape).astype(y.dtype) for y in ys]


def assert_same(ours, theirs):
    for mine, other in zip(itertools.chain(*ours), itertools.chain(*theirs), strict=True):
        np.testing.assert_allclose(mine, other, rtol=1e-9, atol=1e-12)


def strided(x):
    """The same numbers, in memory with gaps and with the first axis running backwards."""
    with_gaps = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)[..., ::2][::-1]
    with_gaps[...] = x
    return with_gaps


def transposed(x):
    """The same numbers with the first axis innermost in memory, as a transposed picture has them."""
    return np.asfortranarray(x)


def read_only(x):
    copy = x.copy()
    copy.flags.writeable = False
    return copy


@every_case
def test_gradients_agree_with_differences(row, mode, record_property):
    worst, name = 0.0, ""

    @settings(max_examples=row.examples, **quietly)
    @given(row.pairs)
    def check(pair):
        nonlocal worst, name
        layer, xs = pair
        worst = max(worst, tc.gradcheck(layer, *xs, mode=mode, tolerance=row.tolerance))
        name = type(layer).__name__

    check()
    record_property("gradient error", (name, worst))


@every_row
def test_a_batch_of_one_has_right_gradients(row):
    @for_pairs(row)
    def check(layer, *xs):
        assert tc.gradcheck(layer, *(x[:1] for x in xs), tolerance=row.tolerance) <= row.tolerance


@every_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_dtype_and_shape_come_back_as_they_went_in(row, mode, dtype):
    @for_pairs(row)
    def check(layer, *xs):
        layer = layer.astype(dtype)
        ys, dxs, grads = there_and_back(layer, *(x.astype(dtype) for x in xs), mode=mode)
        assert {array.dtype for array in [*ys, *dxs, *grads]} == {np.dtype(dtype)}
        assert [dx.shape for dx in dxs] == [x.shape for x in xs]
        assert [grad.shape for grad in grads] == [p.data.shape for p in layer.parameters()]


@every_case
def test_float32_follows_float64(row, mode):
    @for_pairs(row)
    def check(layer, *xs):
        exact = there_and_back(layer, *xs, mode=mode)
        rounded = there_and_back(layer.astype("float32"), *(x.astype("float32") for x in xs), mode=mode)
        for precise, coarse in zip(itertools.chain(*exact), itertools.chain(*rounded), strict=True):
            np.testing.assert_allclose(coarse, precise, atol=1e-3 * max(1, abs(precise).max()))


@every_case
@pytest.mark.parametrize("arranged", [strided, transposed, read_only])
def test_the_arrangement_in_memory_does_not_matter(row, mode, arranged):
    @for_pairs(row)
    def check(layer, *xs):
        expected = there_and_back(layer, *xs, mode=mode)
        assert_same(there_and_back(layer, *map(arranged, xs), mode=mode, prepare=arranged), expected)


@every_case
def test_outputs_and_gradients_are_fresh_arrays(row, mode):
    @for_pairs(row)
    def check(layer, *xs):
        ys, backward = forward(layer, *xs, mode=mode)
        dys = upstream(ys)
        dxs = backward(*dys)
        dxs = dxs if isinstance(dxs, tuple) else (dxs,)
        owned = [*xs, *dys, *(p.data for p in layer.parameters()), *(p.grad for p in layer.parameters())]
        for fresh, given_array in itertools.product([*ys, *dxs], owned):
            assert not np.shares_memory(fresh, given_array)
        for one, other in itertools.combinations([*ys, *dxs], 2):
            assert not np.shares_memory(one, other)


@every_case
@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["first-call-first", "last-call-first"])
def test_two_calls_stand_side_by_side(row, mode, order):
    @for_pairs(row)
    def check(layer, *xs):
        calls = [xs, [x[::-1] * 0.7 for x in xs]]
        alone = [there_and_back(layer, *inputs, mode=mode) for inputs in calls]
        layer.zero_grad()
        pending = [forward(layer, *inputs, mode=mode) for inputs in calls]
        for number in order:
            ys, backward = pending[number]
            dxs = backward(*upstream(ys))
            assert_same([[*dxs] if isinstance(dxs, tuple) else [dxs]], [alone[number][1]])
        both = [first + second for first, second in zip(alone[0][2], alone[1][2], strict=True)]
        assert_same([[p.grad for p in layer.parameters()]], [both])


@every_case
def test_predict_gives_the_output_alone(row, mode):
    @for_pairs(row)
    def check(layer, *xs):
        predicted = layer.predict(*xs, mode=mode, rng=tc.Generator(7))
        np.testing.assert_array_equal(predicted, forward(layer, *xs, mode=mode)[0][0])


@every_row
def test_predict_leaves_nothing_behind(row):
    @for_pairs(row)
    def check(layer, *xs):
        calls = []
        with tc.layers.base.watching(lambda layer, xs, ys, backward: calls.append(backward)):
            layer.predict(*xs)
        assert calls
        assert [call.closure for call in calls] == [None] * len(calls)


class Witness(tc.Layer):
    """Doubles x, and writes down which of the outputs so far are still alive when it is called."""

    def __init__(self, outputs, alive):
        self.outputs, self.alive = outputs, alive

    def forward(self, x, *, mode, rng):
        self.alive.append([ref() is not None for ref in self.outputs])
        y = x * 2
        self.outputs.append(weakref.ref(y))
        return y, lambda dy: dy * 2 + 0 * y


def test_predict_lets_go_of_intermediate_outputs_while_it_runs(no_garbage_collector):
    outputs, alive = [], []
    y = tc.Sequential(*(Witness(outputs, alive) for _ in range(4))).predict(np.ones((1, 2)))
    assert alive == [[], [True], [False, True], [False, False, True]]
    assert [ref() is y for ref in outputs] == [False, False, False, True]


def test_predict_takes_no_more_memory_than_its_output(traced):
    x = np.ones((2, 64, 64, 8), np.float32)
    net = tc.Sequential(*(tc.ConvNormAct(8, 8, 3, padding=1) for _ in range(4)))
    net.predict(x)  # the lanes' scratch is made once and kept
    traced()
    y = net.predict(x)
    assert traced() == y.nbytes


def one_sentence(layer, excinfo, *words):
    """One sentence that names the layer, or the part of it that complains, and says what was expected."""
    message = str(excinfo.value)
    assert any(part.name in message for _, part in layer.walk())
    for word in ("got", "expected", *words):
        assert word in message
    assert message.endswith(".")
    assert ". " not in message
    assert "\n" not in message


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS if row.counts_channels])
def test_a_wrong_number_of_channels_is_one_sentence(row):
    @for_pairs(row)
    def check(layer, x, *others):
        wrong = np.concatenate([x, x[..., :1]], -1)
        with pytest.raises(ValueError) as excinfo:  # noqa: PT011 (the sentence is looked at below)
            layer(wrong, *others, rng=tc.Generator(7))
        one_sentence(layer, excinfo, str(wrong.shape[-1]))


@pytest.mark.parametrize("row", [pytest.param(row, id=row.name) for row in ROWS if row.counts_axes])
def test_a_wrong_number_of_axes_is_one_sentence(row):
    @for_pairs(row)
    def check(layer, x, *others):
        with pytest.raises(ValueError) as excinfo:  # noqa: PT011
            layer(x[0], *others, rng=tc.Generator(7))
        one_sentence(layer, excinfo, str(x[0].shape))


@every_row
@pytest.mark.parametrize("dtype", ["int64", "float16", "complex128"])
def test_a_dtype_that_no_layer_takes_is_one_sentence(row, dtype):
    @for_pairs(row)
    def check(layer, *xs):
        with pytest.raises(ValueError) as excinfo:  # noqa: PT011
            layer(*(x.astype(dtype) for x in xs), rng=tc.Generator(7))
        one_sentence(layer, excinfo, dtype, "float")


# All rows that always have parameters.
LEARNING = [row for row in ROWS if row.counts_channels and row.name not in ("Maxout", "InstanceNorm2d")]


@pytest.mark.parametrize("row", LEARNING, ids=lambda row: row.name)
def test_the_other_dtype_than_the_parameters_is_one_sentence(row):
    @for_pairs(row)
    def check(layer, *xs):
        with pytest.raises(ValueError) as excinfo:  # noqa: PT011
            layer(*(x.astype("float32") for x in xs), rng=tc.Generator(7))
        one_sentence(layer, excinfo, "float32", "float64")


WRONG_DYS = {
    "shape": lambda dy: dy[None],
    "size": lambda dy: dy[..., :-1],
    "dtype": lambda dy: dy.astype("float32"),
}


@every_row
@pytest.mark.parametrize("spoil", WRONG_DYS.values(), ids=WRONG_DYS)
def test_a_wrong_dy_is_one_sentence(row, spoil):
    @for_pairs(row)
    def check(layer, *xs):
        ys, backward = forward(layer, *xs)
        wrong = spoil(upstream(ys)[0])
        with pytest.raises(ValueError) as excinfo:  # noqa: PT011
            backward(wrong)
        one_sentence(layer, excinfo, str(wrong.shape), str(wrong.dtype), str(ys[0].shape))
        assert layer.name in str(excinfo.value)


@every_row
def test_too_many_dys_are_one_sentence(row):
    @for_pairs(row)
    def check(layer, *xs):
        ys, backward = forward(layer, *xs)
        with pytest.raises(ValueError) as excinfo:  # noqa: PT011
            backward(*upstream([*ys, *ys]))
        one_sentence(layer, excinfo, "2 gradients", "expected 1")


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "sigmoid", "tanh", None])
@pytest.mark.parametrize("norm", ["batch", "instance", None])
@pytest.mark.parametrize("shape", [(2, 5, 7, 3), (4, 40, 40, 3)], ids=["one-block", "many-blocks"])
def test_the_block_equals_its_three_layers(shape, norm, activation, mode, rng):
    block = tc.ConvNormAct(3, 24, (3, 2), padding=1, norm=norm, activation=activation).astype("float64")
    for parameter in block.parameters():
        parameter.data = rng.standard_normal(parameter.data.shape)
    plain = tc.Sequential(*filter(None, (block.conv, block.norm, block.activation))).astype("float64")
    x = rng.standard_normal(shape)
    assert_same(there_and_back(block, x, mode=mode), there_and_back(plain, x, mode=mode))
    assert_same([block.state_dict().values()], [plain.state_dict().values()])


@pytest.mark.parametrize("slope", [0, 0.01, 1, 1.5, -0.3])
def test_the_block_takes_any_slope(slope, rng):
    block = tc.ConvNormAct(2, 3, 3, activation="leaky_relu", slope=slope).astype("float64")
    plain = tc.Sequential(block.conv, block.norm, block.activation).astype("float64")
    x = rng.standard_normal((2, 6, 6, 2))
    assert_same(there_and_back(block, x), there_and_back(plain, x))


def way_round_that_concatenates(*inner):
    """A Skip that calls all its layers, one after the other."""
    return tc.Concat(tc.Sequential(*inner), tc.Sequential(tc.LeakyReLU(1.0)))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("inner", "shape"),
    [
        ((tc.MaxPool2d(2), tc.Upsample(2)), (2, 6, 10, 3)),
        ((tc.MaxPool2d((2, 3)), tc.Tanh(), tc.Upsample((2, 3))), (1, 2, 9, 1)),
        ((tc.Tanh(), tc.Upsample(1)), (3, 5, 1, 2)),
        ((tc.Upsample(1),), (3, 5, 1, 2)),
        ((tc.MaxPool2d(2), tc.Upsample(2, "bilinear")), (2, 4, 6, 3)),
    ],
    ids=lambda value: repr(value) if isinstance(value[0], tc.Layer) else None,
)
def test_a_skip_that_upsamples_has_the_bits_of_the_concatenation(inner, shape, dtype, rng):
    x = rng.standard_normal(shape).astype(dtype)
    one, other = (there_and_back(make(*inner), x) for make in (tc.Skip, way_round_that_concatenates))
    assert [array.tobytes() for array in one[0] + one[1]] == [array.tobytes() for array in other[0] + other[1]]


def test_a_skip_writes_what_it_upsamples_once():
    skip, x = tc.Skip(tc.MaxPool2d(2), tc.Upsample(2)), np.ones((2, 64, 64, 8), np.float32)
    tracemalloc.start()
    y = skip.predict(x)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < y.nbytes + x.nbytes


def test_a_skip_that_pools_writes_its_gradient_once():
    x = np.ones((2, 64, 64, 8), np.float32)
    y, backward = tc.Skip(tc.MaxPool2d(2), tc.Tanh(), tc.Upsample(2))(x)
    tracemalloc.start()
    backward(y)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 2 * x.nbytes


@pytest.mark.parametrize("shape", [(1, 5, 4, 2), (1, 4, 7, 2)])
def test_a_skip_whose_sizes_do_not_fit_is_one_sentence(shape):
    layer = tc.Skip(tc.MaxPool2d(2), tc.Upsample(2))
    with pytest.raises(ValueError, match=r"^Skip\(MaxPool2d, Upsample\) got maps of shape") as excinfo:
        layer(np.ones(shape))
    one_sentence(layer, excinfo, str(shape), str((1, 4, shape[2] // 2 * 2, 2)))


def test_a_skip_calls_an_upsampling_of_the_users_own():
    class Tilted(tc.Upsample):
        def forward(self, x, *, mode, rng):
            y, backward = super().forward(x, mode=mode, rng=rng)
            return y + 1, backward

    y = tc.Skip(tc.MaxPool2d(2), Tilted(2)).predict(np.ones((1, 2, 2, 1)))
    assert y[0, 0, 0].tolist() == [2, 1]


def test_a_skip_goes_back_through_a_pooling_of_the_users_own():
    class Steep(tc.MaxPool2d):
        def forward(self, x, *, mode, rng):
            y, backward = super().forward(x, mode=mode, rng=rng)
            return y, lambda dy: backward(10 * dy)

    y, backward = tc.Skip(Steep(2), tc.LeakyReLU(1.0), tc.Upsample(2))(np.array([[1.0, 2], [3, 4]]).reshape(1, 2, 2, 1))
    np.testing.assert_array_equal(backward(np.ones_like(y)).ravel(), [1, 1, 1, 41])


def test_a_skip_whose_pooling_comes_first_of_all_may_be_spared_its_gradient(rng):
    x = rng.standard_normal((1, 4, 4, 2))
    skip = tc.Skip(tc.MaxPool2d(2), tc.Conv2d(2, 3, 1).astype("float64"), tc.Upsample(2))
    gradients = []
    for unwanted in ([], [x]):
        with tc.no_gradient_for(*unwanted):
            y, backward = skip(x)
        skip.zero_grad()
        dx = backward(y)
        gradients.append([parameter.grad.copy() for parameter in skip.parameters()])
    assert np.isnan(dx).all()
    np.testing.assert_equal(*gradients)


def test_the_table_has_every_layer_of_the_library():
    @settings(max_examples=1, phases=[Phase.generate], **quietly)
    @given(st.data())
    def check(data):
        found = {type(data.draw(row.pairs)[0]) for row in ROWS}
        public = {cls for cls in vars(tc).values() if isinstance(cls, type) and issubclass(cls, tc.Layer)}
        networks = {getattr(tc.networks, name) for name in tc.networks.__all__}
        assert found == (public | networks) - {tc.Layer}

    check()
