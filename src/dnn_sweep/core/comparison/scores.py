"""The score of every trial on every validation row."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.comparison.looks import Looks
from dnn_sweep.core.data.folds import count_folds, rows_by_fold
from dnn_sweep.core.data.predictions import build_scorer, decode_outputs, target_values
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.scorer import Predictions, Scorer, predict_without_skill
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import EvaluationParameters, Task

# What makes a combination, and its learning rate: attributes of a trial, columns of tables.
FACTORS = (
    "activation",
    "optimizer",
    "learning_rate",
    "batch_size",
    "dropout",
    "kernel_initializer",
)


@dataclass(frozen=True, eq=False)
class TrialScorer:
    """Scores trained trials on the validation rows; a diverged one as a constant prediction.

    Args:
        scorer: Of predictions of the validation rows.
        constant: What is predicted of each without skill, see
            :func:`~dnn_sweep.core.scorer.predict_without_skill`.
        task: The task.
        scaling: Of the target.
        folds: The fold of each row, see :func:`~dnn_sweep.core.data.folds.assign_folds`.
    """

    scorer: Scorer
    constant: Predictions
    task: Task
    scaling: TargetScaling
    folds: pd.DataFrame | None = None

    @classmethod
    def of(
        cls,
        objective: Objective | None,
        trial: Trial,
        train_target: NDArray[np.generic],
        true: NDArray[np.generic],
        scaling: TargetScaling,
        folds: pd.DataFrame | None = None,
        groups: NDArray[np.int64] | None = None,
        *,
        apart: bool = False,
    ) -> "TrialScorer":
        """Build it from encoded targets and any trial; see :func:`score_combinations`.

        ``apart`` is whether the rows of a fold are scored by a seed of their own.
        """
        given = objective, trial.task, trial.network.outputs, true, scaling
        parts = folds.iloc[:, 0].to_numpy() if apart and folds is not None else None
        scorer = build_scorer(*given, groups, parts)
        if trial.task == "regression":
            train_target = target_values(train_target, scaling)
        constant = predict_without_skill(train_target, len(true), scorer.classes)
        return cls(scorer, constant, trial.task, scaling, folds)

    def predictions(self, replicate: Sequence[TrialResult]) -> Predictions:
        """What one replicate predicts: one trial, or those of its folds, each for its own rows."""
        values, probabilities = self.constant.values.copy(), self.constant.probabilities
        probabilities = None if probabilities is None else probabilities.copy()
        validated = rows_by_fold(self.folds)
        for result in replicate:
            if result.status == "diverged":
                continue
            fold = result.trial.fold
            rows = slice(None) if fold is None else validated[fold]
            own = decode_outputs(result.outputs, self.task, self.scaling)
            values[rows] = own.values
            if probabilities is not None and own.probabilities is not None:
                probabilities[rows] = own.probabilities
        return Predictions(values, probabilities)

    def scored_by(self, result: TrialResult) -> NDArray[np.bool_]:
        """Which of the row scores are of a trial that has a fold and a seed of its own."""
        parts = self.scorer.part_of_scores()
        if self.folds is None or result.trial.fold is None:
            return np.ones(len(parts), dtype=bool)
        repeat, fold = divmod(result.trial.fold, count_folds(self.folds))
        if not repeat:
            return np.asarray(parts == fold)
        column = self.folds.iloc[:, repeat].to_numpy()
        units = np.arange(len(column)) if self.scorer.groups is None else self.scorer.groups
        return np.asarray(np.isin(np.arange(len(parts)), units[column == result.trial.fold]))

    def row_scores(self, replicate: Sequence[TrialResult]) -> NDArray[np.float64]:
        """Score one replicate, see :meth:`~dnn_sweep.core.scorer.Scorer.row_scores`."""
        return self.scorer.row_scores(self.predictions(replicate))

    def value(self, replicate: Sequence[TrialResult]) -> float:
        """The objective's value for one replicate."""
        return self.scorer.value(self.predictions(replicate))


