"""Callbacks can watch the metric that ranks, and both engines compute the same of it."""

import dataclasses

import numpy as np
import pytest
from sklearn.metrics import f1_score

from dnn_sweep.core.objectives import named_objective
from dnn_sweep.core.training.epoch_objective import EpochObjective
from tests.builders import make_data
from tests.core.training.stacked.sweeps import assert_engines_agree, changed, one

CHECKPOINT = {"checkpoint": {"enabled": True}}
# A large step: the objective goes up and down.
WILD = {"optimizers": [{"sgd": {"learning_rate": 1.5}}]}


def hits(true, positive):
    """A metric of one's own, which both engines have to find by its name."""
    return float(np.mean((positive > 0.5) == true))


def nothing(true, positive):
    """A metric of which all epochs have the same."""
    return 0.0


def trial_of(task, name, callbacks=CHECKPOINT, epochs=8):
    ranking = named_objective(name, task, positive=0)
    given = {"grid": WILD, "training": {"epochs": epochs}, "callbacks": callbacks}
    return one(task, objective=ranking, **given)


def best_of(history, mode):
    """The epoch that is best by the objective, of equally good ones by the loss."""
    sign = 1 if mode == "max" else -1
    keyed = history.assign(key=-sign * history["val_objective"].fillna(-sign * np.inf))
    return int(keyed.sort_values(["key", "val_loss"])["epoch"].iloc[0])


def test_the_epoch_is_chosen_by_what_ranks_on_the_rows_that_are_watched():
    trial = trial_of("multiclass", "macro_f1")
    folds = []
    for number, rows in enumerate((60, 81)):  # lanes of two sizes
        scored = make_data(rows=30, seed=9 + number).x_train
        fold = dataclasses.replace(make_data(rows=rows, seed=number), x_scored=scored)
        folds.append(fold)
    data = dataclasses.replace(make_data(), folds=tuple(folds))
    trials = [changed(trial, fold=at, data=f"{at}" * 64) for at in range(2)]
    results = assert_engines_agree(trials, data, 1e-4)
    for result, fold in zip(results, folds, strict=True):
        assert result.best_epoch == best_of(result.history, "max")
        said = result.load_network()(fold.x_validation).numpy().argmax(axis=1)
        score = f1_score(fold.y_validation, said, average="macro")
        assert result.kept["val_objective"] == pytest.approx(score)
        assert len(result.outputs) == 30  # of the rows that are scored
    by_loss = [int(result.history["val_loss"].idxmin()) + 1 for result in results]
    assert [result.best_epoch for result in results] != by_loss


def test_early_stopping_and_plateau_watch_it_too_in_the_targets_own_unit():
    watching = {"enabled": True, "monitor": "objective"}
    trial = trial_of(
        "regression",
        "rmse",
        {
            "early_stopping": watching | {"patience": 2, "min_delta": 50.0},
            "reduce_on_plateau": watching | {"patience": 1, "factor": 0.3},
        },
        epochs=15,
    )
    trial = changed(trial, learning_rate=0.3)
    data = dataclasses.replace(make_data("regression"), target_scale=1000.0, target_mean=50.0)
    (result,) = assert_engines_agree([trial], data, 1e-4)
    history = result.history
    assert len(history) < 15
    assert result.best_epoch == len(history) - 2  # by 50 units, which are 0.05 as trained
    assert history["learning_rate"].nunique() > 1
    errors = (result.outputs[:, 0] - data.y_validation) * 1000
    assert result.kept["val_objective"] == pytest.approx(np.sqrt((errors**2).mean()), rel=1e-4)


def test_probabilities_of_the_class_that_matters_are_scored_and_ties_decided_by_the_loss():
    names = ("roc_auc", f"{__name__}:hits", f"{__name__}:nothing")
    trials = [trial_of("binary", name) for name in names]
    results = assert_engines_agree(trials, make_data("binary"), 1e-4)
    for result in results:  # each watches its own in one program
        assert result.best_epoch == best_of(result.history, "max")
    assert [result.history["val_objective"].nunique() > 1 for result in results] == [
        True,
        True,
        False,
    ]
    tied = results[-1]
    assert tied.best_epoch == tied.history["val_loss"].idxmin() + 1 > 1


def test_an_epoch_without_a_value_is_never_the_best_one():
    # A logarithmic error is not defined for a prediction below the smallest target, which is here
    # just above -1.
    trial = trial_of("regression", "neg_mean_squared_log_error", epochs=12)
    trial = changed(trial, learning_rate=0.3)
    data = make_data("regression")
    shifted = dataclasses.replace(data, target_mean=-0.99 - float(data.y_validation.min()))
    (result,) = assert_engines_agree([trial], shifted, 1e-4)
    values = result.history["val_objective"]
    assert values.isna().any()
    assert values.notna().any()
    assert result.best_epoch == best_of(result.history, "min")


def test_outputs_that_are_not_numbers_have_the_worst_objective():
    trial, data = trial_of("multiclass", "log_loss"), make_data()
    found = EpochObjective.of(trial, data).logs(np.full((40, 3), np.nan, np.float32))
    assert found == {"val_objective": np.inf}


def test_nothing_is_computed_where_no_callback_asks_for_it():
    trial = trial_of("multiclass", "macro_f1", {"early_stopping": {"enabled": True}})
    assert trial.epoch_objective is EpochObjective.of(trial, make_data()) is None
