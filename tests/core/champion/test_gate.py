from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.champion.gate import FEWEST_ROWS, compare_with_holder
from dnn_sweep.core.champion.package import Registration, ServedModel
from dnn_sweep.core.comparison.intervals import MetricEstimate
from dnn_sweep.core.data.fingerprints import fingerprint_rows
from dnn_sweep.core.data.splitting import split_rows
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import named_objective
from dnn_sweep.parameters import DataParameters, RegistrationParameters, SplitParameters
from tests.champions import COLUMNS, NAME, make_champion, make_rows
from tests.champions import Champion as Parts

REGISTRATION = RegistrationParameters()
NOTHING = np.empty(0, np.uint64)
WRONG = {3: 5, 5: 8, 8: 3}


def new_rows(kind: str = "multiclass", rows: int = 60) -> pd.DataFrame:
    """Rows that no champion of these tests has seen."""
    return make_rows(kind, rows=rows, seed=2)


def answers(rows: pd.DataFrame, right: int | np.ndarray) -> np.ndarray:
    """Labels of which the first ``right``, or those so marked, are right."""
    is_right = np.arange(len(rows)) < right if isinstance(right, int) else right
    return np.where(is_right, rows["target"], rows["target"].map(WRONG))


def knows(rows: pd.DataFrame, labels):
    """Predictions of a holder that knows these rows' answers by their index."""
    table = pd.Series(labels, rows.index)
    return lambda asked: pd.DataFrame({"prediction": table[asked.index].to_numpy()})


def holder_of(champion: Parts, predict=None, **changes) -> dict[str, ServedModel]:
    """A version that holds the alias and predicts what the champion's parts predict."""
    model = ServedModel(
        name=NAME,
        version="7",
        task=champion.schema.task,
        target=champion.schema.target,
        classes=champion.schema.classes,
        columns=champion.schema.kinds,
        predict=predict or champion.predict,
        seen=NOTHING,
        test_scores={"accuracy": 0.91, "mae": 0.91},
    )
    return {"champion": replace(model, **changes)}


def decide(champion: Parts, holders, rows=None, predicted=None, *, packages=None, **parameters):
    """What the gate decides; ``predicted`` are the challenger's, by default its network's."""
    rows = new_rows(champion.schema.task) if rows is None else rows
    predictions = champion.test_predictions(rows)
    if predicted is not None:
        predictions["predicted"] = predicted
    registration = RegistrationParameters(**parameters)
    package = champion.package()
    return compare_with_holder(package, holders, packages or {}, rows, predictions, registration)


def compare(ours, theirs, **parameters):
    """Decide between labels of a challenger and of a holder on 60 rows."""
    champion, rows = make_champion(), new_rows()
    holder = holder_of(champion, knows(rows, answers(rows, theirs)))
    return decide(champion, holder, rows, answers(rows, ours), **parameters).decision


@pytest.mark.parametrize(
    ("ours", "theirs", "alias", "p_value"),
    [
        (50, 50, "challenger", "p = 1"),  # a tie
        (40, 50, "challenger", "p = 1"),
        (51, 50, "challenger", "p = 0.5"),
        (54, 50, "challenger", "p = 0.062"),
        (55, 50, "champion", "p = 0.031"),
        (60, 50, "champion", "p = 0.00098"),
    ],
)
def test_the_alias_moves_only_if_the_rows_show_an_improvement(ours, theirs, alias, p_value):
    decision = compare(ours, theirs)
    assert decision.alias == alias
    assert decision.holder == (None if alias == "champion" else "7")
    assert f"Accuracy {ours / 60:.4f} against {theirs / 60:.4f} of version 7" in decision.reason
    assert "on 60 test rows that neither was trained on or chosen by" in decision.reason
    assert f"one-sided exact McNemar test {p_value}" in decision.reason
    kept = "Version 7 keeps the alias 'champion'." in decision.reason
    assert kept == (alias == "challenger")


