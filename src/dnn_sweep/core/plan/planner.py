"""From the grid to the trials: names checked, defaults filled in, every choice written out."""

from itertools import product

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.data.class_weights import resolve_class_weight
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.networks.keras_names import check_activation, initializer_for, resolve_optimizer
from dnn_sweep.core.networks.keras_schedules import resolve_schedule
from dnn_sweep.core.networks.network import Layer, Network
from dnn_sweep.core.networks.output_layer import output_for
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.parameters import (
    CallbackParameters,
    EarlyStoppingParameters,
    GridParameters,
    NetworkParameters,
    ReduceOnPlateauParameters,
    ScheduleEntry,
    TrainingParameters,
)


def plan_trials(
    schema: Schema,
    inputs: int,
    data: str,
    network: NetworkParameters,
    grid: GridParameters,
    training: TrainingParameters,
    callbacks: CallbackParameters,
    train_target: NDArray[np.generic],
    sample_weights: NDArray[np.float32] | None = None,
) -> TrialPlan:
    """Write out every trial of the sweep.

    Args:
        schema: The task and the classes.
        inputs: Number of scaled features.
        data: Fingerprint of the scaled training and validation rows.
        network: The network all share.
        grid: What is varied.
        training: Epochs, batch size, seeds, class weights, precision.
        callbacks: What may stop a trial or choose its weights.
        train_target: Scaled targets of the training rows, shape ``(rows,)``.
        sample_weights: What each training row counts, of the same shape; ``None``: all alike.

    Returns:
        One trial a combination and seed, in the order of the grid.

    Raises:
        SweepError: If a name is unknown to Keras or two settings contradict each other.
    """
    activations = _activations(network, grid)
    optimizers = {
        entry.name: resolve_optimizer(entry, f"grid.optimizers ({entry.name})")
        for entry in grid.optimizers
    }
    pairs = _pairs(activations, list(optimizers), grid)
    resolved_callbacks = resolve_callbacks(callbacks, schema)
    class_weight = resolve_class_weight(training, schema, train_target, sample_weights)
    schedules = _schedules(grid, callbacks)
    batch_sizes = grid.batch_size or (training.batch_size,)
    dropouts = grid.dropout or (network.dropout,)
    initializers = grid.kernel_initializer or (network.kernel_initializer,)
    trials = []
    for (activation, optimizer), batch_size, dropout, initializer in product(
        pairs, batch_sizes, dropouts, initializers
    ):
        class_name, arguments, learning_rate = optimizers[optimizer]
        name = f"{activation} + {optimizer}"
        if len(batch_sizes) > 1:
            name += f", batch {batch_size}"
        if len(dropouts) > 1:
            name += f", dropout {dropout:g}"
        if len(initializers) > 1:
            name += f", {initializer}"
        schedule = None
        if entry := schedules.get(optimizer):
            steps = training.epochs * -(-len(train_target) // batch_size)
            where = f"grid.optimizers ({optimizer}), schedule"
            schedule = resolve_schedule(entry, learning_rate, steps, where)
        built = resolve_network(network, schema, inputs, activation, dropout, initializer)
        trials += [
            Trial(
                task=schema.task,
                combination=name,
                activation=activation,
                optimizer=optimizer,
                optimizer_class=class_name,
                optimizer_arguments=arguments,
                learning_rate=learning_rate,
                network=built,
                batch_size=batch_size,
                epochs=training.epochs,
                callbacks=resolved_callbacks,
                seed=seed,
                data=data,
                schedule=schedule,
                class_weight=class_weight,
                precision=training.precision,
            )
            for seed in training.seeds
        ]
    return TrialPlan(trials=tuple(trials))


def resolve_network(
    network: NetworkParameters,
    schema: Schema,
    inputs: int,
    activation: str,
    dropout: float,
    initializer: str,
) -> Network:
    """Decide every layer of the network for one activation, dropout rate and initializer."""
    output = output_for(schema.task, len(schema.classes), network)
    hidden = []
    for position, layer in enumerate(network.hidden, start=1):
        chosen = layer.activation or activation
        hidden.append(
            Layer(
                name=layer.name or f"hidden{position}",
                units=layer.units,
                activation=chosen,
                kernel_initializer=initializer_for(
                    initializer, chosen, "kernel_initializer (network or grid)"
                ),
                dropout=dropout,
                batch_normalization=network.batch_normalization,
                l2=network.l2,
            )
        )
    return Network(
        inputs=inputs,
        hidden=tuple(hidden),
        outputs=output.units,
        output_activation=output.activation,
        loss=output.loss,
        metric=output.metric,
    )


def resolve_callbacks(callbacks: CallbackParameters, schema: Schema) -> CallbackParameters:
    """Replace ``auto`` and check the metrics named.

    Settings of a callback that is switched off are put back to their defaults: they change no
    result, so they must not change a trial's id.
    """
    objective = objective_of(schema.task)
    metrics = ("loss", objective.metric, "val_loss", objective.validation_metric)

    def mode_of(metric: str, mode: str) -> str:
        if mode != "auto":
            return mode
        return objective.mode if metric.endswith(objective.metric) else "min"

    checkpoint = callbacks.checkpoint
    monitor = checkpoint.monitor
    if monitor == "auto":
        monitor = objective.validation_metric
    stopping, plateau = callbacks.early_stopping, callbacks.reduce_on_plateau
    watched = {"checkpoint": monitor}
    if stopping.enabled:
        watched["early_stopping"] = stopping.monitor
    if plateau.enabled:
        watched["reduce_on_plateau"] = plateau.monitor
    for name, metric in watched.items():
        if metric not in metrics:
            where = f"callbacks.{name}.monitor (task {schema.task})"
            raise unknown_name(metric, metrics, what="metric", where=where)
    unfit = "mae" if objective.metric == "accuracy" else "accuracy"
    if f"{unfit}" in checkpoint.filename:
        raise SweepError(
            f"callbacks.checkpoint.filename: {checkpoint.filename!r} asks for {unfit}, which a "
            f"{schema.task} task does not have; allowed: epoch, {', '.join(metrics)}"
        )
    return CallbackParameters(
        checkpoint=checkpoint.model_copy(
            update={"monitor": monitor, "mode": mode_of(monitor, checkpoint.mode)}
        ),
        early_stopping=stopping.model_copy(
            update={"mode": mode_of(stopping.monitor, stopping.mode)}
        )
        if stopping.enabled
        else EarlyStoppingParameters(),
        stop_on_nan=callbacks.stop_on_nan,
        reduce_on_plateau=plateau.model_copy(
            update={"mode": mode_of(plateau.monitor, plateau.mode)}
        )
        if plateau.enabled
        else ReduceOnPlateauParameters(),
    )


def _schedules(grid: GridParameters, callbacks: CallbackParameters) -> dict[str, ScheduleEntry]:
    schedules = {entry.name: entry.schedule for entry in grid.optimizers if entry.schedule}
    if schedules and callbacks.reduce_on_plateau.enabled:
        raise SweepError(
            f"grid.optimizers ({next(iter(schedules))}): a schedule sets the learning rate at "
            "every step, so callbacks.reduce_on_plateau cannot lower it; use one of the two"
        )
    return schedules


def _activations(network: NetworkParameters, grid: GridParameters) -> list[str]:
    fixed = [layer.activation for layer in network.hidden if layer.activation is not None]
    for position, layer in enumerate(network.hidden, start=1):
        if layer.activation is not None:
            check_activation(layer.activation, f"network.hidden, layer {position}")
    for activation in grid.activations:
        check_activation(activation, "grid.activations")
    if len(fixed) == len(network.hidden):
        if grid.activations:
            raise SweepError(
                "grid.activations: every hidden layer names its own activation, so there is "
                "nothing to vary; set grid.activations to [] or leave a layer's activation out"
            )
        return ["-".join(fixed)]
    if not grid.activations:
        raise SweepError(
            "grid.activations is empty, but not every hidden layer names its own activation"
        )
    return list(grid.activations)


def _pairs(
    activations: list[str], optimizers: list[str], grid: GridParameters
) -> list[tuple[str, str]]:
    if not grid.only:
        return list(product(activations, optimizers))
    for position, pair in enumerate(grid.only, start=1):
        where = f"grid.only, entry {position}"
        if pair.activation not in activations:
            raise unknown_name(pair.activation, activations, what="activation", where=where)
        if pair.optimizer not in optimizers:
            raise unknown_name(pair.optimizer, optimizers, what="optimizer", where=where)
    return [(pair.activation, pair.optimizer) for pair in grid.only]
