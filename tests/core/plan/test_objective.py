"""The objective is resolved before training, and accuracy gives way where a class is rare."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.data.schema import Column, Schema
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.objective import resolve_objective
from dnn_sweep.parameters import EvaluationParameters
from tests.builders import make_plan


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


def test_callbacks_watch_the_loss_where_epochs_do_not_measure_the_objective():
    from dnn_sweep.core.plan.callbacks import resolve_callbacks
    from dnn_sweep.parameters import CallbackParameters
    from tests.builders import schema_of

    given = CallbackParameters(), schema_of("binary")
    usual = resolve_callbacks(*given, resolve([0, 1], "accuracy"))
    assert (usual.checkpoint.monitor, usual.checkpoint.mode) == ("val_accuracy", "max")
    assert usual == make_plan("binary").trials[0].callbacks
    other = resolve_callbacks(*given, resolve([0, 0, 1, 1], "roc_auc"))
    assert (other.checkpoint.monitor, other.checkpoint.mode) == ("val_loss", "min")
