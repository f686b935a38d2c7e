from dataclasses import replace

import pandas as pd
import pytest

from dnn_sweep.core.champion.gate import choose_alias, compare_with_holder
from dnn_sweep.core.champion.package import ServedModel
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import ACCURACY, MEAN_ABSOLUTE_ERROR
from dnn_sweep.parameters import RegistrationParameters
from tests.champions import NAME, make_champion
from tests.champions import Champion as Parts

REGISTRATION = RegistrationParameters()


def holder_of(champion: Parts, predict=None, **changes) -> dict[str, ServedModel]:
    """A version that holds the alias and predicts what the champion's parts predict."""
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


def test_the_first_champion_takes_the_alias():
    decision = decide(make_champion(), {})
    assert decision.alias == "champion"
    assert "No version held" in decision.reason


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


@pytest.mark.parametrize(
    ("objective", "candidate", "holder", "alias"),
    [
        (ACCURACY, 0.92, 0.91, "champion"),
        (ACCURACY, 0.91, 0.91, "champion"),
        (ACCURACY, 0.90, 0.91, "challenger"),
        (MEAN_ABSOLUTE_ERROR, 41.0, 42.0, "champion"),
        (MEAN_ABSOLUTE_ERROR, 42.00000012, 42.0, "champion"),  # rounding of single precision
        (MEAN_ABSOLUTE_ERROR, 42.001, 42.0, "challenger"),
    ],
)
def test_alias_moves_only_to_one_at_least_as_good(objective, candidate, holder, alias):
    decision = choose_alias(candidate, holder, objective, 360, "3", REGISTRATION)
    assert decision.alias == alias
    for part in (f"{candidate:.6g}", f"{holder:.6g}", "version 3", "360"):
        assert part in decision.reason


def test_the_names_of_the_aliases_are_parameters():
    names = RegistrationParameters(alias="best", challenger_alias="second")
    worse = choose_alias(0.1, 0.2, ACCURACY, 9, "1", names)
    assert worse.alias == "second"
    assert "'best'" in worse.reason
    champion = make_champion()
    first = compare_with_holder(champion.package(), {}, champion.rows, names).decision
    assert first.alias == "best"
