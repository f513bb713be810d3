"""Checkpoints: what goes in comes out bit for bit, training goes on as if never stopped, no bad file gets through."""

import errno
import hashlib
import json
import os
import pickle
import random
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save

import tinycolor as tc
from tinycolor import CheckpointError, load_checkpoint, optim, save_checkpoint
from tinycolor.networks import ColorUNet, CrossCircleCNN
from tinycolor.networks.colorizer import Colorizer
from tinycolor.training.checkpoint import read_checkpoint

NETWORKS = {
    "ColorUNet": lambda: ColorUNet(3, 1, (4, 8), size=20, seed=5),
    "CrossCircleCNN": lambda: CrossCircleCNN(12, (2, 3), seed=5),
}
OPTIMIZERS = {
    "SGD": lambda parameters: optim.SGD(parameters, 0.1),
    "SGD with momentum": lambda parameters: optim.SGD(parameters, 0.1, momentum=0.9),
    "Adam": lambda parameters: optim.Adam(parameters, optim.one_cycle(1e-2, STEPS)),
    "RMSprop": optim.RMSprop,
    "Adadelta": optim.Adadelta,
}
STEPS = 12


def tiny() -> ColorUNet:
    return ColorUNet(widths=(4, 8), size=16)


def train(network, optimizer, first, last):
    """Take the steps from first to last, each on pictures of its own."""
    for step in range(first, last):
        rng = np.random.default_rng(step)
        dtype = network.parameters()[0].data.dtype
        y, backward = network(rng.standard_normal((2, 8, 8, 1)).astype(dtype))
        _, dy = tc.losses.mse(y, rng.standard_normal((2, 8, 8, 2)).astype(dtype))
        network.zero_grad()
        backward(dy)
        optimizer.step()


def assert_same_bits(got, wanted):
    assert got.keys() == wanted.keys()
    for name, array in wanted.items():
        assert type(got[name]) is np.ndarray
        assert (got[name].dtype, got[name].shape) == (array.dtype, array.shape), name
        assert got[name].tobytes() == array.tobytes(), name


def sha256(network):
    return hashlib.sha256(b"".join(array.tobytes() for array in network.state_dict().values())).hexdigest()


@pytest.fixture
def trained():
    """Return a network and its optimizer, of which every number has moved."""
    network = tiny()
    optimizer = optim.Adam(network.parameters())
    train(network, optimizer, 0, 3)
    return network, optimizer


@pytest.fixture
def path(trained, tmp_path):
    """Return a checkpoint of the trained pair."""
    network, optimizer = trained
    save_checkpoint(tmp_path / "net.safetensors", network, optimizer=optimizer, progress={"step": 3})
    return tmp_path / "net.safetensors"


def contents(path):
    """Return texts and tensors as safetensors itself reads them."""
    with safe_open(path, framework="numpy") as file:
        return file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def forge(path, texts, tensors):
    """Write a file whose digest is right, computed as the format says."""
    texts = {name: text for name, text in texts.items() if name != "digest"}
    names = sorted(tensors)
    summary = [sorted(texts.items()), [(n, tensors[n].dtype.str, tensors[n].shape) for n in names]]
    digest = hashlib.sha256(json.dumps(summary).encode() + b"".join(tensors[n].tobytes() for n in names)).hexdigest()
    path.write_bytes(save(tensors, {**texts, "digest": digest}))


def refused(path, expected=None):
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(path, expected)
    assert caught.value.path == Path(path)
    message = str(caught.value)
    assert message.isascii()
    assert message.isprintable()
    assert len(caught.value.reason) < 400
    return message


# Round trips.


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_comes_back_bit_for_bit_from_the_file_alone(make, dtype, tmp_path, rng):
    network = make().astype(dtype)
    network.load_state_dict({name: rng.standard_normal(a.shape) for name, a in network.state_dict().items()})
    save_checkpoint(tmp_path / "a", network)
    again = load_checkpoint(tmp_path / "a")
    assert type(again) is type(network)
    assert repr(again) == repr(network)
    assert_same_bits(again.state_dict(), network.state_dict())


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_optimizer_and_progress_come_back(make, tmp_path):
    network, progress = tiny(), {"step": 3, "best": 8.5, "settings": {"loss": "mse", "sizes": [64, None, True]}}
    optimizer = make(network.parameters())
    train(network, optimizer, 0, 3)
    save_checkpoint(tmp_path / "a", network, optimizer=optimizer, progress=progress)
    checkpoint = read_checkpoint(tmp_path / "a")
    assert_same_bits(checkpoint.network.state_dict(), network.state_dict())
    assert_same_bits(checkpoint.optimizer_state, optimizer.state_dict())
    assert checkpoint.progress == progress


