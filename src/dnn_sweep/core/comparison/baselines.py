"""Baselines: models without a deep network, fitted and scored on the rows of the networks."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.comparison.baseline_models import (
    NAMES,
    draw_rows,
    fit_model,
    predict_rows,
)
from dnn_sweep.core.data.arrays import features_and_target, sample_weights_of
from dnn_sweep.core.data.folds import FOLD, TARGET_MEAN, TARGET_SCALE, VALIDATED
from dnn_sweep.core.data.predictions import target_values
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.objectives import OF_PROBABILITIES, Objective
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.core.scorer import Predictions, Scorer, predict_without_skill
from dnn_sweep.parameters import BaselineName, EvaluationParameters, Task

logger = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Baseline:
    """A fitted baseline's predictions of the validation rows."""

    spelling: BaselineName  # in ``evaluation.baselines``
    name: str  # in the leaderboard
    task: Task
    predictions: NDArray[np.generic]  # encoded as the target: class positions, standardised values
    # Of each class; a support vector machine has only an order of the rows, as values from 0 to 1.
    probabilities: NDArray[np.float64] | None
    rows: int  # training rows it was fitted on; with folds, in the first one
    training_rows: int  # how many there are
    seconds: float  # to fit it and to predict

    def row_scores(self, scorer: Scorer, scaling: TargetScaling) -> NDArray[np.float64]:
        """Score the validation rows as a trial's are scored."""
        if self.task == "regression":
            return scorer.row_scores(Predictions(target_values(self.predictions, scaling)))
        return scorer.row_scores(Predictions(self.predictions, self.probabilities))


def fit_baselines(
    plan: TrialPlan,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    schema: Schema,
    evaluation: EvaluationParameters,
    fold_matrices: pd.DataFrame | None = None,
    objective: Objective | None = None,
) -> list[Baseline]:
    """Fit the baselines of ``evaluation.baselines`` on what the networks see.

    With folds (see :func:`~dnn_sweep.core.data.folds.scale_folds`), each is fitted once per fold
    and predicts the rows that the fold validates, so that no row is predicted by a model that was
    fitted on it. Of several repeats, only the first is used: a baseline has no seeds, and predicts
    every row once.

    They get the same scaled features (an image or a sequence as one row of numbers, missing steps
    as 0) and the same weights of rows and classes. None is tuned. Large data are capped: the rows
    are drawn with ``evaluation.seed``, and the log says how many. The constant prediction is
    unweighted, as it is where it stands for a diverged trial. A model that cannot be fitted, say
    because all training rows have one class, is left out with a warning; so is a support vector
    machine where the ``objective`` needs probabilities, which it does not have.

    >>> rows = train_matrix, validation_matrix, schema
    >>> [each.name for each in fit_baselines(finals_plan, *rows, evaluation)]
    ['most frequent class', 'logistic regression', 'gradient boosting', 'support vector machine']
    """
    if fold_matrices is not None and len(fold_matrices):
        parts = _divide(train_matrix, fold_matrices, plan)
    else:
        parts = [_Part.of(train_matrix, validation_matrix, plan)]
    fitted = []
    for spelling in evaluation.baselines:
        name = NAMES[spelling][schema.task == "regression"]
        if spelling == "support_vectors" and objective and objective.scorer in OF_PROBABILITIES:
            logger.info("The baseline %s has no probabilities and is left out.", name)
            continue
        start = time.perf_counter()
        try:
            predicted = [part.predict(spelling, schema, evaluation.seed) for part in parts]
        except (ValueError, ArithmeticError, MemoryError) as error:
            said = (str(error) or type(error).__name__).splitlines()[0]
            logger.warning("The baseline %s could not be fitted: %s", name, said)
            continue
        seconds, first = time.perf_counter() - start, parts[0]
        rows = first.fitted_on(spelling, schema, evaluation.seed)
        if len(rows) < len(first.counted) and spelling != "no_skill":
            drawn = f"{len(rows):,} of {len(first.counted):,}"
            each = "" if len(parts) == 1 else " of each fold"
            logger.info("The baseline %s is fitted on %s training rows%s.", name, drawn, each)
        joined = _join(parts, predicted)
        fitted.append(
            Baseline(spelling, name, schema.task, *joined, len(rows), len(first.target), seconds)
        )
    return fitted


