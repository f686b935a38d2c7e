import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.champion.choice import select_champion
from dnn_sweep.core.comparison.against_baselines import compare_baselines
from dnn_sweep.core.comparison.baseline_models import NAMES
from dnn_sweep.core.comparison.baselines import Baseline
from dnn_sweep.core.comparison.leaderboard import (
    combinations_of,
    measure_combinations,
    rank_combinations,
)
from dnn_sweep.core.comparison.record import Comparison
from dnn_sweep.core.comparison.scores import ScoredSweep
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.objectives import ACCURACY
from dnn_sweep.parameters import EvaluationParameters
from tests.builders import make_plan, make_result

ROWS = 300
TRUE = np.arange(ROWS) % 3
EVALUATION = EvaluationParameters(resamples=200)
GRID = {"adam": 0.9, "rmsprop": 0.88, "sgd": 0.5}


def guess(share: float, rng: np.random.Generator) -> np.ndarray:
    right = rng.permutation(ROWS) < round(share * ROWS)
    return np.where(right, TRUE, (TRUE + 1) % 3)


def baseline(spelling: str, predictions: np.ndarray, task="multiclass", rows=600) -> Baseline:
    name = NAMES[spelling][task == "regression"]
    return Baseline(spelling, name, task, predictions, None, rows, 600, 0.1)


def compare(baselines=None, *, grid=None, seeds=3, evaluation=EVALUATION, **rows):
    """Rank a sweep whose optimizers are right on given shares of the rows, and baselines."""
    grid, rng = grid or GRID, np.random.default_rng(0)
    plan = make_plan(grid={"optimizers": list(grid)}, training={"seeds": list(range(seeds))})
    results = {
        trial.id: make_result(trial, np.eye(3)[guess(grid[trial.optimizer], rng)])
        for trial in plan.trials
    }
    fitted = [
        baseline(name, guess(share, rng), rows=rows.get(name, 600))
        for name, share in (baselines or {}).items()
    ]
    matrices = (pd.DataFrame({"target": TRUE}), pd.DataFrame({"target": TRUE}))
    table, *_, record = rank_combinations(
        plan, results, *matrices, TargetScaling(), evaluation, fitted
    )
    champion = select_champion(table, plan, results, matrices[1], TargetScaling(), evaluation)
    return table, record, champion


