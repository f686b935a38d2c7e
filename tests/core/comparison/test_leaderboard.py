import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison.leaderboard import build_leaderboard, rank_combinations
from dnn_sweep.core.comparison.scores import score_combinations
from dnn_sweep.core.data.preprocessing import GROUP, TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.parameters import EvaluationParameters
from tests.builders import make_plan, make_result

EVALUATION = EvaluationParameters(resamples=500)
TRUE = np.arange(60) % 3
TRAIN = np.array([2] * 10 + [0] * 5 + [1] * 5)
NEUTRAL = TargetScaling()


def outputs_with_accuracy(right: int) -> np.ndarray:
    predicted = TRUE.copy()
    predicted[right:] = (predicted[right:] + 1) % 3
    return np.eye(3)[predicted]


def sweep(right: dict[str, list[int]], **given):
    """A sweep of one activation; `right` says how many rows each optimizer's trials get right."""
    seeds = list(range(len(next(iter(right.values())))))
    plan = make_plan(grid={"optimizers": list(right)}, training={"seeds": seeds})
    hits = [hit for hits in right.values() for hit in hits]
    diverged = given.get("diverged", ())
    results = {
        trial.id: make_result(
            trial,
            outputs_with_accuracy(hit),
            status="diverged" if (trial.optimizer, trial.seed) in diverged else "completed",
        )
        for trial, hit in zip(plan.trials, hits, strict=True)
    }
    return plan, results


def rank(plan, results, true=TRUE, train=TRAIN, scaling=NEUTRAL, evaluation=EVALUATION):
    scored = score_combinations(plan, results, train, true, scaling)
    return build_leaderboard(scored, evaluation)


def test_one_row_per_combination_best_first_with_the_contracts_columns():
    plan, results = sweep({"sgd": [30, 24], "adam": [57, 54], "rmsprop": [45, 48]})
    table = rank(plan, results)

    assert table["optimizer"].tolist() == ["adam", "rmsprop", "sgd"]
    assert table["rank"].tolist() == [1, 2, 3]
    assert table["val_accuracy_mean"].tolist() == pytest.approx([55.5 / 60, 46.5 / 60, 27 / 60])
    contract = [
        "rank", "activation", "optimizer", "learning_rate", "val_accuracy_mean",
        "val_accuracy_ci_low", "val_accuracy_ci_high", "seeds", "diverged", "tied_with_best",
        "seconds",
    ]  # fmt: skip
    assert [name for name in table.columns if name in contract[:-2]] == contract[:-2]
    assert set(contract) <= set(table.columns)
    assert (table["val_accuracy_ci_low"] <= table["val_accuracy_mean"]).all()
    assert (table["val_accuracy_ci_high"] >= table["val_accuracy_mean"]).all()
    assert table["seeds"].tolist() == [2, 2, 2]


def test_new_columns_come_after_those_of_the_contract():
    plan, results = sweep({"sgd": [30, 24], "adam": [57, 54]})
    table = rank(plan, results)
    added = ["val_accuracy_std", "difference_to_best", "difference_ci_low", "difference_ci_high",
             "p_holm", "share_first", "rank_low", "rank_high", "rounds", "shown_worse"]  # fmt: skip
    assert list(table.columns[-11:]) == ["tied_with_best", *added]
    last = table.iloc[1]
    assert last["difference_to_best"] == pytest.approx((27 - 55.5) / 60)
    assert last["difference_ci_low"] < last["difference_to_best"] < last["difference_ci_high"]
    assert last["val_accuracy_std"] == pytest.approx(np.std([0.5, 0.4], ddof=1))
    assert last["p_holm"] == 0.5
    assert np.isnan(table.loc[0, "p_holm"])
    assert table["share_first"].tolist() == pytest.approx([1, 0], abs=0.05)
    assert table[["rank_low", "rank_high"]].to_numpy().tolist() == [[1, 1], [2, 2]]


def test_the_columns_belong_to_their_combination_whatever_the_order_of_the_grid():
    hits = {"adam": [40, 41, 42], "rmsprop": [55, 56, 57], "sgd": [20, 21, 22]}
    plan, results = sweep(hits)
    table = rank(plan, results).set_index("optimizer")
    assert table["val_accuracy_mean"].to_dict() == pytest.approx(
        {name: np.mean(each) / 60 for name, each in hits.items()}
    )
    assert table["combination"].tolist() == ["relu + rmsprop", "relu + adam", "relu + sgd"]
    assert table["difference_to_best"].tolist() == pytest.approx([0, -15 / 60, -35 / 60])


