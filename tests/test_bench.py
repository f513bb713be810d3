import importlib
import itertools
import json
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

import tinycolor as tc
from tinycolor import bench
from tinycolor.bench import child as child_module
from tinycolor.bench import ours as our_cases
from tinycolor.bench import plan, report, turns
from tinycolor.bench.child import BenchError, Child
from tinycolor.bench.load import Load, foreign_share, read_load
from tinycolor.bench.markdown import table
from tinycolor.bench.report import Report, Row
from tinycolor.bench.turns import Patience, Reading, quiet_reading, take_turns
from tinycolor.threads import blas_threads, cores

TINY = "conv:32,1,28,28,8,3,1"


def readings(*values):
    return [Reading(value, 3, 0.0) for value in values]


def some_report(rows, **changes):
    facts = {"processor": "a slow one", "NumPy": "2.0"}
    whole = Report("2026-01-01", facts, {}, 2, 5, 0.5, torch=True, discarded=0, kept=0, rows=rows)
    return replace(whole, **changes)


def conv_row(layout, *ratios):
    return Row("conv", "a convolution", layout, "time", readings(*ratios), readings(*[1.0] * len(ratios)))


class TestPlan:
    def test_everything_is_chosen_by_default(self):
        assert len(plan.choose()) == len(plan.CASES)
        assert sum(case.group == "conv" for case in plan.choose(["conv"])) == len(plan.CONVOLUTIONS) == 9

    def test_the_memory_case_is_not_the_timed_one(self):
        assert [case.measure for case in plan.choose(["color-unet"])] == ["time"]

    def test_one_convolution_by_name(self):
        assert [case.name for case in plan.choose([TINY])] == [TINY]

    @pytest.mark.parametrize("wanted", [["conv", "diffusion"], []])
    def test_unknown_or_no_cases_are_an_error(self, wanted):
        with pytest.raises(ValueError, match="expected some of color-unet, cross-circle, pix2pix, conv"):
            plan.choose(wanted)


class TestLoad:
    def test_foreign_is_what_the_child_did_not_use(self):
        assert foreign_share(Load(10, 100, 5), Load(12, 104, 8.5)) == pytest.approx(0.25)

    def test_ticks_that_do_not_add_up_are_not_negative_load(self):
        assert foreign_share(Load(0, 0, 0), Load(1, 1, 1.02)) == 0

    def test_without_proc_nothing_is_known(self):
        assert foreign_share(None, Load(1, 1, 1)) is None

    @pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
    def test_the_reader_sees_this_machine_and_no_process_that_is_gone(self):
        child = subprocess.Popen([sys.executable, "-c", ""])
        assert read_load(child.pid) is None or read_load(child.pid).machine > 0
        child.wait()
        assert read_load(child.pid) is None


