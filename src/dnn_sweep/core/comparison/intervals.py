"""Intervals: how far a figure could be off, from resampling what it was computed from.

The score of a combination is a mean over two kinds of luck that cross each other: which seeds
it was trained with, and which rows happen to be in the validation split.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from dnn_sweep.core.formatting import format_interval, format_value
from dnn_sweep.parameters import EvaluationParameters

RESAMPLES_AT_ONCE = 100  # bounds memory: this many row numbers a row at a time


class MetricEstimate(BaseModel):
    """A metric's value with its confidence interval.

    Args:
        value: On the rows at hand, in the metric's unit.
        ci_low: Lower bound; ``None`` where no interval holds.
        ci_high: Upper bound; ``None`` where no interval holds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    value: float
    ci_low: float | None = None
    ci_high: float | None = None

    def __str__(self) -> str:
        """Such as ``0.9722 [0.9528, 0.9889]``."""
        return f"{format_value(self.value)} {format_interval(self.ci_low, self.ci_high)}"


def bootstrap_means(
    scores: NDArray[np.float64], evaluation: EvaluationParameters
) -> NDArray[np.float64]:
    """Resampled means of every combination, paired and hierarchical.

    Seeds and rows are drawn with replacement, the same ones for every combination, so that
    differences between combinations carry neither the luck of a seed nor of a row. What the
    drawn seeds change and what the drawn rows change is added to the mean. Few seeds drawn from
    few scatter less than fresh ones would, by ``(seeds - 1) / seeds`` in variance; that is put
    right.

    Args:
        scores: One score a combination, seed and validation row, shape
            ``(combinations, seeds, rows)``.
        evaluation: Number of resamples, and the seed.

    Returns:
        Means, shape ``(resamples, combinations)``. With one seed they vary with the rows alone.

    References:
        Owen 2007, The pigeonhole bootstrap, for factors that cross; Davison & Hinkley 1997,
        Bootstrap Methods and their Application, section 3.8, for the correction.
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


def mean_variances(scores: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variance of a mean over seeds and rows: what the seeds cause, and what the rows cause.

    The mean's variance is their sum. Noise of a single cell (one network on one row) is in both
    and so counted twice, which errs on the safe side.

    Args:
        scores: Shape ``(…, seeds, rows)``; paired differences of scores do as well.

    Returns:
        Two variances, each of shape ``(…)``. With one seed the first is 0: nothing is known.

    References:
        Obuchowski & Rockette 1995 on readers × cases, which are to a diagnosis what seeds × rows
        are here; Owen 2007 on counting cells twice.
    """
    seeds, rows = scores.shape[-2:]
    of_seeds = scores.mean(axis=-1).var(axis=-1) / max(seeds - 1, 1)
    of_rows = scores.mean(axis=-2).var(axis=-1) / max(rows - 1, 1)
    return of_seeds, of_rows


def degrees_of_freedom(
    variance: NDArray[np.float64],
    of_seeds: NDArray[np.float64],
    of_rows: NDArray[np.float64],
    seeds: int,
    rows: int,
) -> NDArray[np.float64]:
    """How well a mean's variance is known: near ``seeds - 1`` where seeds cause most of it.

    Args:
        variance: Of the mean.
        of_seeds: Its part from the seeds, estimated from as many as there are.
        of_rows: Its part from the rows.
        seeds: Number of seeds.
        rows: Number of rows.

    Returns:
        Degrees of freedom of Student's t.

    References:
        Satterthwaite 1946; Welch 1947; Hillis 2007 for readers × cases.
    """
    uncertainty = of_seeds**2 / max(seeds - 1, 1) + of_rows**2 / max(rows - 1, 1)
    known = np.full_like(variance, max(rows - 1, 1))
    return np.divide(variance**2, uncertainty, out=known, where=uncertainty > 0)


def mean_interval(
    scores: NDArray[np.float64],
    resampled: NDArray[np.float64],
    confidence: float,
    *,
    share: bool,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Interval of every combination's mean, wide enough for few seeds.

    Percentiles of resampled means take the scatter for known, and that of five seeds reaches
    less far than five seeds may be off. So the scatter is multiplied by a quantile of Student's
    t, on a scale where it is about even to both sides: the log-odds of a share, the logarithm of
    an error. That also keeps intervals inside of what is possible.

    Args:
        scores: Shape ``(combinations, seeds, rows)``; shares from 0 to 1, or 0 and above.
        resampled: From :func:`bootstrap_means`.
        confidence: Of each interval on its own.
        share: Whether the means are shares.

    Returns:
        Low and high, shape ``(combinations,)``.

    References:
        Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 12, for the standard
        interval with t and on another scale; Hesterberg 2015, What Teachers Should Know About
        the Bootstrap, on how narrow percentiles of a small sample are; Clopper & Pearson 1934
        for shares of 0 and 1.
    """
    from scipy.special import expit, logit, stdtrit

    of_seeds, of_rows = mean_variances(scores)
    degrees = degrees_of_freedom(of_seeds + of_rows, of_seeds, of_rows, *scores.shape[1:])
    least = 0.5 / scores.shape[2]  # half a row: the log-odds of all right are not finite

    def scaled(means: NDArray[np.float64]) -> NDArray[np.float64]:
        if share:
            return np.asarray(logit(np.clip(means, least, 1 - least)))
        return np.log(np.maximum(means, np.finfo(np.float64).tiny))

    mean, back = scores.mean(axis=(1, 2)), expit if share else np.exp
    half = stdtrit(degrees, (1 + confidence) / 2) * scaled(resampled).std(axis=0)
    low, high = back(scaled(mean) - half), back(scaled(mean) + half)
    if share:  # where every row is right (or none), nothing varies and yet more rows might not be
        all_right = ((1 - confidence) / 2) ** (1 / scores.shape[2])
        low, high = np.where(mean == 1, all_right, low), np.where(mean == 0, 1 - all_right, high)
    return np.minimum(low, mean), np.maximum(high, mean)


def interval(
    samples: NDArray[np.float64], confidence: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile interval over the first axis of resampled values."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(samples, [tail, 1 - tail], axis=0)
    return low, high


def bootstrap_metric(
    metric: Callable[[NDArray[np.intp]], NDArray[np.float64]],
    rows: int,
    evaluation: EvaluationParameters,
) -> MetricEstimate:
    """A metric of some rows, with its percentile bootstrap interval.

    Args:
        metric: Takes row numbers of shape ``(…, rows)``, returns a value for each leading index.
        rows: Number of rows there are.
        evaluation: Confidence, resamples, seed.

    Returns:
        The estimate.
    """
    from scipy.stats import bootstrap

    every_row = np.arange(rows)
    drawn = bootstrap(
        (every_row,),
        lambda numbers, axis: metric(numbers),
        n_resamples=evaluation.resamples,
        batch=RESAMPLES_AT_ONCE,
        confidence_level=evaluation.confidence,
        method="percentile",
        vectorized=True,
        rng=np.random.default_rng(evaluation.seed),
    ).confidence_interval
    return MetricEstimate(
        value=float(metric(every_row)), ci_low=float(drawn.low), ci_high=float(drawn.high)
    )
