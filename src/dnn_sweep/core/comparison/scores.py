"""The score of every trial on every validation row."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.comparison.groups import score_groups
from dnn_sweep.core.comparison.looks import Looks
from dnn_sweep.core.comparison.predictions import class_probabilities, target_values
from dnn_sweep.core.data.folds import rows_by_fold
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.plan.trial import Trial, TrialPlan
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


def row_scores(
    result: TrialResult, true: NDArray[np.generic], no_skill: float, scaling: TargetScaling
) -> NDArray[np.float64]:
    """Score a trial on each validation row; a diverged one as if it always predicted ``no_skill``.

    ``true`` and ``no_skill`` are encoded targets. The score, of shape ``(rows,)``, is 1 where the
    class is right and 0 where it is wrong; for a regression, the absolute error in its own unit.
    """
    task = result.trial.task
    if result.status == "diverged":
        return no_skill_scores(true, no_skill, task, scaling)
    if task == "regression":
        predictions = target_values(result.outputs[:, 0], scaling)
        return np.abs(target_values(true, scaling) - predictions)
    predicted = class_probabilities(result.outputs, task).argmax(axis=1)
    return np.asarray(predicted == true, dtype=np.float64)


def no_skill_scores(
    true: NDArray[np.generic], no_skill: float, task: Task, scaling: TargetScaling
) -> NDArray[np.float64]:
    """Score the same prediction for every row, in the unit of :func:`row_scores`."""
    if task == "regression":
        return np.abs(true.astype(np.float64) - no_skill) * scaling.scale
    return np.asarray(true == no_skill, dtype=np.float64)


def no_skill_prediction(train_target: NDArray[np.generic], task: Task) -> float:
    """The most frequent class of the training rows, or their median target.

    >>> no_skill_prediction(np.array([0, 2, 2]), "multiclass")
    2.0
    """
    if task == "regression":
        return float(np.median(train_target.astype(np.float64)))
    return float(np.bincount(train_target.astype(np.int64)).argmax())


@dataclass(frozen=True)
class ScoredSweep:
    """The scores of a sweep; its tables are in the order of the grid.

    ``trials`` has ``combination``, ``seed``, the objective's mean over the rows (``val_accuracy``
    or ``val_mae``), ``diverged`` (how many of its networks), ``seconds``, ``val_loss`` of the kept
    epoch, ``best_epoch``, ``epochs`` and ``engine``.
    """

    # From row_scores, shape (combinations, seeds, rows or groups); NaN where a seed is lacking.
    scores: NDArray[np.float64]
    seeds: list[int]  # all of them; a combination that was dropped early has the first ones
    objective: Objective  # whose value is the mean score
    no_skill: float  # the mean score of predictions made without looking at a row
    combinations: pd.DataFrame  # one row per combination: its name and ``FACTORS``
    trials: pd.DataFrame  # one row per combination and seed, with folds of all its networks
    rows_in_groups: int | None = None  # number of rows, where the scores are those of groups

    @property
    def rows(self) -> int:
        """Number of validation rows."""
        return self.rows_in_groups or self.scores.shape[2]

    def by_group(self, groups: NDArray[np.int64] | None) -> "ScoredSweep":
        """Score groups of rows (:func:`~.groups.score_groups`); ``None`` leaves the rows."""
        if groups is None:
            return self
        scores = score_groups(self.scores, groups)
        return replace(self, scores=scores, rows_in_groups=self.scores.shape[2])

    @property
    def seed_counts(self) -> NDArray[np.int64]:
        """Number of seeds of each combination."""
        return np.asarray((~np.isnan(self.scores[:, :, 0])).sum(axis=1))

    @property
    def means(self) -> NDArray[np.float64]:
        """Mean score of each combination over its seeds and the rows."""
        pairs = zip(self.scores, self.seed_counts, strict=True)
        return np.array([own[:seeds].mean() for own, seeds in pairs])

    def looks(self, order: NDArray[np.int64]) -> Looks:
        """The looks at the scores, of combinations in an order in which the seeds get fewer."""
        return Looks(self.scores[order], self.seed_counts[order])

    def margin(self, evaluation: EvaluationParameters) -> float:
        """The margin of practical equivalence in the metric's unit.

        A regression's is given as a share of the error without skill, since a number in the
        target's unit is hard to know beforehand.
        """
        unit = 1.0 if self.objective.mode == "max" else self.no_skill
        return evaluation.equivalence_margin * unit


def score_combinations(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    train_target: NDArray[np.generic],
    validation_target: NDArray[np.generic],
    scaling: TargetScaling,
    folds: pd.DataFrame | None = None,
) -> ScoredSweep:
    """Score every trial on every validation row; targets are encoded.

    With ``folds`` (see :func:`~dnn_sweep.core.data.folds.assign_folds`) a combination has a
    network per seed and fold, and its score on a row with a seed is that of the one network that
    was not trained on the row.

    A budget drops combinations after some of the seeds, so these are the first of all seeds.

    Raises:
        SweepError: If a trial has not been trained, or a combination lacks a seed but has a later
            one.
    """
    task, by_combination = plan.trials[0].task, trials_of(plan)
    objective, no_skill = objective_of(task), no_skill_prediction(train_target, task)
    first = [trials[0] for trials in by_combination.values()]
    seeds = max((_distinct(t.seed for t in own) for own in by_combination.values()), key=len)
    scores = np.full((len(first), len(seeds), len(validation_target)), np.nan)
    rows = []
    for place, (name, trials) in enumerate(by_combination.items()):
        own_seeds = _distinct(trial.seed for trial in trials)
        if own_seeds != seeds[: len(own_seeds)]:
            raise SweepError(
                f"{name} has other seeds ({own_seeds}) than another combination ({seeds}); "
                "they are compared seed by seed"
            )
        # One combination at a time: the outputs of a long sweep do not fit in memory together.
        replicates = replicates_of(results_of(name, trials, results))
        for position, (seed, of_seed) in enumerate(replicates.items()):
            own = replicate_scores(of_seed, validation_target, no_skill, scaling, folds)
            scores[place, position] = own
            losses = [result.kept.get("val_loss", np.nan) for result in of_seed]
            rows.append(
                {
                    "combination": name,
                    "seed": seed,
                    objective.validation_metric: own.mean(),
                    "diverged": sum(result.status == "diverged" for result in of_seed),
                    "seconds": sum(result.seconds for result in of_seed),
                    "val_loss": np.mean(losses),
                    "best_epoch": np.mean([result.best_epoch for result in of_seed]),
                    "epochs": np.mean([len(result.history) for result in of_seed]),
                    "engine": ", ".join(sorted({result.engine for result in of_seed})),
                }
            )
    return ScoredSweep(
        scores=scores,
        seeds=seeds,
        objective=objective,
        no_skill=float(no_skill_scores(validation_target, no_skill, task, scaling).mean()),
        combinations=tabulate_trials(first, ("combination", *FACTORS)),
        trials=pd.DataFrame(rows),
    )


def replicates_of(results: Sequence[TrialResult]) -> dict[int, list[TrialResult]]:
    """A combination's results by seed: one for each fold, or one without folds."""
    seeds = _distinct(result.trial.seed for result in results)
    return {seed: [each for each in results if each.trial.seed == seed] for seed in seeds}