def test_without_optimizer_and_progress_both_are_empty(trained, tmp_path):
    save_checkpoint(tmp_path / "a", trained[0])
    checkpoint = read_checkpoint(tmp_path / "a")
    assert checkpoint.optimizer_state == {}
    assert checkpoint.progress == {}


def test_the_file_is_what_its_format_says(trained, path, tmp_path):
    texts, tensors = contents(path)
    network, optimizer = trained
    assert_same_bits(
        tensors,
        {f"network/{name}": array for name, array in network.state_dict().items()}
        | {f"optimizer/{name}": array for name, array in optimizer.state_dict().items()},
    )
    digest = texts.pop("digest")
    assert texts == {
        "format": "1",
        "tinycolor": tc.__version__,
        "network": "ColorUNet",
        "options": '{"in_channels": 1, "out_channels": 2, "widths": [4, 8], "size": 16}',
        "progress": '{"step": 3}',
    }
    forge(tmp_path / "forged", texts, tensors)
    assert contents(tmp_path / "forged")[0]["digest"] == digest


@pytest.mark.parametrize("make", NETWORKS.values(), ids=NETWORKS)
def test_a_network_knows_how_it_was_made(make):
    network = make()
    kind, options = type(network), json.loads(json.dumps(network.options))
    assert repr(kind(**options)) == repr(network) == repr(eval(repr(network), {kind.__name__: kind}))
    shapes = {name: array.shape for name, array in network.state_dict().items()}
    assert {name: array.shape for name, array in kind(**options).state_dict().items()} == shapes


def test_what_a_color_unet_shows():
    shown = "ColorUNet(in_channels=1, out_channels=2, widths=(32, 64, 128, 256), size=64)"
    assert repr(ColorUNet()) == repr(ColorUNet(widths=[32, 64, 128, np.int64(256)])) == shown
    assert ColorUNet(widths=(2, 3), size=6).size == 6


@pytest.mark.parametrize("size", [0, -8, 62, 64.0])
def test_a_color_unet_of_a_size_that_it_cannot_halve_is_refused(size):
    with pytest.raises(ValueError, match=r"ColorUNet.*size"):
        ColorUNet(widths=(2, 2, 2), size=size)


