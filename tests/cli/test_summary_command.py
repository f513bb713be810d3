"""``tinycolor summary`` of a network's name and of a checkpoint."""

import functools

import pytest

import tinycolor as tc


def test_it_prints_the_network_with_its_algorithms(run):
    printed = run("summary", "ColorUNet", "--batch", "16")
    assert "1,947,746" in printed
    assert "winograd" in printed
    assert "blocked" in printed


def test_an_impossible_size_is_one_sentence(run, checkpoint):
    assert run("summary", "ColorUNet", "--size", "63", code=1).startswith(
        "Error: ColorUNet got size=63, expected a mult"
    )
    assert "expected multiples of 2" in run("summary", checkpoint, "--size", "63", code=1)


def test_it_builds_a_network_of_the_wanted_size(run):
    assert "(1, 32, 32, 1)" in run("summary", "CrossCircleCNN", "--size", "32")
    assert "(1, 28, 28, 1)" in run("summary", "CrossCircleCNN")
    assert "(1, 32, 32, 1)" in run("summary", "ColorUNet", "--size", "32")
    assert "expected a multiple of 4" in run("summary", "CrossCircleCNN", "--size", "30", code=1)


def test_it_shows_colour_pictures_to_a_network_that_takes_them(run, monkeypatch):
    monkeypatch.setattr(tc.networks, "VGG16", functools.partial(tc.networks.VGG16, width=1 / 64))
    assert run("summary", "VGG16").startswith("VGG16: (1, 224, 224, 3) -> (1, 1000)\n")
    assert run("summary", "VGG16", "--size", "40").startswith("VGG16: (1, 40, 40, 3) -> (1, 1000)\n")


@pytest.mark.parametrize(
    ("kind", "shapes"),
    [
        ("GANGenerator", "(1, 100) -> (1, 784)"),
        ("GANDiscriminator", "(1, 784) -> (1, 1)"),
        ("CGANGenerator", "(1, 10), (1, 100) -> (1, 784)"),
        ("CGANDiscriminator", "(1, 10), (1, 784) -> (1, 1)"),
        ("PatchDiscriminator", "(1, 256, 256, 3) -> (1, 30, 30, 1)"),
    ],
)
def test_it_knows_what_every_network_takes(run, kind, shapes):
    assert run("summary", kind).startswith(f"{kind}: {shapes}\n")


def test_a_checkpoint_says_itself_what_it_holds(run, checkpoint, painter, tmp_path):
    printed = run("summary", checkpoint)
    assert printed.startswith("ColorUNet: (1, 16, 16, 1) -> (1, 16, 16, 2)\n")
    assert f"{sum(parameter.data.size for parameter in painter.parameters()):,}" in printed
    assert run("summary", checkpoint, "--size=32", "--batch=3").startswith(
        "ColorUNet: (3, 32, 32, 1) -> (3, 32, 32, 2)\n"
    )
    tc.save_checkpoint(tmp_path / "votes", tc.networks.CrossCircleCNN(size=32))
    assert run("summary", tmp_path / "votes").startswith("CrossCircleCNN: (1, 32, 32, 1) -> (1, 2)\n")


def test_what_is_neither_a_name_nor_a_file_is_told_both(run, tmp_path):
    path = tmp_path / "ColourUNet"
    assert run("summary", path, code=1) == (
        f"Error: {path}: no such file; or name one of {', '.join(tc.networks.__all__)}.\n"
    )


def test_a_damaged_checkpoint_is_one_sentence(run, checkpoint, tmp_path):
    path = tmp_path / "half.safetensors"
    path.write_bytes(checkpoint.read_bytes()[:-9])
    printed = run("summary", path, code=1)
    assert printed.startswith(f"Error: {path}: damaged or cut off")
    assert printed.count("\n") == 1
    assert "ColorUNet" not in printed


@pytest.mark.parametrize("too_large", ["summary", "init.he_normal"])
def test_without_enough_memory_it_is_one_sentence(run, monkeypatch, too_large):
    def fail(*args, **kwargs):
        raise MemoryError

    monkeypatch.setattr(f"tinycolor.{too_large}", fail)
    printed = run("summary", "CrossCircleCNN", code=1)
    assert printed == "Error: CrossCircleCNN needs more memory than there is: try a smaller --size or --batch.\n"
