"""What a network costs, measured on a small one in this process."""

import importlib.util
from pathlib import Path

import pytest

from tinycolor import networks

FILE = Path(__file__).parents[2] / "examples" / "cost_at_paper_width.py"


@pytest.fixture
def example(monkeypatch):
    spec = importlib.util.spec_from_file_location("cost_at_paper_width", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_it_counts_weights_and_measures_memory_and_time(example, monkeypatch):
    small = {"two answers": (lambda: networks.Iizuka(3, 1 / 16, global_size=64, size=64), 64)}
    monkeypatch.setattr(example, "CASES", small)
    megabytes = iter([100e6, 130e6])
    monkeypatch.setattr(example, "peak_memory", lambda: int(next(megabytes)))
    cost = example.cost("two answers")
    network = small["two answers"][0]()
    assert cost.weights == sum(parameter.data.size for parameter in network.parameters())
    assert cost.memory == 30_000_000
    assert min(cost.forward, cost.backward) > 0


def test_every_network_has_a_line(example):
    made = {name.split()[0] for name in example.CASES}
    without_a_picture = {"GANGenerator", "GANDiscriminator", "CGANGenerator", "CGANDiscriminator"}
    assert made == set(networks.__all__) - without_a_picture - {"CrossCircleCNN"}
