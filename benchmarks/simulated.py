"""Simulated sweeps with a known truth, and the results of the project's statistics on them.

A network is right on a row if a sum of normal variables is above zero: the combination's skill,
the difficulty of the row (for all combinations, and for this one), the effect of the seed (on all
combinations, and on this one), and the remaining variation between this network and this row.
The shares of the variance add up to one. The share of rows that a combination gets right over all
seeds and rows is therefore exactly the accuracy it was given.

An absolute error is the size of such a sum, without the seeds' part, times the combination's mean
error, times the effect of the seed. The random factors have mean one, so the mean over all seeds
and rows is exactly the error that the combination was given.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from dnn_sweep.core.champion.metrics import classification_metrics, regression_metrics
from dnn_sweep.core.comparison.intervals import MetricEstimate, mean_interval
from dnn_sweep.core.comparison.looks import Looks
from dnn_sweep.core.comparison.tied_set import compare_with_best
from dnn_sweep.core.objectives import named_objective
from dnn_sweep.core.score_groups import score_groups
from dnn_sweep.core.scorer import Predictions, Scorer
from dnn_sweep.core.training.halving import (
    FEWEST_SEEDS,
    MOST_SEEDS,
    afford_seeds,
    next_round,
    rounds_left,
)
from dnn_sweep.parameters import EvaluationParameters

CONFIDENCE = 0.95
CUT = 1.5
DRAWS = 2000  # per sweep; the product draws 10,000
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Truth:
    """The true parameters of a simulated sweep with accuracies.

    Args:
        accuracies: The true accuracy of each combination.
        seeds: Number of seeds.
        rows: Number of validation rows.
        row: Share of the variance from a row's difficulty for all combinations.
        own_row: … from its difficulty for one combination in particular.
        seed: Share from a seed's effect on all combinations.
        own_seed: … from its effect on one combination. The rest is between network and row.
        cluster: Number of rows that belong together and share their difficulty.
        grouped: Whether the statistics know which rows belong together.
        folds: Number of folds, of which each seed scores one; 0 where every seed scores all rows.
    """

    accuracies: tuple[float, ...]
    seeds: int = 5
    rows: int = 360
    row: float = 0.5
    own_row: float = 0.15
    seed: float = 0.005
    own_seed: float | tuple[float, ...] = 0.01
    cluster: int = 1
    grouped: bool = True
    folds: int = 0

    @property
    def means(self) -> Floats:
        """The mean score of each combination over all seeds and rows."""
        return np.array(self.accuracies)

    @property
    def sign(self) -> int:
        """1: higher is better."""
        return 1


@dataclass(frozen=True)
class Errors:
    """The true parameters of a simulated sweep of a regression.

    Args:
        errors: The mean absolute error of each combination.
        seeds: Number of seeds.
        rows: Number of validation rows.
        row: Share of a residual's variance from a row's difficulty for all combinations.
        own_row: … from its difficulty for one combination; the rest is between network and row.
        seed: Relative standard deviation of the mean error from a seed's effect on all
            combinations.
        own_seed: … from its effect on one combination.
        tail: Degrees of freedom of a Student's t distribution of the residuals, from a scale that
            differs between rows; ``None`` for normal ones.
        folds: As of :class:`Truth`.
    """

    errors: tuple[float, ...]
    seeds: int = 5
    rows: int = 360
    row: float = 0.5
    own_row: float = 0.15
    seed: float = 0.01
    own_seed: float | tuple[float, ...] = 0.02
    tail: int | None = None
    folds: int = 0

    @property
    def means(self) -> Floats:
        """The mean score of each combination over all seeds and rows."""
        return np.array(self.errors)

    @property
    def sign(self) -> int:
        """-1: lower is better."""
        return -1


@dataclass(frozen=True)
class Rare:
    """The true parameters of a simulated sweep with two classes, of which one is rare.

    A network gives a row a normal score of variance 1, whose mean is higher for the rare class.
    A row is said to be of the rare class where the score is above ``CUT``.

    Args:
        metric: scikit-learn's name of the metric that ranks.
        separations: The distance between the classes' mean scores for each combination.
        seeds: Number of seeds.
        rows: Number of validation rows.
        rare: Share of the rare class; a row is of it by chance.
        row: Share of a score's variance from the row, for all combinations.
        own_row: … from the row, for one combination; the rest is between network and row.
        own_seed: Standard deviation of the distance from a seed's effect on one combination.
    """

    metric: str
    separations: tuple[float, ...]
    seeds: int = 5
    rows: int = 600
    rare: float = 0.05
    row: float = 0.5
    own_row: float = 0.15
    own_seed: float = 0.1

    @property
    def means(self) -> Floats:
        """The metric of each combination over all seeds and rows."""
        from scipy.special import ndtr, roots_hermitenorm

        at, weights = roots_hermitenorm(40)  # the mean over seeds
        distance = np.array(self.separations)[:, None] + self.own_seed * at
        if self.metric == "roc_auc":
            values = ndtr(distance / np.sqrt(2))
        else:
            found, false = self.rare * ndtr(distance - CUT), (1 - self.rare) * ndtr(-CUT)
            of_rare = 2 * found / (found + false + self.rare)
            right = 1 - self.rare - false
            said = 1 - found - false  # to be of the other class
            values = (of_rare + 2 * right / (1 - self.rare + said)) / 2
        return np.asarray(values @ weights / weights.sum())

    @property
    def sign(self) -> int:
        """1: higher is better."""
        return 1


@dataclass(frozen=True)
class Sweep:
    """One draw of a truth.

    Args:
        scores: 1 where a network is right and else 0, or its absolute error; shape
            ``(combinations, seeds, rows)``, NaN for rows of other seeds' folds.
        on_rows: The mean of each combination on these rows over unlimited seeds; NaN for
            :class:`Rare`.
        independent_rows: How many rows a share is at most worth; ``None`` for all.
    """

    scores: Floats
    on_rows: Floats
    independent_rows: float | None = None


def equal(accuracy: float, combinations: int = 30, **given: float) -> Truth:
    """Equally good combinations."""
    return replace(Truth((accuracy,) * combinations), **given)  # type: ignore[arg-type]


def equal_errors(combinations: int = 30, **given: float | tuple[float, ...]) -> Errors:
    """Combinations with equal errors of 1."""
    return replace(Errors((1.0,) * combinations), **given)  # type: ignore[arg-type]


def draw(truth: Truth | Errors | Rare, rng: np.random.Generator) -> Sweep:
    """Simulate one sweep."""

    def normal(share: float | Floats, *shape: int) -> NDArray[np.float32]:
        return np.sqrt(share, dtype=np.float32) * rng.standard_normal(shape, dtype=np.float32)

    if isinstance(truth, Rare):
        return _draw_rare(truth, rng)
    sweep = _draw_errors(truth, normal) if isinstance(truth, Errors) else _draw_hits(truth, normal)
    if not truth.folds:
        return sweep
    folds = [rng.permutation(truth.rows) % truth.folds for _ in range(truth.seeds // truth.folds)]
    scored = np.concatenate([np.arange(truth.folds)[:, None] == own for own in folds])
    return replace(sweep, scores=np.where(scored, sweep.scores, np.nan))


def _draw_rare(truth: Rare, rng: np.random.Generator) -> Sweep:
    combinations, seeds, rows = len(truth.separations), truth.seeds, truth.rows
    is_rare = rng.random(rows) < truth.rare
    certain = np.sqrt(truth.row) * rng.standard_normal(rows)
    certain = certain + np.sqrt(truth.own_row) * rng.standard_normal((combinations, rows))
    distance = np.array(truth.separations)[:, None]
    distance = distance + truth.own_seed * rng.standard_normal((combinations, seeds))
    left = 1 - truth.row - truth.own_row
    given = certain[:, None] + np.sqrt(left) * rng.standard_normal((combinations, seeds, rows))
    given += distance[:, :, None] * is_rare
    scorer = Scorer(named_objective(truth.metric, "binary"), is_rare.astype(int), 2)
    scores = [
        scorer.row_scores(Predictions((one > CUT).astype(int), np.stack([-one, one], axis=1)))
        for one in given.reshape(-1, rows)
    ]
    kept = np.array(scores).reshape(combinations, seeds, -1)
    return Sweep(kept, np.full(combinations, np.nan), scorer.independent_rows)


def _draw_hits(truth: Truth, normal: Callable[..., NDArray[np.float32]]) -> Sweep:
    from scipy.special import ndtr, ndtri

    combinations, seeds, rows = len(truth.accuracies), truth.seeds, truth.rows
    skill = ndtri(np.array(truth.accuracies))[:, None]
    clusters = np.arange(rows) // truth.cluster
    shared = normal(truth.row, rows)[clusters]
    certain = skill + shared + normal(truth.own_row, combinations, rows)[:, clusters]
    own_seed = np.broadcast_to(truth.own_seed, combinations)[:, None]
    left = 1 - truth.row - truth.own_row - truth.seed - own_seed
    by_seed = normal(truth.seed, seeds) + normal(own_seed, combinations, seeds)
    noise = normal(left[:, :, None], combinations, seeds, rows)
    scores = certain[:, None, :] + by_seed[:, :, None] + noise > 0
    changing = 1 - truth.row - truth.own_row
    scores = scores.astype(np.float64)
    if truth.cluster > 1 and truth.grouped:
        scores = score_groups(scores, clusters)
    return Sweep(scores, ndtr(certain / np.sqrt(changing)).mean(axis=1))


def _draw_errors(truth: Errors, normal: Callable[..., NDArray[np.float32]]) -> Sweep:
    from scipy.special import erf, gammaln

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
    if truth.tail:
        half = truth.tail / 2
        scale = np.sqrt(truth.tail / (normal(1.0, truth.tail, rows) ** 2).sum(axis=0))
        scale /= np.sqrt(half) * np.exp(gammaln(half - 0.5) - gammaln(half))  # 1 on average
        scores, size = scores * scale, size * scale
    return Sweep(scores.astype(np.float64), unit * size.mean(axis=1))


def sweeps(truth: Truth | Errors | Rare, number: int, seed: int = 0) -> Iterator[Sweep]:
    """Draw a number of sweeps of the same truth."""
    rng = np.random.default_rng(seed)
    return (draw(truth, rng) for _ in range(number))


@dataclass(frozen=True)
class Claims:
    """How often combinations are declared worse than the best.

    Args:
        any_false: Share of the sweeps in which this claim is made of any combination that is at
            least as good as the one that looks best.
        found: Share of the truly worse combinations of which it is made; NaN if there are none.
    """

    any_false: float
    found: float


def count_claims(
    truth: Truth | Errors | Rare, number: int, seed: int = 0, draws: int = DRAWS
) -> Claims:
    """Compare the combinations of every sweep with the one that looks best."""
    skills = truth.sign * truth.means
    worse = skills < skills.max()
    false, found = 0, []
    for sweep in sweeps(truth, number, seed):
        best = int((truth.sign * np.nanmean(sweep.scores, axis=(1, 2))).argmax())
        told = ~compare_with_best(sweep.scores, best, truth.sign, CONFIDENCE, most_draws=draws).tied
        false += bool(told[skills >= skills[best]].any())
        found.append(told[worse])
    return Claims(false / number, float(np.mean(found)) if worse.any() else float("nan"))


@dataclass(frozen=True)
class Race:
    """Sweeps whose trainings are spent by halving, beside full grids.

    Args:
        any_false: Share of the races in which any combination is declared worse that is at least
            as good as the one that comes first.
        found: Share of the truly worse combinations that are declared worse.
        chosen: Share of the races whose first combination is at most half a point (or 5 % of an
            error) worse than the best one.
        by_grid: The same share of full grids with three times as many trainings.
    """

    any_false: float
    found: float
    chosen: float
    by_grid: float


def run_race(scores: Floats, sign: int, trainings: int) -> NDArray[np.int64]:
    """Spend a number of trainings by halving; return how many seeds each combination got."""
    counts = np.zeros(len(scores), dtype=np.int64)
    left, used = trainings, 0
    names = [str(place) for place in range(len(scores))]

    def affordable(some: Sequence[str], rounds: int) -> list[int]:
        least = 1 if used else FEWEST_SEEDS
        seeds, most = iter(range(used, scores.shape[1])), MOST_SEEDS - used
        return afford_seeds(seeds, lambda _: len(some), left / rounds, left, least, most)

    chosen = names, affordable(names, rounds_left(len(names)))
    while chosen:
        names, seeds = chosen
        own = [int(name) for name in names]
        left, used = left - len(own) * len(seeds), used + len(seeds)
        counts[own] = used
        means = sign * scores[:, :used].mean(axis=(1, 2))
        chosen = next_round(sorted(names, key=lambda name: -means[int(name)]), affordable)
    return counts


def count_claims_of_races(
    truth: Truth | Errors, number: int, trainings: int = 100, seed: int = 0
) -> Race:
    """Judge every race by what its combinations were trained with."""
    truth = replace(truth, seeds=MOST_SEEDS)
    skills = truth.sign * truth.means
    near = 0.005 if truth.sign > 0 else 0.05
    worse, good = skills < skills.max(), skills >= skills.max() - near
    false, found, chosen, by_grid = 0, [], [], []
    for sweep in sweeps(truth, number, seed):
        counts = run_race(sweep.scores, truth.sign, trainings)
        present = np.arange(truth.seeds) < counts[:, None]
        scores = np.where(present[:, :, None], sweep.scores, np.nan)
        means = truth.sign * np.nanmean(scores, axis=(1, 2))
        order = np.lexsort([-means, -counts])
        looks = Looks(scores[order], counts[order])
        told = np.empty(len(order), dtype=bool)
        told[order] = ~looks.compare_with_best(truth.sign, CONFIDENCE, most_draws=DRAWS).tied
        false += bool(told[skills >= skills[order[0]]].any())
        found.append(told[worse])
        chosen.append(good[order[0]])
        grid = truth.sign * sweep.scores[:, : 3 * trainings // len(counts)].mean(axis=(1, 2))
        by_grid.append(good[grid.argmax()])
    detected = float(np.mean(found)) if worse.any() else float("nan")
    return Race(false / number, detected, float(np.mean(chosen)), float(np.mean(by_grid)))


def measure_coverage(truth: Truth | Errors | Rare, number: int, seed: int = 0) -> float:
    """Draw sweeps and count the intervals of means that contain the true mean."""
    means, scale = truth.means, "error" if isinstance(truth, Errors) else "share"
    found = []
    for sweep in sweeps(truth, number, seed):
        low, high = mean_interval(sweep.scores, CONFIDENCE, scale, sweep.independent_rows)
        found.append((low <= means) & (means <= high))
    return float(np.mean(found))


@dataclass(frozen=True)
class Classifier:
    """A classifier with a known truth: how often each class is taken for which.

    Args:
        confusion: Probability of each pair of true class and prediction, shape
            ``(classes, classes)``.
    """

    confusion: tuple[tuple[float, ...], ...]

    def draw(self, rows: int, rng: np.random.Generator) -> dict[str, MetricEstimate]:
        """Measure it on some rows."""
        chances = np.array(self.confusion)
        cells = rng.choice(chances.size, size=rows, p=chances.ravel() / chances.sum())
        true, predicted = np.divmod(cells, len(chances))
        probabilities = 0.8 * np.eye(len(chances))[predicted] + 0.2 / len(chances)
        evaluation = EvaluationParameters(confidence=CONFIDENCE)
        return classification_metrics(true.astype(np.int32), probabilities, evaluation)

    def truth(self) -> dict[str, float]:
        """The metrics over all possible rows."""
        chances = np.array(self.confusion) / np.sum(self.confusion)
        right = np.diagonal(chances)
        f1 = 2 * right / (chances.sum(axis=0) + chances.sum(axis=1))
        return {"accuracy": float(right.sum()), "macro_f1": float(f1.mean())}


@dataclass(frozen=True)
class Regressor:
    """A regression with a known truth: a normal target, and errors of a known distribution.

    Args:
        degrees: Of the Student's t distribution of the errors; infinite for a normal one.
    """

    degrees: float = np.inf

    def draw(self, rows: int, rng: np.random.Generator) -> dict[str, MetricEstimate]:
        """Measure it on some rows."""
        true = 2 * rng.standard_normal(rows)
        errors = rng.standard_normal(rows)
        if np.isfinite(self.degrees):
            errors /= np.sqrt(rng.chisquare(self.degrees, rows) / self.degrees)
        evaluation = EvaluationParameters(confidence=CONFIDENCE)
        return regression_metrics(true, true + errors, evaluation)

    def truth(self) -> dict[str, float]:
        """The metrics over all possible rows."""
        from scipy import stats

        errors = stats.t(self.degrees) if np.isfinite(self.degrees) else stats.norm()
        variance = float(errors.var())
        mae = float(errors.expect(np.abs))
        return {"mae": mae, "rmse": float(np.sqrt(variance)), "r2": 1 - variance / 4}


def measure_metric_coverage(
    model: Classifier | Regressor, rows: int, number: int, seed: int = 0
) -> dict[str, float]:
    """Draw test sets and count, for each metric, the intervals that contain the truth."""
    truth, rng = model.truth(), np.random.default_rng(seed)
    hits = dict.fromkeys(truth, 0)
    for _ in range(number):
        measured = model.draw(rows, rng)
        for name, value in truth.items():
            estimate = measured[name]
            hits[name] += bool((estimate.ci_low or 0) <= value <= (estimate.ci_high or 1))
    return {name: each / number for name, each in hits.items()}


def least_accuracy_coverage(rows: int, accuracies: Floats) -> float:
    """The least probability, over true accuracies, that the interval of a test accuracy holds it.

    All numbers of right rows are weighed by their probability, so nothing is drawn.
    """
    from scipy import stats

    right = np.arange(rows + 1)
    found = [stats.binomtest(k, rows).proportion_ci(CONFIDENCE) for k in right.tolist()]
    low, high = np.array([(each.low, each.high) for each in found]).T
    covered = (low <= accuracies[:, None]) & (accuracies[:, None] <= high)
    return float((stats.binom.pmf(right, rows, accuracies[:, None]) * covered).sum(axis=1).min())


@dataclass(frozen=True)
class Bias:
    """Average amount by which the estimate of a chosen combination is too good.

    Args:
        screening: The score by which it was chosen, with one seed.
        finals: Its mean on fresh seeds and the same rows.
        finals_everywhere: The same, compared with its true mean on all possible rows.
        leader: The first of a leaderboard of finals, compared with its true mean on these rows.
        uncertainty: Standard error of the first two.
    """

    screening: float
    finals: float
    finals_everywhere: float
    leader: float
    uncertainty: tuple[float, float]


def measure_bias(truth: Truth | Errors, number: int, seed: int = 0) -> Bias:
    """Choose by a screening with the first seed, then evaluate on the other seeds."""
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
