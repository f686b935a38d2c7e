"""What the scores of a sweep show of the parts of an error: rows, seeds, and noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ErrorParts:
    """The parts of the errors of mean scores.

    Args:
        mean: The mean score of each combination, shape ``(combinations, 1)``.
        rows: Number of rows that are scored.
        of_rows: Covariance of the means by the chance in rows and by noise, shape
            ``(combinations, combinations)``.
        row_degrees: Its degrees of freedom.
        noise: Variance of a seed's mean score that is there without any effect of the seed, shape
            ``(combinations,)``.
        moved: By how much each seed's mean differs from the mean of its repeat's seeds, shape
            ``(combinations, seeds)``.
        seed_degrees: Degrees of freedom of the variance of ``moved``.
        repeat: The repeat of each seed: 0 where all seeds score the same rows.
    """

    mean: Floats
    rows: int
    of_rows: Floats
    row_degrees: int
    noise: Floats
    moved: Floats
    seed_degrees: int
    repeat: NDArray[np.int64]

    @classmethod
    def of(cls, scores: Floats, *, paired: bool) -> "ErrorParts":
        """Divide the errors of scores.

        Args:
            scores: Shape ``(combinations, seeds, rows)``. NaN, in all combinations alike, for rows
                that a seed does not score because another seed has their fold.
            paired: Leave what all combinations share in a row or a seed out of ``noise``.

        >>> rows = np.random.default_rng(0).normal(size=(2, 5, 300))
        >>> ErrorParts.of(rows, paired=True).noise.round(4)
        array([0.0032, 0.0034])
        """
        lacking = np.isnan(scores[0])
        return _of_folds(scores, ~lacking, paired) if lacking.any() else _of_all(scores)

    def center(self, moved: Floats) -> Floats:
        """Subtract the mean over the seeds of a repeat."""
        return moved - _repeat_means(moved, self.repeat)


def _repeat_means(by_seed: Floats, repeat: NDArray[np.int64]) -> Floats:
    same = (repeat[:, np.newaxis] == repeat).astype(np.float64)
    return np.asarray(by_seed @ (same / same.sum(axis=0)))


def _of_all(scores: Floats) -> ErrorParts:
    """Of seeds that score all rows: what is left beside seed and row is noise."""
    _, seeds, rows = scores.shape
    by_seed, by_row = scores.mean(axis=2), scores.mean(axis=1)
    mean = by_seed.mean(axis=1, keepdims=True)
    left = scores - by_seed[:, :, np.newaxis] - by_row[:, np.newaxis] + mean[:, :, np.newaxis]
    noise = (left**2).sum(axis=(1, 2)) / max((seeds - 1) * (rows - 1), 1)
    degrees = max(rows - 1, 1)
    return ErrorParts(
        mean=mean,
        rows=rows,
        of_rows=(by_row - mean) @ (by_row - mean).T / (degrees * rows),
        row_degrees=degrees,
        noise=noise / rows,
        moved=by_seed - mean,
        seed_degrees=seeds - 1,
        repeat=np.zeros(seeds, dtype=np.int64),
    )


def _of_folds(scores: Floats, scored: NDArray[np.bool_], paired: bool) -> ErrorParts:
    """Of seeds that each score one fold: rows and noise cannot be told apart, nor need be.

    The means of two seeds differ by the chance in their rows, too. That is part of the noise here,
    measured within the folds. So is what a row does to one combination alone.
    """
    combinations, repeat = len(scores), np.zeros(len(scored), dtype=np.int64)
    for seed, own in enumerate(scored):
        repeat[seed] = scored[:seed][:, own].sum(axis=0).max(initial=0)
    in_row = scored.sum(axis=0)
    rows = int((in_row > 0).sum())
    by_seed = np.nanmean(scores, axis=2)
    left = np.where(scored, scores - by_seed[:, :, np.newaxis], 0.0)
    by_row = left.sum(axis=1) / np.maximum(in_row, 1)
    degrees = max(rows - int((repeat == 0).sum()), 1)
    if paired and combinations > 1:
        left = (left - left.mean(axis=0)) * np.sqrt(combinations / (combinations - 1))
    within = (left**2).sum(axis=(1, 2)) / max(int(scored.sum()) - len(scored), 1)
    return ErrorParts(
        mean=np.nanmean(scores, axis=(1, 2))[:, np.newaxis],
        rows=rows,
        of_rows=by_row @ by_row.T / (degrees * rows),
        row_degrees=degrees,
        noise=within * np.mean(1 / scored.sum(axis=1)),
        moved=by_seed - _repeat_means(by_seed, repeat),
        seed_degrees=len(scored) - len(np.unique(repeat)),
        repeat=repeat,
    )
