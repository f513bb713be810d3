"""How much fine detail a photo has, right or wrong: what blurring takes away."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array
from tinycolor.color import rgb_to_lab
from tinycolor.metrics.checks import checked_rgb

LOWEST = 0.25  # cycles per pixel: waves shorter than 4 pixels


def high_frequency_energy(rgb: np.ndarray) -> Array:
    """Return the energy of L* in waves shorter than 4 pixels: the mean square of what is left when the rest is gone.

    ``sum |F(u, v)|**2 / P**2 over u**2 + v**2 > (1/4)**2``, with F the Fourier transform of L* beside its mirror
    images, P pixels in all, and frequencies in cycles per pixel. (Without the mirrors, the step from the ground at one
    border to the sky at the other would count as detail.)

    Parameters
    ----------
    rgb : array
        (H, W, 3) or (N, H, W, 3): uint8 0..255, or float 0..1.

    Returns
    -------
    float, or array (N,)
        Of every photo, in squared units of L*. That of the truth is best; more is noise.

    Raises
    ------
    ValueError
        The shape does not fit, or a number is not finite.
    """
    (rgb,) = checked_rgb("high_frequency_energy", rgb)
    lightness = rgb_to_lab(rgb)[..., 0]
    for axis in (-2, -1):
        lightness = np.concatenate([lightness, np.flip(lightness, axis)], axis)
    height, width = lightness.shape[-2:]
    energy = abs(np.fft.fft2(lightness) / (height * width)) ** 2
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width))
    return energy[..., frequency > LOWEST].sum(-1)
