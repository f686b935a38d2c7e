"""Combinations with unequal seeds: every one is compared on the seeds that it shares with others.

With a budget, combinations are dropped round by round. Each time is a *look* at the scores: all
that were still in the race, each with the same seeds. A combination is judged in its last look,
beside the same seeds of all the others there; and because any look may mislead, each has its share
of the error that is allowed for all of them together (Bonferroni).
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.comparison.error_parts import Floats
from dnn_sweep.core.comparison.intervals import Scale
from dnn_sweep.core.comparison.tied_set import DRAWS, Differences, compare_with_best


@dataclass(frozen=True)
class Looks:
    """The looks at a sweep's scores; a single one where all combinations have the same seeds.

    Args:
        scores: Shape ``(combinations, seeds, rows)``, those with most seeds first; NaN where a
            combination lacks a seed.
        counts: Number of seeds of each combination, falling.

    >>> scores = np.random.default_rng(0).random((3, 4, 50))
    >>> scores[2, 2:] = np.nan
    >>> [each.shape for each in Looks(scores, np.array([4, 4, 2])).arrays]
    [(3, 2, 50), (2, 4, 50)]
    """

    scores: Floats
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        if any(later > earlier for earlier, later in pairwise(self.counts)):
            raise ValueError("combinations with more seeds must come first")

    @property
    def arrays(self) -> list[Floats]:
        """The scores of each look without gaps: fewer combinations, with more seeds."""
        distinct = sorted(set(self.counts.tolist()))
        return [self.scores[self.counts >= seeds, :seeds] for seeds in distinct]

    @property
    def last(self) -> Floats:
        """The scores of those that were not dropped."""
        return self.arrays[-1]

    @property
    def rounds(self) -> NDArray[np.int64]:
        """In how many looks each combination is; those with the most were not dropped."""
        distinct = sorted(set(self.counts.tolist()))
        return np.searchsorted(distinct, self.counts) + 1

    @property
    def judging(self) -> int:
        """Number of looks in which claims are made; see :meth:`compare_with_best`."""
        several = [scores for scores in self.arrays if scores.shape[1] > 1]
        return max(len(several), 1)

    def confidence(self, together: float) -> float:
        """The confidence of one look, so that all hold together."""
        return 1 - (1 - together) / self.judging

    def of_last_looks(self, measure: Callable[[Floats], tuple[Floats, ...]]) -> tuple[Floats, ...]:
        """Measure every look, and keep for each combination the figures of its last one.

        ``measure`` returns arrays whose first axis is the look's combinations.
        """
        found: tuple[Floats, ...] = ()
        for scores in self.arrays:
            new = measure(scores)
            if not found:
                found = tuple(np.array(each) for each in new)
            for whole, own in zip(found, new, strict=True):
                whole[: len(own)] = own
        return found

    def compare_with_best(
        self,
        sign: int,
        confidence: float,
        margin: float = 0.0,
        most_draws: int = DRAWS,
        scale: Scale | None = None,
    ) -> Differences:
        """Compare every combination with the first; see :func:`~.tied_set.compare_with_best`.

        The difference is paired, so that of a dropped combination is over the seeds that it has.
        One seed shows nothing about seeds. What was dropped after it is therefore never told apart
        from the best, and its interval is NaN; only where no combination has more are the trained
        networks themselves compared.
        """

        def measure(scores: Floats) -> tuple[Floats, ...]:
            if scores.shape[1] == 1 and len(self.arrays) > 1:
                means, unknown = np.nanmean(scores, axis=(1, 2)), np.full(len(scores), np.nan)
                return means - means[0], unknown, unknown, np.ones(len(scores))
            level = self.confidence(confidence)
            found = compare_with_best(scores, 0, sign, level, margin, most_draws, scale)
            return found.difference, found.low, found.high, found.tied.astype(np.float64)

        difference, low, high, tied = self.of_last_looks(measure)
        return Differences(difference, low, high, tied > 0)
