import numpy as np
import pytest
from scipy.stats import ttest_rel
from statsmodels.stats.contingency_tables import mcnemar

from benchmarks.gate import LEVEL, simulate
from dnn_sweep.core.champion.paired_test import compare_predictions
from dnn_sweep.core.objectives import ACCURACY, MEAN_ABSOLUTE_ERROR


def test_the_test_of_accuracy_is_mcnemars():
    random, true = np.random.default_rng(0), np.zeros(50, int)
    ours, theirs = random.random(50) < 0.1, random.random(50) < 0.4
    test = compare_predictions(ours.astype(int), theirs.astype(int), true, ACCURACY)
    table = [[(~ours & ~theirs).sum(), (~ours & theirs).sum()],
             [(ours & ~theirs).sum(), (ours & theirs).sum()]]  # fmt: skip
    # Where the first is ahead, statsmodels' two-sided value is twice the one-sided one.
    assert 2 * test.p_value == pytest.approx(mcnemar(table, exact=True).pvalue)
    assert (test.challenger, test.holder) == ((~ours).mean(), (~theirs).mean())


def test_the_test_of_errors_is_the_paired_t_test():
    random, true = np.random.default_rng(0), np.full(50, 100.0)
    ours, theirs = true + random.normal(0, 5, 50), true + random.normal(0, 8, 50)
    test = compare_predictions(ours, theirs, true, MEAN_ABSOLUTE_ERROR)
    errors = np.abs(ours - true), np.abs(theirs - true)
    assert test.p_value == pytest.approx(ttest_rel(*errors, alternative="less").pvalue)
    assert (test.challenger, test.holder) == (errors[0].mean(), errors[1].mean())


@pytest.mark.parametrize(("ours", "p_value"), [(5.0, 1), (4.0, 0), (6.0, 1)])
def test_errors_that_differ_by_the_same_amount_everywhere_are_decided_too(ours, p_value):
    true = np.zeros(40)
    test = compare_predictions(true + ours, true + 5, true, MEAN_ABSOLUTE_ERROR)
    assert test.p_value == p_value


def test_without_improvement_the_test_moves_the_alias_less_often_than_its_level():
    before = simulate("at least as good", 0.9, 0.5, chains=60)
    now = simulate("shown to be better", 0.9, 0.5, chains=60)
    assert before.first > 0.4
    assert now.first <= LEVEL + 2 * np.sqrt(LEVEL * (1 - LEVEL) / 60)
    assert now.ever < before.ever
    assert now.optimism < before.optimism
