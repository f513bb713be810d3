import numpy as np
import pytest

from tinycolor.metrics import variety


def pictures(*values):
    return np.full((len(values), 2, 3, 3), np.array(values, np.uint8)[:, None, None, None])


def test_by_hand():
    assert variety(pictures(0, 2), pictures(0, 1)) == 2
    assert variety(pictures(5, 5), pictures(0, 1)) == 0


def test_each_pixel_counts_by_itself():
    answers, truths = pictures(0, 1), pictures(0, 1)
    answers[:, 0] = 7  # the same in both pictures, however much it differs from the rest
    assert variety(answers, truths) == 0.5


def test_where_the_truths_do_not_differ_it_says_nothing():
    assert variety(pictures(0, 2), pictures(3, 3)) == 1
    assert variety(pictures(0), pictures(9)) == 1


@pytest.mark.parametrize(("answers", "truths"), [((2, 4, 4, 3), (3, 4, 4, 3)), ((4, 4, 3),) * 2, ((0, 4, 4, 3),) * 2])
def test_refused(answers, truths):
    with pytest.raises(ValueError, match=r"variety got answers .*, expected both \(N, H, W, C\)"):
        variety(np.zeros(answers), np.zeros(truths))
