"""Damaged checkpoints give the one error or, where nothing that counts was damaged, what was saved."""

import json
import pickle
import random
import struct
import subprocess
import sys

import numpy as np
import pytest

import tinycolor as tc

from test_soak import note

pytestmark = pytest.mark.slow
EACH = 100

# In a process of its own, whose memory is that of reading alone.
READ_ALL = """
import hashlib, json, resource, sys, time
from pathlib import Path
from tinycolor.training.checkpoint import CheckpointError, read_checkpoint

def meaning(checkpoint):
    rival, its_own = checkpoint.discriminator, checkpoint.discriminator_optimizer_state
    arrays = {**checkpoint.network.state_dict(), **checkpoint.optimizer_state}
    arrays |= {f"rival {name}": array for name, array in {**(rival.state_dict() if rival else {}), **its_own}.items()}
    kinds = [(name, str(array.dtype), array.shape) for name, array in sorted(arrays.items())]
    texts = json.dumps([repr(checkpoint.network), repr(rival), checkpoint.progress, kinds])
    numbers = b"".join(arrays[name].tobytes() for name in sorted(arrays))
    return hashlib.sha256(texts.encode() + numbers).hexdigest()

def outcome(path):
    try:
        return meaning(read_checkpoint(path))
    except CheckpointError:
        return "refused"

def timed(path):
    started = time.perf_counter()
    return outcome(path), time.perf_counter() - started

results = {path.name: timed(path) for path in sorted(Path(sys.argv[1]).iterdir())}
print(json.dumps([results, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024]))
"""


@pytest.fixture(params=["one network", "two networks"])
def whole(request, tmp_path):
    """Return what is saved, and two checkpoints of the same run, no two numbers alike."""
    networks = {"network": tc.networks.ColorUNet(widths=(4, 8), size=16)}
    if request.param == "two networks":
        networks = {
            "network": tc.networks.Pix2PixGenerator(1, 2, 2, 4),
            "discriminator": tc.networks.PatchDiscriminator(3, 1, 4),
        }
    optimizers = {
        {"network": "optimizer", "discriminator": "discriminator_optimizer"}[part]: tc.optim.Adam(network.parameters())
        for part, network in networks.items()
    }
    rng, contents = np.random.default_rng(0), []
    for step in range(2):
        for optimizer in optimizers.values():
            for array in (optimizer.m, optimizer.v):
                array[:] = rng.random(array.shape)
        for network in networks.values():
            network.load_state_dict({name: rng.random(a.shape, "float32") for name, a in network.state_dict().items()})
        tc.save_checkpoint(tmp_path / "whole", **networks, **optimizers, progress={"step": step, "best": 8.5})
        contents.append((tmp_path / "whole").read_bytes())
    return request.param, contents


def split(content):
    """Return header and numbers."""
    start = 8 + struct.unpack("<Q", content[:8])[0]
    return content[8:start], content[start:]


def join(header, numbers):
    return struct.pack("<Q", len(header)) + header + numbers


def flip(content, rng, start, stop):
    for _ in range(rng.randint(1, 8)):
        content[rng.randrange(start, stop)] ^= 1 << rng.randrange(8)
    return content


def bits_anywhere(content, other, rng):
    return flip(bytearray(content), rng, 0, len(content))


def bits_of_the_header(content, other, rng):
    return flip(bytearray(content), rng, 8, 8 + len(split(content)[0]))


def cut_off(content, other, rng):
    return content[: rng.randrange(len(content))]


def longer(content, other, rng):
    return content + rng.randbytes(rng.randint(1, 10_000))


def length_field(content, other, rng):
    length = len(split(content)[0])
    lengths = [rng.getrandbits(64), rng.getrandbits(32), rng.getrandbits(20), length + rng.randint(-9, 9) * 8, 0]
    return struct.pack("<Q", rng.choice(lengths)) + content[8:]


def header_that_is_json(content, other, rng):
    header, numbers = split(content)
    fields = json.loads(header)
    name = rng.choice(list(fields))
    strange = rng.choice([None, -1, 2**63, 2**64, 0.5, "", "F64", "BF16", [], {}, [2**40, 2**40], [0, 4], True])
    key = rng.choice([*fields[name], "data_offsets", "more"])
    change = rng.randrange(4)
    if change == 0:
        del fields[name]
    elif change == 1:
        fields[name] = strange
    elif change == 2:
        fields[name][key] = strange
    else:
        fields[name + "\0"] = fields.pop(name)
    return join(json.dumps(fields).encode(), numbers)


def header_that_is_none(content, other, rng):
    header, numbers = split(content)
    pieces = [b"", b'"', b"{", b"}", b"[" * 1000, b",", b"\\", b"\xff", b"\0", b"1e999", b"NaN", rng.randbytes(20)]
    start = rng.randrange(len(header))
    return join(header[:start] + rng.choice(pieces) + header[start + rng.randint(0, 40) :], numbers)


def swapped_tensors(content, other, rng):
    header, numbers = split(content)
    fields = json.loads(header)
    names = [name for name in fields if name != "__metadata__"]
    pairs = [(a, b) for a in names for b in names if a < b and fields[a]["shape"] == fields[b]["shape"]]
    a, b = rng.choice(pairs)
    fields[a], fields[b] = fields[b], fields[a]
    return join(json.dumps(fields).encode(), numbers)


def spliced_pickle(content, other, rng):
    code = pickle.dumps(struct.pack, rng.randint(0, pickle.HIGHEST_PROTOCOL)) * rng.randint(1, 50)
    start = rng.choice([0, 8, rng.randrange(len(content)), len(content)])
    return content[:start] + code + content[start + rng.choice([0, len(code)]) :]


def half_of_another(content, other, rng):
    start = rng.randrange(0, len(content), 512)
    return content[:start] + rng.choice([other, bytes(len(other))])[start:]


MUTATIONS = (
    bits_anywhere,
    bits_of_the_header,
    cut_off,
    longer,
    length_field,
    header_that_is_json,
    header_that_is_none,
    swapped_tensors,
    spliced_pickle,
    half_of_another,
)


def test_mutated_checkpoints_are_refused_soon_and_in_little_memory(whole, tmp_path):
    what, contents = whole
    folder = tmp_path / "mutated"
    folder.mkdir()
    rng = random.Random(0)
    for mutate in MUTATIONS:
        for number in range(EACH):
            (folder / f"{mutate.__name__} {number}").write_bytes(mutate(*contents, rng))
    for number, content in enumerate(contents):
        (folder / f"whole {number}").write_bytes(content)
    read = subprocess.run([sys.executable, "-c", READ_ALL, folder], capture_output=True, text=True, check=False)
    assert read.returncode == 0, read.stderr
    results, megabytes = json.loads(read.stdout)
    meanings = [results.pop(f"whole {number}")[0] for number in range(2)]
    assert len({*meanings, "refused"}) == 3
    assert len(results) == EACH * len(MUTATIONS)
    outcomes = [outcome for outcome, _ in results.values()]
    assert set(outcomes) <= {*meanings, "refused"}
    slowest = max(seconds for _, seconds in results.values())
    note(
        f"checkpoints of {what}, mutated",
        files=len(results),
        refused=outcomes.count("refused"),
        unharmed=len(results) - outcomes.count("refused"),
        most_milliseconds=round(1000 * slowest, 1),
        most_megabytes=round(megabytes),
    )
    assert slowest < 2
    assert megabytes < 512
