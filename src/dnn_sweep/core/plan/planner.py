"""From the grid to the trials: names checked, defaults filled in, every choice written out."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations, product

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.data.arrays import features_and_target, sample_weights_of
from dnn_sweep.core.data.division import MOST_FOLDS
from dnn_sweep.core.data.folds import NEUTRAL, Fold, divide_folds, divide_once
from dnn_sweep.core.data.loss_weights import resolve_class_weight
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.errors import SweepError, unknown_name
from dnn_sweep.core.formatting import count
from dnn_sweep.core.lazy import keras
from dnn_sweep.core.networks.keras_names import (
    defaults_of,
    optimizer_classes,
    resolve_optimizer,
)
from dnn_sweep.core.networks.keras_schedules import resolve_schedule
from dnn_sweep.core.networks.network import Schedule
from dnn_sweep.core.networks.resolve import (
    RECURRENT_ACTIVATION,
    own_activations,
    resolve_network,
)
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.callbacks import (
    check_watched_rows,
    objective_by_epoch,
    resolve_callbacks,
)
from dnn_sweep.core.plan.folds import (
    ONE_SPLIT,
    in_every_repeat,
    inner_share,
    plan_folds,
    plan_inner,
    plan_own_folds,
    plan_unit,
)
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.row_influence import KNOWN
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    NetworkParameters,
    OptimizerEntry,
    SplitParameters,
    TrainingParameters,
    activation_name,
)


def plan_trials(
    schema: Schema,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    network: NetworkParameters,
    grid: GridParameters,
    training: TrainingParameters,
    callbacks: CallbackParameters,
    fold_matrices: pd.DataFrame | None = None,
    split: SplitParameters = ONE_SPLIT,
    objective: Objective | None = None,
    target_scaling: TargetScaling | None = None,
) -> TrialPlan:
    """Write out every trial that scaled rows and the grid ask for; see :func:`expand_grid`.

    With folds (rows in ``fold_matrices``), a trial is planned once for each of them; see
    :func:`~dnn_sweep.core.plan.folds.plan_folds`.

    >>> settings = network, grid, training, callbacks
    >>> plan_trials(schema, train_matrix, validation_matrix, *settings).combinations
    ['relu + sgd', 'relu + adam']
    """
    features, target = features_and_target(train_matrix)
    weights, settings = sample_weights_of(train_matrix), (network, grid)
    inner = inner_share(callbacks, split)
    if fold_matrices is not None and len(fold_matrices):
        folds = divide_folds(fold_matrices, inner)
        callbacks = check_watched_rows(callbacks, schema, objective, folds)
        own = in_every_repeat(training, split), callbacks
        rows = min(len(fold.train) for fold in folds)
        plan = expand_grid(
            schema, features.shape[1], "", *settings, *own, target, weights, rows, objective
        )
        fingerprints = [fold.fingerprint for fold in folds]
        if split.one_seed_per_fold:
            _check_repeats(objective, len(features), folds)
            plan = plan_own_folds(plan, fingerprints, training.seeds, inner)
        else:
            plan = plan_folds(plan, fingerprints, training.seeds, split.repeats, inner)
        return plan_unit(plan, target_scaling, schema.task)
    one = divide_once(train_matrix, validation_matrix, inner, target_scaling or NEUTRAL)
    callbacks = check_watched_rows(callbacks, schema, objective, [one])
    given = schema, features.shape[1], one.fingerprint, *settings, training, callbacks
    plan = expand_grid(*given, target, weights, len(one.train), objective)
    return plan_unit(plan_inner(plan, inner), target_scaling, schema.task)


def _check_repeats(objective: Objective | None, rows: int, folds: Sequence[Fold]) -> None:
    """Refuse further repeats where the objective has no share of each row in each of them."""
    if objective and objective.scorer not in KNOWN and sum(len(f.scored) for f in folds) > rows:
        raise SweepError(
            f"evaluation.objective: {objective.label} is not known row by row, so seeds that each "
            "have a fold of their own can be compared in one division into folds only; take at "
            f"most {MOST_FOLDS} training.seeds and as many split.folds with "
            "split.seeds_per_fold: one, or set split.seeds_per_fold: all"
        )


def expand_grid(
    schema: Schema,
    inputs: int,
    data: str,
    network: NetworkParameters,
    grid: GridParameters,
    training: TrainingParameters,
    callbacks: CallbackParameters,
    train_target: NDArray[np.generic],
    sample_weights: NDArray[np.float32] | None = None,
    rows: int | None = None,
    objective: Objective | None = None,
) -> TrialPlan:
    """Write out every trial of the grid: one per combination and seed, in the order of the grid.

    ``inputs`` is the number of scaled features, ``data`` the fingerprint of the scaled training
    and validation rows; ``train_target`` and ``sample_weights`` have the shape ``(rows,)``.
    ``rows`` is how many rows a trial trains on, where these are not all of the training rows.
    ``objective`` is what judges the trials, that of the task by default.

    Raises:
        SweepError: If Keras does not know a name, two settings contradict each other, or two
            entries of the grid are the same under different names.
    """
    activations = choices_of_activations(network, grid)
    optimizers = {
        entry.name: resolve_optimizer(entry, f"grid.optimizers ({entry.name})")
        for entry in grid.optimizers
    }
    pairs = _pairs(list(activations), list(optimizers), grid)
    functions = {
        name: [keras.activations.get(each) for each in names if each]
        for name, names in activations.items()
    }
    _refuse_equal("grid.activations", [(o, a) for a, o in pairs], functions)
    resolved_callbacks = resolve_callbacks(callbacks, schema, objective)
    watched = objective_by_epoch(resolved_callbacks, objective)
    class_weight = resolve_class_weight(training, schema, train_target, sample_weights)
    batch_sizes = grid.batch_size or (training.batch_size,)
    rows = len(train_target) if rows is None else rows
    steps = {size: training.epochs * -(-rows // size) for size in batch_sizes}
    schedules = {
        entry.name: _schedules(entry, optimizers[entry.name][2], steps, callbacks)
        for entry in grid.optimizers
    }
    _refuse_equal(
        "grid.optimizers",
        pairs,
        {
            name: (each, defaults_of(optimizer_classes()[each]) | given, rate, schedules[name])
            for name, (each, given, rate) in optimizers.items()
        },
    )
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
            name += f", dropout {dropout}"
        if len(initializers) > 1:
            name += f", {initializer}"
        built = resolve_network(
            network, schema, inputs, activations[activation], dropout, initializer
        )
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
                schedule=schedules[optimizer].get(batch_size),
                class_weight=class_weight,
                precision=training.precision,
                epoch_objective=watched,
            )
            for seed in training.seeds
        ]
    return TrialPlan(trials=tuple(trials))


def _schedules(
    entry: OptimizerEntry, rate: float, steps: Mapping[int, int], callbacks: CallbackParameters
) -> dict[int, Schedule]:
    """An optimizer's schedule by batch size, on which its length depends; empty without one."""
    if not entry.schedule:
        return {}
    where = f"grid.optimizers ({entry.name})"
    if callbacks.reduce_on_plateau.enabled:
        raise SweepError(
            f"{where}: a schedule sets the learning rate at every step, so "
            "callbacks.reduce_on_plateau cannot lower it; use one of the two"
        )
    return {
        size: resolve_schedule(entry.schedule, rate, count, f"{where}, schedule")
        for size, count in steps.items()
    }


