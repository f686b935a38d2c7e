"""Combinations that a budget dropped are compared on the seeds that they have, and never tied."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison.leaderboard import add_baselines, build_leaderboard
from dnn_sweep.core.comparison.looks import Looks
from dnn_sweep.core.comparison.scores import ScoredSweep
from dnn_sweep.core.comparison.summary import describe_comparison
from dnn_sweep.core.comparison.tied_set import compare_with_best
from dnn_sweep.core.objectives import ACCURACY
from dnn_sweep.parameters import EvaluationParameters
from tests.core.comparison.test_summary import TRAINING

ROWS = 400
EVALUATION = EvaluationParameters(resamples=100)


def a_race(*accuracies_and_seeds):
    """A sweep of combinations ``o0``, ``o1`` ... with accuracies and numbers of seeds."""
    most = max(seeds for _, seeds in accuracies_and_seeds)
    rng = np.random.default_rng(0)
    scores = np.full((len(accuracies_and_seeds), most, ROWS), np.nan)
    trials = []
    for place, (accuracy, seeds) in enumerate(accuracies_and_seeds):
        scores[place, :seeds] = rng.permuted(
            np.tile(np.arange(ROWS) < accuracy * ROWS, (seeds, 1)), axis=1
        )
        trials += [{"combination": f"o{place}", **TRAINING}] * seeds
    names = [f"o{place}" for place in range(len(scores))]
    return ScoredSweep(
        scores=scores,
        seeds=list(range(most)),
        objective=ACCURACY,
        no_skill=0.1,
        combinations=pd.DataFrame({"combination": names}),
        trials=pd.DataFrame(trials),
    )


def test_what_was_dropped_ranks_behind_what_stayed_whatever_its_few_seeds_reached():
    table = build_leaderboard(a_race((0.97, 2), (0.95, 8), (0.9, 8), (0.5, 2)), EVALUATION)
    assert table["combination"].tolist() == ["o1", "o2", "o0", "o3"]
    assert table["rank"].tolist() == [1, 2, 3, 4]
    assert table["seeds"].tolist() == [8, 8, 2, 2]
    assert table["rounds"].tolist() == [2, 2, 1, 1]
    assert table["val_accuracy_mean"].tolist() == pytest.approx([0.95, 0.9, 0.97, 0.5])


def test_a_dropped_combination_is_worse_only_where_its_own_seeds_show_it_and_never_tied():
    table = build_leaderboard(a_race((0.945, 2), (0.95, 8), (0.945, 8), (0.5, 2)), EVALUATION)
    assert table["combination"].tolist() == ["o1", "o2", "o0", "o3"]
    assert table["tied_with_best"].tolist() == [True, True, False, False]
    assert table["shown_worse"].tolist() == [False, False, False, True]


def test_one_seed_says_nothing_about_a_combination_that_was_dropped_after_it():
    sweep = a_race((0.95, 8), (0.94, 8), (0.5, 1))
    table = build_leaderboard(sweep, EVALUATION)
    assert not table["shown_worse"].any()
    assert table["difference_ci_low"].isna().tolist() == [False, False, True]
    alone = compare_with_best(sweep.scores[:2], 0, 1, 0.95)  # the only look that claims anything
    assert table["difference_ci_low"].tolist()[:2] == alone.low.tolist()
    record = describe_comparison(sweep, table, EVALUATION)
    assert (record.dropped, record.first_worse) == (("o2",), None)


def test_the_difference_of_a_dropped_combination_is_over_the_seeds_that_both_have():
    sweep = a_race((0.95, 8), (0.9, 2), (0.94, 8))
    sweep.scores[0, 2:] = 1.0
    table = build_leaderboard(sweep, EVALUATION).set_index("combination")
    assert table.loc["o0", "val_accuracy_mean"] == pytest.approx((2 * 0.95 + 6) / 8)
    assert table.loc["o1", "difference_to_best"] == pytest.approx(-0.05)


def test_every_look_has_its_part_of_the_error():
    sweep = a_race((0.95, 8), (0.94, 8), (0.93, 2), (0.92, 2))
    looks = sweep.looks(np.arange(4))
    found = looks.compare_with_best(1, 0.95)
    for members, seeds in ((4, 2), (2, 8)):
        alone = compare_with_best(sweep.scores[:members, :seeds], 0, 1, 0.975)
        mine = slice(2, 4) if members == 4 else slice(0, 2)
        assert found.low[mine].tolist() == alone.low[mine].tolist()
        assert found.high[mine].tolist() == alone.high[mine].tolist()


def test_one_look_is_the_comparison_of_equal_seeds():
    sweep = a_race((0.95, 5), (0.94, 5), (0.5, 5))
    found = sweep.looks(np.arange(3)).compare_with_best(1, 0.95)
    alone = compare_with_best(sweep.scores, 0, 1, 0.95)
    assert found.low.tolist() == alone.low.tolist()
    assert found.tied.tolist() == alone.tied.tolist() == [True, True, False]


def test_looks_need_those_with_most_seeds_first():
    with pytest.raises(ValueError, match="more seeds must come first"):
        Looks(np.zeros((2, 3, 4)), np.array([2, 3]))


def test_baselines_stand_among_those_that_stayed_by_their_score():
    sweep = a_race((0.97, 2), (0.95, 8), (0.9, 8))
    board = build_leaderboard(sweep, EVALUATION).assign(batch_size=32)
    rows = pd.DataFrame(
        {
            "kind": "baseline",
            "combination": ["good", "fair", "poor"],
            "val_accuracy_mean": [0.96, 0.93, 0.2],
        }
    )
    table = add_baselines(board, rows, sweep)
    assert table["combination"].tolist() == ["good", "o1", "fair", "o2", "o0", "poor"]
    assert table["rank"].tolist() == [1, 2, 3, 4, 5, 6]


def test_the_record_counts_the_dropped_apart_and_says_what_the_claims_rest_on():
    sweep = a_race((0.945, 2), (0.95, 8), (0.945, 8), (0.5, 2))
    record = describe_comparison(sweep, build_leaderboard(sweep, EVALUATION), EVALUATION)
    assert record.dropped == ("o0",)
    assert record.tied_with_best == ("o2",)
    assert (record.first_worse, record.looks) == ("o3", 2)
    said = " ".join(record.sentences)
    assert "1 of the 3 others is shown to be worse than o1" in said
    assert "4 combinations with 2 seeds or more, the 2 that stayed to the end with 8 seeds" in said
    assert "1 was dropped to save time and is undecided" in said
