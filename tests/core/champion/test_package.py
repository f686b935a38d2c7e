import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.champion.gate import choose_alias
from dnn_sweep.core.champion.package import ServedModel, experiment_of, score_predictions
from dnn_sweep.core.comparison.predictions import tabulate_outputs
from dnn_sweep.core.data.schema import Column, Schema, TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import ACCURACY, MEAN_ABSOLUTE_ERROR
from dnn_sweep.parameters import RegistrationParameters


def schema_for(task: str, classes: tuple) -> Schema:
    columns = (Column(name="x", kind="numeric"),)
    return Schema(task=task, target="t", classes=classes, features=columns, rows=9, fingerprint="f")


def test_first_champion_takes_the_alias():
    decision = choose_alias(0.1, None, ACCURACY, rows=9)
    assert decision.alias == "champion"
    assert "No version held" in decision.reason


@pytest.mark.parametrize(
    ("objective", "candidate", "holder", "alias"),
    [
        (ACCURACY, 0.92, 0.91, "champion"),
        (ACCURACY, 0.91, 0.91, "champion"),
        (ACCURACY, 0.90, 0.91, "challenger"),
        (MEAN_ABSOLUTE_ERROR, 41.0, 42.0, "champion"),
        (MEAN_ABSOLUTE_ERROR, 42.0, 42.0, "champion"),
        (MEAN_ABSOLUTE_ERROR, 43.0, 42.0, "challenger"),
    ],
)
def test_alias_moves_only_to_one_at_least_as_good(objective, candidate, holder, alias):
    decision = choose_alias(candidate, holder, objective, rows=360, holder="3")
    assert decision.alias == alias
    for part in (f"{candidate:.6g}", f"{holder:.6g}", "version 3", "360"):
        assert part in decision.reason


def test_rounding_of_single_precision_does_not_cost_the_alias():
    again = choose_alias(42.00000012, 42.0, MEAN_ABSOLUTE_ERROR, rows=9, holder="1")
    assert again.alias == "champion"
    worse = choose_alias(42.001, 42.0, MEAN_ABSOLUTE_ERROR, rows=9, holder="1")
    assert worse.alias == "challenger"


def test_a_holder_that_cannot_score_the_rows_keeps_the_alias_and_the_reason_says_so():
    decision = choose_alias(0.2, None, ACCURACY, rows=9, holder="4", obstacle="it predicts 'y'")
    assert decision.alias == "challenger"
    assert "Version 4" in decision.reason
    assert "it predicts 'y'" in decision.reason


def test_the_names_of_the_aliases_are_parameters():
    names = RegistrationParameters(alias="best", challenger_alias="second")
    worse = choose_alias(0.1, 0.2, ACCURACY, rows=9, holder="1", registration=names)
    assert worse.alias == "second"
    assert "'best'" in worse.reason
    assert choose_alias(0.1, None, ACCURACY, rows=9, registration=names).alias == "best"


def test_one_sigmoid_is_the_second_classs_probability():
    table = tabulate_outputs(
        np.float32([[0.2], [0.9]]), schema_for("binary", ("no", "yes")), TargetScaling()
    )
    assert table["prediction"].tolist() == ["no", "yes"]
    np.testing.assert_allclose(table["probability_yes"], [0.2, 0.9], rtol=1e-6)
    np.testing.assert_allclose(table["probability_no"], [0.8, 0.1], rtol=1e-6)


def test_softmax_gives_labels_in_their_own_type():
    outputs = np.float32([[0.1, 0.7, 0.2], [0.5, 0.1, 0.4]])
    table = tabulate_outputs(outputs, schema_for("multiclass", (3, 5, 8)), TargetScaling())
    assert list(table) == ["prediction", "probability_3", "probability_5", "probability_8"]
    assert table["prediction"].dtype == np.int64
    assert table["prediction"].tolist() == [5, 3]


def test_a_regression_comes_back_in_the_targets_unit():
    scaling = TargetScaling(mean=100, scale=20)
    table = tabulate_outputs(np.float32([[0.5], [-1]]), schema_for("regression", ()), scaling)
    assert list(table) == ["prediction"]
    assert table["prediction"].tolist() == [110, 80]


def test_scores_are_the_share_of_right_labels_and_the_mean_absolute_error():
    labels = pd.DataFrame({"prediction": ["a", "b", "b", "a"]})
    truth = pd.Series(["a", "b", "a", "a"], index=[7, 2, 9, 4])
    assert score_predictions(labels, truth, ACCURACY) == 0.75
    numbers = pd.DataFrame({"prediction": [1.0, 5.0]})
    assert score_predictions(numbers, pd.Series([2, 8]), MEAN_ABSOLUTE_ERROR) == 2


def test_missing_columns_are_named_with_the_nearest_spelling():
    columns = {"mean radius": "numeric", "texture": "numeric", "area": "numeric"}
    model = ServedModel(
        "dnn_sweep_x", "2", "binary", "t", (0, 1), columns, predict=lambda rows: rows
    )
    with pytest.raises(SweepError) as caught:
        model.check_columns(pd.DataFrame({"mean_radius": [1], "area": [2]}))
    assert "2 of the 3 columns" in str(caught.value)
    assert "'mean radius' (is it 'mean_radius'?), 'texture'" in str(caught.value)
    model.check_columns(pd.DataFrame({"mean radius": [1], "area": [2], "texture": [1], "z": [0]}))


def test_the_experiment_is_read_from_the_models_name():
    assert experiment_of("dnn_sweep_digits") == "digits"