@dataclass(frozen=True)
class ScoredSweep:
    """The scores of a sweep; its tables are in the order of the grid.

    ``trials`` has ``combination``, ``seed``, the objective on the rows (such as ``val_accuracy``),
    ``diverged`` (how many of its networks), ``seconds``, ``val_loss`` of the kept epoch,
    ``best_epoch``, ``epochs`` and ``engine``; where the objective is not measured in every epoch,
    also the metric that is, in the kept one.
    """

    # Shape (combinations, seeds, rows), or in place of rows groups; NaN where a seed is lacking,
    # and for rows that a seed does not score, because another one trains in their fold.
    scores: NDArray[np.float64]
    seeds: list[int]  # all of them; a combination that was dropped early has the first ones
    objective: Objective  # whose value is the mean score
    no_skill: float  # the mean score of predictions made without looking at a row
    # One row per combination: its name, ``FACTORS``, and what else a search has varied.
    combinations: pd.DataFrame
    trials: pd.DataFrame  # one row per combination and seed, with folds of all its networks
    rows: int = 0  # of the validation set; 0 for as many as the scores have
    independent_rows: float | None = None  # that a share is at most worth; ``None`` for all
    groups: int | None = None  # number of groups of rows that belong together, if there are any

    @property
    def validation_rows(self) -> int:
        """Number of validation rows."""
        return self.rows or self.scores.shape[2]

    @property
    def seed_counts(self) -> NDArray[np.int64]:
        """Number of seeds of each combination."""
        return np.asarray((~np.isnan(self.scores)).any(axis=2).sum(axis=1))

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean score of each combination over its seeds and the rows."""
        return np.array([np.nanmean(own) for own in self.scores])

    def looks(self, order: NDArray[np.int64]) -> Looks:
        """The looks at the scores, of combinations in an order in which the seeds get fewer."""
        return Looks(self.scores[order], self.seed_counts[order])

    def margin(self, evaluation: EvaluationParameters) -> float:
        """The margin of practical equivalence in the metric's unit.

        A regression's is given as a share of the error without skill, since a number in the
        target's unit is hard to know beforehand.
        """
        unit = self.no_skill if self.objective.scale == "error" else 1.0
        return evaluation.equivalence_margin * unit


def score_combinations(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    train_target: NDArray[np.generic],
    validation_target: NDArray[np.generic],
    scaling: TargetScaling,
    folds: pd.DataFrame | None = None,
    objective: Objective | None = None,
    groups: NDArray[np.int64] | None = None,
) -> ScoredSweep:
    """Score every trial on every validation row; targets are encoded.

    With ``folds`` (see :func:`~dnn_sweep.core.data.folds.assign_folds`) a combination has a
    network per seed and fold, and its score on a row with a seed is that of the one network that
    was not trained on the row. Where each seed has a fold of its own, that is a score for the rows
    of this fold alone. Without an ``objective``, that of the task counts. With ``groups``,
    the number of each row's group, the scores are those of groups.

    A budget drops combinations after some of the seeds, so these are the first of all seeds.

    Raises:
        SweepError: If a trial has not been trained, or a combination lacks a seed but has a later
            one.
    """
    task, by_combination = plan.trials[0].task, trials_of(plan)
    targets = train_target, validation_target, scaling
    apart = has_own_folds(plan.trials)
    judge = TrialScorer.of(objective, plan.trials[0], *targets, folds, groups, apart=apart)
    objective, measured = judge.scorer.objective, objective_of(task).validation_metric
    first = [trials[0] for trials in by_combination.values()]
    seeds = max((_distinct(t.seed for t in own) for own in by_combination.values()), key=len)
    scores: list[list[NDArray[np.float64]]] = [[] for _ in first]
    rows = []
    for place, (name, trials) in enumerate(by_combination.items()):
        own_seeds = _distinct(trial.seed for trial in trials)
        if own_seeds != seeds[: len(own_seeds)]:
            raise SweepError(
                f"{name} has other seeds ({own_seeds}) than another combination ({seeds}); "
                "they are compared seed by seed"
            )
        # One combination at a time: the outputs of a long sweep do not fit in memory together.
        for seed, of_seed, scored in _scores_by_seed(results_of(name, trials, results), judge):
            scores[place].append(scored)
            kept = {
                n: [each.kept.get(n, np.nan) for each in of_seed] for n in ("val_loss", measured)
            }
            rows.append(
                {
                    "combination": name,
                    "seed": seed,
                    measured: np.mean(kept[measured]),
                    objective.validation_metric: np.nanmean(scored),
                    "diverged": sum(result.status == "diverged" for result in of_seed),
                    "seconds": sum(result.seconds for result in of_seed),
                    "val_loss": np.mean(kept["val_loss"]),
                    "best_epoch": np.mean([result.best_epoch for result in of_seed]),
                    "epochs": np.mean([len(result.history) for result in of_seed]),
                    "engine": ", ".join(sorted({result.engine for result in of_seed})),
                }
            )
    lacking = np.full_like(scores[0][0], np.nan)
    return ScoredSweep(
        scores=np.array([own + [lacking] * (len(seeds) - len(own)) for own in scores]),
        seeds=seeds,
        objective=objective,
        no_skill=judge.scorer.value(judge.constant),
        combinations=_tabulate_combinations(first),
        trials=pd.DataFrame(rows),
        rows=len(validation_target),
        independent_rows=judge.scorer.independent_rows,
        groups=None if groups is None else len(np.unique(groups)),
    )


def _scores_by_seed(
    results: Sequence[TrialResult], judge: TrialScorer
) -> Iterator[tuple[int, list[TrialResult], NDArray[np.float64]]]:
    """A combination's results by seed with their scores; NaN for rows of other seeds' folds."""
    for replicate in replicates_of(results, judge.folds):
        scored, by_seed = judge.row_scores(replicate), results_by_seed(replicate)
        for seed, of_seed in by_seed.items():
            own = np.where(judge.scored_by(of_seed[0]), scored, np.nan)
            yield seed, of_seed, scored if len(by_seed) == 1 else own


def has_own_folds(trials: Sequence[Trial]) -> bool:
    """Whether each seed trains in a fold of its own, and not in all of them."""
    own = [trial for trial in trials if trial.combination == trials[0].combination]
    return own[0].fold is not None and len({trial.seed for trial in own}) == len(own)


def results_by_seed(results: Sequence[TrialResult]) -> dict[int, list[TrialResult]]:
    """A combination's results by seed: one for each fold, or one without folds."""
    seeds = _distinct(result.trial.seed for result in results)
    return {seed: [each for each in results if each.trial.seed == seed] for seed in seeds}


