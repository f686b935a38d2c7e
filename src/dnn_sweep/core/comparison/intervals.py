"""Confidence intervals of mean scores and of ranks, from resampling seeds and rows.

A combination's score is a mean over two crossed sources of chance: the seeds it was trained
with, and the rows that happen to be in the validation split.
"""

from collections.abc import Callable

import numpy as np
import scipy
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dnn_sweep.core.formatting import format_interval, format_value
from dnn_sweep.parameters import EvaluationParameters

Floats = NDArray[np.float64]

RESAMPLES_AT_ONCE = 100  # bounds memory


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


def bootstrap_means(scores: Floats, evaluation: EvaluationParameters) -> Floats:
    """Resample the mean of every combination over seeds and rows.

    The same seeds and rows are drawn for every combination, so that differences are paired. Their
    effects are added to the mean. The seeds' part is scaled up, since few seeds drawn from few
    vary less than fresh ones, by ``(seeds - 1) / seeds`` in variance. With one seed only the rows
    vary.

    Args:
        scores: Shape ``(combinations, seeds, rows)``; the means have ``(resamples, combinations)``.
        evaluation: Number of resamples, and the seed.

    References:
        Owen 2007, The pigeonhole bootstrap; Davison & Hinkley 1997, Bootstrap Methods and their
        Application, section 3.8, for the correction.
    """
    _, seeds, rows = scores.shape
    rng = np.random.default_rng(evaluation.seed)
    by_row, by_seed, mean = scores.mean(axis=1), scores.mean(axis=2), scores.mean(axis=(1, 2))
    of_rows = np.empty((evaluation.resamples, len(scores)))
    for resample in range(evaluation.resamples):
        # One at a time: the counts of all resamples of a large split do not fit in memory.
        drawn = np.bincount(rng.integers(rows, size=rows), minlength=rows)
        of_rows[resample] = by_row @ drawn / rows
    if seeds == 1:
        return of_rows
    drawn_seeds = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=evaluation.resamples)
    of_seeds = drawn_seeds @ by_seed.T / seeds
    return np.asarray(of_rows + np.sqrt(seeds / (seeds - 1)) * (of_seeds - mean))


def mean_variances(scores: Floats) -> tuple[Floats, Floats]:
    """Split the variance of a mean over ``(…, seeds, rows)`` into the seeds' and the rows' part.

    The variance is their sum. Noise of a single network on a single row is counted in both, which
    is conservative. With one seed the seeds' part is 0, as nothing is known.

    References:
        Obuchowski & Rockette 1995 on readers × cases, here seeds × rows; Owen 2007 on counting
        cells twice.
    """
    seeds, rows = scores.shape[-2:]
    of_seeds = scores.mean(axis=-1).var(axis=-1) / max(seeds - 1, 1)
    of_rows = scores.mean(axis=-2).var(axis=-1) / max(rows - 1, 1)
    return of_seeds, of_rows


def degrees_of_freedom(
    variance: Floats, of_seeds: Floats, of_rows: Floats, seeds: int, rows: int
) -> Floats:
    """Degrees of freedom of a mean's variance with parts from seeds and rows (Satterthwaite 1946).

    They range from ``seeds - 1``, where seeds cause most of the variance, to ``rows - 1``. Hillis
    2007 derives them for readers × cases.
    """
    uncertainty = of_seeds**2 / max(seeds - 1, 1) + of_rows**2 / max(rows - 1, 1)
    known = np.full_like(variance, max(rows - 1, 1))
    return np.divide(variance**2, uncertainty, out=known, where=uncertainty > 0)