class TestQuietReading:
    """Every round takes one second of the fake clock, and this much of somebody else's processor time."""

    def measured(self, foreign, tries=3, patience=10.0):
        clock, machine, rounds = 0.0, 0.0, 0

        def measure():
            nonlocal clock, machine, rounds
            clock, machine, rounds = clock + 1, machine + foreign[rounds], rounds + 1
            return {"value": rounds - 1, "calls": 1}

        def load(pid):
            return Load(clock, machine, 0.0)

        return quiet_reading(measure, 1, Patience(patience), load=load, tries=tries, pause=0)

    def test_a_quiet_round_is_taken_at_once(self):
        assert self.measured([0.0]) == Reading(0, 1, 0.0, discarded=0)

    def test_disturbed_rounds_are_discarded(self):
        reading = self.measured([0.9, 0.5, 0.1])
        assert (reading.value, reading.discarded, reading.disturbed) == (2, 2, False)

    def test_the_least_disturbed_is_kept_and_flagged_when_it_never_gets_quiet(self):
        reading = self.measured([0.9, 0.5, 0.7])
        assert (reading.value, reading.discarded, reading.disturbed) == (1, 2, True)
        assert reading.foreign == pytest.approx(0.5)

    def test_when_patience_is_at_an_end_it_does_not_try_again(self):
        assert self.measured([0.9, 0.0], patience=0.0).discarded == 0

    def test_it_waits_while_somebody_works(self):
        loads = iter([Load(0, 0, 0), Load(1, 1, 0), Load(1, 1, 0), Load(2, 1.1, 0)])
        turns.wait_for_quiet(1, lambda pid: next(loads), pause=0)
        assert next(loads, None) is None

    def test_it_does_not_wait_for_ever(self):
        loads = (Load(second, 2 * second, 0) for second in itertools.count())
        turns.wait_for_quiet(1, lambda pid: next(loads), pause=0)
        assert next(loads).clock == 2 * turns.WAITS

    def test_patience_is_for_the_whole_run(self):
        patience = Patience(1e-3)

        def measure():
            time.sleep(1e-3)
            return {"value": 1.0, "calls": 1}

        loads = (Load(second, 2 * second, 0) for second in itertools.count())
        readings = [quiet_reading(measure, 1, patience, load=lambda pid: next(loads), pause=0) for _ in range(3)]
        assert patience.left < 0
        assert [reading.discarded for reading in readings] == [0, 0, 0]
        assert all(reading.disturbed for reading in readings)

    def test_without_proc_the_first_round_counts(self):
        reading = quiet_reading(lambda: {"value": 7.0, "calls": 2}, 1, Patience(10), load=lambda pid: None, pause=0)
        assert reading == Reading(7.0, 2, None, 0)
        assert not reading.disturbed


def test_sides_take_turns_and_change_who_is_first():
    asked = []
    take_turns(["ours", "default"], 3, asked.append)
    assert asked == ["ours", "default", "default", "ours", "ours", "default"]


class TestReport:
    def test_the_ratio_is_the_median_of_the_turns_ratios_not_the_ratio_of_medians(self):
        row = Row("conv", "", "default", "time", readings(1, 2, 9), readings(4, 1, 3))
        assert row.ratios == [0.25, 2, 3]
        assert row.ratio == 2

    def test_geometric_mean_per_layout(self):
        rows = [conv_row("default", 0.5), conv_row("default", 2.0), conv_row("channels_last", 4.0, 4.0)]
        rows += [conv_row("channels_last", 1.0), replace(conv_row("default", 100.0), group="color-unet")]
        assert some_report(rows).geometric_means() == pytest.approx({"default": 1.0, "channels_last": 2.0})

    def test_table_is_markdown_with_one_line_per_row(self):
        text = str(some_report([conv_row("default", 0.5, 0.7, 0.6)]))
        assert "| a convolution | default (NCHW)   |    600 ms | 1000 ms |  0.60 | 0.50 to 0.70 |" in text
        assert "below 1, tinycolor is faster" in text
        assert "- processor: a slow one" in text

    def test_what_begins_with_a_digit_stands_to_the_right_except_in_the_first_column(self):
        text = table(["case", "in words", "time"], [["1 step", "a while", "5 ms"], ["2", "", "10.0 ms"]])
        assert text.splitlines() == [
            "| case   | in words | time    |",
            "| ------ | -------- | ------- |",
            "| 1 step | a while  |    5 ms |",
            "| 2      |          | 10.0 ms |",
        ]

    def test_memory_is_in_megabytes(self):
        row = replace(conv_row("default", 5e8), measure="peak")
        assert "500 MB" in str(some_report([row]))

    def test_a_disturbed_row_is_marked(self):
        row = conv_row("default", 0.5)
        row.ours[0] = Reading(0.5, 3, foreign=0.8, discarded=4)
        text = str(some_report([row, conv_row("channels_last", 1.0)], discarded=4, kept=1))
        assert "0.50\\*" in text
        assert "1.00\\*" not in text
        assert "4 rounds disturbed by other processes were discarded" in text
        assert "1 readings never got quiet" in text

    def test_without_torch_it_says_how_to_get_it(self):
        row = replace(conv_row("default", 0.002, 0.004, 0.003), theirs=[])
        text = str(some_report([row], torch=False))
        assert "pip install torch" in text
        assert "| a convolution |   3.00 ms | 2.00 ms to 4.00 ms |" in text
        assert row.ratio is None

    @pytest.mark.parametrize(
        ("changes", "remark"),
        [
            ({"discarded": None, "kept": None}, "disturbed rounds are not filtered"),
            ({"turns": 2}, "Fewer than 5 turns"),
            ({"environment": {"OPENBLAS_CORETYPE": "Prescott"}}, "**Set: OPENBLAS_CORETYPE**"),
            (
                {"environment": {"OPENBLAS_CORETYPE": "Prescott", "OPENBLAS_L2_SIZE": "1", "OPENBLAS_VERBOSE": "0"}},
                "**Set: OPENBLAS_CORETYPE, OPENBLAS_L2_SIZE**",
            ),
        ],
    )
    def test_what_a_reader_must_know(self, changes, remark):
        rows = [conv_row("default", 1.0)]
        assert remark in str(some_report(rows, **changes))
        assert remark not in str(some_report(rows))

    def test_json_round_trip_with_raw_figures(self):
        whole = some_report([conv_row("default", 0.5, 0.7), conv_row("default", 2.0, 2.0)])
        again = Report.from_json(whole.to_json())
        assert again == whole
        saved = json.loads(whole.to_json())
        assert saved["rows"][0]["ours"][1] == {"value": 0.7, "calls": 3, "foreign": 0.0, "discarded": 0}
        assert saved["rows"][0]["ratio"] == pytest.approx(0.6)
        assert saved["geometric_means"] == pytest.approx({"default": 1.2**0.5})


