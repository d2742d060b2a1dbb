"""Do the scores mean what they say: reliability bins and the expected calibration error. Pure NumPy.

Source: C. Guo, G. Pleiss, Y. Sun & K. Weinberger, On Calibration of Modern Neural Networks (ICML 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ahdath.errors import DataError

__all__ = ["Calibration", "ReliabilityBin", "reliability"]


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Predictions with a score in (low, high]: how many, their mean score, the share that is correct."""

    low: float
    high: float
    n: int
    score: float
    accuracy: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error `ece` in [0, 1] over `n` predictions; `bins` are those that are not empty.

    `ece` is None when nothing was predicted.
    """

    ece: float | None
    n: int
    bins: tuple[ReliabilityBin, ...]


def reliability(scores: Sequence[float], correct: Sequence[bool], *, bins: int = 15) -> Calibration:
    """Bins of equal width over [0, 1], and the mean gap between score and accuracy, weighted by bin size.

    `scores` and `correct` have one entry a prediction. A score of 0 lies in the first bin. Raises DataError
    for a score outside [0, 1].

    >>> reliability([0.9, 0.9], [True, False]).ece
    0.4
    """
    values = np.asarray(scores, dtype=np.float64)
    hits = np.asarray(correct, dtype=np.float64)
    outside = ~((values >= 0.0) & (values <= 1.0))
    if outside.any():
        raise DataError(f"score {values[outside][0]} of a prediction is no probability; expected 0 to 1.")
    if not len(values):
        return Calibration(None, 0, ())
    which = np.clip(np.ceil(values * bins).astype(np.int64) - 1, 0, bins - 1)
    filled = []
    for number in np.unique(which):
        inside = which == number
        low, high = float(number / bins), float((number + 1) / bins)
        score, accuracy = float(values[inside].mean()), float(hits[inside].mean())
        filled.append(ReliabilityBin(low, high, int(inside.sum()), score, accuracy))
    ece = sum(one.n * abs(one.score - one.accuracy) for one in filled) / len(values)
    return Calibration(ece, len(values), tuple(filled))