def mean_interval(
    scores: Floats, resampled: Floats, confidence: float, *, share: bool
) -> tuple[Floats, Floats]:
    """Confidence interval of every combination's mean, wide enough for few seeds.

    Percentiles of the resampled means are too narrow for five seeds. So their standard deviation
    is multiplied by a quantile of Student's t, on a scale where the distribution is about
    symmetric and the interval stays possible: the log-odds of a share, the logarithm of an error.

    Args:
        scores: Shape ``(combinations, seeds, rows)``; shares from 0 to 1, or errors from 0.
        resampled: From :func:`bootstrap_means`.
        confidence: Of each interval on its own.
        share: Whether the means are shares.

    Returns:
        Low and high, one value per combination.

    >>> scores = (np.random.default_rng(0).random((1, 5, 100)) < 0.9).astype(float)
    >>> means = bootstrap_means(scores, EvaluationParameters())
    >>> low, high = mean_interval(scores, means, 0.95, share=True)
    >>> print(low.round(2), scores.mean().round(2), high.round(2))
    [0.82] 0.88 [0.93]

    References:
        Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 12; Hesterberg 2015,
        What Teachers Should Know About the Bootstrap; Clopper & Pearson 1934 for shares of 0
        and 1.
    """
    of_seeds, of_rows = mean_variances(scores)
    degrees = degrees_of_freedom(of_seeds + of_rows, of_seeds, of_rows, *scores.shape[1:])
    least = 0.5 / scores.shape[2]  # half a row: the log-odds of 0 and 1 are not finite

    def scaled(means: Floats) -> Floats:
        if share:
            return np.asarray(scipy.special.logit(np.clip(means, least, 1 - least)))
        return np.log(np.maximum(means, np.finfo(np.float64).tiny))

    mean, back = scores.mean(axis=(1, 2)), scipy.special.expit if share else np.exp
    half = scipy.special.stdtrit(degrees, (1 + confidence) / 2) * scaled(resampled).std(axis=0)
    low, high = back(scaled(mean) - half), back(scaled(mean) + half)
    if share:  # where all rows are right (or wrong) nothing varies, and yet further rows might
        all_right = ((1 - confidence) / 2) ** (1 / scores.shape[2])
        low, high = np.where(mean == 1, all_right, low), np.where(mean == 0, 1 - all_right, high)
    return np.minimum(low, mean), np.maximum(high, mean)


def rank_intervals(
    resampled: Floats, sign: int, confidence: float
) -> tuple[Floats, NDArray[np.int64], NDArray[np.int64]]:
    """Rank the combinations in every resample of :func:`bootstrap_means`; equals keep their order.

    The intervals describe and decide nothing: where many are equal they are too narrow (Hall &
    Miller 2009). ``sign`` is 1 where more is better, -1 where less is.

    Returns:
        Each combination's share of the resamples in which it is first; low and high of its rank.

    >>> rank_intervals(np.array([[0.9, 0.8], [0.9, 0.7], [0.8, 0.9]]), 1, 0.95)[0]
    array([0.66666667, 0.33333333])

    References:
        Goldstein & Spiegelhalter 1996, League tables and their limitations.
    """
    ranks = scipy.stats.rankdata(-sign * resampled, method="ordinal", axis=1)
    tail = (1 - confidence) / 2
    low = np.quantile(ranks, tail, axis=0, method="lower").astype(np.int64)
    high = np.quantile(ranks, 1 - tail, axis=0, method="higher").astype(np.int64)
    return (ranks == 1).mean(axis=0), low, high


def bootstrap_metric(
    metric: Callable[[NDArray[np.intp]], Floats], rows: int, evaluation: EvaluationParameters
) -> MetricEstimate:
    """Estimate a metric of some rows, with its percentile bootstrap interval.

    The metric takes row numbers of shape ``(…, rows)`` and returns one value per leading index.

    >>> right = np.arange(100) < 90
    >>> print(bootstrap_metric(lambda rows: right[rows].mean(-1), 100, EvaluationParameters()))
    0.9000 [0.8400, 0.9600]
    """
    every_row = np.arange(rows)
    drawn = scipy.stats.bootstrap(
        (every_row,),
        lambda numbers, axis: metric(numbers),
        n_resamples=evaluation.resamples,
        batch=RESAMPLES_AT_ONCE,
        confidence_level=evaluation.confidence,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(evaluation.seed),
    ).confidence_interval
    value, low, high = float(metric(every_row)), float(drawn.low), float(drawn.high)
    return MetricEstimate(value=value, ci_low=low, ci_high=high)
