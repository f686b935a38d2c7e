"""A learner of another kind on the same rows: whether there is anything to learn from them.

References:
    Cortes & Vapnik 1995, "Support-vector networks".
"""

import numpy as np
import pandas as pd
import scipy
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.data.predictions import build_scorer, target_values
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.core.objectives import OF_PROBABILITIES, Objective
from dnn_sweep.core.scorer import Predictions
from dnn_sweep.parameters import Task

REFERENCE = "a support vector machine"
MOST_ROWS = 2000  # a few seconds even for images; a rough score is enough
SEED = 0


def reference_score(
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    task: Task,
    target_scaling: TargetScaling,
    objective: Objective | None = None,
) -> float:
    """Score a support vector machine on the validation rows, in the objective's unit.

    It has scikit-learn's default settings and takes at most ``MOST_ROWS`` rows of each table. The
    tables must have no row in common. NaN where the ``objective`` asks for what it does not have:
    probabilities, or two of these rows in every class.

    >>> reference_score(train_matrix, validation_matrix, "multiclass", target_scaling) > 0.9
    True
    """
    x, y = _sample(train_matrix)
    x_validation, true = _sample(validation_matrix)
    machine = sklearn.svm.SVR() if task == "regression" else sklearn.svm.SVC()
    constant = bool((y == y[0]).all())  # which no machine takes as classes
    predicted = np.full(len(true), y[0]) if constant else machine.fit(x, y).predict(x_validation)
    if objective and (objective.is_custom or objective.scorer in OF_PROBABILITIES):
        return float("nan")
    if task == "regression":
        return build_scorer(objective, task, 1, true, target_scaling).value(
            Predictions(target_values(predicted, target_scaling))
        )
    shares = None
    if task == "binary" and not constant:
        shares = scipy.special.expit(machine.decision_function(x_validation))
        shares = np.stack([1 - shares, shares], axis=1)
    try:
        outputs = int(max(y.max(), true.max())) + 1
        scorer = build_scorer(objective, task, outputs, true, target_scaling)
    except SweepError:
        return float("nan")
    return scorer.value(Predictions(predicted, shares))


def _sample(matrix: pd.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.generic]]:
    x, y = features_and_target(matrix)
    rows = np.random.default_rng(SEED).permutation(len(x))[:MOST_ROWS]
    return x[rows], y[rows]