@pytest.mark.parametrize("make", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_resumed_at_random_steps_ends_in_the_bits_of_the_straight_run(make, tmp_path):
    straight = tiny()
    train(straight, make(straight.parameters()), 0, STEPS)
    wanted = sha256(straight)
    for stop in random.Random(0).sample(range(1, STEPS), 10):
        network = tiny()
        optimizer = make(network.parameters())
        train(network, optimizer, 0, stop)
        save_checkpoint(tmp_path / "last", network, optimizer=optimizer, progress={"step": stop})
        checkpoint = read_checkpoint(tmp_path / "last")
        optimizer = make(checkpoint.network.parameters())
        optimizer.load_state_dict(checkpoint.optimizer_state)
        train(checkpoint.network, optimizer, checkpoint.progress["step"], STEPS)
        assert sha256(checkpoint.network) == wanted


# What is not saved; the older file is always as it was.


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("entry", ["network/head.weight", "network/levels.0.0.norm.running_var"])
def test_a_network_with_nan_or_infinity_is_refused(trained, path, entry, bad):
    network, optimizer = trained
    before = path.read_bytes()
    state = network.state_dict()
    state[entry.removeprefix("network/")].flat[-1] = bad
    network.load_state_dict(state)
    with pytest.raises(ValueError, match=f"NaN or infinity in {entry}, expected"):
        save_checkpoint(path, network, optimizer=optimizer)
    assert path.read_bytes() == before


def test_an_optimizer_with_nan_is_refused(trained, path):
    network, optimizer = trained
    optimizer.v[-1] = np.nan
    with pytest.raises(ValueError, match="NaN or infinity in optimizer/v"):
        save_checkpoint(path, network, optimizer=optimizer)


def test_a_layer_that_could_not_be_built_again_is_refused(tmp_path):
    class ColorUNet(tc.Layer):
        """Has the name alone."""

    for layer in (tc.ReLU(), ColorUNet()):
        with pytest.raises(ValueError, match=r"expected one of tc.networks \(.*ColorUNet, CrossCircleCNN,"):
            save_checkpoint(tmp_path / "a", layer)
    assert list(tmp_path.iterdir()) == []


def test_progress_that_json_cannot_hold_or_that_is_too_long_is_refused(trained, path):
    before = path.read_bytes()
    with pytest.raises(TypeError, match="float32"):
        save_checkpoint(path, trained[0], progress={"best": np.float32(1)})
    with pytest.raises(ValueError, match=r"progress of 1,100,\d+ characters"):
        save_checkpoint(path, trained[0], progress={"curve": "9" * 1_100_000})
    assert path.read_bytes() == before


def test_a_full_disk_leaves_the_older_checkpoint(trained, path, monkeypatch):
    network, optimizer = trained
    before = sha256(network)
    train(network, optimizer, 3, 4)

    def fsync(file):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(path, network, optimizer=optimizer)
    assert sha256(load_checkpoint(path)) == before
    assert list(path.parent.iterdir()) == [path]


# Refusals.


def test_nothing_and_a_folder(tmp_path):
    assert refused(tmp_path / "nothing").endswith("nothing: no such file")
    assert refused(tmp_path / "nothing" / "below").endswith("no such file")
    assert refused(str(tmp_path)).endswith("is a folder, not a checkpoint")


def test_a_file_that_the_system_does_not_give(path, monkeypatch):
    # Root may read everything, so the refusal is played.
    def refuse(*args):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert refused(path).endswith("cannot be read (Permission denied)")


def test_a_name_that_is_too_long(tmp_path):
    assert refused(tmp_path / ("a" * 5000)).endswith("cannot be read (File name too long)")


def test_names_with_line_breaks_and_bytes_that_are_no_text(path):
    for name in (b"two\nlines", b"caf\xe9"):
        odd = path.with_name(os.fsdecode(name))
        odd.write_bytes(path.read_bytes())
        load_checkpoint(odd)
        odd.write_text("no checkpoint")
        refused(odd)


@pytest.mark.parametrize("content", [b"", b"text", b"some longer text", b"\x89PNG\r\n\x1a\n" + bytes(99), bytes(4096)])
def test_other_files(content, tmp_path):
    (tmp_path / "a").write_bytes(content)
    assert refused(tmp_path / "a").endswith("no safetensors file")


class Trap:
    """Leaves a file behind if anybody unpickles it."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_never_opened(protocol, tmp_path):
    mark, disguised = tmp_path / "mark", tmp_path / "net.safetensors"
    content = pickle.dumps(Trap(mark), protocol)
    disguised.write_bytes(content)
    message = refused(disguised)
    assert ("since a pickle can run code" if protocol >= 2 else "no safetensors file") in message
    with zipfile.ZipFile(disguised, "w") as archive:  # as torch.save does
        archive.writestr("archive/data.pkl", content)
    assert "since a pickle can run code" in refused(disguised)
    assert not mark.exists()
    pickle.loads(content)
    assert mark.exists(), "the trap does not work"


def test_a_safetensors_file_of_somebody_else(tmp_path):
    path = tmp_path / "a"
    for texts in (None, {"format": "pt"}):
        path.write_bytes(save({"a": np.ones(3)}, texts))
        assert refused(path).endswith("a safetensors file, but no checkpoint of tinycolor")


def test_a_file_cut_off_anywhere(path):
    whole = path.read_bytes()
    for length in [*range(20), *range(20, len(whole), 997), len(whole) // 2, len(whole) - 1]:
        path.write_bytes(whole[:length])
        message = refused(path)
        assert "cut off" in message or "no safetensors file" in message
    path.write_bytes(whole + b"\0")
    assert "cut off" in refused(path)


def test_a_flipped_bit_anywhere_in_the_numbers(path):
    whole = path.read_bytes()
    start = 8 + struct.unpack("<Q", whole[:8])[0]
    for place in [start, *random.Random(0).sample(range(start, len(whole)), 50), len(whole) - 1]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        assert refused(path).endswith("its content does not match its digest")


W, V = "network/levels.0.0.norm.weight", "network/levels.0.1.norm.weight"
CHANGES = {
    "version": lambda texts, tensors: texts.update(tinycolor="0.0.0"),
    "options": lambda texts, tensors: texts.update(options=texts["options"].replace("16", "32")),
    "progress": lambda texts, tensors: texts.update(progress='{"step": 4}'),
    "network": lambda texts, tensors: texts.update(network="CrossCircleCNN"),
    "one text more": lambda texts, tensors: texts.update(more=""),
    "one text less": lambda texts, tensors: texts.pop("progress"),
    "no digest": lambda texts, tensors: texts.pop("digest"),
    "another digest": lambda texts, tensors: texts.update(digest=texts["digest"][::-1]),
    "a number": lambda texts, tensors: tensors[W].fill(2),
    "the sign of zero": lambda texts, tensors: tensors["network/head.bias"].fill(-0.0),
    "dtype": lambda texts, tensors: tensors.update({W: tensors[W].view(np.int32)}),
    "shape": lambda texts, tensors: tensors.update({W: tensors[W].reshape(2, 2)}),
    "swapped": lambda texts, tensors: tensors.update({W: tensors[V], V: tensors[W]}),
    "renamed": lambda texts, tensors: tensors.update({f"{W}.": tensors.pop(W)}),
    "one tensor less": lambda texts, tensors: tensors.pop(W),
    "one tensor more": lambda texts, tensors: tensors.update({"more": np.zeros(0)}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_the_digest_covers_everything(change, path):
    texts, tensors = contents(path)
    tensors["network/head.bias"][:] = 0
    forge(path, texts, tensors)
    load_checkpoint(path)
    texts, tensors = contents(path)
    change(texts, tensors)
    path.write_bytes(save(tensors, texts))
    assert refused(path).endswith("its content does not match its digest")


@pytest.mark.parametrize("size", [1 << 63, 100 << 20, 2 << 20])
def test_an_absurd_header_is_not_read(size, path):
    path.write_bytes(struct.pack("<Q", size) + b'{"a": 1}')
    assert refused(path).endswith(f"has a header of {size:,} bytes, expected at most 1,048,576")


def test_a_header_too_long_for_a_checkpoint_is_not_read_though_whole(path):
    texts, tensors = contents(path)
    forge(path, {**texts, "progress": " " * (1 << 20)}, tensors)
    assert "expected at most 1,048,576" in refused(path)


HEADERS = [
    b'{"a":' + b"[" * 900_000,
    b'{"a":{"dtype":"F32","shape":[1099511627776,1099511627776],"data_offsets":[0,4]}}',
    b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4000000000]}}',
    b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}',
    b'{"__metadata__":{"tinycolor":1}}',
    b'{"__metadata__":{"tinycolor":"\\ud800"}}',
    b"{\xff}",
    b"{",
]


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_a_header_that_is_none(header, tmp_path):
    (tmp_path / "a").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))
    assert "damaged or cut off" in refused(tmp_path / "a")


def test_another_format_is_told_before_the_digest(path):
    texts, tensors = contents(path)
    path.write_bytes(save(tensors, {**texts, "format": "2", "tinycolor": "9.0", "digest": "unknown"}))
    assert refused(path).endswith("has format '2' of tinycolor '9.0', expected '1': install that tinycolor")


def test_another_network_than_expected(path):
    assert type(load_checkpoint(path, ColorUNet)) is ColorUNet
    assert type(load_checkpoint(path, Colorizer)) is ColorUNet
    assert refused(path, CrossCircleCNN).endswith("holds 'ColorUNet', expected one of CrossCircleCNN")


# The digest of each of these is right.


@pytest.mark.parametrize("name", ["Nobody", "annotations", "color_unet", "__all__", "", "\n" * 99])
def test_an_unknown_network(path, name):
    texts, tensors = contents(path)
    forge(path, {**texts, "network": name}, tensors)
    assert f"expected one of {', '.join(tc.networks.__all__)}" in refused(path)


OPTIONS = {
    "no JSON": "{",
    "no dict": "[1]",
    "null": "null",
    "deep": "[" * 100_000,
    "long number": '{"size": ' + "9" * 10_000 + "}",
    "unknown": '{"widths": [4, 8], "depth": 3}',
    "text": '{"widths": "48"}',
    "negative": '{"widths": [-4, 8]}',
    "part": '{"widths": [4.5, 8]}',
    "infinite": '{"widths": [Infinity, 8]}',
    "huge": '{"widths": [4000000000000, 8]}',
    "others": '{"widths": [4, 9]}',
    "deeper": '{"widths": [4, 8, 8]}',
    "size": '{"widths": [4, 8], "size": 63}',
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_options_that_the_network_refuses(path, options):
    texts, tensors = contents(path)
    forge(path, {**texts, "options": options}, tensors)
    assert "holds no ColorUNet that can be built" in refused(path)


@pytest.mark.parametrize("change", ["integers", "halves", "nothing", "no text"])
def test_tensors_that_are_no_network(path, change):
    texts, tensors = contents(path)
    if change == "integers":
        tensors = {name: array.astype(np.int32) for name, array in tensors.items()}
    elif change == "halves":
        tensors[W] = tensors[W].astype(np.float16)
    elif change == "nothing":
        tensors = {}
    else:
        del texts["options"]
    forge(path, texts, tensors)
    assert "holds no ColorUNet that can be built" in refused(path)
