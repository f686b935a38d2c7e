"""Seeds that each score one fold: their rows are part of what their means differ by."""

import numpy as np
import pytest

from dnn_sweep.core.comparison.error_parts import ErrorParts
from dnn_sweep.core.comparison.mean_errors import draw_mean_errors

DRAWS = 20_000


def in_folds(scores, folds):
    """Keep of each seed the scores of the rows of its own fold, divided anew in each repeat."""
    kept = np.full_like(scores, np.nan)
    for seed in range(scores.shape[1]):
        if seed % folds == 0:
            fold_of = np.random.default_rng(seed).permutation(scores.shape[2]) % folds
        own = fold_of == seed % folds
        kept[:, seed, own] = scores[:, seed, own]
    return kept


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_without_an_effect_of_seeds_the_error_is_that_of_as_many_rows():
    errors = draw_mean_errors(in_folds(normal(30, 5, 1000), 5), DRAWS)
    assert errors.std() == pytest.approx(1 / np.sqrt(1000), rel=0.1)


def test_seeds_and_rows_add_up():
    scores = 0.2 * normal(40, 5, 1) + normal(40, 5, 1000, seed=1)
    errors = draw_mean_errors(in_folds(scores, 5), DRAWS)
    assert errors.std() == pytest.approx(np.sqrt(0.2**2 / 5 + 1 / 1000), rel=0.15)


def test_difficult_rows_that_all_combinations_share_drop_out_of_differences():
    scores = in_folds(5 * normal(1, 1, 1000) + 0.1 * normal(2, 5, 1000, seed=1), 5)
    errors = draw_mean_errors(scores, DRAWS)
    assert errors[0].std() > 10 * (errors[0] - errors[1]).std()


def test_seeds_of_two_repeats_are_compared_within_their_repeat():
    parts = ErrorParts.of(in_folds(normal(3, 10, 500), 5), paired=True)
    assert parts.repeat.tolist() == [0] * 5 + [1] * 5
    assert parts.seed_degrees == 8
    assert parts.row_degrees == 495
    assert parts.moved[:, :5].sum(axis=1) == pytest.approx(0)
    assert parts.moved[:, 5:].sum(axis=1) == pytest.approx(0)


def test_two_repeats_leave_less_noise_but_the_same_rows():
    rows, noise = normal(30, 1, 1000), 2 * normal(30, 10, 1000, seed=1)
    errors = draw_mean_errors(in_folds(rows + noise, 5), DRAWS)
    assert errors.std() == pytest.approx(np.sqrt((1 + 4 / 2) / 1000), rel=0.1)
