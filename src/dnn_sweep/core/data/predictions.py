"""A network's outputs as predictions: labels, probabilities, values in the target's unit."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.scorer import Predictions, Scorer
from dnn_sweep.parameters import Task

HALF = 0.5  # the usual threshold of the second of two classes


def class_probabilities(outputs: NDArray[np.float32], task: Task) -> NDArray[np.float64]:
    """A network's outputs as one probability per class, shape ``(rows, classes)``.

    >>> class_probabilities(np.array([[0.25]], np.float32), "binary")
    array([[0.75, 0.25]])
    """
    values = outputs.astype(np.float64)
    one_output = task == "binary" and values.shape[1] == 1
    return np.hstack([1 - values, values]) if one_output else values


def decode_outputs(
    outputs: NDArray[np.float32], task: Task, scaling: TargetScaling, threshold: float = HALF
) -> Predictions:
    """A network's outputs as class positions with probabilities, or as numbers in their own unit.

    Of two classes, the second is predicted where its probability exceeds the ``threshold``.

    >>> decode_outputs(np.array([[0.25]], np.float32), "binary", TargetScaling()).values
    array([0])
    """
    if task == "regression":
        return Predictions(target_values(outputs[:, 0], scaling))
    probabilities = class_probabilities(outputs, task)
    if task == "binary" and threshold != HALF:
        return Predictions((probabilities[:, 1] > threshold).astype(np.int64), probabilities)
    return Predictions(probabilities.argmax(axis=1), probabilities)


def build_scorer(
    objective: Objective | None,
    task: Task,
    outputs: int,
    true: NDArray[np.generic],
    scaling: TargetScaling,
    groups: NDArray[np.int64] | None = None,
    parts: NDArray[np.int64] | None = None,
) -> Scorer:
    """Build what scores rows with these encoded targets; ``None`` stands for the task's objective.

    ``outputs`` is how many a network has: one for each class, or a single one.
    """
    if task == "regression":
        true = target_values(true, scaling)
    classes = 0 if task == "regression" else max(outputs, 2)
    return Scorer(objective or objective_of(task), true, classes, groups, parts)


def target_values(encoded: NDArray[np.generic], scaling: TargetScaling) -> NDArray[np.float64]:
    """A regression's standardised targets, or predictions of them, in the target's own unit."""
    return encoded.astype(np.float64) * scaling.scale + scaling.mean


def tabulate_outputs(
    outputs: NDArray[np.float32], schema: Schema, scaling: TargetScaling, threshold: float = HALF
) -> pd.DataFrame:
    """A network's outputs, shape ``(rows, outputs)``, as the served model returns them.

    Returns:
        ``prediction``, the label or the number; for classes also ``probability_<class>``.
    """
    predicted = decode_outputs(outputs, schema.task, scaling, threshold)
    if predicted.probabilities is None:
        return pd.DataFrame({"prediction": predicted.values})
    probabilities = predicted.probabilities
    names = [f"probability_{label}" for label in schema.classes]
    table = pd.DataFrame(probabilities[:, : len(names)], columns=names)
    labels = pd.Series(list(schema.classes)).iloc[predicted.values.astype(np.intp)]
    table.insert(0, "prediction", labels.to_numpy())
    return table
