"""The choice of the champion."""

from collections.abc import Mapping

import pandas as pd

from dnn_sweep.core.comparison.scores import (
    replicate_scores,
    replicates_of,
    results_of,
    trials_of,
)
from dnn_sweep.core.data.arrays import matrix_fingerprint
from dnn_sweep.core.data.preprocessing import TARGET
from dnn_sweep.core.data.schema import TargetScaling
from dnn_sweep.core.errors import SweepError
from dnn_sweep.core.objectives import objective_of
from dnn_sweep.core.plan.folds import refit_of
from dnn_sweep.core.plan.trial import Trial, TrialPlan
from dnn_sweep.core.training.results import TrialResult
from dnn_sweep.parameters import EvaluationParameters


def select_champion(
    leaderboard: pd.DataFrame,
    plan: TrialPlan,
    results: Mapping[str, TrialResult],
    validation_matrix: pd.DataFrame,
    target_scaling: TargetScaling,
    evaluation: EvaluationParameters,
    folds: pd.DataFrame | None = None,
) -> Trial:
    """Select the chosen combination's best trial on the validation rows.

    With folds it is the training on all rows outside the test split, with the seed whose networks
    of the folds were the best on average; see :func:`~dnn_sweep.core.champion.refit.train_refit`.

    Raises:
        SweepError: If every trial of the sweep diverged.

    >>> trained = finals_plan, trial_results, validation_matrix, target_scaling
    >>> select_champion(leaderboard, *trained, evaluation).combination
    'relu + adam'
    """
    trials, true = trials_of(plan), validation_matrix[TARGET].to_numpy()
    sign = objective_of(plan.trials[0].task).sign

    def score(replicate: list[TrialResult]) -> float:
        return float(sign * replicate_scores(replicate, true, 0, target_scaling, folds).mean())

    for name in _by_preference(leaderboard, evaluation):
        group = results_of(name, trials[name], results)
        finished = [
            replicate
            for replicate in replicates_of(group).values()
            if all(result.status == "completed" for result in replicate)
        ]
        if finished:
            chosen = max(finished, key=score)
            trial = chosen[0].trial
            if trial.fold is None:
                return trial
            epochs = round(sum(result.best_epoch for result in chosen) / len(chosen))
            rows = matrix_fingerprint(validation_matrix, validation_matrix)
            return refit_of(trial, epochs, rows)
    raise SweepError(
        "every trial diverged, so there is no champion; lower the learning rates "
        "(grid.optimizers) or check the scaling of the data (scaling.numeric)"
    )


def _by_preference(leaderboard: pd.DataFrame, evaluation: EvaluationParameters) -> list[str]:
    names = list(leaderboard["combination"])
    if evaluation.champion == "best":
        return names
    # What diverges now and then is often undecided, for too few seeds, and no bargain.
    tied = leaderboard[leaderboard["tied_with_best"] & (leaderboard["diverged"] == 0)]
    cheapest = tied.sort_values("seconds", kind="stable")["combination"]
    return list(dict.fromkeys([*cheapest, *names]))