def test_baselines_are_ranked_among_the_combinations_and_marked():
    table, *_ = compare({"no_skill": 0.34, "linear": 0.8, "support_vectors": 0.97})

    assert table["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert list(table.columns[:3]) == ["rank", "kind", "combination"]
    assert table["combination"].tolist() == [
        "support vector machine", "relu + adam", "relu + rmsprop", "logistic regression",
        "relu + sgd", "most frequent class",
    ]  # fmt: skip
    kinds = ["baseline", "combination", "combination", "baseline", "combination", "baseline"]
    assert table["kind"].tolist() == kinds
    rows = table[table["kind"] == "baseline"]
    empty = ["activation", "optimizer", "learning_rate", "batch_size", "engine", "epochs",
             "seconds", "val_loss_mean", "p_holm", "share_first",
             "rank_low", "rank_high"]  # fmt: skip
    assert rows[empty].isna().all(axis=None)
    assert rows[["seeds", "diverged"]].to_numpy().tolist() == [[1, 0]] * 3
    assert (rows["val_accuracy_ci_low"] < rows["val_accuracy_mean"]).all()
    best = table["val_accuracy_mean"][1]
    assert table["difference_to_best"].tolist() == pytest.approx(table["val_accuracy_mean"] - best)
    assert table["difference_ci_low"][0] > 0
    assert table["tied_with_best"].tolist() == [True, True, True, False, False, False]


def test_nothing_about_the_combinations_changes_through_baselines(tmp_path):
    without, plain, _ = compare()
    table, record, _ = compare({"no_skill": 0.34, "support_vectors": 0.99})
    # As the later nodes read it: from a file, in which a baseline's columns are empty.
    table.to_csv(tmp_path / "leaderboard.csv", index=False)
    read = combinations_of(pd.read_csv(tmp_path / "leaderboard.csv"))

    assert read["rank"].tolist() == [2, 3, 4]
    pd.testing.assert_frame_equal(
        read.drop(columns="rank"), without.drop(columns="rank"), check_dtype=False
    )
    assert read["batch_size"].dtype == read["rank_low"].dtype == np.int64
    own = {"baselines", "deep_network", "reservation", "sentences"}
    assert record.model_dump(exclude=own) == plain.model_dump(exclude=own)
    assert set(plain.sentences) < set(record.sentences)
    assert (plain.deep_network, plain.baselines, plain.leading) == (None, (), plain.sentences[:1])
    measured = measure_combinations(table)
    assert measured["combination"].tolist() == without["combination"].tolist()


@pytest.mark.parametrize("rule", ["best", "cheapest_tied"])
def test_a_baseline_is_never_the_champion(rule):
    evaluation = EvaluationParameters(resamples=200, champion=rule)
    *_, champion = compare({"support_vectors": 1.0}, evaluation=evaluation)
    assert champion.combination in {"relu + adam", "relu + rmsprop"}


def test_of_equals_the_combination_comes_first():
    table, *_ = compare({"linear": 1.0}, grid={"adam": 1.0})
    assert table["kind"].tolist() == ["combination", "baseline"]


@pytest.mark.parametrize(
    ("baselines", "verdict", "begins"),
    [
        (
            {"no_skill": 0.34, "linear": 0.8, "support_vectors": 0.99},
            "does_not_pay",
            "A deep network does not pay here: in val_accuracy, the baseline support vector machine"
            " (0.9",
        ),
        (
            {"no_skill": 0.34, "linear": 0.6, "boosting": 0.7},
            "pays",
            "A deep network pays here: in val_accuracy, the best combination, relu + adam (0.9000) "
            "is shown to be better than every baseline, even the best of them, gradient boosting",
        ),
        (
            {"no_skill": 0.34, "linear": 0.9},
            "undecided",
            "It is not shown that a deep network pays here: in val_accuracy, the baseline "
            "logistic regression (0.9",
        ),
        (
            {"no_skill": 0.34},
            "undecided",
            "In val_accuracy, the best combination, relu + adam (0.9000) is shown to be better "
            "than always predicting the most frequent class",
        ),
    ],
)
def test_whether_a_deep_network_pays_is_said_after_the_answer(baselines, verdict, begins):
    _, record, _ = compare(baselines)
    assert record.deep_network == verdict
    said = record.leading[1]
    assert len(record.leading) == 2
    assert said.startswith(begins)
    assert "for all" in said or len(baselines) == 1
    assert (record.reservation is not None) == (verdict == "does_not_pay")
    assert Comparison.model_validate_json(record.model_dump_json()) == record


@pytest.mark.parametrize(
    ("constant", "first", "reservation"),
    [
        (0.9, "The networks are worse than no model at all", "but is shown to be worse than"),
        (0.55, "No network is shown to have learned anything", "but is not shown to be better"),
    ],
)
def test_that_no_network_beats_a_constant_is_said_first(constant, first, reservation):
    grid = {"adam": 0.55, "sgd": 0.4}
    _, record, _ = compare({"no_skill": constant, "linear": 0.98}, grid=grid)
    assert record.deep_network == "no_skill"
    assert record.sentences[0] == record.leading[0]
    assert record.leading[0].startswith(f"{first}: in val_accuracy, the best combination")
    assert "always predicting the most frequent class" in record.leading[0]
    assert "; the baseline logistic regression (0.9" in record.leading[0]
    assert record.reservation.startswith(reservation)


def test_a_baseline_that_saw_a_part_of_the_rows_is_named():
    part = "; support vector machine was fitted on 100 of 600 training rows"
    _, better, _ = compare({"support_vectors": 0.99}, support_vectors=100)
    _, worse, _ = compare({"linear": 0.7, "support_vectors": 0.5}, support_vectors=100)
    assert part in better.leading[1]
    assert part in worse.leading[1]
    assert part not in compare({"support_vectors": 0.99})[1].leading[1]


def test_with_one_seed_it_is_about_these_networks():
    _, record, _ = compare({"linear": 0.99}, seeds=1)
    assert "about these trained networks alone" in record.leading[1]


def test_a_difference_within_the_margin_is_no_claim():
    evaluation = EvaluationParameters(resamples=200, equivalence_margin=0.2)
    _, record, _ = compare({"linear": 0.99}, evaluation=evaluation)
    assert record.deep_network == "undecided"


def test_of_a_regression_less_is_better():
    rng = np.random.default_rng(0)
    plan = make_plan("regression", training={"seeds": [0, 1, 2, 3]})
    true = rng.normal(size=ROWS).astype(np.float32)
    results = {
        trial.id: make_result(trial, (true + 0.4 * rng.normal(size=ROWS))[:, None])
        for trial in plan.trials
    }
    fitted = [
        baseline("no_skill", np.zeros(ROWS), "regression"),
        baseline("linear", true + 0.05 * rng.normal(size=ROWS), "regression"),
    ]
    rows = pd.DataFrame({"target": true})
    scaling = TargetScaling(mean=100.0, scale=10.0)
    table, *_, record = rank_combinations(plan, results, rows, rows, scaling, EVALUATION, fitted)
    assert table["combination"].tolist() == ["ridge regression", "relu + adam", "median"]
    assert table["tied_with_best"].tolist() == [True, True, False]
    assert table["difference_ci_high"][0] < 0
    assert table["difference_ci_low"][2] > 0
    assert record.deep_network == "does_not_pay"
    assert [each.outcome for each in record.baselines] == ["worse", "better"]


def swept(scores):
    return ScoredSweep(
        scores=scores,
        seeds=list(range(scores.shape[1])),
        objective=ACCURACY,
        no_skill=0.34,
        combinations=pd.DataFrame({"combination": range(len(scores))}),
        trials=pd.DataFrame(),
    )


def in_folds(scores):
    """Keep of each seed the scores of the rows of its own fold."""
    folds = np.arange(scores.shape[2]) % scores.shape[1]
    return np.where(folds == np.arange(scores.shape[1])[:, np.newaxis], scores, np.nan)


def test_a_constant_prediction_is_worse_than_the_best_although_others_are_unstable():
    rng = np.random.default_rng(0)
    shares = np.array(
        [[0.97, 0.99, 0.99], [0.96, 0.96, 0.76], [0.96, 0.96, 0.97], [0.97, 0.96, 0.34]]
    )
    sweep = swept((rng.random((1, 1, 108)) < shares[:, :, np.newaxis]).astype(float))
    constants = np.array([np.arange(108) % 3 == 0, np.arange(108) < 106]).astype(float)
    fitted = [baseline("no_skill", TRUE), baseline("linear", TRUE)]
    compared = compare_baselines(sweep, 0, fitted, constants, EVALUATION)
    assert [each.outcome for each in compared] == ["worse", "undecided"]


@pytest.mark.parametrize("divided", [np.asarray, in_folds])
def test_of_equals_few_are_called_better_or_worse(divided):
    false = 0
    for repetition in range(12):
        rng = np.random.default_rng(repetition)
        skill = rng.normal(0.8, 0.03, size=(10, 3, 1))
        sweep = swept(divided((rng.random((10, 3, ROWS)) < skill).astype(float)))
        best = int(sweep.means.argmax())
        fitted = [baseline(name, TRUE) for name in NAMES]
        scores = (rng.random((len(fitted), ROWS)) < 0.8).astype(float)
        compared = compare_baselines(sweep, best, fitted, scores, EVALUATION)
        false += any(each.outcome != "undecided" for each in compared)
    assert false <= 3  # 5 % of 12 exceed this by chance in one of a hundred
