"""Is it worse than the best, or was that luck: paired comparisons, corrected for their number."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.comparison.intervals import degrees_of_freedom, mean_variances

MOST_EXACT = 16  # seeds up to which all ways to flip signs are gone through
FLIPS = 2**17  # ways that are drawn beyond that
FLIPS_AT_ONCE = 4096  # bounds memory
ROUNDING = 1e-12


@dataclass(frozen=True)
class Differences:
    """Every combination against the best.

    Args:
        difference: Mean paired difference of the scores, combination minus best.
        low: Lower end of its interval; all intervals hold at once.
        high: Upper end of it.
        tied: Whether the interval comes within the margin of the best.
    """

    difference: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    tied: NDArray[np.bool_]


def pairs_among(combinations: int) -> int:
    """Number of pairs: any two combinations might have turned out to be the best and another."""
    return combinations * (combinations - 1) // 2


def compare_with_best(
    scores: NDArray[np.float64], best: int, sign: int, confidence: float, margin: float = 0.0
) -> Differences:
    """Differences to the best combination, with intervals that hold for all of them at once.

    The best was chosen by the very scores it is compared on, and the luckiest of thirty equals
    looks better than the rest. Had the intervals allowance for one comparison only, or for those
    with a best that was fixed beforehand, such luck would pass for a difference. So they are made
    to hold for every *pair* (Bonferroni), whichever the best turns out to be.

    A few seeds may agree by luck, and among many combinations some do. So none is credited with
    less scatter over seeds than is usual among them: the median, put right for being below the
    mean, as the median of estimates from few seeds is.

    Args:
        scores: Shape ``(combinations, seeds, rows)``.
        best: Position of the best combination.
        sign: 1 where more is better, -1 where less is.
        confidence: Of all intervals together.
        margin: A difference up to this is none in practice; in the scores' unit.

    Returns:
        One value a combination. A combination is tied unless it is shown to be worse by more
        than the margin.

    References:
        Hsu 1996, Multiple Comparisons: Theory and Methods, on comparisons with the best; Tusher,
        Tibshirani & Chu 2001 on scatter that is small by luck among many comparisons.
    """
    from scipy.special import stdtrit

    combinations, seeds, rows = scores.shape
    differences = scores - scores[best]
    difference = differences.mean(axis=(1, 2))
    of_seeds, of_rows = mean_variances(differences)
    others = np.arange(combinations) != best
    variance = np.maximum(of_seeds, _usual(of_seeds[others], seeds)) + of_rows
    degrees = degrees_of_freedom(variance, of_seeds, of_rows, seeds, rows)
    tail = (1 - confidence) / (2 * max(pairs_among(combinations), 1))
    half = np.where(others, -stdtrit(degrees, tail) * np.sqrt(variance), 0)
    return Differences(
        difference=difference,
        low=difference - half,
        high=difference + half,
        tied=sign * difference + half >= -margin,
    )


def _usual(of_seeds: NDArray[np.float64], seeds: int) -> float:
    """The scatter over seeds that differences have where all of them have the same."""
    from scipy.special import chdtri

    if not len(of_seeds) or seeds == 1:
        return 0.0
    # Of one or two estimates the median is the mean.
    below = chdtri(seeds - 1, 0.5) / (seeds - 1) if len(of_seeds) > 2 else 1.0
    return float(np.median(of_seeds) / below)


def holm_p_values(seed_means: NDArray[np.float64], best: int, seed: int) -> NDArray[np.float64]:
    """Test every combination against the best over seeds as pairs, with Holm's correction.

    As in :func:`compare_with_best`, every pair counts as a comparison.

    Args:
        seed_means: Each combination's mean with each seed, shape ``(combinations, seeds)``.
        best: Position of the best combination.
        seed: Of the flips, where not all are gone through.

    Returns:
        Corrected p-values, shape ``(combinations,)``; NaN for the best itself.

    References:
        Holm 1979, A simple sequentially rejective multiple test procedure.
    """
    corrected = np.full(len(seed_means), np.nan)
    first, second = np.triu_indices(len(seed_means), k=1)
    if not len(first):
        return corrected
    from statsmodels.stats.multitest import multipletests

    p_values = sign_flip_p_values(seed_means[first] - seed_means[second], seed)
    adjusted = multipletests(p_values, method="holm")[1]
    with_best = (first == best) | (second == best)
    corrected[(first + second - best)[with_best]] = adjusted[with_best]
    return corrected


def sign_flip_p_values(differences: NDArray[np.float64], seed: int = 0) -> NDArray[np.float64]:
    """Exact test of paired differences: how often would chance alone give as large a mean?

    Were two combinations equal, each seed's difference might as well have had the other sign. The
    p-value is the share of all ways to choose signs whose mean is at least as far from 0. Nothing
    is assumed of distributions, so few seeds cannot say much: see :func:`smallest_p`.

    ``scipy.stats.permutation_test`` gives the same numbers, 40 times slower for 435 pairs.

    Args:
        differences: Shape ``(pairs, seeds)``.
        seed: Of the signs, which are drawn at random where there are more than 16 seeds.

    Returns:
        Two-sided p-values, shape ``(pairs,)``.

    References:
        Fisher 1935, The Design of Experiments.
    """
    seeds = differences.shape[1]
    exact = seeds <= MOST_EXACT
    if exact:  # the first sign may stay: the other half of the ways is the same but for the sign
        flips = np.arange(2 ** (seeds - 1))[:, None] >> np.arange(seeds) & 1
    else:
        flips = np.random.default_rng(seed).integers(2, size=(FLIPS, seeds), dtype=np.int8)
    # Sums that differ by rounding alone are equal.
    found = np.abs(differences.sum(axis=1)) - ROUNDING * np.abs(differences).sum(axis=1)
    as_large = np.zeros(len(differences), dtype=np.int64)
    for some in np.array_split(flips, len(flips) // FLIPS_AT_ONCE + 1):
        sums = differences @ (1.0 - 2.0 * some.T)
        as_large += (np.abs(sums) >= found[:, None]).sum(axis=1)
    return as_large / len(flips) if exact else (as_large + 1) / (FLIPS + 1)


def smallest_p(seeds: int) -> float:
    """The smallest two-sided p-value that a sign or sign-flip test over so many seeds can give."""
    return float(2 * 0.5**seeds) if seeds <= MOST_EXACT else 1 / (FLIPS + 1)


def seeds_needed(combinations: int, alpha: float) -> int:
    """How many seeds it takes before an exact test could tell any two combinations apart.

    Args:
        combinations: Number of combinations; each pair is a comparison.
        alpha: Level of all comparisons together.
    """
    return math.ceil(math.log2(2 * max(pairs_among(combinations), 1) / alpha))
