import numpy as np
import pytest

from dnn_sweep.core.comparison.mean_errors import draw_mean_errors, draw_variance_ratios

DRAWS = 20_000


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def test_errors_of_one_seed_spread_as_the_standard_error_of_the_rows():
    scores = normal(1, 1, 400)
    assert draw_mean_errors(scores, DRAWS).std() == pytest.approx(scores.std() / 20, rel=0.03)


def test_noise_is_counted_once():
    errors = draw_mean_errors(normal(30, 5, 300), DRAWS)
    assert errors.std() == pytest.approx(1 / np.sqrt(5 * 300), rel=0.1)


def test_seeds_and_rows_add_up():
    scores = normal(40, 5, 1) + 3 * normal(40, 1, 200, seed=1)
    errors = draw_mean_errors(scores, DRAWS)
    assert errors.std() == pytest.approx(np.sqrt(1 / 5 + 9 / 200), rel=0.15)


def test_what_a_seed_does_to_all_alike_drops_out_of_differences_only():
    scores = 5 * normal(1, 5, 1) + 0.1 * normal(10, 5, 100, seed=1)
    assert draw_mean_errors(scores, DRAWS).std() < 0.1
    assert draw_mean_errors(scores, DRAWS, paired=False).std() > 0.9


def test_rows_that_all_combinations_find_hard_drop_out_of_their_differences():
    scores = 5 * normal(1, 1, 200) + 0.1 * normal(2, 5, 200, seed=1)
    errors = draw_mean_errors(scores, DRAWS)
    assert errors[0].std() > 10 * (errors[0] - errors[1]).std()


def test_combinations_that_look_alike_share_their_variance():
    rng = np.random.default_rng(0)
    found = 4 * rng.chisquare(4, 40) / 4
    found[0] = 0.5  # by chance
    drawn = draw_variance_ratios(found, 4, DRAWS, rng)
    assert drawn[0].mean() > 2
    alone = draw_variance_ratios(found[:1], 4, DRAWS, rng)
    assert np.median(alone) < np.median(drawn[0])


def test_an_unstable_combination_keeps_its_own_variance_among_stable_ones():
    rng = np.random.default_rng(0)
    found = np.append(rng.chisquare(4, 29) / 4, 100)
    drawn = draw_variance_ratios(found, 4, DRAWS, rng)
    assert np.median(drawn[-1]) > 50
    assert np.median(drawn[:-1]) < 1.5


def test_the_draws_repeat():
    scores = normal(3, 4, 50)
    assert (draw_mean_errors(scores, 100, seed=7) == draw_mean_errors(scores, 100, seed=7)).all()
