import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison.leaderboard import rank_combinations
from dnn_sweep.core.comparison.scores import score_combinations
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.score_groups import score_groups
from dnn_sweep.parameters import EvaluationParameters
from tests.builders import make_plan, make_result
from tests.core.comparison.test_leaderboard import EVALUATION, NEUTRAL, TRAIN, TRUE, sweep


def score(plan, results):
    return score_combinations(plan, results, TRAIN, TRUE, NEUTRAL)


def test_a_regressions_margin_is_a_share_of_the_error_without_skill():
    scaling = TargetScaling(mean=100.0, scale=10.0)
    plan = make_plan("regression", grid={"optimizers": ["sgd"]})
    results = {trial.id: make_result(trial, np.zeros((3, 1))) for trial in plan.trials}
    true = np.array([-1.0, 0.0, 4.0])
    scored = score_combinations(plan, results, np.array([0.0, 1.0, 5.0]), true, scaling)
    # The median of the training rows is 1: off by 2, 1 and 3, times the scale.
    assert scored.no_skill == pytest.approx(20)
    assert scored.margin(EvaluationParameters(equivalence_margin=0.1)) == pytest.approx(2)


def test_every_trial_has_its_score_by_seed():
    plan, results = sweep({"sgd": [30, 24], "adam": [57, 54]}, diverged=[("adam", 1)])
    matrices = (pd.DataFrame({"target": target}) for target in (TRAIN, TRUE))
    _, _, table, _ = rank_combinations(plan, results, *matrices, NEUTRAL, EVALUATION)
    assert table["combination"].tolist() == ["relu + sgd"] * 2 + ["relu + adam"] * 2
    assert table["seed"].tolist() == [0, 1, 0, 1]
    assert table["val_accuracy"].tolist() == pytest.approx([0.5, 0.4, 0.95, 1 / 3])
    assert table["diverged"].tolist() == [False, False, False, True]
    assert table["seconds"].tolist() == [1.5] * 4


def test_combinations_without_the_first_seed_are_not_compared():
    plan, results = sweep({"sgd": [30, 24], "adam": [57, 54]})
    fewer = plan.model_copy(update={"trials": (*plan.trials[:2], plan.trials[3])})
    with pytest.raises(SweepError, match=r"relu \+ adam has other seeds \(\[1\]\)"):
        score(fewer, results)


def test_a_combination_that_was_dropped_has_the_first_seeds_alone():
    plan, results = sweep({"sgd": [30, 24], "adam": [57, 54]})
    fewer = score(plan.model_copy(update={"trials": plan.trials[:3]}), results)
    assert fewer.seeds == [0, 1]
    assert fewer.seed_counts.tolist() == [2, 1]
    assert fewer.means.tolist() == pytest.approx([27 / 60, 57 / 60])
    assert np.isnan(fewer.scores[1, 1]).all()


def test_untrained_trials_are_not_ranked_around():
    plan, results = sweep({"sgd": [20], "adam": [30]})
    results.pop(plan.trials[1].id)
    with pytest.raises(SweepError, match=r"1 planned trials of relu \+ adam"):
        score(plan, results)


def test_a_row_is_scored_by_the_network_of_its_fold_and_a_diverged_one_has_no_skill():
    plan = make_plan(training={"seeds": [0, 1]})
    (first, second), folds = plan.trials, pd.DataFrame({"repeat_1": [0, 1, 1, 0]})
    true = np.array([0, 1, 2, 0])
    trials, results = [], {}
    for trial in (first, second):
        for fold, labels in enumerate(([0, 0], [1, 0])):
            own = trial.model_dump() | {"fold": fold, "data": f"{fold}" * 64}
            trials.append(Trial(**own))
            status = "diverged" if (trial.seed, fold) == (1, 1) else "completed"
            made = make_result(trials[-1], np.eye(3)[labels], status=status)
            results[trials[-1].id] = made
    sweep = score_combinations(
        TrialPlan(trials=tuple(trials)), results, np.array([2, 2, 0]), true, TargetScaling(), folds
    )
    assert sweep.scores.tolist() == [[[1, 1, 0, 1], [1, 0, 1, 1]]]  # no skill says 2
    assert sweep.seeds == [0, 1]
    assert sweep.trials["diverged"].tolist() == [0, 1]
    assert sweep.trials["seconds"].tolist() == [3.0, 3.0]


def test_groups_of_rows_keep_the_means_and_have_their_variance():
    rng = np.random.default_rng(0)
    sizes = rng.integers(1, 20, size=200)
    groups = np.repeat(np.arange(200), sizes)
    own = rng.normal(size=(2, 1, 200))[..., groups]
    scores = 5 + own + 0.1 * rng.normal(size=(2, 3, len(groups)))
    found = score_groups(scores, groups)
    assert found.shape == (2, 3, 200)
    assert found.mean(axis=2) == pytest.approx(scores.mean(axis=2))
    # The mean of a ratio of sums: sizes do not count as chance of their own.
    expected = np.sqrt((sizes**2).sum()) / sizes.sum()
    assert found.mean(axis=1).std(axis=1) / np.sqrt(200) == pytest.approx([expected] * 2, rel=0.15)
    alone = score_groups(scores, np.arange(len(groups)))
    assert alone == pytest.approx(scores)
