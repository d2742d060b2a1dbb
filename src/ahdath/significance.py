"""How sure a score is: bootstrap intervals and paired tests over paragraphs. Pure NumPy; knows no documents.

A paragraph contributes integer counts (gold, predicted, correct); a bootstrap sample draws as many paragraphs
as there are, with replacement, and adds their counts up. Drawing how often each paragraph is taken (one
multinomial vector a sample) turns the whole bootstrap into one matrix product. Sources: B. Efron & R.
Tibshirani, An Introduction to the Bootstrap (1993), chapters 13 and 16; for pairs of systems P. Koehn,
Statistical Significance Tests for Machine Translation Evaluation (EMNLP 2004).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ahdath.errors import ConfigError

__all__ = ["f1_of", "percentile_interval", "resample", "two_sided_p"]

Floats = NDArray[np.float64]
_BLOCK = 1 << 22  # drawn weights held at once (32 MiB)


def resample(counts: NDArray[np.int64], times: int, seed: int) -> Floats:
    """Counts of `times` bootstrap samples of paragraphs; the same for the same seed.

    Shapes: counts (paragraphs, ...) -> (times, ...). Raises ConfigError when `times` is below 1 or `seed` below 0.
    """
    if times < 1:
        raise ConfigError(f"bootstrap is {times}; expected at least 1 sample. 1000 is usual.")
    if seed < 0:
        raise ConfigError(f"seed {seed}: expected a whole number from 0")
    paragraphs = len(counts)
    flat = counts.reshape(paragraphs, -1).astype(np.float64)
    drawn = np.empty((times, flat.shape[1]))
    generator = np.random.default_rng(seed)
    chances = np.full(paragraphs, 1.0 / paragraphs)
    block = max(1, _BLOCK // paragraphs)
    for start in range(0, times, block):
        rows = drawn[start : start + block]
        rows[:] = generator.multinomial(paragraphs, chances, size=len(rows)).astype(np.float64) @ flat
    return drawn.reshape(times, *counts.shape[1:])


def f1_of(counts: NDArray[np.int64] | Floats) -> Floats:
    """F1 = 2·correct / (gold + predicted); NaN where there is neither gold nor predicted.

    Shapes: (..., 3) as (gold, predicted, correct) -> (...).
    """
    total = np.asarray(counts[..., 0] + counts[..., 1], dtype=np.float64)
    correct = np.asarray(counts[..., 2], dtype=np.float64)
    values = np.full(total.shape, np.nan)
    np.divide(2.0 * correct, total, out=values, where=total > 0)
    return values


def percentile_interval(values: Floats, level: float = 0.95) -> tuple[float, float] | None:
    """Percentile interval of bootstrap values (samples,). NaN samples are left out; None if all are NaN."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return None
    low, high = np.quantile(defined, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return float(low), float(high)


def two_sided_p(differences: Floats) -> float:
    """Two-sided p value that a paired difference is zero, from its bootstrap values (samples,).

    Twice the smaller share of samples on either side of zero, a zero counting for both, with one sample added
    so that p is never 0; at most 1. A system against itself gives 1.
    """
    side = min(int(np.sum(differences <= 0.0)), int(np.sum(differences >= 0.0)))
    return min(1.0, 2.0 * (side + 1) / (len(differences) + 1))
