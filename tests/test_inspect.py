"""The magnifying glasses: what they show is what is there."""

import numpy as np
import pytest
from PIL import Image

import tinycolor as tc
from tinycolor.inspect import explain, receptive_field, remembered, summary
from tinycolor.layers.base import Layer

RNG_SEED = 7


def randomized(net, low, high, seed=RNG_SEED):
    rng = np.random.default_rng(seed)
    for parameter in net.parameters():
        parameter.data = rng.uniform(low, high, parameter.data.shape).astype(parameter.data.dtype)
    return net


def picture(*shape, seed=RNG_SEED):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


# --- remembered ----------------------------------------------------------------------------------------------


def test_remembered_names_what_a_layer_keeps():
    x = picture(2, 8, 6, 3)
    _, backward = tc.Conv2d(3, 4, 3)(x)
    (row,) = remembered(backward).rows
    assert row == ("x_for_dw", (2, 8, 6, 3), "float32", x.nbytes / 1e6)


def test_remembered_finds_the_layers_of_a_network_by_their_paths_in_its_order():
    net = tc.networks.ColorUNet(widths=(2, 3))
    _, backward = net(picture(1, 8, 8, 1))
    names = [row.name for row in remembered(backward).rows]
    assert names[0] == "levels.0.0.conv.x_for_dw"
    assert "levels.0.0.norm.statistics.inv_std" in names
    assert "levels.1.inner.0.winner" in names
    assert len(names) == len(set(names))


def test_remembered_counts_shared_memory_once_and_parameters_never():
    x = picture(2, 8, 8, 3)
    net = tc.Concat(tc.Conv2d(3, 4, 1), tc.Conv2d(3, 5, 1))
    _, backward = net(x)
    assert remembered(backward).megabytes == x.nbytes / 1e6


def test_remembered_counts_views_of_one_memory_once_and_whole():
    whole = picture(4, 10, 10, 3)
    _, backward = tc.Concat(tc.Conv2d(3, 4, 1), tc.Conv2d(3, 4, 1))(whole[:2], whole[2:, ::-1])
    assert remembered(backward).megabytes == whole.nbytes / 1e6


def test_remembered_does_not_count_parameters_that_live_in_an_optimizers_buffer():
    layer = tc.BatchNorm2d(3)
    tc.optim.SGD(layer.parameters(), 0.1)
    x = picture(2, 4, 4, 3)
    _, backward = layer(x, mode="eval")
    assert {row.name for row in remembered(backward).rows} == {"x_hat_for_dw", "inv_std"}


def test_remembered_looks_into_every_container():
    arrays = {"listed": [picture(5)], "named": {"key": picture(6)}, "called": picture(7)}

    class Hoarder(Layer):
        def forward(self, x, *, mode, rng):
            listed, named, called = arrays["listed"], arrays["named"], arrays["called"]

            def helper(dy):
                return dy * called.sum() if dy is not None else helper(dy)

            return x.copy(), lambda dy: helper(dy) + listed[0].sum() + named["key"].sum()

    _, backward = Hoarder()(picture(2, 2))
    found = {row.name: row.shape for row in remembered(backward).rows}
    assert found == {"helper.called": (7,), "listed.0": (5,), "named.key": (6,)}


def test_remembered_is_nothing_after_backward_and_after_predict():
    net = tc.networks.CrossCircleCNN(size=8, channels=(2, 3))
    y, backward = net(picture(2, 8, 8, 1))
    before = remembered(backward)
    backward(np.ones_like(y))
    assert before.megabytes > 0
    assert remembered(backward).rows == []
    assert str(remembered(backward)) == "nothing is remembered"


def test_remembered_shows_that_frozen_layers_keep_no_x():
    layer = tc.Conv2d(3, 4, 3)
    with tc.frozen(layer):
        _, backward = layer(picture(1, 5, 5, 3))
    assert remembered(backward).rows == []


def test_remembered_prints_a_table_that_adds_up():
    _, backward = tc.networks.CrossCircleCNN()(picture(4, 28, 28, 1))
    kept = remembered(backward)
    lines = str(kept).splitlines()
    assert len(lines) == len(kept.rows) + 3
    assert lines[0].split() == ["remembered", "shape", "dtype", "MB"]
    assert float(lines[-1].split()[-1]) == pytest.approx(kept.megabytes, abs=1e-3)


