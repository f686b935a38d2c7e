import numpy as np
import pytest

from dnn_sweep.core.statistics import bootstrap_means, bootstrap_metric, interval
from dnn_sweep.parameters import EvaluationParameters

EVALUATION = EvaluationParameters(resamples=2000)


def test_resampled_means_spread_as_the_standard_error_of_the_rows():
    scores = np.random.default_rng(0).normal(size=(1, 1, 400))
    means = bootstrap_means(scores, EVALUATION)
    assert means.std() == pytest.approx(scores.std() / 20, rel=0.1)
    assert means.mean() == pytest.approx(scores.mean(), abs=0.01)


def test_seeds_are_resampled_too():
    # Rows agree within a seed, so all the spread is between seeds.
    scores = np.repeat([[[0.0], [1.0], [2.0], [3.0]]], 50, axis=2)
    means = bootstrap_means(scores, EVALUATION)
    assert means.std() == pytest.approx(np.arange(4).std() / 2, rel=0.1)


def test_combinations_are_resampled_as_pairs():
    first = np.random.default_rng(0).normal(size=(1, 3, 100))
    means = bootstrap_means(np.concatenate([first, first + 0.5]), EVALUATION)
    np.testing.assert_allclose(means[:, 1] - means[:, 0], 0.5)


def test_same_seed_same_interval():
    scores = np.random.default_rng(0).normal(size=(2, 2, 30))
    first, again = (interval(bootstrap_means(scores, EVALUATION), 0.95) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_interval_takes_the_level():
    low, high = interval(np.arange(1001.0), 0.9)
    assert (low, high) == pytest.approx((50, 950))


def test_metric_interval_covers_the_value_and_widens_with_confidence():
    scores = np.random.default_rng(0).integers(2, size=200).astype(float)

    def accuracy(rows):
        return scores[rows].mean(axis=-1)

    narrow = bootstrap_metric(accuracy, 200, EvaluationParameters(confidence=0.8))
    wide = bootstrap_metric(accuracy, 200, EvaluationParameters(confidence=0.99))
    assert wide["ci_low"] < narrow["ci_low"] < scores.mean() < narrow["ci_high"] < wide["ci_high"]
    assert narrow["value"] == scores.mean()


def test_a_metric_without_spread_has_an_interval_of_no_width():
    result = bootstrap_metric(lambda rows: np.ones(rows.shape[:-1]), 20, EVALUATION)
    assert result == {"value": 1.0, "ci_low": 1.0, "ci_high": 1.0}
