"""Intervals: how far a figure could be off, from resampling what it was computed from."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.parameters import EvaluationParameters

RESAMPLES_AT_ONCE = 100  # bounds memory: this many row numbers a row at a time


def bootstrap_means(
    scores: NDArray[np.float64], evaluation: EvaluationParameters
) -> NDArray[np.float64]:
    """Resampled means of every combination, paired and hierarchical.

    Seeds and rows are drawn with replacement, the same ones for every combination, so that
    differences between combinations carry neither the luck of a seed nor of a row.

    Args:
        scores: One score a combination, seed and validation row, shape
            ``(combinations, seeds, rows)``.
        evaluation: Number of resamples, and the seed.

    Returns:
        Means, shape ``(resamples, combinations)``.

    References:
        Efron & Tibshirani 1993, An Introduction to the Bootstrap; Saravanan et al. 2020 for
        the hierarchical form.
    """
    combinations, seeds, rows = scores.shape
    rng = np.random.default_rng(evaluation.seed)
    by_seed = scores.reshape(combinations * seeds, rows)
    means = np.empty((evaluation.resamples, combinations))
    for resample in range(evaluation.resamples):
        drawn_rows = np.bincount(rng.integers(rows, size=rows), minlength=rows)
        drawn_seeds = np.bincount(rng.integers(seeds, size=seeds), minlength=seeds)
        seed_means = (by_seed @ drawn_rows / rows).reshape(combinations, seeds)
        means[resample] = seed_means @ drawn_seeds / seeds
    return means


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
) -> dict[str, float]:
    """A metric of some rows, with its percentile bootstrap interval.

    Args:
        metric: Takes row numbers of shape ``(…, rows)``, returns a value for each leading index.
        rows: Number of rows there are.
        evaluation: Confidence, resamples, seed.

    Returns:
        ``value``, ``ci_low`` and ``ci_high``.
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
    return {
        "value": float(metric(every_row)),
        "ci_low": float(drawn.low),
        "ci_high": float(drawn.high),
    }
