import numpy as np
import pytest

from dnn_sweep.core.comparison.rank_stability import rank_stability


def test_ranks_are_counted_over_the_resamples():
    resampled = np.array([[0.9, 0.8, 0.1]] * 3 + [[0.8, 0.9, 0.1]])
    found = rank_stability(resampled, 1, 0.95)
    assert found.share_first.tolist() == [0.75, 0.25, 0]
    assert found.low.tolist() == [1, 1, 3]
    assert found.high.tolist() == [2, 2, 3]


def test_the_interval_leaves_out_what_is_rare():
    resampled = np.array([[0.9, 0.8]] * 99 + [[0.8, 0.9]])
    found = rank_stability(resampled, 1, 0.95)
    assert (found.low.tolist(), found.high.tolist()) == ([1, 2], [1, 2])


def test_less_is_better_where_the_sign_says_so():
    assert rank_stability(np.array([[1.0, 2.0]]), -1, 0.95).share_first.tolist() == [1, 0]


def test_equals_keep_the_order_of_the_leaderboard_and_someone_is_always_first():
    found = rank_stability(np.tile(np.arange(40) % 2, (10, 1)), 1, 0.95)
    expected = [20 + place // 2 + 1 if place % 2 == 0 else place // 2 + 1 for place in range(40)]
    assert found.low.tolist() == found.high.tolist() == expected
    drawn = np.random.default_rng(0).integers(3, size=(200, 6)) / 3
    assert rank_stability(drawn, 1, 0.9).share_first.sum() == pytest.approx(1)
