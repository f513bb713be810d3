import numpy as np
import pytest

import tinycolor as tc
from tinycolor.data.digits import DOTS, PATHS, draw
from tinycolor.random import Generator


def of_digit(x, y, digit):
    return x[y[:, digit] == 1, ..., 0]


def test_pixels_are_ink_from_0_to_1_and_digits_one_hot():
    x, y = draw(500, Generator(0))
    assert x.shape == (500, 28, 28, 1)
    assert y.shape == (500, 10)
    assert x.dtype == y.dtype == np.float32
    assert x.min() >= 0
    assert 0.99 < x.max() <= 1
    assert (y.sum(1) == 1).all()
    assert y.sum(0).min() > 25
    assert y.sum(0).max() < 80


def test_same_generator_same_digits():
    a, b = draw(5, Generator(3, 1, 4)), draw(5, Generator(3, 1, 4))
    np.testing.assert_array_equal(a[0], b[0])
    np.testing.assert_array_equal(a[1], b[1])
    assert not np.array_equal(a[0], draw(5, Generator(3, 1, 5))[0])


def test_the_size_is_only_the_grain():
    """The same digits in fewer pixels: those of the fine picture, averaged."""
    (fine, of_fine), (coarse, of_coarse) = (draw(200, Generator(1), size) for size in (64, 16))
    np.testing.assert_array_equal(of_fine, of_coarse)
    averaged = fine.reshape(200, 16, 4, 16, 4, 1).mean((2, 4))
    assert abs(averaged - coarse).mean() < 0.02


@pytest.mark.parametrize("size", [12, 16, 28])
def test_digits_are_full_of_ink_and_stay_on_the_paper(size):
    x, _ = draw(1000, Generator(2), size)
    assert np.quantile(x.max((1, 2, 3)), 0.01) > 0.6
    border = np.concatenate([x[:, [0, -1]].reshape(1000, -1), x[:, :, [0, -1]].reshape(1000, -1)], 1)
    assert (border.max(1) > 0.5).mean() < 0.05
    assert (x < 0.05).mean() > 0.5


def test_no_two_digits_are_alike():
    x, y = draw(1000, Generator(3))
    for digit in range(10):
        drawings = of_digit(x, y, digit).reshape(-1, 784)
        squares = ((drawings[:, None] - drawings) ** 2).sum(-1) + 1e9 * np.eye(len(drawings))
        assert squares.min() > 1
        # Their ink comes from pens of different width, in all sizes.
        ink = drawings.sum(1)
        assert ink.std() / ink.mean() > 0.15


def test_a_closed_line_is_closed_and_an_open_one_is_open():
    """Holes are ground that one cannot reach from the border: one in 0, 6 and 9, two in 8, none in 1 to 3."""
    x, y = draw(200, Generator(4), 40)
    holes = {digit: np.mean([count_holes(picture) for picture in of_digit(x, y, digit)]) for digit in range(10)}
    for digit, expected in ((0, 1), (6, 1), (9, 1), (8, 2), (1, 0), (2, 0), (3, 0), (7, 0)):
        assert holes[digit] == pytest.approx(expected, abs=0.35), holes
    assert 0.2 < holes[4] < 0.8  # in one of its two forms


def count_holes(picture):
    ground = np.pad(picture < 0.3, 1, constant_values=True)
    regions = 0
    while ground.any():
        reached = np.zeros_like(ground)
        reached[tuple(np.argwhere(ground)[0])] = True
        grown = 0
        while grown < reached.sum():
            grown = reached.sum()
            near = reached.copy()
            near[1:] |= reached[:-1]
            near[:-1] |= reached[1:]
            near[:, 1:] |= reached[:, :-1]
            near[:, :-1] |= reached[:, 1:]
            reached = near & ground
        ground &= ~reached
        regions += 1
    return regions - 1


def test_a_small_network_learns_to_read_them():
    # Trained and read at 16 x 16, which is quicker.
    net = tc.Sequential(
        tc.Conv2d(1, 8, 3, padding=1), tc.ReLU(), tc.MaxPool2d(2),
        tc.Conv2d(8, 16, 3, padding=1), tc.ReLU(), tc.MaxPool2d(2),
        tc.Flatten(), tc.Linear(16 * 16, 10),
    )  # fmt: skip
    adam = tc.optim.Adam(net.parameters(), tc.optim.one_cycle(0.01, 120))
    for step in range(120):
        x, y = draw(64, Generator(5, step=step), 16)
        net.zero_grad()
        logits, backward = net(x)
        backward(tc.losses.cross_entropy(logits, y)[1])
        adam.step()
    x, y = draw(1000, Generator(6), 16)
    assert (net.predict(x).argmax(1) == y.argmax(1)).mean() > 0.95


def test_the_pen_moves_steadily():
    """Dots lie equally far from each other, but where the pen is lifted."""
    for path in PATHS:
        assert path.shape == (DOTS, 2)
        distances = np.hypot(*np.diff(path, axis=0).T)
        assert (distances < 1.05 * np.median(distances)).mean() > 0.96


def test_a_tiny_size_is_a_clear_error():
    with pytest.raises(ValueError, match="draw got size=8, expected at least 12"):
        draw(1, Generator(0), 8)
