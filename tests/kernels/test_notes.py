"""Notes are of one very array, and for as long as it lives."""

import numpy as np
import pytest

from tinycolor.kernels.notes import Notes


@pytest.fixture
def notes():
    return Notes()


def test_a_note_is_of_this_very_array(notes):
    array = np.zeros(3)
    notes.add(array, "known")
    assert notes.of(array) == "known"
    for other in (array.copy(), array[:], np.zeros(3)):
        assert notes.of(other) is None


def test_the_last_note_counts(notes):
    array = np.zeros(3)
    for what in ("once", "again"):
        notes.add(array, what)
        assert notes.of(array) == what
    notes.drop(array)
    assert notes.of(array) is None
    notes.drop(array)


def test_a_note_is_gone_with_its_array(notes):
    arrays = [np.zeros(3) for _ in range(5)]
    for number, array in enumerate(arrays):
        notes.add(array, number)
    del array
    del arrays[2]
    assert len(notes) == 4
    # Whoever comes to live where it lived has no note.
    assert [notes.of(array) for array in [*arrays, *(np.zeros(3) for _ in range(9))]] == [0, 1, 3, 4, *9 * [None]]
