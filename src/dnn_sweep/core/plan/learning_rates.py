"""Trials at other learning rates: those that the screening tries, and the finals' chosen ones."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective
from dnn_sweep.core.plan.folds import ONE_SPLIT, in_every_repeat
from dnn_sweep.core.plan.planner import plan_trials
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.parameters import (
    CallbackParameters,
    GridParameters,
    NetworkParameters,
    ScreeningParameters,
    SplitParameters,
    TrainingParameters,
)

# Arguments of Keras's schedules that are learning rates, not shares of the initial one.
SCHEDULE_RATES = ("warmup_target", "end_learning_rate")


def plan_screening(
    schema: Schema,
    train_matrix: pd.DataFrame,
    validation_matrix: pd.DataFrame,
    network: NetworkParameters,
    grid: GridParameters,
    training: TrainingParameters,
    callbacks: CallbackParameters,
    screening: ScreeningParameters,
    fold_matrices: pd.DataFrame | None = None,
    split: SplitParameters = ONE_SPLIT,
    objective: Objective | None = None,
    target_scaling: TargetScaling | None = None,
) -> TrialPlan:
    """Write out the trials that try learning rates; none where screening is disabled.

    With folds, rates are tried on the first fold alone, so that they cost no more than on one
    split.

    Raises:
        SweepError: If the screening shares a seed with the finals.

    >>> settings = network, grid, training, callbacks, screening
    >>> plan = plan_screening(schema, train_matrix, validation_matrix, *settings)
    >>> [trial.learning_rate for trial in plan.trials]
    [0.001, 0.01, 0.003, 0.03]
    """
    if not screening.enabled:
        return TrialPlan(trials=())
    finals = in_every_repeat(training, split)
    if shared := sorted(set(screening.seeds) & set(finals.seeds)):
        raise SweepError(
            f"screening.seeds: {', '.join(map(str, shared))} is also among training.seeds; the "
            "finals need other seeds, or the choice of learning rates would bias them"
        )
    own = {"seeds": screening.seeds, "epochs": screening.epochs or training.epochs}
    few = training.model_copy(update=own)
    once = split.model_copy(update={"repeats": 1, "seeds_per_fold": "all"})
    settings = network, grid, few, callbacks, fold_matrices, once, objective, target_scaling
    plan = plan_trials(schema, train_matrix, validation_matrix, *settings)
    first = tuple(trial for trial in plan.trials if not trial.fold)
    return at_every_rate(TrialPlan(trials=first), screening)


def at_every_rate(plan: TrialPlan, screening: ScreeningParameters) -> TrialPlan:
    """Plan each trial once per factor of its learning rate, rates rising."""
    trials = [
        trial if factor == 1 else at_rate(trial, trial.learning_rate * factor)
        for trial in plan.trials
        for factor in sorted(screening.factors)
    ]
    return TrialPlan(trials=tuple(trials))


def at_rate(trial: Trial, rate: float) -> Trial:
    """Move a trial to another learning rate, and the rates of its schedule by the same factor.

    Rates are rounded to six digits, so that 10 × 0.001 is 0.01.
    """
    factor = rate / trial.learning_rate
    moved = {name: _rounded(value * factor) for name, value in schedule_rates(trial).items()}
    return _moved(trial, _rounded(rate), moved)


def schedule_rates(trial: Trial) -> dict[str, float]:
    """Return the learning rates that a trial's schedule names, by argument."""
    arguments = trial.schedule.arguments if trial.schedule else {}
    return {name: arguments[name] for name in SCHEDULE_RATES if arguments.get(name) is not None}


def with_rates(plan: TrialPlan, chosen: Mapping[str, Trial]) -> TrialPlan:
    """Plan the finals: each combination at its chosen trial's rates, or else at its own."""
    at = [chosen.get(trial.combination, trial) for trial in plan.trials]
    trials = [
        _moved(trial, each.learning_rate, schedule_rates(each))
        for trial, each in zip(plan.trials, at, strict=True)
    ]
    return TrialPlan(trials=tuple(trials))


def _moved(trial: Trial, rate: float, named: Mapping[str, float]) -> Trial:
    # Not `model_copy`, which would keep an id that was computed before.
    fields = {name: getattr(trial, name) for name in Trial.model_fields} | {"learning_rate": rate}
    if trial.schedule and named:
        arguments = trial.schedule.arguments | dict(named)
        fields["schedule"] = trial.schedule.model_copy(update={"arguments": arguments})
    return Trial(**fields)


def _rounded(rate: float) -> float:
    return float(f"{rate:.6g}")
