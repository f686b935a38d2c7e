"""A network's outputs as predictions: labels, probabilities, values in the target's unit."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.parameters import Task


def class_probabilities(outputs: NDArray[np.float32], task: Task) -> NDArray[np.float64]:
    """A network's outputs as one probability per class, shape ``(rows, classes)``.

    >>> class_probabilities(np.array([[0.25]], np.float32), "binary")
    array([[0.75, 0.25]])
    """
    values = outputs.astype(np.float64)
    one_output = task == "binary" and values.shape[1] == 1
    return np.hstack([1 - values, values]) if one_output else values


def target_values(encoded: NDArray[np.generic], scaling: TargetScaling) -> NDArray[np.float64]:
    """A regression's standardised targets, or predictions of them, in the target's own unit."""
    return encoded.astype(np.float64) * scaling.scale + scaling.mean


def tabulate_outputs(
    outputs: NDArray[np.float32], schema: Schema, scaling: TargetScaling
) -> pd.DataFrame:
    """A network's outputs, shape ``(rows, outputs)``, as the served model returns them.

    Returns:
        ``prediction``, the label or the number; for classes also ``probability_<class>``.
    """
    if schema.task == "regression":
        return pd.DataFrame({"prediction": target_values(outputs[:, 0], scaling)})
    probabilities = class_probabilities(outputs, schema.task)
    names = [f"probability_{label}" for label in schema.classes]
    table = pd.DataFrame(probabilities[:, : len(names)], columns=names)
    labels = pd.Series(list(schema.classes)).iloc[probabilities.argmax(axis=1)]
    table.insert(0, "prediction", labels.to_numpy())
    return table
