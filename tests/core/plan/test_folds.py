"""Trials of a cross-validation: one per fold, and ids of other sweeps that stay as they were."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.folds import assign_folds, scale_folds
from dnn_sweep.core.data.preprocessing import fit_preprocessor, scale_rows
from dnn_sweep.core.data.splitting import split_rows
from dnn_sweep.core.data.validation import validate_table
from dnn_sweep.core.networks.network import Schedule
from dnn_sweep.core.plan.folds import refit_of
from dnn_sweep.core.plan.learning_rates import plan_screening
from dnn_sweep.core.plan.planner import plan_trials
from dnn_sweep.parameters import (
    CallbackParameters,
    DataParameters,
    GridParameters,
    NetworkParameters,
    ScalingParameters,
    ScreeningParameters,
    SplitParameters,
    TrainingParameters,
)

STOPPING = CallbackParameters(early_stopping={"enabled": True})


def plan(callbacks=None, screening=None, seeds=(0, 1), **parameters):
    frame = pd.DataFrame({"x": np.arange(100) / 7, "label": ["a", "b", "b", "b"] * 25})
    data, scaling = DataParameters(target="label"), ScalingParameters()
    split = SplitParameters(**({"folds": 4} | parameters))
    clean, schema = validate_table(frame, data, split)
    train, validation, *_ = split_rows(clean, schema, data, split)
    folds = assign_folds(train, schema, split)
    fitted, unit = fit_preprocessor(train, schema, scaling)
    matrices = [scale_rows(each, fitted, unit, schema) for each in (train, validation)]
    grid = GridParameters(activations=["relu"], optimizers=["sgd", "adam"])
    training = TrainingParameters(epochs=6, seeds=seeds)
    settings = [NetworkParameters(hidden=[4]), grid, training, callbacks or CallbackParameters()]
    scaled = scale_folds(train, folds, fitted, schema, scaling)
    if screening:
        return plan_screening(schema, *matrices, *settings, screening, scaled, split)
    return plan_trials(schema, *matrices, *settings, scaled, split)


def test_each_trial_is_planned_once_per_fold():
    trials = plan().trials
    assert [(t.seed, t.fold) for t in trials[:8]] == [(s, f) for s in (0, 1) for f in range(4)]
    assert len({trial.id for trial in trials}) == len(trials) == 2 * 2 * 4
    assert len({trial.data for trial in trials}) == 4


def test_repeats_have_seeds_and_folds_of_their_own():
    trials = plan(repeats=2).trials
    pairs = {(trial.seed, trial.fold) for trial in trials}
    assert pairs == {(s, f) for s in (0, 1) for f in range(4)} | {
        (s, f) for s in (2, 3) for f in range(4, 8)
    }


def test_without_folds_ids_do_not_know_of_them():
    trial = plan(folds=None).trials[0]
    assert trial.fold is None
    assert not {"fold", "inner"} & set(trial.model_dump(exclude_defaults=True))


def test_the_last_epoch_counts_where_no_row_is_left_to_choose_another():
    trial = plan().trials[0]
    assert not trial.callbacks.checkpoint.enabled
    assert trial.inner == 0


@pytest.mark.parametrize("folds", [4, None])
@pytest.mark.parametrize(
    ("callbacks", "watched"),
    [
        ({}, False),
        ({"early_stopping": {"enabled": True}}, True),
        ({"checkpoint": {"enabled": True}}, True),
        ({"reduce_on_plateau": {"enabled": True}}, True),
        ({"early_stopping": {"enabled": True, "monitor": "loss"}}, False),
    ],
)
def test_callbacks_watch_training_rows_and_never_those_that_score(folds, callbacks, watched):
    given = CallbackParameters.model_validate(callbacks)
    trial, plain = (plan(each, folds=folds, inner=0.2).trials[0] for each in (given, None))
    assert trial.inner == (0.2 if watched else 0.0)
    assert (trial.data != plain.data) == watched
    assert plan(given, folds=folds, inner=0).trials[0].data == plain.data


def test_rates_are_screened_on_the_first_fold():
    screening = ScreeningParameters(enabled=True, seeds=[1000], extensions=0)
    trials = plan(screening=screening, repeats=2).trials
    assert {trial.fold for trial in trials} == {0}
    assert len(trials) == 2 * 3


@pytest.mark.parametrize("callbacks", [None, STOPPING])
def test_what_is_served_has_as_many_epochs_as_the_folds_kept_and_no_callback_that_stops(callbacks):
    trial = refit_of(plan(callbacks).trials[1], 4, "f" * 64, (60, 80))
    assert (trial.epochs, trial.fold, trial.inner, trial.data) == (4, None, 0, "f" * 64)
    assert not trial.callbacks.early_stopping.enabled
    assert not trial.callbacks.checkpoint.enabled


def test_what_is_served_stretches_its_schedule_to_the_steps_of_all_rows():
    trial = plan().trials[0]
    decay = Schedule(class_name="CosineDecay", arguments={"decay_steps": 12, "alpha": 0.1})
    planned = trial.model_copy(update={"schedule": decay, "batch_size": 20})
    served = refit_of(planned, 4, "f" * 64, (60, 80))
    assert served.schedule.arguments == {"decay_steps": 16, "alpha": 0.1}
