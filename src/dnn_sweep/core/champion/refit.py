"""Training of the chosen combination on all rows outside the test split, before it is served."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from dnn_sweep.core.champion.choice import suggested_epochs
from dnn_sweep.core.champion.served_baseline import leading_baseline
from dnn_sweep.core.comparison.scores import finished_by_seed, results_of, trials_of
from dnn_sweep.core.data.arrays import TrainingData, matrix_fingerprint
from dnn_sweep.core.data.folds import count_watched, divide_once
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows
from dnn_sweep.core.data.schema import Schema, TargetScaling
from dnn_sweep.core.plan.callbacks import VALIDATION_OBJECTIVE
from dnn_sweep.core.plan.folds import stretch_schedule, with_seed
from dnn_sweep.core.plan.search_plan import NO_SEARCH, SearchPlan
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.checkpoints import NO_CHECKPOINTS, Checkpoints
from dnn_sweep.core.training.progress import TrainingProgress
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.core.training.screening import Screening
from dnn_sweep.core.training.sweep import Sweep
from dnn_sweep.parameters import (
    EarlyStoppingParameters,
    LoggingParameters,
    RegistrationParameters,
    ScalingParameters,
    ScreeningParameters,
    SweepParameters,
    TrainingParameters,
)

SWEEP = SweepParameters()


def plan_served(
    trial: Trial,
    finals: TrialPlan,
    results: Mapping[str, TrialResult],
    train_rows: pd.DataFrame,
    validation_rows: pd.DataFrame,
    preprocessor: Any,
    target_scaling: TargetScaling,
    schema: Schema,
    scaling: ScalingParameters,
    registration: RegistrationParameters,
    leaderboard: pd.DataFrame | None = None,
) -> tuple[TrialPlan, Any, TargetScaling]:
    """List the trials whose networks are served, and fit the preprocessing that they need.

    ``trial`` is the best one of the chosen combination; ``finals`` were trained on the raw
    ``train_rows`` alone, on which ``preprocessor`` and ``target_scaling`` are fitted.

    Returns:
        The trials, the fitted transformer and the target's scaling. For ``refit`` the last two
        are fitted anew, and the trials are new ones: one for each seed that did not diverge. With
        folds all trials are new ones, because no network of a fold was trained on all rows; the
        preprocessing was fitted on all of them already. For a baseline, the first of the
        ``leaderboard``, there are no trials, and the preprocessing is that of a refit.

    >>> rows, fitted = (train_rows, validation_rows), (preprocessor, target_scaling, schema)
    >>> trained = champion_trial, finals_plan, trial_results
    >>> anew = RegistrationParameters(champion="refit")
    >>> plan, _, _ = plan_served(*trained, *rows, *fitted, scaling, anew)
    >>> [(each.combination, each.callbacks.checkpoint.enabled) for each in plan.trials]
    [('relu + adam', False)]
    """
    if registration.champion == "best_seed":
        return TrialPlan(trials=(trial,)), preprocessor, target_scaling
    trials = trials_of(finals)[trial.combination]
    baseline = leaderboard is not None and leading_baseline(leaderboard, registration)
    if trials[0].fold is not None:
        if baseline:
            return TrialPlan(trials=()), preprocessor, target_scaling
        seeds = finished_by_seed(results_of(trial.combination, trials, results))
        anew = tuple(with_seed(trial, seed) for seed in seeds)
        return TrialPlan(trials=anew), preprocessor, target_scaling
    if registration.champion != "refit" and not baseline:
        return TrialPlan(trials=tuple(trials)), preprocessor, target_scaling
    trained = results_of(trial.combination, trials, results)
    finished = [each for each in trained if each.status == "completed"]
    fitted = fit_preprocessor(_join(train_rows, validation_rows), schema, scaling)
    if baseline:
        return TrialPlan(trials=()), *fitted
    matrices = _scale(train_rows, validation_rows, *fitted, schema)
    data = matrix_fingerprint(*matrices)
    watched = count_watched(len(train_rows), trials[0].inner)
    rows = len(train_rows) - watched, len(matrices[0])
    epochs = suggested_epochs(finished)
    anew = tuple(_plan_refit(each.trial, epochs, data, rows) for each in finished)
    return TrialPlan(trials=anew), *fitted


def refit_networks(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    train_rows: pd.DataFrame,
    validation_rows: pd.DataFrame,
    preprocessor: Any,
    target_scaling: TargetScaling,
    schema: Schema,
    display: TrainingProgress,
    training: TrainingParameters,
    logs: LoggingParameters,
    folds: pd.DataFrame | None = None,
    sweep: SweepParameters = SWEEP,
    checkpoints: Checkpoints = NO_CHECKPOINTS,
    finals: TrialPlan | None = None,
    screened: TrialPlan | None = None,
    search_plan: SearchPlan = NO_SEARCH,
) -> Iterator[TrialResult]:
    """Train those of the networks to be served that are not stored.

    These are networks of refits, on all but test rows: the validation rows are among the rows that
    are trained on, so the validation figures of these trials measure nothing. With ``folds`` both
    tables hold the same rows, which are trained on once. A fresh ``sweep`` trains all refits again.

    Networks of the finals are there, unless the trial was stored without one, for a screening, or
    its network was let go, as that of a combination far from the best. Such a trial is trained
    again, in the cohorts that it had among all ``finals``, after the trials that were ``screened``
    or with the programs of the search: without a budget that gives the same network to the bit on
    the same machine, unless it was trained on a cluster of machines that compute otherwise.

    What TensorBoard shows of the finals stays as it is.

    >>> rows, fitted = (train_rows, validation_rows), (served_preprocessor, served_scaling, schema)
    >>> settings = training_display, training, logs
    >>> list(refit_networks(served_plan, trial_results, *rows, *fitted, *settings))
    []
    """
    known = {trial.id: results[trial.id] for trial in plan.trials if trial.id in results}
    usable = {name for name, each in known.items() if each.keeps_network or each.is_diverged}
    if not plan.trials or (all(each.id in usable for each in plan.trials) and not sweep.fresh):
        return
    fitted = preprocessor, target_scaling, schema
    only_once = folds is not None and len(folds)
    matrices = _scale(train_rows[:0] if only_once else train_rows, validation_rows, *fitted)
    measured, whole, repeats, searched = False, plan, False, NO_SEARCH
    if plan.trials[0].data == matrix_fingerprint(*matrices):
        data = TrainingData.from_matrices(*matrices, target_scaling.scale)
        usable = set() if sweep.fresh else usable
    else:  # trials of the finals
        own = scale_rows(train_rows, *fitted), scale_rows(validation_rows, *fitted)
        data = divide_once(*own, plan.trials[0].inner, target_scaling).data
        measured, whole = training.diagnostics, finals or plan
        searched = search_plan
        repeats = screened is not None and bool(screened.trials) and not searched
        lacking = {trial.id for trial in plan.trials} - usable
        names = {trial.id for trial in whole.trials} - lacking
        known |= {name: results[name] for name in names - known.keys() if name in results}
        usable = known.keys() - lacking
    finished = {name: each for name, each in known.items() if name in usable}
    nothing = Screening(TrialPlan(trials=()), ScreeningParameters())
    settings = (
        training.model_copy(update={"diagnostics": measured}),
        logs.model_copy(update={"tensorboard": False}),
    )
    sweeping = Sweep(
        *(whole, nothing, finished, data, display, *settings),
        fresh=sweep.fresh,
        checkpoints=checkpoints,
        repeats=repeats,
        searched=searched,
    )
    for report in sweeping.run():
        if report.result.trial.id not in finished:
            yield report.result


def _plan_refit(trial: Trial, epochs: int, data: str, rows: tuple[int, int]) -> Trial:
    """The trial on more rows, whose last epoch is kept: there are no rows left to choose by.

    A lower learning rate on a plateau alone may still watch the objective.
    """
    callbacks = trial.callbacks.model_copy(
        update={
            "checkpoint": trial.callbacks.checkpoint.model_copy(update={"enabled": False}),
            "early_stopping": EarlyStoppingParameters(),
        }
    )
    fields = {name: getattr(trial, name) for name in Trial.model_fields}
    fields |= {"epochs": epochs, "data": data, "callbacks": callbacks, "inner": 0.0}
    fields["schedule"] = stretch_schedule(trial, rows)
    plateau = callbacks.reduce_on_plateau
    if not (plateau.enabled and plateau.monitor == VALIDATION_OBJECTIVE):
        fields["epoch_objective"] = None
    return Trial(**fields)


def _join(train_rows: pd.DataFrame, validation_rows: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([train_rows, validation_rows])


def _scale(
    train_rows: pd.DataFrame,
    validation_rows: pd.DataFrame,
    preprocessor: Any,
    target_scaling: TargetScaling,
    schema: Schema,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scale the rows to train on, all, and the validation rows among them."""
    fitted = preprocessor, target_scaling, schema
    return (
        scale_rows(_join(train_rows, validation_rows), *fitted),
        scale_rows(validation_rows, *fitted),
    )
