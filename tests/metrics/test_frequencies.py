import numpy as np
import pytest

from tinycolor.color import lab_to_rgb
from tinycolor.metrics import high_frequency_energy


def grey(lightness):
    """Return RGB of a picture in grey, 0..1."""
    return lab_to_rgb(np.stack([lightness, 0 * lightness, 0 * lightness], -1))


def wave(size, halves, height=10.0):
    """Return L* of a wave along x with so many half periods across the picture: halves / (2 * size) per pixel."""
    return np.tile(50 + height * np.cos(np.pi * halves * (np.arange(size) + 0.5) / size), (size, 1))


@pytest.mark.parametrize(("halves", "energy"), [(1, 0), (8, 0), (16, 0), (17, 50), (25, 50), (31, 50)])
def test_a_wave_counts_with_half_its_squared_height_if_shorter_than_four_pixels(halves, energy):
    for lightness in (wave(32, halves), wave(32, halves).T):
        assert high_frequency_energy(grey(lightness)) == pytest.approx(energy, abs=1e-3)


def test_without_low_frequencies_it_is_the_variance():
    chequered = 50 + 10.0 * (-1) ** np.add.outer(np.arange(16), np.arange(16))
    energy = high_frequency_energy(grey(chequered))
    assert 0.9 * 100 < energy <= 100 + 1e-6


def test_a_step_between_opposite_borders_is_no_detail():
    slope = np.tile(np.linspace(20, 80, 64)[:, None], (1, 64))
    assert high_frequency_energy(grey(slope)) < 1e-2


def test_blurring_takes_it_away(rng):
    noise = rng.uniform(20, 80, (24, 24))
    blurred = (noise + np.roll(noise, 1, 0) + np.roll(noise, 1, 1) + np.roll(noise, (1, 1), (0, 1))) / 4
    assert high_frequency_energy(grey(blurred)) < 0.2 * high_frequency_energy(grey(noise))


def test_a_batch_gives_one_figure_per_photo_in_bytes_or_floats(rng):
    photos = rng.integers(0, 256, (3, 8, 12, 3), dtype=np.uint8)
    energy = high_frequency_energy(photos)
    np.testing.assert_allclose(energy, [high_frequency_energy(photo / 255) for photo in photos])


def test_refused():
    with pytest.raises(ValueError, match="high_frequency_energy got \\(8, 8, 2\\)"):
        high_frequency_energy(np.zeros((8, 8, 2)))
