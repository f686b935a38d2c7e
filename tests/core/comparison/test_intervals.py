import numpy as np
import pytest
from scipy import stats

from dnn_sweep.core.comparison.intervals import (
    MetricEstimate,
    bootstrap_means,
    bootstrap_metric,
    degrees_of_freedom,
    mean_interval,
    mean_variances,
    rank_intervals,
)
from dnn_sweep.parameters import EvaluationParameters

EVALUATION = EvaluationParameters(resamples=2000)


def test_resampled_means_spread_as_the_standard_error_of_the_rows():
    scores = np.random.default_rng(0).normal(size=(1, 1, 400))
    means = bootstrap_means(scores, EVALUATION)
    assert means.std() == pytest.approx(scores.std() / 20, rel=0.1)
    assert means.mean() == pytest.approx(scores.mean(), abs=0.01)


def test_seeds_are_resampled_too_and_scatter_as_fresh_ones_would():
    # Rows agree within a seed, so all the spread is between seeds.
    scores = np.repeat([[[0.0], [1.0], [2.0], [3.0]]], 50, axis=2)
    means = bootstrap_means(scores, EVALUATION)
    assert means.std() == pytest.approx(np.arange(4).std(ddof=1) / 2, rel=0.1)


def test_resampled_means_scatter_as_much_as_seeds_and_rows_cause_together():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2, 5, 1)) + rng.normal(size=(2, 1, 100)) * 3
    of_seeds, of_rows = mean_variances(scores)
    means = bootstrap_means(scores, EVALUATION)
    assert means.var(axis=0) == pytest.approx(of_seeds + of_rows, rel=0.15)


def test_a_means_variance_is_split_into_the_seeds_and_the_rows_part():
    by_seed = np.repeat([[0.1], [0.3], [0.5]], 10, axis=1)
    by_row = np.repeat([np.arange(10.0)], 3, axis=0)
    of_seeds, of_rows = mean_variances(np.array([by_seed, by_row]))
    assert of_seeds == pytest.approx([0.04 / 3, 0])
    assert of_rows == pytest.approx([0, np.arange(10).var(ddof=1) / 10])


@pytest.mark.parametrize(
    ("of_seeds", "of_rows", "degrees"), [(1.0, 0.0, 4), (0.0, 1.0, 99), (1.0, 1.0, 15.38)]
)
def test_variance_over_few_seeds_has_few_degrees_of_freedom(of_seeds, of_rows, degrees):
    parts = np.array([of_seeds]), np.array([of_rows])
    assert degrees_of_freedom(sum(parts), *parts, 5, 100) == pytest.approx([degrees], abs=0.01)


def test_an_interval_over_seeds_is_students():
    # All the spread is between seeds, far from 0, where the logarithm is about straight.
    seeds = np.array([99.0, 100.0, 100.5, 101.0, 101.5])
    scores = np.repeat(seeds[None, :, None], 20, axis=2)
    found = mean_interval(scores, bootstrap_means(scores, EVALUATION), 0.95, share=False)
    t = stats.ttest_1samp(seeds, 0).confidence_interval(0.95)
    assert np.ravel(found) == pytest.approx([t.low, t.high], abs=0.1)


def test_an_interval_of_one_seed_is_of_the_rows():
    scores = np.random.default_rng(0).normal(100, 5, size=(1, 1, 200))
    found = mean_interval(scores, bootstrap_means(scores, EVALUATION), 0.95, share=False)
    t = stats.ttest_1samp(scores.ravel(), 0).confidence_interval(0.95)
    assert np.ravel(found) == pytest.approx([t.low, t.high], abs=0.1)


@pytest.mark.parametrize("right", [60, 59, 1, 0])
def test_the_interval_of_a_share_holds_its_mean_and_stays_a_share(right):
    scores = np.tile(np.arange(60) < right, (1, 3, 1)).astype(float)
    low, high = mean_interval(scores, bootstrap_means(scores, EVALUATION), 0.95, share=True)
    assert 0 <= low[0] <= scores.mean() <= high[0] <= 1
    assert low[0] < high[0]


def test_the_interval_of_all_right_is_clopper_and_pearsons_over_the_rows():
    scores = np.ones((1, 3, 60))
    found = mean_interval(scores, bootstrap_means(scores, EVALUATION), 0.95, share=True)
    exact = stats.binomtest(60, 60).proportion_ci(0.95)
    assert np.ravel(found) == pytest.approx([exact.low, exact.high])


def test_combinations_are_resampled_as_pairs():
    first = np.random.default_rng(0).normal(size=(1, 3, 100))
    means = bootstrap_means(np.concatenate([first, first + 0.5]), EVALUATION)
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.5)


def test_metric_interval_covers_the_value_and_widens_with_confidence():
    scores = np.random.default_rng(0).integers(2, size=200).astype(float)

    def accuracy(rows):
        return scores[rows].mean(axis=-1)

    narrow = bootstrap_metric(accuracy, 200, EvaluationParameters(confidence=0.8))
    wide = bootstrap_metric(accuracy, 200, EvaluationParameters(confidence=0.99))
    assert wide.ci_low < narrow.ci_low < scores.mean() < narrow.ci_high < wide.ci_high
    assert narrow.value == scores.mean()


def test_a_metric_without_spread_has_an_interval_of_no_width():
    result = bootstrap_metric(lambda rows: np.ones(rows.shape[:-1]), 20, EVALUATION)
    assert result == MetricEstimate(value=1.0, ci_low=1.0, ci_high=1.0)


def test_ranks_are_counted_over_the_resamples():
    resampled = np.array([[0.9, 0.8, 0.1]] * 3 + [[0.8, 0.9, 0.1]])
    share_first, low, high = rank_intervals(resampled, 1, 0.95)
    assert share_first.tolist() == [0.75, 0.25, 0]
    assert (low.tolist(), high.tolist()) == ([1, 1, 3], [2, 2, 3])
    assert rank_intervals(-resampled, -1, 0.95)[0].tolist() == [0.75, 0.25, 0]


def test_the_interval_of_ranks_leaves_out_what_is_rare():
    _, low, high = rank_intervals(np.array([[0.9, 0.8]] * 99 + [[0.8, 0.9]]), 1, 0.95)
    assert (low.tolist(), high.tolist()) == ([1, 2], [1, 2])


def test_equals_keep_the_order_of_the_leaderboard_and_one_is_always_first():
    _, low, high = rank_intervals(np.tile(np.arange(40) % 2, (10, 1)), 1, 0.95)
    expected = [20 + place // 2 + 1 if place % 2 == 0 else place // 2 + 1 for place in range(40)]
    assert low.tolist() == high.tolist() == expected
    drawn = np.random.default_rng(0).integers(3, size=(200, 6)) / 3
    assert rank_intervals(drawn, 1, 0.9)[0].sum() == pytest.approx(1)
