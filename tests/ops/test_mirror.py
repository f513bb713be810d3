"""Mirroring, against a walk that turns round at the edges."""

import numpy as np
import pytest

from tinycolor.ops.mirror import mirror


def walk(side, before, to):
    """The pixels that one comes by, walking up and down a side, so that number ``before`` is the first one, 0."""
    if side == 1:
        return [0] * to
    turn = [*range(side), *range(side - 2, 0, -1)]
    return [turn[(step - before) % len(turn)] for step in range(to)]


@pytest.mark.parametrize(
    ("shape", "before", "size"),
    [((5, 7), 3, (12, 10)), ((5, 7), 0, (5, 9)), ((3, 1), 10, (30, 14)), ((4, 6), 2, (6, 8))],
)
def test_a_picture_goes_on_as_in_a_mirror(shape, before, size, rng):
    x = rng.standard_normal((2, *shape, 3))
    rows, columns = (walk(side, before, to) for side, to in zip(shape, size, strict=True))
    np.testing.assert_array_equal(mirror(x, before, size), x[:, rows][:, :, columns])
