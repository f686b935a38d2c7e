from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.champion.choice import select_champion
from dnn_sweep.core.errors import SweepError
from dnn_sweep.parameters import EvaluationParameters
from tests.builders import make_plan, make_result
from tests.core.comparison.test_leaderboard import EVALUATION, NEUTRAL, TRUE, rank, sweep

MATRIX = pd.DataFrame({"target": TRUE})


def test_the_champion_is_the_best_combinations_best_trial_that_did_not_diverge():
    plan, results = sweep({"sgd": [20, 21, 22], "adam": [60, 58, 59]}, diverged=[("adam", 0)])
    table = rank(plan, results)
    champion = select_champion(table, plan, results, MATRIX, NEUTRAL, EVALUATION)
    assert (champion.optimizer, champion.seed) == ("adam", 2)


def test_of_a_regressions_trials_the_one_with_the_smallest_error_is_chosen():
    plan = make_plan("regression", training={"seeds": [0, 1]})
    true = np.linspace(-1, 1, 60)
    results = {
        trial.id: make_result(trial, (true + miss)[:, None])
        for trial, miss in zip(plan.trials, [0.1, 0.5], strict=True)
    }
    matrix = pd.DataFrame({"target": true})
    table = rank(plan, results, true=true, train=true)
    assert select_champion(table, plan, results, matrix, NEUTRAL, EVALUATION).seed == 0


def test_the_cheapest_of_the_tied_becomes_the_champion_if_the_preset_says_so():
    hits = {"adam": [57, 58, 56], "rmsprop": [56, 57, 56], "sgd": [20, 21, 20], "lion": [56] * 3}
    plan, results = sweep(hits, diverged=[("lion", 0)])
    seconds = {"adam": 4.0, "rmsprop": 3.0, "sgd": 1.0, "lion": 0.5}
    results = {
        id_: replace(result, seconds=seconds[result.trial.optimizer])
        for id_, result in results.items()
    }
    table = rank(plan, results)
    tied = table.set_index("optimizer")["tied_with_best"].to_dict()
    # What diverges now and then is never tied, and no bargain.
    assert tied == {"adam": True, "rmsprop": True, "sgd": False, "lion": False}

    def champion(**given):
        evaluation = EvaluationParameters(**given)
        return select_champion(table, plan, results, MATRIX, NEUTRAL, evaluation).optimizer

    assert champion() == "adam"
    assert champion(champion="cheapest_tied") == "rmsprop"


def test_a_sweep_that_diverged_everywhere_has_no_champion():
    plan, results = sweep({"sgd": [20]}, diverged=[("sgd", 0)])
    with pytest.raises(SweepError, match=r"every trial diverged.*lower the learning rates"):
        select_champion(rank(plan, results), plan, results, MATRIX, NEUTRAL, EVALUATION)
