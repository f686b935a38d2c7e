import numpy as np
import pytest
from scipy import stats

from dnn_sweep.core.comparison.tied_set import compare_with_best


def scores_of(*means, seeds=5, rows=200, noise=0.05, seed=0):
    """Scores around given means; the luck of seeds and rows is shared."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(0, 0.3, size=(1, seeds, 1)) + rng.normal(0, 0.3, size=(1, 1, rows))
    own = rng.normal(0, noise, size=(len(means), seeds, rows))
    return np.array(means)[:, None, None] + shared + own


def test_a_difference_is_paired_so_that_shared_luck_drops_out():
    found = compare_with_best(scores_of(0.9, 0.85, 0.8999), 0, 1, 0.95)
    assert found.difference == pytest.approx([0, -0.05, 0], abs=0.01)
    assert found.tied.tolist() == [True, False, True]
    assert (found.low <= found.difference).all()
    assert (found.difference <= found.high).all()
    assert (found.low[0], found.high[0]) == (0, 0)


def test_less_is_better_where_the_sign_says_so():
    found = compare_with_best(scores_of(10.0, 10.05, 10.0001), 0, -1, 0.95)
    assert found.difference[1] == pytest.approx(0.05, abs=0.01)
    assert found.tied.tolist() == [True, False, True]


@pytest.mark.parametrize(("margin", "tied"), [(0.0, False), (0.03, False), (0.06, True)])
def test_what_may_be_within_the_margin_is_tied(margin, tied):
    assert compare_with_best(scores_of(0.9, 0.85), 0, 1, 0.95, margin).tied[1] == tied


def test_two_combinations_of_one_seed_are_compared_by_a_paired_t_test_of_the_rows():
    scores = scores_of(0.9, 0.88, seeds=1, noise=0.2)
    found = compare_with_best(scores, 0, 1, 0.95)
    t = stats.ttest_rel(scores[1, 0], scores[0, 0]).confidence_interval(0.95)
    assert (found.low[1], found.high[1]) == pytest.approx((t.low, t.high))


def test_two_combinations_whose_seeds_differ_are_compared_by_a_paired_t_test_of_the_seeds():
    by_seed = np.random.default_rng(0).normal(size=(2, 5))
    found = compare_with_best(np.repeat(by_seed[:, :, None], 30, axis=2), 0, 1, 0.95)
    t = stats.ttest_rel(by_seed[1], by_seed[0]).confidence_interval(0.95)
    assert (found.low[1], found.high[1]) == pytest.approx((t.low, t.high))


def test_intervals_hold_for_every_pair_at_once():
    # Of three pairs each has a third of the 5 %; the third combination repeats the second.
    scores = scores_of(0.9, 0.88, noise=0.2, seeds=1)
    found = compare_with_best(scores[[0, 1, 1]], 0, 1, 0.95)
    t = stats.ttest_rel(scores[1, 0], scores[0, 0]).confidence_interval(1 - 0.05 / 3)
    assert (found.low[1], found.high[1]) == pytest.approx((t.low, t.high))


def test_seeds_that_agree_by_chance_are_not_credited_with_no_variance():
    by_seed = np.random.default_rng(0).normal(0, 0.02, size=(9, 5))
    by_seed[4] = by_seed[0] - 0.01  # as if every seed gave the very same difference
    rows = np.random.default_rng(1).normal(0, 0.001, size=(9, 1, 50))
    found = compare_with_best(by_seed[:, :, None] + rows, 0, 1, 0.95)
    assert found.tied[4]


def test_one_combination_is_tied_with_itself():
    found = compare_with_best(scores_of(0.9), 0, 1, 0.95)
    assert found.tied.tolist() == [True]
