"""The objective is resolved before training, and accuracy gives way where a class is rare."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.folds import Fold
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import Column, Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import named_objective
from dnn_sweep.core.plan.callbacks import check_watched_rows, resolve_callbacks
from dnn_sweep.core.plan.objective import resolve_objective
from dnn_sweep.core.plan.trial import Trial
from dnn_sweep.parameters import CallbackParameters, EvaluationParameters
from tests.builders import make_plan, schema_of
from tests.core.training.stacked.sweeps import changed


def resolve(target, objective="auto", task=None, validated=None):
    classes = tuple(sorted(set(target)))
    task = task or ("binary" if len(classes) == 2 else "multiclass")
    schema = Schema(
        task=task,
        target="t",
        classes=() if task == "regression" else classes,
        features=(Column(name="x", kind="numeric"),),
        rows=len(target),
        fingerprint="f",
    )
    train = pd.DataFrame({"t": target})
    validation = train if validated is None else pd.DataFrame({"t": validated})
    return resolve_objective(schema, train, validation, EvaluationParameters(objective=objective))


@pytest.mark.parametrize(
    "counts",
    # Two classes; as in iris and wine; as in digits and MNIST.
    [[40, 60], [10, 90], [33, 33, 34], [27, 40, 33], [97, 100, 103, 90, 112] * 2],
)
def test_accuracy_stays_where_no_class_is_rare(counts):
    found = resolve(np.repeat(np.arange(len(counts)), counts).tolist())
    assert (found.metric, found.reason) == ("accuracy", "")


def test_a_regression_is_judged_by_its_mean_absolute_error():
    assert resolve([1.0, 2.0, 4.0], task="regression").metric == "mae"


@pytest.mark.parametrize("rare", ["fraud", "zero"])  # in front of the other class, and behind it
def test_the_average_precision_of_a_rare_class_ranks_and_it_is_said_why(rare):
    target = [rare] * 3 + ["legit"] * 97
    found = resolve(target)
    assert found.metric == "average_precision"
    assert sorted(set(target))[found.positive] == rare
    for said in (f"average precision of '{rare}'", "3.0 %", "'legit' has an accuracy of 97.0 %"):
        assert said in found.reason
    kept = resolve(target, "accuracy")
    assert (kept.metric, kept.given, kept.reason) == ("accuracy", "accuracy", "")


def test_of_several_classes_the_balanced_accuracy_ranks_where_one_is_rare():
    found = resolve(["a"] * 50 + ["b"] * 45 + ["c"] * 5)
    assert found.metric == "balanced_accuracy"
    assert "'c' is the class of 5.0 %" in found.reason


@pytest.mark.parametrize(
    ("name", "metric", "mode"),
    [
        ("mae", "mae", "min"),
        ("neg_root_mean_squared_error", "rmse", "min"),
        ("rmse", "rmse", "min"),
        ("r2", "r2", "max"),
        ("neg_mean_absolute_percentage_error", "mape", "min"),
    ],
)
def test_errors_are_reported_as_errors(name, metric, mode):
    found = resolve([1.0, 2.0, 4.0], name, task="regression")
    assert (found.metric, found.mode, found.given) == (metric, mode, name)


@pytest.mark.parametrize(
    ("target", "name", "said"),
    [
        ([0, 0, 1, 1], "roc_acu", "metric of a binary task 'roc_acu'. Did you mean 'roc_auc'"),
        ([0, 1, 2], "f1_marco", "Did you mean 'f1_macro'"),
        ([0, 1, 2], "roc_auc", "unknown metric of a multiclass task 'roc_auc'"),
        ([0, 0, 1, 1], "r2", "unknown metric of a binary task 'r2'"),
        ([-1.0, 2.5, 3.0], "neg_mean_squared_log_error", "does not suit the target"),
        ([-1.0, 2.5, 3.0], "roc_auc", "unknown metric of a regression task"),
        ([0, 0, 1, 1], "no_module:metric", "importing 'no_module' failed"),
    ],
)  # fmt: skip
def test_what_cannot_judge_the_task_is_refused_before_training(target, name, said):
    task = "regression" if -1.0 in target else None
    with pytest.raises(SweepError, match=r"evaluation\.objective") as refused:
        resolve(target, name, task)
    assert said in str(refused.value)


def test_too_few_validation_rows_of_a_class_are_found_before_training():
    with pytest.raises(SweepError, match="needs two rows of every class"):
        resolve([0] * 50 + [1] * 50, "roc_auc", validated=[0, 0, 0, 1])


def test_a_checkpoint_watches_what_ranks():
    given = CallbackParameters(), schema_of("binary")
    usual = resolve_callbacks(*given, resolve([0, 1], "accuracy"))
    assert (usual.checkpoint.monitor, usual.checkpoint.mode) == ("val_accuracy", "max")
    assert usual == make_plan("binary").trials[0].callbacks
    other = resolve_callbacks(*given, resolve([0, 0, 1, 1], "roc_auc"))
    assert (other.checkpoint.monitor, other.checkpoint.mode) == ("val_objective", "max")
    error = resolve_callbacks(*given, resolve([0, 0, 1, 1], "log_loss"))
    assert (error.checkpoint.monitor, error.checkpoint.mode) == ("val_objective", "min")


@pytest.mark.parametrize(
    ("ranking", "watched"),
    [("accuracy", ("val_accuracy", "max")), ("brier", ("val_objective", "min"))],
)
def test_every_callback_can_watch_the_objective(ranking, watched):
    asked = {"enabled": True, "monitor": "objective"}
    names = ("checkpoint", "early_stopping", "reduce_on_plateau")
    given = CallbackParameters(**dict.fromkeys(names, asked)), schema_of("binary")
    found = resolve_callbacks(*given, resolve([0, 0, 1, 1], ranking))
    for name in names:
        assert (getattr(found, name).monitor, getattr(found, name).mode) == watched


@pytest.mark.parametrize("name", ["checkpoint", "early_stopping", "reduce_on_plateau"])
def test_a_monitor_that_no_epoch_has_is_refused(name):
    given = CallbackParameters(**{name: {"enabled": True, "monitor": "objektive"}})
    with pytest.raises(SweepError, match=rf"callbacks\.{name}\.monitor .* mean 'objective'"):
        resolve_callbacks(given, schema_of("binary"))


CHECKPOINT = {"checkpoint": {"enabled": True}}


def watched_rows(positive):
    """Rows of a split of which callbacks watch twelve, with so many of the rarer class."""
    columns = {"x0": np.zeros(12, np.float32), TARGET: np.arange(12) < positive}
    watched = pd.DataFrame(columns).astype({TARGET: np.int32})
    return [Fold(train=watched, watched=watched, scored=watched, scaling=TargetScaling())]


def test_watched_rows_that_lack_a_class_leave_the_epoch_to_the_loss_and_it_is_said(caplog):
    ranking, schema = resolve([0, 0, 1, 1], "roc_auc"), schema_of("binary")
    automatic = CallbackParameters(**CHECKPOINT)
    assert check_watched_rows(automatic, schema, ranking, watched_rows(2)) == automatic
    assert not caplog.messages
    found = check_watched_rows(automatic, schema, ranking, watched_rows(1))
    assert found.checkpoint.monitor == "val_loss"
    assert "watches val_loss, since the rows that it watches are too few" in caplog.text
    asked = CallbackParameters(early_stopping={"enabled": True, "monitor": "objective"})
    with pytest.raises(SweepError, match=r"two rows of every class.* rows that callbacks watch"):
        check_watched_rows(asked, schema, ranking, watched_rows(1))


def test_only_a_trial_whose_callbacks_watch_the_objective_has_another_id():
    plain, ranking = make_plan("binary").trials[0], resolve([0, 0, 1, 1], "roc_auc")
    unused = make_plan("binary", objective=ranking).trials[0]
    assert (unused.id, unused.epoch_objective) == (plain.id, None)
    watched = make_plan("binary", callbacks=CHECKPOINT, objective=ranking).trials[0]
    assert watched.epoch_objective.scorer == "roc_auc"
    usual = make_plan("binary", callbacks=CHECKPOINT).trials[0]
    other = resolve([0, 0, 1, 1], "average_precision")
    ids = {
        make_plan("binary", callbacks=CHECKPOINT, objective=each).trials[0].id
        for each in (ranking, other, ranking.model_copy(update={"positive": 0}))
    }
    assert len(ids | {usual.id}) == 4
    words = ranking.model_copy(update={"label": "area", "given": "auto", "reason": "so"})
    assert make_plan("binary", callbacks=CHECKPOINT, objective=words).trials[0].id == watched.id
    assert Trial.model_validate_json(watched.model_dump_json()).id == watched.id


def test_a_metric_of_ones_own_that_is_called_accuracy_is_not_that_of_keras():
    own = named_objective("my_package.metrics:accuracy", "binary")
    found = resolve_callbacks(CallbackParameters(), schema_of("binary"), own)
    assert found.checkpoint.monitor == "val_objective"


def test_a_metric_of_ones_own_is_part_of_the_id_with_its_source():
    ranking = resolve([0, 0, 1, 1], "tests.core.training.test_epoch_objective:hits")
    trial = make_plan("binary", callbacks=CHECKPOINT, objective=ranking).trials[0]
    assert len(trial.epoch_objective.source) == 64
    edited = trial.epoch_objective.model_copy(update={"source": "0" * 64})
    assert changed(trial, epoch_objective=edited).id != trial.id
