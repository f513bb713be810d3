"""Every kernel compiles, without a word from the compiler, for the oldest and the newest GPUs it is written for."""

import re

import nvrtc
import pytest
from builds import BUILDS

from tinycolor.kernels import loader, sides
from tinycolor.kernels.loader import FOLDER, OPTIONS, defines, source

ARCHITECTURES = ("sm_80", "sm_90")
OF_CUPY = ("-ftz=true",)  # which it adds to the options of everybody
WARNINGS = ("--ptxas-options=--warn-on-spills", "--ptxas-options=--warn-on-local-memory-usage")
needs_nvrtc = pytest.mark.skipif(nvrtc.library() is None, reason=f"needs {nvrtc.PACKAGE}, to compile kernels")


def label(value):
    return "-".join(map(str, value.values())) if isinstance(value, dict) else value


def test_every_chapter_is_compiled():
    assert sorted(BUILDS) == sorted(path.stem for path in FOLDER.glob("*.cu"))


@needs_nvrtc
@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(("chapter", "constants"), [(c, build) for c in BUILDS for build in BUILDS[c]], ids=label)
def test_compiles_without_warnings(chapter, constants, architecture):
    options = (*OPTIONS, *OF_CUPY, *defines(constants), *WARNINGS)
    code, log = nvrtc.compile_for(source(chapter), architecture, options)
    assert log == ""
    assert code.startswith(b"\x7fELF")


@needs_nvrtc
@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("return way >= 0", "return wayy >= 0", r"windows\.cuh\((\d+)\): error.*wayy"),
        ("place_with_tap_on(in.row", "place_with_tap_of(in.row", r"im2col\.cu\((\d+)\): error.*place_with_tap_of"),
        ("float sum = 0.0f;", "float sum = 0.0f; int unused;", r"im2col\.cu\((\d+)\): warning.*unused"),
    ],
)
def test_compiler_names_the_file_and_the_line(old, new, complaint):
    _, log = nvrtc.compile_for(source("im2col").replace(old, new), "sm_80", OPTIONS)
    found = re.search(complaint, log)
    assert found
    name = complaint.partition("\\")[0]
    (path,) = FOLDER.glob(f"{name}.cu*")
    assert old in path.read_text().splitlines()[int(found[1]) - 1]


@needs_nvrtc
def test_spilled_registers_are_reported():
    """Numbers that did not fit into registers are as slow as far-away memory."""
    text = source("conv_tensor").replace("__launch_bounds__(THREADS, BLOCKS)", "__launch_bounds__(THREADS, 16)")
    _, log = nvrtc.compile_for(text, "sm_80", (*OPTIONS, *defines(BUILDS["conv_tensor"][-1]), *WARNINGS))
    assert "spill" in log


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.cu*")), ids=lambda path: path.name)
def test_sources_are_plain(path):
    """No headers of the toolkit, no atomics (sums would depend on who comes first), nothing of one chip only."""
    text = path.read_text(encoding="utf-8")
    assert text.isascii()
    assert re.findall(r"#include <|atomic|wgmma|sm_90a", text) == []
    assert all(len(line) <= 120 and line == line.rstrip() for line in text.splitlines())


def test_includes_are_pasted_once():
    text = source("conv_tensor")
    assert "#include" not in text
    assert text.count("struct Place {") == text.count("struct Gather {") == 1


def test_structs_are_read_from_their_headers():
    fields = loader.fields("Windows")
    assert len(fields) == 15
    made = loader.struct("Windows", **{field: number for number, field in enumerate(fields)})
    assert made.view("int32").tolist() == list(range(15))


def test_structs_may_hold_arrays():
    fields = loader.fields("Gathers")
    assert list(fields.values()) == 19 * [0] + 10 * [sides.MOST_PARTS]
    given = {field: [number, -number] if room else number for number, (field, room) in enumerate(fields.items())}
    ints = loader.struct("Gathers", **given).view("int32")
    assert ints[:19].tolist() == list(range(19))
    for number, array in enumerate(ints[19:].reshape(10, -1).tolist(), start=19):
        assert array == [number, -number, *(sides.MOST_PARTS - 2) * [0]]
