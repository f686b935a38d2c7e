"""What every trial of a sweep achieved, validation row by validation row."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.comparison.predictions import class_probabilities, target_values
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import Objective, objective_of
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import EvaluationParameters, Task


def row_scores(
    result: TrialResult,
    true: NDArray[np.generic],
    no_skill: float,
    scaling: TargetScaling,
) -> NDArray[np.float64]:
    """Score a trial on each validation row.

    A diverged trial stays in the comparison: it is scored as if it always predicted
    ``no_skill``, since that is what is left of it.

    Args:
        result: The trial.
        true: Encoded targets of the validation rows.
        no_skill: The encoded target that is predicted without looking at a row.
        scaling: The target's unit.

    Returns:
        Shape ``(rows,)``: 1 where the class is right and 0 where it is wrong; for a regression
        the absolute error in the target's unit.
    """
    task = result.trial.task
    if result.status == "diverged":
        return no_skill_scores(true, no_skill, task, scaling)
    if task == "regression":
        truth = true.astype(np.float64) * scaling.scale + scaling.mean
        return np.abs(truth - target_values(result.outputs, scaling))
    predicted = class_probabilities(result.outputs, task).argmax(axis=1)
    return np.asarray(predicted == true, dtype=np.float64)


def no_skill_scores(
    true: NDArray[np.generic], no_skill: float, task: Task, scaling: TargetScaling
) -> NDArray[np.float64]:
    """Score the same prediction for every row; as :func:`row_scores`."""
    if task == "regression":
        return np.abs(true.astype(np.float64) - no_skill) * scaling.scale
    return np.asarray(true == no_skill, dtype=np.float64)


def no_skill_prediction(train_target: NDArray[np.generic], task: Task) -> float:
    """The most frequent class, or the median target, of the training rows."""
    if task == "regression":
        return float(np.median(train_target.astype(np.float64)))
    return float(np.bincount(train_target.astype(np.int64)).argmax())


@dataclass(frozen=True)
class ScoredSweep:
    """What every combination achieved on the validation rows.

    Args:
        names: The combinations, in the order of the grid.
        scores: One a combination, seed and row, shape ``(combinations, seeds, rows)``; see
            :func:`row_scores`.
        seeds: The seeds.
        objective: What the scores' mean is called, and which way is better.
        no_skill: The mean score of a prediction made without looking at the row.
        described: Each combination's factors.
        summarised: Each combination's loss, epochs, seconds and so on.
        seconds: Of each trial, shape ``(combinations, seeds)``.
        diverged: Whether it diverged, of the same shape.
    """

    names: list[str]
    scores: NDArray[np.float64]
    seeds: list[int]
    objective: Objective
    no_skill: float
    described: list[dict[str, Any]]
    summarised: list[dict[str, Any]]
    seconds: NDArray[np.float64]
    diverged: NDArray[np.bool_]

    def margin(self, evaluation: EvaluationParameters) -> float:
        """The margin of practical equivalence in the metric's unit.

        For a regression it is given as a share of the error that is made without looking at the
        row, since nobody knows a good number of the target's unit beforehand.
        """
        unit = 1.0 if self.objective.mode == "max" else self.no_skill
        return evaluation.equivalence_margin * unit

    def tabulate_seeds(self) -> pd.DataFrame:
        """One row a combination and seed: its score, seconds, and whether it diverged."""
        return pd.DataFrame(
            {
                "combination": np.repeat(self.names, len(self.seeds)),
                "seed": np.tile(self.seeds, len(self.names)),
                self.objective.validation_metric: self.scores.mean(axis=2).ravel(),
                "diverged": self.diverged.ravel(),
                "seconds": self.seconds.ravel(),
            }
        )


def score_combinations(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    train_target: NDArray[np.generic],
    validation_target: NDArray[np.generic],
    scaling: TargetScaling,
) -> ScoredSweep:
    """Score every trial on every validation row.

    Args:
        plan: The sweep's trials, each combination with the same seeds.
        results: Their results by id.
        train_target: Encoded targets of the training rows.
        validation_target: Encoded targets of the validation rows.
        scaling: The target's unit.

    Returns:
        The scores, and what describes the combinations.

    Raises:
        SweepError: If a planned trial has not been trained, or seeds differ between combinations.
    """
    task = plan.trials[0].task
    by_combination = trials_of(plan)
    seeds = [trial.seed for trial in next(iter(by_combination.values()))]
    no_skill = no_skill_prediction(train_target, task)
    # A combination's results are let go once they are scored: a long sweep's do not fit together.
    scored, described, summarised, seconds, diverged = [], [], [], [], []
    for name, trials in by_combination.items():
        if [trial.seed for trial in trials] != seeds:
            raise SweepError(
                f"{name} has other seeds ({[trial.seed for trial in trials]}) than the first "
                f"combination ({seeds}); they are compared seed by seed"
            )
        group = results_of(name, trials, results)
        scored.append([row_scores(each, validation_target, no_skill, scaling) for each in group])
        described.append(_describe(name, group))
        summarised.append(_summarise(group))
        seconds.append([result.seconds for result in group])
        diverged.append([result.status == "diverged" for result in group])
    return ScoredSweep(
        names=list(by_combination),
        scores=np.array(scored),
        seeds=seeds,
        objective=objective_of(task),
        no_skill=float(no_skill_scores(validation_target, no_skill, task, scaling).mean()),
        described=described,
        summarised=summarised,
        seconds=np.array(seconds),
        diverged=np.array(diverged),
    )


def trials_of(plan: TrialPlan) -> dict[str, list[Trial]]:
    """Each combination's trials, in the order of the grid."""
    trials: dict[str, list[Trial]] = {}
    for trial in plan.trials:
        trials.setdefault(trial.combination, []).append(trial)
    return trials


def results_of(
    combination: str, trials: list[Trial], results: Mapping[str, TrialResult]
) -> list[TrialResult]:
    """A combination's results, in the order of its trials.

    Raises:
        SweepError: If one of the trials has not been trained.
    """
    missing = [trial for trial in trials if trial.id not in results]
    if missing:
        raise SweepError(
            f"{len(missing)} planned trials of {combination} have not been trained; "
            "run the training pipeline first"
        )
    # Another sweep may have trained the same trial under other names; the plan's count.
    return [results[trial.id].of(trial) for trial in trials]


def factors_of(trial: Trial) -> dict[str, Any]:
    """What makes its combination, and the learning rate."""
    return {
        "activation": trial.activation,
        "optimizer": trial.optimizer,
        "learning_rate": trial.learning_rate,
        "batch_size": trial.batch_size,
        "dropout": trial.dropout,
        "kernel_initializer": trial.kernel_initializer,
    }


def _describe(name: str, group: list[TrialResult]) -> dict[str, Any]:
    return {"combination": name, **factors_of(group[0].trial)}


def _summarise(group: list[TrialResult]) -> dict[str, Any]:
    kept_losses = [result.kept.get("val_loss", np.nan) for result in group]
    return {
        "val_loss_mean": np.mean(kept_losses),
        "seeds": len(group),
        "diverged": sum(result.status == "diverged" for result in group),
        "best_epoch": np.mean([result.best_epoch for result in group]),
        "epochs": np.mean([len(result.history) for result in group]),
        "seconds": np.mean([result.seconds for result in group]),
        "engine": ", ".join(sorted({result.engine for result in group})),
    }