def test_rows_of_one_group_are_one_piece_of_evidence():
    champion = make_champion()
    champion = replace(champion, schema=champion.schema.model_copy(update={"group": "patient"}))
    rows = new_rows().assign(patient=np.arange(60) // 10)
    holder = holder_of(champion, knows(rows, answers(rows, 40)))
    of_one = decide(champion, holder, rows, answers(rows, 50)).decision
    assert of_one.alias == "challenger"  # one patient of six
    assert "paired t-test p = 0.18" in of_one.reason
    in_all = np.arange(60) % 10 < 8
    holder = holder_of(champion, knows(rows, answers(rows, np.arange(60) % 10 < 6)))
    assert decide(champion, holder, rows, answers(rows, in_all)).decision.alias == "champion"


def test_the_confidence_is_a_parameter():
    assert compare(54, 50).alias == "challenger"
    relaxed = compare(54, 50, confidence=0.9)
    assert relaxed.alias == "champion"
    assert relaxed.reason.endswith("shown to be better with 90 % confidence.")
    assert compare(55, 50, confidence=0.975).alias == "challenger"


def test_rows_on_which_both_are_right_or_both_are_wrong_decide_nothing():
    marks = np.zeros(60, bool)
    marks[:10] = True
    assert compare(marks, np.roll(marks, 10)).alias == "challenger"


@pytest.mark.parametrize(("share", "alias"), [(0.8, "champion"), (1.0, "challenger")])
def test_a_regression_is_decided_by_a_paired_test_of_absolute_errors(share, alias):
    champion, rows = make_champion("regression"), new_rows("regression")
    errors = np.random.default_rng(0).normal(0, 20, len(rows))
    holder = holder_of(champion, knows(rows, rows["target"] + errors))
    # As much closer on average; of the same size on the other side where it is not.
    predicted = rows["target"] - share * errors
    decision = decide(champion, holder, rows, predicted).decision
    assert decision.alias == alias
    assert "Mean absolute error" in decision.reason
    assert "one-sided paired t-test" in decision.reason


def test_differences_of_rounding_are_a_tie():
    champion, rows = make_champion("regression"), new_rows("regression")
    theirs = rows["target"] + 5
    holder = holder_of(champion, knows(rows, theirs))
    predicted = theirs.astype(np.float32).astype(float) - 1e-5
    assert decide(champion, holder, rows, predicted).decision.alias == "challenger"


def test_the_first_champion_takes_the_alias():
    registration = decide(make_champion(), {})
    assert registration.decision.alias == "champion"
    assert registration.existing is None
    assert "No version held" in registration.decision.reason


def test_the_same_champion_again_is_the_version_that_it_is_already():
    champion = make_champion()
    packages = {champion.package().digest: "7"}
    registration = decide(champion, holder_of(champion), packages=packages)
    assert registration.existing == "7"
    assert (registration.decision.alias, registration.decision.holder) == ("champion", None)
    assert (
        "This champion is version 7 already: no version was added" in registration.decision.reason
    )


def test_a_version_without_the_alias_is_judged_again_and_not_added_again():
    champion, rows = make_champion(), new_rows()
    packages = {champion.package().digest: "5"}

    def judge(right: int) -> Registration:
        holder = holder_of(champion, knows(rows, answers(rows, 40)))
        return decide(champion, holder, rows, answers(rows, right), packages=packages)

    beaten, better = judge(40), judge(60)
    assert (beaten.existing, better.existing) == ("5", "5")
    assert (beaten.decision.alias, beaten.decision.holder) == ("challenger", "7")
    assert (better.decision.alias, better.decision.withdrawn) == ("champion", "challenger")


def test_only_rows_that_the_holder_has_not_seen_are_compared():
    champion, rows = make_champion(), new_rows(rows=80)
    seen = fingerprint_rows(rows.iloc[:40].sample(frac=1, random_state=0), COLUMNS)
    memory = answers(rows, 40)  # right on what it was trained on, wrong elsewhere
    holder = holder_of(champion, knows(rows, memory), seen=np.sort(seen))
    worse_there = ~(np.arange(80) < 10)
    decision = decide(champion, holder, rows, answers(rows, worse_there)).decision
    assert decision.alias == "champion"
    assert "Accuracy 1.0000 against 0.0000 of version 7 on 40 test rows" in decision.reason
    assert "(40 others were not new and are left out)" in decision.reason


def test_test_rows_that_repeat_rows_of_the_challenger_do_not_count():
    champion = make_champion()
    rows = pd.concat([new_rows(rows=40), champion.train_rows.head(20)], ignore_index=True)
    decision = decide(champion, holder_of(champion), rows).decision
    assert "on 40 test rows" in decision.reason
    assert "(20 others" in decision.reason


def test_with_another_split_seed_the_holder_is_judged_on_rows_new_to_it():
    champion = make_champion()
    table = make_rows(rows=1000, seed=3).rename_axis(index="row_id")
    data = DataParameters(target="target")

    def split(seed):
        return split_rows(table, champion.schema, data, SplitParameters(seed=seed))

    (train, validation, _, _), (_, _, test, _) = split(0), split(1)
    seen = fingerprint_rows(pd.concat([train, validation]), COLUMNS)
    asked = []

    def predict(rows):
        asked.append(rows.index)
        return champion.predict(rows)

    decide(champion, holder_of(champion, predict, seen=seen), test)
    (index,) = asked
    assert len(index) < len(test)
    assert set(index) == set(test.index) - set(train.index) - set(validation.index)


def test_where_too_few_rows_are_new_the_alias_stays_and_the_reason_says_how_to_move_it():
    champion, rows = make_champion(), new_rows()
    left = FEWEST_ROWS - 1
    seen = fingerprint_rows(rows.iloc[left:], COLUMNS)
    holder = holder_of(champion, knows(rows, answers(rows, 0)), seen=seen)
    decision = decide(champion, holder, rows, answers(rows, 60)).decision
    assert (decision.alias, decision.holder) == ("challenger", "7")
    assert "only 29 of the 60 test rows are new to both models" in decision.reason
    assert "can be moved by hand" in decision.reason


def test_a_holder_without_fingerprints_keeps_the_alias():
    champion, rows = make_champion(), new_rows()
    holder = holder_of(champion, knows(rows, answers(rows, 0)), seen=None)
    decision = decide(champion, holder, rows, answers(rows, 60)).decision
    assert decision.alias == "challenger"
    assert "without fingerprints of its rows" in decision.reason
    assert "can be moved by hand" in decision.reason


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"task": "regression"}, "its task is regression"),
        ({"target": "price"}, "it predicts 'price'"),
        ({"classes": (3, 5)}, "it knows other classes (3, 5)"),
        ({"columns": {"weight": "numeric"}}, "1 of the 1 columns that version 7"),
        ({"columns": {"city": "numeric"}}, "where a number is expected"),
    ],
)
def test_a_holder_made_for_other_rows_keeps_the_alias(changes, why):
    champion = make_champion()
    decision = decide(champion, holder_of(champion, **changes)).decision
    assert (decision.alias, decision.holder) == ("challenger", "7")
    assert "Version 7 cannot score the present test rows" in decision.reason
    assert why in decision.reason