def test_a_margin_ties_what_is_worse_by_less():
    plan, results = sweep({"adam": [59], "sgd": [30]})
    assert rank(plan, results)["tied_with_best"].tolist() == [True, False]
    generous = EvaluationParameters(equivalence_margin=0.5)
    assert rank(plan, results, evaluation=generous)["tied_with_best"].tolist() == [True, True]


def test_equal_scores_are_ranked_by_loss_then_name():
    plan, results = sweep({"sgd": [30], "adam": [30]})
    assert rank(plan, results)["optimizer"].tolist() == ["adam", "sgd"]
    better = make_result(plan.trials[0], outputs_with_accuracy(30), val_loss=0.1)
    assert rank(plan, results | {plan.trials[0].id: better})["optimizer"].tolist()[0] == "sgd"


def test_a_diverged_trial_counts_as_predicting_the_most_frequent_class():
    plan, results = sweep({"adam": [60, 60], "sgd": [30, 30]}, diverged=[("adam", 1)])
    table = rank(plan, results).set_index("optimizer")

    assert table.loc["adam", "diverged"] == 1
    assert table.loc["adam", "seeds"] == 2
    assert table.loc["adam", "val_accuracy_mean"] == pytest.approx((1 + 1 / 3) / 2)


def test_a_regression_is_ranked_by_the_error_in_the_targets_unit():
    scaling = TargetScaling(mean=100.0, scale=10.0)
    plan = make_plan("regression", grid={"optimizers": ["sgd", "adam", "rmsprop"]})
    true = np.linspace(-1, 1, 50).astype(np.float32)
    misses = [0.5, 0.1, np.nan]
    results = {
        trial.id: make_result(
            trial, (true + miss)[:, None], status="diverged" if np.isnan(miss) else "completed"
        )
        for trial, miss in zip(plan.trials, misses, strict=True)
    }
    table = rank(plan, results, true=true, train=np.full(5, 0.0), scaling=scaling)

    assert table["optimizer"].tolist() == ["adam", "sgd", "rmsprop"]
    assert table["val_mae_mean"].tolist()[:2] == pytest.approx([1.0, 5.0], rel=1e-4)
    assert table["val_mae_mean"].tolist()[2] == pytest.approx(10 * np.abs(true).mean(), rel=1e-4)


def test_same_configuration_same_leaderboard():
    plan, results = sweep({"sgd": [30, 24], "adam": [57, 54]})
    assert rank(plan, results).equals(rank(plan, results))


def test_a_trial_trained_under_another_name_is_listed_under_this_plans():
    plan, results = sweep({"adam": [30]})
    renamed = make_plan(grid={"optimizers": [{"mine": {"class": "Adam"}}]}, training={"seeds": [0]})
    assert renamed.trials[0].id == plan.trials[0].id
    assert rank(renamed, results)["optimizer"].tolist() == ["mine"]


def test_equals_share_a_rank_and_the_first_place():
    plan, results = sweep({"sgd": [60, 60], "adam": [60, 60], "rmsprop": [30, 30]})
    table = rank(plan, results)
    assert table["rank"].tolist() == [1, 1, 3]
    assert table["share_first"].tolist() == pytest.approx([0.5, 0.5, 0])


def test_a_combination_of_which_a_seed_diverged_is_never_tied():
    right = {"sgd": [55, 54, 56], "adam": [57, 54, 55]}
    table = rank(*sweep(right, diverged={("sgd", 1)}))
    assert table["combination"].tolist() == ["relu + adam", "relu + sgd"]
    assert table["difference_ci_high"][1] > 0
    assert table["tied_with_best"].tolist() == [True, False]


def test_rows_that_belong_together_count_once():
    plan, results = sweep({"sgd": [40, 41], "adam": [58, 58]})
    x = pd.DataFrame({"x": np.zeros(60), TARGET: TRUE})
    train = pd.DataFrame({"x": np.zeros(20), TARGET: TRAIN})

    def ranked(validation):
        return rank_combinations(plan, results, train, validation, NEUTRAL, EVALUATION)

    rows, _, _, of_rows = ranked(x)
    board, _, _, of_groups = ranked(x.assign(**{GROUP: np.arange(60) // 20}))
    assert board["val_accuracy_mean"].tolist() == pytest.approx(rows["val_accuracy_mean"].tolist())
    assert rows["tied_with_best"].tolist() == [True, False]
    assert board["tied_with_best"].tolist() == [True, True]  # all mistakes are of one group
    assert (of_rows.rows, of_rows.groups) == (60, None)
    assert (of_groups.rows, of_groups.groups) == (60, 3)
    assert any("60 validation rows in 3 groups" in each for each in of_groups.sentences)
