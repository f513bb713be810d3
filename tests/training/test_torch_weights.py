"""Weights out of PyTorch, without PyTorch: every number at its place, and what does not fit is refused whole."""

import pickle

import numpy as np
import pytest
from safetensors.numpy import save_file

import tinycolor as tc
from tinycolor.color.ab_bins import AB_BINS

# torchvision's numbers of the thirteen convolutions within `features`; batch norm is the layer after each.
CONVOLUTIONS = {
    False: (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28),
    True: (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40),
}
CHANNELS = (2, 2, 4, 4, 8, 8, 8, 16, 16, 16, 16, 16, 16)
HIDDEN, CLASSES, NARROW = 128, 5, 1 / 32


def numbers(*shape):
    return np.random.default_rng(len(shape)).standard_normal(shape).astype(np.float32)


def norm(channels):
    return {"weight": numbers(channels), "bias": numbers(channels)} | {
        "running_mean": numbers(channels),
        "running_var": numbers(channels) ** 2,
        "num_batches_tracked": np.array(7),
    }


def torchvision_vgg16(batch_norm=False):
    state, inputs = {}, 3
    for number, channels in zip(CONVOLUTIONS[batch_norm], CHANNELS, strict=True):
        state[f"features.{number}.weight"] = numbers(channels, inputs, 3, 3)
        state[f"features.{number}.bias"] = numbers(channels)
        if batch_norm:
            state |= {f"features.{number + 1}.{part}": array for part, array in norm(channels).items()}
        inputs = channels
    for number, shape in {0: (HIDDEN, 16 * 7 * 7), 3: (HIDDEN, HIDDEN), 6: (CLASSES, HIDDEN)}.items():
        state |= {f"classifier.{number}.weight": numbers(*shape), f"classifier.{number}.bias": numbers(shape[0])}
    return state


def vgg16(batch_norm=False):
    return tc.networks.VGG16(CLASSES, batch_norm, NARROW)


