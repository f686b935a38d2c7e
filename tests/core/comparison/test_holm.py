import numpy as np
import pytest
from scipy import stats

from dnn_sweep.core.comparison.holm import (
    holm_p_values,
    seeds_needed,
    sign_flip_p_values,
    smallest_p,
)
from dnn_sweep.core.comparison.tied_set import pairs_among


@pytest.mark.parametrize("seeds", [2, 5, 9])
def test_the_sign_flip_test_is_scipys(seeds):
    differences = np.random.default_rng(seeds).normal(0.5, 1, size=(6, seeds))
    differences[0] = 0
    differences[1] = 0.1  # as extreme as can be
    expected = stats.permutation_test(
        (differences,), np.mean, permutation_type="samples", axis=1, n_resamples=np.inf,
        vectorized=True,
    ).pvalue  # fmt: skip
    found = sign_flip_p_values(differences)
    assert found == pytest.approx(expected)
    assert found[0] == 1
    assert found[1] == smallest_p(seeds)


def test_sums_that_differ_by_rounding_alone_are_equal():
    right = np.random.default_rng(0).integers(-9, 10, size=(50, 5))
    assert sign_flip_p_values(right / 360).tolist() == sign_flip_p_values(right / 1.0).tolist()


def test_many_seeds_are_flipped_at_random_the_same_way_each_time():
    differences = np.random.default_rng(0).normal(0.4, 1, size=(3, 20))
    found = sign_flip_p_values(differences, seed=1)
    assert found == pytest.approx(stats.ttest_1samp(differences, 0, axis=1).pvalue, abs=0.01)
    assert found.tolist() == sign_flip_p_values(differences, seed=1).tolist()


def test_five_seeds_cannot_go_below_a_sixteenth():
    assert smallest_p(5) == 0.0625
    assert smallest_p(1) == 1
    clear = np.array([[0.9] * 5, [0.1] * 5])
    assert holm_p_values(clear, 0, 0)[1] == 0.0625


@pytest.mark.parametrize(("combinations", "seeds"), [(2, 6), (3, 7), (30, 15)])
def test_seeds_needed_is_the_least_number_that_can_support_a_claim(combinations, seeds):
    assert seeds_needed(combinations, 0.05) == seeds
    assert smallest_p(seeds) * pairs_among(combinations) <= 0.05
    assert smallest_p(seeds - 1) * pairs_among(combinations) > 0.05


def test_one_combination_has_no_p_value():
    assert np.isnan(holm_p_values(np.array([[0.9, 0.8]]), 0, 0)).tolist() == [True]


def test_holms_correction_counts_every_pair():
    # Ten seeds: 2/1024 for each of three clear pairs, times three, times two, times one.
    rng = np.random.default_rng(0)
    clear = np.array([[0.9], [0.5], [0.1]]) + rng.normal(0, 0.01, size=(3, 10))
    found = holm_p_values(clear, 0, 0)
    assert np.isnan(found[0])
    assert found[1:] == pytest.approx([3 * 2 / 1024] * 2)


def test_holms_correction_is_milder_for_the_less_clear():
    rng = np.random.default_rng(1)
    near = rng.normal(0, 0.01, size=10)
    means = np.array([np.full(10, 0.9), 0.895 + near, 0.1 + near])
    alone = sign_flip_p_values((means[0] - means[1])[None])[0]
    assert alone > 0.02
    assert holm_p_values(means, 0, 0)[1:] == pytest.approx([alone, 3 * 2 / 1024])
