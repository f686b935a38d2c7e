"""How much of the ranking is chance: ranks under resampling."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray


@dataclass(frozen=True)
class RankStability:
    """Ranks of the combinations when seeds and rows are drawn again."""

    share_first: NDArray[np.float64]  # share of the resamples in which each is first
    low: NDArray[np.int64]  # ends of the rank's interval, from 1
    high: NDArray[np.int64]


def rank_stability(resampled: NDArray[np.float64], sign: int, confidence: float) -> RankStability:
    """Rank the combinations anew in every resample.

    Args:
        resampled: Means, shape ``(resamples, combinations)``, in the order of the leaderboard;
            equals keep that order.
        sign: 1 where more is better, -1 where less is.
        confidence: Share of the resamples that an interval of ranks holds at least.

    Returns:
        One value per combination, in the order given. They describe and decide nothing: where
        many are equal such intervals are too narrow (Hall & Miller 2009).

    Example:
        >>> rank_stability(np.array([[0.9, 0.8], [0.9, 0.7], [0.8, 0.9]]), 1, 0.95).share_first
        array([0.66666667, 0.33333333])

    References:
        Goldstein & Spiegelhalter 1996, League tables and their limitations.
    """
    ranks = scipy.stats.rankdata(-sign * resampled, method="ordinal", axis=1)
    tail = (1 - confidence) / 2
    return RankStability(
        share_first=(ranks == 1).mean(axis=0),
        low=np.quantile(ranks, tail, axis=0, method="lower").astype(np.int64),
        high=np.quantile(ranks, 1 - tail, axis=0, method="higher").astype(np.int64),
    )
