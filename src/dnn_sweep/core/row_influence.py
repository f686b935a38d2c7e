"""Metrics of which each row's share is known exactly.

A mean over rows has a term for each row. The balanced accuracy, F1 and the area under the ROC curve
are ratios of means: what a row adds to such a ratio, beside the ratio itself, is its influence,
which is zero on average. The spread of the influences is that of the metric.

References:
    Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 21; DeLong, DeLong &
    Clarke-Pearson 1988, Comparing the areas under two or more correlated receiver operating
    characteristic curves.
"""

import numpy as np
import scipy
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Classes = NDArray[np.int64]

# scikit-learn's names of the metrics of which each row's share is known.
KNOWN = frozenset(
    {
        "accuracy",
        "balanced_accuracy",
        "f1",
        "f1_macro",
        "neg_brier_score",
        "neg_log_loss",
        "neg_mean_absolute_error",
        "neg_mean_absolute_percentage_error",
        "neg_mean_squared_error",
        "roc_auc",
    }
)


def of_class(
    name: str,
    true: Classes,
    predicted: NDArray[np.generic],
    probabilities: Floats,
    classes: int,
    positive: int,
) -> Floats | None:
    """Each row's share in a metric of classes, whose mean is the metric.

    Args:
        name: scikit-learn's name of the metric.
        true: The class position of each row, shape ``(rows,)``.
        predicted: The predicted one.
        probabilities: Of each class, shape ``(rows, classes)``.
        classes: How many there are.
        positive: The class that a binary metric is about.

    Returns:
        Shape ``(rows,)``; ``None`` where the metric is not among these.

    >>> true = np.array([0, 0, 0, 1])
    >>> of_class("balanced_accuracy", true, np.zeros(4), np.eye(2)[[0, 0, 0, 0]], 2, 1).mean()
    np.float64(0.5)
    """
    match name:
        case "accuracy":
            return np.asarray(predicted == true, dtype=np.float64)
        case "balanced_accuracy":
            return _recall_influence(true, predicted == true, classes)
        case "f1_macro":
            return _f1_influence(true, predicted, range(classes))
        case "f1":
            return _f1_influence(true, predicted, [positive])
        case "roc_auc":
            return _auc_influence(true == positive, probabilities[:, positive])
        case "neg_log_loss":
            clipped = np.clip(probabilities, np.finfo(np.float32).eps, 1)
            clipped /= clipped.sum(axis=1, keepdims=True)
            return np.asarray(-np.log(clipped[np.arange(len(true)), true]))
        case "neg_brier_score":  # of one class where there are two, else of all
            squares = (probabilities - np.eye(classes)[true]) ** 2
            return np.asarray(squares.sum(axis=1) / (2 if classes == 2 else 1))
    return None


def of_number(name: str, true: Floats, predicted: Floats) -> Floats | None:
    """Each row's share in a metric of numbers, as :func:`of_class`."""
    errors = np.abs(true - predicted)
    match name:
        case "neg_mean_absolute_error":
            return np.asarray(errors)
        case "neg_mean_squared_error":
            return np.asarray(errors**2)
        case "neg_mean_absolute_percentage_error":
            return np.asarray(errors / np.maximum(np.abs(true), np.finfo(np.float64).eps))
    return None


def average_precision(is_positive: NDArray[np.generic], scores: Floats) -> float:
    """The average precision of two classes, as scikit-learn's, but fast on a few hundred rows.

    >>> average_precision(np.array([0, 1, 1]), np.array([0.2, 0.1, 0.3]))
    0.8333333333333333
    """
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)  # of equal scores
    found = np.cumsum(is_positive[order])[ends]
    return float((np.diff(found, prepend=0) * found / (ends + 1)).sum() / max(found[-1], 1))


def _recall_influence(true: Classes, right: NDArray[np.bool_], classes: int) -> Floats:
    """On the mean recall, over the classes that occur."""
    counts = np.bincount(true, minlength=classes)
    recalls = np.bincount(true, right, minlength=classes) / np.maximum(counts, 1)
    used = counts > 0
    weights = len(true) / (used.sum() * np.maximum(counts, 1))
    return np.asarray(recalls[used].mean() + weights[true] * (right - recalls[true]))


def _f1_influence(
    true: Classes, predicted: NDArray[np.generic], about: range | list[int]
) -> Floats:
    """On the mean F1 of some classes; with several, over those that occur or are predicted."""
    shares = []
    for each in about:
        is_true, is_said = true == each, predicted == each
        hits, either = 2.0 * (is_true & is_said), is_true.astype(np.float64) + is_said
        if either.any():
            f1 = hits.sum() / either.sum()
            shares.append(f1 + (hits - f1 * either) / either.mean())
    return np.mean(shares, axis=0) if shares else np.zeros(len(true))


def _auc_influence(is_positive: NDArray[np.bool_], scores: Floats) -> Floats:
    """On the area under the ROC curve: how often a row is on the right side of the other class."""
    share = np.empty(len(scores))
    for own in (is_positive, ~is_positive):
        above = scipy.stats.rankdata(scores)[own] - scipy.stats.rankdata(scores[own])
        above /= (~own).sum()  # the share of the other class below a row, of equals half
        share[own] = above if own is is_positive else 1 - above
    area = share[is_positive].mean()
    counts = np.where(is_positive, is_positive.sum(), (~is_positive).sum())
    return np.asarray(area + len(scores) / counts * (share - area))
