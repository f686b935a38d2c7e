"""The output side of a network follows the task; contradictions are refused."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.tables import Schema, TargetScaling
from dnn_sweep.parameters import NetworkParameters, Task

# What may stand together: task, output activation, losses (the first is the default).
_LOSSES: dict[tuple[Task, str], tuple[str, ...]] = {
    ("multiclass", "softmax"): ("sparse_categorical_crossentropy", "categorical_crossentropy"),
    ("binary", "sigmoid"): ("binary_crossentropy", "binary_focal_crossentropy"),
    ("binary", "softmax"): ("sparse_categorical_crossentropy", "categorical_crossentropy"),
    ("regression", "linear"): (
        "mean_squared_error",
        "mean_absolute_error",
        "huber",
        "log_cosh",
    ),
}
_SHORT = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "logcosh": "log_cosh"}


@dataclass(frozen=True)
class Output:
    """The last layer and what it is trained on.

    Args:
        units: Number of output neurons.
        activation: A Keras activation.
        loss: A Keras loss.
        metric: The Keras metric reported each epoch.
    """

    units: int
    activation: str
    loss: str
    metric: str


def output_for(schema: Schema, network: NetworkParameters) -> Output:
    """Decide the output layer and the loss.

    Args:
        schema: The task and the classes.
        network: What the user overrides.

    Returns:
        The output.

    Raises:
        SweepError: If the activation or the loss cannot serve the task.
    """
    task = schema.task
    activations = [activation for known, activation in _LOSSES if known == task]
    activation = network.output_activation or activations[0]
    if activation not in activations:
        raise SweepError(
            f"network.output_activation: {activation!r} contradicts the task, {task}; "
            f"allowed: {', '.join(activations)}"
        )
    losses = _LOSSES[task, activation]
    loss = _SHORT.get(network.loss or "", network.loss) or losses[0]
    if loss not in losses:
        where = f"network.loss (task {task}, output {activation})"
        raise unknown_name(loss, losses, what="loss", where=where)
    units = len(schema.classes) if activation == "softmax" else 1
    return Output(units, activation, loss, objective_of(task).metric)


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