def choices_of_activations(
    network: NetworkParameters, grid: GridParameters
) -> dict[str, tuple[str, ...]]:
    """The choices by name: an activation for each layer that names none of its own, or for all.

    Raises:
        SweepError: If there is nothing to choose, or a list has not one for each layer.
    """
    own = own_activations(network)
    free = list(own.values()).count(None)
    if free and not grid.activations:
        raise SweepError("grid.activations is empty, but not every layer names its own activation")
    if not free:
        if grid.activations:
            raise SweepError(
                "grid.activations: every layer names its own activation, so there is nothing to "
                "vary; set grid.activations to [] or leave a layer's activation out"
            )
        return {"-".join(filter(None, own.values())) or RECURRENT_ACTIVATION: ("",)}
    choices = {}
    for entry in grid.activations:
        names = (entry,) if isinstance(entry, str) else entry
        if len(names) not in (1, free):
            raise SweepError(
                f"grid.activations: [{', '.join(names)}] has {len(names)} activations, but "
                f"{count(free, 'layer')} name none of their own; give one for each, or one for all"
            )
        choices[activation_name(entry)] = names * (free if len(names) == 1 else 1)
    return choices


def _refuse_equal(
    key: str, pairs: Iterable[tuple[str, str]], entries: Mapping[str, object]
) -> None:
    """Refuse two names for the same content that are paired with the same partner."""
    partners: dict[str, set[str]] = {name: set() for name in entries}
    for partner, name in pairs:
        partners[name].add(partner)
    for (first, one), (second, other) in combinations(entries.items(), 2):
        if one == other and partners[first] & partners[second]:
            raise SweepError(
                f"{key}: {first!r} and {second!r} are the same under two names, so there is "
                "nothing to compare; leave one of them out"
            )


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