def layers(network, *kinds):
    return [layer for _, layer in network.walk() if isinstance(layer, kinds)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_norm", [False, True])
def test_every_number_of_vgg16_finds_its_place(batch_norm, dtype):
    network, state = vgg16(batch_norm).astype(dtype), torchvision_vgg16(batch_norm)
    version = network.blocks[0][0].weight.version
    tc.load_torch_state_dict(network, state)
    convolutions, norms = layers(network, tc.Conv2d), layers(network, tc.BatchNorm2d)
    for number, convolution in zip(CONVOLUTIONS[batch_norm], convolutions, strict=True):
        weight = state[f"features.{number}.weight"]
        np.testing.assert_array_equal(convolution.weight.data, np.einsum("oiyx->yxio", weight))
        np.testing.assert_array_equal(convolution.bias.data, state[f"features.{number}.bias"])
    for number, layer in zip(CONVOLUTIONS[batch_norm] if batch_norm else (), norms, strict=True):
        ours = layer.weight.data, layer.bias.data, layer.running_mean, layer.running_var
        for part, array in zip(("weight", "bias", "running_mean", "running_var"), ours, strict=True):
            np.testing.assert_array_equal(array, state[f"features.{number + 1}.{part}"])
    for number, layer in zip((3, 6), layers(network, tc.Linear)[1:], strict=True):
        np.testing.assert_array_equal(layer.weight.data, state[f"classifier.{number}.weight"].T)
    assert network.blocks[0][0].weight.version > version


def test_the_first_votes_count_channels_where_theirs_did():
    """Theirs flattens (C, H, W), ours (H, W, C): the same map has to give the same votes."""
    network, state = vgg16(), torchvision_vgg16()
    tc.load_torch_state_dict(network, state)
    features = np.random.default_rng(1).standard_normal((16, 7, 7)).astype(np.float32)
    votes = state["classifier.0.weight"] @ features.ravel() + state["classifier.0.bias"]
    ours = network.head[2].predict(np.moveaxis(features, 0, -1).reshape(1, -1))
    np.testing.assert_allclose(ours[0], votes, rtol=1e-4, atol=1e-3)


def test_without_the_counts_of_batches_it_loads_as_well():
    state = torchvision_vgg16(batch_norm=True)
    with_counts, without = vgg16(True), vgg16(True)
    tc.load_torch_state_dict(with_counts, state)
    tc.load_torch_state_dict(without, {name: state[name] for name in state if "num_batches" not in name})
    assert digest(with_counts) == digest(without) != digest(vgg16(True))


def digest(network):
    return {name: array.tobytes() for name, array in network.state_dict().items()}


def test_half_precision_and_tensors_of_others_are_arrays_too():
    class Tensor:
        """What PyTorch's tensors and those of others have in common."""

        def __init__(self, array):
            self.array = array

        def __array__(self, dtype=None, copy=None):
            return self.array

    network, same = vgg16(), vgg16()
    state = {name: array.astype(np.float16) for name, array in torchvision_vgg16().items()}
    tc.load_torch_state_dict(network, {name: Tensor(array) for name, array in state.items()})
    tc.load_torch_state_dict(same, {name: array.astype(np.float32) for name, array in state.items()})
    assert digest(network) == digest(same)


# --- what is refused -------------------------------------------------------------------------------------------


class OnAnotherDevice:
    def __array__(self, dtype=None, copy=None):
        raise TypeError("can't convert cuda:0 device type tensor to numpy")


def changed(**entries):
    """Return a state dict with other entries; None takes one out."""
    state = torchvision_vgg16() | {name.replace("__", "."): value for name, value in entries.items()}
    return {name: value for name, value in state.items() if value is not None}


REFUSED = {
    "missing": (
        changed(classifier__6__bias=None),
        r"without classifier\.6\.bias and with unknown nothing, expected the",
    ),
    "empty": ({}, r"without features\.0\.weight, features\.0\.bias, features\.2\.weight and 29 more and with unknown"),
    "unknown": (changed(features__1__weight=numbers(2)), r"without nothing and with unknown features\.1\.weight, exp"),
    "with batch norm": (
        torchvision_vgg16(True),
        r"without features\.2\.weight, .* and with unknown features\.1\.weight",
    ),
    "misshapen": (
        changed(classifier__6__bias=numbers(7)),
        r"got classifier\.6\.bias of shape \(7,\), float32, expected \(5,\), floating-point: make the network as wide",
    ),
    "in our layout": (
        changed(features__28__weight=numbers(3, 3, 16, 16)),
        r"got features\.28\.weight of shape \(3, 3, 16, 16\), float32, expected \(16, 16, 3, 3\)",
    ),
    "whole numbers": (
        changed(classifier__6__bias=np.arange(5)),
        r"classifier\.6\.bias of shape \(5,\), int64, expected",
    ),
    "not a number": (
        changed(classifier__6__bias=np.array([0, 1, np.nan, 3, 4], np.float32)),
        r"got NaN or infinity in classifier\.6\.bias, expected finite numbers alone",
    ),
    "no array": (changed(classifier__6__bias="bias"), r"classifier\.6\.bias of shape \(\), <U4, expected \(5,\)"),
    "elsewhere": (
        changed(classifier__6__bias=OnAnotherDevice()),
        r"cannot read classifier\.6\.bias as .*\(can't convert",
    ),
}


@pytest.mark.parametrize(("state", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_does_not_fit_is_one_sentence_and_changes_nothing(state, message):
    network = vgg16()
    before = digest(network)
    with pytest.raises(ValueError, match=message) as raised:
        tc.load_torch_state_dict(network, state)
    assert "\n" not in str(raised.value)
    assert digest(network) == before


# --- the colours of Zhang --------------------------------------------------------------------------------------

COLOURS = AB_BINS.T[:, :, None, None] / 110


def eccv16():
    """Return a narrow Zhang, and a state dict of its numbers under the authors' names."""
    network = tc.networks.Zhang(1 / 32, seed=1)
    blocks = {1: (0, 2), 2: (0, 2), **dict.fromkeys((3, 4, 5, 6, 7), (0, 2, 4)), 8: (0, 2, 4, 6)}
    names = [f"model{block}.{place}" for block, places in blocks.items() for place in places]
    state = {}
    for name, layer in zip(names, layers(network, tc.Conv2d, tc.ConvTranspose2d), strict=True):
        state[f"{name}.weight"] = np.einsum("yxio->oiyx", layer.weight.data)
        state[f"{name}.bias"] = layer.bias.data
    norms = {1: 4, 2: 4, 3: 6, 4: 6, 5: 6, 6: 6, 7: 6}
    for (block, place), layer in zip(norms.items(), layers(network, tc.BatchNorm2d), strict=True):
        layer.running_mean[...], layer.running_var[...] = numbers(2, len(layer.running_mean)) ** 2
        for part in ("weight", "bias", "running_mean", "running_var"):
            array = getattr(layer, part)
            state[f"model{block}.{place}.{part}"] = array if part.startswith("running") else array.data
    return network, state


def test_zhang_takes_weights_whose_colours_are_its_own():
    same, state = eccv16()
    network = tc.networks.Zhang(1 / 32)
    tc.load_torch_state_dict(network, state | {"model_out.weight": COLOURS.astype(np.float16)})
    assert digest(network) == digest(same)


@pytest.mark.parametrize(
    "colours",
    [COLOURS[:, ::-1], COLOURS[::-1], 110 * COLOURS, COLOURS[:, np.lexsort(AB_BINS.T)]],
    ids=["backwards", "b before a", "not over 110", "in order of b"],
)
def test_scores_of_other_colours_are_refused(colours):
    _, state = eccv16()
    network = tc.networks.Zhang(1 / 32)
    before = digest(network)
    with pytest.raises(ValueError, match=r"got other colours in model_out\.weight, expected the 313 ab bins over 110"):
        tc.load_torch_state_dict(network, state | {"model_out.weight": colours})
    assert digest(network) == before


def test_weights_without_colours_are_refused():
    network, state = eccv16()
    with pytest.raises(ValueError, match=r"without model_out\.weight and with unknown nothing"):
        tc.load_torch_state_dict(network, state)


# --- the levels in levels of pix2pix ---------------------------------------------------------------------------


def unet_generator(levels, first=2):
    """Return a state dict under junyanz's names, of a generator of 3 to 3 channels, and where they are, outside in."""
    widths = [first * min(2**number, 8) for number in range(levels)]
    name, state, inputs, places = "model.model", {}, 3, []
    for level, width in enumerate(widths):
        outermost, innermost = level == 0, level == levels - 1
        down, up = (0, 3) if outermost else (1, 3) if innermost else (1, 5)
        state[f"{name}.{down}.weight"] = numbers(width, inputs, 4, 4)
        state[f"{name}.{up}.weight"] = numbers(width if innermost else 2 * width, inputs, 4, 4)
        if outermost:
            state[f"{name}.{up}.bias"] = numbers(3)
        for place, channels in ((2, width),) * (not outermost and not innermost) + ((up + 1, inputs),) * (
            not outermost
        ):
            state |= {f"{name}.{place}.{part}": array for part, array in norm(channels).items()}
        places.append((f"{name}.{down}", f"{name}.{up}"))
        name += ".1.model" if outermost else ".3.model"
        inputs = width
    return state, places


@pytest.mark.parametrize("levels", [5, 7])
def test_every_number_of_pix2pix_s_generator_finds_its_place(levels):
    state, places = unet_generator(levels)
    network = tc.networks.Pix2PixGenerator(3, 3, levels, 2)
    tc.load_torch_state_dict(network, state)
    transposes = layers(network, tc.ConvTranspose2d)[::-1]
    for (down, up), convolution, transpose in zip(places, layers(network, tc.Conv2d), transposes, strict=True):
        np.testing.assert_array_equal(convolution.weight.data, np.einsum("oiyx->yxio", state[f"{down}.weight"]))
        np.testing.assert_array_equal(transpose.weight.data, np.einsum("ioyx->yxoi", state[f"{up}.weight"]))
    np.testing.assert_array_equal(transposes[0].bias.data, state["model.model.3.bias"])
    total = sum(array.size for name, array in state.items() if "num_batches" not in name)
    assert total == sum(array.size for array in network.state_dict().values())


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: tc.networks.Pix2PixGenerator(3, 3, 6, 2), r"without model\.model\.1\.model\.3\.model.* expected the"),
        (lambda: tc.networks.Pix2PixGenerator(3, 3, 5, 3), r"shape \(2, 3, 4, 4\), float32, expected \(3, 3, 4, 4\)"),
        (lambda: tc.networks.Pix2PixGenerator(1, 3, 5, 2), r"shape \(2, 3, 4, 4\), float32, expected \(2, 1, 4, 4\)"),
        (
            lambda: tc.networks.PatchDiscriminator(6, 3, 2),
            r"without model\.0\.weight, .* and with unknown model\.model",
        ),
    ],
)
def test_weights_of_another_generator_are_refused(network, message):
    network = network()
    before = digest(network)
    with pytest.raises(ValueError, match=message):
        tc.load_torch_state_dict(network, unet_generator(5)[0])
    assert digest(network) == before