@pytest.mark.parametrize(
    ("theirs", "margin", "alias"),
    [(0.93, 0.03, "champion"), (0.93, 0.01, "challenger"), (0.80, 0.0, "champion")],
)
def test_a_stated_margin_moves_the_alias_from_a_holder_that_cannot_score_the_rows(
    theirs, margin, alias
):
    champion = make_champion()  # whose test accuracy is 0.91
    other = {"columns": {"weight": "numeric"}, "test_scores": {"accuracy": theirs}}
    decision = decide(champion, holder_of(champion, **other), margin=margin).decision
    assert decision.alias == alias
    within = "is within" if alias == "champion" else "is not within"
    assert f"0.9100 {within} {margin:g} of the {theirs:.4f}" in decision.reason


def test_the_margin_of_a_regression_is_in_the_unit_of_its_error():
    champion = make_champion("regression")
    other = {"columns": {"weight": "numeric"}, "test_scores": {"mae": 0.5, "accuracy": 0.5}}
    holder = holder_of(champion, **other)
    assert decide(champion, holder, margin=0.4).decision.alias == "challenger"
    assert decide(champion, holder, margin=0.42).decision.alias == "champion"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"target": "price"}, "another task"),
        ({"columns": {"weight": "numeric"}, "test_scores": {}}, "not on record"),
    ],
)
def test_a_margin_does_not_apply_where_there_is_nothing_to_compare(changes, why):
    champion = make_champion()
    decision = decide(champion, holder_of(champion, **changes), margin=0.5).decision
    assert decision.alias == "challenger"
    assert "registration.margin does not apply" in decision.reason
    assert why in decision.reason


