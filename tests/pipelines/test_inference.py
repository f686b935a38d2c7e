import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from dnn_sweep.core.champion.package import AliasDecision, Registration
from dnn_sweep.core.champion.scoring import score_rows
from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.model_aliases import ModelAliasesDataset
from dnn_sweep.datasets.registered_model import RegisteredModelDataset
from dnn_sweep.parameters import InferenceParameters
from dnn_sweep.pipelines.inference import create_pipeline
from tests.champions import NAME, make_champion

pytestmark = pytest.mark.usefixtures("mlflow_store")
INFERENCE = InferenceParameters(filepath="rows.csv")


@pytest.fixture
def champion():
    made = make_champion()
    RegisteredModelDataset(name=NAME).save(
        Registration(made.package(), AliasDecision("champion", "it won"))
    )
    return made


def score(rows: pd.DataFrame, inference: InferenceParameters = INFERENCE):
    return score_rows(rows, ModelAliasesDataset(name=NAME).load(), inference)


def test_a_file_is_scored_row_by_row_and_other_columns_are_ignored(champion, tmp_path, capfd):
    file = tmp_path / "rows.csv"
    champion.rows.assign(note="x")[["note", *reversed(champion.rows.columns)]].to_csv(
        file, index=False
    )
    predictions, summary = score(pd.read_csv(file))
    expected = champion.predict(champion.rows)
    expected.insert(0, "row", range(40))
    assert_frame_equal(predictions, expected, rtol=1e-5, atol=1e-6)
    assert "extra inputs" not in capfd.readouterr().err
    assert summary == (
        "40 rows scored by version 1 of dnn_sweep_mixed (champion): "
        "data/07_model_output/mixed/predictions.csv"
    )


def test_one_row_is_scored_like_the_same_row_among_many(champion):
    many, _ = score(champion.rows)
    one, summary = score(champion.rows.iloc[[7]])
    assert_frame_equal(one, many.iloc[[7]].reset_index(drop=True), rtol=1e-5, atol=1e-6)
    assert summary.startswith("1 row scored")


def test_missing_columns_are_named_with_the_nearest_spelling(champion):
    rows = champion.rows.rename(columns={"smoker": "smokes"}).drop(columns="age")
    with pytest.raises(SweepError) as caught:
        score(rows)
    assert "inference.filepath: 2 of the 5 columns" in str(caught.value)
    assert "'age', 'smoker' (is it 'smokes'?)" in str(caught.value)


def test_text_where_numbers_are_expected_names_column_and_row(champion):
    rows = champion.rows.astype({"age": object})
    rows.loc[6, "age"] = "old"
    with pytest.raises(SweepError, match="column 'age', row 6: 'old' where a number is expected"):
        score(rows)


def test_nothing_registered_says_which_command_registers():
    with pytest.raises(SweepError, match="kedro run --pipeline=train"):
        score(make_champion().rows)


def test_an_unknown_alias_is_met_with_the_nearest(champion):
    with pytest.raises(SweepError, match="Did you mean 'champion'"):
        score(champion.rows, InferenceParameters(alias="champoin"))


def test_predictions_are_saved_before_the_summary_is_shown():
    (node,) = create_pipeline().nodes
    assert node.outputs == ["predictions", "inference_summary"]
