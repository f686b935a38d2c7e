"""Metrics of predictions, each with its confidence interval."""

import numpy as np
import scipy
from numpy.typing import NDArray

from dnn_sweep.core.comparison.error_parts import Floats
from dnn_sweep.core.comparison.intervals import MetricEstimate, ratio_interval
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.parameters import EvaluationParameters

# Added to a confusion matrix before what it could have been is drawn: half a row to every class
# that is right, and so many to all mistakes together. With none, a class without a mistake could
# never have one; with Jeffreys' half for each cell, ten classes would have 45 mistakes more.
RIGHT, ALL_MISTAKES = 0.5, 0.7
DRAWS_AT_ONCE = 100  # bounds memory


def classification_metrics(
    true: NDArray[np.int32],
    probabilities: Floats,
    evaluation: EvaluationParameters,
    predicted: NDArray[np.generic] | None = None,
) -> dict[str, MetricEstimate]:
    """Metrics of class probabilities, shape ``(rows, classes)``, given the true class positions.

    The most probable class is ``predicted``, unless positions are given.

    Returns:
        ``accuracy`` with its exact binomial interval, ``macro_f1`` (over the classes that occur
        or are predicted), ``log_loss``, and ``calibration_error`` (expected calibration error
        over bins of equal width, Naeini et al. 2015). The last has no interval: a mean of
        absolute gaps is raised by noise, and resampling adds noise, so that a perfectly
        calibrated network would never be in it.

    >>> probabilities = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    >>> true = np.array([0, 1, 1], dtype=np.int32)
    >>> print(classification_metrics(true, probabilities, EvaluationParameters())["accuracy"])
    0.6667 [0.0943, 0.9916]

    References:
        Clopper & Pearson 1934; Goutte & Gaussier 2005, A probabilistic interpretation of
        precision, recall and F-score.
    """
    said = probabilities.argmax(axis=1) if predicted is None else predicted.astype(np.intp)
    confidence = probabilities[np.arange(len(true)), said]
    correct = (said == true).astype(np.float64)
    clipped = np.clip(probabilities, np.finfo(np.float32).eps, 1)
    clipped /= clipped.sum(axis=1, keepdims=True)
    losses = -np.log(clipped[np.arange(len(true)), true])
    exact = scipy.stats.binomtest(int(correct.sum()), len(true))
    accuracy = exact.proportion_ci(evaluation.confidence)
    gaps = _calibration_gaps(confidence, correct, evaluation.calibration_bins)
    return {
        "accuracy": _estimate(exact.statistic, (accuracy.low, accuracy.high)),
        "macro_f1": _macro_f1(true, said, probabilities.shape[1], evaluation),
        "log_loss": _estimate(losses.mean(), ratio_interval(losses, evaluation)),
        "calibration_error": MetricEstimate(value=float(np.abs(gaps).sum() / len(true))),
    }


def regression_metrics(
    true: Floats, predicted: Floats, evaluation: EvaluationParameters
) -> dict[str, MetricEstimate]:
    """``mae``, ``rmse`` and ``r2`` of predicted numbers.

    >>> numbers = np.arange(20.0)
    >>> measured = regression_metrics(numbers, numbers + numbers % 3, EvaluationParameters())
    >>> print(measured["mae"])
    0.9500 [0.5720, 1.425]
    """
    absolute, squares = np.abs(true - predicted), (true - predicted) ** 2
    spread = (true - true.mean()) ** 2
    low, high = ratio_interval(squares, evaluation)
    estimates = {
        "mae": _estimate(absolute.mean(), ratio_interval(absolute, evaluation)),
        "rmse": _estimate(np.sqrt(squares.mean()), (np.sqrt(low), np.sqrt(high))),
    }
    if spread.any():
        low, high = ratio_interval(squares, evaluation, over=spread)
        estimates["r2"] = _estimate(1 - squares.mean() / spread.mean(), (1 - high, 1 - low))
    else:  # of rows with the same target
        estimates["r2"] = MetricEstimate(value=float("nan"))
    return estimates


def _estimate(value: float, interval: tuple[float, float]) -> MetricEstimate:
    return MetricEstimate(value=float(value), ci_low=float(interval[0]), ci_high=float(interval[1]))


def _macro_f1(
    true: NDArray[np.int32],
    predicted: NDArray[np.intp],
    classes: int,
    evaluation: EvaluationParameters,
) -> MetricEstimate:
    counts = sklearn.metrics.confusion_matrix(true, predicted, labels=range(classes))
    used = (counts.sum(axis=0) + counts.sum(axis=1)) > 0
    counts = counts[np.ix_(used, used)].astype(np.float64)
    right = np.eye(len(counts), dtype=bool)
    mistakes = ALL_MISTAKES / max(right.size - len(right), 1)
    added, rng = np.where(right, RIGHT, mistakes), np.random.default_rng(evaluation.seed)
    drawn = [
        _mean_f1(rng.gamma(counts + added, size=(DRAWS_AT_ONCE, *counts.shape)))
        for _ in range(0, evaluation.resamples, DRAWS_AT_ONCE)
    ]
    tail, value = (1 - evaluation.confidence) / 2, float(_mean_f1(counts))
    low, high = np.quantile(np.concatenate(drawn), [tail, 1 - tail])
    return _estimate(value, (min(low, value), max(high, value)))


def _mean_f1(counts: Floats) -> Floats:
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    return np.asarray((2 * hits / (counts.sum(axis=-1) + counts.sum(axis=-2))).mean(axis=-1))


def _calibration_gaps(confidence: Floats, correct: Floats, bins: int) -> Floats:
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    return np.asarray(np.bincount(bin_of, confidence - correct, minlength=bins), np.float64)
