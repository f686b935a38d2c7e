"""The objective of a sweep, resolved before anything is trained."""

import logging

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.preprocessing import encode_target
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.data.targets import is_rare
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.formatting import format_share
from dnn_sweep.core.objectives import Objective, named_objective, objective_of
from dnn_sweep.core.scorer import Scorer, predict_without_skill
from dnn_sweep.parameters import EvaluationParameters

logger = logging.getLogger(__name__)


def resolve_objective(
    schema: Schema,
    train_rows: pd.DataFrame,
    validation_rows: pd.DataFrame,
    evaluation: EvaluationParameters,
) -> Objective:
    """Resolve ``evaluation.objective`` for a table, and try it on the rows that will be scored.

    With ``auto``, a class with less than 10 % of the training rows is rare; of more than five
    classes, one with less than half of an equal share. Then the accuracy would hardly change if the
    class were never predicted, so another metric ranks.

    Raises:
        SweepError: If there is no such metric, it does not suit the task, or it fails.

    >>> resolve_objective(schema, train_rows, validation_rows, evaluation).metric
    'accuracy'
    """
    true, validated = (
        encode_target(rows[schema.target], schema, TargetScaling())
        for rows in (train_rows, validation_rows)
    )
    given, task = evaluation.objective, schema.task
    if task == "regression":
        objective = objective_of(task) if given == "auto" else named_objective(given, task)
    else:
        counts = np.bincount(true.astype(np.int64), minlength=len(schema.classes))
        rarer = int(counts[0] >= counts[1]) if task == "binary" else 1
        if given != "auto":
            objective = named_objective(given, task, rarer)
        else:
            objective = _for_classes(counts, schema, rarer)
    objective = objective.model_copy(update={"given": given})
    try_objective(objective, true, validated, len(schema.classes))
    if objective.reason:
        logger.warning(objective.reason)
    return objective


def _for_classes(counts: NDArray[np.intp], schema: Schema, rarer: int) -> Objective:
    shares = counts / counts.sum()
    rarest, usual = int(shares.argmin()), int(shares.argmax())
    if not is_rare(float(shares[rarest]), len(counts)):
        return objective_of(schema.task)
    name = "average_precision" if schema.task == "binary" else "balanced_accuracy"
    found, rare = named_objective(name, schema.task, rarer), f"{schema.classes[rarest]!r}"
    of = f" of {rare}" if schema.task == "binary" else ""
    reason = (
        f"The {found.label}{of} ranks in place of the accuracy: {rare} is the class of "
        f"{format_share(shares[rarest])} of the training rows, and always predicting "
        f"{schema.classes[usual]!r} has an accuracy of {format_share(shares[usual])} "
        "(evaluation.objective: accuracy keeps it)."
    )
    return found.model_copy(update={"reason": reason})


def try_objective(
    objective: Objective,
    train_target: NDArray[np.generic],
    true: NDArray[np.generic],
    classes: int,
) -> None:
    """Score a constant prediction, so that what fails does so before the training.

    Raises:
        SweepError: If the metric is not defined for these targets, which are encoded as classes or
            in their own unit.
    """
    constant = predict_without_skill(train_target, len(true), classes)
    try:
        Scorer(objective, true, classes).value(constant)
    except SweepError:
        raise
    except ValueError as error:  # such as a logarithmic error of negative targets
        said = str(error).splitlines()[0]
        raise SweepError(
            f"evaluation.objective: {objective.given} does not suit the target: {said}"
        ) from error
