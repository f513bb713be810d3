"""Launches ``photos.cu``: a batch of crops out of photos that lie on the GPU, and the colours of their pixels."""

from __future__ import annotations

import numpy as np

from tinycolor.backend import Array, array_module
from tinycolor.kernels import loader


def crop(photos: Array, cuts: Array, shape: tuple[int, int, int]) -> Array:
    """Cut crops out of photos, all in one launch.

    Parameters
    ----------
    photos : uint8 array (bytes,)
        All photos, row by row, one after the other.
    cuts : int64 array (N, 3)
        Of each crop, in bytes: where its first pixel begins, how far it is from a pixel to the one below it, and to
        the one on its right; negative for a crop that is mirrored, and begins at its right edge. Nothing looks
        whether that is among the photos.
    shape : (int, int, int)
        Height, width and channels of every crop.

    Returns
    -------
    uint8 array (N, H, W, C)
    """
    crops = loader.empty(photos, (len(cuts), *shape), "uint8")
    loader.launch_rows("photos", "crop", crops.shape, (photos, cuts, crops, *map(np.int32, crops.shape)))
    return crops


def lab_of(rgb: Array, linear: Array, matrix: Array) -> Array:
    """Return CIE Lab, float32 (..., 3), of sRGB bytes, uint8 (..., 3), as ``tinycolor.color.lab_of`` does.

    Parameters
    ----------
    rgb : uint8 array (..., 3)
    linear : float32 array (256,)
        Linear light, 0..1, of each byte.
    matrix : float32 array (3, 3)
        From linear RGB to X, Y and Z, each over that of white.

    Raises
    ------
    ValueError
        ``rgb`` holds no bytes.
    """
    if rgb.dtype != np.uint8:
        raise ValueError(f"lab_of got {rgb.dtype}, expected uint8, the bytes of a photo: use rgb_to_lab for floats.")
    rgb = array_module(rgb).ascontiguousarray(rgb)
    lab = loader.empty(rgb, rgb.shape)
    pixels = rgb.size // 3
    loader.launch_each("photos", "lab_of", pixels, (rgb, lab, np.int64(pixels), linear, matrix))
    return lab
