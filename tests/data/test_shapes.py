import numpy as np
import pytest

from tinycolor.data.shapes import draw
from tinycolor.random import Generator


def test_pixels_are_plus_or_minus_one_and_votes_one_hot():
    x, votes = draw(50, 28, Generator(0))
    assert x.shape == (50, 28, 28, 1)
    assert x.dtype == votes.dtype == np.float32
    assert set(np.unique(x)) == {-1.0, 1.0}
    assert (votes.sum(1) == 1).all()
    assert 10 < votes[:, 0].sum() < 40


def test_same_generator_same_drawings():
    a, b = draw(5, 20, Generator(3, 1, 4)), draw(5, 20, Generator(3, 1, 4))
    np.testing.assert_array_equal(a[0], b[0])
    assert not np.array_equal(a[0], draw(5, 20, Generator(3, 1, 5))[0])


@pytest.mark.parametrize("size", [9, 28, 33, 64])
def test_a_cross_is_drawn_in_its_middle_and_a_circle_is_not(size):
    x, votes = draw(400, size, Generator(1), noise=0)
    drawn = x[..., 0] > 0
    rows, columns = np.arange(size)[None, :, None], np.arange(size)[None, None, :]
    total = drawn.sum((1, 2))
    middle_row = np.rint((drawn * rows).sum((1, 2)) / total).astype(int)
    middle_column = np.rint((drawn * columns).sum((1, 2)) / total).astype(int)
    at_middle = drawn[np.arange(400), middle_row, middle_column]
    assert at_middle[votes[:, 0] == 1].mean() > 0.9
    assert at_middle[votes[:, 1] == 1].mean() < 0.1


def test_noise_turns_over_that_share_of_pixels():
    clean, noisy = (draw(100, 28, Generator(2), noise=noise)[0] for noise in (0, 0.1))
    assert abs((clean != noisy).mean() - 0.1) < 0.01


def test_a_tiny_size_is_a_clear_error():
    with pytest.raises(ValueError, match="draw got size=4, expected at least 8"):
        draw(1, 4, Generator(0))
