"""``tinycolor bench --device gpu``, as far as it can go without a GPU."""

import gc
import json
import sys
from typing import ClassVar

import pytest
from pretend_cuda import machine

import tinycolor as tc
from tinycolor.bench import gpu as gpu_bench
from tinycolor.bench import gpu_ours, gpu_plan
from tinycolor.bench.child import BenchError
from tinycolor.bench.gpu import GpuReport, GpuRow
from tinycolor.bench.turns import Reading


def small_pix2pix():
    generator = tc.networks.Pix2PixGenerator(levels=2, base_width=2)
    return generator, tc.networks.PatchDiscriminator(layers=1, base_width=2)


def small_pix2pix_batch(pictures):
    return gpu_ours.noise(pictures, 16, 16, 1), gpu_ours.noise(pictures, 16, 16, 2)


class SmallIizuka(tc.networks.Iizuka):
    def __init__(self):
        super().__init__(3, width=1 / 32, global_size=32, size=32)


@pytest.mark.parametrize(
    "name", ["cross-circle:2", "conv:1,4,6,6,4,3,1", "pix2pix:1", "pix2pix-inference:1", "iizuka:1"]
)
@pytest.mark.usefixtures("cupy")
def test_our_side_is_recorded_and_played_back(monkeypatch, name):
    monkeypatch.setattr(gpu_ours, "REPEATS", 3)
    monkeypatch.setattr(gpu_ours, "pix2pix", small_pix2pix)
    monkeypatch.setattr(gpu_ours, "pix2pix_batch", small_pix2pix_batch)
    monkeypatch.setattr(tc.networks, "Iizuka", SmallIizuka)
    work = gpu_ours.make(name, "default")
    work()
    assert work.repeats == 3
    assert set(gpu_ours.about()) == {"GPU", "CuPy"}


@pytest.mark.parametrize("name", ["cross-circle:2", "conv:1,4,6,6,4,3,1", "pix2pix-inference:1"])
def test_a_case_that_is_done_leaves_its_memory_to_the_next(pretended, monkeypatch, name):
    def held():
        gc.collect()
        pretended.get_default_memory_pool().free_all_blocks()
        return machine.held()

    monkeypatch.setattr(gpu_ours, "REPEATS", 3)
    monkeypatch.setattr(gpu_ours, "pix2pix", small_pix2pix)
    monkeypatch.setattr(gpu_ours, "pix2pix_batch", small_pix2pix_batch)
    gpu_ours.make(name, "default")()  # leaves the constants of the layers, which stay for ever
    before = held()
    gpu_ours.make(name, "default")()
    assert held() == before


def test_the_cases_are_those_of_the_goals():
    assert [case.name for case in gpu_plan.CASES if case.group != "conv"] == [
        "cross-circle:32",
        "color-unet:16",
        "color-unet:128",
        "pix2pix:1",
        "pix2pix:16",
        "pix2pix-inference:1",
        "iizuka:16",
    ]
    assert len(gpu_plan.CONVOLUTIONS) == 7
    assert {case.layouts for case in gpu_plan.CASES} == {gpu_plan.MODES, ("graph", "graph,channels_last")}


def readings(*values):
    return [Reading(value, 3) for value in values]


def row(label, mode, ours, theirs):
    return GpuRow("conv", label, mode, readings(*ours), readings(*theirs))


class TestReport:
    ROWS = (
        row("a", "graph", [1, 1, 1], [4, 2, 3]),
        row("a", "graph,channels_last", [1], [2]),
        row("b", "graph", [1], [12]),
        row("b", "graph,channels_last", [1], [18]),
    )

    def test_above_one_tinycolor_is_the_faster(self):
        assert self.ROWS[0].ratio == 3

    def test_geometric_means_are_against_the_default_and_against_the_best(self):
        report = GpuReport("today", {}, 3, list(self.ROWS))
        assert report.geometric_means() == pytest.approx({"default": 6, "best": 24**0.5})

    def test_it_is_a_table_with_what_failed(self):
        text = str(GpuReport("today", {"GPU": "a fast one"}, 3, list(self.ROWS), ["c, compile: no compiler"]))
        assert "| a " in text
        assert "above 1, tinycolor is the faster" in text
        assert "- GPU: a fast one" in text
        assert "- PyTorch could not: c, compile: no compiler" in text

    def test_json_holds_ratios_and_raw_figures(self):
        saved = json.loads(GpuReport("today", {}, 3, list(self.ROWS)).to_json())
        assert saved["rows"][0]["ratio"] == 3
        assert saved["rows"][0]["theirs"][1]["value"] == 2
        assert saved["geometric_means"]["default"] == pytest.approx(6)

    def test_without_pytorch_it_has_our_times_alone(self):
        report = GpuReport("today", {}, 3, [row("a", "", [0.001], [])])
        assert report.geometric_means() == {}
        assert "not installed" in str(report)


class FakeChild:
    """A side that answers at once; PyTorch's dies of one mode."""

    started: ClassVar[list[str]] = []

    def __init__(self, side, threads):
        self.side, self.about = side, {side: "it"}
        self.started.append(side)

    def ask(self, verb, case, layout, amount):
        if self.side == "gpu-torch" and layout == "compile":
            raise BenchError("The process of gpu-torch ended")
        return {"value": 2.0 if self.side == "gpu-torch" else 1.0, "calls": 3}

    def close(self):
        pass


@pytest.mark.usefixtures("pretended")
def test_a_mode_that_fails_is_told_and_the_others_go_on(monkeypatch, tmp_path):
    monkeypatch.setattr(gpu_bench, "Child", FakeChild)
    monkeypatch.setattr(gpu_bench, "has_torch", lambda: True)
    monkeypatch.setattr(FakeChild, "started", [])
    report = gpu_bench.run(2, tmp_path / "gpu.json", ["color-unet"])
    assert [(row.mode, row.ratio) for row in report.rows] == [(mode, 2) for mode in gpu_plan.MODES[:-1]] * 2
    assert [line.split(",")[-1].split(":")[0] for line in report.failed] == [" compile"] * 2
    assert FakeChild.started == ["gpu-ours", "gpu-torch", "gpu-torch"]
    assert json.loads((tmp_path / "gpu.json").read_text())["failed"] == report.failed


def test_without_a_gpu_it_is_one_sentence(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", None)
    with pytest.raises(ModuleNotFoundError, match="The GPU needs CuPy"):
        gpu_bench.run()
