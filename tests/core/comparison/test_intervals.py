import numpy as np
import pytest
from scipy import stats

from dnn_sweep.core.comparison.intervals import (
    draw_means,
    mean_interval,
    rank_intervals,
    ratio_interval,
)
from dnn_sweep.parameters import EvaluationParameters

EVALUATION = EvaluationParameters(resamples=2000)


def test_drawn_means_of_shares_stay_shares():
    scores = (np.random.default_rng(0).random((2, 3, 40)) < 0.98).astype(float)
    means = draw_means(scores, EVALUATION, "share")
    assert means.shape == (2000, 2)
    assert means.min() >= 0
    assert means.max() == 1


def test_an_interval_over_seeds_is_about_students():
    # All the spread is between seeds, far from 0, where the logarithm is about straight.
    seeds = np.array([99.0, 100.0, 100.5, 101.0, 101.5])
    scores = np.repeat(seeds[None, :, None], 20, axis=2)
    low, high = mean_interval(scores, 0.95, "error")
    t = stats.ttest_1samp(seeds, 0).confidence_interval(0.95)
    # Slightly narrower: a very large variance over seeds is taken to be less usual.
    assert float((high - low)[0]) == pytest.approx(t.high - t.low, rel=0.15)


def test_an_interval_of_one_seed_is_of_the_rows():
    scores = np.random.default_rng(0).normal(100, 5, size=(1, 1, 200))
    found = mean_interval(scores, 0.95, "error")
    t = stats.ttest_1samp(scores.ravel(), 0).confidence_interval(0.95)
    assert np.ravel(found) == pytest.approx([t.low, t.high], abs=0.1)


@pytest.mark.parametrize("right", [60, 59, 1, 0])
def test_the_interval_of_a_share_holds_its_mean_and_stays_a_share(right):
    scores = np.tile(np.arange(60) < right, (1, 3, 1)).astype(float)
    low, high = mean_interval(scores, 0.95, "share")
    assert 0 <= low[0] <= scores.mean() <= high[0] <= 1
    assert low[0] < high[0]


def test_the_interval_of_all_right_is_clopper_and_pearsons_over_the_rows():
    scores = np.ones((1, 3, 60))
    found = mean_interval(scores, 0.95, "share")
    exact = stats.binomtest(60, 60).proportion_ci(0.95)
    assert np.ravel(found) == pytest.approx([exact.low, exact.high])


def test_the_interval_of_a_ratio_covers_it_and_widens_with_confidence():
    values = np.random.default_rng(0).exponential(size=200)
    narrow = ratio_interval(values, EvaluationParameters(confidence=0.8))
    wide = ratio_interval(values, EvaluationParameters(confidence=0.99))
    assert wide[0] < narrow[0] < values.mean() < narrow[1] < wide[1]


def test_values_in_proportion_to_what_they_are_divided_by_have_an_interval_of_no_width():
    values = np.random.default_rng(0).exponential(size=20)
    assert ratio_interval(2 * values, EVALUATION, over=values) == pytest.approx((2, 2))
    assert ratio_interval(np.zeros(20), EVALUATION) == (0, 0)


def test_values_with_a_long_tail_have_a_longer_upper_end():
    values = np.random.default_rng(0).lognormal(0, 1.5, size=100)
    low, high = ratio_interval(values, EVALUATION)
    assert high / values.mean() > values.mean() / low


def test_ranks_are_counted_over_the_resamples():
    resampled = np.array([[0.9, 0.8, 0.1]] * 3 + [[0.8, 0.9, 0.1]])
    share_first, low, high = rank_intervals(resampled, 1, 0.95)
    assert share_first.tolist() == [0.75, 0.25, 0]
    assert (low.tolist(), high.tolist()) == ([1, 1, 3], [2, 2, 3])
    assert rank_intervals(-resampled, -1, 0.95)[0].tolist() == [0.75, 0.25, 0]


def test_the_interval_of_ranks_leaves_out_what_is_rare():
    _, low, high = rank_intervals(np.array([[0.9, 0.8]] * 99 + [[0.8, 0.9]]), 1, 0.95)
    assert (low.tolist(), high.tolist()) == ([1, 2], [1, 2])


def test_equals_share_a_rank_and_the_first_place():
    share_first, low, high = rank_intervals(np.tile([0.9, 0.8, 0.9, 0.8], (10, 1)), 1, 0.95)
    assert share_first.tolist() == [0.5, 0, 0.5, 0]
    assert low.tolist() == high.tolist() == [1, 3, 1, 3]
    drawn = np.random.default_rng(0).integers(3, size=(200, 6)) / 3
    assert rank_intervals(drawn, 1, 0.9)[0].sum() == pytest.approx(1)