def fit_baseline(
    spelling: BaselineName, matrix: pd.DataFrame, plan: TrialPlan, schema: Schema, seed: int
) -> Any:
    """Fit a baseline on all rows of a matrix, as a model to be served: with probabilities."""
    return _Part.of(matrix, matrix[:0], plan).fit(spelling, schema, seed, calibrated=True)


@dataclass(frozen=True, eq=False)
class _Part:
    """Rows to fit on, and rows to predict: of one split, or of one fold."""

    features: NDArray[np.float32]  # of the training rows
    target: NDArray[np.generic]
    weights: NDArray[np.float64] | None  # of the training rows, see _weights
    unseen: NDArray[np.float32]  # features of the rows to predict
    places: NDArray[np.intp]  # of these among all rows that are predicted

    @classmethod
    def of(
        cls,
        train: pd.DataFrame,
        validation: pd.DataFrame,
        plan: TrialPlan,
        places: NDArray[np.intp] | None = None,
    ) -> "_Part":
        features, target = features_and_target(train)
        unseen, _ = features_and_target(validation)
        weights = _weights(plan, train, target)
        everywhere = np.arange(len(unseen)) if places is None else places
        return cls(features, target, weights, unseen, everywhere)

    @property
    def counted(self) -> NDArray[np.intp]:
        """Positions of the training rows that have a weight."""
        return np.arange(len(self.target)) if self.weights is None else np.flatnonzero(self.weights)

    def fitted_on(self, spelling: BaselineName, schema: Schema, seed: int) -> NDArray[np.intp]:
        if spelling == "no_skill":
            return np.arange(len(self.target))
        return draw_rows(spelling, self.counted, self.features.shape[1], schema, seed)

    def predict(
        self, spelling: BaselineName, schema: Schema, seed: int
    ) -> tuple[NDArray[np.generic], NDArray[np.float64] | None]:
        if spelling == "no_skill":
            given = len(self.unseen), len(schema.classes)
            constant = predict_without_skill(self.target, *given)
            return constant.values, constant.probabilities
        return predict_rows(self.fit(spelling, schema, seed), self.unseen, schema)

    def fit(
        self, spelling: BaselineName, schema: Schema, seed: int, *, calibrated: bool = False
    ) -> Any:
        rows = self.fitted_on(spelling, schema, seed)
        weights = None if spelling == "no_skill" or self.weights is None else self.weights[rows]
        fitted = self.features[rows], self.target[rows], weights
        return fit_model(spelling, *fitted, schema, seed, calibrated=calibrated)


def _divide(
    train_matrix: pd.DataFrame, fold_matrices: pd.DataFrame, plan: TrialPlan
) -> list[_Part]:
    """The folds of the first repeat, with the target in the unit of all rows."""
    parts, predicted = [], 0
    for _, rows in fold_matrices.groupby(FOLD):
        if predicted == len(train_matrix):  # by the folds of the first repeat
            break
        validated = rows[VALIDATED].to_numpy(dtype=bool)
        matrix = rows.drop(columns=[FOLD, VALIDATED, TARGET_MEAN, TARGET_SCALE])
        matrix = matrix.assign(**{TARGET: train_matrix[TARGET].to_numpy()})
        places = np.flatnonzero(validated)
        parts.append(_Part.of(matrix[~validated], matrix[validated], plan, places))
        predicted += len(places)
    return parts


def _join(
    parts: Sequence[_Part],
    predicted: Sequence[tuple[NDArray[np.generic], NDArray[np.float64] | None]],
) -> tuple[NDArray[np.generic], NDArray[np.float64] | None]:
    """Bring the predictions of all parts into the order of the rows."""
    order = np.argsort(np.concatenate([part.places for part in parts]))
    predictions = np.concatenate([each for each, _ in predicted])[order]
    tables = [table for _, table in predicted if table is not None]
    return predictions, np.concatenate(tables)[order] if tables else None


def _weights(
    plan: TrialPlan, train_matrix: pd.DataFrame, target: NDArray[np.generic]
) -> NDArray[np.float64] | None:
    """The weight of each training row in the networks' loss; ``None`` if all are equal."""
    of_rows, of_classes = sample_weights_of(train_matrix), plan.trials[0].class_weight
    if of_rows is None and of_classes is None:
        return None
    weights = np.ones(len(target)) if of_rows is None else of_rows.astype(np.float64)
    if of_classes is not None:
        weights = weights * np.asarray(of_classes)[target.astype(np.int64)]
    # Of mean 1 where they count: regularisation would else depend on their unit.
    return np.asarray(weights / weights[weights > 0].mean())
