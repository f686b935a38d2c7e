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


# The intervals come from draws of the errors, which makes them uncertain by about this.
DRAWN = 0.05


def test_two_combinations_of_one_seed_are_compared_by_a_paired_t_test_of_the_rows():
    scores = scores_of(0.6, 0.58, seeds=1, noise=0.2)
    found = compare_with_best(scores, 0, 1, 0.95)
    t = stats.ttest_rel(scores[1, 0], scores[0, 0]).confidence_interval(0.95)
    assert (found.low[1], found.high[1]) == pytest.approx((t.low, t.high), rel=DRAWN)


def test_two_combinations_whose_seeds_differ_are_compared_by_a_paired_t_test_of_the_seeds():
    by_seed = 0.5 + 0.05 * np.random.default_rng(0).normal(size=(2, 5))
    found = compare_with_best(np.repeat(by_seed[:, :, None], 30, axis=2), 0, 1, 0.95)
    t = stats.ttest_rel(by_seed[1], by_seed[0]).confidence_interval(0.95)
    half, expected = (found.high[1] - found.low[1]) / 2, (t.high - t.low) / 2
    assert half == pytest.approx(expected, rel=0.1)


def test_intervals_hold_for_every_pair_at_once():
    one = compare_with_best(scores_of(0.6, 0.58, noise=0.2, seeds=20), 0, 1, 0.95)
    many = compare_with_best(scores_of(0.6, *[0.58] * 29, noise=0.2, seeds=20), 0, 1, 0.95)
    wider = (many.high[1:] - many.low[1:]).mean() / (one.high[1] - one.low[1])
    range_of_30, range_of_2 = (stats.studentized_range.ppf(0.95, k, 1e6) for k in (30, 2))
    assert wider == pytest.approx(range_of_30 / range_of_2, rel=0.15)


def test_differences_stay_within_what_a_share_can_take():
    by_seed = np.array([[0.96] * 5, [0.1, 0.9, 0.1, 0.1, 0.65]])
    found = compare_with_best(np.repeat(by_seed[:, :, None], 30, axis=2), 0, 1, 0.95)
    assert found.low[1] >= -1
    assert found.high[1] <= 0.04 + 1e-12


def test_what_is_shown_to_be_worse_has_an_interval_on_that_side():
    rng = np.random.default_rng(0)
    scores = (rng.random((30, 5, 300)) < np.linspace(0.95, 0.8, 30)[:, None, None]).astype(float)
    best = int(scores.mean(axis=(1, 2)).argmax())
    found = compare_with_best(scores, best, 1, 0.95)
    assert not found.tied.all()
    assert (found.high[~found.tied] <= 0).all()
    assert (found.high[found.tied] >= 0).all()


def test_seeds_that_agree_by_chance_are_not_credited_with_no_variance():
    by_seed = np.random.default_rng(0).normal(0, 0.02, size=(9, 5))
    by_seed[4] = by_seed[0] - 0.01  # as if every seed gave the very same difference
    rows = np.random.default_rng(1).normal(0, 0.001, size=(9, 1, 50))
    found = compare_with_best(by_seed[:, :, None] + rows, 0, 1, 0.95)
    assert found.tied[4]


def test_one_combination_is_tied_with_itself():
    found = compare_with_best(scores_of(0.9), 0, 1, 0.95)
    assert found.tied.tolist() == [True]


@pytest.mark.parametrize("seed", [1, 3])
def test_combinations_that_are_right_on_the_same_rows_do_not_widen_the_others(seed):
    rng = np.random.default_rng(seed)
    alike = (rng.random(455) < 0.98) ^ (rng.random((30, 1, 455)) < 0.004)
    scores = np.concatenate([alike, alike[:4], rng.random((1, 1, 455)) < 0.6]).astype(float)
    own_fold = np.arange(455) % 5 == np.arange(5)[:, None]
    scores = np.where(own_fold, scores, np.nan)
    best = int(np.nanmean(scores, axis=(1, 2)).argmax())
    found = compare_with_best(scores, best, 1, 0.95)
    assert found.tied.tolist() == [True] * 34 + [False]
    assert found.high[-1] < -0.2
