"""The statistics keep their promises on sweeps whose truth is known."""

from functools import cache

import numpy as np
import pytest

from benchmarks.simulated import Truth, count_claims, draw, equal, measure_bias, measure_coverage

UNSTABLE = 0.05
TEN = tuple(np.linspace(0.9, 0.97, 10))


def test_a_simulated_combination_is_as_good_as_it_was_made():
    truth = Truth((0.9, 0.97), seeds=200, rows=4000)
    sweep = draw(truth, np.random.default_rng(0))
    assert sweep.scores.shape == (2, 200, 4000)
    assert sweep.scores.mean(axis=(1, 2)) == pytest.approx(truth.accuracies, abs=0.01)
    assert sweep.scores.mean(axis=(1, 2)) == pytest.approx(sweep.on_rows, abs=0.004)


@pytest.mark.slow
@pytest.mark.parametrize(
    "truth",
    [
        equal(0.9),
        equal(0.97),
        equal(0.95, own_seed=UNSTABLE),
        equal(0.95, own_seed=(0.005,) * 15 + (0.1,) * 15),
        equal(0.95, seeds=3, own_seed=UNSTABLE),
        equal(0.95, 3, own_seed=UNSTABLE),
    ],
    ids=["0.90", "0.97", "unstable", "half unstable", "3 seeds", "3 combinations"],
)
def test_among_equals_hardly_ever_is_one_said_to_be_worse_than_the_best(truth):
    assert count_claims(truth, 600).any_false <= 0.05


@pytest.mark.slow
def test_what_is_clearly_worse_is_found():
    claims = count_claims(Truth(tuple(np.linspace(0.85, 0.97, 30))), 100)
    assert claims.any_false <= 0.05
    assert claims.found >= 0.25


@cache
def coverage(truth):
    return measure_coverage(truth, 300)


@pytest.mark.slow
@pytest.mark.parametrize(
    "truth",
    [
        Truth(TEN),
        Truth(TEN, own_seed=UNSTABLE),
        Truth(TEN, rows=2000, own_seed=UNSTABLE),
        Truth(TEN, seeds=3, own_seed=UNSTABLE),
    ],
    ids=["5 seeds", "unstable", "many rows", "3 seeds"],
)
def test_intervals_hold_the_true_accuracy(truth):
    assert coverage(truth).ours >= 0.93


@pytest.mark.slow
def test_percentiles_alone_would_not_do_for_five_seeds():
    assert coverage(Truth(TEN, rows=2000, own_seed=UNSTABLE)).percentiles < 0.9


@pytest.mark.slow
def test_the_screenings_maximum_is_too_good_and_fresh_seeds_put_it_right():
    bias = measure_bias(equal(0.95, own_seed=UNSTABLE), 600)
    screening, finals = bias.uncertainty
    assert bias.screening > 10 * screening
    assert abs(bias.finals) < 3 * finals
