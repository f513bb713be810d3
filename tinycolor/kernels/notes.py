"""What one kernel leaves for a later one: something that is known of an array and that it does not say of itself.

>>> notes = Notes[str]()
>>> notes.add(y, "rounded")
>>> notes.of(y)
'rounded'
>>> notes.of(y.copy())  # None, and so for views of y
"""

from __future__ import annotations

import weakref
from typing import Generic, TypeVar

from tinycolor.backend import Array

What = TypeVar("What")


class Notes(Generic[What]):
    """One note for each array, which is found by its identity, and gone when the array is."""

    def __init__(self) -> None:
        self._notes: dict[int, tuple[weakref.ref[Array], What]] = {}

    def __len__(self) -> int:
        return len(self._notes)

    def add(self, array: Array, what: What) -> None:
        """Note something of an array; what was noted before is forgotten."""
        key = id(array)
        self._notes[key] = weakref.ref(array, lambda _: self._notes.pop(key, None)), what

    def of(self, array: Array) -> What | None:
        """Return what was noted of this very array; None if nothing was."""
        if id(array) not in self._notes:
            return None
        reference, what = self._notes[id(array)]
        return what if reference() is array else None

    def drop(self, array: Array) -> None:
        """Forget what was noted of an array: it is used up, or no longer true."""
        self._notes.pop(id(array), None)
