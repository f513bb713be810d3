import errno
import os
import stat

import pytest
from matplotlib.figure import Figure

from tinycolor import figures


def test_a_figure_on_a_full_disk_leaves_the_older_one(tmp_path, monkeypatch):
    figure = Figure(figsize=(1, 1))
    path = figures.save(figure, "some", tmp_path)
    whole = path.read_bytes()
    figures.save(figure, "other", tmp_path)

    def full(file):
        if not stat.S_ISDIR(os.fstat(file).st_mode):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        figures.save(figure, "some", tmp_path)
    assert path.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other.png", "some.png"]