def test_every_number_of_pix2pix_s_discriminator_finds_its_place():
    state = {"model.0.bias": numbers(2), "model.11.bias": numbers(1)}
    widths = {0: (2, 6), 2: (4, 2), 5: (8, 4), 8: (16, 8), 11: (1, 16)}
    for place, (outputs, inputs) in widths.items():
        state[f"model.{place}.weight"] = numbers(outputs, inputs, 4, 4)
    for place, channels in {3: 4, 6: 8, 9: 16}.items():
        state |= {f"model.{place}.{part}": array for part, array in norm(channels).items()}
    network = tc.networks.PatchDiscriminator(6, 3, 2)
    tc.load_torch_state_dict(network, state)
    for place, convolution in zip(widths, layers(network, tc.Conv2d), strict=True):
        np.testing.assert_array_equal(convolution.weight.data, np.einsum("oiyx->yxio", state[f"model.{place}.weight"]))
    for place, layer in zip((3, 6, 9), layers(network, tc.BatchNorm2d), strict=True):
        ours = layer.weight.data, layer.bias.data, layer.running_mean, layer.running_var
        for part, array in zip(("weight", "bias", "running_mean", "running_var"), ours, strict=True):
            np.testing.assert_array_equal(array, state[f"model.{place}.{part}"])


