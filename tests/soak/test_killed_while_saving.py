"""A process that is killed while it saves leaves a whole checkpoint: the older one or the newer one."""

import random
import signal
import subprocess
import sys
import time

import pytest

from tinycolor.files import TEMPORARY, sweep
from tinycolor.training.checkpoint import read_checkpoint

from test_soak import note

pytestmark = pytest.mark.slow
KILLS = 50

# Every number of checkpoint k is k, so that one made of two would show.
SAVE_FOR_EVER = """
import itertools, sys
import numpy as np
import tinycolor as tc

networks = {
    "network": tc.networks.Pix2PixGenerator(1, 2, 3, 8),
    "discriminator": tc.networks.PatchDiscriminator(3, 2, 16),
}
adam, its_own = (tc.optim.Adam(network.parameters()) for network in networks.values())
for number in itertools.count(int(sys.argv[2])):
    for network in networks.values():
        network.load_state_dict({name: np.full_like(array, number) for name, array in network.state_dict().items()})
    for optimizer in (adam, its_own):
        optimizer.m[:] = optimizer.v[:] = number
    tc.save_checkpoint(
        sys.argv[1], **networks, optimizer=adam, discriminator_optimizer=its_own, progress={"number": number}
    )
    print(number, flush=True)
"""


def kill_while_saving(path, first, seconds):
    """Return the number of the last checkpoint that the child knew to be safe."""
    command = [sys.executable, "-c", SAVE_FOR_EVER, path, str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        safe = int(child.stdout.readline())
        time.sleep(seconds)
        child.send_signal(signal.SIGKILL)
        said = child.stdout.read().splitlines()
        assert child.wait() == -signal.SIGKILL
    return int(said[-1]) if said else safe


def test_a_loadable_checkpoint_after_every_kill_and_no_orphans_after_sweeping(tmp_path):
    path, rng, number, orphans = tmp_path / "last.safetensors", random.Random(0), 0, 0
    for _ in range(KILLS):
        safe = kill_while_saving(path, number + 1, rng.uniform(0, 0.3))
        checkpoint = read_checkpoint(path)
        number = checkpoint.progress["number"]
        assert number in (safe, safe + 1)
        for network in (checkpoint.network, checkpoint.discriminator):
            assert all((array == number).all() for array in network.state_dict().values())
        for state in (checkpoint.optimizer_state, checkpoint.discriminator_optimizer_state):
            assert all((state[name] == number).all() for name in "mv")
        orphans += len(list(tmp_path.glob(f"*{TEMPORARY}")))
        sweep(tmp_path)
        assert list(tmp_path.iterdir()) == [path]
    note("checkpoints, killed while saving", kills=KILLS, loadable=KILLS, saves=number, orphans_swept=orphans)
    assert orphans > KILLS // 10, "hardly a kill came while a file was being written"
