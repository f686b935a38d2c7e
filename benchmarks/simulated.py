"""Sweeps whose truth is known, and what the project's statistics make of them.

The truth behind a score (is this network right on this row?) is a sum of normal draws that is
above zero or not: what the combination can do, how hard the row is (for all, and for this
combination), what the seed did (to all, and to this combination), and what is left between this
network and this row. As the shares of the variance add up to one, the share of rows that a
combination would get right over all seeds and rows is exactly the accuracy it was given.

The truth behind an absolute error is the size of such a sum, without the seeds' part, times what
the seed makes of the combination's mean error. Both factors are one on average, so the mean over
all seeds and rows is exactly the error that the combination was given.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.comparison.intervals import bootstrap_means, mean_interval
from dnn_sweep.core.comparison.tied_set import compare_with_best
from dnn_sweep.parameters import EvaluationParameters

CONFIDENCE = 0.95
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """What is true of a simulated sweep.

    Args:
        accuracies: One a combination.
        seeds: Seeds trained.
        rows: Validation rows.
        row: Share of the variance from how hard a row is for everyone.
        own_row: … for one combination more than for others.
        seed: Share from what a seed does to every combination.
        own_seed: … to one combination; what is left is between a network and a row.
    """

    accuracies: tuple[float, ...]
    seeds: int = 5
    rows: int = 360
    row: float = 0.5
    own_row: float = 0.15
    seed: float = 0.005
    own_seed: float | tuple[float, ...] = 0.01

    @property
    def means(self) -> Floats:
        """What each combination's scores would come to over all seeds and rows."""
        return np.array(self.accuracies)

    @property
    def sign(self) -> int:
        """More is better."""
        return 1


@dataclass(frozen=True)
class Errors:
    """What is true of a simulated sweep of a regression.

    Args:
        errors: The mean absolute error of each combination.
        seeds: Seeds trained.
        rows: Validation rows.
        row: Share of the variance of a residual from how hard a row is for everyone.
        own_row: … for one combination more than for others; the rest is between network and row.
        seed: Scatter of the mean error from what a seed does to every combination, relative.
        own_seed: … to one combination.
    """

    errors: tuple[float, ...]
    seeds: int = 5
    rows: int = 360
    row: float = 0.5
    own_row: float = 0.15
    seed: float = 0.01
    own_seed: float | tuple[float, ...] = 0.02

    @property
    def means(self) -> Floats:
        """What each combination's scores would come to over all seeds and rows."""
        return np.array(self.errors)

    @property
    def sign(self) -> int:
        """Less is better."""
        return -1


@dataclass(frozen=True)
class Sweep:
    """One draw of a truth.

    Args:
        scores: 1 where a network is right and else 0, or its absolute error; shape
            ``(combinations, seeds, rows)``.
        on_rows: What each combination would reach on these very rows with endless seeds.
    """

    scores: Floats
    on_rows: Floats


def equal(accuracy: float, combinations: int = 30, **given: float) -> Truth:
    """Combinations of which none is better than another."""
    return replace(Truth((accuracy,) * combinations), **given)  # type: ignore[arg-type]


def equal_errors(combinations: int = 30, **given: float | tuple[float, ...]) -> Errors:
    """Combinations of which none errs more than another: by 1, whatever the unit."""
    return replace(Errors((1.0,) * combinations), **given)  # type: ignore[arg-type]


def draw(truth: Truth | Errors, rng: np.random.Generator) -> Sweep:
    """Train a sweep, so to speak."""

    def normal(share: float | Floats, *shape: int) -> NDArray[np.float32]:
        return np.sqrt(share, dtype=np.float32) * rng.standard_normal(shape, dtype=np.float32)

    return _draw_errors(truth, normal) if isinstance(truth, Errors) else _draw_hits(truth, normal)


def _draw_hits(truth: Truth, normal: Callable[..., NDArray[np.float32]]) -> Sweep:
    from scipy.special import ndtr, ndtri

    combinations, seeds, rows = len(truth.accuracies), truth.seeds, truth.rows
    skill = ndtri(np.array(truth.accuracies))[:, None]
    certain = skill + normal(truth.row, rows) + normal(truth.own_row, combinations, rows)
    own_seed = np.broadcast_to(truth.own_seed, combinations)[:, None]
    left = 1 - truth.row - truth.own_row - truth.seed - own_seed
    by_seed = normal(truth.seed, seeds) + normal(own_seed, combinations, seeds)
    noise = normal(left[:, :, None], combinations, seeds, rows)
    scores = certain[:, None, :] + by_seed[:, :, None] + noise > 0
    changing = 1 - truth.row - truth.own_row
    return Sweep(scores.astype(np.float64), ndtr(certain / np.sqrt(changing)).mean(axis=1))


