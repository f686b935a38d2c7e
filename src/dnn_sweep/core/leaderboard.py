"""Rank combinations on the validation rows."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.outputs import class_probabilities, target_values
from dnn_sweep.core.results import TrialResult
from dnn_sweep.core.statistics import bootstrap_means, interval
from dnn_sweep.core.tables import TargetScaling
from dnn_sweep.core.trials import Trial, TrialPlan
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
    if task == "regression":
        truth = true.astype(np.float64) * scaling.scale + scaling.mean
        if result.status == "diverged":
            return np.abs(truth - (no_skill * scaling.scale + scaling.mean))
        return np.abs(truth - target_values(result.outputs, scaling))
    if result.status == "diverged":
        return np.asarray(true == no_skill, dtype=np.float64)
    predicted = class_probabilities(result.outputs, task).argmax(axis=1)
    return np.asarray(predicted == true, dtype=np.float64)


def no_skill_prediction(train_target: NDArray[np.generic], task: Task) -> float:
    """The most frequent class, or the median target, of the training rows."""
    if task == "regression":
        return float(np.median(train_target.astype(np.float64)))
    return float(np.bincount(train_target.astype(np.int64)).argmax())


def rank_combinations(
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    train_target: NDArray[np.generic],
    validation_target: NDArray[np.generic],
    scaling: TargetScaling,
    evaluation: EvaluationParameters,
) -> pd.DataFrame:
    """Build the leaderboard.

    Args:
        plan: The sweep's trials.
        results: Their results by id.
        train_target: Encoded targets of the training rows.
        validation_target: Encoded targets of the validation rows.
        scaling: The target's unit.
        evaluation: Confidence and resamples of the intervals.

    Returns:
        One row a combination, best first. ``tied_with_best`` says that the interval of the
        paired difference to the first row includes zero.
    """
    task = plan.trials[0].task
    objective = objective_of(task)
    no_skill = no_skill_prediction(train_target, task)
    # A combination's results are let go once they are scored: a long sweep's do not fit together.
    scored, described = [], []
    for name, trials in _trials_of(plan).items():
        group = _results_of(name, trials, results)
        scored.append([row_scores(each, validation_target, no_skill, scaling) for each in group])
        described.append((_describe(name, group), _summarise(group)))
    scores = np.array(scored)
    means = scores.mean(axis=(1, 2))
    resampled = bootstrap_means(scores, evaluation)
    low, high = interval(resampled, evaluation.confidence)
    metric = objective.validation_metric
    table = pd.DataFrame(
        [
            description
            | {
                f"{metric}_mean": means[position],
                f"{metric}_ci_low": low[position],
                f"{metric}_ci_high": high[position],
            }
            | summary
            for position, (description, summary) in enumerate(described)
        ]
    )
    order = table.assign(better=-objective.sign * means).sort_values(
        ["better", "val_loss_mean", "combination"]
    )
    best = order.index[0]
    worse_by = objective.sign * (resampled[:, [best]] - resampled)
    smallest, _ = interval(worse_by, evaluation.confidence)
    table.insert(len(table.columns), "tied_with_best", smallest <= 0)
    ranked = table.loc[order.index].reset_index(drop=True)
    ranked.insert(0, "rank", np.arange(1, len(ranked) + 1))
    return ranked


def collect_histories(plan: TrialPlan, results: Mapping[str, TrialResult]) -> pd.DataFrame:
    """One row a trial and epoch, with what identifies the trial."""
    histories, identities = [], []
    for trial in plan.trials:
        result = results[trial.id]
        histories.append(result.history)
        identities.append(
            {
                "trial_id": trial.id,
                "combination": trial.combination,
                **_factors(trial),
                "seed": trial.seed,
                "status": result.status,
                "engine": result.engine,
            }
        )
    lengths = [len(history) for history in histories]
    repeated = pd.DataFrame(identities).loc[np.repeat(np.arange(len(lengths)), lengths)]
    joined = pd.concat(histories, ignore_index=True)
    joined = joined.rename(columns={"learning_rate": "epoch_learning_rate"})
    return pd.concat([repeated.reset_index(drop=True), joined], axis=1)


def select_champion(
    leaderboard: pd.DataFrame,
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    validation_target: NDArray[np.generic],
    scaling: TargetScaling,
) -> Trial:
    """The best combination's best trial on the validation rows.

    Raises:
        SweepError: If every trial of the sweep diverged.
    """
    trials = _trials_of(plan)
    for name in leaderboard["combination"]:
        group = _results_of(name, trials[name], results)
        finished = [result for result in group if result.status == "completed"]
        if finished:
            sign = objective_of(finished[0].trial.task).sign
            return max(
                finished,
                key=lambda r: sign * row_scores(r, validation_target, 0, scaling).mean(),
            ).trial
    raise SweepError(
        "every trial diverged, so there is no champion; lower the learning rates "
        "(grid.optimizers) or check the scaling of the data (scaling.numeric)"
    )


def _trials_of(plan: TrialPlan) -> dict[str, list[Trial]]:
    """Each combination's trials, in the order of the grid."""
    trials: dict[str, list[Trial]] = {}
    for trial in plan.trials:
        trials.setdefault(trial.combination, []).append(trial)
    return trials


def _results_of(
    combination: str, trials: list[Trial], results: Mapping[str, TrialResult]
) -> list[TrialResult]:
    missing = [trial for trial in trials if trial.id not in results]
    if missing:
        raise SweepError(
            f"{len(missing)} planned trials of {combination} have not been trained; "
            "run the training pipeline first"
        )
    # Another sweep may have trained the same trial under other names; the plan's count.
    return [results[trial.id].of(trial) for trial in trials]


def _factors(trial: Trial) -> dict[str, Any]:
    return {
        "activation": trial.activation,
        "optimizer": trial.optimizer,
        "learning_rate": trial.learning_rate,
        "batch_size": trial.batch_size,
        "dropout": trial.dropout,
        "kernel_initializer": trial.kernel_initializer,
    }


def _describe(name: str, group: list[TrialResult]) -> dict[str, Any]:
    return {"combination": name, **_factors(group[0].trial)}


def _summarise(group: list[TrialResult]) -> dict[str, Any]:
    kept_losses = [
        result.history.loc[result.history["epoch"] == result.best_epoch, "val_loss"].mean()
        for result in group
    ]
    return {
        "val_loss_mean": np.mean(kept_losses),
        "seeds": len(group),
        "diverged": sum(result.status == "diverged" for result in group),
        "best_epoch": np.mean([result.best_epoch for result in group]),
        "epochs": np.mean([len(result.history) for result in group]),
        "seconds": np.mean([result.seconds for result in group]),
        "engine": ", ".join(sorted({result.engine for result in group})),
    }
