import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.champion.evaluation import (
    measure,
    tabulate_classes,
    tabulate_predictions,
)
from dnn_sweep.core.champion.threshold import choose_threshold
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.objectives import named_objective
from dnn_sweep.parameters import EvaluationParameters, RegistrationParameters
from tests.builders import schema_of

EVALUATION = EvaluationParameters(resamples=200)
NEUTRAL = TargetScaling()


def test_binary_outputs_become_labels_and_two_probabilities():
    outputs = np.array([[0.9], [0.2], [0.6]], dtype=np.float32)
    table = tabulate_predictions(
        outputs, np.array([1, 0, 0]), pd.Index([7, 8, 9]), schema_of("binary"), NEUTRAL
    )
    assert table["row_id"].tolist() == [7, 8, 9]
    assert table["true"].tolist() == ["yes", "no", "no"]
    assert table["predicted"].tolist() == ["yes", "no", "yes"]
    assert table["probability_yes"].tolist() == pytest.approx([0.9, 0.2, 0.6])
    assert table["probability_no"].tolist() == pytest.approx([0.1, 0.8, 0.4])


def test_the_threshold_with_the_best_balanced_accuracy_is_chosen_and_used():
    schema, true = schema_of("binary"), np.array([0, 0, 0, 0, 0, 0, 1, 1])
    outputs = np.float32([[0.01], [0.02], [0.03], [0.04], [0.05], [0.3], [0.2], [0.4]])
    chosen = choose_threshold(outputs, true, schema, RegistrationParameters(threshold="auto"))
    assert chosen == pytest.approx(0.125)  # one false alarm, and both of the rare class
    assert choose_threshold(outputs, true, schema, RegistrationParameters(threshold=0.35)) == 0.35
    table = tabulate_predictions(outputs, true, pd.RangeIndex(8), schema, NEUTRAL, chosen)
    assert table["predicted"].tolist() == ["no"] * 5 + ["yes"] * 3
    objective = named_objective("balanced_accuracy", "binary")
    moved = measure(outputs, true, schema, NEUTRAL, EVALUATION, objective, chosen)
    usual = measure(outputs, true, schema, NEUTRAL, EVALUATION, objective)
    assert next(iter(moved)) == "balanced_accuracy"
    assert moved["balanced_accuracy"].value == pytest.approx((5 / 6 + 1) / 2)
    assert usual["balanced_accuracy"].value == pytest.approx(0.5)
    assert moved["accuracy"].value == pytest.approx(7 / 8)
    assert moved["log_loss"] == usual["log_loss"]
    several = schema_of("multiclass"), RegistrationParameters(threshold="auto")
    assert choose_threshold(np.eye(3, dtype=np.float32), np.arange(3), *several) == 0.5


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_rows_that_belong_together_make_the_intervals_wider(task):
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(20), 10)
    schema, shared = schema_of(task), rng.random(20)[groups]
    if task == "multiclass":  # right on all rows of three groups in four
        true = rng.integers(3, size=200)
        said = np.where(shared < 0.75, true, (true + 1) % 3)
        outputs = np.float32(np.eye(3)[said] * 0.8 + 0.2 / 3)
    else:
        true, outputs = np.zeros(200), np.float32(shared[:, np.newaxis] ** 3)
    given = outputs, true, schema, NEUTRAL, EVALUATION
    alone, together = measure(*given), measure(*given, groups=groups)
    assert list(together) == list(alone)
    for name in set(alone) - {"calibration_error", "r2"}:
        assert together[name].value == pytest.approx(alone[name].value)
        width = together[name].ci_high - together[name].ci_low
        assert width > 1.5 * (alone[name].ci_high - alone[name].ci_low), name


def test_confusion_and_class_report_count_every_class():
    predictions = pd.DataFrame({"true": [0, 0, 1], "predicted": [0, 1, 1]})
    confusion, report = tabulate_classes(predictions, schema_of("multiclass"))
    report = report.set_index("class")

    assert confusion["true"].tolist() == ["0", "1", "2"]
    assert confusion[["0", "1", "2"]].to_numpy().tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert report.loc["0", ["precision", "recall", "support"]].tolist() == [1.0, 0.5, 2]
    assert report.loc["2", "support"] == 0


def test_classification_metrics_have_intervals():
    outputs = np.eye(3)[[0, 1, 2, 0] * 10].astype(np.float32)
    true = np.array([0, 1, 2, 1] * 10)
    measured = measure(outputs, true, schema_of("multiclass"), NEUTRAL, EVALUATION)

    assert set(measured) == {"accuracy", "macro_f1", "log_loss", "calibration_error"}
    assert measured["accuracy"].value == 0.75
    assert measured["accuracy"].ci_low < 0.75 < measured["accuracy"].ci_high


def test_the_calibration_error_has_no_interval_since_resampling_only_raises_it():
    rng = np.random.default_rng(0)
    sure = rng.uniform(0.5, 1, 300)
    outputs = np.stack([sure, 1 - sure, np.zeros(300)], axis=1).astype(np.float32)
    true = (rng.random(300) > sure).astype(np.int64)  # as often right as it says: its error is 0
    measured = measure(outputs, true, schema_of("multiclass"), NEUTRAL, EVALUATION)
    assert 0 < measured["calibration_error"].value < 0.1
    assert measured["calibration_error"].ci_low is None


def test_regression_metrics_are_in_the_targets_unit():
    scaling = TargetScaling(mean=5.0, scale=2.0)
    true = np.linspace(-1, 1, 20).astype(np.float32)
    schema = schema_of("regression")
    measured = measure((true + 0.5)[:, None], true, schema, scaling, EVALUATION)
    table = tabulate_predictions((true + 0.5)[:, None], true, pd.RangeIndex(20), schema, scaling)

    assert set(measured) == {"mae", "rmse", "r2"}
    assert measured["mae"].value == pytest.approx(1.0)
    assert table["true"].iloc[0] == pytest.approx(3.0)
    assert [each.empty for each in tabulate_classes(table, schema)] == [True, True]
