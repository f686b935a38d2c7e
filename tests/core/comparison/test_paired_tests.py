import numpy as np
import pytest
from scipy import stats

from dnn_sweep.core.comparison.paired_tests import (
    compare_with_best,
    holm_p_values,
    pairs_among,
    seeds_needed,
    sign_flip_p_values,
    smallest_p,
)


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


def test_seeds_that_agree_by_luck_are_not_taken_at_their_word():
    by_seed = np.random.default_rng(0).normal(0, 0.02, size=(9, 5))
    by_seed[4] = by_seed[0] - 0.01  # as if every seed gave the very same difference
    rows = np.random.default_rng(1).normal(0, 0.001, size=(9, 1, 50))
    found = compare_with_best(by_seed[:, :, None] + rows, 0, 1, 0.95)
    assert found.tied[4]


def test_one_combination_has_nobody_to_be_compared_with():
    found = compare_with_best(scores_of(0.9), 0, 1, 0.95)
    assert found.tied.tolist() == [True]
    assert np.isnan(holm_p_values(np.array([[0.9, 0.8]]), 0, 0)).tolist() == [True]


@pytest.mark.parametrize("seeds", [2, 5, 9])
def test_the_sign_flip_test_is_scipys(seeds):
    differences = np.random.default_rng(seeds).normal(0.5, 1, size=(6, seeds))
    differences[0] = 0
    differences[1] = 0.1  # as extreme as can be
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", axis=1, n_resamples=np.inf,
        vectorized=True,
    ).pvalue  # fmt: skip
    found = sign_flip_p_values(differences)
    assert found == pytest.approx(expected)
    assert found[0] == 1
    assert found[1] == smallest_p(seeds)


def test_many_seeds_are_flipped_at_random_the_same_way_each_time():
    differences = np.random.default_rng(0).normal(0.4, 1, size=(3, 20))
    found = sign_flip_p_values(differences, seed=1)
    assert found == pytest.approx(stats.ttest_1samp(differences, 0, axis=1).pvalue, abs=0.01)
    assert found.tolist() == sign_flip_p_values(differences, seed=1).tolist()


def test_five_seeds_cannot_go_below_a_sixteenth():
    assert smallest_p(5) == 0.0625
    assert smallest_p(1) == 1
    clear = np.array([[0.9] * 5, [0.1] * 5])
    assert holm_p_values(clear, 0, 0)[1] == 0.0625


@pytest.mark.parametrize(("combinations", "seeds"), [(2, 6), (3, 7), (30, 15)])
def test_seeds_needed_is_the_least_number_that_can_support_a_claim(combinations, seeds):
    assert seeds_needed(combinations, 0.05) == seeds
    assert smallest_p(seeds) * pairs_among(combinations) <= 0.05
    assert smallest_p(seeds - 1) * pairs_among(combinations) > 0.05


def test_holms_correction_counts_every_pair():
    # Ten seeds: 2/1024 for each of three clear pairs, times three, times two, times one.
    rng = np.random.default_rng(0)
    clear = np.array([[0.9], [0.5], [0.1]]) + rng.normal(0, 0.01, size=(3, 10))
    found = holm_p_values(clear, 0, 0)
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([3 * 2 / 1024] * 2)


def test_holms_correction_is_milder_for_the_less_clear():
    rng = np.random.default_rng(1)
    near = rng.normal(0, 0.01, size=10)
    means = np.array([np.full(10, 0.9), 0.895 + near, 0.1 + near])
    alone = sign_flip_p_values((means[0] - means[1])[None])[0]
    assert alone > 0.02
    assert holm_p_values(means, 0, 0)[1:] == pytest.approx([alone, 3 * 2 / 1024])