def test_remembered_wants_a_backward():
    with pytest.raises(ValueError, match="expected a backward"):
        remembered(lambda dy: dy)


# --- summary -------------------------------------------------------------------------------------------------


def test_summary_of_the_unet_adds_up_and_leaves_it_as_it_was():
    net = tc.networks.ColorUNet(widths=(8, 16, 40))
    before = net.state_dict()
    _, pending = net(picture(2, 32, 32, 1))
    after_forward = net.state_dict()
    table = summary(net, (2, 32, 32, 1))
    state = net.state_dict()
    assert all(np.array_equal(state[name], after_forward[name]) for name in state)
    assert not all(np.array_equal(state[name], before[name]) for name in state)
    assert all(not parameter.grad.any() for parameter in net.parameters())
    assert table.parameters == sum(row.parameters for row in table.rows) == sum(p.data.size for p in net.parameters())
    assert table.megabytes == pytest.approx(remembered(pending).megabytes)
    pending(picture(2, 32, 32, 2))


def test_summary_has_a_row_for_every_leaf_with_its_path_output_and_algorithm():
    net = tc.networks.ColorUNet(widths=(8, 40, 40))
    rows = {row.path: row for row in summary(net, (4, 32, 32, 1)).rows}
    paths = {path.removesuffix("."): layer for path, layer in net.walk()}
    assert {type(paths[path]).__name__ for path in rows} == {"Conv2d", "BatchNorm2d", "MaxPool2d", "Upsample", "Skip"}
    assert sum(isinstance(layer, tc.Conv2d) for layer in paths.values()) == sum(
        "Conv2d" in r.kind for r in rows.values()
    )
    assert rows["levels.0.0.norm"].kind == "BatchNorm2d + ReLU"
    assert rows["levels.0.0.norm"].parameters == 16
    assert rows["levels.1"].outputs == ((4, 32, 32, 48),)
    assert rows["levels.1.inner.0"].around == ("levels.1",)
    assert rows["levels.1.inner.2"].kind == "Upsample"
    assert rows["levels.1.inner.2"].outputs == ((4, 32, 32, 40),)
    assert rows["levels.1.inner.1.0.1.conv"].algorithm == "winograd"
    assert rows["levels.0.1.conv"].algorithm == "blocked"
    assert rows["head"].algorithm == "plain"
    assert rows["levels.0.0.norm"].algorithm == ""


def test_summary_prints_within_a_hundred_columns():
    lines = str(summary(tc.networks.ColorUNet(), (2, 16, 16, 1))).splitlines()
    assert lines[0] == "ColorUNet: (2, 16, 16, 1) -> (2, 16, 16, 2)"
    assert max(map(len, lines)) <= 100
    assert any(line.startswith("| | | inner.1.0.conv") for line in lines)
    assert lines[-1].split() == ["total", "1,947,746", lines[-1].split()[-1]]


def test_summary_of_blocks_without_fusion_and_of_one_layer():
    block = tc.ConvNormAct(3, 4, 3, norm="instance", activation="tanh")
    assert [row.path for row in summary(block, (1, 8, 8, 3)).rows] == ["conv", "norm", "activation"]
    (row,) = summary(tc.MaxPool2d(2), (1, 8, 8, 3)).rows
    assert (row.kind, row.outputs) == ("MaxPool2d 2x2", ((1, 4, 4, 3),))


def test_summary_counts_a_shared_layer_twice_as_calls_and_once_as_parameters():
    shared = tc.Skip(tc.Conv2d(3, 3, 1), tc.ReLU())
    table = summary(tc.Concat(shared, shared), (1, 4, 4, 3))
    assert [row.kind for row in table.rows] == ["Skip", "Conv2d 1x1", "ReLU"] * 2
    assert [row.parameters for row in table.rows] == [0, 12, 0, 0, 0, 0]
    assert table.parameters == 12


def test_summary_takes_several_inputs_dropout_and_float64():
    fusion = tc.Fusion(3, 5, 4)
    table = summary(fusion, ((2, 4, 4, 3), (2, 5)))
    assert table.title == "Fusion: (2, 4, 4, 3), (2, 5) -> (2, 4, 4, 4)"
    wide = summary(tc.Sequential(tc.Conv2d(1, 2, 3), tc.Dropout(0.5)).astype("float64"), (1, 6, 6, 1))
    assert wide.rows[0].megabytes == 6 * 6 * 8 / 1e6