class TestChild:
    def test_a_child_that_dies_at_the_start_says_why(self):
        command = [sys.executable, "-c", "import sys; sys.exit('no such library')"]
        with pytest.raises(BenchError, match=r"of ours ended with code 1 while starting: no such library$"):
            Child("ours", 2, command)

    def test_a_child_that_dies_at_work_says_why(self):
        # It also prints to where answers are expected: whatever a library prints must not be taken for one.
        code = "print('{}', flush=True); input(); import sys; sys.exit('out of ideas')"
        with (
            Child("torch", 2, [sys.executable, "-c", code]) as child,
            pytest.raises(BenchError, match="of torch ended with code 1 while measuring conv: out of ideas"),
        ):
            child.ask("time", "conv", "default", 0.1)

    def test_it_leaves_in_the_middle_of_a_measurement_when_the_parent_is_gone(self):
        with Child("ours", 1) as child:
            stdin = child._process.stdin
            stdin.write(f"time {TINY} default 600\n")
            stdin.flush()
            stdin.close()
            assert child._process.wait(timeout=10) == 0

    def test_an_interrupted_run_leaves_no_child(self, monkeypatch):
        made = []

        class Watched(Child):
            def __init__(self, *args):
                super().__init__(*args)
                made.append(self._process)

        def interrupt(*args, **kwargs):
            raise KeyboardInterrupt

        monkeypatch.setattr(bench, "Child", Watched)
        monkeypatch.setattr(bench, "quiet_reading", interrupt)
        monkeypatch.setattr(bench, "has_torch", lambda: False)
        with pytest.raises(KeyboardInterrupt):
            bench.run(1, cases=[TINY])
        assert made
        assert all(process.poll() is not None for process in made)


