"""Ranking, baselines and the champion follow the objective."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.champion.choice import select_champion
from dnn_sweep.core.comparison.baselines import fit_baselines
from dnn_sweep.core.comparison.leaderboard import rank_combinations
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import named_objective
from dnn_sweep.parameters import EvaluationParameters
from tests.builders import FEATURES, make_plan, make_result, schema_of

ROWS, RARE = 200, 12
TRUE = (np.arange(ROWS) < RARE).astype(np.int32)
NEUTRAL = TargetScaling()
BLIND = np.full((ROWS, 1), 0.1, np.float32)  # the best accuracy, and no order at all


def ordered(seed):
    """Many rows of the rare class are found, at the price of some false alarms."""
    noise = np.random.default_rng(seed).normal(scale=0.9, size=ROWS)
    return (1 / (1 + np.exp(-(1.5 * TRUE + noise - 0.5))))[:, None].astype(np.float32)


def matrix():
    random = np.random.default_rng(0)
    features = {f"x{i}": random.normal(size=ROWS) + 0.2 * TRUE for i in range(FEATURES)}
    return pd.DataFrame({**features, "target": TRUE})


def rank(name, status="completed"):
    plan = make_plan("binary", grid={"optimizers": ["sgd", "adam"]}, training={"seeds": [0, 1, 2]})
    results = {
        trial.id: make_result(trial, BLIND if trial.optimizer == "sgd" else ordered(trial.seed))
        for trial in plan.trials
    }
    last = plan.trials[-1]
    results[last.id] = make_result(last, ordered(last.seed), status=status)
    objective = name and named_objective(name, "binary")
    evaluation = EvaluationParameters(resamples=200, objective=name or "auto")
    given = matrix(), matrix(), schema_of("binary"), evaluation
    baselines = fit_baselines(plan, *given, objective=objective)
    rows = matrix(), matrix(), NEUTRAL, evaluation, baselines
    board, _, seed_scores, comparison = rank_combinations(plan, results, *rows, objective=objective)
    chosen = board, plan, results, matrix(), NEUTRAL, evaluation
    champion = select_champion(*chosen, objective=objective)
    return board, seed_scores, comparison, champion


def test_accuracy_prefers_the_network_that_never_finds_the_rare_class():
    board, *_, champion = rank(None)
    assert board.loc[board["kind"] == "combination", "optimizer"].iloc[0] == "sgd"
    assert champion.optimizer == "sgd"


NAMES = ["average_precision", "roc_auc", "balanced_accuracy", "log_loss"]


@pytest.mark.parametrize("name", NAMES)
def test_the_objective_ranks_in_every_table(name):
    board, seed_scores, comparison, champion = rank(name)
    metric = f"val_{named_objective(name, 'binary').metric}"
    leading = board[board["kind"] == "combination"].iloc[0]
    # A constant probability near the share of the rare class has the least log loss.
    best = "sgd" if name == "log_loss" else "adam"
    assert leading["optimizer"] == champion.optimizer == best
    assert comparison.best == f"relu + {best}"
    assert comparison.metric == metric
    assert comparison.rows == ROWS
    for end in ("mean", "ci_low", "ci_high", "std"):
        assert f"{metric}_{end}" in board
    assert (board[f"{metric}_ci_low"] <= board[f"{metric}_mean"]).all()
    assert (board[f"{metric}_mean"] <= board[f"{metric}_ci_high"]).all()
    assert "val_accuracy_mean" in board
    by_seed = seed_scores.groupby("combination")[metric].mean()
    assert by_seed[leading["combination"]] == pytest.approx(leading[f"{metric}_mean"])
    if name == "average_precision":
        other = board[board["combination"] == "relu + sgd"].iloc[0]
        assert not other["tied_with_best"]


def test_a_diverged_trial_orders_nothing():
    _, seed_scores, *_ = rank("roc_auc", status="diverged")
    assert seed_scores["val_roc_auc"].iloc[-1] == pytest.approx(0.5)
    assert seed_scores["val_roc_auc"].iloc[-2] > 0.8


def test_an_objective_that_did_not_choose_the_learning_rates_does_not_rank():
    plan = make_plan("binary")
    results = {trial.id: make_result(trial, BLIND) for trial in plan.trials}
    rows = matrix(), matrix(), NEUTRAL, EvaluationParameters(objective="f1")
    with pytest.raises(SweepError, match=r"evaluation\.objective is f1, but learning rates were"):
        rank_combinations(plan, results, *rows, objective=named_objective("roc_auc", "binary"))
