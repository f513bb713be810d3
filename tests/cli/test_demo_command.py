"""``tinycolor demo``, with a few steps of training: the page, the pictures, and what happens if they cannot be kept."""

import errno
import html
import os
import re
import tempfile

import pytest
from click.testing import CliRunner
from matplotlib.figure import Figure

import tinycolor as tc
from tinycolor import demo
from tinycolor.cli import main
from tinycolor.data.shipped import attributions, shipped_photos
from tinycolor.demo import cross_or_circle, photos, scenes
from tinycolor.demo.chapter import Chapter

LARGEST_SEED = 2**64 - 1
PICTURES = ["figure1", "figure2", "learning", "one_number", "scenes", "votes", "what_it_sees"]


class Made:
    """A demo that is done: the folder, what was printed, its page, and how many figures were drawn."""

    def __init__(self, folder, printed, drawn):
        self.folder, self.printed, self.drawn = folder, printed, drawn
        self.page = (folder / "index.html").read_text()


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder, drawn, really = tmp_path_factory.mktemp("demo") / "pictures", [], Figure.savefig
    with pytest.MonkeyPatch.context() as patch:
        for module, steps in ((cross_or_circle, 150), (scenes, 2), (photos, 2)):
            patch.setattr(module, "STEPS", steps)
        patch.setattr(Figure, "savefig", lambda figure, *args, **rest: drawn.append(1) or really(figure, *args, **rest))
        result = CliRunner().invoke(main, ["demo", "--out", str(folder), "--seed", str(LARGEST_SEED)])
    assert result.exit_code == 0, result.exc_info
    return Made(folder, result.output, len(drawn))


def test_there_are_the_page_and_the_pictures_and_all_are_named(made):
    files = sorted(path.name for path in made.folder.iterdir())
    assert files == sorted([*(f"{name}.png" for name in PICTURES), "index.html"])
    for name in PICTURES:
        assert f"  {made.folder}/{name}.png\n" in made.printed
        assert tc.open_image(made.folder / f"{name}.png").std() > 5
    assert made.printed.endswith(f"Open this page: {made.folder}/index.html\n")
    assert all(letter.isprintable() or letter == "\n" for letter in made.printed)


def test_every_figure_is_drawn_once(made):
    assert made.drawn == len([name for name in PICTURES if name != "scenes"])


def test_the_page_has_three_chapters_that_say_what_was_printed(made):
    assert re.findall("<h2>(.*?)</h2>", made.page) == ["Cross or circle?", "Colouring scenes", "Colouring photos"]
    results = [
        line for line in made.printed.splitlines() if line.startswith(("In ", "Another ")) or "% of 1000" in line
    ]
    assert len(results) == 3
    for result in results:
        assert html.escape(result) in made.page
    assert made.page.count("data:image/png;base64,") == len(PICTURES)
    assert not re.search(r'(src|href)="(?!data:)', made.page)


def test_it_learns_to_tell_shapes_apart(made):
    (right,) = re.findall(r"(\d+\.\d)% of 1000 unseen drawings", made.printed)
    assert float(right) > 90


def test_every_shipped_photo_is_shown_as_seen_or_not_seen_with_its_credit(made):
    captions = [html.unescape(caption) for caption in re.findall("<figcaption>(.*?)</figcaption>", made.page)]
    shown = [
        html.unescape(name) for name in re.findall(r'<img alt="([^"]*?) in grey, coloured, and as it is"', made.page)
    ]
    assert sorted(shown) == sorted(path.stem for path in shipped_photos())
    credits = {path.stem: str(attributions()[path.name]) for path in shipped_photos()}
    labels = [caption.partition(": ")[0] for caption in captions]
    assert captions == [f"{label}: {credits[name]}" for label, name in zip(labels, shown, strict=True)]
    assert labels == ["not seen"] * labels.count("not seen") + ["seen"] * labels.count("seen")
    assert labels.count("not seen") >= 3
    assert made.page.count("data:image/jpeg;base64,") == 18

    # What is called seen is what the network learned from, and nothing else.
    learned = re.search(r"Another network has looked at (\d+) photos", made.printed)
    assert int(learned[1]) == labels.count("seen")
    headings = [made.page.index(heading) for heading in ("<h3>Not seen in training</h3>", "<h3>Seen in training</h3>")]
    places = [made.page.index(f'alt="{html.escape(name)} in grey') for name in shown]
    assert [place > headings[1] for place in places] == [label == "seen" for label in labels]
    assert headings[0] < min(places)


