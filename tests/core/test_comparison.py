import json

import numpy as np
import pytest

from dnn_sweep.core.comparison import describe_comparison
from dnn_sweep.core.leaderboard import ScoredSweep, rank_combinations
from dnn_sweep.core.objectives import ACCURACY
from dnn_sweep.parameters import EvaluationParameters


def compare(*accuracies, seeds=5, rows=360, **given):
    """The record of combinations with given accuracies, each wrong on rows of its own."""
    evaluation = EvaluationParameters(resamples=200, **given)
    rng = np.random.default_rng(0)
    names = [f"relu + o{number}" for number in range(len(accuracies))]
    scores = rng.random((len(names), seeds, rows)) < np.array(accuracies)[:, None, None]
    sweep = ScoredSweep(
        names=names,
        scores=scores.astype(float),
        seeds=list(range(seeds)),
        objective=ACCURACY,
        no_skill=0.1,
        described=[{"combination": name} for name in names],
        summarised=[{"val_loss_mean": 1.0}] * len(names),
        seconds=np.ones((len(names), seeds)),
        diverged=np.zeros((len(names), seeds), dtype=bool),
    )
    return describe_comparison(sweep, rank_combinations(sweep, evaluation), evaluation)


def test_the_record_says_what_was_compared_on_how_much_evidence():
    record = compare(0.95, 0.94, 0.5)

    assert record["combinations"] == 3
    assert record["comparisons"] == 3
    assert (record["seeds"], record["rows"]) == ([0, 1, 2, 3, 4], 360)
    assert record["best"] == "relu + o0"
    assert record["tied_with_best"] == ["relu + o1"]
    assert record["first_worse"] == "relu + o2"
    assert record["margin"] == {"given": 0.0, "value": 0.0}
    assert json.loads(json.dumps(record)) == record


def test_no_claim_is_made_that_the_seeds_cannot_support():
    record = compare(0.95, 0.94, 0.5)
    assert (record["smallest_p"], record["smallest_p_holm"]) == (0.0625, 3 * 0.0625)
    assert (record["seeds_needed"], record["seeds_suffice"]) == (7, False)
    assert (
        "An exact test over 5 seeds makes no claim here: its p-value cannot go below 0.0625 "
        "(0.19 after Holm's correction for 3 pairs); 7 seeds would do."
    ) in record["sentences"]

    enough = compare(0.95, 0.94, 0.5, seeds=7)
    assert enough["seeds_suffice"]
    assert any("over 7 seeds can tell combinations apart" in each for each in enough["sentences"])


@pytest.mark.parametrize(
    ("accuracies", "given", "sentence"),
    [
        (
            (0.95, 0.94, 0.5),
            {},
            "1 of the 2 others is shown to be worse than relu + o0 (95% for all 3 pairs together);"
            " 1 cannot be told apart from it.",
        ),
        (
            (0.95, 0.5, 0.5),
            {"equivalence_margin": 0.01},
            "2 of the 2 others are shown to be worse than relu + o0 by more than 0.0100 in "
            "val_accuracy (95% for all 3 pairs together); none cannot be told apart from it.",
        ),
        (
            (0.95, 0.95, 0.95),
            {"confidence": 0.9},
            "None of the others is shown to be worse than relu + o0 "
            "(90% for all 3 pairs together).",
        ),
        ((0.95, 0.95), {}, "The other one is not shown to be worse than relu + o0 (95%)."),
    ],
)
def test_the_tied_set_is_put_into_words(accuracies, given, sentence):
    record = compare(*accuracies, **given)
    assert record["sentences"][1].replace(record["best"], "relu + o0") == sentence


def test_one_seed_says_nothing_about_seeds():
    record = compare(0.95, 0.5, seeds=1)
    assert any("rows alone" in sentence for sentence in record["sentences"])
    assert not any("rows alone" in sentence for sentence in compare(0.9, 0.5)["sentences"])


def test_one_combination_is_compared_with_nobody():
    record = compare(0.95)
    assert (record["comparisons"], record["tied_with_best"], record["first_worse"]) == (0, [], None)
    assert record["sentences"] == [
        "1 combination with 5 seeds each, all scored on the same 360 validation rows.",
        "The champion is the best by val_accuracy.",
    ]


def test_the_rule_that_chooses_the_champion_is_told():
    record = compare(0.95, 0.95, champion="cheapest_tied")
    assert record["champion_rule"] == "cheapest_tied"
    assert "trains fastest among the best and those tied" in record["sentences"][-1]
