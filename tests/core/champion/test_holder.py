from dataclasses import replace

import pandas as pd
import pytest

from dnn_sweep.core.champion.holder import compare_with_holder
from dnn_sweep.core.champion.package import ServedModel
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import RegistrationParameters
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
