"""The paired test of two models on the same rows."""

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from dnn_sweep.core.objectives import Objective

# In single precision the same network gives the same outputs to about this, relatively.
ROUNDING = 1e-6
T_TEST = "paired t-test"


@dataclass(frozen=True)
class PairedTest:
    """Two models on the same rows, and how sure it is that the challenger is better.

    Args:
        challenger: The challenger's score, in the objective's unit.
        holder: The score of the one that holds the alias.
        rows: How many rows both predicted.
        name: Name of the test.
        p_value: Probability of such a lead of the challenger, or a larger one, if it is not
            better.
    """

    challenger: float
    holder: float
    rows: int
    name: str
    p_value: float


def compare_predictions(
    challenger: NDArray[np.generic],
    holder: NDArray[np.generic],
    target: NDArray[np.generic],
    objective: Objective,
) -> PairedTest:
    """Test whether the challenger predicts the rows better than the holder does.

    Accuracy: the exact McNemar test, which asks whether the challenger is right on more than half
    of the rows on which only one of the two is. Absolute errors: Student's paired t-test, which
    asks about their mean, the objective. Both tests are one-sided.

    References:
        Dietterich 1998, Approximate Statistical Tests for Comparing Supervised Classification
        Learning Algorithms.

    >>> from dnn_sweep.core.objectives import ACCURACY
    >>> true = np.array([1, 1, 1, 1, 1, 0])
    >>> compare_predictions(true, 1 - true, true, ACCURACY).p_value
    0.015625
    """
    scores = [score_each_row(each, target, objective) for each in (challenger, holder)]
    gains = objective.sign * (scores[0] - scores[1])
    if objective.metric == "accuracy":
        name, p_value = "exact McNemar test", _mcnemar(gains)
    else:
        size = np.maximum(np.abs(challenger.astype(float)), np.abs(holder.astype(float)))
        gains[np.abs(gains) <= ROUNDING * size] = 0
        name, p_value = T_TEST, _paired_t(gains)
    first, second = (float(each.mean()) for each in scores)
    return PairedTest(first, second, rows=len(target), name=name, p_value=p_value)


def compare_scores(
    challenger: NDArray[np.float64], holder: NDArray[np.float64], objective: Objective, rows: int
) -> PairedTest:
    """Test whether the challenger's scores are better than the holder's, by Student's paired t.

    The scores are those of the same ``rows`` or groups of them, whose mean is the objective; see
    :meth:`~dnn_sweep.core.scorer.Scorer.row_scores`.

    >>> from dnn_sweep.core.objectives import ACCURACY
    >>> compare_scores(np.array([0.9, 0.8, 0.7]), np.array([0.5, 0.6, 0.4]), ACCURACY, 3).name
    'paired t-test'
    """
    gains = objective.sign * (challenger - holder)
    gains[np.abs(gains) <= ROUNDING * np.maximum(np.abs(challenger), np.abs(holder))] = 0
    first, second = float(challenger.mean()), float(holder.mean())
    return PairedTest(first, second, rows=rows, name=T_TEST, p_value=_paired_t(gains))


def score_each_row(
    predicted: NDArray[np.generic], target: NDArray[np.generic], objective: Objective
) -> NDArray[np.float64]:
    """Score each prediction: 1 for a right label and 0 for a wrong one, or the absolute error.

    Their mean is the objective's value.
    """
    if objective.metric == "mae":
        return np.abs(predicted.astype(np.float64) - target.astype(np.float64))
    return np.asarray(predicted.astype(object) == target.astype(object), np.float64)


def _mcnemar(gains: NDArray[np.float64]) -> float:
    better, worse = int((gains > 0).sum()), int((gains < 0).sum())
    if better + worse == 0:
        return 1.0
    return float(scipy.stats.binomtest(better, better + worse, alternative="greater").pvalue)


def _paired_t(gains: NDArray[np.float64]) -> float:
    if np.ptp(gains) == 0:  # the statistic is not defined
        return 0.0 if gains[0] > 0 else 1.0
    return float(scipy.stats.ttest_1samp(gains, 0, alternative="greater").pvalue)
