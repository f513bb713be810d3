"""What counts as a picture: bytes, grey or red, green and blue."""

from __future__ import annotations

import numpy as np


def is_picture(array: np.ndarray) -> bool:
    """Return whether an array is a picture: uint8, (H, W) or (H, W, 3), of at least one pixel."""
    return array.dtype == np.uint8 and array.ndim in (2, 3) and array.shape[2:] in ((), (3,)) and array.size > 0


def as_rgb(picture: np.ndarray) -> np.ndarray:
    """Return a grey picture (H, W) as a read-only view (H, W, 3); one in colour as it is."""
    return picture if picture.ndim == 3 else np.broadcast_to(picture[..., None], (*picture.shape, 3))