class TestRun:
    def test_ours_alone_with_real_processes(self, tmp_path, monkeypatch):
        monkeypatch.setattr(bench, "has_torch", lambda: False)
        monkeypatch.setattr(turns, "MOST_FOREIGN", 1e9)  # these look at no figures: no need for a quiet machine
        told = []
        result = bench.run(2, tmp_path / "bench.json", [TINY], 0.01, told.append)
        assert Report.from_json((tmp_path / "bench.json").read_text(encoding="utf-8")) == result
        (row,) = result.rows
        assert len(row.ours) == 2
        assert all(reading.value > 0 and reading.calls >= 3 for reading in row.ours)
        assert result.machine["NumPy"] == np.__version__
        # This process may hold more libraries than the child: SciPy brings its own.
        here = {name for name, _ in blas_threads()} or {"unknown to threadpoolctl"}
        assert set(result.machine["BLAS"].split("; ")) <= here
        assert result.machine["cores"].startswith(f"{cores()} usable")
        assert report.NO_TORCH in str(result)
        assert told == ["1/1  convolution 32x28x28x1 to 8, 3x3, stride 1"]

    @pytest.mark.parity
    def test_both_sides_with_real_processes(self, monkeypatch):
        torch = pytest.importorskip("torch")
        monkeypatch.setattr(turns, "MOST_FOREIGN", 1e9)
        result = bench.run(1, cases=[TINY], seconds=0.01)
        assert [row.layout for row in result.rows] == ["default", "channels_last"]
        assert result.rows[0].ours == result.rows[1].ours
        assert all(row.ratio > 0 for row in result.rows)
        assert torch.__version__ in result.machine["PyTorch"]

    def test_peak_memory_of_a_fresh_process(self):
        with Child("ours", 2) as child:
            answer = child.ask("peak", "cross-circle", "default", 2)
        assert answer["calls"] == 2
        assert 0 < answer["value"] < 1e9

    @pytest.mark.parametrize("wrong", [{"turns": 0}, {"seconds": 0}, {"cases": ["nothing"]}])
    def test_wrong_arguments_are_told_before_anything_starts(self, wrong, monkeypatch):
        monkeypatch.setattr(child_module.subprocess, "Popen", None)
        with pytest.raises(ValueError, match="expected"):
            bench.run(**wrong)

    def test_a_missing_folder_is_told_before_anything_starts(self, tmp_path):
        with pytest.raises(ValueError, match="the folder does not exist"):
            bench.run(output=tmp_path / "nowhere" / "bench.json")


@pytest.fixture
def rival():
    pytest.importorskip("torch")
    return importlib.import_module("tinycolor.bench.rival")


def small_pix2pix():
    generator = tc.networks.Pix2PixGenerator(levels=3, base_width=4)
    return generator, tc.networks.PatchDiscriminator(layers=2, base_width=4)


