"""Estimates of what would decide come true when so many seeds or rows are drawn."""

import numpy as np
import pandas as pd
import pytest

from dnn_sweep.core.comparison.record import Separation
from dnn_sweep.core.comparison.separation import (
    describe_separation,
    estimate_separations,
    seeds_to_try,
)
from dnn_sweep.core.comparison.tied_set import compare_with_best


def errors_of(means, seeds=5, rows=300, own_seed=0.0, own_row=0.0, noise=0.3):
    """Errors whose seeds, rows and noise differ as much as given; more seeds extend fewer."""
    shape = len(means)
    of_rows = np.random.default_rng(1).normal(scale=own_row, size=(shape, 1, rows))
    of_rows -= of_rows.mean(axis=2, keepdims=True)  # the rows as such favour nobody
    drawn = [np.random.default_rng([2, seed]) for seed in range(seeds)]
    of_seeds = np.stack([rng.normal(scale=own_seed, size=(shape, 1)) for rng in drawn], axis=1)
    left = np.stack([rng.normal(scale=noise, size=(shape, rows)) for rng in drawn], axis=1)
    return np.reshape(means, (-1, 1, 1)) + of_rows + of_seeds + left


def board_of(scores, margin=0.0):
    found = compare_with_best(scores, 0, -1, 0.95, margin)
    return pd.DataFrame(
        {
            "combination": [f"c{place}" for place in range(len(scores))],
            "tied_with_best": found.tied,
            "difference_to_best": found.difference,
            "difference_ci_low": found.low,
            "difference_ci_high": found.high,
            "seconds": 2.0,
        }
    )


def estimate(scores, margin=0.0):
    return estimate_separations(scores, board_of(scores, margin), margin)


def test_as_many_seeds_as_estimated_do_tell_apart():
    design = {"own_seed": 0.06, "own_row": 0.1}
    (found,) = estimate(errors_of((1.0, 1.1), **design))

    assert 5 < found.seeds < 60
    assert found.seconds == (found.seeds - 5) * 2 * 2.0  # both combinations
    assert found.rows is None
    assert board_of(errors_of((1.0, 1.1), seeds=3, **design))["tied_with_best"].all()
    enough = board_of(errors_of((1.0, 1.1), seeds=2 * found.seeds, **design))
    assert enough["tied_with_best"].tolist() == [True, False]


def test_where_the_rows_are_the_limit_no_number_of_seeds_is_enough_but_rows_are():
    design = {"own_seed": 0.02, "own_row": 1.0}
    (found,) = estimate(errors_of((1.0, 1.1), **design))

    assert found.seeds is None
    assert found.rows_alone > abs(found.difference)
    assert board_of(errors_of((1.0, 1.1), seeds=200, **design))["tied_with_best"].all()
    more = {"rows": 2 * found.rows, "seeds": found.rows_seeds}
    assert board_of(errors_of((1.0, 1.1), **more, **design))["tied_with_best"].tolist() == [
        True,
        False,
    ]


def test_a_larger_difference_takes_fewer_seeds():
    design = {"own_seed": 0.06, "own_row": 0.1}
    small, large = (estimate(errors_of((1.0, other), **design))[0] for other in (1.08, 1.12))
    assert large.seeds < small.seeds


def test_a_difference_within_the_margin_is_never_told_apart():
    (found,) = estimate(errors_of((1.0, 1.05), own_seed=0.06), margin=0.5)
    assert (found.seeds, found.rows) == (None, None)
    assert "Take either" in describe_separation("c0", [found], 5, 300, 2, 2)


def test_the_first_three_tied_are_estimated_and_what_is_worse_is_not():
    scores = errors_of((1.0, 1.01, 1.02, 1.03, 1.04, 9.0), own_seed=0.06)
    scores += np.reshape(np.arange(6) / 1000, (-1, 1, 1))
    board = board_of(scores)
    assert board["tied_with_best"].tolist() == [True] * 5 + [False]
    found = estimate_separations(scores, board)
    assert [each.combination for each in found] == ["c1", "c2", "c3"]


def test_one_seed_shows_nothing_about_seeds():
    scores = errors_of((1.0, 1.001), seeds=1, own_row=0.1)
    assert estimate(scores) == ()
    assert seeds_to_try((), 1, 2) == 5
    assert "5 seeds give an estimate" in describe_separation("a", (), 1, 300, 2, 2)


def test_a_best_combination_without_a_tie_needs_no_more_seeds():
    assert estimate(errors_of((1.0, 9.0))) == ()
    for seeds in (1, 5):
        assert seeds_to_try((), seeds, 1) is None
        assert describe_separation("a", (), seeds, 300, 2, 1) is None


@pytest.mark.parametrize(
    ("alone", "words"),
    [
        (0.02, "no number of seeds can tell a from b on these 300 validation rows: "),
        (0.0005, "even 1,000 seeds would hardly tell a from b on these 300 validation rows. "),
    ],
)
def test_more_data_is_asked_for_where_seeds_do_not_help(alone, words):
    found = Separation(
        combination="b", difference=-0.001, least_told=0.03, rows_alone=alone, rows=12_345,
        rows_seeds=5,
    )  # fmt: skip
    said = describe_separation("a", [found], 5, 300, 2, 2)
    assert said.startswith(f"If their difference stays 0.0010, {words}")
    assert said.endswith("About 13,000 validation rows would: more data, or cross-validation.")


def test_two_that_hardly_differ_are_said_to_be_equal_for_all_that_it_is_worth():
    scores = errors_of((1.0, 1.0), own_seed=0.06)
    scores -= scores.mean(axis=(1, 2), keepdims=True) - [[[1.0]], [[1.0001]]]
    (found,) = estimate(scores)
    assert (found.seeds, found.rows) == (None, None)
    said = describe_separation("c0", [found], 5, 300, 2, 2)
    assert said.startswith("More seeds or rows are hardly worth their cost here: c0 and c1 ")
    assert said.endswith(" Take either.")