@pytest.mark.parametrize("shape", [(0, 4, 4, 1), (2, 4.5, 4, 1), ((2, 4, 4, 1), (2, "C"))])
def test_summary_says_what_a_shape_is(shape):
    with pytest.raises(ValueError, match="expected the whole shape of x"):
        summary(tc.ReLU(), shape)


# --- receptive_field -----------------------------------------------------------------------------------------


def average_pooled(net):
    """Max-pooling hides all but the winner from the gradient; the mean of the same window shows all."""
    for _, layer in net.walk():
        if isinstance(layer, tc.Sequential):
            layer.layers = [
                tc.AvgPool2d(part.kernel_size, part.stride) if isinstance(part, tc.MaxPool2d) else part
                for part in layer.layers
            ]
    return net


def measured_field(net, size):
    """How far the gradient of single output pixels reaches: the largest over eight positions in the middle."""
    net = randomized(average_pooled(net), 0.5, 1.0).astype("float64")
    y, backward = net(np.ones((8, size, size, 1)), mode="eval")
    dy = np.zeros_like(y)
    for number in range(8):
        row, column = (np.clip(side // 2 - 4 + number, 0, side - 1) for side in y.shape[1:3])
        dy[number, row, column, 0] = 1
    reached = (backward(dy) != 0).any(-1)
    return tuple(max(np.ptp(np.flatnonzero(each)) + 1 for each in reached.any(axis)) for axis in (2, 1))


def random_stack(seed):
    rng = np.random.default_rng(seed)

    def pair(low, high):
        return int(rng.integers(low, high)), int(rng.integers(low, high))

    def inner():
        kernel = 2 * int(rng.integers(1, 3)) + 1
        return tc.Conv2d(1, 1, kernel, padding=kernel - 1, dilation=2)

    kinds = [
        lambda: tc.Conv2d(1, 1, pair(1, 5), stride=pair(1, 3), padding=pair(0, 3), dilation=pair(1, 4)),
        lambda: tc.MaxPool2d(pair(2, 4), pair(1, 3)),
        lambda: tc.AvgPool2d(pair(1, 3)),
        lambda: tc.Upsample(pair(1, 3)),
        lambda: tc.Upsample(pair(1, 3), mode="bilinear"),
        lambda: tc.ConvTranspose2d(1, 1, pair(2, 5), stride=pair(1, 3), padding=pair(0, 2)),
        lambda: tc.Residual(inner(), tc.ReLU()),
        lambda: tc.Sequential(tc.Skip(inner(), tc.BatchNorm2d(1)), tc.Conv2d(2, 1, 1)),
        lambda: tc.Sequential(tc.Concat(inner(), tc.LeakyReLU()), tc.ConvNormAct(2, 1, 3, padding=1)),
    ]
    return tc.Sequential(*(kinds[i]() for i in rng.integers(0, len(kinds), 3)))


@pytest.mark.parametrize("seed", range(24))
def test_receptive_field_of_random_stacks_is_what_gradients_reach(seed):
    assert receptive_field(random_stack(seed)) == measured_field(random_stack(seed), 96)


def test_receptive_field_of_the_unet_is_what_gradients_reach():
    for widths in ((2,), (2, 3), (2, 3, 2)):
        field = receptive_field(tc.networks.ColorUNet(widths=widths))
        assert field == measured_field(tc.networks.ColorUNet(widths=widths), 96)
    assert receptive_field(tc.networks.ColorUNet()) == (100, 100)


def test_receptive_field_of_max_pool_is_its_window():
    x = np.random.default_rng(0).normal(size=(200, 9, 9, 1))
    y, backward = tc.MaxPool2d((3, 2), 2)(x)
    dy = np.zeros_like(y)
    dy[:, 1, 1] = 1
    reached = backward(dy).any((0, 3))
    assert (np.count_nonzero(reached.any(1)), np.count_nonzero(reached.any(0))) == (3, 2)
    assert receptive_field(tc.MaxPool2d((3, 2), 2)) == (3, 2)


@pytest.mark.parametrize(
    ("net", "field"),
    [
        (tc.Sequential(tc.Conv2d(1, 1, 3), tc.Conv2d(1, 1, 3)), (5, 5)),
        (tc.Sequential(*(tc.Conv2d(1, 1, 4, stride=s) for s in (2, 2, 2, 1, 1))), (70, 70)),
        (tc.Conv2d(1, 1, (3, 5), dilation=(4, 1)), (9, 5)),
        (tc.Sequential(tc.Upsample(2), tc.Conv2d(1, 1, 3, padding=1)), (2, 2)),
        (tc.Upsample(2, mode="bilinear"), (2, 2)),
        (tc.Upsample(3, mode="bilinear"), (2, 2)),
        (tc.ConvTranspose2d(1, 1, 4, stride=2, padding=1), (2, 2)),
        (tc.Sequential(tc.ConvTranspose2d(1, 1, 1, stride=2), tc.Conv2d(1, 1, 2, dilation=2)), (2, 2)),
        (tc.Sequential(tc.Dropout(), tc.Softmax(), tc.Concat()), (1, 1)),
    ],
)
def test_receptive_fields_known_by_heart(net, field):
    assert receptive_field(net) == field


@pytest.mark.parametrize(
    "net",
    [
        tc.Linear(3, 4),
        tc.Sequential(tc.Conv2d(1, 1, 3), tc.InstanceNorm2d(1)),
        tc.ConvNormAct(1, 1, 3, norm="instance"),
        tc.Fusion(1, 2, 3),
        tc.networks.CrossCircleCNN(),
    ],
)
def test_receptive_field_says_which_layer_sees_the_whole_picture(net):
    with pytest.raises(ValueError, match=r"got (Linear|Sigmoid|Flatten|InstanceNorm2d|Fusion).*the whole picture"):
        receptive_field(net)


def test_receptive_field_says_what_it_cannot_know():
    with pytest.raises(ValueError, match="align_corners=False"):
        receptive_field(tc.Upsample(2, mode="bilinear", align_corners=True))

    class Unknown(Layer):
        pass

    with pytest.raises(ValueError, match=r"Unknown.*register one"):
        receptive_field(tc.Sequential(Unknown()))


# --- explain -------------------------------------------------------------------------------------------------

EXPLAINED = {
    "3x3": (tc.Conv2d(1, 4, 3), (1, 9, 9, 1), (0, 2, 3, 1)),
    "5x5": (tc.Conv2d(1, 2, 5, padding=2), (2, 28, 28, 1), (1, 10, 12, 0)),
    "corner": (tc.Conv2d(3, 2, 3, stride=2, padding=1), (1, 8, 11, 3), (0, 0, 5, 1)),
    "many channels, no bias": (tc.Conv2d(32, 32, 3, padding=1, bias=False), (4, 16, 16, 32), (2, 15, 0, 31)),
    "dilated": (tc.Conv2d(2, 3, (7, 3), padding=3, dilation=2), (1, 20, 20, 2), (0, 13, 0, 2)),
    "1x1": (tc.Conv2d(2, 3, 1), (1, 1, 1, 2), (0, 0, 0, 0)),
    "max-pool": (tc.MaxPool2d(2), (2, 14, 14, 4), (1, 3, 4, 1)),
    "partial window": (tc.MaxPool2d(3, 2, ceil_mode=True), (1, 8, 8, 4), (0, 3, 3, 1)),
    "vote": (tc.Linear(784, 2), (2, 784), (1, 0)),
    "small vote": (tc.Linear(4, 2, bias=False), (2, 4), (0, 1)),
}


@pytest.mark.parametrize("case", EXPLAINED)
def test_explain_computes_what_the_layer_computes(case, tmp_path):
    layer, shape, at = EXPLAINED[case]
    x = picture(*shape)
    explanation = explain(randomized(layer, -0.5, 0.5), x, at)
    assert explanation.value == float(layer.predict(x)[at])
    assert explanation.computed() == pytest.approx(explanation.value, rel=1e-4, abs=1e-5)
    assert f"The layer itself computed {explanation.value:.6g}" in str(explanation)
    assert max(map(len, explanation.text.splitlines())) <= 100
    path = explanation.save(tmp_path / "figure.png")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) > 300


@pytest.mark.parametrize("case", ["5x5", "corner", "dilated", "partial window", "vote"])
def test_explain_figures_keep_their_texts_apart(case):
    layer, shape, at = EXPLAINED[case]
    figure = explain(randomized(layer, -0.5, 0.5), picture(*shape), at).figure()
    figure.draw_without_rendering()
    boxes = [(text.get_text(), text.get_window_extent()) for text in figure.texts if text.get_text()]
    boxes += [(axes.title.get_text(), axes.title.get_window_extent()) for axes in figure.axes]
    boxes.append((figure.get_suptitle(), figure._suptitle.get_window_extent()))
    for number, (name, box) in enumerate(boxes):
        assert figure.bbox.x0 <= box.x0, name
        assert box.x1 <= figure.bbox.x1, name
        for other_name, other in boxes[number + 1 :]:
            assert not box.overlaps(other) or name == other_name, (name, other_name)


def test_explain_shows_every_product_of_a_small_window():
    layer = tc.Conv2d(1, 1, 2)
    layer.weight.data = np.array([[1, 2], [-3, 4]], np.float32).reshape(2, 2, 1, 1)
    layer.bias.data = np.array([0.5], np.float32)
    x = np.array([[5, 6], [7, 8]], np.float32).reshape(1, 2, 2, 1)
    assert explain(layer, x, (0, 0, 0, 0)).text.splitlines() == [
        "y[0, 0, 0, 0] = sum of 4 products + bias",
        "The window: rows 0 to 1, columns 0 to 1 of x[0].",
        "",
        "input channel 0",
        "   pixel       weight     product  | row sum",
        "    5   6       1   2       5  12  |      17",
        "    7   8  x   -3   4  =  -21  32  |      11",
        "",
        "  sum of channel 0  28.00",
        "  bias               0.50",
        "  -----------------------",
        "  y[0, 0, 0, 0]     28.50",
        "The layer itself computed 28.5 (difference 0e+00).",
    ]


def test_explain_marks_what_lies_outside_the_picture():
    layer = randomized(tc.Conv2d(1, 1, 3, padding=1), 0.5, 1)
    text = explain(layer, np.ones((1, 4, 4, 1), np.float32), (0, 0, 0, 0)).text
    assert text.count("(0)") == 5 + 1


def test_explain_shows_the_strongest_channels_and_sums_up_the_rest():
    layer = tc.Conv2d(6, 1, 1, bias=False)
    layer.weight.data = np.array([1, -8, 2, 16, -32, 4], np.float32).reshape(1, 1, 6, 1)
    text = explain(layer, np.ones((1, 1, 1, 6), np.float32), (0, 0, 0, 0)).text
    assert [line for line in text.splitlines() if line.startswith("input")] == [f"input channel {c}" for c in (1, 3, 4)]
    assert "sum of the 3 other channels    7" in text


def test_explain_names_the_first_of_equal_maxima():
    x = np.zeros((1, 4, 4, 1), np.float32)
    x[0, 2, 3], x[0, 3, 2] = 1, 1
    text = explain(tc.MaxPool2d(2), x, (0, 1, 1, 0)).text
    assert "The largest is x[0, 2, 3, 0] = 1, the first of 2 equal ones in reading order." in text


def test_explain_lists_the_largest_votes_and_sums_up_the_rest():
    layer = tc.Linear(20, 1, bias=False)
    layer.weight.data = np.arange(20, dtype=np.float32)[:, None]
    text = explain(layer, np.ones((1, 20), np.float32), (0, 0)).text
    assert "x[0, 19] =   1 x weight  19" in text
    assert "x[0, 7] =" not in text
    assert "the 8 other products          28" in text


@pytest.mark.parametrize("at", [(0, 0, 0), (0, 7, 0, 0), (0, 0, -1, 0), (1, 0, 0, 0)])
def test_explain_says_when_there_is_no_such_output(at):
    with pytest.raises(ValueError, match=r"expected a place in the output's shape \(1, 7, 7, 2\)"):
        explain(tc.Conv2d(1, 2, 3), picture(1, 9, 9, 1), at)


def test_explain_says_which_layers_it_knows():
    with pytest.raises(ValueError, match=r"got ReLU\(\), expected a Conv2d, a MaxPool2d or a Linear"):
        explain(tc.ReLU(), picture(1, 2), (0, 0))
