import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison.leaderboard import build_leaderboard
from dnn_sweep.core.comparison.record import Comparison, Margin
from dnn_sweep.core.comparison.scores import ScoredSweep
from dnn_sweep.core.comparison.summary import describe_comparison
from dnn_sweep.core.objectives import ACCURACY
from dnn_sweep.parameters import EvaluationParameters

TRAINING = {
    "diverged": False, "seconds": 1.0, "val_loss": 1.0, "best_epoch": 1, "epochs": 1, "engine": "x",
}  # fmt: skip


def compare(*accuracies, seeds=5, rows=360, **given):
    """The record of combinations with given accuracies, each wrong on rows of its own."""
    rng = np.random.default_rng(0)
    scores = rng.random((len(accuracies), seeds, rows)) < np.array(accuracies)[:, None, None]
    return describe(scores, **given)


def describe(hits, diverged=(), **given):
    """The record of combinations that are right on given rows; some of them diverged once."""
    evaluation = EvaluationParameters(resamples=200, **given)
    scores = np.array(hits)
    seeds = scores.shape[1]
    names = [f"relu + o{number}" for number in range(len(scores))]
    sweep = ScoredSweep(
        scores=scores.astype(float),
        seeds=list(range(seeds)),
        objective=ACCURACY,
        no_skill=0.1,
        combinations=pd.DataFrame({"combination": names}),
        trials=pd.DataFrame({"combination": np.repeat(names, seeds), **TRAINING}).assign(
            diverged=lambda trials: (
                trials["combination"].isin(diverged) & ~trials["combination"].duplicated()
            )
        ),
    )
    return describe_comparison(sweep, build_leaderboard(sweep, evaluation), evaluation)


def test_the_record_says_what_was_compared_on_how_much_evidence():
    record = compare(0.95, 0.94, 0.5)

    assert record.combinations == 3
    assert record.comparisons == 3
    assert (record.seeds, record.rows) == ((0, 1, 2, 3, 4), 360)
    assert record.best == "relu + o0"
    assert record.tied_with_best == ("relu + o1",)
    assert record.first_worse == "relu + o2"
    assert record.margin == Margin(given=0.0, value=0.0)
    assert Comparison.model_validate_json(record.model_dump_json()) == record


def test_no_claim_is_made_that_the_seeds_cannot_support():
    record = compare(0.95, 0.94, 0.5)
    assert (record.smallest_p, record.smallest_p_holm) == (0.0625, 3 * 0.0625)
    assert (record.seeds_needed, record.seeds_suffice) == (7, False)
    assert (
        "An exact test over 5 seeds makes no claim here: its p-value cannot go below 0.0625 "
        "(0.19 after Holm's correction for 3 pairs); 7 seeds would do."
    ) in record.sentences

    enough = compare(0.95, 0.94, 0.5, seeds=7)
    assert enough.seeds_suffice
    assert any("over 7 seeds can tell combinations apart" in each for each in enough.sentences)


@pytest.mark.parametrize(
    ("accuracies", "given", "sentence"),
    [
        (
            (0.95, 0.94, 0.5),
            {},
            "1 of the 2 others cannot be told apart from relu + o0; 1 is shown to be worse "
            "(95 % for all 3 pairs together).",
        ),
        (
            (0.95, 0.5, 0.5),
            {"equivalence_margin": 0.01},
            "relu + o0 is shown to be better by more than 0.0100 in val_accuracy than each of the "
            "2 others (95 % for all 3 pairs together).",
        ),
        (
            (0.95, 0.95, 0.95),
            {"confidence": 0.9},
            "None of the others is shown to be worse than relu + o0 "
            "(90 % for all 3 pairs together).",
        ),
        ((0.95, 0.5), {}, "relu + o0 is shown to be better than the other one (95 %)."),
        ((0.95, 0.95), {}, "The other one is not shown to be worse than relu + o0 (95 %)."),
    ],
)
def test_the_tied_set_is_put_into_words(accuracies, given, sentence):
    record = compare(*accuracies, **given)
    assert record.sentences[0].replace(record.best, "relu + o0") == sentence


@pytest.mark.parametrize(
    ("accuracies", "said"),
    [
        ((0.95, 0.5, 0.5), "relu + o0's network is shown to be better than each of the 2 others"),
        ((0.95, 0.95, 0.5), "relu + o0's network is shown to be better than 1 of the 2 others"),
        ((0.95, 0.5), "relu + o0's network is shown to be better than the other one"),
        ((0.95, 0.95), "the other network is not shown to be worse than relu + o0's"),
        ((0.95, 0.95, 0.95), "none of the other networks is shown to be worse than relu + o0's"),
    ],
)
def test_one_seed_says_nothing_about_seeds(accuracies, said):
    record = compare(*accuracies, seeds=1, rows=60)
    answer = record.sentences[0].replace(record.best, "relu + o0")
    assert answer.startswith(f"On these rows {said} (95 %")
    assert "about these trained networks alone" in answer
    needed = f"takes several of them: {record.seeds_needed} would do."
    assert any(needed in sentence for sentence in record.sentences)
    assert "trained networks" not in " ".join(compare(*accuracies).sentences)


def test_what_is_undecided_because_its_seeds_differ_wildly_is_named():
    rng = np.random.default_rng(0)
    steady = rng.random((4, 5, 360)) < 0.95
    wild = rng.random((5, 360)) < np.array([0.1, 0.95, 0.95, 0.9, 0.3])[:, None]

    said = [each for each in describe([*steady, wild]).sentences if each.startswith("Undecided")]

    assert len(said) == 1
    record = describe([*steady, wild])
    assert record.undecided == ("relu + o4",)
    assert "relu + o4" not in record.tied
    assert said[0].startswith(
        "Undecided: too few seeds to tell whether relu + o4 is worse. The scores differ so much"
    )
    assert not any(each.startswith("Undecided") for each in describe(steady).sentences)


def test_one_combination_is_compared_with_no_other():
    record = compare(0.95)
    assert (record.comparisons, record.tied_with_best, record.first_worse) == (0, (), None)
    assert record.sentences == (
        "relu + o0 was compared with no other combination.",
        "1 combination with 5 seeds each, all scored on the same 360 validation rows.",
        "The champion is the best by val_accuracy.",
    )


def test_the_rule_that_chooses_the_champion_is_named():
    record = compare(0.95, 0.95, champion="cheapest_tied")
    assert record.champion_rule == "cheapest_tied"
    assert "trains fastest among the best and those tied" in record.sentences[-1]


def test_what_diverged_is_named_and_neither_tied_nor_shown_to_be_worse():
    rng = np.random.default_rng(0)
    record = describe(rng.random((3, 5, 360)) < 0.95, diverged=["relu + o1"])
    assert record.diverged == ("relu + o1",)
    assert "relu + o1" not in record.tied_with_best
    assert "shown to be worse" in record.sentences[0]
    assert any(each.startswith("relu + o1 diverged with at least") for each in record.sentences)
