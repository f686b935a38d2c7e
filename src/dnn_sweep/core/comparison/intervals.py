"""Confidence intervals of mean scores, of ranks and of metrics.

A combination's score is a mean over two crossed sources of chance: the seeds it was trained
with, and the rows that happen to be in the validation split.
"""

from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dnn_sweep.core.comparison.error_parts import Floats
from dnn_sweep.core.comparison.mean_errors import draw_mean_errors
from dnn_sweep.core.formatting import format_interval, format_value
from dnn_sweep.parameters import EvaluationParameters

Scale = Literal["share", "error", "any"]
BOUNDS: dict[Scale, tuple[float, float]] = {
    "share": (0.0, 1.0),
    "error": (0.0, np.inf),
    "any": (-np.inf, np.inf),
}
RESAMPLES_AT_ONCE = 100  # bounds memory
DRAWS = 4000
UPPER = 0.25  # of its share of the error is spent above a mean of values with a long tail


class MetricEstimate(BaseModel):
    """A metric's value with its confidence interval; bounds are ``None`` where none is valid.

    >>> print(MetricEstimate(value=0.9722, ci_low=0.9528, ci_high=0.9889))
    0.9722 [0.9528, 0.9889]
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    value: float
    ci_low: float | None = None
    ci_high: float | None = None

    def __str__(self) -> str:
        return f"{format_value(self.value)} {format_interval(self.ci_low, self.ci_high)}"


def draw_means(scores: Floats, evaluation: EvaluationParameters, scale: Scale) -> Floats:
    """Draw what the means of all combinations may be, shape ``(resamples, combinations)``.

    Args:
        scores: Shape ``(combinations, seeds, rows)``.
        evaluation: Number of resamples, and the seed.
        scale: Whether the means are shares from 0 to 1, errors from 0, or any numbers.
    """
    share = scale == "share"
    errors = draw_mean_errors(scores, evaluation.resamples, evaluation.seed, share=share)
    return np.asarray(np.clip(np.nanmean(scores, axis=(1, 2)) + errors.T, *BOUNDS[scale]))


def mean_interval(
    scores: Floats, confidence: float, scale: Scale, independent_rows: float | None = None
) -> tuple[Floats, Floats]:
    """Confidence interval of every combination's mean, wide enough for few seeds.

    The size of the error comes from :func:`draw_mean_errors`. On that, a share of right rows has
    the exact binomial interval of as many independent rows as would err as much, and no more than
    there are, so that it stays possible and is not too narrow near 1. The interval of a mean error
    is symmetric for its logarithm, and that of any other number is symmetric.

    Args:
        scores: Shape ``(combinations, seeds, rows)``.
        confidence: Of each interval on its own.
        scale: Whether the means are shares from 0 to 1, errors from 0, or any numbers.
        independent_rows: How many rows a share is at most worth; by default as many as there are
            scores.

    Returns:
        Low and high, one value per combination.

    >>> scores = (np.random.default_rng(0).random((1, 5, 100)) < 0.9).astype(float)
    >>> low, high = mean_interval(scores, 0.95, "share")
    >>> print(low.round(2), scores.mean().round(2), high.round(2))
    [0.8] 0.88 [0.94]

    References:
        Korn & Graubard 1998, Confidence intervals for proportions with small expected number of
        positive counts estimated from survey data; Clopper & Pearson 1934.
    """
    mean, rows = np.nanmean(scores, axis=(1, 2)), independent_rows or scores.shape[2]
    drawn = draw_mean_errors(scores, DRAWS, paired=False, share=scale == "share")
    half = np.quantile(np.abs(drawn), confidence, axis=1)
    if scale == "any":
        return mean - half, mean + half
    if scale == "error":
        relative = half / np.maximum(mean, np.finfo(np.float64).tiny)
        return mean * np.exp(-relative), mean * np.exp(relative)
    variance = (half / scipy.special.ndtri((1 + confidence) / 2)) ** 2
    spread, varies = mean * (1 - mean), variance > 0
    independent = np.divide(spread, variance, out=np.full_like(mean, rows), where=varies)
    independent = np.where(spread > 0, np.minimum(independent, rows), rows)
    right, wrong, tail = independent * mean, independent * (1 - mean), (1 - confidence) / 2
    low = np.where(right > 0, scipy.stats.beta.ppf(tail, right, wrong + 1), 0)
    high = np.where(wrong > 0, scipy.stats.beta.isf(tail, right + 1, wrong), 1)
    return np.minimum(low, mean), np.maximum(high, mean)


def rank_intervals(
    resampled: Floats, sign: int, confidence: float
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Rank the combinations in every draw of :func:`draw_means`; equals share a rank.

    The intervals describe and decide nothing: where many are equal they are too narrow (Hall &
    Miller 2009). ``sign`` is 1 where more is better, -1 where less is.

    Returns:
        Each combination's share of the draws in which it is first (of a tie of k, each gets a
        k-th); low and high of its rank.

    >>> rank_intervals(np.array([[0.9, 0.8], [0.9, 0.7], [0.8, 0.9]]), 1, 0.95)[0]
    array([0.66666667, 0.33333333])

    References:
        Goldstein & Spiegelhalter 1996, League tables and their limitations.
    """
    ranks = scipy.stats.rankdata(-sign * resampled, method="min", axis=1)
    first = ranks == 1
    tail = (1 - confidence) / 2
    low = np.quantile(ranks, tail, axis=0, method="lower").astype(np.int64)
    high = np.quantile(ranks, 1 - tail, axis=0, method="higher").astype(np.int64)
    return (first / first.sum(axis=1, keepdims=True)).mean(axis=0), low, high


