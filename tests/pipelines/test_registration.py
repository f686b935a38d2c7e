from dataclasses import replace

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from dnn_sweep.core.champion.package import ServedModel
from dnn_sweep.core.champion.record import Champion, RegisteredVersion
from dnn_sweep.core.comparison.predictions import tabulate_outputs
from dnn_sweep.core.errors import SweepError
from dnn_sweep.datasets.model_aliases import ModelAliasesDataset
from dnn_sweep.datasets.registered_model import RegisteredModelDataset
from dnn_sweep.parameters import RegistrationParameters
from dnn_sweep.pipelines.registration.nodes import compare_with_holder, describe_champion
from tests.champions import NAME, make_champion
from tests.champions import Champion as Parts

REGISTRATION = RegistrationParameters()


def holder_of(champion: Parts, predict=None, **changes) -> dict[str, ServedModel]:
    """Somebody who holds the alias and predicts what the champion's parts predict."""
    model = ServedModel(
        name=NAME,
        version="7",
        task=champion.schema.task,
        target=champion.schema.target,
        classes=champion.schema.classes,
        columns={each.name: each.kind for each in champion.schema.features},
        predict=predict or champion.predict,
    )
    return {"champion": replace(model, **changes)}


def knows_the_answers(champion: Parts, right: int):
    """Predictions of which the first ``right`` are right."""

    def predict(rows: pd.DataFrame) -> pd.DataFrame:
        wrong = {3: 5, 5: 8, 8: 3}
        truth = champion.rows["target"].tolist()
        labels = truth[:right] + [wrong[label] for label in truth[right:]]
        return pd.DataFrame({"prediction": labels})

    return predict


def right_answers(champion: Parts) -> int:
    predicted = champion.predict(champion.rows)["prediction"]
    return int((predicted == champion.rows["target"]).sum())


def decide(champion: Parts, holders, rows=None):
    rows = champion.rows if rows is None else rows
    return compare_with_holder(champion.package(), holders, rows, REGISTRATION).decision


def test_the_package_holds_raw_rows_and_what_the_champion_predicts_for_them():
    champion = make_champion("binary")
    package = champion.package()
    assert_frame_equal(package.example, champion.rows.drop(columns="target").head(5))
    expected = tabulate_outputs(champion.result.outputs, champion.schema, champion.scaling)
    assert_frame_equal(package.example_predictions, expected.head(5))
    assert package.validation_score == right_answers(champion) / 40


@pytest.mark.parametrize(("lead", "alias"), [(-1, "champion"), (0, "champion"), (1, "challenger")])
def test_the_holder_is_scored_on_the_same_rows(lead, alias):
    champion = make_champion()
    right = right_answers(champion) + lead
    decision = decide(champion, holder_of(champion, knows_the_answers(champion, right)))
    assert decision.alias == alias
    assert f"{right / 40:.6g} of version 7" in decision.reason


def test_the_same_regression_champion_again_keeps_the_alias():
    champion = make_champion("regression")
    assert decide(champion, holder_of(champion)).alias == "champion"


def test_nobody_holds_the_alias():
    assert "No version held" in decide(make_champion(), {}).reason


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"task": "regression"}, "its task is regression"),
        ({"target": "price"}, "it predicts 'price'"),
        ({"classes": (3, 5)}, "it knows other classes (3, 5)"),
        ({"columns": {"weight": "numeric"}}, "1 of the 1 columns that version 7"),
    ],
)
def test_a_holder_made_for_other_rows_keeps_the_alias(changes, why):
    champion = make_champion()
    decision = decide(champion, holder_of(champion, **changes))
    assert decision.alias == "challenger"
    assert "cannot score the present validation rows" in decision.reason
    assert why in decision.reason


def test_a_holder_that_refuses_the_rows_is_not_one_that_breaks():
    champion = make_champion()

    def refuse(rows):
        raise SweepError("column 'age', row 0: 'old' where a number is expected")

    def crash(rows):
        raise RuntimeError("out of memory")

    assert "'old' where a number" in decide(champion, holder_of(champion, refuse)).reason
    with pytest.raises(RuntimeError, match="out of memory"):
        decide(champion, holder_of(champion, crash))


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
    ("rule", "told"),
    [
        ("best", "best among 30 combinations"),
        ("cheapest_tied", "fastest of those tied for first among 30 combinations"),
    ],
)
def test_the_versions_description_names_the_rule_that_chose_it(rule, told):
    champion = make_champion()
    evaluation = champion.evaluation.model_copy(update={"chosen_by": rule})
    assert told in replace(champion, evaluation=evaluation).package().description


@pytest.mark.usefixtures("mlflow_store")
def test_a_sequence_of_champions_leaves_the_alias_with_the_best(capfd):
    champions = [make_champion(seed=seed) for seed in range(3)]
    packages = [each.package() for each in champions]
    scores = [each.validation_score for each in packages]
    assert scores[0] == scores[1] > scores[2]
    dataset = RegisteredModelDataset(name=NAME)
    best, holder = -1.0, None
    for score, package in zip(scores, packages, strict=True):
        aliases = ModelAliasesDataset(name=NAME).load()
        dataset.save(compare_with_holder(package, aliases, champions[0].rows, REGISTRATION))
        described = dataset.load()
        if score >= best:
            best, holder = score, described.version
        assert described.alias == ("champion" if described.version == holder else "challenger")
        assert ModelAliasesDataset(name=NAME).load()["champion"].version == holder
    assert "extra inputs" not in capfd.readouterr().err
