"""What every metric asks of its photos."""

from __future__ import annotations

import numpy as np


def checked(name: str, channels: int, *photos: np.ndarray) -> list[np.ndarray]:
    """Return the photos as float64, or raise a ValueError that names the metric and what is wrong."""
    shape = photos[0].shape
    if any(photo.shape != shape for photo in photos) or len(shape) not in (3, 4) or shape[-1] != channels:
        shapes = " and ".join(str(photo.shape) for photo in photos)
        raise ValueError(f"{name} got {shapes}, expected equal shapes (H, W, {channels}) or (N, H, W, {channels}).")
    for photo in photos:
        if photo.dtype.kind != "f":
            raise ValueError(f"{name} got {photo.dtype}, expected float32 or float64 (or uint8 where it takes RGB).")
        if photo.size == 0 or not np.isfinite(photo).all():
            raise ValueError(f"{name} got NaN, infinity or no pixels at all, expected finite numbers.")
    return [photo.astype("float64") for photo in photos]


def checked_rgb(name: str, *photos: np.ndarray) -> list[np.ndarray]:
    """Return RGB photos as float64 0..1: uint8 0..255 is divided by 255, floats are 0..1 already."""
    return checked(name, 3, *(photo / 255 if photo.dtype == np.uint8 else photo for photo in photos))
