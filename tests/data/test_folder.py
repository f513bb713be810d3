import gc
import os
import sys

import pytest

from tinycolor.data.folder import PhotoFolder, find_photos


@pytest.fixture
def make(tmp_path):
    """Make empty files of these names, text or bytes, below a folder, and return the folder."""

    def files(*names):
        for name in names:
            path = tmp_path / "photos" / os.fsdecode(name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return tmp_path / "photos"

    return files


@pytest.fixture
def told():
    return {}


def names(photos):
    return [photos.name(number) for number in range(len(photos))]


def some_names(count):
    return [b"holidays/%07d.jpg" % number for number in range(count)]


def test_it_finds_photos_in_all_folders_in_the_order_of_their_names(make, told):
    folder = make("b.jpg", "a/z.png", "a/b/c.webp", "a.tif", "c.TIFF", "d.JPeG", "e.bmp", "f.gif", "B.JPG")
    photos = find_photos(folder, told.__setitem__)
    wanted = ["B.JPG", "a.tif", "a/b/c.webp", "a/z.png", "b.jpg", "c.TIFF", "d.JPeG", "e.bmp", "f.gif"]
    assert [name.decode() for name in names(photos)] == wanted
    assert [photos[number] for number in range(9)] == [folder / name for name in wanted]
    assert not told


def test_other_files_are_passed_over_in_silence(make, told):
    folder = make("notes.txt", "jpg", "photo.jpg.part", "photo.heic", ".hidden.jpg", ".thumbnails/a.jpg", "._a.jpg")
    assert names(find_photos(folder, told.__setitem__)) == []
    assert not told


def test_a_name_need_not_be_text(make, told):
    strange = sorted([b"two\nlines.jpg", b"caf\xe9.jpg", b" a b .jpg", "\u65e5\u672c.jpg".encode(), b"\xff/\xfe.png"])
    photos = find_photos(make(*strange), told.__setitem__)
    assert names(photos) == strange
    assert all(photos[number].is_file() for number in range(len(strange)))


def test_a_folder_with_the_name_of_a_photo_is_a_folder(make, told):
    assert names(find_photos(make("photo.png/a.jpg"), told.__setitem__)) == [b"photo.png/a.jpg"]


def test_links(make, told, tmp_path):
    folder = make("a.jpg", "sub/b.jpg")
    (tmp_path / "photos2").mkdir()  # a name that begins like the folder's
    for outside in (tmp_path / "out.jpg", tmp_path / "photos2" / "c.jpg"):
        outside.touch()
    (folder / "within.jpg").symlink_to("sub/b.jpg")
    (folder / "sub" / "up.jpg").symlink_to(folder / "a.jpg")
    (folder / "out.jpg").symlink_to(tmp_path / "out.jpg")
    (folder / "out2.jpg").symlink_to("../photos2/c.jpg")
    (folder / "twice.jpg").symlink_to("out.jpg")
    (folder / "nowhere.jpg").symlink_to("/nowhere/a.jpg")
    (folder / "round.jpg").symlink_to("round.jpg")
    (folder / "loop").symlink_to(folder)
    (folder / "loop.jpg").symlink_to(folder)
    (folder / "elsewhere").symlink_to(tmp_path / "photos2")
    photos = find_photos(folder, told.__setitem__)
    assert names(photos) == [b"a.jpg", b"round.jpg", b"sub/b.jpg", b"sub/up.jpg", b"within.jpg"]
    skipped = ("out.jpg", "out2.jpg", "twice.jpg", "nowhere.jpg")
    assert told == {folder / name: "a link that leads out of the folder" for name in skipped}


def test_the_folder_itself_may_be_a_link(make, told, tmp_path):
    (tmp_path / "link").symlink_to(make("a.jpg"))
    ((tmp_path / "photos") / "b.jpg").symlink_to(tmp_path / "link" / "a.jpg")
    assert names(find_photos(tmp_path / "link", told.__setitem__)) == [b"a.jpg", b"b.jpg"]
    assert not told


def test_a_folder_that_may_not_be_read_is_told(make, told, monkeypatch):
    # Root may read everything, so the refusal is played.
    folder, really = make("a.jpg", "secret/b.jpg", "z.jpg"), os.scandir

    def scandir(place):
        if os.fsencode(place).endswith(b"secret"):
            raise PermissionError(13, "Permission denied", place)
        return really(place)

    monkeypatch.setattr(os, "scandir", scandir)
    assert names(find_photos(folder, told.__setitem__)) == [b"a.jpg", b"z.jpg"]
    assert told == {folder / "secret": "a folder that cannot be read (Permission denied)"}


def test_what_is_no_folder_is_refused(tmp_path, told):
    (tmp_path / "a.jpg").touch()
    for path in (tmp_path / "a.jpg", tmp_path / "nothing"):
        with pytest.raises(NotADirectoryError, match="is no folder"):
            find_photos(path, told.__setitem__)


def test_both_ends_of_many_names(tmp_path):
    wanted = sorted([b"a.jpg", *some_names(100_000), b"z.jpg"])
    photos = PhotoFolder(tmp_path, reversed(wanted))
    assert len(photos) == len(wanted)
    for number in (0, 1, 2, 9999, 50_000, len(wanted) - 2, len(wanted) - 1):
        assert photos.name(number) == wanted[number]
    with pytest.raises(IndexError):
        photos.name(len(wanted))


def test_every_photo_is_on_one_side_and_about_the_share_is_judged(tmp_path):
    photos = PhotoFolder(tmp_path, some_names(10_000))
    learning, judging = photos.split(0.05)
    assert sorted(names(learning) + names(judging)) == names(photos)
    assert 430 < len(judging) < 570  # 500 and three standard deviations of 22
    # No part of the order is judged more than another.
    assert 200 < sum(name < b"holidays/0005000.jpg" for name in names(judging)) < 300


def test_a_photo_stays_on_its_side_whatever_comes_or_goes(tmp_path):
    some, few, many = some_names(2000), some_names(2000)[500:900], some_names(9000)
    judging = set(names(PhotoFolder(tmp_path, some).split(0.1)[1]))
    assert set(names(PhotoFolder(tmp_path, few).split(0.1)[1])) == judging & set(few)
    assert set(names(PhotoFolder(tmp_path / "elsewhere", many).split(0.1)[1])) & set(some) == judging


@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_no_side_is_ever_empty(tmp_path, share):
    for first in range(0, 300, 3):
        for count in (2, 3):
            photos = PhotoFolder(tmp_path, some_names(303)[first : first + count])
            learning, judging = photos.split(share)
            assert len(learning)
            assert len(judging)
            assert sorted(names(learning) + names(judging)) == names(photos)


def test_one_photo_has_to_do_for_both(tmp_path):
    for side in PhotoFolder(tmp_path, [b"a.jpg"]).split(0.05):
        assert names(side) == [b"a.jpg"]


def test_the_fingerprint_tells_one_set_of_photos_from_another(tmp_path):
    sets = [
        *([], [b"a.jpg"], [b"b.jpg"], [b"a.jpg", b"b.jpg"], [b"a.jpg", b"b.jpg", b"c.jpg"], [b"a.jpgb.jpg"]),
        *([b"ab", b"c"], [b"a", b"bc"], [b"abc"], [b"a", b"b", b"c"]),
    ]
    prints = [PhotoFolder(tmp_path, these).fingerprint() for these in sets]
    assert len(set(prints)) == len(sets)
    assert all(len(fingerprint) == 16 and int(fingerprint, 16) >= 0 for fingerprint in prints)
    assert PhotoFolder(tmp_path / "moved", [b"b.jpg", b"a.jpg"]).fingerprint() == prints[3]


def bytes_of(thing):
    """Bytes that an object takes, with all that it refers to, classes aside."""
    sizes, waiting = {}, [thing]
    while waiting:
        one = waiting.pop()
        if id(one) not in sizes and not isinstance(one, type):
            sizes[id(one)] = sys.getsizeof(one)
            waiting += gc.get_referents(one)
    return sum(sizes.values())


def test_a_hundred_thousand_photos_cost_a_few_megabytes(tmp_path):
    def cost(count):
        photos = PhotoFolder(tmp_path, some_names(count))
        return bytes_of([photos, *photos.split(0.05)])

    # Twice the bytes of the names and 8 more for each: 5.8 million. A list of the names alone takes 9.
    assert 5_000_000 < cost(100_000) - cost(100) < 6_000_000
