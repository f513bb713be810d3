import errno
import os
import stat
from pathlib import Path

import pytest

from tinycolor.files import shown, sweep, write_whole


@pytest.fixture
def old(tmp_path):
    """Return two files that are there already."""
    for name in "ab":
        (tmp_path / name).write_bytes(b"old")
    return tmp_path / "a", tmp_path / "b"


def is_folder(descriptor):
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def test_files_are_written_over_older_ones_and_nothing_else_is_left(old):
    a, b = old
    write_whole({a: b"new a", b: b""})
    assert {path.name: path.read_bytes() for path in a.parent.iterdir()} == {"a": b"new a", "b": b""}


def test_every_byte_is_on_the_disk_before_a_name_moves_and_the_names_after_it(old, monkeypatch):
    done, fsync, replace = [], os.fsync, Path.replace

    def noted_fsync(descriptor):
        done.append("names" if is_folder(descriptor) else f"{os.fstat(descriptor).st_size} bytes")
        fsync(descriptor)

    def noted_replace(path, target):
        done.append(f"{path.name} to {target.name}")
        replace(path, target)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(Path, "replace", noted_replace)
    a, b = old
    write_whole({a: b"12345", b: b"123"})
    assert done == ["5 bytes", "3 bytes", "a.part to a", "b.part to b", "names"]


def test_a_system_that_cannot_sync_folders_writes_all_the_same(old, monkeypatch):
    really = os.fsync

    def fsync(descriptor):
        if is_folder(descriptor):
            raise OSError(errno.EINVAL, "Invalid argument")
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write_whole({old[0]: b"new"})
    assert old[0].read_bytes() == b"new"
    assert sorted(old[0].parent.iterdir()) == list(old)


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_whatever_stops_it_the_older_files_stay_and_nothing_else(old, monkeypatch, error):
    really, calls = os.fsync, []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == 2:
            raise error
        really(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(type(error)):
        write_whole(dict.fromkeys(old, b"new"))
    assert [path.read_bytes() for path in old] == [b"old", b"old"]
    assert sorted(old[0].parent.iterdir()) == list(old)


def test_files_of_two_folders_are_synced_in_both(tmp_path, monkeypatch):
    synced, really = set(), os.fsync

    def fsync(descriptor):
        synced.add(os.fstat(descriptor).st_ino)
        really(descriptor)

    folders = [tmp_path / name for name in "ab"]
    for folder in folders:
        folder.mkdir()
    monkeypatch.setattr(os, "fsync", fsync)
    write_whole({folder / "file": b"new" for folder in folders})
    assert {folder.stat().st_ino for folder in folders} <= synced


def test_sweep_removes_temporary_files_alone(old):
    folder = old[0].parent
    (folder / "a.part").touch()
    (folder / "new.safetensors.part").write_bytes(b"half of")
    (folder / "below").mkdir()
    sweep(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b", "below"]


def test_a_name_that_is_taken_by_a_folder_leaves_no_temporary_file(tmp_path):
    (tmp_path / "b").mkdir()
    with pytest.raises(OSError, match="b"):
        write_whole({tmp_path / "b": b"new", tmp_path / "c": b"new"})
    assert [path.name for path in tmp_path.iterdir()] == ["b"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (b"plain name.jpg", "plain name.jpg"),
        ("M\u00fcller \u5199\u771f.jpg".encode(), "M\u00fcller \u5199\u771f.jpg"),
        (b"caf\xe9", "caf\\xe9"),
        (b"two\nlines\r\x1b[31m", "two\\nlines\\r\\x1b[31m"),
        ("a\u2028b\u202ec".encode(), "a\\u2028b\\u202ec"),
    ],
)
def test_a_name_in_a_message_is_one_line_of_letters_that_can_be_read(name, message):
    assert shown(Path(os.fsdecode(name))) == message
