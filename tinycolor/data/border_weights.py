"""Where cells touch, the thin border between them counts most: the weight map of U-Net."""

from __future__ import annotations

import numpy as np

REACH = 6  # sigmas; what is further away adds less than float32 can tell


def border_weights(cells: np.ndarray, *, w0: float = 10, sigma: float = 5) -> np.ndarray:
    """Return how much each pixel counts, float32 (H, W), for the ``weight`` of ``losses.cross_entropy``.

    ``w = w_c + w0 * exp(-(d1 + d2)**2 / (2 * sigma**2))`` on the background, ``w_c`` on cells; d1 and d2 are the
    distances to the nearest pixels of the nearest and the second nearest cell. ``w_c`` lets cells and background
    count the same in total, 1 on average over all pixels.

    Parameters
    ----------
    cells : array
        Whole numbers (H, W): 0 where there is no cell, and each cell has its own. Where two touch, there must be a
        line of 0 between them for the network to learn.
    w0 : float
        How much more the narrowest border counts.
    sigma : float
        In pixels.

    Raises
    ------
    ValueError
        Not whole numbers (H, W), or ``sigma`` is not above 0.

    Source: O. Ronneberger, P. Fischer, T. Brox, "U-Net", MICCAI 2015, equation 2. The paper leaves open how ``w_c``
    balances the classes, and whether the border counts on the cells too.
    """
    if cells.ndim != 2 or cells.dtype.kind not in "iu" or not cells.size:
        raise ValueError(f"border_weights got {cells.dtype} {cells.shape}, expected whole numbers (H, W).")
    if not sigma > 0:
        raise ValueError(f"border_weights got sigma={sigma}, expected a number above 0.")
    background = cells == 0
    _, of_class, counts = np.unique(background, return_inverse=True, return_counts=True)
    balance = (cells.size / len(counts) / counts)[of_class].reshape(cells.shape)
    d1, d2 = nearest_two(cells, int(np.ceil(REACH * sigma)))
    return (balance + background * w0 * np.exp(-((d1 + d2) ** 2) / (2 * sigma**2))).astype(np.float32)


def nearest_two(cells: np.ndarray, reach: int) -> np.ndarray:
    """Return the distances to the nearest and the second nearest cell, float64 (2, H, W); infinity beyond ``reach``."""
    nearest = np.full((2, *cells.shape), np.inf)
    for cell in np.unique(cells[cells != 0]):
        own = cells == cell
        # Only what lies around the cell can be reached from it.
        around = tuple(
            slice(max(0, places[0] - reach), places[-1] + reach + 1)
            for places in (np.flatnonzero(own.any(1)), np.flatnonzero(own.any(0)))
        )
        here = nearest[:, *around]
        here[...] = np.sort([*here, distance(own[around])], 0)[:2]
    return nearest


def distance(places: np.ndarray) -> np.ndarray:
    """Return how far each pixel is from the nearest of these places, bool (H, W), centre to centre.

    Squares of distances are sums over the two axes, so one axis is done after the other.

    Source: P. Felzenszwalb, D. Huttenlocher, "Distance transforms of sampled functions", 2012, section 2.
    """
    in_column = lower_envelope(np.where(places, 0, np.inf))
    return np.sqrt(lower_envelope(in_column.T).T)


def lower_envelope(heights: np.ndarray) -> np.ndarray:
    """Return ``min over r of heights[r] + (row - r)**2`` for every row, (H, W)."""
    rows = np.arange(len(heights))[:, None]
    lowest = np.full(heights.shape, np.inf)
    for row, height in enumerate(heights):
        np.minimum(lowest, height + (rows - row) ** 2, out=lowest)
    return lowest
