from dataclasses import replace

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from dnn_sweep.core.champion.package import (
    ServedModel,
    describe_champion,
    package_champion,
    score_predictions,
)
from dnn_sweep.core.champion.record import Champion, RegisteredVersion
from dnn_sweep.core.comparison.predictions import tabulate_outputs
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import ACCURACY, MEAN_ABSOLUTE_ERROR
from dnn_sweep.core.plan.trial import Trial
from tests.champions import make_champion


def test_the_package_holds_raw_rows_and_what_the_champion_predicts_for_them():
    champion = make_champion("binary")
    package = champion.package()
    assert_frame_equal(package.example, champion.rows.drop(columns="target").head(5))
    expected = tabulate_outputs(champion.result.outputs, champion.schema, champion.scaling)
    assert_frame_equal(package.example_predictions, expected.head(5))
    assert package.validation_score == (expected["prediction"] == champion.rows["target"]).mean()


def test_the_package_names_the_champions_combination_also_if_another_stored_its_trial():
    champion = make_champion("binary")
    named = Trial(**champion.result.trial.model_dump() | {"combination": "relu + slow"})
    package = package_champion(
        named,
        {named.id: champion.result},
        champion.evaluation,
        champion.preprocessor,
        champion.schema,
        champion.scaling,
        champion.rows,
    )
    assert package.result.trial.combination == "relu + slow"


def test_the_record_says_what_was_registered():
    registered = RegisteredVersion(
        name="dnn_sweep_mixed", version="2", alias="challenger", reason="not as good"
    )
    evaluation = make_champion().evaluation
    record = describe_champion(evaluation, registered)
    assert (record.experiment, record.registered) == ("mixed", registered)
    assert record.combination == evaluation.combination
    assert Champion.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("best", "best among 30 combinations"),
        ("cheapest_tied", "fastest of those tied for first among 30 combinations"),
    ],
)
def test_the_versions_description_names_the_rule_that_chose_it(rule, said):
    champion = make_champion()
    evaluation = champion.evaluation.model_copy(update={"chosen_by": rule})
    assert said in replace(champion, evaluation=evaluation).package().description


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
