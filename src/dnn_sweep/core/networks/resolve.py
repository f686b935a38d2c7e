"""A combination's network: layers by the parameters, output and loss by the task."""

from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.networks.keras_names import initializer_for
from dnn_sweep.core.networks.network import Layer, Network
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.parameters import NetworkParameters, Task

_CROSSENTROPIES = ("sparse_categorical_crossentropy", "categorical_crossentropy")
# Losses that fit a task and its output activation, the default first.
_LOSSES: dict[tuple[Task, str], tuple[str, ...]] = {
    ("multiclass", "softmax"): _CROSSENTROPIES,
    ("binary", "sigmoid"): ("binary_crossentropy", "binary_focal_crossentropy"),
    ("binary", "softmax"): _CROSSENTROPIES,
    ("regression", "linear"): ("mean_squared_error", "mean_absolute_error", "huber", "log_cosh"),
}
_SHORT = {"mse": "mean_squared_error", "mae": "mean_absolute_error", "logcosh": "log_cosh"}


def resolve_network(
    network: NetworkParameters,
    task: Task,
    classes: int,
    inputs: int,
    activation: str,
    dropout: float,
    initializer: str,
) -> Network:
    """Decide a network's layers, output and loss; ``classes`` is 0 for a regression.

    Raises:
        SweepError: If Keras has no such initializer, or the output's activation or the loss
            cannot serve the task.
    """
    outputs = [output for known, output in _LOSSES if known == task]
    output = network.output_activation or outputs[0]
    if output not in outputs:
        raise SweepError(
            f"network.output_activation: {output!r} contradicts the task, {task}; "
            f"allowed: {', '.join(outputs)}"
        )
    losses = _LOSSES[task, output]
    loss = _SHORT.get(network.loss or "", network.loss) or losses[0]
    if loss not in losses:
        where = f"network.loss (task {task}, output {output})"
        raise unknown_name(loss, losses, what="loss", where=where)
    hidden = []
    for position, layer in enumerate(network.hidden, start=1):
        own = layer.activation or activation
        where = "kernel_initializer (network or grid)"
        hidden.append(
            Layer(
                name=layer.name or f"hidden{position}",
                units=layer.units,
                activation=own,
                kernel_initializer=initializer_for(initializer, own, where),
                dropout=dropout,
                batch_normalization=network.batch_normalization,
                l2=network.l2,
            )
        )
    return Network(
        inputs=inputs,
        hidden=tuple(hidden),
        outputs=classes if output == "softmax" else 1,
        output_activation=output,
        loss=loss,
        metric=objective_of(task).metric,
    )
