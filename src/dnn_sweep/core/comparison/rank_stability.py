"""How much of the ranking is luck: ranks under resampling."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class RankStability:
    """Where combinations end up when seeds and rows are drawn again.

    Args:
        share_first: Share of the resamples in which a combination is first.
        low: Lower end of its rank's interval, from 1.
        high: Upper end of it.
    """

    share_first: NDArray[np.float64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def rank_stability(resampled: NDArray[np.float64], sign: int, confidence: float) -> RankStability:
    """Rank the combinations anew in every resample.

    Args:
        resampled: Means, shape ``(resamples, combinations)``, the combinations best first: in a
            resample where two are equal, the one that leads the leaderboard leads.
        sign: 1 where more is better, -1 where less is.
        confidence: Share of the resamples that an interval of ranks holds, at least.

    Returns:
        One value a combination, in the order given.

    References:
        Goldstein & Spiegelhalter 1996, League tables and their limitations. Where many are
        equal, such intervals are too narrow (Hall & Miller 2009); they describe, and decide
        nothing.
    """
    order = np.argsort(-sign * resampled, axis=1, kind="stable")
    ranks = np.argsort(order, axis=1) + 1
    tail = (1 - confidence) / 2
    return RankStability(
        share_first=(ranks == 1).mean(axis=0),
        low=np.quantile(ranks, tail, axis=0, method="lower").astype(np.int64),
        high=np.quantile(ranks, 1 - tail, axis=0, method="higher").astype(np.int64),
    )
