"""The output layer and the loss, which follow the task."""

from dataclasses import dataclass

from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.parameters import NetworkParameters, Task

# Losses that fit a task and its output activation, the default first.
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
    """The output layer and its loss.

    Args:
        units: Number of output neurons.
        activation: A Keras activation.
        loss: A Keras loss.
        metric: The Keras metric reported every epoch.
    """

    units: int
    activation: str
    loss: str
    metric: str


def output_for(task: Task, classes: int, network: NetworkParameters) -> Output:
    """Choose the output layer and the loss.

    Args:
        task: What is predicted.
        classes: Number of classes; 0 for a regression.
        network: What the user overrides.

    Returns:
        The output.

    Raises:
        SweepError: If the activation or the loss cannot serve the task.
    """
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
    units = classes if activation == "softmax" else 1
    return Output(units, activation, loss, objective_of(task).metric)
