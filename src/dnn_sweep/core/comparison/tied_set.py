"""The tied set: which combinations are not shown to be worse than the best."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.comparison.error_parts import Floats
from dnn_sweep.core.comparison.intervals import BOUNDS, Scale
from dnn_sweep.core.comparison.mean_errors import draw_mean_errors

DRAWS = 10_000
FEWEST_DRAWS = 2_000
VALUES = 20_000_000  # pairs × draws: bounds memory
OWN_LEVEL = 0.95  # at which the pairs' errors are brought to one scale
# Two combinations that are right on the same rows differ in few draws: then at the next level.
FAR_LEVEL, TOO_FAR = 0.99, 4.0
FAR_BY_OWN = 1.314  # of a normal error, its quantile at the far level over that at the own one
LEAST_OWN = 0.1  # of the median scale
# Of the error that is allowed, where each seed scores the rows of one fold. All rows together show
# a combination's mean so well that its seeds matter more, of which a few may agree by chance.
OF_FOLDS = 0.6


@dataclass(frozen=True)
class Differences:
    """Every combination against the best, one value per combination."""

    difference: Floats  # mean paired difference, combination minus best
    low: Floats  # ends of its interval; all intervals hold simultaneously
    high: Floats
    tied: NDArray[np.bool_]  # not shown to be worse by more than the margin


def pairs_among(combinations: int) -> int:
    """Number of pairs: any two combinations could have become the best and another."""
    return combinations * (combinations - 1) // 2


def compare_with_best(
    scores: Floats,
    best: int,
    sign: int,
    confidence: float,
    margin: float = 0.0,
    most_draws: int = DRAWS,
    scale: Scale | None = None,
) -> Differences:
    """Differences to the best combination, with intervals that hold simultaneously.

    The best was chosen by the same scores, and the luckiest of thirty equals looks better than
    the rest. So the largest error among all *pairs* sets the width, whichever the best turns out
    to be: errors of all means are drawn together (:func:`draw_mean_errors`), and those of every
    pair are divided by their own 95 % quantile, so that an unstable pair does not widen the
    others. Pairs that are told apart leave the family, which may then tell more of them apart.

    Args:
        scores: Shape ``(combinations, seeds, rows)``; NaN for rows of other seeds' folds.
        best: Position of the best combination.
        sign: 1 where more is better, -1 where less is.
        confidence: Of all intervals together.
        margin: A difference up to this counts as none; in the scores' unit.
        most_draws: Of the errors; fewer where the pairs are many.
        scale: What the scores may be; by default from 0 to 1 where more is better, errors from 0
            where less is.

    >>> rows = np.random.default_rng(0).random((5, 300))
    >>> scores = np.array([rows < 0.95, rows < 0.948, rows < 0.5]).astype(float)
    >>> compare_with_best(scores, 0, 1, 0.95).tied
    array([ True,  True, False])

    References:
        Romano & Wolf 2005 on the step-down of the largest statistic; Beran 1988 on balanced
        simultaneous intervals; Strassburger & Bretz 2008 on intervals that agree with a
        step-down.
    """
    scale = scale or ("share" if sign > 0 else "error")
    mean = np.nanmean(scores, axis=(1, 2))
    difference, combinations = mean - mean[best], len(scores)
    first, second = np.triu_indices(combinations, k=1)
    half, apart = np.zeros(combinations), np.zeros(combinations, dtype=bool)
    if len(first):
        draws = int(np.clip(VALUES // len(first), FEWEST_DRAWS, most_draws))
        drawn = draw_mean_errors(scores, draws, share=scale == "share").astype(np.float32)
        errors = np.abs(drawn[first] - drawn[second])
        own = scale_of(errors)
        errors /= own[:, np.newaxis].astype(np.float32)
        gaps = (np.abs(mean[first] - mean[second]) - margin) / own
        confidence = 1 - error_for(scores, 1 - confidence)
        told, width = _step_down(errors, gaps, confidence)
        with_best = (first == best) | (second == best)
        other = (first + second - best)[with_best]
        half[other], apart[other] = (width * own)[with_best], told[with_best]
    worse = apart & (sign * difference < -margin)
    lowest, highest = BOUNDS[scale]
    low = np.maximum(difference - half, np.minimum(lowest - mean[best], difference))
    high = np.minimum(difference + half, np.maximum(highest - mean[best], difference))
    if sign > 0:  # what is shown to be worse has an interval on that side of the margin
        high = np.where(worse, np.minimum(high, -margin), high)
    else:
        low = np.where(worse, np.maximum(low, margin), low)
    return Differences(difference, low, high, ~worse)


def error_for(scores: Floats, error: float) -> float:
    """How much of the error that is allowed is spent: less where seeds have folds of their own."""
    return OF_FOLDS * error if np.isnan(scores).any() else error


def scale_of(errors: NDArray[np.float32]) -> Floats:
    """The scale of the errors of each pair, shape ``(pairs, draws)``; never 0.

    Any scale is allowed, since the largest of all scaled errors sets the width. One that reflects
    the tails lets no pair widen the intervals of the others.
    """
    own, far = np.quantile(errors, [OWN_LEVEL, FAR_LEVEL], axis=1)
    own = np.where(far > TOO_FAR * own, far / FAR_BY_OWN, own)
    least = max(LEAST_OWN * float(np.median(own)), float(own.max()) * 1e-3, 1e-30)
    return np.asarray(np.maximum(own, least))


def _step_down(
    errors: NDArray[np.float32], gaps: Floats, confidence: float
) -> tuple[NDArray[np.bool_], float]:
    """Which pairs are told apart, and the width at which all pairs' intervals hold together."""
    told = np.zeros(len(gaps), dtype=bool)
    width = limit = float(np.quantile(errors.max(axis=0), confidence))
    while (more := ~told & (gaps > limit)).any():
        told |= more
        if told.all():
            break
        limit = float(np.quantile(errors[~told].max(axis=0), confidence))
    return told, width
