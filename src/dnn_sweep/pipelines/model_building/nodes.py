"""Nodes that turn the grid into trials and show the networks they will train."""

from typing import Any

import pandas as pd

from dnn_sweep.core.data.arrays import (
    features_and_target,
    matrix_fingerprint,
    sample_weights_of,
)
from dnn_sweep.core.data.schema import Schema
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.networks.network import Network
from dnn_sweep.core.plan.trial import TrialPlan
from dnn_sweep.parameters import (
    CallbackParameters,
    Configuration,
    DataParameters,
    EvaluationParameters,
    GridParameters,
    NetworkParameters,
    ScalingParameters,
    ScreeningParameters,
    SplitParameters,
    TrainingParameters,
)


def record_configuration(
    data: DataParameters,
    split: SplitParameters,
    scaling: ScalingParameters,
    network: NetworkParameters,
    grid: GridParameters,
    training: TrainingParameters,
    screening: ScreeningParameters,
    callbacks: CallbackParameters,
    evaluation: EvaluationParameters,
) -> Configuration:
    """Every group of parameters that shapes the sweep's result."""
    return Configuration(
        data=data,
        split=split,
        scaling=scaling,
        network=network,
        grid=grid,
        training=training,
        screening=screening,
        callbacks=callbacks,
        evaluation=evaluation,
    )


def plan_trials(
    schema: Schema,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    network: NetworkParameters,
    grid: GridParameters,
    training: TrainingParameters,
    callbacks: CallbackParameters,
) -> TrialPlan:
    """Check every name of the grid and write out the trials of the finals."""
    from dnn_sweep.core.plan import planner

    fingerprint = matrix_fingerprint(train_matrix, validation_matrix)
    features, target = features_and_target(train_matrix)
    return planner.plan_trials(
        schema,
        features.shape[1],
        fingerprint,
        network,
        grid,
        training,
        callbacks,
        target,
        sample_weights_of(train_matrix),
    )


def plan_screening(
    schema: Schema,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    network: NetworkParameters,
    grid: GridParameters,
    training: TrainingParameters,
    callbacks: CallbackParameters,
    screening: ScreeningParameters,
) -> TrialPlan:
    """Write out the trials that look for each combination's learning rate; none if disabled.

    Raises:
        SweepError: If the screening has a seed of the finals.
    """
    from dnn_sweep.core.training.screening import at_every_rate

    if not screening.enabled:
        return TrialPlan(trials=())
    if shared := sorted(set(screening.seeds) & set(training.seeds)):
        raise SweepError(
            f"screening.seeds: {', '.join(map(str, shared))} is also among training.seeds; the "
            "finals need seeds that the screening has not seen, or its luck would come along"
        )
    own = {"seeds": screening.seeds, "epochs": screening.epochs or training.epochs}
    plan = plan_trials(
        schema,
        train_matrix,
        validation_matrix,
        network,
        grid,
        training.model_copy(update=own),
        callbacks,
    )
    return at_every_rate(plan, screening)


def summarize_networks(trial_plan: TrialPlan) -> dict[str, str]:
    """Build each distinct network once, and print it as Keras does."""
    from dnn_sweep.core.networks.build import summarize_network

    return {each.name: summarize_network(each) for each in _distinct_networks(trial_plan)}


def draw_networks(trial_plan: TrialPlan) -> dict[str, Any]:
    """A layer diagram of each distinct network, by file name."""
    from dnn_sweep.core.reporting.figures.network_diagram import draw_network

    return {f"{each.name}.png": draw_network(each) for each in _distinct_networks(trial_plan)}


def _distinct_networks(trial_plan: TrialPlan) -> list[Network]:
    return list({trial.network.name: trial.network for trial in trial_plan.trials}.values())
