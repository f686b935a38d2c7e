"""A network's outputs as predictions: labels, probabilities, numbers in the target's unit."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.parameters import Task


def class_probabilities(outputs: NDArray[np.float32], task: Task) -> NDArray[np.float64]:
    """A network's outputs as one probability a class, shape ``(rows, classes)``."""
    values = outputs.astype(np.float64)
    if task == "binary" and values.shape[1] == 1:
        return np.hstack([1 - values, values])
    return values


def target_values(outputs: NDArray[np.float32], scaling: TargetScaling) -> NDArray[np.float64]:
    """A regression network's outputs in the target's own unit, shape ``(rows,)``."""
    return outputs[:, 0].astype(np.float64) * scaling.scale + scaling.mean


def tabulate_outputs(
    outputs: NDArray[np.float32], schema: Schema, scaling: TargetScaling
) -> pd.DataFrame:
    """A network's outputs as the served model gives them.

    Args:
        outputs: Shape ``(rows, outputs)``.
        schema: The task and the classes.
        scaling: A regression target's unit.

    Returns:
        ``prediction``, the label or the number; for classes also ``probability_<class>``.
    """
    if schema.task == "regression":
        return pd.DataFrame({"prediction": target_values(outputs, scaling)})
    probabilities = class_probabilities(outputs, schema.task)
    labels = pd.Series(list(schema.classes))
    columns: dict[str, Any] = {"prediction": labels.iloc[probabilities.argmax(axis=1)].to_numpy()}
    for position, label in enumerate(schema.classes):
        columns[f"probability_{label}"] = probabilities[:, position]
    return pd.DataFrame(columns)