def finished_by_seed(results: Sequence[TrialResult]) -> dict[int, list[TrialResult]]:
    """Those of :func:`results_by_seed` of which no network diverged."""
    return {
        seed: replicate
        for seed, replicate in results_by_seed(results).items()
        if all(result.status == "completed" for result in replicate)
    }


def replicates_of(
    results: Sequence[TrialResult], folds: pd.DataFrame | None = None
) -> list[list[TrialResult]]:
    """Group a combination's results so that each group scores every row once.

    A group has one seed; or, where each fold has a seed of its own, those of one repeat.
    """
    if not has_own_folds([result.trial for result in results]):
        return list(results_by_seed(results).values())
    number = count_folds(folds)
    repeats = _distinct((result.trial.fold or 0) // number for result in results)
    return [[r for r in results if (r.trial.fold or 0) // number == each] for each in repeats]


def replicate_outputs(
    results: Sequence[TrialResult], folds: pd.DataFrame | None = None
) -> NDArray[np.float32]:
    """One replicate's outputs on the validation rows, shape ``(rows, outputs)``.

    ``results`` are those of its folds, whose outputs are joined in the rows' order: each row's are
    of the network that was not trained on it. NaN where that has diverged.
    """
    if results[0].trial.fold is None or folds is None:
        return results[0].outputs
    validated = rows_by_fold(folds)
    outputs = np.full((len(folds), results[0].outputs.shape[1]), np.nan, np.float32)
    for result in results:
        if result.status == "completed":
            outputs[validated[result.trial.fold or 0]] = result.outputs
    return outputs


def _distinct(seeds: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(seeds))


def tabulate_trials(trials: Sequence[Trial], columns: Sequence[str]) -> pd.DataFrame:
    """One row per trial; each column is an attribute, ``trial_id`` its id."""
    names = {"trial_id": "id"}
    return pd.DataFrame({c: [getattr(t, names.get(c, c)) for t in trials] for c in columns})


def _tabulate_combinations(trials: Sequence[Trial]) -> pd.DataFrame:
    """One row per combination: its name, ``FACTORS`` and what else a search has varied."""
    names = dict.fromkeys(name for trial in trials for name in trial.factors)
    others = {
        name: pd.Series([trial.factors.get(name) for trial in trials]).convert_dtypes()
        for name in names
        if name not in FACTORS
    }
    return tabulate_trials(trials, ("combination", *FACTORS)).assign(**others)


def trials_of(plan: TrialPlan) -> dict[str, list[Trial]]:
    """Each combination's trials, in the order of the grid."""
    return {n: [t for t in plan.trials if t.combination == n] for n in plan.combinations}


def results_of(
    combination: str, trials: list[Trial], results: Mapping[str, TrialResult]
) -> list[TrialResult]:
    """A combination's results in the order of its trials; SweepError if one is not trained."""
    missing = sum(trial.id not in results for trial in trials)
    if missing:
        raise SweepError(
            f"{missing} planned trials of {combination} have not been trained; "
            "run the training pipeline first"
        )
    # Another sweep may have trained the same trial under other names; this plan's names count.
    return [results[trial.id].of(trial) for trial in trials]