def test_photos_called_not_seen_are_kept_from_the_training(monkeypatch):
    taken = []
    monkeypatch.setattr(
        photos, "learn", lambda net, folder, seed: taken.extend(folder[n].stem for n in range(len(folder)))
    )
    monkeypatch.setattr(photos, "colorize", lambda photo, net, **rest: photo)
    page = "".join(photos.chapter(0, lambda *arguments: []).pieces)
    seen = page.partition("<h3>Seen in training</h3>")[2]
    assert len(taken) > 10
    assert taken == re.findall(r'<img alt="([^"]*?) in grey', seen)


@pytest.fixture
def short(monkeypatch):
    """A demo of one chapter, which knows what it was given and needs no training."""
    given = []

    def chapter(seed, watch):
        given.append(seed)
        losses = watch(iter([2.0, 1.0]), 2, "Nothing much")
        return Chapter("Nothing", f"A loss of {losses[-1]:.1f}.", "", [], {"a.png": b"new a", "b.png": b"new b"})

    monkeypatch.setattr(demo, "CHAPTERS", (chapter,))
    return given


@pytest.fixture
def untrained(monkeypatch):
    def chapter(seed, watch):
        raise AssertionError("the training must not begin")

    monkeypatch.setattr(demo, "CHAPTERS", (chapter,))


def test_it_says_before_the_training_that_it_cannot_make_the_folder(run, tmp_path, untrained):
    (tmp_path / "taken").write_text("a file, not a folder")
    printed = run("demo", "--out", tmp_path / "taken" / "x", code=1)
    assert printed == f"Error: could not write the pictures to {tmp_path / 'taken' / 'x'}: Not a directory.\n"


def test_it_says_before_the_training_that_the_folder_takes_no_files(run, tmp_path, monkeypatch, untrained):
    # Root may write everywhere, so the refusal is played.
    def refuse(dir):
        raise PermissionError(errno.EACCES, "Permission denied", str(dir))

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    printed = run("demo", "--out", tmp_path, code=1)
    assert printed == f"Error: could not write the pictures to {tmp_path}: Permission denied.\n"


@pytest.mark.parametrize("room", [0, 1, 2])
def test_on_a_full_disk_everything_stays_as_it_was(run, tmp_path, contents, short, full_disk, room):
    (tmp_path / "index.html").write_text("an older page")
    (tmp_path / "a.png").write_text("an older picture")
    before = contents(tmp_path)
    full_disk(room)
    printed = run("demo", "--out", tmp_path, code=1)
    assert printed.endswith(f"\nError: could not write the pictures to {tmp_path}: No space left on device.\n")
    assert contents(tmp_path) == before


def test_older_files_are_replaced(run, tmp_path, short):
    (tmp_path / "a.png").write_text("an older picture")
    assert "A loss of 1.0.\n" in run("demo", "--out", tmp_path)
    assert (tmp_path / "a.png").read_bytes() == b"new a"


def test_a_folder_with_a_strange_name(run, tmp_path, short):
    out = tmp_path / os.fsdecode(b"caf\xe9 [bold]\n")
    printed = run("demo", "--out", out)
    assert printed.endswith(f"Open this page: {tmp_path}/caf\\xe9 [bold]\\n/index.html\n")
    assert (out / "index.html").exists()


def test_every_seed_there_is_and_no_other(run, tmp_path, short):
    run("demo", "--out", tmp_path, "--seed", str(LARGEST_SEED))
    assert short == [LARGEST_SEED]
    for seed in (LARGEST_SEED + 1, -1):
        printed = run("demo", "--out", tmp_path, "--seed", str(seed), code=2)
        assert "is not in the range 0<=x<=18446744073709551615" in printed


def test_ctrl_c(run, tmp_path, monkeypatch):
    def stopped(seed, watch):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "CHAPTERS", (stopped,))
    assert run("demo", "--out", tmp_path, code=130) == "Stopped.\n"
    assert not list(tmp_path.iterdir())