def finished_replicates(results: Sequence[TrialResult]) -> dict[int, list[TrialResult]]:
    """Those of :func:`replicates_of` of which no network diverged."""
    return {
        seed: replicate
        for seed, replicate in replicates_of(results).items()
        if all(result.status == "completed" for result in replicate)
    }


def replicate_outputs(
    results: Sequence[TrialResult], folds: pd.DataFrame | None = None
) -> NDArray[np.float32]:
    """One replicate's outputs on the validation rows, shape ``(rows, outputs)``.

    ``results`` are those of its folds, whose outputs are joined in the rows' order: each row's are
    of the network that was not trained on it.
    """
    if results[0].trial.fold is None or folds is None:
        return results[0].outputs
    validated = rows_by_fold(folds)
    outputs = np.empty((len(folds), results[0].outputs.shape[1]), np.float32)
    for result in results:
        outputs[validated[result.trial.fold or 0]] = result.outputs
    return outputs


def replicate_scores(
    results: Sequence[TrialResult],
    true: NDArray[np.generic],
    no_skill: float,
    scaling: TargetScaling,
    folds: pd.DataFrame | None = None,
) -> NDArray[np.float64]:
    """Score one replicate on each validation row, see :func:`row_scores`.

    ``results`` are those of its folds, each scored on the rows that its fold validates.
    """
    if results[0].trial.fold is None:
        return row_scores(results[0], true, no_skill, scaling)
    validated, scores = rows_by_fold(folds), np.full(len(true), np.nan)
    for result in results:
        rows = validated[result.trial.fold or 0]
        scores[rows] = row_scores(result, true[rows], no_skill, scaling)
    return scores


def _distinct(seeds: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(seeds))


def tabulate_trials(trials: Sequence[Trial], columns: Sequence[str]) -> pd.DataFrame:
    """One row per trial; each column is an attribute, ``trial_id`` its id."""
    names = {"trial_id": "id"}
    return pd.DataFrame({c: [getattr(t, names.get(c, c)) for t in trials] for c in columns})


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
