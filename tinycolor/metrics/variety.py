"""Do answers to different questions differ? Where they do not, a generator has collapsed."""

from __future__ import annotations

import numpy as np


def variety(answers: np.ndarray, truths: np.ndarray) -> float:
    """Return how much the answers differ from picture to picture, over how much the truths do.

    ``mean(std(answers)) / mean(std(truths))``, each standard deviation over the pictures, pixel by pixel: 1 as
    different as the truths, 0 the same answer to everything. Where the truths do not differ, 1: one picture
    says nothing.

    Parameters
    ----------
    answers, truths : array
        (N, H, W, C), of one shape.

    Raises
    ------
    ValueError
        Other shapes.
    """
    if answers.shape != truths.shape or answers.ndim != 4 or not answers.size:
        raise ValueError(f"variety got answers {answers.shape} and truths {truths.shape}, expected both (N, H, W, C).")
    of_answers, of_truths = (float(pictures.std(0, dtype=np.float64).mean()) for pictures in (answers, truths))
    return of_answers / of_truths if of_truths else 1.0
