"""How far the mean scores of a sweep may lie from the truth, drawn for all combinations together.

A mean over seeds and rows errs for three reasons: the rows that happen to be in the split, the
seeds, and the noise of a single network on a single row. The rows' part is well known. The seeds'
part rests on a few seeds; thirty combinations together know it much better than each alone.
"""

from functools import cache
from itertools import product

import numpy as np
import scipy

from dnn_sweep.core.comparison.error_parts import ErrorParts, Floats

# Logarithms of the ratio of the seeds' variance (with noise) to that of noise alone: 1 and more.
LOG_RATIOS = np.arange(0.0, 20.01, 0.25)
LARGEST_FOUND = 12.0  # what exceeds it differs in nothing, and the truth may be larger
# What the log ratios of a sweep's combinations may be distributed like: normally around a typical
# value, except for a share that is unusual: anywhere above it, or around a second, higher value.
# Each with its prior weight.
TYPICAL = np.arange(-1.0, 17.01, 0.5)
DECAY = 3.0  # the further the typical value is above 0, the less usual
SPREADS = {0.02: 0.3, 0.25: 0.2, 0.5: 0.2, 0.8: 0.15, 1.2: 0.1, 2.0: 0.05}
UNUSUAL = {0.05: 0.25, 0.15: 0.25, 0.3: 0.25, 0.5: 0.25}
ANY_UNUSUAL = 0.6
STEPS = (1.5, 3.0, 4.5, 6.0, 7.5, 9.0)  # from the typical value to the second one
STEP_SPREAD = 1.0


def draw_mean_errors(
    scores: Floats,
    draws: int,
    seed: int = 0,
    *,
    paired: bool = True,
    share: bool = False,
) -> Floats:
    """Draw what the error of every combination's mean may be, given what its scores show.

    Noise is in the variance over seeds as well as in that over rows, and is counted once. How much
    the seeds move a combination beyond noise is drawn from its distribution given all
    combinations: where they look alike, each borrows from the others, and where they differ, it
    is left with its own few seeds. With one seed, that part is unknown and left out.

    Args:
        scores: Shape ``(combinations, seeds, rows)``; NaN for rows of other seeds' folds.
        draws: Number of draws.
        seed: Of the draws.
        paired: Leave out what a seed does to all combinations alike, for their differences.
        share: Whether the scores are shares from 0 to 1. Seeds then act on the log-odds, so that
            a combination near 1 whose seeds agree may still have been lucky with all of them.

    Returns:
        Errors in the scores' unit, shape ``(combinations, draws)``.

    >>> rows = np.random.default_rng(0).normal(size=(2, 5, 300))
    >>> bool(abs(draw_mean_errors(rows, 4000).std() - 1 / np.sqrt(5 * 300)) < 0.01)
    True

    References:
        Smyth 2004 on sharing variances among many comparisons (limma); Searle, Casella & McCulloch
        1992, Variance Components, for the parts of a crossed design.
    """
    combinations, seeds, _ = scores.shape
    rng, parts = np.random.default_rng(seed), ErrorParts.of(scores, paired=paired)
    values, vectors = np.linalg.eigh(parts.of_rows)
    known = np.sqrt(parts.row_degrees / rng.chisquare(parts.row_degrees, draws))
    errors = (vectors * np.sqrt(np.maximum(values, 0))) @ rng.standard_normal((combinations, draws))
    errors *= known
    moved, degrees = parts.moved, float(parts.seed_degrees)
    if paired:
        # The median, so that one unstable combination does not make all others look unstable.
        moved = parts.center(moved - np.median(moved, axis=0))
        degrees *= (combinations - 1) / combinations
    if not degrees:
        return np.asarray(errors)
    mean, rows, noise = parts.mean, parts.rows, parts.noise
    found = (moved**2).sum(axis=1) / degrees
    # Where a combination has (almost) no noise the ratio needs some other scale.
    least = max(noise.mean() / 100, found.max() * np.exp(-LARGEST_FOUND), np.finfo(float).tiny)
    noise = np.maximum(noise, least)
    ratios = draw_variance_ratios(found / noise, degrees, draws, rng)
    beyond = (ratios - 1) * (noise / seeds)[:, np.newaxis]
    of_seeds = np.sqrt(beyond) * rng.standard_normal(errors.shape)
    if share:
        near = np.clip(mean, 0.5 / rows, 1 - 0.5 / rows)
        truth = scipy.special.expit(scipy.special.logit(near) - of_seeds / (near * (1 - near)))
        of_seeds = near - truth
    return np.asarray(errors + of_seeds)


def draw_variance_ratios(
    found: Floats, degrees: float, draws: int, rng: np.random.Generator
) -> Floats:
    """Draw true ratios of variances, of which ``found`` are estimates with some degrees of freedom.

    Every combination has a ratio of at least 1, from a distribution that the sweep's combinations
    share and that is estimated with them.

    Returns:
        Shape ``(combinations, draws)``.

    >>> few = draw_variance_ratios(np.ones(30), 4, 1000, np.random.default_rng(0))
    >>> bool(few.mean() < 1.2)
    True
    """
    shapes, weights = _shapes()
    log_likelihood = -degrees / 2 * (LOG_RATIOS + found[:, np.newaxis] * np.exp(-LOG_RATIOS))
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True))
    with np.errstate(divide="ignore"):  # many seeds rule some distributions out
        log_posterior = np.log(likelihood @ shapes).sum(axis=0) + np.log(weights)
    posterior = scipy.special.softmax(log_posterior)
    chosen = rng.choice(len(posterior), size=draws, p=posterior)
    few, at = np.unique(chosen, return_inverse=True)  # the same ones are drawn again and again
    ratios = np.empty((len(found), draws))
    for each, of_ratio in enumerate(likelihood):
        upto = np.cumsum(of_ratio[:, np.newaxis] * shapes[:, few], axis=0)
        above = rng.random(draws) * upto[-1, at]
        ratios[each] = np.exp(LOG_RATIOS[(upto[:, at] < above).sum(axis=0)])
    return ratios


@cache
def _shapes() -> tuple[Floats, Floats]:
    """Distributions that the log ratios may have, one a column, and their prior weights."""
    edges = np.concatenate([[-np.inf], (LOG_RATIOS[1:] + LOG_RATIOS[:-1]) / 2, [np.inf]])

    def around(value: float, spread: float) -> Floats:
        return np.diff(scipy.special.ndtr((edges - value) / spread))

    columns, weights = [], []
    for typical in TYPICAL:
        common = np.exp(-max(typical, 0) / DECAY)
        anywhere = (typical <= LOG_RATIOS) / (typical <= LOG_RATIOS).sum()
        higher = [anywhere, *(around(typical + step, STEP_SPREAD) for step in STEPS)]
        for spread, usual in SPREADS.items():
            near = around(typical, spread)
            columns.append(near)
            weights.append(common * usual * (1 - ANY_UNUSUAL))
            for (share, weight), far in product(UNUSUAL.items(), higher):
                columns.append((1 - share) * near + share * far)
                weights.append(common * usual * ANY_UNUSUAL * weight / len(higher))
    return np.transpose(columns), np.array(weights)