def ratio_interval(
    values: Floats, evaluation: EvaluationParameters, over: Floats | None = None
) -> tuple[float, float]:
    """Confidence interval of ``values``' mean, or of its ratio to the mean of ``over``, above 0.

    The bootstrap-t of the logarithm: few rows with large values make a mean uncertain and leave
    its error skewed, which percentiles of resampled means do not show. Rows with the largest values
    may all be missing, but never all be there too often, so the upper bound errs more often than
    the lower one; it gets a smaller part of the error.

    Args:
        values: One per row, none below 0.
        evaluation: Confidence, number of resamples, and their seed.
        over: One per row, none below 0; 1 by default.

    >>> squares = np.random.default_rng(0).normal(size=200) ** 2
    >>> print(np.round(ratio_interval(squares, EvaluationParameters()), 2))
    [0.78 1.16]

    References:
        Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 12; Hesterberg 2015,
        What Teachers Should Know About the Bootstrap.
    """
    over = np.ones_like(values) if over is None else over
    rows, rng = len(values), np.random.default_rng(evaluation.seed)
    ratio = values.mean() / over.mean()

    def log_error(values: Floats, over: Floats) -> tuple[Floats, Floats]:
        of_values, of_over = values.mean(axis=-1), over.mean(axis=-1)
        influence = values / of_values[..., np.newaxis] - over / of_over[..., np.newaxis]
        return np.log(of_values / of_over / ratio), influence.std(axis=-1, ddof=1) / np.sqrt(rows)

    if not ratio > 0 or np.ptp(values / over.mean() - ratio * over / over.mean()) == 0:
        return float(ratio), float(ratio)
    errors = []
    for _ in range(0, evaluation.resamples, RESAMPLES_AT_ONCE):
        drawn = rng.integers(rows, size=(RESAMPLES_AT_ONCE, rows))
        error, deviation = log_error(values[drawn], over[drawn])
        errors.append(np.divide(error, deviation, out=np.zeros_like(error), where=deviation > 0))
    _, deviation = log_error(values[np.newaxis], over[np.newaxis])
    tail = (1 - evaluation.confidence) / 2
    tails = [1 - tail, tail * UPPER]
    most, least = np.quantile(np.concatenate(errors), tails) * float(deviation[0])
    return float(ratio * np.exp(-most)), float(ratio * np.exp(-least))
