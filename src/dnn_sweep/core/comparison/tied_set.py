"""The tied set: which combinations are not shown to be worse than the best."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from dnn_sweep.core.comparison.intervals import Floats, degrees_of_freedom, mean_variances


@dataclass(frozen=True)
class Differences:
    """Every combination against the best, one value per combination."""

    difference: Floats  # mean paired difference, combination minus best
    low: Floats  # ends of its interval; all intervals hold simultaneously
    high: Floats
    tied: NDArray[np.bool_]  # not shown to be worse by more than the margin


def pairs_among(combinations: int) -> int:
    """Number of pairs: any two combinations could have become the best and another."""
    return combinations * (combinations - 1) // 2


def compare_with_best(
    scores: Floats, best: int, sign: int, confidence: float, margin: float = 0.0
) -> Differences:
    """Differences to the best combination, with intervals that hold simultaneously.

    The best was chosen by the same scores, and the luckiest of thirty equals looks better than
    the rest. So the intervals hold for every *pair* (Bonferroni), whichever the best turns out
    to be. A few seeds may agree by chance: no difference is credited with less variance over
    seeds than the (bias-corrected) median of all differences.

    Args:
        scores: Shape ``(combinations, seeds, rows)``.
        best: Position of the best combination.
        sign: 1 where more is better, -1 where less is.
        confidence: Of all intervals together.
        margin: A difference up to this counts as none; in the scores' unit.

    >>> rows = np.random.default_rng(0).random((5, 300))
    >>> scores = np.array([rows < 0.95, rows < 0.94, rows < 0.5]).astype(float)
    >>> compare_with_best(scores, 0, 1, 0.95).tied
    array([ True,  True, False])

    References:
        Hsu 1996, Multiple Comparisons: Theory and Methods; Tusher, Tibshirani & Chu 2001 on
        variances that are small by chance among many comparisons.
    """
    combinations, seeds, rows = scores.shape
    differences = scores - scores[best]
    difference = differences.mean(axis=(1, 2))
    of_seeds, of_rows = mean_variances(differences)
    others = np.arange(combinations) != best
    variance = np.maximum(of_seeds, _typical(of_seeds[others], seeds)) + of_rows
    degrees = degrees_of_freedom(variance, of_seeds, of_rows, seeds, rows)
    tail = (1 - confidence) / (2 * max(pairs_among(combinations), 1))
    half = np.where(others, -scipy.special.stdtrit(degrees, tail) * np.sqrt(variance), 0)
    tied = sign * difference + half >= -margin
    return Differences(difference, difference - half, difference + half, tied)


def _typical(of_seeds: Floats, seeds: int) -> float:
    """The median variance, corrected for the median of a chi-squared lying below its mean."""
    if not len(of_seeds) or seeds == 1:
        return 0.0
    # Of one or two estimates the median is the mean.
    below = scipy.special.chdtri(seeds - 1, 0.5) / (seeds - 1) if len(of_seeds) > 2 else 1.0
    return float(np.median(of_seeds) / below)
