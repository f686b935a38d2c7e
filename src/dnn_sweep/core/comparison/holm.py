"""Exact tests over seeds with Holm's correction, and how many seeds they need."""

import math

import numpy as np

from dnn_sweep.core.comparison.error_parts import Floats
from dnn_sweep.core.comparison.tied_set import pairs_among
from dnn_sweep.core.lazy import LazyModule

multitest = LazyModule("statsmodels.stats.multitest")

MOST_EXACT = 16  # seeds up to which every way to flip signs is tried
FLIPS = 2**17  # ways that are drawn beyond that
FLIPS_AT_ONCE = 4096  # bounds memory
ROUNDING = 1e-12


def holm_p_values(seed_means: Floats, best: int, seed: int) -> Floats:
    """Test every combination against the best, with Holm's correction for all pairs.

    Args:
        seed_means: Each combination's mean with each seed, shape ``(combinations, seeds)``.
        best: Position of the best combination, whose own p-value is NaN.
        seed: Of the random signs, see :func:`sign_flip_p_values`.

    >>> holm_p_values(np.array([[0.9, 0.8, 0.9], [0.4, 0.5, 0.3]]), best=0, seed=0)
    array([ nan, 0.25])

    References:
        Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    corrected = np.full(len(seed_means), np.nan)
    first, second = np.triu_indices(len(seed_means), k=1)
    if not len(first):
        return corrected
    p_values = sign_flip_p_values(seed_means[first] - seed_means[second], seed)
    adjusted = multitest.multipletests(p_values, method="holm")[1]
    with_best = (first == best) | (second == best)
    corrected[(first + second - best)[with_best]] = adjusted[with_best]
    return corrected


def sign_flip_p_values(differences: Floats, seed: int = 0) -> Floats:
    """Two-sided exact test of paired differences, shape ``(pairs, seeds)``.

    If two combinations are equal, each seed's difference could as well have the other sign. The
    p-value is the share of all sign choices (drawn at random for more than 16 seeds) whose mean is
    at least as far from 0. Unlike ``scipy.stats.permutation_test``, sums that differ by rounding
    alone count as equal, which is frequent among accuracies.

    >>> sign_flip_p_values(np.array([[0.1, 0.2, 0.1, 0.3, 0.2]]))
    array([0.0625])

    References:
        Fisher 1935, The Design of Experiments.
    """
    seeds = differences.shape[1]
    exact = seeds <= MOST_EXACT
    if exact:  # by symmetry the first sign can stay
        flips = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds) & 1
    else:
        flips = np.random.default_rng(seed).integers(2, size=(FLIPS, seeds), dtype=np.int8)
    found = np.abs(differences.sum(axis=1)) - ROUNDING * np.abs(differences).sum(axis=1)
    as_large = np.zeros(len(differences), dtype=np.int64)
    for some in np.array_split(flips, len(flips) // FLIPS_AT_ONCE + 1):
        sums = differences @ (1.0 - 2.0 * some.T)
        as_large += (np.abs(sums) >= found[:, None]).sum(axis=1)
    return as_large / len(flips) if exact else (as_large + 1) / (FLIPS + 1)


def smallest_p(seeds: int) -> float:
    """The smallest two-sided p-value that a sign-flip test over so many seeds can give."""
    return float(2 * 0.5**seeds) if seeds <= MOST_EXACT else 1 / (FLIPS + 1)


def seeds_needed(combinations: int, alpha: float) -> int:
    """The fewest seeds with which an exact test can separate any two combinations at level alpha.

    >>> smallest_p(5), seeds_needed(30, 0.05)
    (0.0625, 15)
    """
    return math.ceil(math.log2(2 * max(pairs_among(combinations), 1) / alpha))
