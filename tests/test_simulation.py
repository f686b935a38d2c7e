"""The statistics keep their promises on sweeps whose truth is known."""

import numpy as np
import pytest
from scipy import stats

from benchmarks.folds import Setting, simulate
from benchmarks.simulated import (
    Classifier,
    Errors,
    Regressor,
    Truth,
    count_claims,
    count_claims_of_races,
    draw,
    equal,
    equal_errors,
    least_accuracy_coverage,
    measure_bias,
    measure_coverage,
    measure_metric_coverage,
)

UNSTABLE = 0.05
UNSTABLE_ERROR = 0.1
TEN = tuple(np.linspace(0.9, 0.97, 10))
TEN_ERRORS = tuple(np.linspace(1, 1.5, 10))


def test_a_simulated_combination_is_as_good_as_it_was_made():
    truth = Truth((0.9, 0.97), seeds=200, rows=4000)
    sweep = draw(truth, np.random.default_rng(0))
    assert sweep.scores.shape == (2, 200, 4000)
    assert sweep.scores.mean(axis=(1, 2)) == pytest.approx(truth.accuracies, abs=0.01)
    assert sweep.scores.mean(axis=(1, 2)) == pytest.approx(sweep.on_rows, abs=0.004)


def test_a_simulated_combination_errs_as_much_as_it_was_made_to():
    truth = Errors((1.0, 1.5), seeds=200, rows=4000, own_seed=UNSTABLE_ERROR)
    sweep = draw(truth, np.random.default_rng(0))
    assert sweep.scores.min() >= 0
    assert sweep.scores.mean(axis=(1, 2)) == pytest.approx(truth.errors, rel=0.03)
    assert sweep.scores.mean(axis=(1, 2)) == pytest.approx(sweep.on_rows, rel=0.02)
    relative = sweep.scores.mean(axis=2).std(axis=1) / truth.errors
    assert relative == pytest.approx([UNSTABLE_ERROR] * 2, rel=0.1)


def test_the_interval_of_a_test_accuracy_holds_it_wherever_it_lies():
    near_1 = np.linspace(0.9, 0.995, 96)
    assert 0.95 <= least_accuracy_coverage(90, near_1) < 0.96


@pytest.mark.slow
@pytest.mark.parametrize(
    "truth",
    [
        equal(0.95, own_seed=UNSTABLE),
        equal(0.95, own_seed=(0.005,) * 15 + (0.1,) * 15),
        equal(0.95, 3, own_seed=UNSTABLE),
        equal_errors(own_seed=UNSTABLE_ERROR),
        equal_errors(tail=3),
        equal(0.95, cluster=10),
    ],
    ids=["unstable", "half unstable", "3 combinations", "errors", "heavy tails", "clusters"],
)
def test_among_equals_hardly_ever_is_one_said_to_be_worse_than_the_best(truth):
    sweeps = 30  # of which so many would be exceeded by chance in one of a thousand runs
    assert count_claims(truth, sweeps).any_false <= stats.binom.ppf(0.999, sweeps, 0.05) / sweeps


@pytest.mark.slow
@pytest.mark.parametrize(
    "truth",
    [Truth(tuple(np.linspace(0.85, 0.97, 30))), Errors(tuple(np.linspace(1, 1.5, 30)))],
    ids=["accuracies", "errors"],
)
def test_what_is_clearly_worse_is_found(truth):
    claims = count_claims(truth, 20)
    assert claims.any_false <= 0.05
    assert claims.found >= 0.25


@pytest.mark.slow
def test_one_that_is_a_little_worse_is_told_apart_in_a_third_of_the_sweeps():
    noisy = {"row": 0.5, "own_row": 0.09, "own_seed": 0.0015}
    claims = count_claims(Truth((0.95,) * 28 + (0.93, 0.9), **noisy), 30)
    assert claims.any_false <= 0.15
    assert claims.found >= 0.55  # of two: one is found nearly always


@pytest.mark.slow
@pytest.mark.parametrize(
    "truth",
    [
        Truth(TEN, own_seed=UNSTABLE),
        Truth(TEN, rows=2000, own_seed=UNSTABLE),
        Truth(TEN, seeds=3, own_seed=UNSTABLE),
        Truth((0.99,) * 10, rows=114),
        Errors(TEN_ERRORS, own_seed=UNSTABLE_ERROR),
    ],
    ids=["unstable", "many rows", "3 seeds", "near 1", "errors"],
)
def test_intervals_hold_the_true_mean(truth):
    assert measure_coverage(truth, 20) >= 0.92


@pytest.mark.parametrize("rows", [90, 360])
def test_intervals_of_metrics_hold_the_truth(rows):
    imbalanced = measure_metric_coverage(Classifier(((0.94, 0.01), (0.015, 0.035))), rows, 150)
    assert min(imbalanced.values()) >= 0.92
    numbers = measure_metric_coverage(Regressor(), rows, 150)
    assert min(numbers.values()) >= 0.91


@pytest.mark.slow
@pytest.mark.parametrize(
    "truth",
    [equal(0.95, own_seed=UNSTABLE), equal_errors(own_seed=UNSTABLE_ERROR)],
    ids=["accuracies", "errors"],
)
def test_the_screenings_best_is_too_good_and_fresh_seeds_put_it_right(truth):
    bias = measure_bias(truth, 100)
    screening, finals = bias.uncertainty
    assert bias.screening > 10 * screening
    assert abs(bias.finals) < 3 * finals


@pytest.mark.slow
def test_intervals_of_a_cross_validation_hold_although_its_training_rows_overlap():
    found = simulate(Setting(rows=400, folds=4, seeds=2), sweeps=50)
    assert found.differences >= 0.9
    assert found.interval >= 0.9
    assert found.naive < found.interval  # rows of one seed alone would be too sure


@pytest.mark.slow
def test_halving_makes_no_false_claims_and_chooses_well_with_a_third_of_the_trainings():
    noisy = {"row": 0.5, "own_row": 0.09, "own_seed": 0.0015}
    equals = count_claims_of_races(Truth((0.95,) * 12, **noisy), 40, trainings=40)
    assert equals.any_false <= stats.binom.ppf(0.999, 40, 0.05) / 40
    spread = count_claims_of_races(Truth(tuple(np.linspace(0.85, 0.97, 12)), **noisy), 40, 40)
    assert spread.any_false <= 0.05
    assert spread.found >= 0.1
    assert spread.chosen >= 0.8