def _draw_errors(truth: Errors, normal: Callable[..., NDArray[np.float32]]) -> Sweep:
    from scipy.special import erf

    combinations, seeds, rows = len(truth.errors), truth.seeds, truth.rows
    certain = normal(truth.row, rows) + normal(truth.own_row, combinations, rows)
    left = 1 - truth.row - truth.own_row
    residuals = certain[:, None, :] + normal(left, combinations, seeds, rows)
    own_seed = np.broadcast_to(truth.own_seed, combinations)[:, None]
    by_seed = normal(truth.seed**2, seeds) + normal(own_seed**2, combinations, seeds)
    factor = np.exp(by_seed - (truth.seed**2 + own_seed**2) / 2)  # 1 on average
    unit = truth.means * np.sqrt(np.pi / 2)  # the mean size of a normal draw is sqrt(2 / pi)
    scores = (unit[:, None] * factor)[:, :, None] * np.abs(residuals)
    # The mean of a folded normal distribution.
    size = np.sqrt(2 * left / np.pi) * np.exp(-(certain**2) / (2 * left))
    size += certain * erf(certain / np.sqrt(2 * left))
    return Sweep(scores.astype(np.float64), unit * size.mean(axis=1))


def sweeps(truth: Truth | Errors, number: int, seed: int = 0) -> Iterator[Sweep]:
    """Draw a number of sweeps of the same truth."""
    rng = np.random.default_rng(seed)
    return (draw(truth, rng) for _ in range(number))


@dataclass(frozen=True)
class Claims:
    """How often combinations are said to be worse than the best.

    Args:
        any_false: Share of the sweeps in which that is said of any that is as good as the one
            that looks best, or better.
        found: Share of those worse than the true best of which it is said; NaN where none is.
    """

    any_false: float
    found: float


def count_claims(truth: Truth | Errors, number: int, seed: int = 0) -> Claims:
    """Let every sweep compare its combinations with the one that looks best."""
    skills = truth.sign * truth.means
    worse = skills < skills.max()
    false, found = 0, []
    for sweep in sweeps(truth, number, seed):
        best = int((truth.sign * sweep.scores.mean(axis=(1, 2))).argmax())
        told = ~compare_with_best(sweep.scores, best, truth.sign, CONFIDENCE).tied
        false += bool(told[skills >= skills[best]].any())
        found.append(told[worse])
    return Claims(false / number, float(np.mean(found)) if worse.any() else float("nan"))


@dataclass(frozen=True)
class Coverage:
    """How often an interval holds a combination's true mean.

    Args:
        percentiles: By the percentiles of resampled means alone.
        ours: By :func:`~dnn_sweep.core.comparison.intervals.mean_interval`.
    """

    percentiles: float
    ours: float


def measure_coverage(
    truth: Truth | Errors, number: int, seed: int = 0, resamples: int = 500
) -> Coverage:
    """Draw sweeps and see whose intervals hold the truth."""
    means, share = truth.means, isinstance(truth, Truth)
    percentiles, ours = [], []
    tails = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    for each, sweep in enumerate(sweeps(truth, number, seed)):
        evaluation = EvaluationParameters(resamples=resamples, seed=each)
        resampled = bootstrap_means(sweep.scores, evaluation)
        for found, (low, high) in (
            (percentiles, np.quantile(resampled, tails, axis=0)),
            (ours, mean_interval(sweep.scores, resampled, CONFIDENCE, share=share)),
        ):
            found.append((low <= means) & (means <= high))
    return Coverage(float(np.mean(percentiles)), float(np.mean(ours)))


@dataclass(frozen=True)
class Bias:
    """By how much the estimate of a chosen combination is too good on average.

    Args:
        screening: The score it was chosen by, one seed each.
        finals: Its mean on fresh seeds, the same rows.
        finals_everywhere: The same against its true mean on all rows there could be.
        leader: The first of a leaderboard of finals, against its true mean on these rows.
        uncertainty: Standard error of the first two.
    """

    screening: float
    finals: float
    finals_everywhere: float
    leader: float
    uncertainty: tuple[float, float]


def measure_bias(truth: Truth | Errors, number: int, seed: int = 0) -> Bias:
    """Choose by a screening with the first seed, then train on with the others."""
    found = []
    for sweep in sweeps(replace(truth, seeds=truth.seeds + 1), number, seed):
        screened, finals = sweep.scores[:, 0].mean(axis=1), sweep.scores[:, 1:].mean(axis=(1, 2))
        chosen = int((truth.sign * screened).argmax())
        leader = int((truth.sign * finals).argmax())
        found.append(
            (
                screened[chosen] - sweep.on_rows[chosen],
                finals[chosen] - sweep.on_rows[chosen],
                finals[chosen] - truth.means[chosen],
                finals[leader] - sweep.on_rows[leader],
            )
        )
    mean = truth.sign * np.mean(found, axis=0)
    error = np.std(found, axis=0) / np.sqrt(number)
    return Bias(*map(float, mean), uncertainty=(float(error[0]), float(error[1])))