@pytest.mark.parity
class TestTwins:
    """PyTorch's networks are ours: with equal weights they give equal outputs and equal gradients."""

    def give_weights(self, network, twin, flattened):
        torch = pytest.importorskip("torch")
        for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
            data = ours.data
            if data.ndim == 4:
                data = data.transpose(3, 2, 0, 1)
            elif data.ndim == 2 and len(data) == np.prod(flattened):
                # Our rows are in the order H, W, C of a flattened picture, theirs in C, H, W.
                data = data.reshape(*flattened, -1).transpose(3, 2, 0, 1).reshape(data.shape[::-1])
            elif data.ndim == 2:
                data = data.T
            with torch.no_grad():
                theirs.copy_(torch.from_numpy(np.ascontiguousarray(data)))

    def check(self, network, twin, x, flattened=()):
        torch = pytest.importorskip("torch")
        network, twin = network.astype("float64"), twin.double()
        self.give_weights(network, twin, flattened)
        y, backward = network(x)
        their_x = torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2))).requires_grad_()
        their_y = twin(their_x)
        ys, their_ys = (some if isinstance(some, tuple) else (some,) for some in (y, their_y))
        dys = [tc.Generator(5).normal(each.shape, dtype=np.float64) for each in ys]
        torch.autograd.backward(their_ys, [torch.from_numpy(np.moveaxis(dy, -1, 1).copy()) for dy in dys])
        for each, theirs in zip(ys, their_ys, strict=True):
            np.testing.assert_allclose(np.moveaxis(each, -1, 1), theirs.detach().numpy(), rtol=1e-9, atol=1e-11)
        dx = backward(*dys).transpose(0, 3, 1, 2)
        np.testing.assert_allclose(dx, their_x.grad.numpy(), rtol=1e-7, atol=1e-9)

    def test_color_unet(self, rival):
        network, twin = tc.networks.ColorUNet(), rival.networks.ColorUNet()
        counts = (sum(p.data.size for p in network.parameters()), sum(p.numel() for p in twin.parameters()))
        assert counts == (1_947_746, 1_947_746)
        self.check(network, twin, tc.Generator(3).normal((2, 16, 24, 1), dtype=np.float64))

    def test_cross_circle(self, rival):
        network, twin = tc.networks.CrossCircleCNN(), rival.networks.cross_circle()
        self.check(network, twin, tc.Generator(3).normal((3, 28, 28, 1), dtype=np.float64), (7, 7, 16))

    def test_pix2pix(self, rival):
        generator, discriminator = small_pix2pix()
        twins = rival.networks.pix2pix_generator(3, 4), rival.networks.patch_discriminator(2, 4)
        self.check(generator, twins[0], tc.Generator(3).normal((2, 16, 24, 1), dtype=np.float64))
        self.check(discriminator, twins[1], tc.Generator(3).normal((2, 32, 24, 3), dtype=np.float64))

    def test_pix2pix_at_full_size_has_as_many_weights(self, rival):
        torch = pytest.importorskip("torch")
        with torch.device("meta"):
            twins = rival.networks.pix2pix_generator(), rival.networks.patch_discriminator()
        assert [sum(p.numel() for p in twin.parameters()) for twin in twins] == [54_409_858, 2_765_633]
        assert sum(isinstance(layer, torch.nn.Dropout) for layer in twins[0].modules()) == 3

    def test_iizuka(self, rival):
        network = tc.networks.Iizuka(5, width=1 / 32, global_size=64, size=64)
        twin = rival.networks.Iizuka(1 / 32, 64, 5)
        self.check(network, twin, tc.Generator(3).normal((2, 64, 64, 1), dtype=np.float64), (2, 2, 16))

    def test_a_step_of_pix2pix_moves_both_sides_alike(self, rival):
        """Adam's first step is the learning rate times the sign of the gradient."""
        torch = pytest.importorskip("torch")
        networks = small_pix2pix()
        twins = rival.networks.pix2pix_generator(3, 4), rival.networks.patch_discriminator(2, 4)
        for network, twin in zip(networks, twins, strict=True):
            self.give_weights(network, twin, ())
        x, real = (tc.Generator(4).normal((1, 32, 32, channels)) for channels in (1, 2))
        their_x, their_real = (torch.from_numpy(np.moveaxis(array, -1, 1).copy()) for array in (x, real))
        our_cases.duel_step(*networks, x, real)()
        rival.duel_step(*twins, their_x, their_real)()
        for network, twin in zip(networks, twins, strict=True):
            for ours, theirs in zip(network.parameters(), twin.parameters(), strict=True):
                data = ours.data.transpose(3, 2, 0, 1) if ours.data.ndim == 4 else ours.data
                moved = abs(data - theirs.detach().numpy()) < 1e-5  # of 2e-4
                assert moved.mean() > 0.99

    def test_both_sides_know_every_timed_case_in_every_layout(self, rival, monkeypatch):
        monkeypatch.setattr(our_cases, "pix2pix", small_pix2pix)
        generator, discriminator = rival.networks.pix2pix_generator, rival.networks.patch_discriminator
        monkeypatch.setattr(rival.networks, "pix2pix_generator", lambda: generator(3, 4))
        monkeypatch.setattr(rival.networks, "patch_discriminator", lambda: discriminator(2, 4))
        for case in plan.CASES:
            assert callable(our_cases.make(case.name, "default"))
            for layout in case.layouts:
                assert callable(rival.make(case.name, layout))

    def test_gradients_of_a_convolution_are_asked_for_in_equal_shapes(self, rival):
        _, our_dx, our_dw = our_cases.make(TINY, "default")()
        their_dx, their_dw = rival.make(TINY, "default")()
        assert our_dx.transpose(0, 3, 1, 2).shape == their_dx.shape
        assert our_dw.transpose(3, 2, 0, 1).shape == their_dw.shape