def test_a_margin_counts_for_nothing_where_the_holder_can_score_the_rows():
    assert compare(50, 50, margin=0.5).alias == "challenger"


def test_a_holder_that_refuses_the_rows_is_not_one_that_breaks():
    champion = make_champion()

    def refuse(rows):
        raise SweepError("column 'age', row 0: 'old' where a number is expected")

    def crash(rows):
        raise RuntimeError("out of memory")

    assert "'old' where a number" in decide(champion, holder_of(champion, refuse)).decision.reason
    with pytest.raises(RuntimeError, match="out of memory"):
        decide(champion, holder_of(champion, crash))


def test_the_names_of_the_aliases_are_parameters():
    champion, rows = make_champion(), new_rows()
    names = {"alias": "best", "challenger_alias": "second"}
    holder = {"best": holder_of(champion)["champion"]}
    worse = decide(champion, holder, rows, answers(rows, 0), **names).decision
    assert worse.alias == "second"
    assert "'best'" in worse.reason
    assert decide(champion, {}, **names).decision.alias == "best"


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_reruns_without_improvement_move_the_alias_at_most_as_often_as_the_level_says(kind):
    champion, rows, random = make_champion(kind), new_rows(kind, 200), np.random.default_rng(0)
    package, predictions = champion.package(), champion.test_predictions(rows)

    def train() -> np.ndarray:
        """Predictions of one more model, as good as all the others."""
        if kind == "multiclass":
            return answers(rows, random.random(len(rows)) < 0.9)
        return rows["target"].to_numpy() + random.standard_t(3, len(rows))

    def moves(holder: np.ndarray, challenger: np.ndarray) -> bool:
        given = holder_of(champion, knows(rows, holder)), {}, rows
        tried = predictions.assign(predicted=challenger)
        decision = compare_with_holder(package, *given, tried, REGISTRATION).decision
        return decision.alias == "champion"

    first = np.mean([moves(train(), train()) for _ in range(200)])
    assert first <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 200)

    # On the same test rows a holder that once was lucky is harder to beat from then on.
    holder, moved = train(), 0
    for _ in range(100):
        challenger = train()
        if moves(holder, challenger):
            holder, moved = challenger, moved + 1
    assert moved <= 5


def test_where_another_metric_ranks_it_decides_by_the_probabilities():
    champion, rows = make_champion("binary"), new_rows("binary")
    objective = named_objective("roc_auc", "binary")
    estimates = {"roc_auc": MetricEstimate(value=0.9, ci_low=0.8, ci_high=0.95)}
    update = {"ranked_by": objective, "validation": estimates, "test": estimates}
    champion = replace(champion, evaluation=champion.evaluation.model_copy(update=update))
    ours = champion.predict(rows)
    better = ours["probability_malignant"].where(rows["target"].to_numpy() == "malignant", 0.0)

    def knows_better(asked):
        table = ours.assign(probability_malignant=better, probability_benign=1 - better)
        return table.loc[rows.index.get_indexer(asked.index)]

    lost = decide(champion, holder_of(champion, knows_better), rows).decision
    assert lost.alias == "challenger"
    assert "ROC AUC 0." in lost.reason
    assert "against 1.0000 of version 7" in lost.reason
    same = decide(champion, holder_of(champion), rows).decision
    assert (same.alias, "paired t-test p = 1" in same.reason) == ("challenger", True)