# --- files -----------------------------------------------------------------------------------------------------


def test_a_safetensors_file_is_read(tmp_path):
    from_file, from_arrays, state = vgg16(True), vgg16(True), torchvision_vgg16(True)
    save_file(state, tmp_path / "vgg16_bn.safetensors")
    tc.load_torch_state_dict(from_file, tmp_path / "vgg16_bn.safetensors")
    tc.load_torch_state_dict(from_arrays, state)
    assert digest(from_file) == digest(from_arrays)
    tc.load_torch_state_dict(from_file, str(tmp_path / "vgg16_bn.safetensors"))


class Bomb:
    """What a pickle can do."""

    def __reduce__(self):
        return pytest.fail, ("the pickle was opened",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            pickle.dumps(Bomb()),
            r"no safetensors file; a \.pth is a pickle, which can run code and is never opened: convert",
        ),
        (b"PK\x03\x04 a zip of one", r"no safetensors file; a \.pth is a pickle.*save_file\(torch\.load\("),
        (b"", "no safetensors file"),
        (b"\x40\0\0\0\0\0\0\0{ cut off", "damaged or cut off"),
        (None, "cannot be read"),
    ],
    ids=["pickle", "zip", "empty", "cut off", "no file"],
)
def test_other_files_are_refused_unopened(content, message, tmp_path):
    path = tmp_path / "vgg16.pth"
    if content is not None:
        path.write_bytes(content)
    network = vgg16()
    before = digest(network)
    with pytest.raises(tc.CheckpointError, match=message) as raised:
        tc.load_torch_state_dict(network, path)
    assert raised.value.path == path
    assert digest(network) == before
