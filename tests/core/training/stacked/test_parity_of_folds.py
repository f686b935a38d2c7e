"""Folds are lanes of one program, and each trains as `model.fit` on its own rows would."""

import dataclasses

import numpy as np
import pytest

from tests.builders import make_data
from tests.core.training.stacked.sweeps import Recorder, assert_engines_agree, changed, one, stacked


def folded(task="multiclass", sizes=(60, 61, 80), *, watched=False):
    """Rows of folds of these sizes, of which the middle ones share nothing with the others."""
    folds = []
    for number, rows in enumerate(sizes):
        fold = make_data(task, rows=rows, seed=number)
        if watched:
            scored = make_data(rows=rows // 3, seed=99 + number).x_train
            fold = dataclasses.replace(fold, x_scored=scored)
        folds.append(fold)
    return dataclasses.replace(make_data(task), folds=tuple(folds))


def in_folds(trial, folds):
    return [changed(trial, fold=fold, data=f"{fold}" * 64) for fold in range(folds)]


@pytest.mark.parametrize(
    ("task", "sizes"),
    [("multiclass", (48, 48)), ("regression", (60, 61)), ("binary", (60, 61, 100))],
)
def test_folds_of_any_size_train_as_model_fit_trains_them(task, sizes):
    trials = in_folds(one(task, training={"batch_size": 20, "epochs": 3}), len(sizes))
    results = assert_engines_agree(trials, folded(task, sizes))
    assert [len(result.outputs) for result in results] == [rows // 2 for rows in sizes]


def test_dropout_and_batch_normalization_see_a_lanes_own_rows():
    network = {"hidden": [8, 6], "dropout": 0.2, "batch_normalization": True}
    adam = {"adam": {"epsilon": 1e-3}}
    trial = one(
        network=network,
        grid={"optimizers": [adam]},
        training={"batch_size": 20, "epochs": 3, "class_weight": {0: 2.0}},
    )
    assert_engines_agree(in_folds(trial, 3), folded())


def test_rows_that_are_watched_stop_a_trial_and_others_score_it():
    stopping = {"early_stopping": {"enabled": True, "patience": 1, "min_delta": 0.01}}
    trial = one(training={"epochs": 12}, callbacks=stopping)
    data = folded(watched=True)
    results = assert_engines_agree(in_folds(trial, 3), data)
    assert [len(result.outputs) for result in results] == [20, 20, 26]
    for result, fold in zip(results, data.folds, strict=True):
        network = result.load_network()
        own = network(fold.x_scored).numpy()
        assert np.allclose(own, result.outputs, atol=1e-5)


def test_on_one_split_too_rows_that_are_watched_stop_a_trial_and_others_score_it():
    stopping = {"early_stopping": {"enabled": True, "patience": 1, "min_delta": 0.01}}
    trial = one(training={"epochs": 12}, callbacks=stopping)
    data = dataclasses.replace(make_data(), x_scored=make_data(rows=30, seed=9).x_train)
    (result,) = assert_engines_agree([trial], data)
    own = result.load_network()(data.x_scored).numpy()
    assert np.allclose(own, result.outputs, atol=1e-5)


def test_the_folds_of_a_trial_share_one_program():
    progress = Recorder()
    stacked(in_folds(one(), 3), folded(), cohort_size=3, progress=progress)
    assert progress.compilations == [3]


def test_a_folds_curves_do_not_depend_on_its_neighbours():
    trials, data = in_folds(one(training={"batch_size": 20}), 3), folded()
    together = stacked(trials, data, cohort_size=3)
    alone = stacked(trials[1:2], data, cohort_size=1)
    name = trials[1].id
    assert np.allclose(together[name].history["loss"], alone[name].history["loss"], atol=1e-6)
