"""A learner of another kind on the same rows: whether there is anything to learn from them.

References:
    Cortes & Vapnik 1995, "Support-vector networks".
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import features_and_target
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.lazy import sklearn
from dnn_sweep.parameters import Task

REFERENCE = "a support vector machine"
MOST_ROWS = 2000  # a few seconds even for images; a rough score is enough
SEED = 0


def reference_score(
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    task: Task,
    target_scaling: TargetScaling,
) -> float:
    """Score a support vector machine on the validation rows, in the objective's unit.

    It has scikit-learn's default settings and takes at most ``MOST_ROWS`` rows of each table. The
    tables must have no row in common.

    >>> reference_score(train_matrix, validation_matrix, "multiclass", target_scaling) > 0.9
    True
    """
    x, y = _sample(train_matrix)
    x_validation, true = _sample(validation_matrix)
    machine = sklearn.svm.SVR() if task == "regression" else sklearn.svm.SVC()
    constant = bool((y == y[0]).all())  # which no machine takes as classes
    predicted = y[0] if constant else machine.fit(x, y).predict(x_validation)
    if task == "regression":
        return float(np.abs(true - predicted).mean() * target_scaling.scale)
    return float((true == predicted).mean())


def _sample(matrix: pd.DataFrame) -> tuple[NDArray[np.float32], NDArray[np.generic]]:
    x, y = features_and_target(matrix)
    rows = np.random.default_rng(SEED).permutation(len(x))[:MOST_ROWS]
    return x[rows], y[rows]
