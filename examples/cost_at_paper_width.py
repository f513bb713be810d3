"""What one picture costs a network as wide as its paper's: python examples/cost_at_paper_width.py [NETWORK ...].

Each network has a process of its own, which makes it and teaches it one picture four times, forward and backward in
train mode. The memory is the most that was held at once, over what the imports took: weights, their gradients, what
backward needs, and scratch. The times are medians of the last three. An optimizer comes on top; Adam's needs two more
numbers per weight.
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from statistics import median
from typing import NamedTuple

import numpy as np

from tinycolor import Generator, networks
from tinycolor.bench.machine import machine
from tinycolor.bench.markdown import table
from tinycolor.bench.worker import peak_memory

# How it is made, and the side of its picture: 224 or 256, and the 572 of U-Net's paper.
CASES = {
    "VGG16": (networks.VGG16, 224),
    "VGG16 with batch norm": (partial(networks.VGG16, batch_norm=True), 224),
    "FCN32s": (networks.FCN32s, 224),
    "FCN16s": (networks.FCN16s, 224),
    "FCN8s": (networks.FCN8s, 224),
    "UNet": (networks.UNet, 572),
    "UNet padded, with batch norm": (partial(networks.UNet, 3, padding="same", batch_norm=True, size=256), 256),
    "Zhang": (networks.Zhang, 256),
    "ZhangL2": (networks.ZhangL2, 256),
    "Iizuka": (networks.Iizuka, 224),
    "IizukaBaseline": (networks.IizukaBaseline, 224),
    "ColorUNet": (networks.ColorUNet, 256),
    "Pix2PixGenerator": (networks.Pix2PixGenerator, 256),
    "PatchDiscriminator": (networks.PatchDiscriminator, 256),
}
STEPS = 4


class Cost(NamedTuple):
    """What one network costs: numbers that it learns, bytes, seconds."""

    weights: int
    memory: int
    forward: float
    backward: float


def cost(name: str) -> Cost:
    """Measure one network; to be called in a fresh process."""
    before = peak_memory()
    make, side = CASES[name]
    network = make()
    x = Generator(0).uniform((1, side, side, network.in_channels), -1, 1)
    forward, backward = [], []
    for step in range(STEPS):
        network.zero_grad()
        start = time.perf_counter()
        y, go_back = network(x, rng=Generator(0, step=step))
        turn = time.perf_counter()
        go_back(*(np.ones_like(output) for output in (y if isinstance(y, tuple) else (y,))))
        forward.append(turn - start)
        backward.append(time.perf_counter() - turn)
        del y, go_back
    weights = sum(parameter.data.size for parameter in network.parameters())
    return Cost(weights, peak_memory() - before, median(forward[1:]), median(backward[1:]))


def main(names: list[str]) -> None:
    """Measure the networks and print a table in Markdown."""
    lines = []
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        for name, (weights, memory, forward, backward) in zip(names, processes.map(cost, names), strict=True):
            side = CASES[name][1]
            lines.append(
                [name, f"{side} x {side}", f"{weights:,}", f"{memory / 1e9:.2f} GB"]
                + [f"{seconds:.2f} s" for seconds in (forward, backward, forward + backward)]
            )
            print(f"{name}: {memory / 1e9:.2f} GB, {forward + backward:.2f} s", file=sys.stderr)
    print(table(["network", "picture", "weights", "peak memory", "forward", "backward", "both"], lines))
    print("\n" + "; ".join(f"{what}: {is_}" for what, is_ in machine().items()))


if __name__ == "__main__":
    unknown = set(sys.argv[1:]) - CASES.keys()
    if unknown:
        sys.exit(
            f"cost_at_paper_width got {', '.join(sorted(unknown))}, expected some of: {', '.join(map(repr, CASES))}."
        )
    main(sys.argv[1:] or list(CASES))
